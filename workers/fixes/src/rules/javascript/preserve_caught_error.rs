//! `preserve-caught-error`: a new error thrown in a `catch` should have the caught one as its `cause`.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tree_sitter::Node;

use super::ECMASCRIPT;
use super::globals::is_global;
use super::property_name::property_name;
use super::surroundings::statement_range;
use super::syntax::{first_named_child, identifier_name, named_children, without_parens};
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Level, Meta, Rule, option};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

/// The constructors of the language that take a `cause`.
const BUILT_IN_ERRORS: &[&str] = &[
    "Error",
    "EvalError",
    "RangeError",
    "ReferenceError",
    "SyntaxError",
    "TypeError",
    "URIError",
    "AggregateError",
];

rule_type! {
    /// ## What it does
    /// Finds errors that are made and thrown in a `catch` clause without the caught error as their `cause`.
    ///
    /// ## Why is this bad?
    /// The caught error says what went wrong and where; without it, its message and stack are lost.
    ///
    /// ## Example
    /// ```js
    /// try {
    ///     parse(text);
    /// } catch (error) {
    ///     throw new Error("cannot read the settings");
    /// }
    /// ```
    /// Use instead:
    /// ```js
    /// try {
    ///     parse(text);
    /// } catch (error) {
    ///     throw new Error("cannot read the settings", { cause: error });
    /// }
    /// ```
    ///
    /// ## Options
    /// - `requireCatchParameter`: a `catch` that throws a new error must have a parameter.
    /// - `errorClassNames`: other classes of errors that take a `cause`. A name, or an object
    ///   `{ "name": "HttpError", "argumentPosition": 3 }`, where the position is that of the options argument,
    ///   counted from 1 (2 if it is left out).
    ///
    /// ## Fix safety
    /// The cause is only suggested: a person should see whether the caught error may be shown to whoever gets
    /// the new one.
    pub struct PreserveCaughtError {
        options: Options,
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Options {
    require_catch_parameter: bool,
    error_class_names: Vec<ErrorClass>,
}

/// A class of errors that takes a `cause`.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum ErrorClass {
    Named(String),
    #[serde(rename_all = "camelCase")]
    At {
        name: String,
        argument_position: std::num::NonZeroUsize,
    },
}

impl ErrorClass {
    fn name(&self) -> &str {
        match self {
            Self::Named(name) | Self::At { name, .. } => name,
        }
    }

    /// The index of the argument that holds the cause.
    fn options_index(&self) -> usize {
        match self {
            Self::Named(_) => 1,
            Self::At { argument_position, .. } => argument_position.get() - 1,
        }
    }
}

impl PreserveCaughtError {
    /// What ESLint does without options.
    pub const DEFAULT: Self =
        Self { options: Options { require_catch_parameter: false, error_class_names: Vec::new() } };
}

static META: Meta = Meta {
    id: "preserve-caught-error",
    origin: "ESLint",
    category: Category::Bug,
    languages: ECMASCRIPT,
    level: Level::Warning,
    summary: "Requires errors thrown in a `catch` to keep the caught error as their `cause`.",
    docs: PreserveCaughtError::MANUAL,
};

impl Rule for PreserveCaughtError {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        Ok(Arc::new(Self { options: option(options, 0)? }))
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["throw_statement"]
    }

    fn best_applicability(&self) -> Applicability {
        Applicability::Suggestion
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        out.extend(self.check_throw(file, node));
    }
}

