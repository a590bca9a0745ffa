//! Questions of syntax that the rules of JavaScript and TypeScript share: parentheses, precedence, names,
//! neighbouring tokens, and what may stand at the start of a statement.
//!
//! The grammar keeps parentheses as nodes and comments as extra children; linters that work on ESTree see
//! neither, so most rules start with [`without_parens`] and [`place_of`].

use std::borrow::Cow;
use std::ops::Range;

use tree_sitter::Node;

use super::misread::holds_too_much;
use crate::rule::Edit;
use crate::source::ParsedFile;

/// `node` without the parentheses around its expression.
pub(crate) fn without_parens(node: Node<'_>) -> Node<'_> {
    let mut inner = node;
    while inner.kind() == "parenthesized_expression" {
        match first_named_child(inner) {
            Some(child) => inner = child,
            None => break,
        }
    }
    inner
}

/// Where an expression stands, the parentheses around it left out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'t> {
    /// The next node outwards that is more than parentheses, or the statement that owns them.
    pub(crate) parent: Node<'t>,
    /// The child of `parent` that holds the expression: itself, or the outermost parentheses around it.
    pub(crate) child: Node<'t>,
}

impl Place<'_> {
    /// Whether the expression is what `parent` calls `field`.
    pub(crate) fn is_field(&self, field: &str) -> bool {
        self.parent.child_by_field_name(field) == Some(self.child)
    }
}

/// Deeper than anyone writes by hand. Below, rules that look outwards are silent: each look costs the depth of
/// the node, so a hostile file of nothing but brackets would take for ever.
const MAX_DEPTH: usize = 250;

/// The nodes from the root down to `node`, both included; `None` if it lies absurdly deep.
pub(crate) fn path_to<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Vec<Node<'t>>> {
    let mut path = vec![node];
    for around in file.ancestors(node) {
        if path.len() > MAX_DEPTH {
            return None;
        }
        path.push(around);
    }
    path.reverse();
    Some(path)
}

/// The place of the last node of `path`; `None` at the root.
pub(crate) fn place_of<'t>(path: &[Node<'t>]) -> Option<Place<'t>> {
    let mut outwards = path.iter().rev();
    let mut child = *outwards.next()?;
    for &parent in outwards {
        if parent.kind() != "parenthesized_expression" {
            return Some(Place { parent, child });
        }
        child = parent;
    }
    None
}

/// The first child that is neither punctuation nor a comment.
pub(crate) fn first_named_child(node: Node<'_>) -> Option<Node<'_>> {
    named_children(node).next()
}

/// The children that are neither punctuation nor comments. Goes by a cursor, since a step from sibling to sibling
/// costs the depth of the node.
pub(crate) fn named_children<'t>(node: Node<'t>) -> impl Iterator<Item = Node<'t>> {
    let mut cursor = node.walk();
    let mut is_at_child = cursor.goto_first_child();
    let next_child = move || {
        let child = is_at_child.then(|| cursor.node());
        is_at_child = is_at_child && cursor.goto_next_sibling();
        child
    };
    std::iter::from_fn(next_child).filter(|child| child.is_named() && !is_comment(*child))
}

/// Whether `node` is a comment of any form.
pub(crate) fn is_comment(node: Node<'_>) -> bool {
    matches!(node.kind(), "comment" | "html_comment")
}

/// How tightly an expression holds together, loosest first, as ESLint ranks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Precedence {
    /// TypeScript's own expressions (`a as T`, `a!`): always given parentheses.
    Unknown,
    Sequence,
    Assignment,
    Conditional,
    /// `||` and `??`
    LogicalOr,
    LogicalAnd,
    BitOr,
    BitXor,
    BitAnd,
    Equality,
    Relational,
    Shift,
    Additive,
    Multiplicative,
    Power,
    Unary,
    Update,
    Call,
    New,
    Primary,
}

