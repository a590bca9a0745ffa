//! `prefer-template`: `"a" + b` instead of a template.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::misread::{holds_too_much, is_cut_short};
use super::statement_start::{needs_preceding_semicolon, starts_expression_statement};
use super::surroundings::place_in;
use super::syntax::{operator, without_parens};
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Gate, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds strings that are joined by `+` to something that is not a string literal.
    ///
    /// ## Why is this bad?
    /// A template says the same without the quotes and plus signs between its parts, and a missing space or
    /// pair of parentheses is easier to see.
    ///
    /// ## Example
    /// ```js
    /// const greeting = "Hello, " + user.name + "!";
    /// ```
    /// Use instead:
    /// ```js
    /// const greeting = `Hello, ${user.name}!`;
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: `+` asks an object for its `valueOf` first and a template for its `toString`, and a template
    /// throws for a symbol that has been wrapped. Spaces and comments around `+` move into the `${}`. There is
    /// no fix for strings with octal escapes, which templates do not allow.
    pub struct PreferTemplate;
}

static META: Meta = Meta {
    id: "prefer-template",
    origin: "ESLint",
    category: Category::Modernise,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Requires templates instead of strings joined by `+`.",
    docs: PreferTemplate::MANUAL,
};

/// Concatenations within right operands deeper than this are left alone.
const MAX_DEPTH: usize = 64;

impl Rule for PreferTemplate {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn best_applicability(&self) -> Applicability {
        Applicability::Unsafe
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["binary_expression"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        if !is_concatenation(node) || is_cut_short(file, node) {
            return;
        }
        if place_in(file, node).is_some_and(|place| is_concatenation(place.parent)) {
            return;
        }
        let Some(sum) = Sum::of(node, 0) else { return };
        if sum.has_string() && sum.has_other() {
            let message = "Unexpected string concatenation.";
            out.push(Finding::new(&META, node.byte_range(), message).with_fix(fix(file, &sum)));
        }
    }
}

fn is_concatenation(node: Node<'_>) -> bool {
    node.kind() == "binary_expression" && operator(node) == "+"
}

fn fix<'t>(file: &ParsedFile<'t>, sum: &Sum<'t>) -> Option<Fix> {
    if sum.has_octal_escape(file) {
        return None;
    }
    let mut writer = Writer { file, text: Vec::new() };
    if starts_expression_statement(file, sum.node) && needs_preceding_semicolon(file, sum.node.start_byte()) {
        writer.text.push(b';');
    }
    writer.sum(sum, b"", b"", true);
    let text = String::from_utf8(writer.text).ok()?;
    Some(Fix::unsafe_(vec![Edit::replace(sum.node.byte_range(), text)]).needing(Gate::EcmaScript(2015)))
}

/// A sum, its left operands unrolled: `first + links[0].right + links[1].right`.
struct Sum<'t> {
    node: Node<'t>,
    first: Node<'t>,
    links: Vec<Link<'t>>,
}

struct Link<'t> {
    /// The sum up to here.
    node: Node<'t>,
    plus: Node<'t>,
    right: Operand<'t>,
    /// Whether a string is among the operands up to here.
    has_string: bool,
}

