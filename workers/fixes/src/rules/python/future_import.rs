//! `UP010`: `from __future__ import print_function`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Gate, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::future_names::{Name, NameUses};
use super::statement_deletion::{NameList, delete_statement};
use super::syntax::{has_comment_at, is_sound_python3};

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

/// The first version of Python that has all of [`super::future_names::PRESENT`].
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

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        const HINT: &[u8] = b"__future__";
        let is_too_old = file.facts.target.python.is_some_and(|version| version < NEEDED);
        if is_too_old
            || !file.bytes.windows(HINT.len()).any(|window| window == HINT)
            || !is_sound_python3(file)
        {
            return;
        }
        let mut by_statement: BTreeMap<usize, Statement<'t>> = BTreeMap::new();
        for name in NameUses::of(file, node).unused() {
            let statement = by_statement.entry(name.statement.start_byte()).or_insert_with(|| Statement {
                node: name.statement,
                block: name.block,
                unused: Vec::new(),
            });
            statement.unused.push(name);
        }
        out.extend(by_statement.into_values().map(|statement| statement.finding(file)));
    }
}

/// An import with names that nobody needs.
struct Statement<'t> {
    node: Node<'t>,
    block: Option<Node<'t>>,
    unused: Vec<Name<'t>>,
}

impl<'t> Statement<'t> {
    fn finding(mut self, file: &ParsedFile<'t>) -> Finding {
        self.unused.sort_by(|a, b| a.feature.cmp(b.feature));
        let quoted: Vec<String> = self.unused.iter().map(|name| format!("`{}`", name.feature)).collect();
        let plural = if quoted.len() == 1 { "" } else { "s" };
        let message = format!(
            "Unnecessary `__future__` import{plural} {} for target Python version",
            quoted.join(", ")
        );
        Finding::new(&META, self.node.byte_range(), message).with_fix(self.fix(file))
    }

    /// `None` if the rest of the statement cannot be copied.
    fn fix(&self, file: &ParsedFile<'t>) -> Option<Fix> {
        let list = NameList::of(self.node);
        let mut left: HashMap<&str, usize> = HashMap::new();
        for name in &self.unused {
            *left.entry(name.feature).or_default() += 1;
        }
        let items: Vec<Node<'t>> = self.node.children_by_field_name("name", &mut self.node.walk()).collect();
        let goes: Vec<bool> = items
            .iter()
            .map(|item| {
                let name = item.child_by_field_name("name").unwrap_or(*item);
                let left = left.get_mut(&*file.text(name)).filter(|left| **left > 0);
                left.map(|left| *left -= 1).is_some()
            })
            .collect();
        let edit = if goes.iter().all(|goes| *goes) {
            delete_statement(file, self.node, self.block)
        } else {
            let text = list.without(file, |index| goes[index])?;
            Edit::replace(self.node.byte_range(), text)
        };
        let has_comment = has_comment_at(file, &edit.range);
        let applicability = if has_comment { Applicability::Unsafe } else { Applicability::Safe };
        let fix = Fix::new(applicability, vec![edit]).needing(Gate::Python(NEEDED.0, NEEDED.1));
        // Of all statements of a block, the last one that goes must become `pass`: one at a time.
        Some(match self.block {
            Some(block) => fix.claiming(block.byte_range()),
            None => fix,
        })
    }
}
