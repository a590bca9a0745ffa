//! `UP006`: `typing.List` where `list` does.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Gate, Level, Meta, Rule, option};
use crate::rules::manual::rule_type;
use crate::scopes::python::{BindingKind, Place};
use crate::source::ParsedFile;

use super::importer::{Available, Request, builtin, member};
use super::type_view::{RuntimeTyping, TypeView, for_each_in_types};

rule_type! {
    /// ## What it does
    /// Finds generics of `typing` that have a counterpart among the builtins or in `collections` (ruff's
    /// `non-pep585-annotation`), also in types that are strings.
    ///
    /// ## Why is this bad?
    /// Since Python 3.9 (PEP 585) `list[int]` means what `typing.List[int]` means, needs no import, and the
    /// older spelling is deprecated.
    ///
    /// ## Example
    /// ```python
    /// from typing import List
    ///
    /// def total(prices: List[int]) -> int: ...
    /// ```
    /// Use instead:
    /// ```python
    /// def total(prices: list[int]) -> int: ...
    /// ```
    ///
    /// ## Options
    /// - `keep-runtime-typing` (default `false`): leave the annotations of files with
    ///   `from __future__ import annotations` alone where the version of Python is too old to evaluate the new
    ///   spelling.
    ///
    /// ## Fix safety
    /// Safe for Python 3.10 and later. For older versions it is unsafe, since libraries that read annotations
    /// while the program runs may not understand the new spelling; it is only a suggestion where the version is
    /// not known.
    pub struct NonPep585Annotation {
        options: RuntimeTyping,
    }
}

impl NonPep585Annotation {
    /// ruff's defaults.
    pub const DEFAULT: Self = Self { options: RuntimeTyping { keep_runtime_typing: false } };
}

static META: Meta = Meta {
    id: "UP006",
    origin: "ruff",
    category: Category::Modernise,
    languages: &[Language::Python],
    level: Level::Note,
    summary: "Finds generics of `typing` that builtin types replace.",
    docs: NonPep585Annotation::MANUAL,
};

impl Rule for NonPep585Annotation {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        Ok(Arc::new(Self { options: option(options, 0)? }))
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["identifier", "attribute", "string", "concatenated_string"]
    }

    fn best_applicability(&self) -> Applicability {
        Applicability::Safe
    }

    fn hands_over_to(&self) -> &'static [&'static str] {
        &["F401"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(scopes) = file.python_scopes() else { return };
        for_each_in_types(file, scopes, node, |view, node| out.extend(check(view, node, self.options)));
    }
}

fn check(view: TypeView<'_, '_>, node: Node<'_>, options: RuntimeTyping) -> Option<Finding> {
    let path = match node.kind() {
        "identifier" => match &view.scopes.binding(view.binding_at(node.start_byte())?).kind {
            BindingKind::FromImport(path) => path.clone(),
            _ => return None,
        },
        "attribute" => {
            let last = node.child_by_field_name("attribute")?;
            GENERICS.iter().find(|(member, ..)| *member == view.text(last))?;
            view.qualified_name(node)?
        }
        _ => return None,
    };
    let (module, name) = path.rsplit_once('.')?;
    let (_, new_module, new_name, is_in_extensions) =
        GENERICS.iter().copied().find(|(member, ..)| *member == name)?;
    if !(module == "typing" || module == "typing_extensions" && is_in_extensions) {
        return None;
    }
    let place = place_of_head(view, node)?;
    let scopes = view.scopes;
    let minor = scopes.minor_version();
    let is_deferred = !options.keep_runtime_typing
        && minor >= 7
        && scopes.has_future_annotations()
        && place.flags.is_annotation();
    if !(scopes.is_stub() || minor >= 9 || is_deferred) || !scopes.is_python3() {
        return None;
    }
    let from: String = view.text(node).chars().filter(|letter| !letter.is_whitespace()).collect();
    let separator = if new_module.is_empty() { "" } else { "." };
    let message = format!("Use `{new_module}{separator}{new_name}` instead of `{from}` for type annotation");
    let fix = (!view.is_complex()).then(|| fix(view, node, place, new_module, new_name)).flatten();
    Some(Finding::new(&META, view.range_of(node), message).with_fix(fix))
}

fn place_of_head(view: TypeView<'_, '_>, node: Node<'_>) -> Option<Place> {
    let mut head = node;
    while let Some(object) = head.child_by_field_name("object") {
        head = super::type_syntax::bare(object);
    }
    view.place_of(head)
}

fn fix(view: TypeView<'_, '_>, node: Node<'_>, place: Place, module: &str, name: &str) -> Option<Fix> {
    let (scopes, file, at) = (view.scopes, view.file, node.start_byte());
    let Available { name, import, relies_on } = if module.is_empty() {
        builtin(file, scopes, name, at, place)?
    } else {
        member(file, scopes, Request { module, member: name, is_from: true }, at, place)?
    };
    let mut edits = vec![Edit::replace(node.byte_range(), name)];
    edits.extend(import);
    let minor = scopes.minor_version();
    let applicability = if minor >= 10 { Applicability::Safe } else { Applicability::Unsafe };
    let mut fix = Fix::new(applicability, edits);
    if let Some(import) = relies_on {
        fix = fix.claiming(import);
    }
    // Where annotations are not evaluated, any version takes them.
    Some(if minor >= 9 && !scopes.is_stub() { fix.needing(Gate::Python(3, 9)) } else { fix })
}

/// Members of `typing`, their new modules (none for builtins) and names, and whether `typing_extensions` has them.
const GENERICS: &[(&str, &str, &str, bool)] = &[
    ("Dict", "", "dict", false),
    ("FrozenSet", "", "frozenset", false),
    ("List", "", "list", false),
    ("Set", "", "set", false),
    ("Tuple", "", "tuple", false),
    ("Type", "", "type", true),
    ("Deque", "collections", "deque", true),
    ("DefaultDict", "collections", "defaultdict", true),
];
