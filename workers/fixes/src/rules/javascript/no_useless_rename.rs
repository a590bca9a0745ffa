//! `no-useless-rename`: `{ a: a }` in patterns, `a as a` in imports and exports.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::syntax::{identifier_name, keep_only, static_name, without_parens};
use crate::rule::{Category, Finding, Fix, Level, Meta, Rule, without_options};
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
    /// ## Fix safety
    /// Safe: the short form means the same. There is no fix where it would lose a comment.
    pub struct NoUselessRename;
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
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["pair_pattern", "import_specifier", "export_specifier"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let rename = match node.kind() {
            "pair_pattern" => destructured(file, node),
            "import_specifier" => specifier(file, node, "Import"),
            _ => specifier(file, node, "Export"),
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
