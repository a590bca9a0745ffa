//! Expressions spelled anew from their tree, as ruff does in messages and in many fixes: comments, parentheses
//! and line breaks that are not needed are gone, strings and numbers are normalised.

use std::borrow::Cow;
use std::ops::Range;

use tree_sitter::Node;

use crate::scopes::python::normal_name;
use crate::source::ParsedFile;

use super::number::Number;
use super::string_value::{decoded, escaped, quote_for};
use super::syntax::{StringLiteral, code_children};
use super::type_syntax::{bare, or_operands, subscript_parts};

/// Longer expressions are not spelled anew, nor are those that nest more deeply: rules may ask for each of many
/// expressions inside one another.
const MAX_LEN: usize = 1 << 14;
const MAX_DEPTH: usize = 150;

/// How tightly things bind; an operand that binds less than its place asks for gets parentheses.
pub(super) mod level {
    pub(in crate::rules::python) const ANY: u8 = 0;
    pub(in crate::rules::python) const NAMED: u8 = 1;
    pub(in crate::rules::python) const ASSIGNMENT: u8 = 3;
    pub(in crate::rules::python) const YIELD: u8 = 7;
    pub(in crate::rules::python) const SUBSCRIPT: u8 = 13;
    pub(in crate::rules::python) const TUPLE: u8 = 19;
    pub(in crate::rules::python) const COMMA: u8 = 21;
    pub(in crate::rules::python) const CONDITIONAL: u8 = 27;
    pub(in crate::rules::python) const CLAUSE: u8 = 29;
    pub(in crate::rules::python) const OR: u8 = 31;
    pub(in crate::rules::python) const AND: u8 = 33;
    pub(in crate::rules::python) const NOT: u8 = 35;
    pub(in crate::rules::python) const COMPARISON: u8 = 37;
    pub(in crate::rules::python) const BIT_OR: u8 = 39;
    pub(in crate::rules::python) const UNARY: u8 = 53;
    pub(in crate::rules::python) const POWER: u8 = 55;
    pub(in crate::rules::python) const AWAIT: u8 = 57;
    pub(in crate::rules::python) const ATOM: u8 = 63;
}

/// `expression` as ruff spells it. `None` for what ruff's parser would not take, and for very large ones.
#[must_use]
pub(super) fn generated(file: &ParsedFile<'_>, expression: Node<'_>) -> Option<String> {
    generated_for(file.bytes, expression, level::ANY)
}

/// [`generated`] for a place that wants at least the level `least`, of an expression of any text.
#[must_use]
pub(super) fn generated_for(bytes: &[u8], expression: Node<'_>, least: u8) -> Option<String> {
    Generator::new(bytes, Strings::AsWritten).spell(expression, least)
}

/// A text that two expressions share if they differ in spelling only.
#[must_use]
pub(super) fn canonical(file: &ParsedFile<'_>, expression: Node<'_>) -> Option<String> {
    Generator::new(file.bytes, Strings::ByValue).spell(expression, level::ANY)
}

/// The statement `object.name = value`.
#[must_use]
pub(super) fn attribute_assignment(
    file: &ParsedFile<'_>,
    object: Node<'_>,
    name: &str,
    value: Node<'_>,
) -> Option<String> {
    let mut object_text = Generator::new(file.bytes, Strings::AsWritten);
    object_text.object(object)?;
    let value = Generator::new(file.bytes, Strings::AsWritten).spell(value, level::ASSIGNMENT)?;
    Some(format!("{}.{name} = {value}", object_text.text))
}

/// The call `function(argument)`.
#[must_use]
pub(super) fn call_of(file: &ParsedFile<'_>, function: &str, argument: Node<'_>) -> Option<String> {
    let mut generator = Generator::new(file.bytes, Strings::AsWritten);
    generator.lone_argument(argument)?;
    Some(format!("{function}({})", generator.text))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Strings {
    /// Prefix and kind of quotes are kept where they can be.
    AsWritten,
    /// Only the value shows, implicit concatenation is done.
    ByValue,
}

struct Generator<'b> {
    bytes: &'b [u8],
    strings: Strings,
    depth: usize,
    text: String,
}

impl<'b> Generator<'b> {
    fn new(bytes: &'b [u8], strings: Strings) -> Self {
        Self { bytes, strings, depth: 0, text: String::new() }
    }

