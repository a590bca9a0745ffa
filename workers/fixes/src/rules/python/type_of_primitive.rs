//! `UP003`: `type("")`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::literal_types::LiteralType;
use super::names::{Meaning, has_builtin, resolve};
use super::padding::padded;
use super::quoted_expressions::check_quoted_too;
use super::syntax::{code_children, is_sound_python3, without_parentheses};

rule_type! {
    /// ## What it does
    /// Finds calls of `type` on a literal (ruff's `type-of-primitive`).
    ///
    /// ## Why is this bad?
    /// The type of a literal has a name.
    ///
    /// ## Example
    /// ```python
    /// if type(value) is type(""):
    ///     pass
    /// ```
    /// Use instead:
    /// ```python
    /// if type(value) is str:
    ///     pass
    /// ```
    ///
    /// ## Fix safety
    /// Safe. There is no fix where the name of the type means something else.
    pub struct TypeOfPrimitive;
}

static META: Meta = Meta {
    id: "UP003",
    origin: "ruff",
    category: Category::Modernise,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds calls of `type` on a literal.",
    docs: TypeOfPrimitive::MANUAL,
};

impl Rule for TypeOfPrimitive {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["call", "type"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        check_quoted_too(file, node, &["call"], &["type"], out, |file, call, out| {
            out.extend(check_call(file, call));
        });
    }
}

fn check_call<'t>(file: &ParsedFile<'t>, call: Node<'t>) -> Option<Finding> {
    let function = call.child_by_field_name("function")?;
    let arguments = call.child_by_field_name("arguments").filter(|list| list.kind() == "argument_list")?;
    let is_named = |argument: &Node<'_>| matches!(argument.kind(), "keyword_argument" | "dictionary_splat");
    let mut positional = code_children(arguments).filter(|argument| !is_named(argument));
    let argument = positional.next()?;
    let literal_type = LiteralType::of(file, without_parentheses(argument))?;
    if positional.next().is_some() || !is_type(file, function) || !is_sound_python3(file) {
        return None;
    }
    let name = literal_type.name();
    let range = call.byte_range();
    let fix = has_builtin(file, call, name)
        .then(|| Fix::safe(vec![Edit::replace(range.clone(), padded(file, &range, name.to_owned()))]));
    Some(Finding::new(&META, range, format!("Use `{name}` instead of `type(...)`")).with_fix(fix))
}

fn is_type<'t>(file: &ParsedFile<'t>, function: Node<'t>) -> bool {
    let function = without_parentheses(function);
    let name = match function.kind() {
        "identifier" => function,
        "attribute" => function.child_by_field_name("attribute").unwrap_or(function),
        _ => return false,
    };
    file.bytes_of(name.byte_range()) == b"type"
        && match resolve(file, function) {
            Meaning::Builtin(_) => true,
            Meaning::Imported(path) => path == "builtins.type",
            Meaning::Other => false,
        }
}
