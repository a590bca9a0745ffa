//! `S506`: `yaml.load`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::arguments::Arguments;
use super::names::{Meaning, resolve};
use super::syntax::without_parentheses;

rule_type! {
    /// ## What it does
    /// Finds calls of `yaml.load` without `SafeLoader` or `CSafeLoader` (ruff's `unsafe-yaml-load`).
    ///
    /// ## Why is this bad?
    /// Other loaders make any Python object that the text asks for, so whoever writes the text runs code.
    ///
    /// ## Example
    /// ```python
    /// import yaml
    ///
    /// settings = yaml.load(text)
    /// ```
    /// Use instead:
    /// ```python
    /// import yaml
    ///
    /// settings = yaml.safe_load(text)
    /// ```
    ///
    /// ## Fix safety
    /// Never applied unasked: `safe_load` refuses texts with objects of Python in them.
    pub struct UnsafeYamlLoad;
}

static META: Meta = Meta {
    id: "S506",
    origin: "ruff",
    category: Category::Security,
    languages: &[Language::Python],
    level: Level::Error,
    summary: "Finds `yaml.load` with a loader that runs code.",
    docs: UnsafeYamlLoad::MANUAL,
};

impl Rule for UnsafeYamlLoad {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["call"]
    }

    fn best_applicability(&self) -> Applicability {
        Applicability::Suggestion
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(function) = node.child_by_field_name("function").map(without_parentheses) else { return };
        let Some(arguments) = Arguments::of(node) else { return };
        if resolve(file, function) != Meaning::Imported("yaml.load".to_owned()) {
            return;
        }
        let given = arguments.value(file, "Loader", 1);
        let loader = given.map(without_parentheses);
        if loader.is_some_and(|loader| is_safe(file, loader)) {
            return;
        }
        let range = loader.unwrap_or(function).byte_range();
        let fix = fix(file, function, &arguments, given);
        out.push(Finding::new(&META, range, message(file, loader)).with_fix(fix));
    }
}

fn is_safe<'t>(file: &ParsedFile<'t>, loader: Node<'t>) -> bool {
    let Meaning::Imported(path) = resolve(file, loader) else { return false };
    matches!(
        path.as_str(),
        "yaml.SafeLoader"
            | "yaml.CSafeLoader"
            | "yaml.loader.SafeLoader"
            | "yaml.loader.CSafeLoader"
            | "yaml.cyaml.CSafeLoader"
    )
}

fn message(file: &ParsedFile<'_>, loader: Option<Node<'_>>) -> String {
    let name = loader.and_then(|loader| match loader.kind() {
        "attribute" => loader.child_by_field_name("attribute"),
        "identifier" => Some(loader),
        _ => None,
    });
    let what = match name {
        Some(name) => format!("unsafe loader `{}` with `yaml.load`", file.text(name)),
        None => "unsafe `yaml.load`".to_owned(),
    };
    format!("Probable use of {what}. Allows instantiation of arbitrary objects. Consider `yaml.safe_load`.")
}

/// `safe_load` takes no loader. There is no fix if the function goes by another name, or for more arguments.
fn fix<'t>(
    file: &ParsedFile<'t>,
    function: Node<'t>,
    arguments: &Arguments<'t>,
    loader: Option<Node<'t>>,
) -> Option<Fix> {
    let method = function.child_by_field_name("attribute").filter(|name| file.text(*name) == "load")?;
    let n_arguments = arguments.positional.len() + arguments.keywords.len();
    let mut edits = vec![Edit::replace(method.byte_range(), "safe_load")];
    match loader {
        Some(loader) if n_arguments == 2 => {
            let argument = arguments.keyword(file, "Loader").unwrap_or(loader);
            edits.push(arguments.without(file, argument)?);
        }
        None if n_arguments == 1
            && arguments.positional.iter().all(|argument| argument.kind() != "list_splat") => {}
        _ => return None,
    }
    Some(Fix::suggestion(edits))
}
