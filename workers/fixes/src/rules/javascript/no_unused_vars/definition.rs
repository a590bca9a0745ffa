//! What the declaration of a name is: a variable, a parameter, a function, an import, and so on.

use std::ops::Range;

use tree_sitter::Node;

use super::super::ancestry::Ancestry;
use super::super::syntax::named_children;

/// One declaration of a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Definition<'t> {
    /// The declaring identifier.
    pub(super) name: Node<'t>,
    pub(super) kind: Kind,
    /// What declares it: a declarator, a function (of a parameter, too), a class, an import specifier.
    pub(super) node: Node<'t>,
    /// Whether the name is part of a pattern with a default value.
    pub(super) has_default: bool,
}

/// The kinds of declarations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `var`, `let`, `const`, `using`; also in the head of a loop.
    Variable,
    Parameter,
    Catch,
    Function,
    Class,
    Import,
    /// An interface, a type, an enum, a namespace.
    Type,
    TypeParameter,
}

/// Nodes between a name and what declares or assigns it.
const PATTERNS: &[&str] = &[
    "array_pattern",
    "object_pattern",
    "pair_pattern",
    "rest_pattern",
    "assignment_pattern",
    "object_assignment_pattern",
];

impl<'t> Definition<'t> {
    /// The declaration by the identifier `name`; `None` where nobody is asked to use the name: those of function
    /// and class expressions, enum members, parameters of types.
    pub(super) fn of(ancestry: Ancestry<'_, 't>, name: Node<'t>) -> Option<Self> {
        let mut has_default = false;
        let mut child = name;
        for node in ancestry.ancestors(name) {
            match node.kind() {
                kind if PATTERNS.contains(&kind) => {
                    has_default |= matches!(kind, "assignment_pattern" | "object_assignment_pattern");
                }
                "required_parameter" | "optional_parameter" => {
                    if is_property(node) {
                        return None;
                    }
                    has_default |= node.child_by_field_name("value").is_some();
                }
                "formal_parameters" => {
                    let node = ancestry.parent(node).filter(|node| has_body(*node))?;
                    return Some(Self { name, kind: Kind::Parameter, node, has_default });
                }
                _ => {
                    let kind = Kind::of(node, child)?;
                    return Some(Self { name, kind, node, has_default });
                }
            }
            child = node;
        }
        None
    }

    /// Whether the declaration gives the name a value.
    pub(super) fn is_written(&self) -> bool {
        let is_initialised = self.kind == Kind::Variable
            && (self.node.kind() == "for_in_statement" || self.node.child_by_field_name("value").is_some());
        self.has_default || is_initialised
    }

    /// The bytes in which a use of the name is no use: its own function.
    pub(super) fn own_range(&self) -> Option<Range<usize>> {
        match self.kind {
            Kind::Function => Some(self.node.byte_range()),
            Kind::Variable => {
                let init = super::super::syntax::without_parens(self.node.child_by_field_name("value")?);
                is_function_expression(init).then(|| init.byte_range())
            }
            _ => None,
        }
    }

    /// The statement that declares it.
    pub(super) fn declaration(&self, ancestry: Ancestry<'_, 't>) -> Option<Node<'t>> {
        match self.kind {
            Kind::Variable if self.node.kind() != "for_in_statement" => ancestry.parent(self.node),
            _ => Some(self.node),
        }
    }

    /// Whether it is exported where it is declared.
    pub(super) fn is_exported(&self, ancestry: Ancestry<'_, 't>) -> bool {
        let is_exportable = !matches!(self.kind, Kind::Parameter | Kind::Catch | Kind::TypeParameter);
        let declaration = self.declaration(ancestry).filter(|_| is_exportable);
        let mut around = declaration.into_iter().flat_map(|node| ancestry.ancestors(node));
        let owner =
            around.find(|node| !matches!(node.kind(), "ambient_declaration" | "expression_statement"));
        owner.is_some_and(|owner| owner.kind() == "export_statement")
    }

    /// Whether it stands in a `declare global`, `declare module` or `declare namespace`, which exports all.
    pub(super) fn is_in_ambient_module(&self, ancestry: Ancestry<'_, 't>) -> bool {
        let mut is_in_block = false;
        ancestry.ancestors(self.name).any(|node| {
            is_in_block |= node.kind() == "statement_block";
            is_in_block && node.kind() == "ambient_declaration"
        })
    }

    /// Whether it is declared by `using` or `await using`.
    pub(super) fn is_using(&self, ancestry: Ancestry<'_, 't>) -> bool {
        let is_using = |node: Node<'t>| {
            node.kind() == "using_declaration"
                || node.child_by_field_name("kind").is_some_and(|keyword| keyword.kind() == "using")
        };
        self.kind == Kind::Variable && self.declaration(ancestry).is_some_and(is_using)
    }

    /// Whether it is the parameter of a setter.
    pub(super) fn is_setter_parameter(&self) -> bool {
        let name = self.node.child_by_field_name("name");
        let mut cursor = self.node.walk();
        self.node.kind() == "method_definition"
            && self
                .node
                .children(&mut cursor)
                .take_while(|child| Some(*child) != name)
                .any(|child| child.kind() == "set")
    }

    /// Whether it is a class with a `static { … }`.
    pub(super) fn has_static_block(&self) -> bool {
        self.kind == Kind::Class
            && self
                .node
                .child_by_field_name("body")
                .is_some_and(|body| named_children(body).any(|member| member.kind() == "class_static_block"))
    }
}

impl Kind {
    /// The kind of a declaration by `node`, which holds the name as or in its `child`.
    fn of(node: Node<'_>, child: Node<'_>) -> Option<Self> {
        let is_field = |field| node.child_by_field_name(field) == Some(child);
        let (kind, is_declared) = match node.kind() {
            "variable_declarator" => (Self::Variable, is_field("name")),
            "for_in_statement" => (Self::Variable, is_field("left")),
            "catch_clause" => (Self::Catch, is_field("parameter")),
            "arrow_function" => (Self::Parameter, is_field("parameter")),
            "function_declaration" | "generator_function_declaration" | "function_signature" => {
                (Self::Function, is_field("name"))
            }
            "class_declaration" | "abstract_class_declaration" => (Self::Class, is_field("name")),
            "import_specifier"
            | "import_clause"
            | "namespace_import"
            | "import_require_clause"
            | "import_alias" => (Self::Import, true),
            "interface_declaration"
            | "type_alias_declaration"
            | "enum_declaration"
            | "internal_module"
            | "module" => (Self::Type, is_field("name")),
            "type_parameter" | "infer_type" => (Self::TypeParameter, true),
            _ => return None,
        };
        is_declared.then_some(kind)
    }
}

/// Whether a parameter declares a property, too: `constructor(private a) {}`.
fn is_property(parameter: Node<'_>) -> bool {
    let mut cursor = parameter.walk();
    parameter
        .children(&mut cursor)
        .any(|child| matches!(child.kind(), "accessibility_modifier" | "readonly" | "override_modifier"))
}

/// Whether a function is more than a signature.
fn has_body(function: Node<'_>) -> bool {
    is_function(function) && function.child_by_field_name("body").is_some()
}

/// Whether `node` is a function of any form.
pub(super) fn is_function(node: Node<'_>) -> bool {
    is_function_expression(node)
        || matches!(
            node.kind(),
            "function_declaration" | "generator_function_declaration" | "method_definition"
        )
}

fn is_function_expression(node: Node<'_>) -> bool {
    matches!(node.kind(), "function_expression" | "generator_function" | "arrow_function")
}
