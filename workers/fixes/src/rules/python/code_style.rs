//! How a file spells what can be spelled in several ways: its quotes and its indentation.

use tree_sitter::Node;

use crate::engine::walk;
use crate::source::ParsedFile;

use super::lines::{indentation, is_blank, line_start};
use super::literal_types::{has_letter, prefix_of};

/// The quote of the file's first string that is not triple quoted (of f-strings, of any); `"` without one.
#[must_use]
pub(super) fn preferred_quote(file: &ParsedFile<'_>) -> char {
    *file.python.quote.get_or_init(|| first_quote(file).unwrap_or('"'))
}

fn first_quote(file: &ParsedFile<'_>) -> Option<char> {
    let mut found = None;
    walk(file.tree, |node, _| {
        if found.is_none() && node.kind() == "string" {
            let prefix = prefix_of(file, node);
            let opening = opening_quotes(file, node);
            let is_interpolated = has_letter(prefix, b'f');
            if (opening.len() < 3 && !has_letter(prefix, b't')) || is_interpolated {
                found = opening.first().copied();
            }
        }
        found.is_none()
    });
    found.map(char::from)
}

/// The quotes that `string` opens with: one or three.
#[must_use]
pub(crate) fn opening_quotes<'t>(file: &ParsedFile<'t>, string: Node<'_>) -> &'t [u8] {
    let opening = string.child(0).map(|start| file.bytes_of(start.byte_range())).unwrap_or_default();
    &opening[prefix_of(file, string).len()..]
}

/// One level of indentation: that of the first indented block, else of the first line that goes on an
/// expression, else four spaces.
#[must_use]
pub(super) fn indentation_unit<'f>(file: &'f ParsedFile<'_>) -> &'f str {
    file.python.indentation.get_or_init(|| {
        let unit = block_indentation(file).or_else(|| continuation_indentation(file)).unwrap_or(b"    ");
        String::from_utf8_lossy(unit).into_owned()
    })
}

fn block_indentation<'t>(file: &ParsedFile<'t>) -> Option<&'t [u8]> {
    let mut unit = None;
    walk(file.tree, |node, _| {
        if unit.is_none() && node.kind() == "block" {
            unit = indentation(file.bytes, node.start_byte()).filter(|unit| !unit.is_empty());
            // A form feed starts the count anew.
            unit = unit.and_then(|unit| unit.rsplit(|byte| *byte == b'\x0c').next());
        }
        unit.is_none()
    });
    unit
}

fn continuation_indentation<'t>(file: &ParsedFile<'t>) -> Option<&'t [u8]> {
    let starts_line = |token: &Node<'t>| {
        let indent = indentation(file.bytes, token.start_byte())?;
        (!indent.is_empty()).then(|| {
            let start = line_start(file.bytes, token.start_byte());
            let len = file.bytes[start..].iter().take_while(|byte| is_blank(**byte)).count();
            file.bytes_of(start..start + len)
        })
    };
    file.tokens().iter().find_map(starts_line)
}
