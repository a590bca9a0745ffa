//! `simplifycompositelit`

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::syntax::{code_of, named_children, operator};

rule_type! {
    /// ## What it does
    /// Finds types in the elements of a slice, array or map literal that the type of the literal gives, as
    /// `gofmt -s` does.
    ///
    /// ## Why is this bad?
    /// The type says nothing new, over and over.
    ///
    /// ## Example
    /// ```go
    /// var points = []*Point{
    ///     &Point{1, 2},
    /// }
    /// ```
    /// Use instead:
    /// ```go
    /// var points = []*Point{
    ///     {1, 2},
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Safe: types that are spelled alike in one literal are the same. Two spellings of one type are not seen
    /// through, but for `any`, `byte` and `rune`. Generated files are left alone.
    pub struct SimplifyCompositeLit;
}

static META: Meta = Meta {
    id: "simplifycompositelit",
    origin: "gofmt",
    category: Category::Style,
    languages: &[Language::Go],
    level: Level::Note,
    summary: "Finds element types that a composite literal can do without.",
    docs: SimplifyCompositeLit::MANUAL,
};

impl Rule for SimplifyCompositeLit {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["composite_literal"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let parts = (node.child_by_field_name("type"), node.child_by_field_name("body"));
        let (Some(kind), Some(body)) = parts else { return };
        let (word, key_type, element_type) = match kind.kind() {
            "slice_type" => ("slice", None, kind.child_by_field_name("element")),
            "array_type" | "implicit_length_array_type" => {
                ("array", None, kind.child_by_field_name("element"))
            }
            "map_type" => ("map", kind.child_by_field_name("key"), kind.child_by_field_name("value")),
            _ => return,
        };
        let Some(element_type) = element_type else { return };
        let mut found = Vec::new();
        for element in named_children(body) {
            let value = if element.kind() == "keyed_element" {
                let key = element.child_by_field_name("key").and_then(only_child);
                found.extend(key_type.zip(key).and_then(|(wanted, key)| redundant(file, wanted, key)));
                element.child_by_field_name("value").and_then(only_child)
            } else {
                only_child(element)
            };
            let redundant = value.and_then(|value| redundant(file, element_type, value));
            found.extend(redundant.map(|redundant| Redundant { element: Some(element), ..redundant }));
        }
        if found.is_empty() || file.go_names().is_generated() {
            return;
        }
        let blanks = alignment(file, body, &found);
        for (redundant, blanks) in found.into_iter().zip(blanks) {
            let edits = redundant.edits.into_iter().chain(blanks).collect();
            let message = format!("redundant type in {word} literal");
            out.push(Finding::new(&META, redundant.range, message).with_fix(Fix::safe(edits)));
        }
    }
}

/// A type that can go, and the `&` before it.
struct Redundant<'t> {
    range: Range<usize>,
    edits: Vec<Edit>,
    /// The element whose value it is in; `None` if it is in a key.
    element: Option<Node<'t>>,
}

fn only_child(node: Node<'_>) -> Option<Node<'_>> {
    named_children(node).into_iter().next()
}

/// The type of `T{…}` or `&T{…}`, if the literal around wants that type.
fn redundant<'t>(file: &ParsedFile<'t>, wanted: Node<'t>, value: Node<'t>) -> Option<Redundant<'t>> {
    if value.kind() == "composite_literal" {
        let kind = value.child_by_field_name("type")?;
        let range = kind.byte_range();
        let edits = vec![Edit::delete(until_brace(value, kind))];
        return is_same_type(file, wanted, kind).then_some(Redundant { range, edits, element: None });
    }
    if wanted.kind() != "pointer_type" || value.kind() != "unary_expression" || operator(value) != "&" {
        return None;
    }
    let inner = value.child_by_field_name("operand").filter(|inner| inner.kind() == "composite_literal")?;
    let kind = inner.child_by_field_name("type")?;
    let ampersand = value.start_byte()..value.start_byte() + 1;
    let range = ampersand.start..kind.end_byte();
    // gofmt leaves no blank where the `&` stood.
    let blanks =
        file.bytes_of(ampersand.end..inner.start_byte()).iter().take_while(|byte| **byte == b' ').count();
    let edits =
        vec![Edit::delete(ampersand.start..ampersand.end + blanks), Edit::delete(until_brace(inner, kind))];
    is_same_type(file, only_child(wanted)?, kind).then_some(Redundant { range, edits, element: None })
}

/// The type, and blanks behind it.
fn until_brace(literal: Node<'_>, kind: Node<'_>) -> Range<usize> {
    let body = literal.child_by_field_name("body");
    let comments = named_children(literal).len() != literal.named_child_count();
    let end = body.filter(|_| !comments).map_or(kind.end_byte(), |body| body.start_byte());
    kind.start_byte()..end
}

