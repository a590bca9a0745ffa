//! `jsx-no-target-blank`: `<a target="_blank" href="https://…">`.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::member_access::text_value;
use super::syntax::{first_named_child, named_children, string_value, without_parens};
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, option};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds links, and if asked to forms, in JSX that open another site in a new tab and do not say
    /// `rel="noreferrer"`.
    ///
    /// ## Why is this bad?
    /// In older browsers the page in the new tab can take over the one that opened it.
    ///
    /// ## Example
    /// ```jsx
    /// <a target="_blank" href="https://example.com">Example</a>
    /// ```
    /// Use instead:
    /// ```jsx
    /// <a target="_blank" href="https://example.com" rel="noreferrer">Example</a>
    /// ```
    ///
    /// ## Options
    /// - `allowReferrer` (`false`): `rel="noopener"` is enough.
    /// - `enforceDynamicLinks` (`"always"`): with `"never"`, links that are computed are left alone.
    /// - `warnOnSpreadAttributes` (`false`): take it that spread attributes hold such a link.
    /// - `links` (`true`): read, and without effect, as in the origin: `<a>` is always looked at.
    /// - `forms` (`false`): look at `<form>`.
    ///
    /// ## Fix safety
    /// Safe: the other site no longer learns where its visitor comes from, and cannot reach the page. There is no
    /// fix for forms, nor where spread attributes may say otherwise.
    pub struct JsxNoTargetBlank { options: Options }
}

/// What ESLint's configuration can say.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
#[expect(clippy::struct_excessive_bools, reason = "they are the origin's options")]
struct Options {
    allow_referrer: bool,
    enforce_dynamic_links: Enforce,
    warn_on_spread_attributes: bool,
    links: bool,
    forms: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Enforce {
    Always,
    Never,
}

impl Options {
    const DEFAULT: Self = Self {
        allow_referrer: false,
        enforce_dynamic_links: Enforce::Always,
        warn_on_spread_attributes: false,
        links: true,
        forms: false,
    };
}

impl Default for Options {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl JsxNoTargetBlank {
    /// The rule without options.
    pub const DEFAULT: Self = Self { options: Options::DEFAULT };
}

static META: Meta = Meta {
    id: "jsx-no-target-blank",
    origin: "react",
    category: Category::Security,
    languages: ECMASCRIPT,
    level: Level::Warning,
    summary: "Requires `rel=\"noreferrer\"` on links that open another site in a new tab.",
    docs: JsxNoTargetBlank::MANUAL,
};

const NOREFERRER: &str = "Using target=\"_blank\" without rel=\"noreferrer\" (which implies rel=\"noopener\") is a \
     security risk in older browsers: see https://mathiasbynens.github.io/rel-noopener/#recommendations";
const NOOPENER: &str = "Using target=\"_blank\" without rel=\"noreferrer\" or rel=\"noopener\" (the former implies \
     the latter and is preferred due to wider support) is a security risk: see \
     https://mathiasbynens.github.io/rel-noopener/#recommendations";

impl Rule for JsxNoTargetBlank {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        Ok(Arc::new(Self { options: option(options, 0)? }))
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["jsx_opening_element", "jsx_self_closing_element"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(name) = node.child_by_field_name("name").filter(|name| name.kind() == "identifier") else {
            return;
        };
        let name = file.text(name);
        let link = match &*name {
            "a" => "href",
            "form" if self.options.forms => "action",
            _ => return,
        };
        let tag = Tag::read(file, node, link);
        if !self.is_dangerous(&tag, link) {
            return;
        }
        let message = if self.options.allow_referrer { NOOPENER } else { NOREFERRER };
        let fix = if link == "href" { self.fix(&tag) } else { None };
        out.push(Finding::new(&META, node.byte_range(), message).with_fix(fix));
    }
}

impl JsxNoTargetBlank {
    fn is_dangerous(&self, tag: &Tag<'_, '_>, link: &str) -> bool {
        let warns = self.options.warn_on_spread_attributes && tag.last_spread.is_some();
        let may_be_blank = tag.target.is_some_and(|target| tag.opens_tab(target));
        if !may_be_blank && !warns {
            return false;
        }
        // Of forms, spread attributes are asked for their target only.
        let warns = warns && link == "href";
        let is_before_spread = |at: Option<usize>| warns && at < tag.last_spread;
        let is_external = tag.link.is_some_and(|at| tag.is_external(at)) || is_before_spread(tag.link);
        let is_dynamic = self.options.enforce_dynamic_links == Enforce::Always && tag.has_dynamic_link;
        let is_secure =
            !is_before_spread(tag.rel) && tag.rel.is_some_and(|rel| self.is_secure(tag, rel, link == "href"));
        (is_external || is_dynamic) && !is_secure
    }

