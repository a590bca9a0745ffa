//! Whether an expression is of a boolean type, as far as the text proves it.

use tree_sitter::Node;

use crate::scopes::go::{Kind, Names, Object};
use crate::source::ParsedFile;

use super::syntax::{MAX_DEPTH, arguments, called, named_children, operator, without_parens};

/// The functions of the standard library that give a `bool` and are called most.
const ASKING: &[(&str, &[&str])] = &[
    ("strings", &["Contains", "ContainsAny", "ContainsRune", "EqualFold", "HasPrefix", "HasSuffix"]),
    ("bytes", &["Contains", "ContainsAny", "ContainsRune", "Equal", "EqualFold", "HasPrefix", "HasSuffix"]),
    ("errors", &["As", "Is"]),
    ("os", &["IsExist", "IsNotExist", "IsPermission", "IsTimeout"]),
    ("path/filepath", &["IsAbs", "IsLocal"]),
    ("path", &["IsAbs"]),
    ("reflect", &["DeepEqual"]),
    ("unicode", &["IsDigit", "IsLetter", "IsLower", "IsNumber", "IsPunct", "IsSpace", "IsUpper"]),
    ("utf8", &["Valid", "ValidRune", "ValidString"]),
    ("slices", &["Contains", "ContainsFunc", "Equal", "IsSorted"]),
];

/// Whether `node` is of type `bool` or of a type made from it.
pub(super) fn is_bool<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> bool {
    let prover = Prover { file, names: file.go_names() };
    prover.is_bool(node)
}

struct Prover<'f, 't> {
    file: &'f ParsedFile<'t>,
    names: &'f Names<'t>,
}

