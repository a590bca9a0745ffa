//! `Union[a, b]` and `Optional[a]` as `a | b` and `a | None`, for the rules `UP007` and `UP045`.

use tree_sitter::Node;

use crate::rule::{Applicability, Edit, Fix, Gate};
use crate::scopes::python::{Place, is_typing_member};

use super::generator::{generated_for, level};
use super::syntax::code_children;
use super::type_syntax::{bare, or_operands, subscript_parts};
use super::type_view::{RuntimeTyping, TypeView};

/// Which of the two it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Union,
    Optional,
}

impl Operator {
    fn name(self) -> &'static str {
        match self {
            Self::Union => "Union",
            Self::Optional => "Optional",
        }
    }
}

/// A subscript of `Union` or `Optional`.
pub(super) struct Site<'v, 't, 'n> {
    view: TypeView<'v, 't>,
    node: Node<'n>,
    elements: Vec<Node<'n>>,
    /// `Union[a, b]`, also in parentheses.
    is_tuple: bool,
    place: Place,
}

impl<'v, 't, 'n> Site<'v, 't, 'n> {
    /// The subscript `node`, if it is one of `operator` that ruff reports.
    pub(super) fn of(
        view: TypeView<'v, 't>,
        node: Node<'n>,
        operator: Operator,
        options: RuntimeTyping,
    ) -> Option<Self> {
        let (elements, is_tuple, place) = operands(view, node, operator)?;
        let scopes = view.scopes;
        let minor = scopes.minor_version();
        let is_deferred = !options.keep_runtime_typing
            && minor >= 7
            && scopes.has_future_annotations()
            && (place.flags.is_annotation() || place.flags.is_string());
        let is_reported = scopes.is_stub() || minor >= 10 || is_deferred;
        // A string of parts is one place for ruff, in which names are mixed up.
        if !is_reported || view.is_complex() || !scopes.is_python3() {
            return None;
        }
        let is_named_tuple = |element: &Node<'_>| {
            view.qualified_name(*element).is_some_and(|path| is_typing_member(&path, "NamedTuple"))
        };
        let has_named_tuple = match operator {
            Operator::Union => elements.iter().any(is_named_tuple),
            Operator::Optional => !is_tuple && elements.iter().any(is_named_tuple),
        };
        (!has_named_tuple).then_some(Self { view, node, elements, is_tuple, place })
    }

    /// The fix of `Optional[…]`.
    pub(super) fn optional_fix(&self) -> Option<Fix> {
        let &[element] = self.elements.as_slice() else { return None };
        let mut inner = bare(element);
        if self.is_tuple || inner.kind() == "none" || !self.is_fixable() {
            return None;
        }
        // All of `Optional[Optional[a]]` is one `a | None`.
        while let Some((elements, false, _)) = operands(self.view, inner, Operator::Optional) {
            inner = bare(*elements.first()?);
        }
        if inner.kind() == "tuple" {
            return None;
        }
        let bytes = self.view.bytes();
        let text = if or_operands(inner).is_some() {
            let members = members_but_none(inner);
            if members.is_empty() {
                return None;
            }
            union_text(bytes, &members)?
        } else {
            generated_for(bytes, inner, level::BIT_OR)?
        };
        Some(self.fix(&format!("{text} | None")))
    }

    /// The fix of `Union[…]`.
    pub(super) fn union_fix(&self) -> Option<Fix> {
        if !self.is_fixable() {
            return None;
        }
        let bytes = self.view.bytes();
        if self.is_tuple {
            return Some(self.fix(&union_text(bytes, &self.elements)?));
        }
        let &[element] = self.elements.as_slice() else { return None };
        let text = self.view.text(element);
        Some(self.fix(&if text.contains(['\n', '\r']) { format!("({text})") } else { text.into_owned() }))
    }

    fn is_fixable(&self) -> bool {
        self.place.flags.is_type_definition() && self.elements.iter().all(|element| is_operand(*element))
    }

    fn fix(&self, text: &str) -> Fix {
        let (file, range) = (self.view.file, self.node.byte_range());
        let minor = self.view.scopes.minor_version();
        let is_safe = minor >= 10 && !file.has_comment_in(range.clone());
        let applicability = if is_safe { Applicability::Safe } else { Applicability::Unsafe };
        let is_letter =
            |at: Option<usize>| at.and_then(|at| file.bytes.get(at)).is_some_and(u8::is_ascii_alphabetic);
        let before = if is_letter(range.start.checked_sub(1)) { " " } else { "" };
        let behind = if is_letter(Some(range.end)) { " " } else { "" };
        let fix = Fix::new(applicability, vec![Edit::replace(range, format!("{before}{text}{behind}"))]);
        if minor >= 10 && !self.view.scopes.is_stub() { fix.needing(Gate::Python(3, 10)) } else { fix }
    }
}

