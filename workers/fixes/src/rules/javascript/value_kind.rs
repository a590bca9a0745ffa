//! What kind of value an expression has, where that can be told without running the program, as the linters built
//! on `eslint-utils` tell it.

use tree_sitter::Node;

use super::globals::is_global;
use super::member_access::{
    callee, is_member_access, is_name, is_optional, is_tagged_template, member_name, object_of,
    plain_member_name, untyped,
};
use super::syntax::{first_named_child, named_children, operator, without_parens};
use super::type_syntax::annotated_type;
use crate::scopes::Variable;
use crate::source::ParsedFile;

/// Deeper than anyone nests the argument of a call.
const MAX_DEPTH: usize = 32;

/// The functions of `Math`, which all give numbers.
const MATH_FUNCTIONS: &[&str] = &[
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "atan2", "cbrt", "ceil", "clz32", "cos",
    "cosh", "exp", "expm1", "floor", "fround", "hypot", "imul", "log", "log1p", "log10", "log2", "max",
    "min", "pow", "random", "round", "sign", "sin", "sinh", "sqrt", "tan", "tanh", "trunc",
];

/// The kind of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Number,
    BigInt,
    Text,
    Array,
    Boolean,
    /// `null` or `undefined`
    Nullish,
    /// A regular expression or an object literal.
    Object,
}

/// What is known of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) kind: Kind,
    /// Whether it counts as true; `None` if that cannot be told.
    pub(crate) truth: Option<bool>,
}

impl Known {
    fn of(kind: Kind) -> Self {
        let truth = match kind {
            Kind::Nullish => Some(false),
            Kind::Array | Kind::Object => Some(true),
            _ => None,
        };
        Self { kind, truth }
    }

    fn with_truth(kind: Kind, truth: bool) -> Self {
        Self { kind, truth: Some(truth) }
    }
}

/// What is known of the value of `node`; `None` if it depends on what is not written out.
pub(crate) fn known_value<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> Option<Known> {
    evaluate(file, node, MAX_DEPTH)
}

fn evaluate<'t>(file: &ParsedFile<'t>, node: Node<'t>, depth: usize) -> Option<Known> {
    let depth = depth.checked_sub(1)?;
    let node = without_parens(node);
    let part = |field: &str| evaluate(file, node.child_by_field_name(field)?, depth);
    match node.kind() {
        "string" => Some(Known { kind: Kind::Text, truth: Some(node.byte_range().len() > 2) }),
        "number" => Some(number(file, node)),
        "true" | "false" => Some(Known::with_truth(Kind::Boolean, node.kind() == "true")),
        "null" | "undefined" => Some(Known::of(Kind::Nullish)),
        "regex" => Some(Known::of(Kind::Object)),
        "template_string" => template(file, node, depth),
        "array" => all_known(file, node, depth).then_some(Known::of(Kind::Array)),
        "object" => is_known_object(file, node, depth).then_some(Known::of(Kind::Object)),
        "assignment_expression" => part("right"),
        "sequence_expression" => evaluate(file, named_children(node).last()?, depth),
        "ternary_expression" => part(if part("condition")?.truth? { "consequence" } else { "alternative" }),
        "unary_expression" => unary(operator(node), part("argument"), node),
        "binary_expression" => match operator(node) {
            sign @ ("&&" | "||" | "??") => logical(sign, part("left")?, || part("right")),
            sign => binary(sign, part("left")?, part("right")?),
        },
        "identifier" => name(file, node, depth),
        "call_expression" if !is_tagged_template(node) => call(file, node, depth),
        _ => evaluate(file, untyped(node)?, depth),
    }
}

fn number(file: &ParsedFile<'_>, node: Node<'_>) -> Known {
    let text = file.text(node);
    let kind = if text.ends_with('n') { Kind::BigInt } else { Kind::Number };
    // A digit other than zero before the exponent.
    let is_radix = text.len() > 1 && text.starts_with('0') && !text.starts_with("0.");
    let digits = if is_radix { text.get(2..).unwrap_or_default() } else { &text };
    let mantissa = if is_radix { digits } else { digits.split(['e', 'E']).next().unwrap_or_default() };
    let truth = mantissa.chars().any(|digit| digit.is_ascii_hexdigit() && digit != '0');
    Known::with_truth(kind, truth)
}

fn template<'t>(file: &ParsedFile<'t>, node: Node<'t>, depth: usize) -> Option<Known> {
    let mut truth = Some(false);
    for part in named_children(node) {
        if part.kind() == "template_substitution" {
            evaluate(file, first_named_child(part)?, depth)?;
            truth = truth.filter(|is_filled| *is_filled);
        } else {
            truth = Some(true);
        }
    }
    Some(Known { kind: Kind::Text, truth })
}

