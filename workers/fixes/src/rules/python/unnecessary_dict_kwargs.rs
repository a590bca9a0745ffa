//! `PIE804`: `f(**{"a": 1})`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use std::collections::HashSet;

use super::arguments::Arguments;
use super::identifier::is_name;
use super::padding::MAX_REWRITTEN_LEN;
use super::string_value::text_of;
use super::syntax::{code_children, has_comment_at, utf8, without_parentheses};

rule_type! {
    /// ## What it does
    /// Finds dictionary displays that a call unpacks into keyword arguments although their keys could be
    /// written as such (ruff's `unnecessary-dict-kwargs`).
    ///
    /// ## Why is this bad?
    /// Keyword arguments say the same in fewer characters.
    ///
    /// ## Example
    /// ```python
    /// connect(**{"port": 80})
    /// ```
    /// Use instead:
    /// ```python
    /// connect(port=80)
    /// ```
    ///
    /// ## Fix safety
    /// Safe, but unsafe where it deletes a comment. There is no fix where the call would name a keyword twice,
    /// nor for very long ones.
    pub struct UnnecessaryDictKwargs;
}

static META: Meta = Meta {
    id: "PIE804",
    origin: "ruff",
    category: Category::Redundancy,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds dictionary displays that are unpacked into arguments.",
    docs: UnnecessaryDictKwargs::MANUAL,
};

impl Rule for UnnecessaryDictKwargs {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["call"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(arguments) = Arguments::of(node) else { return };
        let mut repeated = None;
        for argument in arguments.keywords.iter().copied() {
            let Some(dict) = unpacked_dict(argument) else { continue };
            let items: Vec<Node<'t>> = code_children(dict).collect();
            let finding = Finding::new(&META, argument.byte_range(), "Unnecessary `dict` kwargs");
            if let [only] = &*items
                && only.kind() == "dictionary_splat"
            {
                out.push(finding.with_fix(unpacked_twice(file, argument, *only)));
                continue;
            }
            let Some(names) = items.iter().map(|item| keyword_name(file, *item)).collect::<Option<Vec<_>>>()
            else {
                continue;
            };
            let repeated = repeated.get_or_insert_with(|| repeated_names(file, &arguments));
            let fix = if items.is_empty() {
                arguments.without(file, argument).map(|edit| Fix::safe(vec![edit]))
            } else if names.iter().any(|name| repeated.contains(name)) {
                None
            } else {
                as_keywords(file, argument, &items, &names)
            };
            out.push(finding.with_fix(fix));
        }
    }
}

/// The display in `**{…}`.
fn unpacked_dict(argument: Node<'_>) -> Option<Node<'_>> {
    let value = (argument.kind() == "dictionary_splat").then(|| code_children(argument).next())??;
    Some(without_parentheses(value)).filter(|value| value.kind() == "dictionary")
}

/// The key of `item` if it could be the name of an argument.
fn keyword_name(file: &ParsedFile<'_>, item: Node<'_>) -> Option<String> {
    let key = without_parentheses(item.child_by_field_name("key")?);
    text_of(file, key).filter(|name| is_name(name))
}

/// The names that the call would have more than once if all dictionaries were taken apart.
fn repeated_names(file: &ParsedFile<'_>, arguments: &Arguments<'_>) -> HashSet<String> {
    let mut seen = HashSet::new();
    let mut repeated = HashSet::new();
    let mut add = |name: String| {
        if !seen.insert(name.clone()) {
            repeated.insert(name);
        }
    };
    for argument in arguments.keywords.iter().copied() {
        if let Some(name) = argument.child_by_field_name("name") {
            add(file.text(name).into_owned());
        } else if let Some(dict) = unpacked_dict(argument) {
            code_children(dict).filter_map(|item| keyword_name(file, item)).for_each(&mut add);
        }
    }
    repeated
}

/// `**{**a}` is `**a`.
fn unpacked_twice(file: &ParsedFile<'_>, argument: Node<'_>, inner: Node<'_>) -> Option<Fix> {
    if argument.byte_range().len() > MAX_REWRITTEN_LEN {
        return None;
    }
    let value = without_parentheses(code_children(inner).next()?);
    let text = format!("**{}", utf8(file, value.byte_range())?);
    Some(Fix::safe(vec![Edit::replace(argument.byte_range(), text)]))
}

fn as_keywords(
    file: &ParsedFile<'_>,
    argument: Node<'_>,
    items: &[Node<'_>],
    names: &[String],
) -> Option<Fix> {
    if argument.byte_range().len() > MAX_REWRITTEN_LEN {
        return None;
    }
    let keyword = |(item, name): (&Node<'_>, &String)| {
        let value = utf8(file, item.child_by_field_name("value")?.byte_range())?;
        Some(format!("{name}={value}"))
    };
    let text = items.iter().zip(names).map(keyword).collect::<Option<Vec<_>>>()?.join(", ");
    let edits = vec![Edit::replace(argument.byte_range(), text)];
    let has_comment = has_comment_at(file, &argument.byte_range());
    Some(if has_comment { Fix::unsafe_(edits) } else { Fix::safe(edits) })
}
