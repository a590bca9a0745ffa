//! `PIE790`: `pass` beside other statements.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::lines::comment_behind;
use super::names::{Meaning, is_from_typing, resolve};
use super::statement_edits::deletion;
use super::string_value::is_constant_string;
use super::syntax::{code_children, statement_value, without_parentheses};

rule_type! {
    /// ## What it does
    /// Finds `pass` and `...` in a block with other statements (ruff's `unnecessary-placeholder`). `...` in a
    /// protocol, an abstract method or code for type checkers means something and is left alone.
    ///
    /// ## Why is this bad?
    /// A placeholder makes an empty block valid; a block with a docstring or any other statement needs none.
    ///
    /// ## Example
    /// ```python
    /// def read():
    ///     """To be written."""
    ///     pass
    /// ```
    /// Use instead:
    /// ```python
    /// def read():
    ///     """To be written."""
    /// ```
    ///
    /// ## Fix safety
    /// Safe, but unsafe before a string, which becomes a docstring.
    pub struct UnnecessaryPlaceholder;
}

static META: Meta = Meta {
    id: "PIE790",
    origin: "ruff",
    category: Category::Redundancy,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds `pass` and `...` that hold the place of nothing.",
    docs: UnnecessaryPlaceholder::MANUAL,
};

impl Rule for UnnecessaryPlaceholder {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["module", "block"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let body: Vec<Node<'t>> = code_children(node).collect();
        if body.len() < 2 {
            return;
        }
        let mut placeholders = Vec::new();
        for (index, statement) in body.iter().enumerate() {
            match Placeholder::of(*statement) {
                Some(Placeholder::Ellipsis) if is_meaningful(file, node) => break,
                Some(placeholder) => placeholders.push((index, placeholder)),
                None => {}
            }
        }
        for (index, placeholder) in &placeholders {
            let mut fix = fix(file, &body, *index);
            // One of them has to stay: the last one waits until the first is gone, and in the end it is alone.
            if index + 1 == body.len() && placeholders.len() == body.len() {
                fix = fix.claiming(body[0].start_byte() + 1..body[0].end_byte());
            }
            out.push(Finding::new(&META, body[*index].byte_range(), placeholder.message()).with_fix(fix));
        }
    }
}

#[derive(Clone, Copy)]
enum Placeholder {
    Pass,
    Ellipsis,
}

impl Placeholder {
    fn of(statement: Node<'_>) -> Option<Self> {
        if statement.kind() == "pass_statement" {
            return Some(Self::Pass);
        }
        (statement_value(statement)?.kind() == "ellipsis").then_some(Self::Ellipsis)
    }

    fn message(self) -> &'static str {
        match self {
            Self::Pass => "Unnecessary `pass` statement",
            Self::Ellipsis => "Unnecessary `...` literal",
        }
    }
}

fn fix(file: &ParsedFile<'_>, body: &[Node<'_>], index: usize) -> Fix {
    let statement = body[index];
    let edit = match comment_behind(file.bytes, statement.end_byte()) {
        Some(comment) => Edit::delete(statement.start_byte()..comment),
        None => deletion(file, statement, index == 0),
    };
    let next = body.get(index + 1).and_then(|next| statement_value(*next));
    let makes_docstring = next.is_some_and(|value| is_constant_string(file, value) && !is_bytes(file, value));
    if makes_docstring { Fix::unsafe_(vec![edit]) } else { Fix::safe(vec![edit]) }
}

fn is_bytes(file: &ParsedFile<'_>, string: Node<'_>) -> bool {
    let prefix = file.bytes_of(string.byte_range()).iter().take_while(|byte| byte.is_ascii_alphabetic());
    prefix.copied().any(|byte| byte.eq_ignore_ascii_case(&b'b'))
}

/// Whether `...` in `block` says something: to a type checker, or that a method is to be overridden.
fn is_meaningful<'t>(file: &ParsedFile<'t>, block: Node<'t>) -> bool {
    let mut child = block;
    for around in file.ancestors(block) {
        let is_body = |name| around.child_by_field_name(name).is_some_and(|body| body.id() == child.id());
        let is_found = match around.kind() {
            "if_statement" => is_body("consequence") && is_for_type_checkers(file, around),
            "class_definition" => is_body("body") && is_protocol(file, around),
            "function_definition" => is_body("body") && is_abstract(file, around),
            _ => false,
        };
        if is_found {
            return true;
        }
        child = around;
    }
    false
}

fn is_for_type_checkers<'t>(file: &ParsedFile<'t>, statement: Node<'t>) -> bool {
    let Some(test) = statement.child_by_field_name("condition").map(without_parentheses) else {
        return false;
    };
    match test.kind() {
        "identifier" => file.text(test) == "TYPE_CHECKING" || is_from_typing(file, test, "TYPE_CHECKING"),
        "attribute" => {
            test.child_by_field_name("attribute").is_some_and(|name| file.text(name) == "TYPE_CHECKING")
        }
        _ => false,
    }
}

fn is_protocol<'t>(file: &ParsedFile<'t>, class: Node<'t>) -> bool {
    let Some(bases) = class.child_by_field_name("superclasses") else { return false };
    code_children(bases).map(without_parentheses).any(|base| {
        let base =
            if base.kind() == "subscript" { base.child_by_field_name("value").unwrap_or(base) } else { base };
        is_from_typing(file, base, "Protocol")
    })
}

fn is_abstract<'t>(file: &ParsedFile<'t>, function: Node<'t>) -> bool {
    let Some(decorated) = file.parent(function).filter(|around| around.kind() == "decorated_definition")
    else {
        return false;
    };
    let decorators = code_children(decorated).filter(|child| child.kind() == "decorator");
    decorators.filter_map(|decorator| code_children(decorator).next()).any(|decorator| {
        let Meaning::Imported(path) = resolve(file, decorator) else { return false };
        let name = path.strip_prefix("abc.").unwrap_or_default();
        matches!(name, "abstractmethod" | "abstractclassmethod" | "abstractstaticmethod" | "abstractproperty")
    })
}