/// What `Union[…]` or `Optional[…]` holds, if `node` is that and can be told in another way.
fn operands<'n>(
    view: TypeView<'_, '_>,
    node: Node<'n>,
    operator: Operator,
) -> Option<(Vec<Node<'n>>, bool, Place)> {
    let (value, mut elements, mut is_tuple) = subscript_parts(node)?;
    let path = view.qualified_name(value)?;
    if !is_typing_member(&path, operator.name()) {
        return None;
    }
    if let [only] = elements.as_slice()
        && !is_tuple
        && bare(*only).kind() == "tuple"
    {
        elements = code_children(bare(*only)).collect();
        is_tuple = true;
    }
    let mut head = bare(value);
    while let Some(object) = head.child_by_field_name("object") {
        head = bare(object);
    }
    let place = view.place_of(head)?;
    let is_hidden = any_element(&elements, |kind| matches!(kind, "list_splat" | "splat_type"));
    // `"A" | None` fails where it is evaluated.
    let is_quoted = any_element(&elements, |kind| matches!(kind, "string" | "concatenated_string"));
    let is_told_otherwise = !is_hidden && (!is_quoted || place.flags.is_typing_only());
    is_told_otherwise.then_some((elements, is_tuple, place))
}

/// Whether an element, or an element of a tuple among them, is of such a kind.
fn any_element(elements: &[Node<'_>], is_such: impl Fn(&str) -> bool) -> bool {
    let mut open: Vec<Node<'_>> = elements.to_vec();
    while let Some(element) = open.pop().map(bare) {
        if is_such(element.kind()) {
            return true;
        }
        if element.kind() == "tuple" {
            open.extend(code_children(element));
        }
    }
    false
}

/// Whether an expression may stand beside a `|`.
fn is_operand(element: Node<'_>) -> bool {
    !any_element(&[element], |kind| {
        matches!(
            kind,
            "named_expression"
                | "await"
                | "lambda"
                | "yield"
                | "list_splat"
                | "slice"
                | "constrained_type"
                | "splat_type"
        )
    })
}

/// `a | b | c`; a tuple that stands alone is taken for what it holds.
fn union_text(bytes: &[u8], elements: &[Node<'_>]) -> Option<String> {
    let Some((first, rest)) = elements.split_first() else { return Some("()".to_owned()) };
    let first = bare(*first);
    let mut text = if first.kind() == "tuple" {
        union_text(bytes, &code_children(first).collect::<Vec<_>>())?
    } else {
        generated_for(bytes, first, level::BIT_OR)?
    };
    for element in rest {
        let element = bare(*element);
        text.push_str(" | ");
        if element.kind() == "tuple" {
            let inner: Vec<Node<'_>> = code_children(element).collect();
            let spelled = union_text(bytes, &inner)?;
            text.push_str(&if inner.len() > 1 { format!("({spelled})") } else { spelled });
        } else {
            text.push_str(&generated_for(bytes, element, level::BIT_OR + 1)?);
        }
    }
    Some(text)
}

/// What a chain of `|` joins, without `None`.
fn members_but_none(node: Node<'_>) -> Vec<Node<'_>> {
    let mut members = Vec::new();
    let mut open = vec![node];
    while let Some(node) = open.pop().map(bare) {
        if let Some((left, right)) = or_operands(node) {
            open.push(right);
            open.push(left);
        } else if node.kind() != "none" {
            members.push(node);
        }
    }
    members
}
