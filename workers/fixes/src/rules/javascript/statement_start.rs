//! Whether text that opens with `[`, `(` or the like may stand at the start of a statement without a semicolon
//! before it, as ESLint decides it.

use tree_sitter::Node;

use crate::source::ParsedFile;

/// Deeper than anyone writes a type, or code within one.
const MAX_DEPTH: usize = 250;

/// Whether an expression statement begins where `node` begins.
pub(crate) fn begins_statement<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> bool {
    file.ancestors(node)
        .take_while(|around| around.start_byte() == node.start_byte())
        .any(|around| around.kind() == "expression_statement")
}

/// Whether the code before `node` would go on with it, if it began with `[` or `(` and had no semicolon before it.
pub(crate) fn needs_semicolon_before<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> bool {
    let Some(last) = file.token_before(node.start_byte()) else { return false };
    if matches!(last.kind(), ":" | ";" | "{" | "=>" | "++" | "--") {
        return false;
    }
    let Some(owner) = file.parent(last) else { return false };
    if ends_declaration_without_value(file, last, owner) || is_in_type(file, last) {
        return false;
    }
    match last.kind() {
        ")" => !is_head_of_statement(file, owner),
        "}" => ends_expression(file, owner),
        "string" => owner.child_by_field_name("source") != Some(last),
        _ if is_word(file, last) => !ends_by_itself(last, owner),
        _ => true,
    }
}

/// `declare function f()` and `import a = b`
fn ends_declaration_without_value<'t>(file: &ParsedFile<'t>, last: Node<'t>, owner: Node<'t>) -> bool {
    let is_in = |kind: &str| file.parent(owner).is_some_and(|around| around.kind() == kind);
    match owner.kind() {
        "formal_parameters" => last.kind() == ")" && is_in("function_signature"),
        "import_alias" | "import_require_clause" => true,
        "nested_identifier" => is_in("import_alias"),
        _ => false,
    }
}

/// Whether `token` is part of a type: of an annotation, an alias, or behind `as` and `satisfies`.
fn is_in_type<'t>(file: &ParsedFile<'t>, token: Node<'t>) -> bool {
    let mut inner = token;
    for around in file.ancestors(token).take(MAX_DEPTH) {
        let is_type = match around.kind() {
            "type_annotation" | "type_predicate_annotation" | "asserts_annotation" => true,
            "type_alias_declaration" => around.child_by_field_name("value") == Some(inner),
            "as_expression" | "satisfies_expression" => around.named_child(0) != Some(inner),
            _ => false,
        };
        if is_type {
            return true;
        }
        inner = around;
    }
    false
}

/// Whether the parenthesis that `owner` ends with belongs to a statement that has its body behind it.
fn is_head_of_statement<'t>(file: &ParsedFile<'t>, owner: Node<'t>) -> bool {
    match owner.kind() {
        "for_statement" | "for_in_statement" => true,
        "parenthesized_expression" => file.parent(owner).is_some_and(|statement| {
            matches!(statement.kind(), "if_statement" | "while_statement" | "do_statement" | "with_statement")
        }),
        _ => false,
    }
}

/// Whether the brace that `owner` ends with ends a function, class or object expression.
fn ends_expression<'t>(file: &ParsedFile<'t>, owner: Node<'t>) -> bool {
    let Some(around) = file.parent(owner) else { return false };
    let is_value = match owner.kind() {
        "object" => return around.kind() != "import_attribute",
        "statement_block" => matches!(around.kind(), "function_expression" | "generator_function"),
        "class_body" => around.kind() == "class",
        _ => false,
    };
    // `export default function () {}` is a declaration without a name.
    is_value && file.parent(around).is_some_and(|place| place.kind() != "export_statement")
}

fn is_word(file: &ParsedFile<'_>, token: Node<'_>) -> bool {
    let first = file.bytes_of(token.byte_range()).first().copied().unwrap_or_default();
    let is_word = first.is_ascii_alphabetic() || matches!(first, b'_' | b'$' | b'\\') || !first.is_ascii();
    let is_text = matches!(token.kind(), "string_fragment" | "jsx_text" | "template_string");
    is_word && !is_text && !matches!(token.kind(), "true" | "false" | "null")
}

/// Whether a line break behind the word `last` ends the statement anyhow.
fn ends_by_itself(last: Node<'_>, owner: Node<'_>) -> bool {
    match owner.kind() {
        "variable_declarator" => owner.child_by_field_name("value").is_none(),
        "break_statement" | "continue_statement" => true,
        "debugger_statement" => last.kind() == "debugger",
        "do_statement" => last.kind() == "do",
        "else_clause" => last.kind() == "else",
        "return_statement" => last.kind() == "return",
        "yield_expression" => last.kind() == "yield",
        _ => false,
    }
}
