//! Spells an expression anew as ruff's generator does: one space around operators, parentheses only where
//! precedence asks for them, no comments, no line ends.

use tree_sitter::Node;

use super::syntax::{StringLiteral, code_children};

/// How strongly operators bind; an operand of less strength than asked for gets parentheses.
pub(super) mod strength {
    pub(in crate::rules::python) const MIN: u8 = 0;
    pub(in crate::rules::python) const NAMED: u8 = 1;
    pub(in crate::rules::python) const YIELD: u8 = 7;
    pub(in crate::rules::python) const SUBSCRIPT: u8 = 13;
    pub(in crate::rules::python) const TUPLE: u8 = 19;
    pub(in crate::rules::python) const COMMA: u8 = 21;
    pub(in crate::rules::python) const ELEMENT: u8 = 27;
    pub(in crate::rules::python) const LAMBDA: u8 = 27;
    pub(in crate::rules::python) const CONDITIONAL: u8 = 27;
    pub(in crate::rules::python) const COMPREHENSION: u8 = 29;
    pub(in crate::rules::python) const OR: u8 = 31;
    pub(in crate::rules::python) const AND: u8 = 33;
    pub(in crate::rules::python) const NOT: u8 = 35;
    pub(in crate::rules::python) const COMPARE: u8 = 37;
    pub(in crate::rules::python) const BIT_OR: u8 = 39;
    pub(in crate::rules::python) const BIT_XOR: u8 = 41;
    pub(in crate::rules::python) const BIT_AND: u8 = 43;
    pub(in crate::rules::python) const SHIFT: u8 = 45;
    pub(in crate::rules::python) const ADD: u8 = 47;
    pub(in crate::rules::python) const MULTIPLY: u8 = 49;
    pub(in crate::rules::python) const UNARY: u8 = 53;
    pub(in crate::rules::python) const POWER: u8 = 55;
    pub(in crate::rules::python) const AWAIT: u8 = 57;
    pub(in crate::rules::python) const MAX: u8 = 63;
}

/// Expressions that nest deeper are not spelled.
const MAX_DEPTH: u32 = 128;

/// Spells `node`, in parentheses if it binds less than `level`. `None` for what cannot be spelled for sure.
#[must_use]
pub(super) fn generate(bytes: &[u8], node: Node<'_>, level: u8) -> Option<String> {
    let mut generator = Generator { bytes, text: String::new(), depth: 0 };
    generator.expression(node, level)?;
    Some(generator.text)
}

/// The expression inside parentheses and inside the node that marks a type.
#[must_use]
pub(super) fn bare(node: Node<'_>) -> Node<'_> {
    crate::scopes::python::bare(node)
}

/// The two sides of `a | b`, also where the grammar takes it for a type.
#[must_use]
pub(super) fn or_operands<'t>(node: Node<'t>) -> Option<(Node<'t>, Node<'t>)> {
    match node.kind() {
        "binary_operator" => {
            let operator = node.child_by_field_name("operator").filter(|operator| operator.kind() == "|");
            operator
                .and_then(|_| Some((node.child_by_field_name("left")?, node.child_by_field_name("right")?)))
        }
        "union_type" => {
            let mut sides = code_children(node);
            Some((sides.next()?, sides.next()?))
        }
        _ => None,
    }
}

/// What stands between the brackets of a subscript: its elements, and whether they make a tuple.
#[must_use]
pub(super) fn subscript_parts<'t>(node: Node<'t>) -> Option<(Node<'t>, Vec<Node<'t>>, bool)> {
    let (value, list) = match node.kind() {
        "subscript" => (node.child_by_field_name("value")?, node),
        "generic_type" => {
            let mut children = code_children(node);
            (children.next()?, children.next()?)
        }
        _ => return None,
    };
    let elements: Vec<Node<'t>> = match node.kind() {
        "subscript" => {
            node.children_by_field_name("subscript", &mut node.walk()).filter(Node::is_named).collect()
        }
        _ => code_children(list).collect(),
    };
    let is_tuple = list.children(&mut list.walk()).any(|child| child.kind() == ",");
    Some((value, elements, is_tuple))
}

struct Generator<'b> {
    bytes: &'b [u8],
    text: String,
    depth: u32,
}