enum Operand<'t> {
    Leaf(Node<'t>),
    Sum(Sum<'t>),
}

impl<'t> Sum<'t> {
    /// `None` if it is not whole or nested absurdly deep.
    fn of(node: Node<'t>, depth: usize) -> Option<Self> {
        if depth > MAX_DEPTH {
            return None;
        }
        let mut links = Vec::new();
        let mut first = node;
        while is_concatenation(first) {
            let right = without_parens(first.child_by_field_name("right")?);
            let right = if is_concatenation(right) {
                Operand::Sum(Self::of(right, depth + 1)?)
            } else {
                Operand::Leaf(right)
            };
            let plus = first.child_by_field_name("operator")?;
            links.push(Link { node: first, plus, has_string: right.has_string(), right });
            first = without_parens(first.child_by_field_name("left")?);
        }
        if holds_too_much(first) {
            return None;
        }
        links.reverse();
        let mut has_string = is_string(first);
        for link in &mut links {
            has_string |= link.has_string;
            link.has_string = has_string;
        }
        Some(Self { node, first, links })
    }

    fn has_string(&self) -> bool {
        self.links.last().is_some_and(|link| link.has_string)
    }

    fn has_other(&self) -> bool {
        !is_string(self.first)
            || self.links.iter().any(|link| match &link.right {
                Operand::Leaf(leaf) => !is_string(*leaf),
                Operand::Sum(sum) => sum.has_other(),
            })
    }

    fn has_octal_escape(&self, file: &ParsedFile<'_>) -> bool {
        is_with_octal_escape(file, self.first)
            || self.links.iter().any(|link| match &link.right {
                Operand::Leaf(leaf) => is_with_octal_escape(file, *leaf),
                Operand::Sum(sum) => sum.has_octal_escape(file),
            })
    }

    /// How many links there are before the first string: they stay one expression.
    fn n_links_without_string(&self) -> usize {
        self.links.iter().take_while(|link| !link.has_string).count()
    }
}

impl<'t> Operand<'t> {
    fn node(&self) -> Node<'t> {
        match self {
            Self::Leaf(node) => *node,
            Self::Sum(sum) => sum.node,
        }
    }

    fn has_string(&self) -> bool {
        match self {
            Self::Leaf(leaf) => is_string(*leaf),
            Self::Sum(sum) => sum.has_string(),
        }
    }
}

fn is_string(node: Node<'_>) -> bool {
    matches!(node.kind(), "string" | "template_string")
}

/// Whether `node` is a string with an escape that templates do not allow: `\1`, `\9`, `\01`.
fn is_with_octal_escape(file: &ParsedFile<'_>, node: Node<'_>) -> bool {
    if node.kind() != "string" {
        return false;
    }
    let mut rest = file.bytes_of(node.byte_range());
    while let Some(at) = rest.iter().position(|&byte| byte == b'\\') {
        match rest.get(at + 1..).unwrap_or_default() {
            [b'1'..=b'9', ..] | [b'0', b'0'..=b'9', ..] => return true,
            _ => rest = rest.get(at + 2..).unwrap_or_default(),
        }
    }
    false
}

/// Whether `node` becomes a `${` at its start, so that text before it has a place to go.
fn starts_with_substitution(node: Node<'_>) -> bool {
    let mut first = node;
    while is_arithmetic(first) {
        match first.child_by_field_name("left") {
            Some(left) => first = without_parens(left),
            None => break,
        }
    }
    !is_string(first)
}

/// Whether `node` becomes a `}` at its end. Looks only one operand far, as ESLint does.
fn ends_with_substitution(node: Node<'_>) -> bool {
    match node.child_by_field_name("right") {
        Some(right) if is_arithmetic(node) => starts_with_substitution(without_parens(right)),
        _ => !is_string(node),
    }
}

fn is_arithmetic(node: Node<'_>) -> bool {
    node.kind() == "binary_expression" && !matches!(operator(node), "&&" | "||" | "??")
}

/// Where the text around a `+` goes.
enum Join {
    /// Behind the expression to the left, within its `${}`.
    Left(Vec<u8>),
    /// Before the expression to the right, within its `${}`.
    Right(Vec<u8>),
    /// It stays around a plus sign between two templates.
    Plus(Vec<u8>),
}

struct Writer<'f, 't> {
    file: &'f ParsedFile<'t>,
    text: Vec<u8>,
}