/// The precedence of an expression that has no parentheses around it.
pub(crate) fn precedence(node: Node<'_>) -> Precedence {
    match node.kind() {
        _ if holds_too_much(node) => Precedence::Unknown,
        "as_expression"
        | "satisfies_expression"
        | "type_assertion"
        | "non_null_expression"
        | "instantiation_expression" => Precedence::Unknown,
        "sequence_expression" => Precedence::Sequence,
        "assignment_expression"
        | "augmented_assignment_expression"
        | "arrow_function"
        | "yield_expression" => Precedence::Assignment,
        "ternary_expression" => Precedence::Conditional,
        "binary_expression" => binary_precedence(operator(node)),
        "unary_expression" | "await_expression" => Precedence::Unary,
        "update_expression" => Precedence::Update,
        "call_expression" => Precedence::Call,
        "new_expression" => Precedence::New,
        _ => Precedence::Primary,
    }
}

/// The precedence of a binary expression with that operator.
pub(crate) fn binary_precedence(operator: &str) -> Precedence {
    match operator {
        "||" | "??" => Precedence::LogicalOr,
        "&&" => Precedence::LogicalAnd,
        "|" => Precedence::BitOr,
        "^" => Precedence::BitXor,
        "&" => Precedence::BitAnd,
        "==" | "!=" | "===" | "!==" => Precedence::Equality,
        "<" | "<=" | ">" | ">=" | "in" | "instanceof" => Precedence::Relational,
        "<<" | ">>" | ">>>" => Precedence::Shift,
        "+" | "-" => Precedence::Additive,
        "*" | "/" | "%" => Precedence::Multiplicative,
        "**" => Precedence::Power,
        _ => Precedence::Unknown,
    }
}

/// The operator of a unary, binary or assignment expression, empty if there is none.
pub(crate) fn operator<'t>(node: Node<'t>) -> &'t str {
    node.child_by_field_name("operator").map_or("", |operator| operator.kind())
}

/// The name that an identifier spells, its `\u0061` escapes resolved.
pub(crate) fn identifier_name<'t>(file: &ParsedFile<'t>, node: Node<'_>) -> Cow<'t, str> {
    let text = file.text(node);
    if !text.contains('\\') {
        return text;
    }
    match unescape(&text) {
        Some(name) => Cow::Owned(name),
        None => text,
    }
}

/// The value of a string literal; `None` if it is not text (lone surrogates).
pub(crate) fn string_value<'t>(file: &ParsedFile<'t>, node: Node<'_>) -> Option<Cow<'t, str>> {
    let range = node.byte_range();
    if node.kind() != "string" || range.len() < 2 {
        return None;
    }
    let text = std::str::from_utf8(file.bytes_of(range.start + 1..range.end - 1)).ok()?;
    if text.contains('\\') { unescape(text).map(Cow::Owned) } else { Some(Cow::Borrowed(text)) }
}

/// The name that the key of a property or the name of an import or export specifier gives, if it is
/// written out as an identifier, keyword or string.
pub(crate) fn static_name<'t>(file: &ParsedFile<'t>, node: Node<'_>) -> Option<Cow<'t, str>> {
    match node.kind() {
        "string" => string_value(file, node),
        "identifier" | "property_identifier" | "undefined" | "default" => Some(identifier_name(file, node)),
        _ => None,
    }
}

/// Resolves the escapes of a string or identifier; `None` if the result is not text.
pub(super) fn unescape(text: &str) -> Option<String> {
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        if char != '\\' {
            push_char(&mut units, char);
            continue;
        }
        match chars.next()? {
            'n' => units.push(10),
            'r' => units.push(13),
            't' => units.push(9),
            'b' => units.push(8),
            'v' => units.push(11),
            'f' => units.push(12),
            '\r' => drop(chars.next_if_eq(&'\n')),
            '\n' | '\u{2028}' | '\u{2029}' => {}
            'x' => units.push(u16::try_from(hex(&mut chars, 2)?).ok()?),
            'u' if chars.next_if_eq(&'{').is_some() => {
                let value = hex(&mut chars, usize::MAX)?;
                chars.next_if_eq(&'}')?;
                push_char(&mut units, char::from_u32(value)?);
            }
            'u' => units.push(u16::try_from(hex(&mut chars, 4)?).ok()?),
            digit @ '0'..='7' => units.push(octal(&mut chars, digit)),
            other => push_char(&mut units, other),
        }
    }
    String::from_utf16(&units).ok()
}

