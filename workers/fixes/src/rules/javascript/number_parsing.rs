//! Calls of `parseInt` and `Number.parseInt`.

use tree_sitter::Node;

use super::globals::is_global;
use super::static_value::property_name;
use super::syntax::{identifier_name, without_parens};
use crate::source::ParsedFile;

/// The callee and the arguments of `call`, if it calls the global `parseInt` or `Number.parseInt`.
pub(super) fn parse_int_call<'t>(file: &ParsedFile<'t>, call: Node<'t>) -> Option<(Node<'t>, Node<'t>)> {
    let arguments = call.child_by_field_name("arguments").filter(|node| node.kind() == "arguments")?;
    let callee = without_parens(call.child_by_field_name("function")?);
    let is_parse_int = if callee.kind() == "identifier" {
        identifier_name(file, callee) == "parseInt" && is_global(file, callee, "parseInt")
    } else {
        property_name(file, callee).as_deref() == Some("parseInt")
            && callee
                .child_by_field_name("object")
                .is_some_and(|object| is_global(file, without_parens(object), "Number"))
    };
    is_parse_int.then_some((callee, arguments))
}
