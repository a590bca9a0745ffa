//! `let_and_return`

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::attributes::is_silenced;
use super::syntax::{MAX_DEPTH, content, must_parenthesise, named_children};
use super::temporaries::{Temporaries, lasting_parts, temporaries};

rule_type! {
    /// ## What it does
    /// Finds a variable that is declared by `let` and is the value of the block right behind.
    ///
    /// ## Why is this bad?
    /// The variable adds a name and a line, and nothing else.
    ///
    /// ## Example
    /// ```rust
    /// fn name() -> String {
    ///     let name = String::new();
    ///     name
    /// }
    /// ```
    /// Use instead:
    /// ```rust
    /// fn name() -> String {
    ///     String::new()
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Safe where the value cannot need a conversion and no temporary in it can outlive what it borrows from;
    /// else only suggested, since types are not known: before edition 2024 temporaries of the last expression are
    /// dropped after the local variables. Nothing is said where a known guard (`lock()`, `borrow()`) stands in
    /// the value.
    pub struct LetAndReturn;
}

static META: Meta = Meta {
    id: "let_and_return",
    origin: "clippy",
    category: Category::Style,
    languages: &[Language::Rust],
    level: Level::Note,
    summary: "Finds variables that are declared only to be the value of their block.",
    docs: LetAndReturn::MANUAL,
};

const MESSAGE: &str = "returning the result of a `let` binding from a block";

impl Rule for LetAndReturn {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["block"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let is_name = |node: &Node<'_>| node.kind() == "identifier";
        if named_children(node).last().is_some_and(is_name) {
            out.extend(finding(file, node));
        }
    }
}

fn finding<'t>(file: &ParsedFile<'t>, block: Node<'t>) -> Option<Finding> {
    let content = content(file, block);
    let tail = content.tail.filter(|tail| !tail.has_attributes)?;
    let returned = tail.expression?;
    let last = content.statements.last().filter(|last| !last.has_attributes)?;
    let declaration = last.node;
    if declaration.kind() != "let_declaration"
        || declaration.child_by_field_name("type").is_some()
        || declaration.child_by_field_name("alternative").is_some()
        || bound_name(declaration).is_none_or(|name| file.text(name) != file.text(returned))
        || file
            .bytes_of(declaration.end_byte()..returned.start_byte())
            .iter()
            .any(|b| !b.is_ascii_whitespace())
    {
        return None;
    }
    let value = declaration.child_by_field_name("value")?;
    let kept = temporaries(file, value);
    if kept == Temporaries::Guarding || is_silenced(file, returned, META.id, "style") {
        return None;
    }
    let conversion = conversion(file, block, value);
    let must_parenthesise = must_parenthesise(value);
    let has_parens = value.kind() == "parenthesized_expression" || value.kind() == "tuple_expression";
    let needs_parens = (must_parenthesise || conversion == Conversion::Sure) && !has_parens;
    let (open, close) = if needs_parens { ("(", ")") } else { ("", "") };
    let cast = if conversion == Conversion::Sure && !must_parenthesise { " as _" } else { "" };
    let is_sure = kept == Temporaries::Harmless && conversion != Conversion::Maybe && !borrows(file, value);
    let applicability = if is_sure { Applicability::Safe } else { Applicability::Suggestion };
    // What the declaration leaves is the blanks before the variable, and then comes the value.
    let blanks = file.bytes_of(declaration.end_byte()..returned.start_byte());
    let blanks = String::from_utf8_lossy(blanks);
    let edits = vec![
        Edit::replace(declaration.start_byte()..value.start_byte(), format!("{blanks}{open}")),
        Edit::replace(value.end_byte()..returned.end_byte(), format!("{close}{cast}")),
    ];
    let fix = Fix::new(applicability, edits);
    Some(Finding::new(&META, returned.byte_range(), MESSAGE).with_fix(fix))
}

/// The name that `let name`, `let mut name` or `let name @ …` binds.
fn bound_name(declaration: Node<'_>) -> Option<Node<'_>> {
    let pattern = declaration.child_by_field_name("pattern")?;
    match pattern.kind() {
        "identifier" => Some(pattern),
        "captured_pattern" | "mut_pattern" => {
            named_children(pattern).into_iter().find(|child| child.kind() == "identifier")
        }
        _ => None,
    }
}

/// Whether the value of a block is converted to the type that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Conversion {
    None,
    Maybe,
    Sure,
}

/// References are borrowed anew, and a `Box<T>` may become a `Box<dyn Trait>`.
fn conversion<'t>(file: &ParsedFile<'t>, block: Node<'t>, value: Node<'t>) -> Conversion {
    let is_plain = value.kind().ends_with("_literal")
        || matches!(value.kind(), "binary_expression" | "type_cast_expression" | "unit_expression");
    if is_plain && value.kind() != "string_literal" {
        return Conversion::None;
    }
    let function = file.ancestors(block).take(MAX_DEPTH).find(|around| {
        matches!(around.kind(), "function_item" | "closure_expression" | "async_block" | "const_block")
    });
    let Some(function) = function.filter(|function| function.kind() == "function_item") else {
        return Conversion::Maybe;
    };
    let Some(wanted) = function.child_by_field_name("return_type") else { return Conversion::None };
    let is_body = function.child_by_field_name("body") == Some(block);
    let text = file.text(wanted);
    let converts = text.contains(['&', '*', '[']) || text.contains("dyn ") || text.contains("fn(");
    match (converts, is_body, wanted.kind()) {
        (false, ..) => Conversion::None,
        (true, true, "reference_type") => Conversion::Sure,
        (true, ..) => Conversion::Maybe,
    }
}

/// Whether a call in `value` may give something that borrows. Known not to: constructors, macros that give a
/// `String` or `Vec`, and calls without arguments on a type.
fn borrows(file: &ParsedFile<'_>, value: Node<'_>) -> bool {
    let mut open = vec![value];
    let mut n_seen = 0;
    while let Some(node) = open.pop() {
        n_seen += 1;
        if n_seen > 64 * MAX_DEPTH || node.kind() == "call_expression" && may_borrow(file, node) {
            return true;
        }
        open.extend(lasting_parts(node));
    }
    false
}

fn may_borrow(file: &ParsedFile<'_>, call: Node<'_>) -> bool {
    let Some(callee) = call.child_by_field_name("function") else { return true };
    if callee.kind() == "field_expression" {
        let name = callee.child_by_field_name("field").map(|name| file.text(name));
        return !matches!(
            name.as_deref(),
            Some(
                "clone"
                    | "collect"
                    | "count"
                    | "into_owned"
                    | "is_empty"
                    | "is_none"
                    | "is_some"
                    | "len"
                    | "sum"
                    | "to_lowercase"
                    | "to_owned"
                    | "to_string"
                    | "to_uppercase"
                    | "to_vec"
            )
        );
    }
    let text = file.text(callee);
    let name = text.rsplit("::").next().unwrap_or_default();
    let has_arguments =
        call.child_by_field_name("arguments").is_some_and(|list| list.named_child_count() > 0);
    let is_constructor = name.starts_with(char::is_uppercase);
    let is_owned = !has_arguments && text.contains("::")
        || matches!(
            &*text,
            "String::from" | "Vec::from" | "Arc::clone" | "Rc::clone" | "Box::new" | "Arc::new"
        );
    !(is_constructor || is_owned)
}
