//! What a name means at a place: a builtin, something imported, or something else.
//!
//! A short view of [`crate::scopes::python`], which also tells how names are resolved.

use tree_sitter::Node;

use crate::scopes::python::{Place, PythonScopes, is_typing_member};
use crate::source::ParsedFile;

use super::syntax::any_within;

/// What a name or a dotted name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A builtin of the language that nothing in the file hides.
    Builtin(String),
    /// The full dotted name of what was imported: `builtins.object`.
    Imported(String),
    /// Bound by the file itself or not at all, imported from a relative module, or no dotted name.
    Other,
}

/// Resolves `expression`: a name, or attributes of a name.
#[must_use]
pub(super) fn resolve<'t>(file: &ParsedFile<'t>, expression: Node<'t>) -> Meaning {
    let path = file.python_scopes().and_then(|scopes| scopes.qualified_name(file, expression));
    let Some(path) = path else { return Meaning::Other };
    match path.strip_prefix('.') {
        Some(builtin) if builtin.contains('.') => Meaning::Other,
        Some(builtin) => Meaning::Builtin(builtin.to_owned()),
        None => Meaning::Imported(path),
    }
}

/// Whether `expression` is the builtin `name`, under whatever name it was imported.
#[must_use]
pub(super) fn is_builtin<'t>(file: &ParsedFile<'t>, expression: Node<'t>, name: &str) -> bool {
    match resolve(file, expression) {
        Meaning::Builtin(builtin) => builtin == name,
        Meaning::Imported(path) => path.strip_prefix("builtins.") == Some(name),
        Meaning::Other => false,
    }
}

/// Whether the builtin `name` goes by its name where `node` stands.
#[must_use]
pub(super) fn has_builtin<'t>(file: &ParsedFile<'t>, node: Node<'t>, name: &str) -> bool {
    file.python_scopes().is_some_and(|scopes| scopes.is_builtin_at(name, place_of(file, scopes, node)))
}

/// The place of a name in `node`, or else of what is around it.
fn place_of<'t>(file: &ParsedFile<'t>, scopes: &PythonScopes, node: Node<'t>) -> Place {
    /// Of an expression without names near its start, what is around it tells enough.
    const MAX_LOOKS: usize = 64;
    let (mut found, mut n_looks) = (None, 0);
    any_within(node, |inner| {
        n_looks += 1;
        if inner.kind() == "identifier" {
            found = scopes.place_of_name(inner.start_byte());
        }
        found.is_some() || n_looks == MAX_LOOKS
    });
    let around = || file.ancestors(node).find_map(|around| scopes.place_behind(around));
    found.or_else(|| scopes.place_behind(node)).or_else(around).unwrap_or_else(|| scopes.end())
}

/// Whether `expression` is `typing.name` or what another module has in its place.
#[must_use]
pub(super) fn is_from_typing<'t>(file: &ParsedFile<'t>, expression: Node<'t>, name: &str) -> bool {
    matches!(resolve(file, expression), Meaning::Imported(path) if is_typing_member(&path, name))
}

/// The node that binds the name that `name` is: an assignment, the parameters of a function, …
#[must_use]
pub(super) fn binding_of<'t>(file: &ParsedFile<'t>, name: Node<'t>) -> Option<Node<'t>> {
    const BINDERS: &[&str] = &[
        "assignment",
        "augmented_assignment",
        "named_expression",
        "as_pattern",
        "parameters",
        "lambda_parameters",
        "function_definition",
        "class_definition",
        "for_statement",
        "for_in_clause",
        "case_pattern",
        "block",
        "module",
    ];
    let scopes = file.python_scopes()?;
    let range = &scopes.binding(scopes.binding_of_name(name.start_byte())?).range;
    let bound = file.tree.root_node().descendant_for_byte_range(range.start, range.end)?;
    file.ancestors(bound).find(|around| BINDERS.contains(&around.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{parse, walk};
    use crate::language::Language;

    /// The meaning of the argument of the only call of `at(…)`.
    fn meaning(text: &str) -> Meaning {
        let tree = parse(text.as_bytes(), Language::Python);
        let file = ParsedFile::new(text.as_bytes(), Language::Python, &tree, &crate::facts::NO_FACTS);
        let mut found = None;
        walk(&tree, |node, _| {
            if node.kind() == "call" && file.text(node).starts_with("at(") {
                let arguments = node.child_by_field_name("arguments").unwrap();
                found = Some(resolve(&file, arguments.named_child(0).unwrap()));
            }
            true
        });
        found.unwrap()
    }

    fn builtin() -> Meaning {
        Meaning::Builtin("object".to_owned())
    }

    fn imported(path: &str) -> Meaning {
        Meaning::Imported(path.to_owned())
    }

    #[test]
    fn an_unbound_name_is_a_builtin() {
        assert_eq!(meaning("at(object)"), builtin());
        assert_eq!(meaning("def f(a, b=object): at((object))"), builtin());
        assert_eq!(meaning("at(object.x)"), Meaning::Other);
    }

    #[test]
    fn each_kind_of_binding_hides_the_builtin() {
        for binding in [
            "object = 1",
            "a, (object, b) = c",
            "object: int = 1",
            "def object(): pass",
            "class object: pass",
            "for object in a: pass",
            "with a as object: pass",
            "with a as (b, object): pass",
            "try: pass\nexcept E as object: pass",
            "if (object := 1): pass",
            "match a:\n    case [object, *b]: pass",
            "match a:\n    case b as object: pass",
        ] {
            assert_eq!(meaning(&format!("{binding}\nat(object)\n")), Meaning::Other, "{binding}");
        }
    }

    #[test]
    fn what_binds_something_else_does_not() {
        for other in [
            "a.object = 1",
            "a[object] = 1",
            "f(object=1)",
            "[object for object in a]",
            "x = lambda object: 1",
        ] {
            assert_eq!(meaning(&format!("{other}\nat(object)\n")), builtin(), "{other}");
        }
    }

    #[test]
    fn module_code_sees_what_is_above_and_functions_see_all() {
        assert_eq!(meaning("at(object)\nobject = 1\n"), builtin());
        assert_eq!(meaning("def f():\n    at(object)\nobject = 1\n"), Meaning::Other);
        assert_eq!(meaning("class C:\n    at(object)\nobject = 1\n"), builtin());
        assert_eq!(meaning("class object(at(object)): pass\n"), builtin());
    }

    #[test]
    fn class_scopes_are_seen_from_directly_within_only() {
        assert_eq!(meaning("class C:\n    object = 1\n    at(object)\n"), Meaning::Other);
        assert_eq!(meaning("class C:\n    object = 1\n    def f(self):\n        at(object)\n"), builtin());
        assert_eq!(meaning("def f(object):\n    at(object)\n"), Meaning::Other);
    }

    #[test]
    fn imports_are_followed() {
        assert_eq!(meaning("import builtins\nat(builtins.object)"), imported("builtins.object"));
        assert_eq!(meaning("import a.b\nat(a.b.c)"), imported("a.b.c"));
        assert_eq!(meaning("import a.b as c\nat(c.d)"), imported("a.b.d"));
        assert_eq!(meaning("from a.b import c as d, e\nat(d)"), imported("a.b.c"));
        assert_eq!(meaning("from . import object\nat(object)"), Meaning::Other);
        assert_eq!(meaning("from a import *\nat(object)"), builtin());
    }
}