impl<'b> Generator<'b> {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn source(&self, node: Node<'_>) -> Option<&'b str> {
        std::str::from_utf8(self.bytes.get(node.byte_range())?).ok()
    }

    /// Writes what `fill` writes, in parentheses if `level` is more than `own`.
    fn grouped(&mut self, level: u8, own: u8, fill: impl FnOnce(&mut Self) -> Option<()>) -> Option<()> {
        if level > own {
            self.push("(");
        }
        fill(self)?;
        if level > own {
            self.push(")");
        }
        Some(())
    }

    fn list(&mut self, nodes: &[Node<'_>], separator: &str, level: u8) -> Option<()> {
        for (index, node) in nodes.iter().enumerate() {
            if index > 0 {
                self.push(separator);
            }
            self.expression(*node, level)?;
        }
        Some(())
    }

    fn expression(&mut self, node: Node<'_>, level: u8) -> Option<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let done = self.bare_expression(bare(node), level);
        self.depth -= 1;
        done
    }

    fn bare_expression(&mut self, node: Node<'_>, level: u8) -> Option<()> {
        let field = |name| node.child_by_field_name(name);
        match node.kind() {
            "identifier" => {
                self.push(&crate::scopes::python::normal_name(self.bytes.get(node.byte_range())?))
            }
            "true" | "false" | "none" | "ellipsis" => {
                let text = self.source(node)?;
                self.push(text);
            }
            "integer" | "float" => {
                let text = number(self.source(node)?)?;
                self.push(&text);
            }
            "string" => self.string(node)?,
            "concatenated_string" => {
                for (index, part) in code_children(node).enumerate() {
                    if index > 0 {
                        self.push(" ");
                    }
                    self.string(part)?;
                }
            }
            "binary_operator" => {
                let operator = field("operator")?.kind();
                self.binary(field("left")?, operator, field("right")?, level)?;
            }
            "union_type" => {
                let (left, right) = or_operands(node)?;
                self.binary(left, "|", right, level)?;
            }
            "boolean_operator" => self.boolean(node, level)?,
            "comparison_operator" => self.comparison(node, level)?,
            "not_operator" => self.grouped(level, strength::NOT, |this| {
                this.push("not ");
                this.expression(field("argument")?, strength::NOT)
            })?,
            "unary_operator" => self.grouped(level, strength::UNARY, |this| {
                this.push(field("operator")?.kind());
                this.expression(field("argument")?, strength::UNARY)
            })?,
            "conditional_expression" => self.conditional(node, level)?,
            "named_expression" => self.grouped(level, strength::NAMED, |this| {
                this.expression(field("name")?, strength::NAMED)?;
                this.push(" := ");
                this.expression(field("value")?, strength::NAMED + 1)
            })?,
            "await" => self.grouped(level, strength::AWAIT, |this| {
                this.push("await ");
                this.expression(code_children(node).next()?, strength::MAX)
            })?,
            "yield" => self.yield_(node, level)?,
            "lambda" => self.lambda(node, level)?,
            "attribute" => self.attribute(node)?,
            "call" => self.call(node)?,
            "subscript" | "generic_type" => self.subscript(node)?,
            "slice" => self.slice(node)?,
            "list_splat" => {
                self.push("*");
                self.expression(code_children(node).next()?, strength::MAX)?;
            }
            _ => self.display(node, level)?,
        }
        Some(())
    }

    /// Lists, tuples, sets, dictionaries and comprehensions.
    fn display(&mut self, node: Node<'_>, level: u8) -> Option<()> {
        let elements: Vec<Node<'_>> = code_children(node).collect();
        match node.kind() {
            "list" | "list_pattern" => self.bracketed("[", &elements, "]"),
            "set" => self.bracketed("{", &elements, "}"),
            "tuple" | "expression_list" | "tuple_pattern" | "pattern_list" => self.tuple(&elements, level),
            "dictionary" => {
                self.push("{");
                for (index, item) in elements.iter().enumerate() {
                    if index > 0 {
                        self.push(", ");
                    }
                    if item.kind() == "pair" {
                        self.pair(*item, strength::COMMA)?;
                    } else {
                        self.push("**");
                        self.expression(code_children(*item).next()?, strength::MAX)?;
                    }
                }
                self.push("}");
                Some(())
            }
            "list_comprehension" => self.comprehension("[", node, "]"),
            "set_comprehension" | "dictionary_comprehension" => self.comprehension("{", node, "}"),
            "generator_expression" => self.comprehension("(", node, ")"),
            _ => None,
        }
    }

    fn bracketed(&mut self, open: &str, elements: &[Node<'_>], close: &str) -> Option<()> {
        self.push(open);
        self.list(elements, ", ", strength::COMMA)?;
        self.push(close);
        Some(())
    }

    fn tuple(&mut self, elements: &[Node<'_>], level: u8) -> Option<()> {
        if elements.is_empty() {
            self.push("()");
            return Some(());
        }
        self.grouped(level, strength::TUPLE, |this| {
            this.list(elements, ", ", strength::COMMA)?;
            if elements.len() == 1 {
                this.push(",");
            }
            Some(())
        })
    }

    fn pair(&mut self, pair: Node<'_>, level: u8) -> Option<()> {
        self.expression(pair.child_by_field_name("key")?, level)?;
        self.push(": ");
        self.expression(pair.child_by_field_name("value")?, level)
    }

    fn binary(&mut self, left: Node<'_>, operator: &str, right: Node<'_>, level: u8) -> Option<()> {
        let own = match operator {
            "|" => strength::BIT_OR,
            "^" => strength::BIT_XOR,
            "&" => strength::BIT_AND,
            "<<" | ">>" => strength::SHIFT,
            "+" | "-" => strength::ADD,
            "*" | "/" | "//" | "%" | "@" => strength::MULTIPLY,
            "**" => strength::POWER,
            _ => return None,
        };
        let is_right_associative = u8::from(operator == "**");
        self.grouped(level, own, |this| {
            this.expression(left, own + is_right_associative)?;
            this.push(" ");
            this.push(operator);
            this.push(" ");
            this.expression(right, own + 1 - is_right_associative)
        })
    }

    /// `a and b and c`: the grammar nests what Python takes for one operation.
    fn boolean(&mut self, node: Node<'_>, level: u8) -> Option<()> {
        let operator = node.child_by_field_name("operator")?.kind();
        let own = if operator == "and" { strength::AND } else { strength::OR };
        let mut values = Vec::new();
        let mut at = node;
        loop {
            values.push(at.child_by_field_name("right")?);
            let left = at.child_by_field_name("left")?;
            let goes_on = left.kind() == "boolean_operator"
                && left.child_by_field_name("operator").is_some_and(|left| left.kind() == operator);
            if !goes_on {
                values.push(left);
                break;
            }
            at = left;
        }
        values.reverse();
        let separator = format!(" {operator} ");
        self.grouped(level, own, |this| this.list(&values, &separator, own + 1))
    }

    fn comparison(&mut self, node: Node<'_>, level: u8) -> Option<()> {
        let own = strength::COMPARE;
        self.grouped(level, own, |this| {
            let mut cursor = node.walk();
            for child in node.children(&mut cursor).filter(|child| !child.is_extra()) {
                if child.is_named() {
                    this.expression(child, own + 1)?;
                } else {
                    this.push(" ");
                    this.push(if child.kind() == "<>" { "!=" } else { child.kind() });
                    this.push(" ");
                }
            }
            Some(())
        })
    }

    fn conditional(&mut self, node: Node<'_>, level: u8) -> Option<()> {
        let mut parts = code_children(node);
        let (body, test, orelse) = (parts.next()?, parts.next()?, parts.next()?);
        let own = strength::CONDITIONAL;
        self.grouped(level, own, |this| {
            this.expression(body, own + 1)?;
            this.push(" if ");
            this.expression(test, own + 1)?;
            this.push(" else ");
            this.expression(orelse, own)
        })
    }

    fn yield_(&mut self, node: Node<'_>, level: u8) -> Option<()> {
        let is_from = node.children(&mut node.walk()).any(|child| child.kind() == "from");
        self.grouped(level, strength::YIELD, |this| {
            this.push("yield");
            if is_from {
                this.push(" from");
            }
            if let Some(value) = code_children(node).next() {
                this.push(" ");
                this.expression(value, if is_from { strength::MAX } else { strength::YIELD + 1 })?;
            }
            Some(())
        })
    }

    fn lambda(&mut self, node: Node<'_>, level: u8) -> Option<()> {
        let body = node.child_by_field_name("body")?;
        self.grouped(level, strength::LAMBDA, |this| {
            this.push("lambda");
            if let Some(parameters) = node.child_by_field_name("parameters") {
                this.push(" ");
                this.parameters(parameters)?;
            }
            this.push(": ");
            this.expression(body, strength::LAMBDA)
        })
    }

    fn parameters(&mut self, parameters: Node<'_>) -> Option<()> {
        for (index, parameter) in code_children(parameters).enumerate() {
            if index > 0 {
                self.push(", ");
            }
            match parameter.kind() {
                "default_parameter" => {
                    self.expression(parameter.child_by_field_name("name")?, strength::MAX)?;
                    self.push("=");
                    self.expression(parameter.child_by_field_name("value")?, strength::COMMA)?;
                }
                "list_splat_pattern" | "dictionary_splat_pattern" => {
                    self.push(if parameter.kind() == "list_splat_pattern" { "*" } else { "**" });
                    self.expression(code_children(parameter).next()?, strength::MAX)?;
                }
                "keyword_separator" => self.push("*"),
                "positional_separator" => self.push("/"),
                "identifier" => self.expression(parameter, strength::MAX)?,
                _ => return None,
            }
        }
        Some(())
    }

    fn attribute(&mut self, node: Node<'_>) -> Option<()> {
        let object = bare(node.child_by_field_name("object")?);
        if object.kind() == "integer" {
            self.push("(");
            self.expression(object, strength::MAX)?;
            self.push(")");
        } else {
            self.expression(object, strength::MAX)?;
        }
        self.push(".");
        self.expression(node.child_by_field_name("attribute")?, strength::MAX)
    }

    fn call(&mut self, node: Node<'_>) -> Option<()> {
        self.expression(node.child_by_field_name("function")?, strength::MAX)?;
        let arguments = node.child_by_field_name("arguments")?;
        if arguments.kind() == "generator_expression" {
            return self.comprehension_at("(", arguments, ")", strength::COMMA);
        }
        let nodes: Vec<Node<'_>> = code_children(arguments).collect();
        if let [only] = nodes.as_slice()
            && bare(*only).kind() == "generator_expression"
        {
            return self.comprehension_at("(", bare(*only), ")", strength::COMMA);
        }
        self.push("(");
        for (index, argument) in nodes.iter().enumerate() {
            if index > 0 {
                self.push(", ");
            }
            match argument.kind() {
                "keyword_argument" => {
                    self.expression(argument.child_by_field_name("name")?, strength::MAX)?;
                    self.push("=");
                    self.expression(argument.child_by_field_name("value")?, strength::COMMA)?;
                }
                "dictionary_splat" => {
                    self.push("**");
                    self.expression(code_children(*argument).next()?, strength::MAX)?;
                }
                _ => self.expression(*argument, strength::COMMA)?,
            }
        }
        self.push(")");
        Some(())
    }

    fn subscript(&mut self, node: Node<'_>) -> Option<()> {
        let (value, elements, is_tuple) = subscript_parts(node)?;
        self.expression(value, strength::MAX)?;
        self.push("[");
        match elements.as_slice() {
            [only] if !is_tuple => self.expression(*only, strength::SUBSCRIPT)?,
            _ => self.tuple(&elements, strength::SUBSCRIPT)?,
        }
        self.push("]");
        Some(())
    }

    fn slice(&mut self, node: Node<'_>) -> Option<()> {
        let mut n_colons = 0;
        let mut has_step = false;
        let mut cursor = node.walk();
        for child in node.children(&mut cursor).filter(|child| !child.is_extra()) {
            if child.kind() == ":" {
                n_colons += 1;
                if n_colons == 1 {
                    self.push(":");
                }
            } else {
                if n_colons == 2 && !has_step {
                    self.push(":");
                    has_step = true;
                }
                self.expression(child, strength::SUBSCRIPT)?;
            }
        }
        Some(())
    }

    fn comprehension(&mut self, open: &str, node: Node<'_>, close: &str) -> Option<()> {
        self.comprehension_at(open, node, close, strength::ELEMENT)
    }

    fn comprehension_at(&mut self, open: &str, node: Node<'_>, close: &str, level: u8) -> Option<()> {
        self.push(open);
        let body = node.child_by_field_name("body")?;
        if body.kind() == "pair" {
            self.pair(body, level)?;
        } else {
            self.expression(body, level)?;
        }
        for clause in code_children(node).skip(1) {
            match clause.kind() {
                "if_clause" => {
                    self.push(" if ");
                    self.expression(code_children(clause).next()?, strength::COMPREHENSION)?;
                }
                "for_in_clause" => {
                    let is_async = clause.children(&mut clause.walk()).any(|child| child.kind() == "async");
                    self.push(if is_async { " async for " } else { " for " });
                    self.expression(clause.child_by_field_name("left")?, strength::TUPLE)?;
                    self.push(" in ");
                    self.expression(clause.child_by_field_name("right")?, strength::COMPREHENSION)?;
                }
                _ => return None,
            }
        }
        self.push(close);
        Some(())
    }

    /// A string keeps its quotes. What ruff would escape in another way is not spelled.
    fn string(&mut self, node: Node<'_>) -> Option<()> {
        let text = self.source(node)?;
        let literal = StringLiteral::parse(text)?;
        let prefix = literal.prefix.to_ascii_lowercase();
        if literal.is_raw() {
            self.push(text);
            return Some(());
        }
        let is_canonical = !literal.content.contains(|letter: char| {
            letter.is_control() || (!letter.is_ascii() && !letter.is_alphanumeric())
        }) && has_plain_escapes(literal.content);
        if !is_canonical {
            return None;
        }
        self.push(&prefix);
        self.push(literal.quote);
        if literal.is_interpolated() {
            self.interpolations(node)?;
        } else {
            self.push(literal.content);
        }
        self.push(literal.quote);
        Some(())
    }

    fn interpolations(&mut self, string: Node<'_>) -> Option<()> {
        for part in code_children(string) {
            match part.kind() {
                "string_content" => {
                    let text = self.source(part)?;
                    self.push(text);
                }
                "interpolation" => {
                    // Spelled as it is where that is how it would be spelled.
                    let text = self.source(part)?;
                    let expression = part.child_by_field_name("expression")?;
                    let spelled = generate(self.bytes, expression, strength::TUPLE)?;
                    if spelled != self.source(expression)? || text.contains(" }") || text.starts_with("{ ") {
                        return None;
                    }
                    self.push(text);
                }
                _ => {}
            }
        }
        Some(())
    }
}

/// Whether the escapes in a string are those that ruff would write.
fn has_plain_escapes(content: &str) -> bool {
    let mut letters = content.chars();
    while let Some(letter) = letters.next() {
        if letter == '\\' && !matches!(letters.next(), Some('n' | 't' | 'r' | '\\')) {
            return false;
        }
    }
    true
}

/// Spells a number as its value: no underscores, no other base.
fn number(text: &str) -> Option<String> {
    let digits = text.replace('_', "").to_ascii_lowercase();
    if let Some(imaginary) = digits.strip_suffix('j') {
        return imaginary.parse::<f64>().ok().map(|value| format!("{value}j"));
    }
    let of_base = |prefix: &str, base| {
        digits
            .strip_prefix(prefix)
            .map(|rest| u64::from_str_radix(rest, base).ok().map(|value| value.to_string()))
    };
    if let Some(value) = of_base("0x", 16).or_else(|| of_base("0o", 8)).or_else(|| of_base("0b", 2)) {
        return value.or_else(|| Some(text.to_owned()));
    }
    if digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Some(digits.parse::<u64>().map_or_else(|_| digits.clone(), |value| value.to_string()));
    }
    float(digits.parse().ok()?)
}

/// Spells a float as Python's `repr` does.
fn float(value: f64) -> Option<String> {
    if value.is_infinite() {
        return Some("1e309".to_owned());
    }
    let magnitude = value.abs();
    if value == 0.0 || (1e-4..1e16).contains(&magnitude) {
        return Some(format!("{value:?}"));
    }
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e')?;
    let exponent: i32 = exponent.parse().ok()?;
    let sign = if exponent < 0 { '-' } else { '+' };
    Some(format!("{mantissa}e{sign}{:02}", exponent.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::parse;
    use crate::language::Language;

    fn respelled(text: &str) -> Option<String> {
        let tree = parse(text.as_bytes(), Language::Python);
        let statement = tree.root_node().named_child(0).unwrap();
        generate(text.as_bytes(), statement.named_child(0).unwrap(), strength::COMMA)
    }

    #[test]
    fn what_is_spelled_well_stays() {
        for text in [
            "a | b | None",
            "(a | b) & c",
            "a ** (-b)",
            "not a and b or c",
            "a if b else c",
            "f(*a, b=1, **c)",
            "f(x for x in y if z)",
            "a[1:2, ::3][b]",
            "{**a, 'b': \"c\"}",
            "[lambda x, *y, z=1: x]",
            "(yield a)",
            "a < b is not c not in d",
            "f'{a}{b!r:>4}'",
            "{a: b for a, b in c}",
            "(1).real",
            "x.y[a, b].z",
        ] {
            assert_eq!(respelled(text).as_deref(), Some(text), "{text}");
        }
    }

    #[test]
    fn spelling_is_made_plain() {
        for (text, plain) in [
            ("((a))", "a"),
            ("[1,2 , 3,]", "[1, 2, 3]"),
            ("(a,\n  b)", "(a, b)"),
            ("0x10 + 1_000", "16 + 1000"),
            ("1.50 + 1e20", "1.5 + 1e+20"),
            ("a  # c\n", "a"),
            ("f( a )[ b ]", "f(a)[b]"),
            ("B'x' U\"y\"", "b'x' u\"y\""),
        ] {
            assert_eq!(respelled(text).as_deref(), Some(plain), "{text}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_spelled() {
        assert_eq!(respelled("'\\x41'"), None);
        assert_eq!(respelled(&format!("{}a{}", "[".repeat(500), "]".repeat(500))), None);
    }
}