/// Whether all elements or arguments in `list` are known.
fn all_known<'t>(file: &ParsedFile<'t>, list: Node<'t>, depth: usize) -> bool {
    named_children(list).all(|element| match element.kind() {
        "spread_element" => first_named_child(element)
            .and_then(|spread| evaluate(file, spread, depth))
            .is_some_and(|spread| matches!(spread.kind, Kind::Array | Kind::Text)),
        _ => evaluate(file, element, depth).is_some(),
    })
}

/// Whether all members of an object literal are plain and known.
fn is_known_object<'t>(file: &ParsedFile<'t>, object: Node<'t>, depth: usize) -> bool {
    named_children(object).all(|member| match member.kind() {
        "pair" => {
            let key = member.child_by_field_name("key").filter(|key| key.kind() == "computed_property_name");
            let parts = [key.and_then(first_named_child), member.child_by_field_name("value")];
            parts.into_iter().flatten().all(|part| evaluate(file, part, depth).is_some())
        }
        "spread_element" => {
            first_named_child(member).is_some_and(|spread| evaluate(file, spread, depth).is_some())
        }
        _ => false,
    })
}

fn unary(sign: &str, argument: Option<Known>, node: Node<'_>) -> Option<Known> {
    if sign == "void" {
        return node.child_by_field_name("argument").map(|_| Known::of(Kind::Nullish));
    }
    let argument = argument?;
    match sign {
        "!" => Some(Known { kind: Kind::Boolean, truth: argument.truth.map(|truth| !truth) }),
        "typeof" => Some(Known::with_truth(Kind::Text, true)),
        "-" | "~" if argument.kind == Kind::BigInt => Some(Known::of(Kind::BigInt)),
        "-" if argument.kind == Kind::Number => Some(argument),
        "+" | "-" | "~" => Some(Known::of(Kind::Number)),
        _ => None,
    }
}

fn logical(sign: &str, left: Known, right: impl FnOnce() -> Option<Known>) -> Option<Known> {
    let is_decided = match sign {
        "||" => left.truth?,
        "&&" => !left.truth?,
        _ => left.kind != Kind::Nullish,
    };
    if is_decided { Some(left) } else { right() }
}

fn binary(sign: &str, left: Known, right: Known) -> Option<Known> {
    let is_plain = |value: Known| !matches!(value.kind, Kind::Text | Kind::Array | Kind::Object);
    let kind = match sign {
        "==" | "!=" | "===" | "!==" | "<" | "<=" | ">" | ">=" => Kind::Boolean,
        "+" if !is_plain(left) || !is_plain(right) => Kind::Text,
        "+" | "-" | "*" | "/" | "%" | "**" | "|" | "^" | "&" | "<<" | ">>" | ">>>" => {
            if left.kind == Kind::BigInt && right.kind == Kind::BigInt { Kind::BigInt } else { Kind::Number }
        }
        _ => return None,
    };
    Some(Known::of(kind))
}

fn name<'t>(file: &ParsedFile<'t>, node: Node<'t>, depth: usize) -> Option<Known> {
    if ["NaN", "Infinity"].iter().any(|name| is_global(file, node, name)) {
        return Some(Known { kind: Kind::Number, truth: Some(file.text(node) == "Infinity") });
    }
    let variable = variable_of(file, node)?;
    let value = evaluate(file, constant(file, variable)?, depth)?;
    let is_mutable = matches!(value.kind, Kind::Array | Kind::Object);
    (!is_mutable || !is_mutated(file, variable)).then_some(value)
}

fn variable_of<'f>(file: &'f ParsedFile<'_>, name: Node<'_>) -> Option<&'f Variable> {
    let scopes = file.scopes()?;
    scopes.variable_at(name.start_byte()).map(|id| scopes.variable(id))
}

/// The initial value of a variable that is never assigned another.
fn constant<'t>(file: &ParsedFile<'t>, variable: &Variable) -> Option<Node<'t>> {
    let [declaration] = variable.declarations.as_slice() else { return None };
    if variable.references.iter().any(|reference| reference.is_write) {
        return None;
    }
    let name = file.tree.root_node().descendant_for_byte_range(declaration.start, declaration.end)?;
    let declarator = file.parent(name).filter(|declarator| declarator.kind() == "variable_declarator")?;
    let is_name = declarator.child_by_field_name("name") == Some(name);
    is_name.then(|| declarator.child_by_field_name("value")).flatten()
}

