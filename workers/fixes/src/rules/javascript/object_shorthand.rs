//! `object-shorthand`: `{ a: a }` and `{ f: function () {} }` in object literals.

use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::pattern::{self, Pattern};
use super::property_name::{inner_key, property_name};
use super::syntax::{identifier_name, named_children, static_name, without_parens};
use crate::rule::{Category, Edit, Finding, Fix, Level, Meta, Rule, option};
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
    /// ## Options
    /// The first says what is wanted:
    /// - `"always"` (the default): the short form wherever there is one.
    /// - `"methods"` or `"properties"`: the short form of methods, or of properties, only.
    /// - `"never"`: the long form everywhere.
    /// - `"consistent"`: no object that mixes both forms.
    /// - `"consistent-as-needed"`: as `"consistent"`, and the short form where all of an object can have it.
    ///
    /// The second is an object that goes with `"always"` and `"methods"` (`avoidQuotes` with `"properties"`,
    /// too):
    /// - `avoidQuotes`: keys in quotes have the long form.
    /// - `ignoreConstructors`: leave functions with a capitalised name alone.
    /// - `methodsIgnorePattern`: leave functions alone whose name matches this regular expression.
    /// - `avoidExplicitReturnArrows`: methods instead of arrow functions with a block, where `this`, `super`,
    ///   `arguments` and `new.target` are not used.
    ///
    /// ## Fix safety
    /// Safe for properties and for async and generator functions. Unsafe for other functions: a method cannot be
    /// called with `new` and has no `prototype`, an arrow function can be called with another `this`. `__proto__`
    /// is left alone, since its long form sets the prototype. There is no fix where it would lose the comment
    /// before the value.
    pub struct ObjectShorthand {
        mode: Mode,
        options: Options,
    }
}

/// What is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    #[default]
    Always,
    Methods,
    Properties,
    Never,
    Consistent,
    ConsistentAsNeeded,
}

/// The second option.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Options {
    avoid_quotes: bool,
    ignore_constructors: bool,
    #[serde(deserialize_with = "pattern::optional")]
    methods_ignore_pattern: Option<Pattern>,
    avoid_explicit_return_arrows: bool,
}

impl ObjectShorthand {
    /// What ESLint does without options.
    pub const DEFAULT: Self = Self {
        mode: Mode::Always,
        options: Options {
            avoid_quotes: false,
            ignore_constructors: false,
            methods_ignore_pattern: None,
            avoid_explicit_return_arrows: false,
        },
    };
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
        let mode: Mode = option(options, 0)?;
        let rest: Options = option(options, 1)?;
        let of_methods = rest.ignore_constructors
            || rest.methods_ignore_pattern.is_some()
            || rest.avoid_explicit_return_arrows;
        match mode {
            Mode::Always | Mode::Methods => {}
            Mode::Properties if !of_methods => {}
            _ if options.len() < 2 => {}
            _ => return Err("the second option does not go with the first".to_owned()),
        }
        Ok(Arc::new(Self { mode, options: rest }))
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["object", "pair", "method_definition", "shorthand_property_identifier"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let finding = match node.kind() {
            "object" => self.check_object(file, node),
            "pair" => Pair::of(node).and_then(|pair| self.check_pair(file, &pair)),
            "method_definition" => self.check_method(file, node),
            _ => self.check_short_property(file, node),
        };
        out.extend(finding);
    }
}

