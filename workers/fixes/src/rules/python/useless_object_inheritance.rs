//! `UP004`: `class A(object)`.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::names::{Meaning, resolve};
use super::syntax::{has_comment_at, is_sound_python3, without_parentheses};

rule_type! {
    /// ## What it does
    /// Finds classes that name the builtin `object` as a base (ruff's `useless-object-inheritance`).
    ///
    /// ## Why is this bad?
    /// In Python 3 each class inherits from `object`; saying so is a leftover from Python 2.
    ///
    /// ## Example
    /// ```python
    /// class Reader(object):
    ///     pass
    /// ```
    /// becomes
    /// ```python
    /// class Reader:
    ///     pass
    /// ```
    ///
    /// ## Fix safety
    /// Safe, but unsafe where it deletes a comment or touches one. Files that are not sound Python 3 are left
    /// alone, since in Python 2 the base makes a difference.
    pub struct UselessObjectInheritance;
}

static META: Meta = Meta {
    id: "UP004",
    origin: "ruff",
    category: Category::Modernise,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds classes that inherit from `object` in so many words.",
    docs: UselessObjectInheritance::MANUAL,
};

impl Rule for UselessObjectInheritance {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["class_definition"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let (Some(name), Some(bases)) =
            (node.child_by_field_name("name"), node.child_by_field_name("superclasses"))
        else {
            return;
        };
        let list = BaseList::of(bases);
        for (index, base) in list.bases.iter().map(|base| without_parentheses(*base)).enumerate() {
            if !is_builtin_object(file, base) || !is_sound_python3(file) {
                continue;
            }
            out.push(Finding {
                rule: META.id,
                range: base.byte_range(),
                message: format!("Class `{}` inherits from `object`", file.text(name)),
                fix: list.range_without(index).map(|range| fix(file, range)),
            });
        }
    }
}

fn is_builtin_object<'t>(file: &ParsedFile<'t>, base: Node<'t>) -> bool {
    let last_name = match base.kind() {
        "identifier" => base,
        "attribute" => base.child_by_field_name("attribute").unwrap_or(base),
        _ => return false,
    };
    // Another name could be an alias of `object`, but then someone means something by it.
    file.text(last_name) == "object"
        && match resolve(file, base) {
            Meaning::Builtin(_) => true,
            Meaning::Imported(path) => path == "builtins.object",
            Meaning::Other => false,
        }
}

fn fix(file: &ParsedFile<'_>, range: Range<usize>) -> Fix {
    let touches_comment = has_comment_at(file, &range);
    let edits = vec![Edit::delete(range)];
    if touches_comment { Fix::unsafe_(edits) } else { Fix::safe(edits) }
}

/// The parenthesised list after a class name.
struct BaseList<'t> {
    list: Node<'t>,
    bases: Vec<Node<'t>>,
    /// Commas, comments and the closing parenthesis, in order.
    rest: Vec<Node<'t>>,
}

impl<'t> BaseList<'t> {
    fn of(list: Node<'t>) -> Self {
        let children: Vec<Node<'t>> =
            list.children(&mut list.walk()).filter(|child| child.kind() != "(").collect();
        let (bases, rest) = children.into_iter().partition(|child| child.is_named() && !child.is_extra());
        Self { list, bases, rest }
    }

    /// What to delete so that the base at `index` goes: with the comma behind it and the white space up to
    /// the next token, else with the comma before it, else with the parentheses.
    fn range_without(&self, index: usize) -> Option<Range<usize>> {
        let base = self.bases[index].byte_range();
        if let Some(next) = self.bases.get(index + 1) {
            let comma = self.comma_after(base.end)?;
            let behind = self.rest.iter().find(|node| node.start_byte() > comma.start);
            let end = behind.map_or(next.start_byte(), |node| node.start_byte().min(next.start_byte()));
            return Some(base.start..end);
        }
        let Some(previous) = index.checked_sub(1) else { return Some(self.list.byte_range()) };
        let comma = self.comma_after(self.bases[previous].end_byte())?;
        Some(comma.start..base.end)
    }

    fn comma_after(&self, at: usize) -> Option<Range<usize>> {
        let comma = self.rest.iter().find(|node| node.kind() == "," && node.start_byte() >= at)?;
        Some(comma.byte_range())
    }
}
