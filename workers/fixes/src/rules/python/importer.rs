//! Makes a builtin or a member of a module available where a fix needs it, as ruff does: by a name that is there
//! already, by one more member of an import, or by a new import.

use std::ops::Range;

use tree_sitter::Node;

use crate::rule::Edit;
use crate::scopes::python::{BindingKind, Place, PythonScopes, Symbol};
use crate::source::ParsedFile;

use super::lines::{line_end, next_line};
use super::syntax::{code_children, utf8};

/// How to spell what was asked for.
#[derive(Debug)]
pub(super) struct Available {
    /// The expression that means it.
    pub(super) name: String,
    /// What has to be imported first.
    pub(super) import: Option<Edit>,
    /// An import that must not go at the same time.
    pub(super) relies_on: Option<Range<usize>>,
}

/// What is to be imported.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'s> {
    pub(super) module: &'s str,
    pub(super) member: &'s str,
    /// By `from module import member`, else by `import module`.
    pub(super) is_from: bool,
}

/// A builtin, at a place that starts at byte `at`.
pub(super) fn builtin(
    file: &ParsedFile<'_>,
    scopes: &PythonScopes,
    name: &str,
    at: usize,
    place: Place,
) -> Option<Available> {
    if scopes.is_builtin_at(name, place) {
        return Some(Available { name: name.to_owned(), import: None, relies_on: None });
    }
    member(file, scopes, Request { module: "builtins", member: name, is_from: false }, at, place)
}

/// A member of a module, at a place that starts at byte `at`. `None` where no name for it can be trusted.
pub(super) fn member(
    file: &ParsedFile<'_>,
    scopes: &PythonScopes,
    request: Request<'_>,
    at: usize,
    place: Place,
) -> Option<Available> {
    if let Some(found) = imported(scopes, request, place) {
        // An import below, or one that only type checkers see, is not there when the code runs.
        let is_there = found.statement.start <= at && (!found.is_typing_only || place.flags.is_typing_only());
        let relies_on = (!found.is_used).then_some(found.statement);
        return is_there.then_some(Available { name: found.name, import: None, relies_on });
    }
    let is_free = |name: &str| !matches!(scopes.symbol_at(name, place), Symbol::Binding(_));
    if let Some(statement) = import_from(file, request.module, at) {
        let edit = is_free(request.member).then(|| with_member(file, statement, request.member)).flatten()?;
        return Some(Available { name: request.member.to_owned(), import: Some(edit), relies_on: None });
    }
    let Request { module, member, is_from } = request;
    let (name, text) = if is_from {
        (member.to_owned(), format!("from {module} import {member}"))
    } else {
        (format!("{module}.{member}"), format!("import {module}"))
    };
    let is_bound_name_free = is_free(if is_from { member } else { module });
    is_bound_name_free.then(|| Available { name, import: Some(new_import(file, &text, at)), relies_on: None })
}

struct Imported {
    name: String,
    statement: Range<usize>,
    is_typing_only: bool,
    is_used: bool,
}

/// The import that a place can use; of several in a scope the last.
fn imported(scopes: &PythonScopes, request: Request<'_>, place: Place) -> Option<Imported> {
    let Request { module, member, .. } = request;
    let mut inner = Vec::new();
    for scope in scopes.scopes_around(place.scope) {
        let candidates = scopes.imports_in(scope, place).filter_map(|binding| {
            let name = scopes.name(binding.name);
            let spelled = match &binding.kind {
                BindingKind::Import(path) if path == module => format!("{name}.{member}"),
                BindingKind::FromImport(path) if path.rsplit_once('.') == Some((module, member)) => {
                    name.to_owned()
                }
                BindingKind::SubmoduleImport(path)
                    if path
                        .strip_prefix(module)
                        .is_some_and(|rest| rest.starts_with('.') || rest.is_empty()) =>
                {
                    format!("{module}.{member}")
                }
                _ => return None,
            };
            let is_hidden = inner.iter().any(|&scope| scopes.is_bound_at(scope, name, place));
            (!is_hidden).then_some((binding, spelled))
        });
        let last = candidates.max_by_key(|(binding, _)| binding.range.start);
        if let Some((binding, name)) = last {
            return Some(Imported {
                name,
                statement: scopes.statement(binding.statement?).range.clone(),
                is_typing_only: binding.is_typing_only,
                is_used: binding.is_used,
            });
        }
        inner.push(scope);
    }
    None
}

