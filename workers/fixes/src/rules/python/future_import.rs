//! `UP010`: `from __future__ import print_function`.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Gate, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::scopes::python::{BindingKind, ScopeKind, StatementId};
use crate::source::ParsedFile;

use super::import_members::{Remaining, without_members};
use super::statement_edits::{delete_statement, find_statement};
use super::syntax::has_comment_at;

rule_type! {
    /// ## What it does
    /// Finds imports from `__future__` of features that are always there since Python 3.7: `print_function`,
    /// `unicode_literals`, `division` and the like (ruff's `unnecessary-future-import`).
    ///
    /// ## Why is this bad?
    /// They change nothing; they are leftovers from Python 2 and early 3.
    ///
    /// ## Example
    /// ```python
    /// from __future__ import annotations, print_function
    /// ```
    /// Use instead:
    /// ```python
    /// from __future__ import annotations
    /// ```
    ///
    /// ## Fix safety
    /// Safe, but unsafe where it deletes a comment. Features that the code uses as a name, or that it exports,
    /// are left alone, and so are files that are not sound Python 3.
    pub struct FutureImport;
}

static META: Meta = Meta {
    id: "UP010",
    origin: "ruff",
    category: Category::Modernise,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds imports from `__future__` of what is always there.",
    docs: FutureImport::MANUAL,
};

/// Features that Python has without being asked.
const PRESENT: &[&str] = &[
    "nested_scopes",
    "generators",
    "with_statement",
    "division",
    "absolute_import",
    "print_function",
    "unicode_literals",
    "generator_stop",
];

/// The first version of Python that has all of [`PRESENT`].
const NEEDED: (u16, u16) = (3, 7);

impl Rule for FutureImport {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["module"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, _node: Node<'t>, out: &mut Vec<Finding>) {
        const HINT: &[u8] = b"__future__";
        let is_too_old = file.facts.target.python.is_some_and(|version| version < NEEDED);
        if is_too_old || !file.bytes.windows(HINT.len()).any(|window| window == HINT) {
            return;
        }
        let Some(scopes) = file.python_scopes().filter(|scopes| scopes.is_sound()) else { return };
        let mut by_statement: BTreeMap<StatementId, Vec<&str>> = BTreeMap::new();
        for (_, binding) in scopes.bindings() {
            let name = scopes.name(binding.name);
            let is_unused = binding.kind == BindingKind::FutureImport
                && !binding.is_used
                && matches!(scopes.scope(binding.scope).kind, ScopeKind::Module | ScopeKind::Function)
                && PRESENT.contains(&name);
            if is_unused && let Some(statement) = binding.statement {
                by_statement.entry(statement).or_default().push(name);
            }
        }
        for (statement, names) in by_statement {
            out.extend(finding(file, &scopes.statement(statement).range, names));
        }
    }
}

/// What is to be said of the import at `range`, which imports `names` for nothing.
fn finding(file: &ParsedFile<'_>, range: &Range<usize>, mut names: Vec<&str>) -> Option<Finding> {
    let (statement, block) = find_statement(file, range)?;
    let renamed = renamed_members(file, statement);
    names.retain(|name| !renamed.contains(*name));
    if names.is_empty() {
        return None;
    }
    names.sort_unstable();
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let plural = if quoted.len() == 1 { "" } else { "s" };
    let message =
        format!("Unnecessary `__future__` import{plural} {} for target Python version", quoted.join(", "));
    Some(Finding::new(&META, range.clone(), message).with_fix(fix(file, statement, block, names)))
}

/// What the statement imports with `as`: such imports stay.
fn renamed_members(file: &ParsedFile<'_>, statement: Node<'_>) -> HashSet<String> {
    let items = statement.children_by_field_name("name", &mut statement.walk()).collect::<Vec<_>>();
    let renamed = items.into_iter().filter(|item| item.kind() == "aliased_import");
    renamed.filter_map(|item| Some(file.text(item.child_by_field_name("name")?).into_owned())).collect()
}

/// `None` if the rest of the statement cannot be copied.
fn fix(file: &ParsedFile<'_>, statement: Node<'_>, block: Node<'_>, names: Vec<&str>) -> Option<Fix> {
    let edit = match without_members(file, statement, names)? {
        Remaining::Nothing => delete_statement(file, statement, block),
        Remaining::Text(text) => Edit::replace(statement.byte_range(), text),
    };
    let has_comment = has_comment_at(file, &edit.range);
    let applicability = if has_comment { Applicability::Unsafe } else { Applicability::Safe };
    let fix = Fix::new(applicability, vec![edit]).needing(Gate::Python(NEEDED.0, NEEDED.1));
    // Of all statements of a block, the last one that goes must become `pass`: one at a time.
    Some(if block.kind() == "block" { fix.claiming(block.byte_range()) } else { fix })
}
