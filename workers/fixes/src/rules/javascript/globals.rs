//! Whether a name means a global that the language or the configuration provides.

use std::ops::Range;

use tree_sitter::Node;

use super::directives::directives;
use super::syntax::identifier_name;
use crate::source::ParsedFile;

/// Names that came with later editions of ECMAScript than the fifth.
const SINCE: &[(&str, u16)] = &[
    ("ArrayBuffer", 2015),
    ("DataView", 2015),
    ("Map", 2015),
    ("Promise", 2015),
    ("Proxy", 2015),
    ("Reflect", 2015),
    ("Set", 2015),
    ("Symbol", 2015),
    ("WeakMap", 2015),
    ("WeakSet", 2015),
    ("Atomics", 2017),
    ("SharedArrayBuffer", 2017),
    ("BigInt", 2020),
    ("globalThis", 2020),
    ("AggregateError", 2021),
    ("FinalizationRegistry", 2021),
    ("WeakRef", 2021),
    ("Iterator", 2025),
    ("Float16Array", 2025),
];

/// Whether `node` is the identifier `name`, and it means the global of that name: nothing in the file shadows it,
/// no configuration or `/* global name: off */` takes it away, and the target's edition has it. Resolves the
/// file's scopes; `false` where they are not known.
pub(crate) fn is_global<'t>(file: &ParsedFile<'t>, node: Node<'t>, name: &str) -> bool {
    node.kind() == "identifier"
        && identifier_name(file, node) == name
        && exists(file, name)
        && file.scopes().is_some_and(|scopes| scopes.is_unshadowed_global(node.start_byte()))
}

/// Whether `node` is `undefined` and means what it says.
pub(crate) fn is_undefined<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> bool {
    matches!(node.kind(), "undefined" | "identifier")
        && identifier_name(file, node) == "undefined"
        && exists(file, "undefined")
        && file.scopes().is_some_and(|scopes| scopes.is_unshadowed_global(node.start_byte()))
}

/// Whether `name`, written at `range`, would mean the global of that name.
pub(crate) fn would_be_global(file: &ParsedFile<'_>, range: &Range<usize>, name: &str) -> bool {
    exists(file, name)
        && file.scopes().is_some_and(|scopes| scopes.lookup(scopes.innermost(range), name).is_none())
}

/// Whether the configuration or a comment says that there is a global of that name.
pub(crate) fn is_configured(file: &ParsedFile<'_>, name: &str) -> bool {
    said_in_comments(file, name)
        .or_else(|| file.facts.globals.get(name).copied())
        .is_some_and(|exists| exists)
}

/// Whether there is a global of that name where the file runs.
pub(crate) fn exists(file: &ParsedFile<'_>, name: &str) -> bool {
    let said = said_in_comments(file, name).or_else(|| file.facts.globals.get(name).copied());
    said.unwrap_or_else(|| {
        let since = SINCE.iter().find(|(known, _)| *known == name).map_or(0, |(_, year)| *year);
        file.facts.target.ecmascript.is_none_or(|year| since <= year)
    })
}

/// What the last `/* global a, b: off */` says of `name`.
fn said_in_comments(file: &ParsedFile<'_>, name: &str) -> Option<bool> {
    let lists = directives(file).filter(|directive| directive.is_globals());
    let said = lists.flat_map(|directive| directive.entries()).filter(|entry| entry.name == name).last()?;
    Some(said.value.as_deref() != Some("off"))
}