/// The imports at the top level that start before byte `at`.
fn imports_before<'t>(file: &ParsedFile<'t>, at: usize) -> impl Iterator<Item = Node<'t>> {
    code_children(file.tree.root_node()).take_while(move |statement| statement.start_byte() < at).filter(
        |statement| {
            matches!(
                statement.kind(),
                "import_statement" | "import_from_statement" | "future_import_statement"
            )
        },
    )
}

/// The last `from module import …` above.
fn import_from<'t>(file: &ParsedFile<'t>, module: &str, at: usize) -> Option<Node<'t>> {
    let is_of_module = |statement: &Node<'_>| {
        statement.child_by_field_name("module_name").is_some_and(|name| file.text(name) == module)
            && code_children(*statement).all(|child| child.kind() != "wildcard_import")
    };
    imports_before(file, at).filter(is_of_module).last()
}

/// Appends a member; the last comma of the list is repeated as it is spelled.
fn with_member(file: &ParsedFile<'_>, statement: Node<'_>, member: &str) -> Option<Edit> {
    let last = statement.children_by_field_name("name", &mut statement.walk()).last()?;
    let close = statement.children(&mut statement.walk()).find(|child| child.kind() == ")");
    let comma = statement
        .children(&mut statement.walk())
        .find(|child| child.kind() == "," && child.start_byte() >= last.end_byte());
    let text = match (comma, close) {
        (Some(_), Some(close)) => {
            let comma = utf8(file, last.end_byte()..close.start_byte())?;
            return Some(Edit::insert(close.start_byte(), format!("{member}{comma}")));
        }
        _ => format!(", {member}"),
    };
    Some(Edit::insert(last.end_byte(), text))
}

/// A new import behind the last one above, or at the start of the file.
fn new_import(file: &ParsedFile<'_>, text: &str, at: usize) -> Edit {
    match imports_before(file, at).last() {
        Some(statement) => behind_statement(file.bytes, statement.end_byte(), text),
        None => at_start(file, text),
    }
}

fn behind_statement(bytes: &[u8], end: usize, text: &str) -> Edit {
    let rest = &bytes[end..line_end(bytes, end)];
    let blank = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\x0c')).count();
    match rest.get(blank) {
        Some(b';') => Edit::insert(end + blank + 1, format!(" {text};")),
        Some(b'\\') => Edit::insert(end, format!("; {text}")),
        _ => own_line(bytes, next_line(bytes, end), text),
    }
}

fn own_line(bytes: &[u8], at: usize, text: &str) -> Edit {
    // Behind a last line without an end, one has to be made.
    let before = if at > 0 && bytes.get(at - 1) != Some(&b'\n') { "\n" } else { "" };
    Edit::insert(at, format!("{before}{text}\n"))
}

/// Behind the docstring and the comments that the file starts with.
fn at_start(file: &ParsedFile<'_>, text: &str) -> Edit {
    let bytes = file.bytes;
    let first = code_children(file.tree.root_node()).next();
    let docstring = first.filter(|statement| is_docstring(*statement));
    let mut at = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    if let Some(docstring) = docstring {
        let end = docstring.end_byte();
        let rest = bytes[end..line_end(bytes, end)].trim_ascii_start();
        if rest.starts_with(b";") {
            return behind_statement(bytes, end, text);
        }
        at = next_line(bytes, end);
    }
    let mut line = at;
    while line < bytes.len() {
        let content = bytes[line..line_end(bytes, line)].trim_ascii_start();
        let next = next_line(bytes, line);
        if content.starts_with(b"#") {
            at = next;
        } else if !content.is_empty() {
            break;
        }
        line = next;
    }
    own_line(bytes, at, text)
}

/// Whether a statement is a string and nothing else.
pub(super) fn is_docstring(statement: Node<'_>) -> bool {
    let mut children = code_children(statement);
    statement.kind() == "expression_statement"
        && children.next().is_some_and(|child| matches!(child.kind(), "string" | "concatenated_string"))
        && children.next().is_none()
}