    fn spell(mut self, node: Node<'_>, least: u8) -> Option<String> {
        self.expression(node, least)?;
        Some(self.text)
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// The text of `range`; `None` if it is not UTF-8.
    fn text_at(&self, range: Range<usize>) -> Option<&'b str> {
        std::str::from_utf8(self.bytes.get(range)?).ok()
    }

    fn source(&self, node: Node<'_>) -> Option<&'b str> {
        self.text_at(node.byte_range())
    }

    /// A name as Python reads it.
    fn name(&mut self, node: Node<'_>) -> Option<()> {
        let name = normal_name(self.source(node)?.as_bytes());
        self.push(&name);
        Some(())
    }

    /// Spells `node` for a place that wants at least the level `least`.
    fn expression(&mut self, node: Node<'_>, least: u8) -> Option<()> {
        let node = bare(node);
        self.depth += 1;
        if self.depth > MAX_DEPTH || node.byte_range().len() > MAX_LEN || node.has_error() {
            return None;
        }
        let own = level_of(node);
        let needs_parentheses = own.is_some_and(|own| least > own);
        if needs_parentheses {
            self.push("(");
        }
        match own {
            Some(own) => self.operation(node, own)?,
            None => self.atom(node)?,
        }
        if needs_parentheses {
            self.push(")");
        }
        self.depth -= 1;
        Some(())
    }

    /// What may need parentheses.
    fn operation(&mut self, node: Node<'_>, own: u8) -> Option<()> {
        let field = |name| node.child_by_field_name(name);
        // The grammar reads `a := b if c else d` as `(a := b) if c else d`, and more of that kind.
        if own != level::TUPLE && code_children(node).any(|operand| operand.kind() == "named_expression") {
            return None;
        }
        match node.kind() {
            "boolean_operator" => self.boolean(node, own),
            "not_operator" => {
                self.push("not ");
                self.expression(field("argument")?, own)
            }
            "unary_operator" => {
                self.push(field("operator")?.kind());
                self.expression(field("argument")?, own)
            }
            "binary_operator" => {
                let is_power = own == level::POWER;
                self.expression(field("left")?, own + u8::from(is_power))?;
                self.push(&format!(" {} ", field("operator")?.kind()));
                self.expression(field("right")?, own + u8::from(!is_power))
            }
            "union_type" => {
                let (left, right) = or_operands(node)?;
                self.expression(left, own)?;
                self.push(" | ");
                self.expression(right, own + 1)
            }
            "comparison_operator" => self.comparison(node),
            "named_expression" => {
                self.expression(field("name")?, own)?;
                self.push(" := ");
                // A tuple needs parentheses here; ruff leaves them out, and so changes the meaning.
                self.expression(field("value")?, level::COMMA)
            }
            "lambda" => {
                self.push("lambda");
                if let Some(parameters) = field("parameters") {
                    self.push(" ");
                    self.parameters(parameters)?;
                }
                self.push(": ");
                self.expression(field("body")?, own)
            }
            "conditional_expression" => {
                let [body, test, otherwise] =
                    <[Node<'_>; 3]>::try_from(code_children(node).collect::<Vec<_>>()).ok()?;
                self.expression(body, own + 1)?;
                self.push(" if ");
                self.expression(test, own + 1)?;
                self.push(" else ");
                self.expression(otherwise, own)
            }
            "await" => {
                let operand = code_children(node).next()?;
                // The grammar reads `await a ** b` as `await (a ** b)`.
                if level_of(operand).is_some_and(|own| own != level::TUPLE) {
                    return None;
                }
                self.push("await ");
                self.expression(operand, level::ATOM)
            }
            "yield" => self.yielding(node, own),
            _ => self.tuple(node),
        }
    }

    /// What never needs parentheses.
    fn atom(&mut self, node: Node<'_>) -> Option<()> {
        let field = |name| node.child_by_field_name(name);
        match node.kind() {
            "identifier" => self.name(node),
            "true" | "false" | "none" | "ellipsis" => {
                let text = self.source(node)?;
                self.push(text);
                Some(())
            }
            "integer" | "float" => {
                let number = Number::parse(self.source(node)?)?;
                self.push(&number.generated());
                Some(())
            }
            "string" | "concatenated_string" => self.string(node),
            "attribute" => {
                self.object(field("object")?)?;
                self.push(".");
                self.name(field("attribute")?)
            }
            "subscript" | "generic_type" => self.subscript(node),
            "slice" => self.slice(node),
            "call" => self.call(node),
            "list" | "list_pattern" => self.enclosed("[", code_children(node), "]"),
            "set" => self.enclosed("{", code_children(node), "}"),
            "dictionary" => self.enclosed("{", code_children(node), "}"),
            "tuple" | "tuple_pattern" => {
                self.push("()");
                Some(())
            }
            "list_comprehension" => self.comprehension("[", node, "]"),
            "set_comprehension" | "dictionary_comprehension" => self.comprehension("{", node, "}"),
            "generator_expression" => self.comprehension("(", node, ")"),
            "list_splat" | "list_splat_pattern" => {
                self.push("*");
                self.expression(code_children(node).next()?, level::ATOM)
            }
            "dictionary_splat" => {
                self.push("**");
                self.expression(code_children(node).next()?, level::ATOM)
            }
            "pair" => self.pair(node, level::COMMA),
            "keyword_argument" => {
                self.name(field("name")?)?;
                self.push("=");
                self.expression(field("value")?, level::COMMA)
            }
            _ => None,
        }
    }

    /// `a and b and c` is one operation of three operands.
    fn boolean(&mut self, node: Node<'_>, own: u8) -> Option<()> {
        let operator = node.child_by_field_name("operator")?.kind();
        let mut operands = Vec::new();
        let mut left = node;
        while left.kind() == "boolean_operator" && left.child_by_field_name("operator")?.kind() == operator {
            operands.push(left.child_by_field_name("right")?);
            left = left.child_by_field_name("left")?;
        }
        self.expression(left, own + 1)?;
        for operand in operands.into_iter().rev() {
            self.push(&format!(" {operator} "));
            self.expression(operand, own + 1)?;
        }
        Some(())
    }

    fn comparison(&mut self, node: Node<'_>) -> Option<()> {
        let mut operators = Vec::new();
        let mut cursor = node.walk();
        operators
            .extend(node.children_by_field_name("operators", &mut cursor).map(|operator| operator.kind()));
        if operators.contains(&"<>") {
            return None;
        }
        for (index, operand) in
            code_children(node).filter(|child| !operators.contains(&child.kind())).enumerate()
        {
            if let Some(operator) = index.checked_sub(1).and_then(|index| operators.get(index)) {
                self.push(&format!(" {operator} "));
            }
            self.expression(operand, level::COMPARISON + 1)?;
        }
        Some(())
    }

    fn yielding(&mut self, node: Node<'_>, own: u8) -> Option<()> {
        let is_from = node.child(1).is_some_and(|child| child.kind() == "from");
        self.push("yield");
        let Some(value) = code_children(node).next() else { return Some(()) };
        self.push(if is_from { " from " } else { " " });
        self.expression(value, if is_from { level::ATOM } else { own + 1 })
    }

    fn tuple(&mut self, node: Node<'_>) -> Option<()> {
        let elements: Vec<Node<'_>> = code_children(node).collect();
        self.list(elements.iter().copied(), level::COMMA)?;
        if elements.len() == 1 {
            self.push(",");
        }
        Some(())
    }

    /// An integer needs parentheses before a dot.
    fn object(&mut self, node: Node<'_>) -> Option<()> {
        let is_integer = bare(node).kind() == "integer" && !self.source(bare(node))?.ends_with(['j', 'J']);
        if is_integer {
            self.push("(");
        }
        self.expression(node, level::ATOM)?;
        if is_integer {
            self.push(")");
        }
        Some(())
    }

    fn subscript(&mut self, node: Node<'_>) -> Option<()> {
        let (value, indices, has_comma) = subscript_parts(node)?;
        self.expression(value, level::ATOM)?;
        self.push("[");
        match *indices.as_slice() {
            [index] if !has_comma && !index.kind().starts_with("list_splat") => {
                self.expression(index, level::SUBSCRIPT)?;
            }
            [index] => {
                self.expression(index, level::COMMA)?;
                self.push(",");
            }
            _ => self.list(indices.into_iter(), level::COMMA)?,
        }
        self.push("]");
        Some(())
    }

    fn slice(&mut self, node: Node<'_>) -> Option<()> {
        let mut n_colons = 0;
        for part in node.children(&mut node.walk()) {
            if part.kind() == ":" {
                n_colons += 1;
                // `a[b::]` has no step.
                if n_colons == 1 {
                    self.push(":");
                }
            } else if part.is_named() && !part.is_extra() {
                if n_colons == 2 {
                    self.push(":");
                }
                // As behind `:=`, a tuple needs parentheses that ruff leaves out.
                self.expression(part, level::COMMA)?;
            }
        }
        Some(())
    }

    fn call(&mut self, node: Node<'_>) -> Option<()> {
        let arguments = node.child_by_field_name("arguments")?;
        self.expression(node.child_by_field_name("function")?, level::ATOM)?;
        self.push("(");
        if arguments.kind() == "generator_expression" {
            self.lone_argument(arguments)?;
        } else {
            let all: Vec<Node<'_>> = code_children(arguments).collect();
            match *all.as_slice() {
                [only] => self.lone_argument(only)?,
                _ => self.list(all.into_iter(), level::COMMA)?,
            }
        }
        self.push(")");
        Some(())
    }

    /// A generator that is the only argument borrows the parentheses of the call.
    fn lone_argument(&mut self, argument: Node<'_>) -> Option<()> {
        let argument = bare(argument);
        if argument.kind() != "generator_expression" {
            return self.expression(argument, level::COMMA);
        }
        self.expression(argument.child_by_field_name("body")?, level::COMMA)?;
        self.clauses(argument)
    }

    fn comprehension(&mut self, open: &str, node: Node<'_>, close: &str) -> Option<()> {
        let body = node.child_by_field_name("body")?;
        self.push(open);
        if body.kind() == "pair" {
            self.pair(body, level::CONDITIONAL)?;
        } else {
            self.expression(body, level::CONDITIONAL)?;
        }
        self.clauses(node)?;
        self.push(close);
        Some(())
    }

    fn clauses(&mut self, comprehension: Node<'_>) -> Option<()> {
        for clause in code_children(comprehension) {
            match clause.kind() {
                "for_in_clause" => {
                    let is_async = clause.child(0).is_some_and(|first| first.kind() == "async");
                    self.push(if is_async { " async for " } else { " for " });
                    self.expression(clause.child_by_field_name("left")?, level::TUPLE)?;
                    self.push(" in ");
                    self.expression(clause.child_by_field_name("right")?, level::CLAUSE)?;
                }
                "if_clause" => {
                    self.push(" if ");
                    self.expression(code_children(clause).next()?, level::CLAUSE)?;
                }
                _ => {}
            }
        }
        Some(())
    }

    fn pair(&mut self, node: Node<'_>, least: u8) -> Option<()> {
        self.expression(node.child_by_field_name("key")?, least)?;
        self.push(": ");
        self.expression(node.child_by_field_name("value")?, least)
    }

    fn parameters(&mut self, parameters: Node<'_>) -> Option<()> {
        for (index, parameter) in code_children(parameters).enumerate() {
            if index > 0 {
                self.push(", ");
            }
            match parameter.kind() {
                "default_parameter" => {
                    self.expression(parameter.child_by_field_name("name")?, level::ATOM)?;
                    self.push("=");
                    self.expression(parameter.child_by_field_name("value")?, level::COMMA)?;
                }
                "identifier"
                | "list_splat_pattern"
                | "dictionary_splat_pattern"
                | "keyword_separator"
                | "positional_separator" => {
                    let text: String = self.source(parameter)?.split_whitespace().collect();
                    self.push(&text);
                }
                _ => return None,
            }
        }
        Some(())
    }

    fn enclosed<'n>(
        &mut self,
        open: &str,
        elements: impl Iterator<Item = Node<'n>>,
        close: &str,
    ) -> Option<()> {
        self.push(open);
        self.list(elements, level::COMMA)?;
        self.push(close);
        Some(())
    }

    fn list<'n>(&mut self, elements: impl Iterator<Item = Node<'n>>, least: u8) -> Option<()> {
        for (index, element) in elements.enumerate() {
            if index > 0 {
                self.push(", ");
            }
            self.expression(element, least)?;
        }
        Some(())
    }