impl PreserveCaughtError {
    fn check_throw<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>) -> Option<Finding> {
        let construction = Construction::of(without_parens(first_named_child(node)?))?;
        let signature = self.signature(file, construction.callee)?;
        let clause = catch_around(file, node)?;
        let Some(caught) = clause.child_by_field_name("parameter") else {
            let message = "The caught error is not accessible because the catch clause lacks the error \
                parameter. Start referencing the caught error using the catch parameter.";
            let is_wanted = self.options.require_catch_parameter;
            return is_wanted.then(|| Finding::new(&META, statement_range(file, node), message));
        };
        if !matches!(caught.kind(), "identifier" | "undefined") {
            let message = "Re-throws cannot preserve the caught error as a part of it is being lost due to \
                destructuring.";
            return Some(Finding::new(&META, clause.byte_range(), message));
        }
        match construction.cause(file, signature.options_index) {
            Cause::Unknown => None,
            Cause::Missing => {
                let message = "There is no `cause` attached to the symptom error being thrown.";
                let edit = construction.with_cause(&signature, &identifier_name(file, caught));
                let fix = edit.map(|edit| Fix::suggestion(vec![edit]));
                Some(Finding::new(&META, statement_range(file, node), message).with_fix(fix))
            }
            Cause::Known(cause) => check_cause(file, node, caught, &cause),
        }
    }

    /// What is known of the arguments of the error that `callee` makes; `None` if it is not known to be one.
    fn signature<'t>(&self, file: &ParsedFile<'t>, callee: Node<'t>) -> Option<Signature> {
        if callee.kind() == "identifier" {
            let name = identifier_name(file, callee);
            let built_in = BUILT_IN_ERRORS.iter().find(|built_in| **built_in == name);
            if let Some(built_in) = built_in.filter(|built_in| is_global(file, callee, built_in)) {
                let before: &[&str] = if *built_in == "AggregateError" { &["[]", "\"\""] } else { &["\"\""] };
                return Some(Signature { options_index: before.len(), before: Some(before) });
            }
        }
        let name = match callee.kind() {
            "identifier" => callee,
            "member_expression" => {
                callee.child_by_field_name("property").filter(|name| name.kind() == "property_identifier")?
            }
            _ => return None,
        };
        let name = identifier_name(file, name);
        let class = self.options.error_class_names.iter().rev().find(|class| class.name() == name)?;
        Some(Signature { options_index: class.options_index(), before: None })
    }
}

/// What an error takes as its arguments.
struct Signature {
    /// Which argument holds the cause.
    options_index: usize,
    /// What to put in for the arguments before it, where that is known.
    before: Option<&'static [&'static str]>,
}

/// A cause is given: it should be the caught error.
fn check_cause(
    file: &ParsedFile<'_>,
    throw: Node<'_>,
    caught: Node<'_>,
    cause: &GivenCause<'_>,
) -> Option<Finding> {
    let name = identifier_name(file, caught);
    if !cause.is_name(file, &name) {
        let edit = || Edit::replace(cause.replaced(), cause.replacement(&name));
        let fix = (!cause.is_ambiguous).then(|| Fix::suggestion(vec![edit()]));
        let message = "The symptom error is being thrown with an incorrect `cause`.";
        return Some(Finding::new(&META, cause.reported(), message).with_fix(fix));
    }
    let scopes = file.scopes()?;
    let is_caught = scopes.variable_at(cause.value.start_byte()) == scopes.variable_at(caught.start_byte());
    let message = "The caught error is being attached as `cause`, but is shadowed by a closer scoped \
        redeclaration.";
    (!is_caught).then(|| Finding::new(&META, statement_range(file, throw), message))
}

/// The `catch` clause that the statement belongs to, with no function between.
fn catch_around<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Node<'t>> {
    let ends = |node: &Node<'t>| {
        matches!(
            node.kind(),
            "catch_clause"
                | "function_declaration"
                | "generator_function_declaration"
                | "function_expression"
                | "generator_function"
                | "arrow_function"
                | "method_definition"
                | "class_static_block"
        )
    };
    file.ancestors(node).find(ends).filter(|node| node.kind() == "catch_clause")
}

/// `new Error(…)` or `Error(…)`
struct Construction<'t> {
    node: Node<'t>,
    callee: Node<'t>,
    /// In parentheses; `new Error` has none.
    list: Option<Node<'t>>,
    arguments: Vec<Node<'t>>,
}

/// What a construction says of its cause.
enum Cause<'t> {
    Missing,
    /// Something that cannot be looked through.
    Unknown,
    Known(GivenCause<'t>),
}

impl<'t> Construction<'t> {
    fn of(node: Node<'t>) -> Option<Self> {
        let callee = match node.kind() {
            "new_expression" => node.child_by_field_name("constructor")?,
            "call_expression" if !is_optional_chain(node) => node.child_by_field_name("function")?,
            _ => return None,
        };
        let list = node.child_by_field_name("arguments");
        if list.is_some_and(|list| list.kind() != "arguments") {
            return None; // a tagged template
        }
        let arguments = list.into_iter().flat_map(named_children).collect();
        Some(Self { node, callee: without_parens(callee), list, arguments })
    }

