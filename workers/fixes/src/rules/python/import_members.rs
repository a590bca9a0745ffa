//! Imports without some of what they import.

use tree_sitter::Node;

use crate::scopes::python::normal_name;
use crate::source::ParsedFile;

use super::syntax::{code_children, utf8};

/// What is left of an import.
pub(super) enum Remaining {
    /// The statement is to go.
    Nothing,
    /// Its new text.
    Text(String),
}

/// The text of an import without the members of those names, each the first of its name. White space and
/// comments belong to the comma before them, and go with it; the end of the list stays as it was.
pub(super) fn without_members(
    file: &ParsedFile<'_>,
    statement: Node<'_>,
    mut names: Vec<&str>,
) -> Option<Remaining> {
    let items: Vec<Node<'_>> = statement.children_by_field_name("name", &mut statement.walk()).collect();
    let commas: Vec<Node<'_>> =
        statement.children(&mut statement.walk()).filter(|child| child.kind() == ",").collect();
    let close = statement.children(&mut statement.walk()).find(|child| child.kind() == ")");
    let (first, last) = (items.first()?, items.last()?);
    let end_of_list = close.map_or(statement.end_byte(), |close| close.start_byte());
    let has_trailing_comma = commas.len() >= items.len();
    let mut kept = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let name = name_of(file, *item);
        if let Some(at) = names.iter().position(|wanted| *wanted == name) {
            names.swap_remove(at);
            continue;
        }
        let comma = commas.get(index).map(|comma| {
            let end = items.get(index + 1).map_or(end_of_list, Node::start_byte);
            (item.end_byte()..end, comma.end_byte()..end)
        });
        kept.push((item.byte_range(), comma));
    }
    let Some((_, last_comma)) = kept.last_mut() else { return Some(Remaining::Nothing) };
    let has_comment = last_comma.as_ref().is_some_and(|(_, behind)| {
        let text = utf8(file, behind.clone()).unwrap_or_default();
        text.trim_start_matches([' ', '\t', '\x0c']).starts_with('#')
    });
    if !has_comment {
        *last_comma = has_trailing_comma.then(|| (last.end_byte()..end_of_list, 0..0));
    }
    let tail = if has_trailing_comma { end_of_list } else { last.end_byte() };
    let mut text = utf8(file, statement.start_byte()..first.start_byte())?.to_owned();
    for (item, comma) in kept {
        text.push_str(utf8(file, item)?);
        if let Some((comma, _)) = comma {
            text.push_str(utf8(file, comma)?);
        }
    }
    text.push_str(utf8(file, tail..statement.end_byte())?);
    Some(Remaining::Text(text))
}

fn name_of(file: &ParsedFile<'_>, item: Node<'_>) -> String {
    let path = item.child_by_field_name("name").unwrap_or(item);
    let parts: Vec<_> =
        code_children(path).map(|part| normal_name(file.bytes_of(part.byte_range()))).collect();
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::parse;
    use crate::language::Language;

    /// The import without the members of those names.
    fn left(text: &str, names: &[&str]) -> Option<String> {
        let tree = parse(text.as_bytes(), Language::Python);
        let file = ParsedFile::new(text.as_bytes(), Language::Python, &tree, &crate::facts::NO_FACTS);
        let statement = code_children(tree.root_node()).next().unwrap();
        match without_members(&file, statement, names.to_vec())? {
            Remaining::Nothing => None,
            Remaining::Text(text) => Some(text),
        }
    }

    #[test]
    fn names_go_with_their_commas() {
        for (before, goes, after) in [
            ("from a import b, c, d", "b", "from a import c, d"),
            ("from a import b, c, d", "d", "from a import b, c"),
            ("from a import (b, c,)", "c", "from a import (b,)"),
            ("from a import (\n  b,\n  c\n)", "c", "from a import (\n  b\n)"),
            ("from a import (\n  b,\n  c,\n)", "c", "from a import (\n  b,\n)"),
            ("from a import (\n  b,  # e\n  c\n)", "c", "from a import (\n  b,  # e\n  \n)"),
            ("import b as x, c", "c", "import b as x"),
        ] {
            assert_eq!(left(before, &[goes]).as_deref(), Some(after), "{before}");
        }
        assert_eq!(left("import a", &["a"]), None);
    }
}
