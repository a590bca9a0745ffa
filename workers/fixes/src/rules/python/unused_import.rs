//! `F401`: an import that nothing uses.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, option};
use crate::rules::manual::rule_type;
use crate::scopes::python::{Binding, BindingKind, Handled, PythonScopes, ScopeKind, StatementId};
use crate::source::ParsedFile;

use super::import_members::{Remaining, without_members};
use super::statement_edits::{delete_statement, find_statement, is_import, isolated};
use super::stdlib::is_standard_module;

rule_type! {
    /// ## What it does
    /// Finds imports whose names are never used (ruff's `unused-import`): not in code, not in annotations or
    /// types that are strings, not in `__all__`. An alias that repeats the name (`import a as a`) counts as an
    /// export.
    ///
    /// ## Why is this bad?
    /// An import costs time when the module is loaded, can lead to cycles, and makes readers look for a use
    /// that is not there.
    ///
    /// ## Example
    /// ```python
    /// import os
    /// import sys
    ///
    /// print(sys.argv)
    /// ```
    /// Use instead:
    /// ```python
    /// import sys
    ///
    /// print(sys.argv)
    /// ```
    ///
    /// ## Options
    /// - `allowed-unused-imports`: modules, and members of modules, that may be imported for their effects.
    /// - `ignore-init-module-imports` (default `true`): offer no fix in `__init__.py`.
    ///
    /// ## Fix safety
    /// Safe, except in `__init__.py`, where names are often imported for others to import. There is no fix in a
    /// `try` that handles a failing import, since such an import may be a test whether a module is there.
    pub struct UnusedImport {
        allowed: Vec<String>,
        fixes_init: bool,
    }
}

impl UnusedImport {
    /// ruff's defaults.
    pub const DEFAULT: Self = Self { allowed: Vec::new(), fixes_init: false };
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Options {
    allowed_unused_imports: Vec<String>,
    ignore_init_module_imports: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { allowed_unused_imports: Vec::new(), ignore_init_module_imports: true }
    }
}

static META: Meta = Meta {
    id: "F401",
    origin: "ruff",
    category: Category::Redundancy,
    languages: &[Language::Python],
    level: Level::Warning,
    summary: "Finds imports whose names are never used.",
    docs: UnusedImport::MANUAL,
};

impl Rule for UnusedImport {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        let options = option::<Options>(options, 0)?;
        Ok(Arc::new(Self {
            allowed: options.allowed_unused_imports,
            fixes_init: !options.ignore_init_module_imports,
        }))
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["module"]
    }

    fn best_applicability(&self) -> Applicability {
        Applicability::Safe
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, _node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(scopes) = file.python_scopes().filter(|scopes| scopes.is_sound()) else { return };
        // One fix takes all that goes out of a statement.
        let mut by_statement: BTreeMap<(StatementId, Handled), Vec<&Binding>> = BTreeMap::new();
        for (id, binding) in scopes.bindings() {
            if binding.is_used
                || !scopes.is_last(id)
                || !is_removable(scopes, binding)
                || self.allows(binding)
            {
                continue;
            }
            let Some(statement) = binding.statement else { continue };
            let is_from = matches!(binding.kind, BindingKind::FromImport(_));
            let suppress = |at| file.suppressions().suppress(at, META.id, META.origin);
            let is_kept_back =
                suppress(binding.range.start) || is_from && suppress(scopes.statement(statement).range.start);
            if !is_kept_back {
                by_statement.entry((statement, binding.handled)).or_default().push(binding);
            }
        }
        for ((statement, handled), bindings) in by_statement {
            let fix = self.fix(file, &scopes.statement(statement).range, &bindings, handled);
            for binding in bindings {
                let message = message(file, scopes, binding, handled);
                out.push(Finding::new(&META, binding.range.clone(), message).with_fix(fix.clone()));
            }
        }
    }
}

fn is_removable(scopes: &PythonScopes, binding: &Binding) -> bool {
    path_of(binding).is_some()
        && matches!(scopes.scope(binding.scope).kind, ScopeKind::Module | ScopeKind::Function)
        && !binding.is_global
        && !binding.is_nonlocal
        && !binding.is_explicit_export
}

fn path_of(binding: &Binding) -> Option<&str> {
    match &binding.kind {
        BindingKind::Import(path) | BindingKind::SubmoduleImport(path) | BindingKind::FromImport(path) => {
            Some(path)
        }
        _ => None,
    }
}

fn is_init(file: &ParsedFile<'_>) -> bool {
    file.facts.path.rsplit('/').next() == Some("__init__.py")
}

fn message(file: &ParsedFile<'_>, scopes: &PythonScopes, binding: &Binding, handled: Handled) -> String {
    let path = path_of(binding).unwrap_or_default();
    if handled.covers_imports() {
        return format!(
            "`{path}` imported but unused; consider using `importlib.util.find_spec` to test for availability"
        );
    }
    let is_of_module = scopes.scope(binding.scope).kind == ScopeKind::Module;
    if is_of_module && is_init(file) && is_first_party(file, binding) {
        return format!(
            "`{path}` imported but unused; consider removing, adding to `__all__`, or using a redundant alias"
        );
    }
    format!("`{path}` imported but unused")
}

/// Relative imports are of the package, and so are those of a folder that the file lies in.
fn is_first_party(file: &ParsedFile<'_>, binding: &Binding) -> bool {
    let path = path_of(binding).unwrap_or_default();
    let root = path.split('.').next().unwrap_or_default();
    if root.is_empty() {
        return true;
    }
    !is_standard_module(root) && file.facts.path.rsplit('/').skip(1).any(|folder| folder == root)
}

impl UnusedImport {
    fn allows(&self, binding: &Binding) -> bool {
        let path = path_of(binding).unwrap_or_default();
        self.allowed.iter().any(|allowed| {
            path.strip_prefix(allowed.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }

    fn fix(
        &self,
        file: &ParsedFile<'_>,
        statement: &Range<usize>,
        bindings: &[&Binding],
        handled: Handled,
    ) -> Option<Fix> {
        if handled.covers_imports() || is_init(file) && !self.fixes_init {
            return None;
        }
        let (statement, block) = find_statement(file, statement)?;
        let names: Vec<&str> = bindings.iter().map(|binding| member_name(binding)).collect();
        let edit = match without_members(file, statement, names)? {
            Remaining::Nothing => delete_statement(file, statement, block),
            Remaining::Text(text) => Edit::replace(statement.byte_range(), text),
        };
        let applicability = if is_init(file) { Applicability::Unsafe } else { Applicability::Safe };
        Some(isolated(Fix::new(applicability, vec![edit]), block, is_import))
    }
}

/// What a binding is called in its statement: a module, or a member of one.
fn member_name(binding: &Binding) -> &str {
    let path = path_of(binding).unwrap_or_default();
    match binding.kind {
        BindingKind::FromImport(_) => path.rsplit('.').next().unwrap_or_default(),
        _ => path,
    }
}
