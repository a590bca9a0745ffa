//! `UP007`: `Union[…]` where `|` does.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Applicability, Category, Finding, Level, Meta, Rule, option};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::pep604::{Operator, Site};
use super::type_view::{RuntimeTyping, for_each_in_types};

rule_type! {
    /// ## What it does
    /// Finds types that are spelled `typing.Union[…]` (ruff's `non-pep604-annotation-union`), also in strings.
    ///
    /// ## Why is this bad?
    /// Since Python 3.10 (PEP 604) `int | str` says the same in less and needs no import.
    ///
    /// ## Example
    /// ```python
    /// from typing import Union
    ///
    /// width: Union[int, str] = 1
    /// ```
    /// Use instead:
    /// ```python
    /// width: int | str = 1
    /// ```
    ///
    /// ## Options
    /// - `keep-runtime-typing` (default `false`): leave the annotations of files with
    ///   `from __future__ import annotations` alone where the version of Python is too old to evaluate the new
    ///   spelling.
    ///
    /// ## Fix safety
    /// Safe for Python 3.10 and later, unless it would delete a comment. For older versions it is unsafe, since
    /// libraries may evaluate annotations while the program runs; it is only a suggestion where the version is
    /// not known. There is no fix outside types, where the value of the expression may be used.
    pub struct NonPep604Union {
        options: RuntimeTyping,
    }
}

impl NonPep604Union {
    /// ruff's defaults.
    pub const DEFAULT: Self = Self { options: RuntimeTyping { keep_runtime_typing: false } };
}

static META: Meta = Meta {
    id: "UP007",
    origin: "ruff",
    category: Category::Modernise,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds `typing.Union` where the operator `|` says the same.",
    docs: NonPep604Union::MANUAL,
};

impl Rule for NonPep604Union {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        Ok(Arc::new(Self { options: option(options, 0)? }))
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["subscript", "generic_type", "string", "concatenated_string"]
    }

    fn best_applicability(&self) -> Applicability {
        Applicability::Safe
    }

    fn hands_over_to(&self) -> &'static [&'static str] {
        &["F401"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(scopes) = file.python_scopes() else { return };
        for_each_in_types(file, scopes, node, |view, node| {
            if let Some(site) = Site::of(view, node, Operator::Union, self.options) {
                let message = "Use `X | Y` for type annotations";
                out.push(Finding::new(&META, view.range_of(node), message).with_fix(site.union_fix()));
            }
        });
    }
}