impl ObjectShorthand {
    /// An object should not mix both forms.
    fn check_object(&self, file: &ParsedFile<'_>, node: Node<'_>) -> Option<Finding> {
        if !matches!(self.mode, Mode::Consistent | Mode::ConsistentAsNeeded) {
            return None;
        }
        let (mut n_short, mut n_long, mut all_redundant) = (0, 0, true);
        for property in named_children(node) {
            match property.kind() {
                "pair" => {
                    n_long += 1;
                    all_redundant &= Pair::of(property).is_some_and(|pair| pair.is_redundant(file));
                }
                "shorthand_property_identifier" => n_short += 1,
                "method_definition" if !Modifiers::of(property).is_accessor => n_short += 1,
                _ => {}
            }
        }
        let message = match (n_short, n_long) {
            (_, 0) => return None,
            (0, _) if self.mode == Mode::ConsistentAsNeeded && all_redundant => {
                "Expected shorthand for all properties."
            }
            (0, _) => return None,
            _ => "Unexpected mix of shorthand and non-shorthand properties.",
        };
        Some(Finding::new(&META, node.byte_range(), message))
    }

    /// `{ x() {} }`
    fn check_method<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>) -> Option<Finding> {
        if self.mode != Mode::Never && !self.options.avoid_quotes {
            return None;
        }
        let key = node.child_by_field_name("name")?;
        let modifiers = Modifiers::of(node);
        let message = match self.mode {
            Mode::Never => "Expected longform method syntax.",
            _ if is_quoted(key) => "Expected longform method syntax for string literal keys.",
            _ => return None,
        };
        if modifiers.is_accessor || is_proto(file, key) || file.parent(node)?.kind() != "object" {
            return None;
        }
        let text = [
            ": ",
            if modifiers.is_async { "async " } else { "" },
            "function",
            if modifiers.is_generator { "*" } else { "" },
        ];
        let mut edits = vec![Edit::insert(key.end_byte(), text.concat())];
        if key.start_byte() > node.start_byte() {
            edits.push(Edit::delete(node.start_byte()..key.start_byte()));
        }
        let fix = Fix::unsafe_(edits).claiming(node.start_byte()..key.end_byte());
        Some(Finding::new(&META, node.byte_range(), message).with_fix(fix))
    }

    /// `{ x }`
    fn check_short_property(&self, file: &ParsedFile<'_>, node: Node<'_>) -> Option<Finding> {
        if self.mode != Mode::Never || is_proto(file, node) {
            return None;
        }
        let name = identifier_name(file, node);
        let edits = vec![Edit::insert(node.end_byte(), format!(": {name}"))];
        let fix = Fix::safe(edits);
        Some(Finding::new(&META, node.byte_range(), "Expected longform property syntax.").with_fix(fix))
    }

    fn check_pair<'t>(&self, file: &ParsedFile<'t>, pair: &Pair<'t>) -> Option<Finding> {
        let (of_methods, of_properties) = match self.mode {
            Mode::Always => (true, true),
            Mode::Methods => (true, false),
            Mode::Properties => (false, true),
            _ => return None,
        };
        if is_proto(file, pair.key) {
            return None;
        }
        match pair.value.kind() {
            "identifier" | "undefined" if of_properties => self.check_long_property(file, pair),
            "function_expression" | "generator_function" | "arrow_function" if of_methods => {
                self.check_function(file, pair)
            }
            _ => None,
        }
    }

    /// `{ x: x }` should be `{ x }`.
    fn check_long_property<'t>(&self, file: &ParsedFile<'t>, pair: &Pair<'t>) -> Option<Finding> {
        let name = identifier_name(file, pair.value);
        if static_name(file, pair.key)? != name
            || self.options.avoid_quotes && is_quoted(pair.key)
            || pair.holds_type_comment(file)
        {
            return None;
        }
        let range = pair.node.byte_range();
        let fix = (!file.has_comment_in(range.clone()))
            .then(|| Fix::safe(vec![Edit::replace(range.clone(), name.as_ref())]));
        Some(Finding::new(&META, range, "Expected property shorthand.").with_fix(fix))
    }

    /// `{ f: function () {} }` should be `{ f() {} }`.
    fn check_function<'t>(&self, file: &ParsedFile<'t>, pair: &Pair<'t>) -> Option<Finding> {
        let is_arrow = pair.value.kind() == "arrow_function";
        if is_arrow && (!self.options.avoid_explicit_return_arrows || !has_block(pair.value))
            || pair.value.child_by_field_name("name").is_some()
            || self.options.avoid_quotes && is_quoted(pair.key)
            || self.options.ignore_constructors && is_constructor_key(file, pair.key)
            || self.is_ignored(file, pair.key)
            || is_arrow && uses_surroundings(file, pair.value)
        {
            return None;
        }
        let fix = pair.method_fix(file);
        Some(Finding::new(&META, pair.node.byte_range(), "Expected method shorthand.").with_fix(fix))
    }

    fn is_ignored(&self, file: &ParsedFile<'_>, key: Node<'_>) -> bool {
        let Some(pattern) = &self.options.methods_ignore_pattern else { return false };
        property_name(file, key).is_some_and(|name| pattern.is_match(&name))
    }
}