    fn cause(&self, file: &ParsedFile<'t>, options_index: usize) -> Cause<'t> {
        if self.arguments.iter().take(options_index + 1).any(|argument| argument.kind() == "spread_element") {
            return Cause::Unknown;
        }
        let Some(options) = self.arguments.get(options_index).map(|options| without_parens(*options)) else {
            return Cause::Missing;
        };
        let mut properties = Vec::new();
        for property in named_children(options) {
            if options.kind() != "object" || property.kind() == "spread_element" {
                return Cause::Unknown;
            }
            properties.extend(GivenCause::of(file, property));
        }
        if options.kind() != "object" {
            return Cause::Unknown;
        }
        let is_ambiguous = properties.len() > 1;
        properties.pop().map_or(Cause::Missing, |cause| Cause::Known(GivenCause { is_ambiguous, ..cause }))
    }

    /// What to insert where no cause is given.
    fn with_cause(&self, signature: &Signature, name: &str) -> Option<Edit> {
        let n_given = self.arguments.len();
        if let Some(options) = self.arguments.get(signature.options_index) {
            let options = without_parens(*options);
            return Some(match named_children(options).last() {
                Some(last) => Edit::insert(last.end_byte(), format!(", cause: {name}")),
                None => Edit::insert(options.start_byte() + 1, format!("cause: {name}")),
            });
        }
        let mut missing: Vec<String> = match signature.before {
            Some(before) => before.iter().skip(n_given).map(|text| (*text).to_owned()).collect(),
            None if n_given < signature.options_index => return None,
            None => Vec::new(),
        };
        missing.push(format!("{{ cause: {name} }}"));
        let text = missing.join(", ");
        Some(match (self.arguments.last(), self.list) {
            (Some(last), _) => Edit::insert(last.end_byte(), format!(", {text}")),
            (None, Some(list)) => Edit::insert(list.start_byte() + 1, text),
            (None, None) => Edit::insert(self.node.end_byte(), format!("({text})")),
        })
    }
}

/// Whether `?.` stands in the chain of calls and properties that `call` ends.
fn is_optional_chain(call: Node<'_>) -> bool {
    let mut at = Some(call);
    while let Some(node) = at {
        if node.child_by_field_name("optional_chain").is_some() {
            return true;
        }
        at = match node.kind() {
            "call_expression" => node.child_by_field_name("function"),
            "member_expression" | "subscript_expression" => node.child_by_field_name("object"),
            _ => None,
        };
    }
    false
}

/// The property `cause` of the options of an error.
struct GivenCause<'t> {
    property: Node<'t>,
    /// Its value; of a method or accessor, the method.
    value: Node<'t>,
    /// Whether there are several, of which this is the last.
    is_ambiguous: bool,
}

impl<'t> GivenCause<'t> {
    fn of(file: &ParsedFile<'t>, property: Node<'t>) -> Option<Self> {
        let (key, value) = match property.kind() {
            "pair" => {
                (property.child_by_field_name("key")?, without_parens(property.child_by_field_name("value")?))
            }
            "method_definition" => (property.child_by_field_name("name")?, property),
            "shorthand_property_identifier" => (property, property),
            _ => return None,
        };
        (property_name(file, key)? == "cause").then_some(Self { property, value, is_ambiguous: false })
    }

    fn is_name(&self, file: &ParsedFile<'_>, name: &str) -> bool {
        matches!(self.value.kind(), "identifier" | "undefined" | "shorthand_property_identifier")
            && identifier_name(file, self.value) == name
    }

    /// ESLint takes a method for its parameters and body.
    fn reported(&self) -> std::ops::Range<usize> {
        let parameters = |field| self.value.child_by_field_name(field);
        match self.value.kind() {
            "method_definition" => {
                let first = parameters("type_parameters").or_else(|| parameters("parameters"));
                first.unwrap_or(self.value).start_byte()..self.value.end_byte()
            }
            _ => self.value.byte_range(),
        }
    }

    fn replaced(&self) -> std::ops::Range<usize> {
        if self.property.kind() == "pair" { self.value.byte_range() } else { self.property.byte_range() }
    }

    fn replacement(&self, name: &str) -> String {
        if self.property.kind() == "pair" { name.to_owned() } else { format!("cause: {name}") }
    }
}