    /// Whether the `rel` that holds where the target is a new tab is one of those asked for.
    fn is_secure(&self, tag: &Tag<'_, '_>, rel: usize, may_allow_referrer: bool) -> bool {
        let is_enough = |text: &str| {
            let text = text.to_lowercase();
            text.split(' ').any(|word| {
                word == "noreferrer"
                    || (word == "noopener" && may_allow_referrer && self.options.allow_referrer)
            })
        };
        let values = tag.values_of_rel(rel);
        values.iter().all(|value| value.as_deref().is_some_and(is_enough))
    }

    fn fix(&self, tag: &Tag<'_, '_>) -> Option<Fix> {
        let word = if self.options.allow_referrer { "noopener" } else { "noreferrer" };
        let first_rel = tag.first_rel;
        if tag.target < tag.last_spread || (tag.last_spread.is_some() && first_rel.is_none()) {
            return None;
        }
        let Some(rel) = first_rel.and_then(|at| tag.attributes.get(at)) else {
            let end = tag.attributes.last()?.end_byte();
            return Some(Fix::safe(vec![Edit::insert(end, format!(" rel=\"{word}\""))]));
        };
        let edit = match value_of(*rel) {
            None => Edit::insert(rel.end_byte(), format!("=\"{word}\"")),
            Some(value) if value.kind() == "string" => with_noreferrer(value, &tag.plain_text(value)?),
            Some(value) => {
                let expression = expression_of(value)?;
                match expression.kind() {
                    "string" => with_noreferrer(expression, &string_value(tag.file, expression)?),
                    "number" | "true" | "false" | "null" | "regex" => {
                        Edit::replace(value.byte_range(), "\"noreferrer\"")
                    }
                    _ => return None,
                }
            }
        };
        Some(Fix::safe(vec![edit]))
    }
}

/// Adds the word to what the string says already.
fn with_noreferrer(string: Node<'_>, text: &str) -> Edit {
    let mut parts: Vec<&str> = text.split("noreferrer").filter(|part| !part.is_empty()).collect();
    parts.push("noreferrer");
    Edit::replace(string.byte_range(), format!("\"{}\"", parts.join(" ")))
}

/// The value of an attribute, behind its `=`.
fn value_of(attribute: Node<'_>) -> Option<Node<'_>> {
    named_children(attribute).nth(1)
}

/// What stands in the braces of an attribute's value.
fn expression_of(value: Node<'_>) -> Option<Node<'_>> {
    (value.kind() == "jsx_expression").then(|| first_named_child(value)).flatten().map(without_parens)
}

/// The attributes of an opening tag, and where among them those stand that matter; the last of a name counts.
struct Tag<'f, 't> {
    file: &'f ParsedFile<'t>,
    attributes: Vec<Node<'t>>,
    target: Option<usize>,
    link: Option<usize>,
    rel: Option<usize>,
    first_rel: Option<usize>,
    last_spread: Option<usize>,
    has_dynamic_link: bool,
}

impl<'f, 't> Tag<'f, 't> {
    fn read(file: &'f ParsedFile<'t>, node: Node<'t>, link: &str) -> Self {
        let mut cursor = node.walk();
        let attributes: Vec<Node<'t>> = node.children_by_field_name("attribute", &mut cursor).collect();
        let has_name = |attribute: &Node<'t>, wanted: &str| {
            let name = first_named_child(*attribute).filter(|_| attribute.kind() == "jsx_attribute");
            name.is_some_and(|name| name.kind() == "property_identifier" && file.text(name) == wanted)
        };
        let last = |wanted: &str| attributes.iter().rposition(|attribute| has_name(attribute, wanted));
        let is_dynamic = |attribute: &Node<'t>| {
            has_name(attribute, link)
                && value_of(*attribute).is_some_and(|value| value.kind() == "jsx_expression")
        };
        Self {
            file,
            target: last("target"),
            link: last(link),
            rel: last("rel"),
            first_rel: attributes.iter().position(|attribute| has_name(attribute, "rel")),
            last_spread: attributes.iter().rposition(|attribute| attribute.kind() == "jsx_expression"),
            has_dynamic_link: attributes.iter().any(is_dynamic),
            attributes,
        }
    }

    fn value(&self, at: usize) -> Option<Node<'t>> {
        self.attributes.get(at).and_then(|attribute| value_of(*attribute))
    }

