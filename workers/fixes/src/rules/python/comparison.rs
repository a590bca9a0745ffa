//! Comparisons, chained ones included, and how ruff spells them anew.

use tree_sitter::Node;

use crate::rule::{Edit, Finding, Fix};
use crate::source::ParsedFile;

use super::annotation::parse_quoted;
use super::syntax::{code_children, joins_word_before, utf8, without_parentheses};

/// Comparisons of more bytes are not rewritten. Each fix copies the whole comparison, and a hostile file nests
/// them many thousand times.
const MAX_REWRITTEN_LEN: usize = 4096;

/// `a < b == c`: operands with the operators between them.
#[derive(Debug)]
pub(super) struct Comparison<'t> {
    /// The whole expression.
    pub(super) node: Node<'t>,
    /// The operands as written, parentheses included; one more than `operators`.
    pub(super) operands: Vec<Node<'t>>,
    /// The operators; their kind is their spelling in one space: `is not`.
    pub(super) operators: Vec<Node<'t>>,
}

/// A singleton that is compared by `==` or `!=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SingletonSite {
    /// Which operator, counted from the left.
    pub(super) operator: usize,
    /// Which operand is the singleton.
    pub(super) singleton: usize,
    /// Which operand it is compared to.
    pub(super) other: usize,
    /// `==`, not `!=`.
    pub(super) is_equal: bool,
}

impl<'t> Comparison<'t> {
    /// Reads a node of kind `comparison_operator`; `None` for what Python 3 does not know (`<>`).
    #[must_use]
    pub(super) fn of(node: Node<'t>) -> Option<Self> {
        let operands: Vec<Node<'t>> = code_children(node).collect();
        let operators: Vec<Node<'t>> = node.children_by_field_name("operators", &mut node.walk()).collect();
        let is_known = operators.iter().all(|operator| operator.kind() != "<>");
        (is_known && operands.len() == operators.len() + 1 && !operators.is_empty()).then_some(Self {
            node,
            operands,
            operators,
        })
    }

    /// The operand at `index` without its parentheses.
    #[must_use]
    pub(super) fn operand(&self, index: usize) -> Node<'t> {
        without_parentheses(self.operands[index])
    }

    /// The comparisons by `==` and `!=` to what `is_singleton`, in ruff's order. One between two singletons
    /// counts twice, and a constant on the other side makes it pointless, so that is left out.
    #[must_use]
    pub(super) fn singleton_sites(
        &self,
        file: &ParsedFile<'_>,
        is_singleton: impl Fn(Node<'t>) -> bool,
    ) -> Vec<SingletonSite> {
        let site = |operator: usize, singleton: usize, other: usize| {
            let kind = self.operators[operator].kind();
            let fits = matches!(kind, "==" | "!=")
                && is_singleton(self.operand(singleton))
                && !is_constant(file, self.operand(other));
            fits.then_some(SingletonSite { operator, singleton, other, is_equal: kind == "==" })
        };
        let first = site(0, 0, 1);
        first
            .into_iter()
            .chain((0..self.operators.len()).filter_map(|index| site(index, index + 1, index)))
            .collect()
    }

    /// The unsafe fix of `sites`: `is` and `is not` in the place of `==` and `!=`, or, where one operand of
    /// two is `True` or `False`, the truth of the other one.
    ///
    /// `None` if that would delete a comment, run two words together, or copy what is not UTF-8 or very long.
    #[must_use]
    pub(super) fn fix(&self, file: &ParsedFile<'_>, sites: &[SingletonSite]) -> Option<Fix> {
        if self.node.byte_range().len() > MAX_REWRITTEN_LEN {
            return None;
        }
        let text = self.spelled_as_truth(file).or_else(|| self.spelled_with_identity(file, sites))?;
        let range = self.node.byte_range();
        let gaps = self.operands.windows(2).map(|pair| pair[0].end_byte()..pair[1].start_byte());
        let singletons = sites.iter().map(|site| self.operands[site.singleton].byte_range());
        let loses_comment = gaps.chain(singletons).any(|lost| file.has_comment_in(lost));
        let breaks = loses_comment || joins_word_before(file, range.start, &text);
        (!breaks).then(|| Fix::unsafe_(vec![Edit::replace(range, text)]))
    }

    /// One space around each operator, the operands as they are written.
    fn spelled_with_identity(&self, file: &ParsedFile<'_>, sites: &[SingletonSite]) -> Option<String> {
        let mut text = utf8(file, self.operands[0].byte_range())?.to_owned();
        for (index, operator) in self.operators.iter().enumerate() {
            let by_identity = sites.iter().any(|site| site.operator == index);
            text.push(' ');
            text.push_str(match operator.kind() {
                "==" if by_identity => "is",
                "!=" if by_identity => "is not",
                kind => kind,
            });
            text.push(' ');
            text.push_str(utf8(file, self.operands[index + 1].byte_range())?);
        }
        Some(text)
    }

    /// `a == True` as `a`, `a != True` as `not a`; `None` without a boolean or with more than two operands.
    fn spelled_as_truth(&self, file: &ParsedFile<'_>) -> Option<String> {
        let [operator] = &*self.operators else { return None };
        let (boolean, other) = if bool_value(self.operand(0)).is_some() { (0, 1) } else { (1, 0) };
        let truth = bool_value(self.operand(boolean))?;
        let other = utf8(file, self.operands[other].byte_range())?;
        let keeps = truth == (operator.kind() == "==");
        let text = if keeps { other.to_owned() } else { format!("not {other}") };
        // A boolean in parentheses may touch a keyword (`if(True) == x`): they go to the other operand.
        let has_parentheses = self.operands[boolean].kind() == "parenthesized_expression";
        Some(if has_parentheses { format!("({text})") } else { text })
    }
}

