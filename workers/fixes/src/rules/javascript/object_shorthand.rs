//! `object-shorthand`: `{ a: a }` and `{ f: function () {} }` in object literals.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::syntax::{identifier_name, static_name, without_parens};
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

rule_type! {
    /// ## What it does
    /// Finds properties of object literals that could be written in the short form: `{ a: a }` as `{ a }`
    /// and `{ f: function () {} }` as `{ f() {} }`.
    ///
    /// ## Why is this bad?
    /// The long form says the same name twice and has to be read to the end to see that it adds nothing.
    ///
    /// ## Example
    /// ```js
    /// const point = { x: x, y: y, norm: async function () {} };
    /// ```
    /// Use instead:
    /// ```js
    /// const point = { x, y, async norm() {} };
    /// ```
    ///
    /// ## Fix safety
    /// Safe for properties and for async and generator functions. Unsafe for plain functions: a method
    /// cannot be called with `new` and has no `prototype`. There is no fix where it would lose a comment,
    /// and `__proto__` is left alone, since its long form sets the prototype.
    pub struct ObjectShorthand;
}

static META: Meta = Meta {
    id: "object-shorthand",
    origin: "ESLint",
    category: Category::Modernise,
    languages: ECMASCRIPT,
    level: Level::Note,
    summary: "Requires the short form of properties and methods in object literals.",
    docs: ObjectShorthand::MANUAL,
};

impl Rule for ObjectShorthand {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["pair"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let (Some(key), Some(value)) = (node.child_by_field_name("key"), node.child_by_field_name("value"))
        else {
            return;
        };
        let pair = Pair { node, key, value: without_parens(value) };
        let finding = match pair.value.kind() {
            "identifier" | "undefined" => pair.check_property(file),
            "function_expression" | "generator_function" => pair.check_method(file),
            _ => None,
        };
        out.extend(finding);
    }
}

/// `key: value` in an object literal; the parentheses around the value are left out.
struct Pair<'t> {
    node: Node<'t>,
    key: Node<'t>,
    value: Node<'t>,
}

impl<'t> Pair<'t> {
    /// `{ x: x }` should be `{ x }`.
    fn check_property(&self, file: &ParsedFile<'t>) -> Option<Finding> {
        let name = identifier_name(file, self.value);
        let same = static_name(file, self.key)? == name && name != "__proto__";
        if !same || self.holds_type_comment(file) {
            return None;
        }
        let range = self.node.byte_range();
        let fix = (!file.has_comment_in(range.clone()))
            .then(|| Fix::safe(vec![Edit::replace(range.clone(), name.as_ref())]));
        Some(Finding { rule: META.id, range, message: "Expected property shorthand.".to_owned(), fix })
    }

    /// Whether a JSDoc comment gives the value a type: the long form carries it.
    fn holds_type_comment(&self, file: &ParsedFile<'t>) -> bool {
        let range = self.node.byte_range();
        let comments = file.comments();
        let first = comments.partition_point(|comment| comment.start < range.start);
        comments[first..].iter().take_while(|comment| comment.end <= range.end).any(|comment| {
            let text = String::from_utf8_lossy(file.bytes_of(comment.clone()));
            let Some(text) = text.strip_prefix("/*") else { return false };
            // A string key leaves no room for white space before the star.
            let jsdoc = if self.key.kind() == "string" { text } else { text.trim_start() };
            jsdoc.starts_with('*') && text.contains("@type")
        })
    }

    /// `{ f: function () {} }` should be `{ f() {} }`.
    fn check_method(&self, file: &ParsedFile<'t>) -> Option<Finding> {
        let is_proto = || static_name(file, self.key).is_some_and(|name| name == "__proto__");
        if self.value.child_by_field_name("name").is_some() || is_proto() {
            return None;
        }
        Some(Finding {
            rule: META.id,
            range: self.node.byte_range(),
            message: "Expected method shorthand.".to_owned(),
            fix: self.method_fix(file),
        })
    }

    /// Puts the function's markers before the key, and takes out what stands between key and parameters.
    fn method_fix(&self, file: &ParsedFile<'t>) -> Option<Fix> {
        let is_async = self.value.child(0)?.kind() == "async";
        let is_generator = self.value.kind() == "generator_function";
        let header = self.header_end(is_generator)?;
        let (key, whole) = (self.key.byte_range(), self.node.byte_range());
        let tail = self.value.end_byte()..whole.end;
        let loses_comment = file.has_comment_in(key.end..header) || file.has_comment_in(tail.clone());
        if loses_comment {
            return None;
        }

        let prefix = [if is_async { "async " } else { "" }, if is_generator { "*" } else { "" }].concat();
        let mut edits = vec![Edit::delete(key.end..header)];
        if !prefix.is_empty() {
            edits.push(Edit::insert(key.start, prefix));
        }
        if !tail.is_empty() {
            edits.push(Edit::delete(tail));
        }
        // Async functions and generators are no constructors in the long form either.
        let fix = if is_async || is_generator { Fix::safe(edits) } else { Fix::unsafe_(edits) };
        Some(fix.claiming(whole))
    }

    /// Where `async function *` ends.
    fn header_end(&self, is_generator: bool) -> Option<usize> {
        let last = if is_generator { "*" } else { "function" };
        let mut cursor = self.value.walk();
        let token = self.value.children(&mut cursor).find(|child| child.kind() == last);
        token.map(|token| token.end_byte())
    }
}