fn push_char(units: &mut Vec<u16>, char: char) {
    units.extend_from_slice(char.encode_utf16(&mut [0; 2]));
}

fn hex(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, max_digits: usize) -> Option<u32> {
    let mut value: u32 = 0;
    let mut n_digits = 0;
    while n_digits < max_digits {
        let Some(digit) = chars.next_if(char::is_ascii_hexdigit) else { break };
        value = value.checked_mul(16)?.checked_add(digit.to_digit(16)?)?;
        n_digits += 1;
    }
    (n_digits > 0 && (max_digits == usize::MAX || n_digits == max_digits)).then_some(value)
}

/// The octal escape that starts with `first`: at most three digits, at most 0o377.
fn octal(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, first: char) -> u16 {
    let mut value = first.to_digit(8).unwrap_or(0);
    for _ in 0..2 {
        match chars.peek().and_then(|digit| digit.to_digit(8)) {
            Some(digit) if value * 8 + digit <= 0o377 => value = value * 8 + digit,
            _ => break,
        }
        chars.next();
    }
    u16::try_from(value).unwrap_or(0)
}

/// The edits that cut `whole` down to `kept`, which stays byte for byte, and put text on both sides of it.
pub(crate) fn keep_only(whole: Range<usize>, kept: Range<usize>, before: &str, after: &str) -> Vec<Edit> {
    [(whole.start..kept.start, before), (kept.end..whole.end, after)]
        .into_iter()
        .filter(|(cut, text)| !cut.is_empty() || !text.is_empty())
        .map(|(cut, text)| Edit::replace(cut, text))
        .collect()
}

/// A token, as far as it matters whether it may touch another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'t> {
    /// Identifier, keyword, `true`, `null`.
    Word,
    /// `#name`
    PrivateName,
    Number(&'t [u8]),
    /// String or a part of a template.
    Quoted,
    Regex,
    Punctuator(&'t [u8]),
}

impl<'t> Token<'t> {
    /// The token that the leaf `node` is (see [`token_before`] and [`first_token`]).
    pub(crate) fn of(file: &ParsedFile<'t>, node: Node<'_>) -> Self {
        let bytes = file.bytes_of(node.byte_range());
        match node.kind() {
            "string" | "template_string" | "string_fragment" | "${" | "`" => Self::Quoted,
            "regex" => Self::Regex,
            "number" => Self::Number(bytes),
            "private_property_identifier" => Self::PrivateName,
            _ if bytes.first().is_some_and(|&byte| is_word_byte(byte)) => Self::Word,
            _ => Self::Punctuator(bytes),
        }
    }

    /// Whether `self` directly followed by `right` is still read as the same two tokens.
    pub(crate) fn can_touch(self, right: Token<'_>) -> bool {
        match (self, right) {
            (Self::Punctuator(left), Token::Punctuator(right)) => !joins(left, right),
            (Self::Punctuator(left), Token::Regex) => left != b"/",
            (Self::Punctuator(_), _) | (_, Token::Punctuator(_)) => true,
            (Self::Quoted, _) | (_, Token::Quoted | Token::PrivateName) => true,
            (left, Token::Number(number)) => !matches!(left, Self::Number(_)) && number.starts_with(b"."),
            _ => false,
        }
    }
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'\\') || !byte.is_ascii()
}

fn joins(left: &[u8], right: &[u8]) -> bool {
    let both = |single: &[u8], double: &[u8]| {
        (left == single || left == double) && (right == single || right == double)
    };
    both(b"+", b"++") || both(b"-", b"--")
}

