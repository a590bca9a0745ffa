//! `no-useless-computed-key`: `{ ["a"]: 1 }`.

use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::syntax::{Token, first_named_child, string_value, without_parens};
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, option};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds keys in square brackets that are a plain string or number.
    ///
    /// ## Why is this bad?
    /// The brackets say that the key is computed, and nothing is.
    ///
    /// ## Example
    /// ```js
    /// const sizes = { ["small"]: 1, [2]: 2 };
    /// class Box { ["open"]() {} }
    /// ```
    /// Use instead:
    /// ```js
    /// const sizes = { "small": 1, 2: 2 };
    /// class Box { "open"() {} }
    /// ```
    /// Keys that mean something else without brackets are left alone: `__proto__` in an object,
    /// `constructor` and `prototype` in a class.
    ///
    /// ## Options
    /// `enforceForClassMembers` (`true`): also look at the members of classes.
    ///
    /// ## Fix safety
    /// Safe: the key stays the same. There is no fix where it would lose a comment between the brackets.
    pub struct NoUselessComputedKey { options: Options }
}

/// What ESLint's configuration can say.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Options {
    enforce_for_class_members: bool,
}

impl Options {
    const DEFAULT: Self = Self { enforce_for_class_members: true };
}

impl Default for Options {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl NoUselessComputedKey {
    /// The rule without options.
    pub const DEFAULT: Self = Self { options: Options::DEFAULT };
}

static META: Meta = Meta {
    id: "no-useless-computed-key",
    origin: "ESLint",
    category: Category::Style,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Disallows square brackets around keys that are plain strings or numbers.",
    docs: NoUselessComputedKey::MANUAL,
};

impl Rule for NoUselessComputedKey {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        Ok(Arc::new(Self { options: option(options, 0)? }))
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["computed_property_name"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        out.extend(self.check_key(file, node));
    }
}

impl NoUselessComputedKey {
    fn check_key<'t>(&self, file: &ParsedFile<'t>, brackets: Node<'t>) -> Option<Finding> {
        let key = without_parens(first_named_child(brackets)?);
        let raw = String::from_utf8(file.bytes_of(key.byte_range()).to_vec()).ok()?;
        let is_plain = match key.kind() {
            "string" => true,
            "number" => !raw.ends_with('n'),
            _ => false,
        };
        let member = file.parent(brackets)?;
        if !is_plain || !self.is_useless(file, member, key) {
            return None;
        }
        let message = format!("Unnecessarily computed property [{raw}] found.");
        let fix = (!file.has_comment_in(brackets.byte_range())).then(|| {
            let space = if must_part(file, brackets, key) { " " } else { "" };
            Fix::safe(vec![Edit::replace(brackets.byte_range(), format!("{space}{raw}"))])
        });
        Some(Finding::new(&META, place(file, member), message).with_fix(fix))
    }

    /// Whether the key of `member` means the same without brackets.
    fn is_useless<'t>(&self, file: &ParsedFile<'t>, member: Node<'t>, key: Node<'t>) -> bool {
        let is = |name: &str| string_value(file, key).is_some_and(|value| value == name);
        let owner = || file.parent(member).map_or("", |owner| owner.kind());
        let is_method = match member.kind() {
            "pair_pattern" => return true,
            "pair" => return !is("__proto__"),
            "method_definition" if owner() == "object" => return !is("__proto__"),
            "method_definition" | "method_signature" if owner() == "class_body" => true,
            "field_definition" | "public_field_definition" => false,
            _ => return false,
        };
        if has_word(member, "accessor")
            || has_word(member, "abstract")
            || !self.options.enforce_for_class_members
        {
            return false;
        }
        match (is_method, has_word(member, "static")) {
            (true, true) => !is("prototype"),
            (false, true) => !is("constructor") && !is("prototype"),
            (_, false) => !is("constructor"),
        }
    }
}

/// Whether `word` stands before the key.
fn has_word(member: Node<'_>, word: &str) -> bool {
    let mut cursor = member.walk();
    let mut is_at_child = cursor.goto_first_child();
    while is_at_child && cursor.node().kind() != "computed_property_name" {
        if cursor.node().kind() == word {
            return true;
        }
        is_at_child = cursor.goto_next_sibling();
    }
    false
}

/// The bytes of `member` and of its decorators; those of a field include its semicolon.
fn place<'t>(file: &ParsedFile<'t>, member: Node<'t>) -> Range<usize> {
    let is_field =
        matches!(member.kind(), "field_definition" | "public_field_definition" | "method_signature");
    let semicolon = file.token_after(member.end_byte()).filter(|token| is_field && token.kind() == ";");
    start_with_decorators(file, member)..semicolon.map_or(member.end_byte(), |semicolon| semicolon.end_byte())
}

/// Decorators of methods stand beside them in the tree.
fn start_with_decorators<'t>(file: &ParsedFile<'t>, member: Node<'t>) -> usize {
    let mut start = member.start_byte();
    let Some(body) = file.parent(member).filter(|body| body.kind() == "class_body") else { return start };
    while let Some(before) = file.token_before(start)
        && let Some(decorator) = file.ancestors(before).take_while(|around| *around != body).last()
        && decorator.kind() == "decorator"
    {
        start = decorator.start_byte();
    }
    start
}

/// Whether the word before the brackets would run into the key.
fn must_part<'t>(file: &ParsedFile<'t>, brackets: Node<'t>, key: Node<'t>) -> bool {
    file.token_before(brackets.start_byte()).is_some_and(|before| {
        before.end_byte() == brackets.start_byte() && !Token::of(file, before).can_touch(Token::of(file, key))
    })
}