/// Whether a member of the variable is assigned, or it is changed by a method of arrays.
fn is_mutated<'t>(file: &ParsedFile<'t>, variable: &Variable) -> bool {
    const METHODS: &[&str] =
        &["copyWithin", "fill", "pop", "push", "reverse", "shift", "sort", "splice", "unshift"];
    let root = file.tree.root_node();
    variable.references.iter().any(|reference| {
        let Some(mut at) = root.descendant_for_byte_range(reference.range.start, reference.range.end) else {
            return false;
        };
        for around in file.ancestors(at) {
            let is = |field: &str| around.child_by_field_name(field) == Some(at);
            match around.kind() {
                "parenthesized_expression" => {}
                _ if is_member_access(around) => {}
                "assignment_expression" | "augmented_assignment_expression" => return is("left"),
                "update_expression" => return true,
                "call_expression" => {
                    let method = member_name(file, without_parens(at));
                    return is("function") && method.is_some_and(|name| METHODS.contains(&&*name));
                }
                _ => return false,
            }
            at = around;
        }
        false
    })
}

/// Calls of functions without effects, on known arguments.
fn call<'t>(file: &ParsedFile<'t>, node: Node<'t>, depth: usize) -> Option<Known> {
    let callee = callee(node)?;
    if !all_known(file, node.child_by_field_name("arguments")?, depth) {
        return None;
    }
    let is = |name: &str| is_global(file, callee, name);
    if let Some(object) = object_of(callee) {
        let method = member_name(file, callee)?;
        return static_method(file, object, &method)
            .or_else(|| method_of(evaluate(file, object, depth)?.kind, &method))
            .map(Known::of);
    }
    if is("String")
        || ["decodeURI", "decodeURIComponent", "encodeURI", "encodeURIComponent"].into_iter().any(is)
    {
        return Some(Known::of(Kind::Text));
    }
    if ["Boolean", "isFinite", "isNaN"].into_iter().any(is) {
        return Some(Known::of(Kind::Boolean));
    }
    if ["Number", "parseFloat", "parseInt"].into_iter().any(is) {
        return Some(Known::of(Kind::Number));
    }
    is("BigInt").then_some(Known::of(Kind::BigInt))
}

fn static_method<'t>(file: &ParsedFile<'t>, object: Node<'t>, method: &str) -> Option<Kind> {
    let is = |name: &str| is_global(file, object, name);
    match method {
        "of" if is("Array") => Some(Kind::Array),
        "isArray" if is("Array") => Some(Kind::Boolean),
        "fromCharCode" | "fromCodePoint" if is("String") => Some(Kind::Text),
        "keys" | "values" | "entries" if is("Object") => Some(Kind::Array),
        "isFinite" | "isNaN" if is("Number") => Some(Kind::Boolean),
        "parseFloat" | "parseInt" if is("Number") => Some(Kind::Number),
        "random" => None,
        _ if MATH_FUNCTIONS.contains(&method) && is("Math") => Some(Kind::Number),
        _ => None,
    }
}

fn method_of(receiver: Kind, method: &str) -> Option<Kind> {
    match (receiver, method) {
        (
            Kind::Text,
            "charAt" | "concat" | "normalize" | "padEnd" | "padStart" | "slice" | "substr" | "substring"
            | "toLowerCase" | "toString" | "toUpperCase" | "trim" | "trimEnd" | "trimLeft" | "trimRight"
            | "trimStart",
        )
        | (Kind::Array, "join" | "toString")
        | (Kind::Number, "toExponential" | "toFixed" | "toPrecision" | "toString") => Some(Kind::Text),
        (Kind::Text | Kind::Array, "indexOf" | "lastIndexOf") | (Kind::Text, "charCodeAt") => {
            Some(Kind::Number)
        }
        (Kind::Text | Kind::Array, "includes") | (Kind::Text, "endsWith" | "startsWith") => {
            Some(Kind::Boolean)
        }
        (Kind::Array, "concat" | "slice" | "flat") => Some(Kind::Array),
        _ => None,
    }
}

/// Whether the value of `node` is a number, as far as its form, its declared type or its parts tell.
pub(crate) fn is_number<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> bool {
    looks_like_number(file, node, MAX_DEPTH)
}

