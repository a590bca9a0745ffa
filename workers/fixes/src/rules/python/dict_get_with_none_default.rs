//! `SIM910`: `{}.get(key, None)`.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use unicode_width::UnicodeWidthStr;

use super::arguments::Arguments;
use super::dict_type::is_dict;
use super::syntax::{has_comment_at, without_parentheses};

rule_type! {
    /// ## What it does
    /// Finds calls of `get` on a dictionary with `None` as the default (ruff's `dict-get-with-none-default`). A
    /// name counts as a dictionary if it is annotated as one, or if the last value that it was given is one.
    ///
    /// ## Why is this bad?
    /// `None` is the default already.
    ///
    /// ## Example
    /// ```python
    /// ages = {"Tom": 23}
    /// age = ages.get("Cat", None)
    /// ```
    /// Use instead:
    /// ```python
    /// ages = {"Tom": 23}
    /// age = ages.get("Cat")
    /// ```
    ///
    /// ## Fix safety
    /// Safe, but unsafe where it deletes a comment.
    pub struct DictGetWithNoneDefault;
}

static META: Meta = Meta {
    id: "SIM910",
    origin: "ruff",
    category: Category::Redundancy,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds `None` as the default of `dict.get`.",
    docs: DictGetWithNoneDefault::MANUAL,
};

impl Rule for DictGetWithNoneDefault {
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
        let Some(function) = node.child_by_field_name("function").map(without_parentheses) else { return };
        let Some(arguments) = Arguments::of(node).filter(|arguments| arguments.keywords.is_empty()) else {
            return;
        };
        let [key, default, ..] = &*arguments.positional else { return };
        let method = function.child_by_field_name("attribute");
        if without_parentheses(*default).kind() == "none"
            && function.kind() == "attribute"
            && method.is_some_and(|method| file.text(method) == "get")
            && function
                .child_by_field_name("object")
                .is_some_and(|object| is_dict(file, without_parentheses(object)))
        {
            let call = Call { node, function, key: without_parentheses(*key) };
            out.push(Finding::new(&META, node.byte_range(), call.message(file)).with_fix(call.fix(file)));
        }
    }
}

/// Longer code is not quoted in messages.
const MAX_QUOTED_WIDTH: usize = 50;

struct Call<'t> {
    node: Node<'t>,
    function: Node<'t>,
    key: Node<'t>,
}

impl Call<'_> {
    fn message(&self, file: &ParsedFile<'_>) -> String {
        // Some characters have no width, but a text as long as this is wide enough without a look.
        if self.node.byte_range().len() > 16 * MAX_QUOTED_WIDTH {
            return "Use `dict.get()` without default value".to_owned();
        }
        let actual = file.text(self.node);
        let expected = format!("{}({})", file.text(self.function), file.text(self.key));
        let is_quotable = |text: &str| text.width() <= MAX_QUOTED_WIDTH && !text.contains(['\r', '\n']);
        if is_quotable(&actual) && is_quotable(&expected) {
            format!("Use `{expected}` instead of `{actual}`")
        } else {
            "Use `dict.get()` without default value".to_owned()
        }
    }

    /// Only the method and the key stay.
    fn fix(&self, file: &ParsedFile<'_>) -> Fix {
        let range = self.node.byte_range();
        let edits = vec![
            Edit::replace(self.function.end_byte()..self.key.start_byte(), "("),
            Edit::replace(self.key.end_byte()..range.end, ")"),
        ];
        let has_comment = has_comment_at(file, &range);
        let fix = if has_comment { Fix::unsafe_(edits) } else { Fix::safe(edits) };
        fix.claiming(range)
    }
}