/// The last token that ends at or before the start of `node`; comments are not tokens.
pub(crate) fn token_before(node: Node<'_>) -> Option<Node<'_>> {
    let mut at = node;
    loop {
        while let Some(sibling) = at.prev_sibling() {
            if let Some(token) = last_token(sibling) {
                return Some(token);
            }
            at = sibling;
        }
        at = at.parent()?;
    }
}

/// The first token of `node`, which is `node` itself if it is one.
pub(crate) fn first_token(node: Node<'_>) -> Node<'_> {
    let mut at = node;
    while !is_token(at) {
        let Some(mut child) = at.child(0) else { break };
        while is_no_token(child) {
            match child.next_sibling() {
                Some(sibling) => child = sibling,
                None => return at,
            }
        }
        at = child;
    }
    at
}

fn last_token(node: Node<'_>) -> Option<Node<'_>> {
    let mut at = node;
    loop {
        if is_no_token(at) {
            return None;
        }
        if is_token(at) {
            return Some(at);
        }
        let mut child = last_child(at)?;
        while is_no_token(child) {
            child = child.prev_sibling()?;
        }
        at = child;
    }
}

fn last_child(node: Node<'_>) -> Option<Node<'_>> {
    node.child(node.child_count().checked_sub(1)?)
}

fn is_no_token(node: Node<'_>) -> bool {
    is_comment(node) || node.kind() == "hash_bang_line" || node.byte_range().is_empty()
}

fn is_token(node: Node<'_>) -> bool {
    node.child_count() == 0 || matches!(node.kind(), "string" | "template_string" | "regex")
}

/// Whether the text of `replacement` may stand where the last node of `path` begins without changing what its
/// statement is: it must not join the statement before it for want of a semicolon, nor turn an expression into
/// a declaration, block or function body.
///
/// `parenthesised` says that the replacement is put into new parentheses.
pub(crate) fn can_begin_at(
    file: &ParsedFile<'_>,
    path: &[Node<'_>],
    replacement: Node<'_>,
    parenthesised: bool,
) -> bool {
    let Some((node, ancestors)) = path.split_last() else { return true };
    let first = first_token(replacement);
    for parent in ancestors.iter().rev() {
        match parent.kind() {
            "expression_statement" if parent.start_byte() == node.start_byte() => {
                let joins = parenthesised || may_continue_statement(first.kind());
                return (parenthesised || !begins_declaration(file, first))
                    && !(joins && follows_open_statement(*parent));
            }
            "arrow_function" => return parenthesised || first.kind() != "{",
            "export_statement" => return parenthesised || !begins_declaration(file, first),
            _ if parent.start_byte() != node.start_byte() => return true,
            _ => {}
        }
    }
    true
}

/// Tokens that go on with the line before, where that has no semicolon.
fn may_continue_statement(kind: &str) -> bool {
    matches!(kind, "(" | "[" | "+" | "-" | "<" | "regex" | "/" | "template_string")
}

fn begins_declaration(file: &ParsedFile<'_>, first: Node<'_>) -> bool {
    let opens = first.parent().map_or("", |parent| parent.kind());
    matches!(opens, "object" | "function_expression" | "generator_function" | "class" | "decorator")
        || file.bytes_of(first.byte_range()) == b"let"
}

/// Whether the statement before `statement` ends without a semicolon and not in a block of its own.
fn follows_open_statement(statement: Node<'_>) -> bool {
    let mut before = statement.prev_named_sibling();
    while before.is_some_and(is_no_token) {
        before = before.and_then(|node| node.prev_named_sibling());
    }
    let Some(last) = before.and_then(last_token) else { return false };
    match last.kind() {
        ";" => false,
        "}" => !closes_statement(last),
        _ => true,
    }
}

/// Whether the brace ends a statement by itself: a block, a declaration's body, a `switch`.
fn closes_statement(brace: Node<'_>) -> bool {
    let Some(body) = brace.parent() else { return false };
    let owner = body.parent().map_or("", |owner| owner.kind());
    match body.kind() {
        "switch_body" => true,
        "statement_block" => !matches!(
            owner,
            "function_expression" | "generator_function" | "arrow_function" | "method_definition"
        ),
        "class_body" => owner != "class",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{parse, walk};
    use crate::language::Language;

    type Question<T> = for<'t> fn(&ParsedFile<'t>, Node<'t>) -> T;

    /// Asks `question` of the first node of `kind` in `text`.
    fn ask<T>(text: &str, kind: &str, question: Question<T>) -> T {
        let tree = parse(text.as_bytes(), Language::TypeScript);
        let file = ParsedFile::new(text.as_bytes(), Language::TypeScript, &tree, &crate::facts::NO_FACTS);
        let mut found = None;
        walk(&tree, |node, _| {
            if node.kind() == kind && found.is_none() {
                found = Some(node);
            }
            true
        });
        question(&file, found.expect("the text holds that kind"))
    }

    #[test]
    fn parentheses_and_their_comments_are_looked_through() {
        let inner: Question<String> = |file, node| file.text(without_parens(node)).into_owned();
        assert_eq!(ask("x = (/* c */ ((a + b)) // d\n)", "parenthesized_expression", inner), "a + b");
        ask("if (((!a))) {}", "unary_expression", |file, node| {
            let path = path_to(file, node).expect("not deep");
            let place = place_of(&path).expect("not the root");
            assert_eq!(place.parent.kind(), "if_statement");
            assert!(place.is_field("condition") && !place.is_field("consequence"));
        });
    }

    #[test]
    fn expressions_rank_by_how_tightly_they_hold() {
        let ordered = [
            ("a as B", "as_expression"),
            ("(a, b)", "sequence_expression"),
            ("a = b", "assignment_expression"),
            ("a ? b : c", "ternary_expression"),
            ("a ?? b", "binary_expression"),
            ("a && b", "binary_expression"),
            ("a | b", "binary_expression"),
            ("a == b", "binary_expression"),
            ("a in b", "binary_expression"),
            ("a + b", "binary_expression"),
            ("a ** b", "binary_expression"),
            ("!a", "unary_expression"),
            ("a++", "update_expression"),
            ("a()", "call_expression"),
            ("new A()", "new_expression"),
            ("a.b", "member_expression"),
        ];
        let ranks = ordered.map(|(text, kind)| ask(text, kind, |_, node| precedence(node)));
        assert!(ranks.is_sorted_by(|loose, tight| loose < tight), "{ranks:?}");
    }

    #[test]
    fn names_and_strings_are_read_with_their_escapes() {
        let name: Question<String> = |file, node| identifier_name(file, node).into_owned();
        assert_eq!(ask("\\u0061\\u{62}c", "identifier", name), "abc");
        let value: Question<Option<String>> = |file, node| string_value(file, node).map(Cow::into_owned);
        for (text, wanted) in [
            (r"'a'", Some("a")),
            (r#""\x41\u{1F600}\n\101\0\q\'""#, Some("A\u{1F600}\nA\0q'")),
            (r"'\ud83d\ude00'", Some("\u{1F600}")),
            ("'a\\\nb'", Some("ab")),
            (r"'\ud83d'", None),
            ("''", Some("")),
        ] {
            assert_eq!(ask(text, "string", value).as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn tokens_touch_where_they_stay_two() {
        use Token::{Number, PrivateName, Punctuator, Quoted, Regex, Word};
        for (left, right, can_touch) in [
            (Word, Word, false),
            (Word, Number(b"1"), false),
            (Word, Number(b".5"), true),
            (Number(b"1"), Number(b".5"), false),
            (Word, Quoted, true),
            (Quoted, Word, true),
            (Word, Punctuator(b"("), true),
            (Punctuator(b"+"), Punctuator(b"++"), false),
            (Punctuator(b"-"), Punctuator(b"-"), false),
            (Punctuator(b"+"), Punctuator(b"-"), true),
            (Punctuator(b"/"), Regex, false),
            (Punctuator(b"="), Regex, true),
            (Regex, Word, false),
            (Word, PrivateName, true),
        ] {
            assert_eq!(left.can_touch(right), can_touch, "{left:?} {right:?}");
        }
    }

    #[test]
    fn neighbouring_tokens_are_found_across_comments_and_nodes() {
        let before: Question<Option<String>> =
            |file, node| token_before(node).map(|token| file.text(token).into_owned());
        let kind = "unary_expression";
        assert_eq!(ask("f(a.b, /* c */ !d)", kind, before).as_deref(), Some(","));
        assert_eq!(ask("x = `a`\n// c\n!d", kind, before).as_deref(), Some("`a`"));
        assert_eq!(ask("`a${!d}`", kind, before).as_deref(), Some("${"));
        assert_eq!(ask("#!/bin/node\n!d", kind, before), None);
        let first: Question<String> = |file, node| file.text(first_token(node)).into_owned();
        assert_eq!(ask("/a b/.test(c).d", "member_expression", first), "/a b/");
        assert_eq!(ask("'a b' + c", "binary_expression", first), "'a b'");
    }
}