impl<'t> Writer<'_, 't> {
    /// Writes `sum` as a template, `before` and `after` within its first and last `${}`. Without `opens`, its
    /// opening quote is left out.
    fn sum(&mut self, sum: &Sum<'t>, before: &[u8], after: &[u8], opens: bool) {
        let n_whole = sum.n_links_without_string();
        let links = sum.links.get(n_whole..).unwrap_or_default();
        let whole =
            n_whole.checked_sub(1).and_then(|last| sum.links.get(last)).map_or(sum.first, |link| link.node);
        let mut joins = Vec::with_capacity(links.len());
        let mut left = whole;
        for link in links {
            joins.push(self.join(left, link));
            left = link.node;
        }
        // What stands behind a sum stands behind its last operand, unless a join puts its own text there.
        let behind = |n_links: usize| match joins.get(n_links) {
            Some(Join::Left(text)) => text.as_slice(),
            Some(_) => b"",
            None => after,
        };
        self.leaf(whole, before, behind(0), opens);
        for (at, link) in links.iter().enumerate() {
            let behind = behind(at + 1);
            match joins.get(at) {
                Some(Join::Plus(text)) => {
                    self.text.extend_from_slice(text);
                    self.operand(&link.right, behind, b"", true);
                }
                join => {
                    self.text.pop();
                    let before = if let Some(Join::Right(text)) = join { text.as_slice() } else { b"" };
                    self.operand(&link.right, before, behind, false);
                }
            }
        }
    }

    /// How the sum up to `left` and the next operand are joined.
    fn join(&self, left: Node<'t>, link: &Link<'t>) -> Join {
        let right = link.right.node();
        let mut text = self.text_between(left.end_byte(), link.plus.start_byte());
        let behind = self.text_between(link.plus.end_byte(), right.start_byte());
        if ends_with_substitution(left) {
            text.extend(behind);
            Join::Left(text)
        } else if starts_with_substitution(right) {
            text.extend(behind);
            Join::Right(text)
        } else {
            text.push(b'+');
            text.extend(behind);
            Join::Plus(text)
        }
    }

    /// The spaces and comments between two bytes.
    fn text_between(&self, start: usize, end: usize) -> Vec<u8> {
        let mut text = Vec::new();
        let mut at = start;
        for token in self.file.tokens_in(start..end) {
            text.extend_from_slice(self.file.bytes.get(at..token.start_byte()).unwrap_or_default());
            at = token.end_byte();
        }
        text.extend_from_slice(self.file.bytes.get(at..end).unwrap_or_default());
        text
    }

    fn operand(&mut self, operand: &Operand<'t>, before: &[u8], after: &[u8], opens: bool) {
        match operand {
            Operand::Sum(sum) if sum.has_string() => self.sum(sum, before, after, opens),
            _ => self.leaf(operand.node(), before, after, opens),
        }
    }

    fn leaf(&mut self, node: Node<'t>, before: &[u8], after: &[u8], opens: bool) {
        let source = self.file.bytes_of(node.byte_range());
        if opens {
            self.text.push(b'`');
        }
        match (node.kind(), source) {
            ("string", [quote, content @ .., _]) => {
                let text = as_template_text(content, *quote);
                self.text.extend(text);
                self.text.push(b'`');
            }
            ("template_string", [_, rest @ ..]) => self.text.extend_from_slice(rest),
            _ => {
                for part in [b"${".as_slice(), before, source, after, b"}`"] {
                    self.text.extend_from_slice(part);
                }
            }
        }
    }
}

/// The content of a string as the content of a template: `` ` `` and `${` escaped where they are not, and its own
/// quotes no longer.
fn as_template_text(content: &[u8], quote: u8) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(content.len());
    let mut rest = content;
    while !rest.is_empty() {
        let n_backslashes = rest.iter().take_while(|&&byte| byte == b'\\').count();
        let n_special = match &rest[n_backslashes..] {
            [b'`', ..] => 1,
            [b'$', b'{', ..] => 2,
            _ => 0,
        };
        if n_special > 0 && n_backslashes % 2 == 0 {
            escaped.push(b'\\');
        }
        let (copied, behind) = rest.split_at((n_backslashes + n_special).max(1));
        escaped.extend_from_slice(copied);
        rest = behind;
    }
    without_escapes_of(quote, &escaped)
}

/// `text` with the backslash before each `quote` taken out.
fn without_escapes_of(quote: u8, text: &[u8]) -> Vec<u8> {
    let is_escape = |at: usize| text.get(at) == Some(&b'\\') && text.get(at + 1) == Some(&quote);
    (0..text.len()).filter(|&at| !is_escape(at)).map(|at| text[at]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_for_templates() {
        for (content, wanted) in [
            ("plain", "plain"),
            ("`", "\\`"),
            ("\\`", "\\`"),
            ("\\\\`", "\\\\\\`"),
            ("$ ${a} \\${b}", "$ \\${a} \\${b}"),
            ("it\\'s", "it's"),
            ("\\\"", "\\\""),
            ("``", "\\`\\`"),
            ("\\n", "\\n"),
        ] {
            let text = as_template_text(content.as_bytes(), b'\'');
            assert_eq!(String::from_utf8_lossy(&text), wanted, "{content}");
        }
    }
}
