//! Whether an expression is a `bool`, as far as the text tells.

use tree_sitter::Node;

use crate::scopes::rust::Names;
use crate::source::ParsedFile;

use super::syntax::{MAX_DEPTH, is_comment, operator, without_parens};

/// What is known of the type of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    /// It is `bool`.
    Bool,
    /// It is something else.
    Not,
    /// Nothing is known.
    Unknown,
}

/// Methods that give a `bool` on every type of the standard library, and by custom on every other.
const ASKING: &[&str] = &["all", "any", "contains", "contains_key", "ends_with", "eq", "ne", "starts_with"];

/// Answers for one file.
pub(super) struct Booleans<'f, 't> {
    file: &'f ParsedFile<'t>,
    names: &'f Names<'t>,
}

impl<'f, 't> Booleans<'f, 't> {
    /// For the expressions of `file`.
    pub(super) fn of(file: &'f ParsedFile<'t>) -> Self {
        Self { file, names: file.rust_names() }
    }

    /// What is known of `node`.
    pub(super) fn truth(&self, node: Node<'t>) -> Truth {
        let mut node = node;
        // A variable leads to its value, and that to another variable.
        for _ in 0..MAX_DEPTH {
            node = without_parens(node);
            match self.step(node) {
                Ok(truth) => return truth,
                Err(next) => node = next,
            }
        }
        Truth::Unknown
    }

