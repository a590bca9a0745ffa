//! How an unused name is taken out of its declaration: with the pattern, the declarator or the statement that it
//! leaves empty. The text that goes is the text that ESLint's suggestion takes out, white space included.

use std::ops::Range;

use tree_sitter::Node;

use super::super::ancestry::Ancestry;
use super::super::declaration::Declaration;
use super::super::syntax::named_children;

use super::usage::{Candidate, is_loop};
use crate::rule::Edit;
use crate::source::ParsedFile;

/// The edit that removes the first declaration of `candidate`; `None` where it cannot go by itself.
pub(super) fn removal<'t>(
    file: &ParsedFile<'t>,
    ancestry: Ancestry<'_, 't>,
    candidate: &Candidate<'t>,
) -> Option<Edit> {
    let name = candidate.definitions.first()?.name;
    let leaves_writes = candidate.uses.iter().any(|used| used.is_write && used.start != name.start_byte());
    if leaves_writes {
        return None;
    }
    let pruner = Pruner { file, ancestry };
    match pruner.around(name)? {
        Around::Function(function) if pruner.is_bare_parameter(function, name) => {
            Some(Edit::replace(name.byte_range(), "()"))
        }
        Around::Declarator(declarator) => pruner.declarator_edit(declarator),
        around => pruner.name_range(name, &around).map(Edit::delete),
    }
}

/// Whether the name is a parameter by itself, without a default value.
pub(super) fn is_parameter<'t>(ancestry: Ancestry<'_, 't>, name: Node<'t>) -> bool {
    matches!(around(ancestry, name), Some(Around::Function(_)))
}