/// Whether the key is `__proto__`: its long form sets the prototype, the short ones make a property.
fn is_proto(file: &ParsedFile<'_>, key: Node<'_>) -> bool {
    match key.kind() {
        "shorthand_property_identifier" => identifier_name(file, key) == "__proto__",
        _ => static_name(file, key).is_some_and(|name| name == "__proto__"),
    }
}

/// Whether the key is a string, in brackets or not.
fn is_quoted(key: Node<'_>) -> bool {
    inner_key(key).kind() == "string"
}

/// Whether the key names a constructor: its first letter is a capital.
fn is_constructor_key(file: &ParsedFile<'_>, key: Node<'_>) -> bool {
    let inner = inner_key(key);
    if !matches!(inner.kind(), "identifier" | "property_identifier" | "undefined") {
        return false;
    }
    let name = identifier_name(file, inner);
    let first = name.chars().find(|&letter| !matches!(letter, '_' | '$' | '0'..='9'));
    first.is_some_and(|first| first.len_utf16() > 1 || first.to_uppercase().eq([first]))
}

/// The modifiers before the name of a method.
#[derive(Clone, Copy, Default)]
struct Modifiers {
    is_async: bool,
    is_generator: bool,
    is_accessor: bool,
}

impl Modifiers {
    fn of(method: Node<'_>) -> Self {
        let mut modifiers = Self::default();
        let name = method.child_by_field_name("name");
        let mut cursor = method.walk();
        for child in method.children(&mut cursor).take_while(|child| Some(*child) != name) {
            match child.kind() {
                "async" => modifiers.is_async = true,
                "*" => modifiers.is_generator = true,
                "get" | "set" => modifiers.is_accessor = true,
                _ => {}
            }
        }
        modifiers
    }
}

/// `key: value` in an object literal; the parentheses around the value are left out.
struct Pair<'t> {
    node: Node<'t>,
    key: Node<'t>,
    value: Node<'t>,
}

impl<'t> Pair<'t> {
    fn of(node: Node<'t>) -> Option<Self> {
        let (key, value) = (node.child_by_field_name("key")?, node.child_by_field_name("value")?);
        Some(Self { node, key, value: without_parens(value) })
    }

