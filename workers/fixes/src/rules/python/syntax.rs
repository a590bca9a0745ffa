//! Python syntax below the level of a tree node: how a string literal is spelled, what parentheses hide, and
//! the few questions about text that several rules ask.

use std::ops::Range;

use tree_sitter::Node;

use crate::engine::walk;
use crate::source::ParsedFile;

/// One string literal as it is spelled; implicitly concatenated literals are several of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StringLiteral<'s> {
    /// The letters before the quote, as written: `""`, `"r"`, `"Rb"`.
    pub(super) prefix: &'s str,
    /// The opening quote, which is also the closing one: `'`, `"`, `'''` or `"""`.
    pub(super) quote: &'static str,
    /// What stands between the quotes, escapes as written.
    pub(super) content: &'s str,
}

impl<'s> StringLiteral<'s> {
    /// Takes the spelling of one literal apart; `None` if it is not a whole literal.
    #[must_use]
    pub(super) fn parse(text: &'s str) -> Option<Self> {
        let at = text.find(['\'', '"'])?;
        let (prefix, quoted) = text.split_at(at);
        if !prefix.bytes().all(|letter| letter.is_ascii_alphabetic()) {
            return None;
        }
        let quote = ["'''", "\"\"\"", "'", "\""].into_iter().find(|quote| quoted.starts_with(quote))?;
        // `''` starts with one quote, `''''''` with three: the longest opening that also closes is right.
        let content = quoted.strip_prefix(quote)?.strip_suffix(quote)?;
        Some(Self { prefix, quote, content })
    }

    /// The literal that `node` (of kind `string`) spells; `None` if it is not UTF-8.
    #[must_use]
    pub(super) fn of(file: &ParsedFile<'s>, node: Node<'_>) -> Option<Self> {
        Self::parse(utf8(file, node.byte_range())?)
    }

    /// Whether backslashes stand for themselves.
    #[must_use]
    pub(super) fn is_raw(&self) -> bool {
        self.has_prefix(b'r')
    }

    /// Whether it makes `bytes`.
    #[must_use]
    pub(super) fn is_bytes(&self) -> bool {
        self.has_prefix(b'b')
    }

    /// Whether it has fields of its own: an f-string or a template string.
    #[must_use]
    pub(super) fn is_interpolated(&self) -> bool {
        self.has_prefix(b'f') || self.has_prefix(b't')
    }

    /// Whether an escape (`\x7b`, `\N{LEFT CURLY BRACKET}`) makes a brace that the spelling does not show.
    #[must_use]
    pub(super) fn escapes_a_brace(&self) -> bool {
        !self.is_raw() && escapes(self.content).any(is_brace_escape)
    }

    fn has_prefix(&self, letter: u8) -> bool {
        self.prefix.bytes().any(|byte| byte.eq_ignore_ascii_case(&letter))
    }
}

/// What follows each escaping backslash of `content`, to the end of `content`.
fn escapes(content: &str) -> impl Iterator<Item = &str> {
    let mut rest = content;
    std::iter::from_fn(move || {
        let at = rest.find('\\')?;
        let escape = &rest[at + 1..];
        rest = escape.get(escape.chars().next().map_or(0, char::len_utf8)..)?;
        Some(escape)
    })
}

fn is_brace_escape(escape: &str) -> bool {
    let digits = |from: usize, len: usize, radix| {
        escape.get(from..from + len).and_then(|digits| u32::from_str_radix(digits, radix).ok())
    };
    let code = match escape.as_bytes().first() {
        Some(b'x') => digits(1, 2, 16),
        Some(b'u') => digits(1, 4, 16),
        Some(b'U') => digits(1, 8, 16),
        Some(b'0'..=b'7') => digits(0, 3, 8),
        Some(b'N') => {
            let name = escape.get(2..).and_then(|name| name.split('}').next()).unwrap_or_default();
            return name.to_ascii_uppercase().ends_with("CURLY BRACKET");
        }
        _ => None,
    };
    code == Some(u32::from(b'{')) || code == Some(u32::from(b'}'))
}

/// The text of `range`, `None` if it is not UTF-8: such text cannot be rebuilt in a fix.
#[must_use]
pub(super) fn utf8<'t>(file: &ParsedFile<'t>, range: Range<usize>) -> Option<&'t str> {
    std::str::from_utf8(file.bytes_of(range)).ok()
}

