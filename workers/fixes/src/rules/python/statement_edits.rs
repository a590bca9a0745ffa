//! Where statements stand, and how to take one away as ruff does.

use std::ops::Range;

use tree_sitter::Node;

use crate::engine::walk;
use crate::rule::{Edit, Fix};
use crate::source::ParsedFile;

use super::syntax::{code_children, utf8};

/// The statement node of that very range, and the module or block that holds it.
pub(super) fn find_statement<'t>(
    file: &ParsedFile<'t>,
    range: &Range<usize>,
) -> Option<(Node<'t>, Node<'t>)> {
    let mut cursor = file.tree.root_node().walk();
    let mut block = file.tree.root_node();
    loop {
        let node = cursor.node();
        if matches!(node.kind(), "module" | "block") {
            block = node;
        }
        cursor.goto_first_child_for_byte(range.start)?;
        // Children without width may stand before the one that is meant.
        while cursor.node().end_byte() < range.end {
            if !cursor.goto_next_sibling() {
                return None;
            }
        }
        let child = cursor.node();
        if child.byte_range() == *range && is_statement(child) {
            return Some((child, block));
        }
        if child.start_byte() > range.start {
            return None;
        }
    }
}

fn is_statement(node: Node<'_>) -> bool {
    matches!(node.kind(), "function_definition" | "class_definition") || node.kind().ends_with("_statement")
}

/// The edit that takes `statement` out of `block`; the last statement of a block becomes `pass`.
pub(super) fn delete_statement(file: &ParsedFile<'_>, statement: Node<'_>, block: Node<'_>) -> Edit {
    let range = statement.byte_range();
    if block.kind() == "block" && code_children(block).take(2).count() == 1 {
        return Edit::replace(range, "pass");
    }
    let bytes = file.bytes;
    if let Some(semicolon) = trailing_semicolon(bytes, range.end) {
        return Edit::delete(range.start..next_statement(bytes, semicolon));
    }
    if has_leading_content(bytes, range.start) {
        return Edit::delete(range);
    }
    if let Some(start) = preceding_continuation(file, range.start) {
        return Edit::delete(start..range.end);
    }
    Edit::delete(line_start(bytes, range.start)..full_line_end(bytes, range.end))
}

/// Keeps ruff's rule that a pass takes at most one statement out of a block, where more could empty it: where
/// all its statements are such as `may_go` says.
pub(super) fn isolated(fix: Fix, block: Node<'_>, may_go: impl Fn(Node<'_>) -> bool) -> Fix {
    let may_become_empty = block.kind() == "block" && code_children(block).all(may_go);
    if may_become_empty { fix.claiming(block.byte_range()) } else { fix }
}

/// Whether `statement` is an `import` of any form.
pub(super) fn is_import(statement: Node<'_>) -> bool {
    matches!(statement.kind(), "import_statement" | "import_from_statement" | "future_import_statement")
}

/// The start of the line that holds byte `at`.
pub(super) fn line_start(bytes: &[u8], at: usize) -> usize {
    bytes[..at.min(bytes.len())].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1)
}

/// The end of the line that holds byte `at`, before its line end.
pub(super) fn line_end(bytes: &[u8], at: usize) -> usize {
    let end = full_line_end(bytes, at);
    let line = &bytes[at.min(end)..end];
    let end_len = if line.ends_with(b"\r\n") { 2 } else { usize::from(line.ends_with(b"\n")) };
    end - end_len
}

/// The start of the line behind the one that holds byte `at`.
pub(super) fn full_line_end(bytes: &[u8], at: usize) -> usize {
    let at = at.min(bytes.len());
    bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |length| at + length + 1)
}

/// How the file ends its lines.
pub(super) fn line_ending(bytes: &[u8]) -> &'static str {
    let newline = bytes.iter().position(|byte| *byte == b'\n');
    let before = newline.and_then(|newline| bytes.get(newline.checked_sub(1)?));
    if before == Some(&b'\r') { "\r\n" } else { "\n" }
}

/// How the file indents: as its first indented block does.
pub(super) fn indentation_style<'t>(file: &ParsedFile<'t>) -> &'t str {
    let mut style = None;
    walk(file.tree, |node, _| {
        if style.is_none() && node.kind() == "block" {
            let first = code_children(node).next().map(|first| first.start_byte());
            let own_line = first.filter(|first| !has_leading_content(file.bytes, *first));
            style = own_line.and_then(|first| utf8(file, line_start(file.bytes, first)..first));
        }
        style.is_none()
    });
    // A form feed starts the count anew.
    let style = style.map(|style| style.rsplit('\x0c').next().unwrap_or(style));
    style.filter(|style| !style.is_empty()).unwrap_or("    ")
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\x0c')
}

/// Whether code stands before byte `at` on its line.
pub(super) fn has_leading_content(bytes: &[u8], at: usize) -> bool {
    !bytes[line_start(bytes, at)..at].iter().all(|byte| is_blank(*byte))
}

/// Whether code stands behind byte `at` on its line.
pub(super) fn has_trailing_content(bytes: &[u8], at: usize) -> bool {
    let rest = bytes[at..line_end(bytes, at)].trim_ascii_start();
    !rest.is_empty() && !rest.starts_with(b"#")
}

/// The semicolon behind a statement that ends at `at`, on the same line or behind backslashes.
fn trailing_semicolon(bytes: &[u8], at: usize) -> Option<usize> {
    let mut start = at;
    loop {
        let end = line_end(bytes, start);
        let blank = bytes[start..end].iter().take_while(|byte| is_blank(**byte)).count();
        match bytes.get(start + blank) {
            Some(b';') if start + blank < end => return Some(start + blank),
            Some(b'\\') if start + blank < end => {}
            _ => return None,
        }
        let next = full_line_end(bytes, start);
        if next >= bytes.len() {
            return None;
        }
        start = next;
    }
}

/// Where the statement behind a semicolon starts; the end of the line if there is none.
fn next_statement(bytes: &[u8], semicolon: usize) -> usize {
    let mut start = semicolon + 1;
    loop {
        let end = line_end(bytes, start);
        let blank = bytes[start..end].iter().take_while(|byte| is_blank(**byte)).count();
        if bytes.get(start + blank) == Some(&b'\\') && start + blank < end {
            let next = full_line_end(bytes, start);
            if next < bytes.len() {
                start = next;
                continue;
            }
        }
        return if start + blank == end { start } else { start + blank };
    }
}

/// The first of the backslashes that join the line of `at` with those before it.
pub(super) fn preceding_continuation(file: &ParsedFile<'_>, at: usize) -> Option<usize> {
    let bytes = file.bytes;
    if has_leading_content(bytes, at) {
        return None;
    }
    let mut found = None;
    let mut line = line_start(bytes, at);
    loop {
        // The line before, without its end.
        let newline = match line.checked_sub(1) {
            Some(newline) => newline,
            None => return found,
        };
        let has_return = newline.checked_sub(1).and_then(|before| bytes.get(before)) == Some(&b'\r');
        let end = newline - usize::from(has_return);
        let is_continuation = end.checked_sub(1).and_then(|last| bytes.get(last)) == Some(&b'\\')
            && !is_in_comment(file, end - 1);
        if !is_continuation {
            return found;
        }
        found = Some(end - 1);
        line = line_start(bytes, end - 1);
        if line == 0 || bytes[line..end - 1].iter().any(|byte| !is_blank(*byte)) {
            return found;
        }
    }
}

fn is_in_comment(file: &ParsedFile<'_>, at: usize) -> bool {
    file.has_comment_in(at..at + 1)
}