/// What holds a name or pattern, as ESLint's syntax trees have it.
#[derive(Clone, Copy, Debug)]
enum Around<'t> {
    Declarator(Node<'t>),
    /// The head of a `for…in` or `for…of`.
    LoopHead,
    /// A property of an object pattern, in the long or the short form.
    Property(Node<'t>),
    /// The object pattern of a rest element.
    Object(Node<'t>),
    Array(Node<'t>),
    Rest(Node<'t>),
    /// What has a default value.
    Default(Node<'t>),
    /// A parameter, or the name, of a function; the name of a class.
    Function(Node<'t>),
    /// The function or class that it names.
    Named(Node<'t>),
    ImportClause(Node<'t>),
    ImportSpecifier(Node<'t>),
    NamespaceImport(Node<'t>),
    Catch,
    Other,
}

fn around<'t>(ancestry: Ancestry<'_, 't>, node: Node<'t>) -> Option<Around<'t>> {
    let parent = ancestry.parent(node)?;
    Some(match parent.kind() {
        "variable_declarator" => Around::Declarator(parent),
        "for_in_statement" => Around::LoopHead,
        "pair_pattern" => Around::Property(parent),
        "object_pattern" if node.kind() == "rest_pattern" => Around::Object(parent),
        "object_pattern" => Around::Property(node),
        "array_pattern" => Around::Array(parent),
        "rest_pattern" => Around::Rest(parent),
        "assignment_pattern" | "object_assignment_pattern" => Around::Default(parent),
        "required_parameter" | "optional_parameter" => match parent.child_by_field_name("value") {
            Some(_) => Around::Default(parent),
            None => around(ancestry, parent)?,
        },
        "formal_parameters" => Around::Function(ancestry.parent(parent)?),
        "arrow_function" => Around::Function(parent),
        "function_declaration" | "generator_function_declaration" | "class_declaration" => {
            Around::Named(parent)
        }
        "import_clause" => Around::ImportClause(parent),
        "import_specifier" => Around::ImportSpecifier(parent),
        "namespace_import" => Around::NamespaceImport(parent),
        "catch_clause" => Around::Catch,
        _ => Around::Other,
    })
}

struct Pruner<'f, 't> {
    file: &'f ParsedFile<'t>,
    ancestry: Ancestry<'f, 't>,
}

impl<'t> Pruner<'_, 't> {
    fn around(&self, node: Node<'t>) -> Option<Around<'t>> {
        around(self.ancestry, node)
    }

    /// The bytes of a name or pattern, with the type of a parameter.
    fn range(&self, node: Node<'t>) -> Range<usize> {
        let parameter = self.ancestry.parent(node).filter(|parent| {
            matches!(parent.kind(), "required_parameter" | "optional_parameter")
                && parent.child_by_field_name("value").is_none()
        });
        parameter.unwrap_or(node).byte_range()
    }

    fn kind_before(&self, range: &Range<usize>) -> &'t str {
        self.file.token_before(range.start).map_or("", |token| token.kind())
    }

    fn kind_after(&self, range: &Range<usize>) -> &'t str {
        self.file.token_after(range.end).map_or("", |token| token.kind())
    }

    /// `range` and the token before it.
    fn with_token_before(&self, range: Range<usize>) -> Option<Range<usize>> {
        Some(self.file.token_before(range.start)?.start_byte()..range.end)
    }

    /// `range` and the token behind it.
    fn with_token_after(&self, range: Range<usize>) -> Option<Range<usize>> {
        Some(range.start..self.file.token_after(range.end)?.end_byte())
    }

    /// An element of a list in braces or parentheses and the comma that goes with it.
    fn list_element(&self, element: Range<usize>, opening: &str) -> Option<Range<usize>> {
        if self.kind_before(&element) == opening && self.kind_after(&element) == "," {
            self.with_token_after(element)
        } else {
            self.with_token_before(element)
        }
    }

    /// `a` of `a => b`
    fn is_bare_parameter(&self, function: Node<'t>, name: Node<'t>) -> bool {
        function.child_by_field_name("parameter") == Some(name)
    }

    /// What goes with a name that is no declarator by itself.
    fn name_range(&self, name: Node<'t>, around: &Around<'t>) -> Option<Range<usize>> {
        let range = self.range(name);
        match *around {
            Around::Declarator(_) | Around::LoopHead | Around::Catch => None,
            Around::Property(property) => self.property_range(name, property),
            Around::Array(array) => self.array_element_range(name, array),
            Around::Rest(rest) => self.rest_range(name, rest),
            Around::Default(defaulted) => self.defaulted_range(name, defaulted),
            Around::Named(declaration) => self.statement_range(declaration.byte_range()),
            Around::ImportClause(clause) => self.default_import_range(name, clause),
            Around::ImportSpecifier(specifier) => self.import_range(name, specifier),
            Around::NamespaceImport(import) => self.namespace_import_range(import),
            Around::Object(_) | Around::Function(_) | Around::Other => self.plain_range(range),
        }
    }

    /// A name in a list, with the comma before it, or behind it if it is the first.
    fn plain_range(&self, name: Range<usize>) -> Option<Range<usize>> {
        if self.kind_before(&name) == "," {
            return self.with_token_before(name);
        }
        if self.kind_after(&name) == "," && matches!(self.kind_before(&name), "(" | "{") {
            return self.with_token_after(name);
        }
        Some(name)
    }

    fn property_range(&self, name: Node<'t>, property: Node<'t>) -> Option<Range<usize>> {
        let object = self.object_of(property)?;
        if named_children(object).count() == 1 {
            return match self.around(object)? {
                Around::Rest(rest) => self.rest_pattern_range(rest),
                Around::Array(_) => self.nested_array_range(object),
                _ => self.pattern_range(object),
            };
        }
        if self.kind_before(&name.byte_range()) == ":" {
            return self.list_element(property.byte_range(), "{");
        }
        self.plain_range(name.byte_range())
    }

    fn object_of(&self, property: Node<'t>) -> Option<Node<'t>> {
        self.ancestry.parent(property).filter(|object| object.kind() == "object_pattern")
    }

    fn array_element_range(&self, name: Node<'t>, array: Node<'t>) -> Option<Range<usize>> {
        if has_single_element(array) {
            return match self.around(array)? {
                Around::Rest(rest) => self.rest_pattern_range(rest),
                Around::Array(_) => self.nested_array_range(array),
                _ => self.pattern_range(array),
            };
        }
        let range = name.byte_range();
        if self.kind_before(&range) == "," && self.kind_after(&range) == "," {
            return Some(range);
        }
        self.plain_range(range)
    }

    /// `...name`
    fn rest_range(&self, name: Node<'t>, rest: Node<'t>) -> Option<Range<usize>> {
        match self.around(rest)? {
            Around::Array(array) if has_single_element(array) => match self.around(array)? {
                Around::Array(_) => self.nested_array_range(array),
                _ => self.pattern_range(array),
            },
            Around::Object(object) if named_children(object).count() == 1 => match self.around(object)? {
                Around::Rest(outer) => self.rest_pattern_range(outer),
                Around::Array(_) => self.nested_array_range(object),
                _ => self.pattern_range(object),
            },
            Around::Array(_) | Around::Object(_) => self.with_token_before(rest.byte_range()),
            Around::Function(function) => self.parameter_range_at_end(function, rest),
            _ => self.plain_range(name.byte_range()),
        }
    }

    /// A last parameter, and the comma before it.
    fn parameter_range_at_end(&self, function: Node<'t>, parameter: Node<'t>) -> Option<Range<usize>> {
        let range = self.range(parameter);
        if n_parameters(function) == 1 { Some(range) } else { self.with_token_before(range) }
    }

    /// `name = value`
    fn defaulted_range(&self, name: Node<'t>, defaulted: Node<'t>) -> Option<Range<usize>> {
        let property = match defaulted.kind() {
            "object_assignment_pattern" => Some(defaulted),
            _ => self.ancestry.parent(defaulted).filter(|parent| parent.kind() == "pair_pattern"),
        };
        if let Some(property) = property {
            let object = self.object_of(property)?;
            if named_children(object).count() > 1 {
                return self.list_element(property.byte_range(), "{");
            }
            return match self.around(object)? {
                Around::Array(_) => self.nested_array_range(object),
                _ => self.pattern_range(object),
            };
        }
        match self.around(defaulted)? {
            Around::Array(_) => self.nested_array_range(defaulted),
            Around::Function(_) => self.parameter_range(defaulted),
            _ => self.plain_range(name.byte_range()),
        }
    }

    /// A parameter and a comma.
    fn parameter_range(&self, parameter: Node<'t>) -> Option<Range<usize>> {
        let Around::Function(function) = self.around(parameter)? else { return None };
        let range = self.range(parameter);
        if n_parameters(function) == 1 { Some(range) } else { self.list_element(range, "(") }
    }

    /// A pattern that is left without names, and what holds it.
    fn pattern_range(&self, pattern: Node<'t>) -> Option<Range<usize>> {
        match self.around(pattern)? {
            Around::Declarator(declarator) => self.destructuring_range(declarator),
            Around::LoopHead => None,
            Around::Property(property) if self.kind_before(&pattern.byte_range()) == ":" => {
                let object = self.object_of(property)?;
                match self.around(object)? {
                    Around::Array(_) if named_children(object).count() == 1 => {
                        self.nested_array_range(object)
                    }
                    _ => self.nested_object_range(property),
                }
            }
            _ => self.parameter_range(pattern),
        }
    }

    /// The property `a: { b }`, and the object patterns around it that it leaves empty.
    fn nested_object_range(&self, property: Node<'t>) -> Option<Range<usize>> {
        let mut property = property;
        loop {
            let object = self.object_of(property)?;
            if named_children(object).count() > 1 {
                let range = property.byte_range();
                return if self.kind_before(&range) == "{" {
                    self.with_token_after(range)
                } else {
                    self.with_token_before(range)
                };
            }
            match self.around(object)? {
                Around::Property(outer) => property = outer,
                _ => return self.pattern_range(object),
            }
        }
    }

    /// An element of an array pattern, and the array patterns around it that it leaves empty.
    fn nested_array_range(&self, element: Node<'t>) -> Option<Range<usize>> {
        let mut element = element;
        loop {
            let Around::Array(array) = self.around(element)? else { return None };
            if !has_single_element(array) {
                let range = element.byte_range();
                let is_last = self.kind_before(&range) == "," && self.kind_after(&range) == "]";
                return if is_last { self.with_token_before(range) } else { Some(range) };
            }
            match self.around(array)? {
                Around::Array(_) => element = array,
                Around::Rest(rest) if self.kind_before(&array.byte_range()) != ":" => {
                    return self.rest_pattern_range(rest);
                }
                _ => return self.pattern_range(array),
            }
        }
    }

    /// `...[a]`, where the pattern is left without names.
    fn rest_pattern_range(&self, rest: Node<'t>) -> Option<Range<usize>> {
        match self.around(rest)? {
            Around::Function(function) => self.parameter_range_at_end(function, rest),
            Around::Array(array) if has_single_element(array) => match self.around(array)? {
                Around::Array(_) => self.nested_array_range(array),
                _ => self.pattern_range(array),
            },
            Around::Array(_) => self.with_token_before(rest.byte_range()),
            _ => None,
        }
    }

    /// A declarator that is a single name: `a` or `a = 1`.
    fn declarator_edit(&self, declarator: Node<'t>) -> Option<Edit> {
        let declaration = Declaration::of(self.file, self.ancestry.parent(declarator)?)?;
        if declaration.declarators.len() > 1 {
            return self.declarator_range(declarator, &declaration).map(Edit::delete);
        }
        let owner = self.owner(&declaration)?;
        match owner.kind() {
            "for_statement" if owner.child_by_field_name("body") != Some(declaration.node) => None,
            "if_statement" | "else_clause" | "with_statement" => Some(Edit::replace(declaration.range, ";")),
            _ if is_loop(owner) => Some(Edit::replace(declaration.range, ";")),
            _ => self.statement_range(declaration.range).map(Edit::delete),
        }
    }

    /// A declarator of a pattern that is left without names.
    fn destructuring_range(&self, declarator: Node<'t>) -> Option<Range<usize>> {
        let declaration = Declaration::of(self.file, self.ancestry.parent(declarator)?)?;
        if is_loop(self.owner(&declaration)?) {
            return None;
        }
        if declaration.declarators.len() > 1 {
            return self.declarator_range(declarator, &declaration);
        }
        self.statement_range(declaration.range)
    }

    /// The node around a declaration.
    fn owner(&self, declaration: &Declaration<'t>) -> Option<Node<'t>> {
        let mut around = self.ancestry.ancestors(declaration.node);
        around.find(|node| node.kind() != "ambient_declaration")
    }

    /// One of several declarators, and a comma.
    fn declarator_range(&self, declarator: Node<'t>, declaration: &Declaration<'t>) -> Option<Range<usize>> {
        let range = declarator.byte_range();
        if self.kind_before(&range) != "," {
            return self.with_token_after(range);
        }
        let is_last = declaration.declarators.last().is_some_and(|last| last.node == declarator);
        let last_token = self.file.token_before(declaration.range.end)?;
        if is_last && last_token.kind() != ";" {
            let comma = self.file.token_before(range.start)?;
            let before = self.file.token_before(comma.start_byte());
            if self.is_hazard(declaration.range.end, before) {
                return None;
            }
        }
        self.with_token_before(range)
    }

    /// A whole statement, unless what is around it would be read otherwise without it.
    fn statement_range(&self, statement: Range<usize>) -> Option<Range<usize>> {
        let before = self.file.token_before(statement.start);
        (!self.is_hazard(statement.end, before)).then_some(statement)
    }

    /// Whether the token behind `end` could become a directive, or go on with the statement that ends in `before`.
    fn is_hazard(&self, end: usize, before: Option<Node<'t>>) -> bool {
        let Some(next) = self.file.token_after(end) else { return false };
        let ends = |token: Node<'t>| match token.kind() {
            ";" | "{" => true,
            "}" => self.closes_statement(token),
            _ => false,
        };
        next.kind() == "string" || before.is_some_and(|before| !ends(before))
    }

    /// Whether the brace ends a statement by itself.
    fn closes_statement(&self, brace: Node<'t>) -> bool {
        let mut around = self.ancestry.ancestors(brace);
        let (Some(body), owner) = (around.next(), around.next()) else { return false };
        let owner = owner.map_or("", |owner| owner.kind());
        match body.kind() {
            "statement_block" => !matches!(
                owner,
                "function_expression"
                    | "generator_function"
                    | "arrow_function"
                    | "method_definition"
                    | "class_static_block"
                    | "internal_module"
                    | "module"
                    | "ambient_declaration"
            ),
            "class_body" => matches!(owner, "class_declaration" | "abstract_class_declaration"),
            "switch_body" => true,
            _ => false,
        }
    }

    /// The statement around an import clause, and where its module's name starts.
    fn import_of(&self, clause: Node<'t>) -> Option<(Node<'t>, usize)> {
        let statement = self.ancestry.parent(clause)?;
        Some((statement, statement.child_by_field_name("source")?.start_byte()))
    }

    /// `import name from …`
    fn default_import_range(&self, name: Node<'t>, clause: Node<'t>) -> Option<Range<usize>> {
        let has_others = named_children(clause).count() > 1
            && !named_children(clause)
                .any(|part| part.kind() == "named_imports" && named_children(part).next().is_none());
        if has_others {
            return self.with_token_after(name.byte_range());
        }
        let (_, source) = self.import_of(clause)?;
        Some(name.start_byte()..source)
    }

    /// `import { name } from …`
    fn import_range(&self, name: Node<'t>, specifier: Node<'t>) -> Option<Range<usize>> {
        let list = self.ancestry.parent(specifier)?;
        let clause = self.ancestry.parent(list)?;
        let range = specifier.byte_range();
        if named_children(list).count() > 1 {
            return if self.kind_before(&range) == "{" {
                self.with_token_after(range)
            } else {
                self.with_token_before(range)
            };
        }
        if !named_children(clause).any(|part| part.kind() == "identifier") {
            return Some(self.import_of(clause)?.0.byte_range());
        }
        let brace = self.file.token_before(range.start)?;
        let start = self.file.token_before(brace.start_byte())?.start_byte();
        Some(start..self.file.token_after(name.end_byte())?.end_byte())
    }

    /// `import * as name from …`
    fn namespace_import_range(&self, import: Node<'t>) -> Option<Range<usize>> {
        let clause = self.ancestry.parent(import)?;
        if named_children(clause).any(|part| part.kind() == "identifier") {
            return self.with_token_before(import.byte_range());
        }
        let (_, source) = self.import_of(clause)?;
        Some(import.start_byte()..source)
    }
}

/// Whether an array pattern has one element; holes do not count.
fn has_single_element(array: Node<'_>) -> bool {
    array.kind() == "array_pattern" && named_children(array).count() == 1
}

fn n_parameters(function: Node<'_>) -> usize {
    function.child_by_field_name("parameters").map_or(1, |list| named_children(list).count())
}