fn looks_like_number<'t>(file: &ParsedFile<'t>, node: Node<'t>, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    let node = without_parens(node);
    let field = |field: &str| node.child_by_field_name(field);
    let part = |name: &str| field(name).is_some_and(|part| looks_like_number(file, part, depth));
    let by_form = match node.kind() {
        "member_expression" => is_number_member(file, node),
        "call_expression" => is_number_call(file, node),
        "assignment_expression" => part("right"),
        "augmented_assignment_expression" => {
            let sign = operator(node).strip_suffix('=').unwrap_or_default();
            gives_number(sign, part("left"), part("right"))
        }
        "binary_expression" => gives_number(operator(node), part("left"), part("right")),
        "unary_expression" => match operator(node) {
            "+" => true,
            "-" | "~" => part("argument"),
            _ => false,
        },
        "update_expression" | "non_null_expression" => {
            let operand = field("argument").or_else(|| first_named_child(node));
            operand.is_some_and(|operand| looks_like_number(file, operand, depth))
        }
        "ternary_expression" => {
            let (left, right) = (part("consequence"), part("alternative"));
            let test = || field("condition").and_then(|test| evaluate(file, test, depth)?.truth);
            (left && right) || (left || right) && test().is_some_and(|truth| if truth { left } else { right })
        }
        "sequence_expression" => {
            named_children(node).last().is_some_and(|last| looks_like_number(file, last, depth))
        }
        "identifier" => has_number_type(file, node),
        "as_expression" | "satisfies_expression" => {
            named_children(node).nth(1).is_some_and(|asserted| is_number_type(file, asserted))
        }
        "type_assertion" => first_named_child(node)
            .and_then(first_named_child)
            .is_some_and(|asserted| is_number_type(file, asserted)),
        _ => false,
    };
    by_form || evaluate(file, node, depth).is_some_and(|value| value.kind == Kind::Number)
}

fn gives_number(sign: &str, left: bool, right: bool) -> bool {
    match sign {
        "+" => left && right,
        ">>>" => true,
        "-" | "*" | "/" | "%" | "**" | "<<" | ">>" | "|" | "^" | "&" => left || right,
        _ => false,
    }
}

/// `a.length`, `Math.PI`, `Number.EPSILON`
fn is_number_member<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> bool {
    const OF_MATH: &[&str] = &["E", "LN2", "LN10", "LOG2E", "LOG10E", "PI", "SQRT1_2", "SQRT2"];
    const OF_NUMBER: &[&str] = &[
        "EPSILON",
        "MAX_SAFE_INTEGER",
        "MAX_VALUE",
        "MIN_SAFE_INTEGER",
        "MIN_VALUE",
        "NaN",
        "NEGATIVE_INFINITY",
        "POSITIVE_INFINITY",
    ];
    let is_length = plain_member_name(file, node).is_some_and(|name| name == "length");
    (is_length && !is_optional(node))
        || is_static(file, node, "Math", OF_MATH)
        || is_static(file, node, "Number", OF_NUMBER)
}

/// `Number(a)`, `parseInt(a)`, `Math.max(a, b)`
fn is_number_call<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> bool {
    let Some(callee) = callee(node).filter(|_| !is_optional(node)) else { return false };
    ["Number", "parseInt", "parseFloat"].iter().any(|name| is_name(file, callee, name))
        || is_static(file, callee, "Math", MATH_FUNCTIONS)
        || is_static(file, callee, "Number", &["parseFloat", "parseInt"])
}

fn is_static<'t>(file: &ParsedFile<'t>, member: Node<'t>, object: &str, names: &[&str]) -> bool {
    plain_member_name(file, member).is_some_and(|name| names.contains(&&*name))
        && !is_optional(member)
        && object_of(member).is_some_and(|of| is_name(file, of, object))
}

/// Whether the variable or parameter is declared to be a number.
fn has_number_type<'t>(file: &ParsedFile<'t>, name: Node<'t>) -> bool {
    let root = file.tree.root_node();
    variable_of(file, name).is_some_and(|variable| {
        variable.declarations.iter().any(|declaration| {
            let owner = root
                .descendant_for_byte_range(declaration.start, declaration.end)
                .and_then(|name| Some((name, file.parent(name)?)));
            owner.is_some_and(|(name, owner)| {
                let is_own =
                    ["name", "pattern"].iter().any(|field| owner.child_by_field_name(field) == Some(name));
                let annotation = owner.child_by_field_name("type").filter(|_| is_own);
                annotation.and_then(annotated_type).is_some_and(|declared| is_number_type(file, declared))
            })
        })
    })
}

fn is_number_type(file: &ParsedFile<'_>, declared: Node<'_>) -> bool {
    match declared.kind() {
        "predefined_type" => file.text(declared) == "number",
        "literal_type" => first_named_child(declared).is_some_and(|literal| {
            literal.kind() == "number" && !file.bytes_of(literal.byte_range()).ends_with(b"n")
        }),
        _ => false,
    }
}