/// Calls `check` on the comparison that `node` is, or on those that it quotes if it is an annotation.
///
/// The kinds to ask for are [`KINDS`].
pub(super) fn for_each_comparison<'t>(
    file: &ParsedFile<'t>,
    node: Node<'t>,
    out: &mut Vec<Finding>,
    check: impl Fn(&ParsedFile<'_>, &Comparison<'_>, &mut Vec<Finding>),
) {
    if node.kind() == "comparison_operator" {
        if let Some(comparison) = Comparison::of(node) {
            check(file, &comparison, out);
        }
    } else if let Some(tree) = parse_quoted(file, node, &["is", "==", "!="]) {
        let quoted = ParsedFile::new(file.bytes, file.language, &tree, file.facts);
        crate::engine::walk(&tree, |inner, _| {
            if inner.kind() == "comparison_operator"
                && let Some(comparison) = Comparison::of(inner)
            {
                check(&quoted, &comparison, out);
            }
            true
        });
    }
}

/// The node kinds that [`for_each_comparison`] takes.
pub(super) const KINDS: &[&str] = &["comparison_operator", "type"];

/// The value of `True` or `False`.
#[must_use]
pub(super) fn bool_value(node: Node<'_>) -> Option<bool> {
    match node.kind() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// Whether `node` is a literal that is not a singleton, or a tuple of literals.
#[must_use]
pub(super) fn is_constant(file: &ParsedFile<'_>, node: Node<'_>) -> bool {
    if matches!(node.kind(), "none" | "true" | "false" | "ellipsis") {
        return false;
    }
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        let node = without_parentheses(node);
        match node.kind() {
            "integer" | "float" | "none" | "true" | "false" | "ellipsis" => {}
            "string" if !is_interpolated(file, node) => {}
            "tuple" | "concatenated_string" => open.extend(code_children(node)),
            _ => return false,
        }
    }
    true
}

/// The grammar has one kind for all strings; the prefix is a part of the opening quote.
fn is_interpolated(file: &ParsedFile<'_>, string: Node<'_>) -> bool {
    let opening = string.child(0).map(|start| file.bytes_of(start.byte_range())).unwrap_or_default();
    opening.iter().any(|byte| matches!(byte.to_ascii_lowercase(), b'f' | b't'))
}
