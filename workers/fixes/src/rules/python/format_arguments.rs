//! The arguments of `str.format`, and how their values are spelled in a field of an f-string.

use std::borrow::Cow;

use tree_sitter::Node;

use crate::source::ParsedFile;

use super::syntax::{any_within, code_children, is_display, utf8, without_parentheses};

/// The arguments of one call.
#[derive(Debug)]
pub(super) struct Arguments<'t> {
    /// The values in the order in which they are evaluated.
    pub(super) values: Vec<Value<'t>>,
    /// The name of each value, `None` for positional ones.
    names: Vec<Option<&'t str>>,
}

/// The value of one argument, without the parentheses around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'t> {
    node: Node<'t>,
    text: &'t str,
}

/// What a field does with the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// `{value}`
    Whole,
    /// `{value.attribute}`, `{value[0]}`
    Accessed,
}

impl<'t> Arguments<'t> {
    /// Reads an argument list. `None` where ruff is silent: no arguments, `*` or `**`, a value that holds
    /// quotes or a line break.
    #[must_use]
    pub(super) fn of(file: &ParsedFile<'t>, list: Node<'t>) -> Option<Self> {
        let mut arguments = Self { values: Vec::new(), names: Vec::new() };
        if list.kind() == "generator_expression" {
            arguments.push(file, list, None)?;
            return Some(arguments);
        }
        for argument in code_children(list) {
            match argument.kind() {
                "list_splat" | "dictionary_splat" => return None,
                "keyword_argument" => {
                    let name = utf8(file, argument.child_by_field_name("name")?.byte_range())?;
                    arguments.push(file, argument.child_by_field_name("value")?, Some(name))?;
                }
                _ => arguments.push(file, argument, None)?,
            }
        }
        (!arguments.values.is_empty()).then_some(arguments)
    }

    fn push(&mut self, file: &ParsedFile<'t>, value: Node<'t>, name: Option<&'t str>) -> Option<()> {
        let node = without_parentheses(value);
        let text = utf8(file, node.byte_range())?;
        if text.contains(['\'', '"', '\n', '\r']) {
            return None;
        }
        self.values.push(Value { node, text });
        self.names.push(name);
        Some(())
    }

    /// The index of the `n`-th positional argument.
    #[must_use]
    pub(super) fn positional(&self, n: usize) -> Option<usize> {
        (0..self.names.len()).filter(|&index| self.names[index].is_none()).nth(n)
    }

    /// The index of the argument `name=…`.
    #[must_use]
    pub(super) fn keyword(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| *known == Some(name))
    }
}

impl Value<'_> {
    /// The value as a field of an f-string has it: in parentheses if it would be misread without.
    #[must_use]
    pub(super) fn spelled(&self, context: Use) -> Cow<'_, str> {
        if self.needs_parentheses(context) && !self.looks_parenthesised() {
            format!("({})", self.text).into()
        } else {
            self.text.into()
        }
    }

    /// Whether [`Value::spelled`] means the same in an f-string as it did before.
    #[must_use]
    pub(super) fn fits_f_string(&self, context: Use) -> bool {
        if self.node.kind() == "generator_expression" {
            return true;
        }
        // `(a) + (b)` looks parenthesised and is not.
        if self.needs_parentheses(context) {
            return !self.looks_parenthesised();
        }
        !self.text.starts_with('{') && !has_bare_separator(self.text)
    }

    fn looks_parenthesised(&self) -> bool {
        self.text.starts_with('(') && self.text.ends_with(')')
    }

    fn needs_parentheses(&self, context: Use) -> bool {
        let kind = self.node.kind();
        (context == Use::Accessed && (binds_looser_than_access(kind) || self.is_decimal_integer()))
            || kind == "named_expression"
            || starts_with_brace(kind)
            || self.holder().is_some_and(|holder| starts_with_brace(without_parentheses(holder).kind()))
    }

    /// `a` of `a.b`, `a[b]` and `a(b)`.
    fn holder(&self) -> Option<Node<'_>> {
        let field = match self.node.kind() {
            "attribute" => "object",
            "subscript" => "value",
            "call" => "function",
            _ => return None,
        };
        self.node.child_by_field_name(field)
    }

    /// `1.real` would be read as the number `1.` and a name.
    fn is_decimal_integer(&self) -> bool {
        self.node.kind() == "integer" && self.text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
    }

    /// Whether evaluating it twice could differ from evaluating it once; ruff's guess, on the safe side.
    #[must_use]
    pub(super) fn may_have_effect(&self) -> bool {
        any_within(self.node, |node| match node.kind() {
            "call" | "await" | "yield" | "named_expression" | "subscript" => true,
            "list_comprehension"
            | "set_comprehension"
            | "dictionary_comprehension"
            | "generator_expression" => true,
            "binary_operator" => {
                !code_children(node).all(|operand| is_display(without_parentheses(operand).kind()))
            }
            _ => false,
        })
    }

    /// Whether it calls, awaits, yields or assigns: what nobody would drop or move.
    #[must_use]
    pub(super) fn has_call(&self) -> bool {
        any_within(self.node, |node| matches!(node.kind(), "call" | "await" | "yield" | "named_expression"))
    }
}