impl<'t> Prover<'_, 't> {
    fn is_bool(&self, node: Node<'t>) -> bool {
        let mut node = node;
        for _ in 0..MAX_DEPTH {
            node = without_parens(node);
            match node.kind() {
                "true" | "false" => return true,
                // `!` is for booleans only.
                "unary_expression" => match operator(node) {
                    "!" => return true,
                    "<-" => {
                        let channel =
                            node.child_by_field_name("operand").and_then(|node| self.stated_type(node));
                        let channel = channel.filter(|kind| kind.kind() == "channel_type");
                        return channel
                            .and_then(|kind| kind.child_by_field_name("value"))
                            .is_some_and(|kind| self.is_bool_type(kind));
                    }
                    _ => return false,
                },
                "binary_expression" => {
                    return matches!(operator(node), "==" | "!=" | "<" | ">" | "<=" | ">=" | "&&" | "||");
                }
                "call_expression" => return self.is_bool_call(node),
                "type_assertion_expression" => {
                    return node.child_by_field_name("type").is_some_and(|kind| self.is_bool_type(kind));
                }
                "identifier" => match self.names.at(node.start_byte()) {
                    Some(Object { declared: Some(declared), .. }) => return self.is_bool_type(*declared),
                    Some(Object { value: Some(value), kind: Kind::Variable | Kind::Constant, .. }) => {
                        node = *value
                    }
                    _ => return false,
                },
                "index_expression" => {
                    let held = node.child_by_field_name("operand").and_then(|node| self.stated_type(node));
                    let element = held.and_then(|held| match held.kind() {
                        "map_type" => held.child_by_field_name("value"),
                        "slice_type" | "array_type" => held.child_by_field_name("element"),
                        _ => None,
                    });
                    return element.is_some_and(|kind| self.is_bool_type(kind));
                }
                "selector_expression" => {
                    return self.field_type(node).is_some_and(|kind| self.is_bool_type(kind));
                }
                _ => return false,
            }
        }
        false
    }

    /// The type that the declaration of a variable states.
    fn stated_type(&self, node: Node<'t>) -> Option<Node<'t>> {
        let object = self.names.at(node.start_byte()).filter(|_| node.kind() == "identifier")?;
        object.declared.or_else(|| {
            let value = object.value?;
            match value.kind() {
                "composite_literal" => value.child_by_field_name("type"),
                "call_expression" => {
                    let callee = value.child_by_field_name("function")?;
                    let is_make = self.file.bytes_of(callee.byte_range()) == b"make";
                    arguments(value)?.first().copied().filter(|_| is_make)
                }
                _ => None,
            }
        })
    }

    /// The type of `x.field`, where a type of this file is stated for `x`.
    fn field_type(&self, selector: Node<'t>) -> Option<Node<'t>> {
        let mut kind = self.stated_type(selector.child_by_field_name("operand")?)?;
        if kind.kind() == "pointer_type" {
            kind = named_children(kind).into_iter().next()?;
        }
        let object = self.names.at(kind.start_byte()).filter(|object| object.kind == Kind::Type)?;
        let wanted = self.file.bytes_of(selector.child_by_field_name("field")?.byte_range());
        let body = object.declared.filter(|declared| declared.kind() == "struct_type")?;
        let list = named_children(body).into_iter().next()?;
        let field = named_children(list).into_iter().find(|field| {
            let mut cursor = field.walk();
            field
                .children_by_field_name("name", &mut cursor)
                .any(|name| self.file.bytes_of(name.byte_range()) == wanted)
        });
        field?.child_by_field_name("type")
    }

    fn is_bool_call(&self, call: Node<'t>) -> bool {
        for (package, functions) in ASKING {
            if let Some((_, name)) = called(self.file, call, &[*package]) {
                return functions.contains(&&*name);
            }
        }
        let Some(callee) = call.child_by_field_name("function") else { return false };
        let (callee, mut given) = instantiated(callee);
        if let Some(list) = call.child_by_field_name("type_arguments") {
            given = named_children(list);
        }
        if callee.kind() != "identifier" {
            return false;
        }
        let Some(object) = self.names.at(callee.start_byte()) else {
            return self.file.bytes_of(callee.byte_range()) == b"bool";
        };
        let result = match object.kind {
            Kind::Type => return object.declared.is_some_and(|kind| self.is_bool_type(kind)),
            Kind::Function => object.node.child_by_field_name("result"),
            Kind::Variable => {
                let literal = object.value.filter(|value| value.kind() == "func_literal");
                literal.or(object.declared).and_then(|kind| kind.child_by_field_name("result"))
            }
            _ => None,
        };
        let Some(result) = result else { return false };
        match self.parameter_index(object.node, result) {
            Some(index) => given.get(index).is_some_and(|kind| self.is_bool_type(*kind)),
            None => self.is_bool_type(result),
        }
    }

    /// Which of the type parameters of a function its result is.
    fn parameter_index(&self, function: Node<'t>, result: Node<'t>) -> Option<usize> {
        let parameters = function.child_by_field_name("type_parameters")?;
        let names = named_children(parameters).into_iter().flat_map(|declaration| {
            let mut cursor = declaration.walk();
            let names: Vec<_> = declaration
                .children_by_field_name("name", &mut cursor)
                .filter(|name| name.is_named())
                .collect();
            names
        });
        let mut names = names;
        names
            .position(|name| self.file.bytes_of(name.byte_range()) == self.file.bytes_of(result.byte_range()))
    }

    fn is_bool_type(&self, kind: Node<'t>) -> bool {
        let mut open = vec![kind];
        let mut n_seen = 0;
        while let Some(kind) = open.pop() {
            n_seen += 1;
            match kind.kind() {
                _ if n_seen > MAX_DEPTH => return false,
                // A constraint is a list of terms, each of which has to be one.
                "type_constraint" | "negated_type" | "type_elem" => open.extend(named_children(kind)),
                "type_identifier" | "identifier" => match self.names.at(kind.start_byte()) {
                    None if self.file.bytes_of(kind.byte_range()) == b"bool" => {}
                    Some(Object {
                        kind: Kind::Type | Kind::TypeParameter, declared: Some(declared), ..
                    }) => {
                        open.push(*declared);
                    }
                    _ => return false,
                },
                _ => return false,
            }
        }
        true
    }
}

/// `f[bool]` as `f` and its type arguments.
fn instantiated(callee: Node<'_>) -> (Node<'_>, Vec<Node<'_>>) {
    let callee = without_parens(callee);
    let inner = match callee.kind() {
        "index_expression" => callee.child_by_field_name("operand"),
        "type_instantiation_expression" | "generic_type" => callee.child_by_field_name("type"),
        _ => None,
    };
    match inner {
        Some(inner) => (inner, named_children(callee).into_iter().skip(1).collect()),
        None => (callee, Vec::new()),
    }
}