/// The named children that are code: no comments, no line continuations.
pub(super) fn code_children<'t>(node: Node<'t>) -> impl Iterator<Item = Node<'t>> {
    let mut cursor = node.walk();
    let mut more = cursor.goto_first_child();
    std::iter::from_fn(move || {
        while more {
            let child = cursor.node();
            more = cursor.goto_next_sibling();
            if child.is_named() && !child.is_extra() {
                return Some(child);
            }
        }
        None
    })
}

/// The expression inside any number of parentheses. Tuples and generators own theirs and are left as they are.
#[must_use]
pub(super) fn without_parentheses(mut node: Node<'_>) -> Node<'_> {
    while node.kind() == "parenthesized_expression" {
        let Some(inner) = code_children(node).next() else { break };
        node = inner;
    }
    node
}

/// The expression that a statement consists of, parentheses gone; `None` for other statements, and for `a, b`.
#[must_use]
pub(super) fn statement_value(statement: Node<'_>) -> Option<Node<'_>> {
    let mut parts = code_children(statement);
    let value = (statement.kind() == "expression_statement").then(|| parts.next())??;
    let is_tuple =
        parts.next().is_some() || statement.children(&mut statement.walk()).any(|child| child.kind() == ",");
    (!is_tuple).then(|| without_parentheses(value))
}

/// `x` of the target `(x)`, which the grammar takes for a tuple.
#[must_use]
pub(super) fn lone_element(node: Node<'_>) -> Option<Node<'_>> {
    let mut elements = code_children(node);
    let element = elements.next().filter(|_| node.kind() == "tuple_pattern")?;
    let has_comma = node.children(&mut node.walk()).any(|child| child.kind() == ",");
    (elements.next().is_none() && !has_comma).then_some(element)
}

/// Whether `is_wanted` holds for `node` or for anything in it. Does not recurse: code may nest deeply.
pub(super) fn any_within<'t>(node: Node<'t>, mut is_wanted: impl FnMut(Node<'t>) -> bool) -> bool {
    let mut cursor = node.walk();
    loop {
        if is_wanted(cursor.node()) {
            return true;
        }
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return false;
            }
        }
    }
}

/// Whether a comment lies in `range` or touches it.
#[must_use]
pub(super) fn has_comment_at(file: &ParsedFile<'_>, range: &Range<usize>) -> bool {
    let comments = file.comments();
    let at = comments.partition_point(|comment| comment.end < range.start);
    comments.get(at).is_some_and(|comment| comment.start <= range.end)
}

/// Whether `text`, put at `at`, would run together with the word before it (`if(x)` to `ifnot x`).
#[must_use]
pub(super) fn joins_word_before(file: &ParsedFile<'_>, at: usize, text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii();
    let before = at.checked_sub(1).map(|before| file.bytes[before]);
    before.is_some_and(is_word) && text.bytes().next().is_some_and(is_word)
}

/// Whether the file is sound Python 3. The grammar also reads the statements of Python 2, where a modern
/// spelling would not work.
#[must_use]
pub(super) fn is_sound_python3(file: &ParsedFile<'_>) -> bool {
    *file.python.is_sound.get_or_init(|| looks_like_python3(file))
}

fn looks_like_python3(file: &ParsedFile<'_>) -> bool {
    if file.tree.root_node().has_error() {
        return false;
    }
    let has = |word: &[u8]| file.bytes.windows(word.len()).any(|window| window == word);
    if !has(b"print") && !has(b"exec") {
        return true;
    }
    let mut is_python3 = true;
    walk(file.tree, |node, _| {
        is_python3 &= !matches!(node.kind(), "print_statement" | "exec_statement");
        // Statements nest in blocks and compound statements only; expressions need no look.
        is_python3
            && (node.kind() == "module"
                || node.kind() == "block"
                || node.kind().ends_with("_statement")
                || node.kind().ends_with("_clause")
                || node.kind().ends_with("_definition"))
    });
    is_python3
}

/// Literals and displays, whose operators are known.
#[must_use]
pub(super) fn is_display(kind: &str) -> bool {
    matches!(
        kind,
        "string"
            | "concatenated_string"
            | "integer"
            | "float"
            | "true"
            | "false"
            | "none"
            | "ellipsis"
            | "list"
            | "tuple"
            | "set"
            | "dictionary"
            | "list_comprehension"
            | "set_comprehension"
            | "dictionary_comprehension"
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::parse;
    use crate::language::Language;

    fn literal(text: &str) -> StringLiteral<'_> {
        StringLiteral::parse(text).unwrap()
    }

    fn with_file<T>(text: &str, look: impl FnOnce(&ParsedFile<'_>) -> T) -> T {
        let tree = parse(text.as_bytes(), Language::Python);
        look(&ParsedFile::new(text.as_bytes(), Language::Python, &tree, &crate::facts::NO_FACTS))
    }

    #[test]
    fn a_literal_has_a_prefix_quotes_and_content() {
        assert_eq!(literal("'a'"), StringLiteral { prefix: "", quote: "'", content: "a" });
        assert_eq!(literal("Rb\"a\""), StringLiteral { prefix: "Rb", quote: "\"", content: "a" });
        assert_eq!(literal("u'''a'b'''"), StringLiteral { prefix: "u", quote: "'''", content: "a'b" });
        assert_eq!(literal("\"\""), StringLiteral { prefix: "", quote: "\"", content: "" });
        assert_eq!(literal("\"\"\"\"\"\""), StringLiteral { prefix: "", quote: "\"\"\"", content: "" });
    }

    #[test]
    fn what_is_not_a_whole_literal_is_refused() {
        for text in ["", "a", "'", "'a", "'a\"", "'''a''", "1'a'"] {
            assert_eq!(StringLiteral::parse(text), None, "{text}");
        }
    }

    #[test]
    fn prefixes_are_read_in_any_case() {
        assert!(literal("Rb''").is_raw() && literal("rB''").is_bytes() && literal("F''").is_interpolated());
        assert!(!literal("u''").is_raw() && !literal("u''").is_bytes() && !literal("u''").is_interpolated());
    }

    #[test]
    fn hidden_braces_are_seen() {
        for text in [r"'\x7b'", r"'\u007D'", r"'\U0000007b'", r"'\173'", r"'\N{left curly bracket}'"] {
            assert!(literal(text).escapes_a_brace(), "{text}");
        }
        for text in [r"'{}'", r"'\\x7b'", r"r'\x7b'", r"'\x7'", r"'\N{SNOWMAN}'", r"'\é'", r"'\\'"] {
            assert!(!literal(text).escapes_a_brace(), "{text}");
        }
    }

    #[test]
    fn parentheses_are_seen_through() {
        with_file("((a # (\n))", |file| {
            let statement = code_children(file.tree.root_node()).next().unwrap();
            let outer = code_children(statement).next().unwrap();
            assert_eq!(file.text(without_parentheses(outer)), "a");
        });
    }

    #[test]
    fn a_comment_that_touches_counts() {
        with_file("f(a)# b\n", |file| {
            assert!(has_comment_at(file, &(1..4)));
            assert!(!has_comment_at(file, &(1..3)));
        });
    }

    #[test]
    fn words_run_together_only_with_words() {
        with_file("if(a)==b", |file| {
            assert!(joins_word_before(file, 2, "not (a)"));
            assert!(!joins_word_before(file, 2, "(a)"));
            assert!(!joins_word_before(file, 3, "not a"));
            assert!(!joins_word_before(file, 0, "not a"));
        });
    }

    #[test]
    fn python_2_statements_and_errors_are_told() {
        assert!(with_file("print('a')\nexec('b')\n", is_sound_python3));
        assert!(!with_file("if a:\n    try:\n        print 'a'\n    finally: pass\n", is_sound_python3));
        assert!(!with_file("def f(:\n", is_sound_python3));
    }

    proptest! {
        #[test]
        fn a_literal_is_its_parts(prefix in "[rRbBuUfF]{0,2}", quote in 0..4_usize, content in "[a-z{}\\\\ é]{0,8}") {
            let quote = ["'", "\"", "'''", "\"\"\""][quote];
            let text = format!("{prefix}{quote}{content}{quote}");
            prop_assert_eq!(literal(&text), StringLiteral { prefix: &prefix, quote: literal(&text).quote, content: &content });
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,24}") {
            if let Some(literal) = StringLiteral::parse(&text) {
                prop_assert!(!literal.escapes_a_brace() || text.contains('\\'));
            }
        }
    }
}
