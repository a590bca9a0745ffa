//! Whether two expressions name the same place: `a.b` and `a["b"]`.

use tree_sitter::Node;

use super::static_value::{Value, is_identifier, is_member, literal_value, property_name};
use super::syntax::{identifier_name, without_parens};
use crate::source::ParsedFile;

/// How the properties of members are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keys {
    /// By their names: `a.b` is `a["b"]`.
    ByName,
    /// As they are written: `a.b` is not `a["b"]`.
    AsWritten,
}

/// Whether `left` and `right` are the same name or the same access of the same object. Optional links count as
/// plain ones.
pub(super) fn is_same_reference(file: &ParsedFile<'_>, left: Node<'_>, right: Node<'_>, keys: Keys) -> bool {
    let mut pairs = vec![(left, right)];
    while let Some((left, right)) = pairs.pop() {
        let (left, right) = (without_parens(left), without_parens(right));
        let is_same = if is_member(left) && is_member(right) {
            match inner_pairs(file, left, right, keys) {
                Some(inner) => {
                    pairs.extend(inner.into_iter().flatten());
                    true
                }
                None => false,
            }
        } else {
            is_same_leaf(file, left, right)
        };
        if !is_same {
            return false;
        }
    }
    true
}

type Pair<'t> = (Node<'t>, Node<'t>);

/// What has to be the same reference for two members to be; `None` if they are not anyway.
fn inner_pairs<'t>(
    file: &ParsedFile<'_>,
    left: Node<'t>,
    right: Node<'t>,
    keys: Keys,
) -> Option<[Option<Pair<'t>>; 2]> {
    let both = |field: &str| Some((left.child_by_field_name(field)?, right.child_by_field_name(field)?));
    let objects = both("object")?;
    if keys == Keys::ByName
        && let Some(name) = property_name(file, left)
    {
        return (property_name(file, right)? == name).then_some([Some(objects), None]);
    }
    if left.kind() != right.kind() {
        return None;
    }
    let properties = both(if left.kind() == "member_expression" { "property" } else { "index" })?;
    Some([Some(objects), Some(properties)])
}

fn is_same_leaf(file: &ParsedFile<'_>, left: Node<'_>, right: Node<'_>) -> bool {
    let both = |kind: &str| left.kind() == kind && right.kind() == kind;
    if both("super") || both("this") {
        return true;
    }
    if (is_identifier(left) && is_identifier(right))
        || both("property_identifier")
        || both("private_property_identifier")
    {
        return identifier_name(file, left) == identifier_name(file, right);
    }
    match (literal_value(file, left), literal_value(file, right)) {
        (Some(Value::Number(left)), Some(Value::Number(right))) => left == right,
        (Some(left), Some(right)) => left == right,
        _ => false,
    }
}