    /// What is known of `node`, or the node that has its type.
    fn step(&self, node: Node<'t>) -> Result<Truth, Node<'t>> {
        match node.kind() {
            "boolean_literal" | "let_condition" | "let_chain" => Ok(Truth::Bool),
            "integer_literal"
            | "float_literal"
            | "string_literal"
            | "raw_string_literal"
            | "char_literal"
            | "unit_expression"
            | "tuple_expression"
            | "array_expression"
            | "struct_expression"
            | "reference_expression"
            | "closure_expression"
            | "range_expression" => Ok(Truth::Not),
            "binary_expression" => match operator(node) {
                "==" | "!=" | "<" | ">" | "<=" | ">=" | "&&" | "||" => Ok(Truth::Bool),
                _ => Ok(Truth::Unknown),
            },
            "unary_expression" if operator(node) == "!" => {
                node.named_child(0).map_or(Ok(Truth::Unknown), Err)
            }
            "type_cast_expression" => Ok(self.kind_truth(node.child_by_field_name("type"))),
            "identifier" => self.identifier(node),
            "call_expression" => Ok(self.call(node)),
            "field_expression" => Ok(self.field(node)),
            "macro_invocation" => Ok(self.macro_call(node)),
            _ => Ok(Truth::Unknown),
        }
    }

    fn kind_truth(&self, kind: Option<Node<'_>>) -> Truth {
        match kind {
            Some(kind) if self.file.bytes_of(kind.byte_range()) == b"bool" => Truth::Bool,
            Some(kind) if !self.names.structs(self.file.bytes_of(kind.byte_range())).is_empty() => Truth::Not,
            // A name may stand for anything.
            Some(kind) if matches!(kind.kind(), "type_identifier" | "scoped_type_identifier") => {
                Truth::Unknown
            }
            Some(_) => Truth::Not,
            None => Truth::Unknown,
        }
    }

    fn identifier(&self, node: Node<'t>) -> Result<Truth, Node<'t>> {
        if let Some(local) = self.names.local(node.start_byte()) {
            return match (local.declared, local.value) {
                (Some(declared), _) => Ok(self.kind_truth(Some(declared))),
                (None, Some(value)) => Err(value),
                (None, None) => Ok(Truth::Unknown),
            };
        }
        let name = self.file.bytes_of(node.byte_range());
        if !self.names.structs(name).is_empty() || !self.names.functions(name).is_empty() {
            return Ok(Truth::Not);
        }
        let constants = self.names.constants(name);
        let kinds = constants.iter().map(|constant| self.kind_truth(constant.child_by_field_name("type")));
        Ok(agreed(kinds))
    }

    fn call(&self, node: Node<'t>) -> Truth {
        let Some(callee) = node.child_by_field_name("function") else { return Truth::Unknown };
        match callee.kind() {
            "identifier" if self.names.local(callee.start_byte()).is_none() => {
                self.returned(self.file.bytes_of(callee.byte_range()))
            }
            "field_expression" => {
                let Some(method) = callee.child_by_field_name("field") else { return Truth::Unknown };
                let name = self.file.text(method);
                if ASKING.contains(&&*name) || name.starts_with("is_") || name.starts_with("has_") {
                    return Truth::Bool;
                }
                let is_own = callee.child_by_field_name("value").is_some_and(|value| value.kind() == "self");
                if is_own { self.returned(name.as_bytes()) } else { Truth::Unknown }
            }
            "scoped_identifier" => {
                let is_own = callee
                    .child_by_field_name("path")
                    .is_some_and(|path| self.file.bytes_of(path.byte_range()) == b"Self");
                let name = callee.child_by_field_name("name").filter(|_| is_own);
                name.map_or(Truth::Unknown, |name| self.returned(self.file.bytes_of(name.byte_range())))
            }
            _ => Truth::Unknown,
        }
    }

    /// What the functions of that name return.
    fn returned(&self, name: &[u8]) -> Truth {
        let functions = self.names.functions(name).iter();
        agreed(functions.map(|function| match function.child_by_field_name("return_type") {
            Some(_) if is_async(*function) => Truth::Not,
            Some(kind) => self.kind_truth(Some(kind)),
            None => Truth::Not,
        }))
    }

    /// `self.field`, where the struct is in the file.
    fn field(&self, node: Node<'t>) -> Truth {
        let value = node.child_by_field_name("value").filter(|value| value.kind() == "self");
        let Some((_, field)) = value.zip(node.child_by_field_name("field")) else { return Truth::Unknown };
        let holder = self.file.ancestors(node).take(MAX_DEPTH).find(|around| around.kind() == "impl_item");
        let Some(holder) = holder.and_then(|holder| holder.child_by_field_name("type")) else {
            return Truth::Unknown;
        };
        let holder = holder.child_by_field_name("type").unwrap_or(holder);
        let structs = self.names.structs(self.file.bytes_of(holder.byte_range()));
        agreed(structs.iter().map(|declared| self.field_of(*declared, field)))
    }

    fn field_of(&self, declared: Node<'t>, field: Node<'t>) -> Truth {
        let name = self.file.bytes_of(field.byte_range());
        let Some(body) = declared.child_by_field_name("body") else { return Truth::Unknown };
        let mut cursor = body.walk();
        let found = body.named_children(&mut cursor).filter(|child| !is_comment(*child)).find(|child| {
            child
                .child_by_field_name("name")
                .is_some_and(|known| self.file.bytes_of(known.byte_range()) == name)
        });
        found.map_or(Truth::Unknown, |field| self.kind_truth(field.child_by_field_name("type")))
    }

    /// A macro of the file is taken for a `bool` where it is compared with one: nothing comparable to `bool` is
    /// made by a macro of one's own but a `bool`.
    fn macro_call(&self, node: Node<'t>) -> Truth {
        let Some(name) = node.child_by_field_name("macro") else { return Truth::Unknown };
        let name = self.file.bytes_of(name.byte_range());
        match name {
            b"matches" | b"cfg" => Truth::Bool,
            _ if !self.names.macros(name).is_empty() => Truth::Bool,
            _ => Truth::Unknown,
        }
    }
}

/// What all of them say.
fn agreed(mut truths: impl Iterator<Item = Truth>) -> Truth {
    match truths.next() {
        Some(first) if truths.all(|truth| truth == first) => first,
        _ => Truth::Unknown,
    }
}

fn is_async(function: Node<'_>) -> bool {
    let mut cursor = function.walk();
    let modifiers = function.children(&mut cursor).find(|child| child.kind() == "function_modifiers");
    modifiers.is_some_and(|modifiers| {
        let mut cursor = modifiers.walk();
        modifiers.children(&mut cursor).any(|modifier| modifier.kind() == "async")
    })
}