    /// The text of an attribute's value that is written without braces; it has no escapes.
    fn plain_text(&self, value: Node<'t>) -> Option<Cow<'t, str>> {
        let range = value.byte_range();
        let bytes = self.file.bytes.get(range.start + 1..range.end.saturating_sub(1))?;
        (value.kind() == "string").then(|| String::from_utf8_lossy(bytes))
    }

    /// Whether the attribute may say `_blank`.
    fn opens_tab(&self, at: usize) -> bool {
        let Some(value) = self.value(at) else { return false };
        let is_blank = |text: Option<Cow<'_, str>>| text.is_some_and(|text| text.to_lowercase() == "_blank");
        let Some(expression) = expression_of(value) else { return is_blank(self.plain_text(value)) };
        let is_blank_part = |field: &str| {
            let part = expression.child_by_field_name(field).map(without_parens);
            part.is_some_and(|part| is_blank(string_value(self.file, part)))
        };
        match expression.kind() {
            "ternary_expression" => is_blank_part("consequence") || is_blank_part("alternative"),
            _ => is_blank(string_value(self.file, expression)),
        }
    }

    /// Whether the attribute names another site: it starts with a scheme or with `//`.
    fn is_external(&self, at: usize) -> bool {
        let Some(text) = self.value(at).and_then(|value| self.plain_text(value)) else { return false };
        let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let rest = text.trim_start_matches(is_word);
        text.starts_with("//") || (rest.len() < text.len() && rest.starts_with(':'))
    }

    /// The texts that `rel` may have; `None` for what is not text.
    fn values_of_rel(&self, at: usize) -> Vec<Option<Cow<'t, str>>> {
        let Some(value) = self.value(at) else { return vec![None] };
        let Some(expression) = expression_of(value) else { return vec![self.plain_text(value)] };
        match expression.kind() {
            "template_string" => vec![self.start_of_template(expression)],
            "ternary_expression" => self.values_of_condition(expression),
            _ => vec![string_value(self.file, expression)],
        }
    }

    fn start_of_template(&self, template: Node<'t>) -> Option<Cow<'t, str>> {
        text_value(self.file, template).or_else(|| {
            let first = first_named_child(template)?;
            Some(if first.kind() == "string_fragment" { self.file.text(first) } else { Cow::Borrowed("") })
        })
    }

    /// Both branches, or the one that goes with `_blank` where `target` depends on the same name.
    fn values_of_condition(&self, condition: Node<'t>) -> Vec<Option<Cow<'t, str>>> {
        let parts = |node: Node<'t>| {
            ["consequence", "alternative"].map(|field| {
                let part = node.child_by_field_name(field).map(without_parens);
                part.and_then(|part| string_value(self.file, part))
            })
        };
        let name = |node: Node<'t>| {
            let test = node.child_by_field_name("condition").map(without_parens);
            test.filter(|test| test.kind() == "identifier").map(|test| self.file.text(test))
        };
        let target = self.target.and_then(|at| self.value(at)).and_then(expression_of);
        let target = target.filter(|target| target.kind() == "ternary_expression");
        let own = parts(condition);
        let Some(target) = target.filter(|target| name(*target) == name(condition)) else {
            return own.to_vec();
        };
        let blank = parts(target).iter().position(|part| part.as_deref() == Some("_blank"));
        vec![blank.and_then(|blank| own.get(blank).cloned().flatten())]
    }
}