    fn string(&mut self, node: Node<'_>) -> Option<()> {
        let parts: Vec<Node<'_>> =
            if node.kind() == "string" { vec![node] } else { code_children(node).collect() };
        if self.strings == Strings::ByValue {
            return self.string_by_value(&parts);
        }
        for (index, part) in parts.into_iter().enumerate() {
            if index > 0 {
                self.push(" ");
            }
            self.string_as_written(part)?;
        }
        Some(())
    }

    fn string_as_written(&mut self, node: Node<'_>) -> Option<()> {
        let literal = StringLiteral::parse(self.source(node)?)?;
        let prefix = normal_prefix(&literal)?;
        if literal.is_interpolated() {
            return self.interpolated_as_written(node, &literal, &prefix);
        }
        let value = decoded(&literal, literal.content)?;
        self.push(&prefix);
        if literal.is_raw() {
            self.push(&format!("{0}{value}{0}", literal.quote));
        } else {
            let quote = quote_for(&value, literal.quote.chars().next()?);
            let quotes = String::from(quote).repeat(literal.quote.len());
            self.push(&format!("{quotes}{}{quotes}", escaped(&value, quote, literal.is_bytes())));
        }
        Some(())
    }

    fn interpolated_as_written(
        &mut self,
        node: Node<'_>,
        literal: &StringLiteral<'_>,
        prefix: &str,
    ) -> Option<()> {
        let quote = literal.quote.chars().next()?;
        self.push(prefix);
        self.push(literal.quote);
        for part in node.children(&mut node.walk()) {
            match part.kind() {
                "string_content" => {
                    let value = decoded(literal, self.source(part)?)?.replace('{', "{{").replace('}', "}}");
                    let text = if literal.is_raw() { value } else { escaped(&value, quote, false) };
                    self.push(&text);
                }
                "interpolation" => self.interpolation(part)?,
                _ => {}
            }
        }
        self.push(literal.quote);
        Some(())
    }

