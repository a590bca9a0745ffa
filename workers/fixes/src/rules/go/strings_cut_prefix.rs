//! `modernize-stringscutprefix`

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Gate, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::syntax::{MAX_DEPTH, arguments, called, is_same_code, named_children, operator, qualifier, side};

rule_type! {
    /// ## What it does
    /// Finds `HasPrefix` followed by `TrimPrefix` of the same text, and a comparison of the result of `TrimPrefix` with
    /// its argument; the same with `Suffix`, and in `bytes`.
    ///
    /// ## Why is this bad?
    /// `CutPrefix` and `CutSuffix` do both at once.
    ///
    /// ## Example
    /// ```go
    /// if strings.HasPrefix(s, "v") {
    /// 	use(strings.TrimPrefix(s, "v"))
    /// }
    /// ```
    /// Use instead:
    /// ```go
    /// if after, ok := strings.CutPrefix(s, "v"); ok {
    /// 	use(after)
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Safe for Go 1.20 and later; before, it is only suggested. Only the first `TrimPrefix` in the first statement of
    /// the block is replaced. Generated files are not mended.
    pub struct StringsCutPrefix;
}

static META: Meta = Meta {
    id: "modernize-stringscutprefix",
    origin: "modernize",
    category: Category::Modernise,
    languages: &[Language::Go],
    level: Level::Note,
    summary: "Finds `HasPrefix` and `TrimPrefix` where `CutPrefix` does both.",
    docs: StringsCutPrefix::MANUAL,
};

impl Rule for StringsCutPrefix {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["if_statement"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let finding = match node.child_by_field_name("initializer") {
            None => has_and_trim(file, node),
            Some(initializer) => trim_and_compare(file, node, initializer),
        };
        out.extend(finding.map(|finding| {
            Finding {
                fix: finding
                    .fix
                    .filter(|_| !file.go_names().is_generated())
                    .map(|fix| fix.needing(Gate::Go(1, 20))),
                ..finding
            }
        }));
    }
}

const PACKAGES: &[&str] = &["strings", "bytes"];

/// `Prefix` or `Suffix`, if a call calls `verb` with one of them and two arguments.
fn affix<'t>(
    file: &ParsedFile<'t>,
    call: Node<'t>,
    verb: &str,
) -> Option<(&'static str, Node<'t>, Node<'t>)> {
    let [text, affix] = arguments(call)?[..] else { return None };
    let (_, function) = called(file, call, PACKAGES)?;
    let word = match function.strip_prefix(verb)? {
        "Prefix" => "Prefix",
        "Suffix" => "Suffix",
        _ => return None,
    };
    Some((word, text, affix))
}

/// `if strings.HasPrefix(s, pre) { use(strings.TrimPrefix(s, pre)) }`
fn has_and_trim<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Finding> {
    let call = node.child_by_field_name("condition").filter(|call| call.kind() == "call_expression")?;
    let (word, text, cut) = affix(file, call, "Has")?;
    let body = node.child_by_field_name("consequence")?;
    let statements = named_children(body).into_iter().find(|child| child.kind() == "statement_list")?;
    let first = named_children(statements).into_iter().next()?;
    let is_same = |trim: Node<'t>| {
        affix(file, trim, "Trim").is_some_and(|(trimmed, other_text, other_cut)| {
            trimmed == word && is_same_code(file, text, other_text) && is_same_code(file, cut, other_cut)
        })
    };
    let trim = calls_in(first).into_iter().find(|trim| is_same(*trim))?;
    let rest = fresh(file, node, if word == "Prefix" { "after" } else { "before" });
    let found = fresh(file, node, "ok");
    let callee = call.child_by_field_name("function")?;
    let package = qualifier(file, trim);
    let fix = Fix::safe(vec![
        Edit::replace(callee.byte_range(), format!("{rest}, {found} := {package}Cut{word}")),
        Edit::insert(call.end_byte(), format!("; {found}")),
        Edit::replace(trim.byte_range(), rest),
    ]);
    let message = format!("Has{word} + Trim{word} can be simplified to Cut{word}");
    Some(Finding::new(&META, call.byte_range(), message).with_fix(fix))
}

/// `if rest := strings.TrimPrefix(s, pre); rest != s { … }`
fn trim_and_compare<'t>(file: &ParsedFile<'t>, node: Node<'t>, initializer: Node<'t>) -> Option<Finding> {
    let condition = node.child_by_field_name("condition").filter(|condition| operator(*condition) == "!=")?;
    let (left, right) = (condition.child_by_field_name("left")?, condition.child_by_field_name("right")?);
    let (name, call) = match (&side(initializer, "left")[..], &side(initializer, "right")[..]) {
        ([name], [call]) if initializer.kind() == "short_var_declaration" => (*name, *call),
        _ => return None,
    };
    let (word, text, _) = affix(file, call, "Trim")?;
    let compares = |one, other| is_same_code(file, name, one) && is_same_code(file, text, other);
    if !compares(left, right) && !compares(right, left) {
        return None;
    }
    let names = file.go_names();
    // Another `ok` may be hidden unless the statement uses it.
    let is_used = names
        .lookup("ok", node.start_byte())
        .is_some_and(|object| object.uses.iter().any(|at| node.byte_range().contains(at)));
    let found = if is_used { fresh(file, node, "ok") } else { "ok".to_owned() };
    let callee = call.child_by_field_name("function")?;
    let is_needed = names.at(name.start_byte()).is_none_or(|object| object.uses.len() >= 2);
    let rest = if is_needed { file.text(name) } else { "_".into() };
    let fix = Fix::safe(vec![
        Edit::replace(name.byte_range(), format!("{rest}, {found}")),
        Edit::replace(callee.byte_range(), format!("{}Cut{word}", qualifier(file, call))),
        Edit::replace(condition.byte_range(), found),
    ]);
    let message = format!("Trim{word} can be simplified to Cut{word}");
    let range = initializer.start_byte()..condition.end_byte();
    Some(Finding::new(&META, range, message).with_fix(fix))
}

/// The calls in a statement, outermost first; those at the start of a very long one.
fn calls_in(statement: Node<'_>) -> Vec<Node<'_>> {
    let mut calls = Vec::new();
    let mut cursor = statement.walk();
    let mut n_seen = 0;
    loop {
        n_seen += 1;
        if n_seen > 64 * MAX_DEPTH {
            return calls;
        }
        if cursor.node().kind() == "call_expression" {
            calls.push(cursor.node());
        }
        if cursor.goto_first_child() {
            continue;
        }
        while cursor.node() == statement || !cursor.goto_next_sibling() {
            if cursor.node() == statement || !cursor.goto_parent() {
                return calls;
            }
        }
    }
}

/// `preferred`, with a number if it means something where `node` stands.
fn fresh(file: &ParsedFile<'_>, node: Node<'_>, preferred: &str) -> String {
    let names = file.go_names();
    let numbered = (0..1000).map(|number| format!("{preferred}{number}"));
    let mut candidates = std::iter::once(preferred.to_owned()).chain(numbered);
    let is_free = |name: &String| names.lookup(name, node.start_byte()).is_none();
    candidates.find(is_free).unwrap_or_else(|| preferred.to_owned())
}