    /// Whether there is a short form.
    fn is_redundant(&self, file: &ParsedFile<'_>) -> bool {
        if is_proto(file, self.key) {
            return false;
        }
        match self.value.kind() {
            "function_expression" | "generator_function" => self.value.child_by_field_name("name").is_none(),
            "identifier" | "undefined" => {
                property_name(file, self.key).is_some_and(|name| name == identifier_name(file, self.value))
            }
            _ => false,
        }
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

    /// Puts the function's markers before the key, and takes out what stands between key and parameters.
    fn method_fix(&self, file: &ParsedFile<'t>) -> Option<Fix> {
        let (key, value, whole) = (self.key.byte_range(), self.value.byte_range(), self.node.byte_range());
        if file.has_comment_in(key.end..value.start) {
            return None;
        }
        let is_async = self.value.child(0)?.kind() == "async";
        let is_generator = self.value.kind() == "generator_function";
        let prefix = [if is_async { "async " } else { "" }, if is_generator { "*" } else { "" }].concat();
        let mut edits = if self.value.kind() == "arrow_function" {
            self.edits_around_parameters(file, is_async)?
        } else {
            let header_end = self.token(if is_generator { "*" } else { "function" })?.end;
            vec![Edit::delete(key.end..header_end)]
        };
        if !prefix.is_empty() {
            edits.push(Edit::insert(key.start, prefix));
        }
        if value.end < whole.end {
            edits.push(Edit::delete(value.end..whole.end));
        }
        // Async functions and generators are no constructors in the long form either.
        let is_arrow = self.value.kind() == "arrow_function";
        let is_safe = (is_async || is_generator) && !is_arrow;
        let fix = if is_safe { Fix::safe(edits) } else { Fix::unsafe_(edits) };
        Some(fix.claiming(key.start..whole.end))
    }

    /// Leaves the parameters of an arrow function, and no arrow behind them.
    fn edits_around_parameters(&self, file: &ParsedFile<'t>, is_async: bool) -> Option<Vec<Edit>> {
        let tokens = file.tokens_in(self.value.byte_range());
        let first = tokens.get(usize::from(is_async))?.start_byte();
        let arrow = self.token("=>")?;
        let last = file.token_before(arrow.start)?.end_byte();
        let is_bare = self.value.child_by_field_name("parameter").is_some();
        let (opening, closing) = if is_bare { ("(", ")") } else { ("", "") };
        Some(vec![
            Edit::replace(self.key.end_byte()..first, opening),
            Edit::replace(last..arrow.end, closing),
        ])
    }

    /// The first of the value's own tokens that is a `kind`.
    fn token(&self, kind: &str) -> Option<Range<usize>> {
        let mut cursor = self.value.walk();
        let token = self.value.children(&mut cursor).find(|child| child.kind() == kind);
        token.map(|token| token.byte_range())
    }
}

fn has_block(arrow: Node<'_>) -> bool {
    arrow.child_by_field_name("body").is_some_and(|body| body.kind() == "statement_block")
}

/// A function of more nodes than this is taken to use `this`: looking at it once for each function around it
/// could take for ever.
const MAX_NODES: usize = 20_000;

/// Whether an arrow function uses what belongs to the function around it: `this`, `super`, `new.target`,
/// `arguments`.
fn uses_surroundings<'t>(file: &ParsedFile<'t>, arrow: Node<'t>) -> bool {
    let has_arguments = || file.ancestors(arrow).any(|around| is_own_function(around.kind()));
    let mut cursor = arrow.walk();
    let mut n_nodes = 0;
    loop {
        let node = cursor.node();
        n_nodes += 1;
        let is_used = match node.kind() {
            "this" | "super" => true,
            "meta_property" => file.text(node).starts_with("new"),
            "identifier" => identifier_name(file, node) == "arguments" && has_arguments(),
            _ => n_nodes > MAX_NODES,
        };
        if is_used {
            return true;
        }
        let is_foreign = is_own_function(node.kind())
            // The name of a method is not in the method.
            && node.kind() != "method_definition"
            || cursor.field_name().is_some_and(|field| matches!(field, "parameters" | "body"))
                && cursor_parent_is_method(&cursor);
        if !is_foreign && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return false;
            }
        }
    }
}

fn cursor_parent_is_method(cursor: &tree_sitter::TreeCursor<'_>) -> bool {
    let mut around = cursor.clone();
    around.goto_parent() && around.node().kind() == "method_definition"
}

/// Whether such a node has a `this` and `arguments` of its own.
fn is_own_function(kind: &str) -> bool {
    matches!(
        kind,
        "function_declaration"
            | "generator_function_declaration"
            | "function_expression"
            | "generator_function"
            | "method_definition"
    )
}