    fn string_by_value(&mut self, parts: &[Node<'_>]) -> Option<()> {
        let literals: Vec<StringLiteral<'_>> =
            parts.iter().map(|part| StringLiteral::parse(self.source(*part)?)).collect::<Option<_>>()?;
        let is_interpolated = literals.iter().any(StringLiteral::is_interpolated);
        let is_bytes = literals.first()?.is_bytes();
        let mut value = String::new();
        self.push(if is_interpolated {
            "f'"
        } else if is_bytes {
            "b'"
        } else {
            "'"
        });
        for (part, literal) in parts.iter().zip(&literals) {
            normal_prefix(literal)?;
            if !literal.is_interpolated() {
                value.push_str(&decoded(literal, literal.content)?);
                continue;
            }
            for piece in part.children(&mut part.walk()) {
                match piece.kind() {
                    "string_content" => value.push_str(&decoded(literal, self.source(piece)?)?),
                    "interpolation" => {
                        self.push(&escaped(&std::mem::take(&mut value), '\'', false));
                        // No value has an unescaped quote, so none looks like this.
                        self.push("'");
                        self.interpolation(piece)?;
                        self.push("'");
                    }
                    _ => {}
                }
            }
        }
        self.push(&escaped(&value, '\'', is_bytes));
        self.push("'");
        Some(())
    }

    /// `{value=!r:spec}`.
    fn interpolation(&mut self, node: Node<'_>) -> Option<()> {
        let value = node.child_by_field_name("expression")?;
        let mut inner = Generator { text: String::new(), depth: self.depth, ..*self };
        inner.expression(value, level::TUPLE)?;
        self.push(if inner.text.starts_with('{') { "{ " } else { "{" });
        let conversion = node.child_by_field_name("type_conversion");
        let specifier = node.child_by_field_name("format_specifier");
        if node.children(&mut node.walk()).any(|child| child.kind() == "=") {
            let value = bare(value).byte_range();
            let tail =
                conversion.or(specifier).map_or(node.end_byte().checked_sub(1)?, |tail| tail.start_byte());
            let before = self.text_at(node.start_byte() + 1..value.start)?;
            let behind = self.text_at(value.end..tail)?;
            self.push(before);
            self.push(&inner.text);
            self.push(behind);
        } else {
            self.push(&inner.text);
        }
        if let Some(conversion) = conversion {
            let text = self.source(conversion)?;
            self.push(text);
        }
        if let Some(specifier) = specifier {
            self.specifier(specifier)?;
        }
        self.push("}");
        Some(())
    }

    fn specifier(&mut self, node: Node<'_>) -> Option<()> {
        let mut copied_to = node.start_byte();
        for field in code_children(node).filter(|child| child.kind() == "format_expression") {
            let before = self.text_at(copied_to..field.start_byte())?;
            self.push(before);
            self.interpolation(field)?;
            copied_to = field.end_byte();
        }
        let rest = self.text_at(copied_to..node.end_byte())?;
        self.push(rest);
        Some(())
    }
}

/// How tightly an operation binds; `None` for what stands for itself.
fn level_of(node: Node<'_>) -> Option<u8> {
    let operator = || node.child_by_field_name("operator").map(|operator| operator.kind());
    Some(match node.kind() {
        "named_expression" => level::NAMED,
        "yield" => level::YIELD,
        "tuple" | "tuple_pattern" if code_children(node).next().is_none() => return None,
        "tuple" | "tuple_pattern" | "expression_list" | "pattern_list" => level::TUPLE,
        "lambda" | "conditional_expression" => level::CONDITIONAL,
        "boolean_operator" if operator() == Some("or") => level::OR,
        "boolean_operator" => level::AND,
        "not_operator" => level::NOT,
        "comparison_operator" => level::COMPARISON,
        "unary_operator" => level::UNARY,
        "await" => level::AWAIT,
        "union_type" => level::BIT_OR,
        "binary_operator" => match operator()? {
            "|" => level::BIT_OR,
            "^" => 41,
            "&" => 43,
            "<<" | ">>" => 45,
            "+" | "-" => 47,
            "**" => level::POWER,
            _ => 49,
        },
        _ => return None,
    })
}

/// A prefix in ruff's order and case; `None` for template strings, which few versions of Python know.
fn normal_prefix(literal: &StringLiteral<'_>) -> Option<Cow<'static, str>> {
    let letters = literal.prefix.to_ascii_lowercase();
    let raw = if literal.prefix.contains('R') { "R" } else { "r" };
    Some(match letters.as_str() {
        "" => "".into(),
        "u" => "u".into(),
        "b" => "b".into(),
        "f" => "f".into(),
        "r" => raw.into(),
        "rb" | "br" => format!("{raw}b").into(),
        "rf" | "fr" => format!("{raw}f").into(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::parse;
    use crate::language::Language;

    fn spelled(text: &str, spell: impl Fn(&ParsedFile<'_>, Node<'_>) -> Option<String>) -> Option<String> {
        let tree = parse(text.as_bytes(), Language::Python);
        let file = ParsedFile::new(text.as_bytes(), Language::Python, &tree, &crate::facts::NO_FACTS);
        let statement = code_children(tree.root_node()).next().unwrap();
        spell(&file, code_children(statement).next().unwrap())
    }

    #[test]
    fn expressions_are_spelled_as_ruff_does() {
        for (text, expected) in [
            ("(a  or(b)  or c)", "a or b or c"),
            ("(a or b) or c", "(a or b) or c"),
            ("a and (b or not  c)", "a and (b or not c)"),
            ("-(-a) ** -b", "-(-a) ** (-b)"),
            ("(a*b)+c", "a * b + c"),
            ("a*(b+c)", "a * (b + c)"),
            ("a<b  is   not c", "a < b is not c"),
            ("(a := 1,)", "(a := 1),"),
            ("f(a,*b,c = d,**e)", "f(a, *b, c=d, **e)"),
            ("f((x for x in y))", "f(x for x in y)"),
            ("[a  for a,b in c if (d if e else f)]", "[a for a, b in c if (d if e else f)]"),
            ("{a:b,**c}", "{a: b, **c}"),
            ("{a : b for a in c}", "{a: b for a in c}"),
            ("a[1:2, ::3]", "a[1:2, ::3]"),
            ("a[(1, 2)]", "a[1, 2]"),
            ("lambda a,b = 1,*c,d: (a, b)", "lambda a, b=1, *c, d: (a, b)"),
            ("(1).real", "(1).real"),
            ("await (a)", "await a"),
            ("\"it's\"", "\"it's\""),
            ("'it\\'s'", "\"it's\""),
            ("'''a\nb'''", "'''a\\nb'''"),
            ("Rb'\\x' 'a'", "Rb'\\x' 'a'"),
            ("f'{a!r:>{w}}{{}}'", "f'{a!r:>{w}}{{}}'"),
            ("f'{ a = }'", "f'{ a = }'"),
            ("f'{ {1} }'", "f'{ {1}}'"),
            ("0x10 + 1_000", "16 + 1000"),
            ("1.50 + 1e20", "1.5 + 1e+20"),
            ("B'x' U\"y\"", "b'x' u\"y\""),
            ("a | b|None", "a | b | None"),
            ("(a | b) & c", "(a | b) & c"),
            ("x.y[a,b] . z", "x.y[a, b].z"),
            ("ſ.ﬁ", "s.fi"),
            ("(\n a. # b\n c)", "a.c"),
            ("()", "()"),
        ] {
            assert_eq!(spelled(text, generated).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn canonical_text_forgets_spelling() {
        for (left, right) in
            [("'a'", "\"a\""), ("'a' 'b'", "u'ab'"), ("f'{a}b' 'c'", "f'{ a }bc'"), ("(a)[ 1 ]", "a[0x1]")]
        {
            assert_eq!(spelled(left, canonical), spelled(right, canonical), "{left} {right}");
        }
        for (left, right) in [("'a'", "b'a'"), ("'a'", "f'a'"), ("f'{a}'", "f'{{a}}'"), ("a[1]", "a[1,]")] {
            assert_ne!(spelled(left, canonical), spelled(right, canonical), "{left} {right}");
        }
    }

    #[test]
    fn deep_and_long_expressions_are_refused() {
        assert_eq!(spelled(&format!("{}a{}", "[".repeat(1000), "]".repeat(1000)), generated), None);
        assert_eq!(spelled(&format!("[{}]", "a, ".repeat(10_000)), generated), None);
    }

    #[test]
    fn calls_and_assignments_are_made() {
        assert_eq!(
            spelled("(x for x in y)", |file, node| call_of(file, "bool", node)).unwrap(),
            "bool(x for x in y)"
        );
        let assign = |file: &ParsedFile<'_>, node: Node<'_>| attribute_assignment(file, node, "b", node);
        assert_eq!(spelled("a or (1, 2)", assign).unwrap(), "(a or (1, 2)).b = a or (1, 2)");
        assert_eq!(spelled("(1, 2)", assign).unwrap(), "(1, 2).b = 1, 2");
    }

    /// Expressions with every operation in every operand.
    fn expressions() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec![
            "a", "1", "0x1F", "2.50", "'s'", "b\"t\"", "f'{a}{{'", "r'\\d'", "()", "...",
        ]);
        leaf.prop_map(str::to_owned).prop_recursive(5, 40, 3, |inner| {
            let forms = prop::sample::select(vec![
                "(X) and (Y)",
                "(X) or (Y) or (Z)",
                "not (X)",
                "-(X)",
                "(X) ** (Y)",
                "(X) - (Y)",
                "(X) | (Y)",
                "(X) < (Y) is not (Z)",
                "(X) if (Y) else (Z)",
                "lambda q, r=(X): (Y)",
                "(p := (X))",
                "(X).n",
                "(X)[(Y)]",
                "(X)[(Y):(Z)]",
                "f((X), *(Y), k=(Z))",
                "[(X), (Y)]",
                "((X), (Y))",
                "((X),)",
                "{(X): (Y), **(Z)}",
                "{(X), (Y)}",
                "[(X) for q in (Y) if (Z)]",
                "((X) for q in (Y))",
                "{(X): (Y) for q in (Z)}",
                "await (X)",
                "X",
                "(X)",
                "X + Y",
                "X in Y",
            ]);
            (forms, inner.clone(), inner.clone(), inner).prop_map(|(form, x, y, z)| {
                form.replace('X', "\u{1}")
                    .replace('Y', "\u{2}")
                    .replace('Z', "\u{3}")
                    .replace('\u{1}', &x)
                    .replace('\u{2}', &y)
                    .replace('\u{3}', &z)
            })
        })
    }

    proptest! {
        #[test]
        fn a_generated_expression_means_the_same(text in expressions()) {
            let text = format!("({text})");
            if let Some(generated_text) = spelled(&text, generated) {
                let again = format!("({generated_text})");
                // The grammar does not read all that ruff writes.
                if let Some(generated_again) = spelled(&again, generated) {
                    prop_assert_eq!(generated_again, generated_text);
                    prop_assert_eq!(spelled(&again, canonical), spelled(&text, canonical));
                }
            }
        }

        #[test]
        fn any_text_is_spelled_without_a_panic(text in "[ -~\n]{0,40}") {
            let tree = parse(text.as_bytes(), Language::Python);
            let file = ParsedFile::new(text.as_bytes(), Language::Python, &tree, &crate::facts::NO_FACTS);
            crate::engine::walk(&tree, |node, _| {
                let _ = (generated(&file, node), canonical(&file, node));
                true
            });
        }
    }
}