fn binds_looser_than_access(kind: &str) -> bool {
    matches!(
        kind,
        "binary_operator"
            | "unary_operator"
            | "not_operator"
            | "boolean_operator"
            | "comparison_operator"
            | "conditional_expression"
            | "lambda"
            | "await"
            | "yield"
    )
}

/// A brace after the opening brace of a field would be read as a doubled one.
fn starts_with_brace(kind: &str) -> bool {
    matches!(
        kind,
        "generator_expression" | "dictionary" | "set" | "set_comprehension" | "dictionary_comprehension"
    )
}

/// Whether a `:` or a `!` (but not `!=`) outside of brackets would end the expression of a field.
fn has_bare_separator(expression: &str) -> bool {
    let mut depth = 0_usize;
    let bytes = expression.as_bytes();
    bytes.iter().enumerate().any(|(at, byte)| {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && (*byte == b':' || (*byte == b'!' && bytes.get(at + 1) != Some(&b'=')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::parse;
    use crate::language::Language;

    fn with_arguments<T>(list: &str, look: impl FnOnce(Option<Arguments<'_>>) -> T) -> T {
        let text = format!("f{list}");
        let tree = parse(text.as_bytes(), Language::Python);
        let file = ParsedFile::new(text.as_bytes(), Language::Python, &tree, &crate::facts::NO_FACTS);
        let statement = tree.root_node().named_child(0).unwrap();
        look(Arguments::of(
            &file,
            statement.named_child(0).unwrap().child_by_field_name("arguments").unwrap(),
        ))
    }

    fn spelled(value: &str, context: Use) -> (String, bool) {
        with_arguments(&format!("({value})"), |arguments| {
            let value = arguments.unwrap().values[0];
            (value.spelled(context).into_owned(), value.fits_f_string(context))
        })
    }

    #[test]
    fn arguments_are_found_by_place_and_by_name() {
        with_arguments("(a, b=c, # d\n e=(f))", |arguments| {
            let arguments = arguments.unwrap();
            let texts: Vec<&str> = arguments.values.iter().map(|value| value.text).collect();
            assert_eq!(texts, ["a", "c", "f"]);
            assert_eq!((arguments.positional(0), arguments.positional(1)), (Some(0), None));
            assert_eq!((arguments.keyword("e"), arguments.keyword("a")), (Some(2), None));
        });
    }

    #[test]
    fn lists_that_ruff_leaves_alone_are_left_alone() {
        for list in ["()", "(*a)", "(**a)", "(a['b'])", "(a=\"b\")", "([\n1])"] {
            assert!(with_arguments(list, |arguments| arguments.is_none()), "{list}");
        }
    }

    #[test]
    fn values_are_parenthesised_where_a_field_would_misread_them() {
        for (value, whole, accessed) in [
            ("a + b", "a + b", "(a + b)"),
            ("12", "12", "(12)"),
            ("1_2", "1_2", "(1_2)"),
            ("1.0", "1.0", "1.0"),
            ("0x1", "0x1", "0x1"),
            ("{1}", "({1})", "({1})"),
            ("{1: 2}[1]", "({1: 2}[1])", "({1: 2}[1])"),
            ("a := 1", "(a := 1)", "(a := 1)"),
            ("i for i in a", "(i for i in a)", "(i for i in a)"),
            ("a if b else c", "a if b else c", "(a if b else c)"),
        ] {
            assert_eq!(spelled(value, Use::Whole), (whole.to_owned(), true));
            assert_eq!(spelled(value, Use::Accessed), (accessed.to_owned(), true));
        }
    }

    #[test]
    fn what_an_f_string_would_misread_is_told() {
        assert!(!spelled("lambda: 1", Use::Whole).1);
        assert!(!spelled("(a) + (b)", Use::Accessed).1);
        assert!(!spelled("{1} | a", Use::Whole).1);
        assert!(spelled("a != b", Use::Whole).1 && spelled("a[1:2]", Use::Whole).1);
    }

    #[test]
    fn effects_are_guessed() {
        let value = |text: &str| {
            with_arguments(&format!("({text})"), |arguments| {
                let value = arguments.unwrap().values[0];
                (value.may_have_effect(), value.has_call())
            })
        };
        assert_eq!(value("a.b"), (false, false));
        assert_eq!(value("1 + 2"), (false, false));
        assert_eq!(value("a + 2"), (true, false));
        assert_eq!(value("[a[0]]"), (true, false));
        assert_eq!(value("not a(b)"), (true, true));
    }
}