/// Whether two types are one, aliases of the file followed.
fn is_same_type<'t>(file: &ParsedFile<'t>, one: Node<'t>, other: Node<'t>) -> bool {
    let spelled = |kind| {
        let mut tokens = Vec::new();
        spell(file, kind, MAX_ALIASES, &mut tokens).then_some(tokens)
    };
    spelled(one).is_some_and(|one| spelled(other) == Some(one))
}

/// Longer chains of aliases are not followed.
const MAX_ALIASES: usize = 16;

/// Types with more tokens are not compared.
const MAX_TOKENS: usize = 4096;

/// The tokens of a type, each alias as what it stands for and each name with what it refers to. `false` if there
/// are too many.
fn spell<'t>(file: &ParsedFile<'t>, kind: Node<'t>, n_aliases: usize, tokens: &mut Vec<Vec<u8>>) -> bool {
    let names = file.go_names();
    for token in code_of(file, kind) {
        let known = names.id_at(token.start_byte()).zip(names.at(token.start_byte()));
        let mut text = file.bytes_of(token.byte_range()).to_vec();
        if let Some((id, object)) = known {
            let is_alias = object.node.kind() == "type_alias"
                && object.node.child_by_field_name("type_parameters").is_none();
            if let Some(aliased) = object.declared.filter(|_| is_alias && n_aliases > 0) {
                if !spell(file, aliased, n_aliases - 1, tokens) {
                    return false;
                }
                continue;
            }
            text.extend_from_slice(format!("#{id}").as_bytes());
        } else {
            text = match &*text {
                b"byte" => b"uint8".to_vec(),
                b"rune" => b"int32".to_vec(),
                _ => text,
            };
        }
        tokens.push(text);
        if tokens.ends_with(&[b"interface".to_vec(), b"{".to_vec(), b"}".to_vec()]) {
            tokens.truncate(tokens.len() - 3);
            tokens.push(b"any".to_vec());
        }
        if tokens.len() > MAX_TOKENS {
            return false;
        }
    }
    true
}

/// For each redundant type, the blanks that gofmt would change with it: in a literal that mixes elements with and
/// without keys, what stands behind them is aligned to the longest of both.
fn alignment<'t>(file: &ParsedFile<'t>, body: Node<'t>, found: &[Redundant<'t>]) -> Vec<Vec<Edit>> {
    let mut blanks: Vec<Vec<Edit>> = found.iter().map(|_| Vec::new()).collect();
    let elements = named_children(body);
    let n_keyed = elements.iter().filter(|element| element.kind() == "keyed_element").count();
    let is_own_line = |pair: &[Node<'_>]| pair[0].end_position().row + 1 == pair[1].start_position().row;
    if n_keyed == 0 || n_keyed == elements.len() || !elements.windows(2).all(is_own_line) {
        return blanks;
    }
    let cells: Option<Vec<Cell>> = elements.iter().map(|element| Cell::of(file, *element, found)).collect();
    let Some(cells) = cells else { return blanks };
    let column = cells.iter().map(|cell| cell.width).max().unwrap_or(0) + 1;
    for (element, cell) in elements.iter().zip(&cells) {
        let wanted = " ".repeat(column.saturating_sub(cell.width));
        let index = found.iter().position(|redundant| redundant.element == Some(*element));
        if let Some(slot) = index.and_then(|index| blanks.get_mut(index))
            && file.bytes_of(cell.blanks.clone()) != wanted.as_bytes()
        {
            slot.push(Edit::replace(cell.blanks.clone(), wanted));
        }
    }
    blanks
}

/// What stands on a line before the column: a key with its colon, or an element with its comma.
struct Cell {
    width: usize,
    blanks: Range<usize>,
}

impl Cell {
    /// `None` where nothing follows the element on its line: then it takes no part.
    fn of<'t>(file: &ParsedFile<'t>, element: Node<'t>, found: &[Redundant<'t>]) -> Option<Self> {
        if element.kind() == "keyed_element" {
            let (key, value) = (element.child_by_field_name("key")?, element.child_by_field_name("value")?);
            let width = String::from_utf8_lossy(file.bytes_of(key.byte_range())).chars().count() + 1;
            return Some(Self {
                width,
                blanks: file.token_after(key.end_byte())?.end_byte()..value.start_byte(),
            });
        }
        let comma = file.token_after(element.end_byte())?.end_byte();
        let comment =
            file.comments().get(file.comments().partition_point(|comment| comment.start < comma))?.start;
        let lost = found.iter().filter(|redundant| redundant.element == Some(element));
        let lost: usize = lost.flat_map(|redundant| &redundant.edits).map(|edit| edit.range.len()).sum();
        let width = String::from_utf8_lossy(file.bytes_of(element.start_byte()..comma)).chars().count();
        let is_blank = file.bytes_of(comma..comment).iter().all(|byte| *byte == b' ');
        is_blank.then(|| Self { width: width.saturating_sub(lost), blanks: comma..comment })
    }
}
