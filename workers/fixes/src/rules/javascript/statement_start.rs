//! Whether text at the start of a statement would be read as going on with the statement before it.

use tree_sitter::Node;

use crate::source::ParsedFile;

/// More nodes than anyone starts at one place.
const MAX_NODES_AT_START: usize = 250;

/// Whether `node` is where an expression statement starts.
pub(super) fn starts_expression_statement<'t>(file: &ParsedFile<'t>, node: Node<'t>) -> bool {
    file.ancestors(node)
        .take(MAX_NODES_AT_START)
        .take_while(|around| around.start_byte() == node.start_byte())
        .any(|around| around.kind() == "expression_statement")
}

/// Whether a `(`, `[`, `/` or template put at byte `at`, where an expression statement starts, needs a semicolon
/// before it, for want of one at the end of the statement before.
pub(super) fn needs_preceding_semicolon(file: &ParsedFile<'_>, at: usize) -> bool {
    let Some(token) = file.token_before(at) else { return false };
    if matches!(token.kind(), ":" | ";" | "{" | "=>" | "++" | "--") {
        return false;
    }
    let Some(parent) = file.parent(token) else { return true };
    let owner = file.parent(parent);
    let owner_kind = owner.map_or("", |owner| owner.kind());
    if ends_typescript(file, token) {
        return false;
    }
    match token.kind() {
        ")" => !is_statement_head(parent.kind(), owner_kind),
        // `export default function () {}` is a declaration without a name.
        "}" => {
            let place = owner.and_then(|owner| file.parent(owner));
            is_continued_body(parent.kind(), owner_kind)
                && (parent.kind() == "object" || place.is_none_or(|place| place.kind() != "export_statement"))
        }
        "string" => !matches!(parent.kind(), "import_statement" | "export_statement"),
        // The keyword ends its statement, or starts one that holds the expression.
        "break" | "continue" | "debugger" | "do" | "else" | "return" | "yield" => false,
        "identifier" | "statement_identifier" => match parent.kind() {
            "variable_declarator" => parent.child_by_field_name("value").is_some(),
            "break_statement" | "continue_statement" => false,
            _ => true,
        },
        _ => true,
    }
}

/// Whether a `)` in `parent` in `owner` closes the head of a statement, behind which another statement stands.
fn is_statement_head(parent: &str, owner: &str) -> bool {
    match parent {
        "for_statement" | "for_in_statement" | "with_statement" | "do_statement" => true,
        "parenthesized_expression" => {
            matches!(owner, "if_statement" | "while_statement" | "do_statement" | "with_statement")
        }
        _ => false,
    }
}

/// Whether a `}` in `parent` in `owner` closes an expression, which a parenthesis behind it would call.
fn is_continued_body(parent: &str, owner: &str) -> bool {
    match parent {
        "object" => owner != "import_attribute",
        "statement_block" => matches!(owner, "function_expression" | "generator_function"),
        "class_body" => owner == "class",
        // What ends with this brace ends with a template's quote or a tag.
        _ => false,
    }
}

/// Whether `token` ends something of TypeScript's that no expression can go on with: a type, a declaration without
/// a body, `import a = b.c`.
fn ends_typescript<'t>(file: &ParsedFile<'t>, token: Node<'t>) -> bool {
    let mut child = token;
    for (n_outwards, parent) in file.ancestors(token).take(MAX_NODES_AT_START).enumerate() {
        let is_end = match parent.kind() {
            "type_annotation" | "function_signature" => true,
            "import_alias" | "import_require_clause" => n_outwards < 2,
            "type_alias_declaration" => parent.child_by_field_name("value") == Some(child),
            "as_expression" | "satisfies_expression" => {
                child.is_named() && super::syntax::first_named_child(parent) != Some(child)
            }
            _ => false,
        };
        if is_end {
            return true;
        }
        child = parent;
    }
    false
}
