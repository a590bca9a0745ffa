//! `no-useless-rename`: `{ a: a }` in patterns, `a as a` in imports and exports.

use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::syntax::{identifier_name, keep_only, static_name, without_parens};
use crate::rule::{Category, Finding, Fix, Level, Meta, Rule, option};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds imports, exports and destructured variables that are renamed to the name they have.
    ///
    /// ## Why is this bad?
    /// The second name says nothing and has to be kept in step with the first.
    ///
    /// ## Example
    /// ```js
    /// import { parse as parse } from "./parse.js";
    /// const { name: name, size: size = 0 } = parse(text);
    /// ```
    /// Use instead:
    /// ```js
    /// import { parse } from "./parse.js";
    /// const { name, size = 0 } = parse(text);
    /// ```
    ///
    /// ## Options
    /// - `ignoreDestructuring`: leave destructuring alone.
    /// - `ignoreImport`: leave imports alone.
    /// - `ignoreExport`: leave exports alone.
    ///
    /// ## Fix safety
    /// Safe: the short form means the same. There is no fix where it would lose a comment.
    pub struct NoUselessRename {
        options: Options,
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Options {
    ignore_destructuring: bool,
    ignore_import: bool,
    ignore_export: bool,
}

impl NoUselessRename {
    /// What ESLint does without options.
    pub const DEFAULT: Self =
        Self { options: Options { ignore_destructuring: false, ignore_import: false, ignore_export: false } };
}

static META: Meta = Meta {
    id: "no-useless-rename",
    origin: "ESLint",
    category: Category::Redundancy,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Disallows renaming imports, exports and destructured variables to the same name.",
    docs: NoUselessRename::MANUAL,
};

impl Rule for NoUselessRename {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        Ok(Arc::new(Self { options: option(options, 0)? }))
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["pair_pattern", "pair", "import_specifier", "export_specifier"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let rename = match node.kind() {
            "pair_pattern" if !self.options.ignore_destructuring => destructured(file, node),
            "pair" if !self.options.ignore_destructuring => parenthesised(file, node),
            "import_specifier" if !self.options.ignore_import => specifier(file, node, "Import"),
            "export_specifier" if !self.options.ignore_export => specifier(file, node, "Export"),
            _ => None,
        };
        if let Some(rename) = rename {
            out.push(rename.finding(file, node));
        }
    }
}

/// A rename from a name to itself.
struct Rename<'t> {
    /// What is renamed, as the message calls it.
    what: &'static str,
    name: String,
    /// The first of the two names, which goes away.
    initial: Node<'t>,
    /// What stays instead of the whole.
    kept: Node<'t>,
    /// Whether what stays can be written in the short form.
    can_shorten: bool,
}

impl Rename<'_> {
    /// The finding for the property or specifier `node`.
    fn finding(self, file: &ParsedFile<'_>, node: Node<'_>) -> Finding {
        let range = node.byte_range();
        // A modifier before the first name (`type a as a`) stays.
        let replaced = self.initial.start_byte()..range.end;
        let loses_comment = n_comments(file, &range) > n_comments(file, &self.kept.byte_range());
        let fix = (self.can_shorten && !loses_comment)
            .then(|| keep_only(replaced.clone(), self.kept.byte_range(), "", ""))
            .map(|edits| Fix::safe(edits).claiming(replaced));
        let message = format!("{} {} unnecessarily renamed.", self.what, self.name);
        Finding { rule: META.id, range, message, fix }
    }
}

fn destructured<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Rename<'t>> {
    let initial = node.child_by_field_name("key")?;
    let kept = without_parens(node.child_by_field_name("value")?);
    let target = match kept.kind() {
        "assignment_pattern" | "assignment_expression" => kept.child_by_field_name("left")?,
        _ => kept,
    };
    let variable = without_parens(target);
    if !matches!(variable.kind(), "identifier" | "undefined") {
        return None;
    }
    let name = static_name(file, initial)?;
    (name == identifier_name(file, variable)).then(|| Rename {
        what: "Destructuring assignment",
        name: name.into_owned(),
        initial,
        kept,
        can_shorten: target == kept || target == variable,
    })
}

/// The grammar has no patterns with parentheses in them: it takes `({ a: (a) } = b)` for an object literal and a
/// syntax error behind it.
fn parenthesised<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Rename<'t>> {
    let value = without_defaults(node.child_by_field_name("value")?);
    if value.kind() != "parenthesized_expression" || !file.tree.root_node().has_error() {
        return None;
    }
    let rename = destructured(file, node)?;
    let outermost = file
        .ancestors(node)
        .take_while(|around| matches!(around.kind(), "pair" | "object" | "array" | "assignment_expression"))
        .filter(|around| matches!(around.kind(), "object" | "array"));
    let is_assigned =
        |pattern: Node<'t>| file.token_after(pattern.end_byte()).is_some_and(|token| token.kind() == "=");
    outermost.into_iter().any(is_assigned).then_some(rename)
}

/// What `value = default` assigns.
fn without_defaults(value: Node<'_>) -> Node<'_> {
    match value.kind() {
        "assignment_expression" => value.child_by_field_name("left").unwrap_or(value),
        _ => value,
    }
}

fn specifier<'t>(file: &ParsedFile<'t>, node: Node<'t>, what: &'static str) -> Option<Rename<'t>> {
    let initial = node.child_by_field_name("name")?;
    let last = node.child_by_field_name("alias")?;
    let name = static_name(file, initial)?;
    (name == static_name(file, last)?).then(|| Rename {
        what,
        name: name.into_owned(),
        initial,
        // An import binds the second name; an export exposes the local one.
        kept: if what == "Import" { last } else { initial },
        can_shorten: true,
    })
}

fn n_comments(file: &ParsedFile<'_>, range: &Range<usize>) -> usize {
    let comments = file.comments();
    let first = comments.partition_point(|comment| comment.start < range.start);
    comments[first..].iter().take_while(|comment| comment.end <= range.end).count()
}
