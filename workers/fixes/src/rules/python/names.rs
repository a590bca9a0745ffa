//! What a name means at a place: a builtin, something imported, or something else.
//!
//! Resolution is Python's (local, enclosing functions, module, builtins; class scopes are seen only from
//! directly within) with ruff's view of time: code that runs as the module is read sees the bindings above it,
//! the body of a function sees all bindings of the scopes around it. Branches are not told apart: the last
//! visible binding counts.

use tree_sitter::Node;

use crate::source::ParsedFile;

use super::syntax::{ancestors, code_children, without_parentheses};

/// What a name or a dotted name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A name that nothing in the file binds.
    Builtin(String),
    /// The full dotted name of what was imported: `builtins.object`.
    Imported(String),
    /// Bound by the file itself, or not a dotted name at all.
    Other,
}

/// Resolves `expression`: a name, or attributes of a name.
#[must_use]
pub(super) fn resolve<'t>(file: &ParsedFile<'t>, expression: Node<'t>) -> Meaning {
    let mut attributes = Vec::new();
    let mut root = without_parentheses(expression);
    while root.kind() == "attribute" {
        let (Some(object), Some(attribute)) =
            (root.child_by_field_name("object"), root.child_by_field_name("attribute"))
        else {
            return Meaning::Other;
        };
        attributes.push(file.text(attribute));
        root = without_parentheses(object);
    }
    if root.kind() != "identifier" {
        return Meaning::Other;
    }
    match (meaning_of_name(file, root, &file.text(root)), attributes.is_empty()) {
        (Meaning::Imported(module), _) => {
            let path = attributes.iter().rev().fold(module, |path, attribute| path + "." + attribute);
            Meaning::Imported(path)
        }
        (Meaning::Builtin(name), true) => Meaning::Builtin(name),
        _ => Meaning::Other,
    }
}

/// Whether `name`, said at the place of `at`, would be the builtin of that name.
#[must_use]
pub(super) fn is_builtin_at<'t>(file: &ParsedFile<'t>, at: Node<'t>, name: &str) -> bool {
    matches!(meaning_of_name(file, at, name), Meaning::Builtin(_))
}

fn meaning_of_name<'t>(file: &ParsedFile<'t>, at: Node<'t>, name: &str) -> Meaning {
    let mut is_later = false;
    let mut is_innermost = true;
    let mut within = at;
    for scope in ancestors(file, at) {
        if is_scope_of(scope, within) {
            let search = Search { file, name, before: (!is_later).then_some(at.start_byte()) };
            let is_hidden = scope.kind() == "class_definition" && !is_innermost;
            if let Some(meaning) = (!is_hidden).then(|| search.last_binding(scope)).flatten() {
                return meaning;
            }
            is_innermost = false;
            is_later |= matches!(scope.kind(), "function_definition" | "lambda");
        }
        within = scope;
    }
    Meaning::Builtin(name.to_owned())
}

/// Whether code in `child` runs in a scope that `node` opens; decorators, bases and defaults do not.
fn is_scope_of(node: Node<'_>, child: Node<'_>) -> bool {
    match node.kind() {
        "module" => true,
        "function_definition" | "class_definition" | "lambda" => {
            node.child_by_field_name("body").is_some_and(|body| body.id() == child.id())
        }
        _ => false,
    }
}

/// Whether a binding in `node` binds in the scope of `node`. Displays and arguments are passed over: they can
/// be large, and they bind by `:=` at most.
fn may_bind_within(node: Node<'_>) -> bool {
    let kind = node.kind();
    !matches!(kind, "function_definition" | "class_definition" | "lambda" | "argument_list")
        && !matches!(kind, "list" | "tuple" | "set" | "dictionary" | "string" | "concatenated_string")
        && !kind.ends_with("comprehension")
}

/// A look for what binds one name in one scope.
struct Search<'s, 't> {
    file: &'s ParsedFile<'t>,
    name: &'s str,
    /// Only what is bound above this place counts.
    before: Option<usize>,
}

impl Search<'_, '_> {
    /// Walks the statements of `scope`, nested scopes left out.
    fn last_binding(&self, scope: Node<'_>) -> Option<Meaning> {
        let mut last = scope.child_by_field_name("parameters").and_then(|parameters| self.target(parameters));
        let top = scope.child_by_field_name("body").unwrap_or(scope);
        let mut cursor = top.walk();
        loop {
            let node = cursor.node();
            if self.before.is_some_and(|before| node.start_byte() >= before) {
                return last;
            }
            last = self.binding(node).or(last);
            if may_bind_within(node) && cursor.goto_first_child() {
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return last;
                }
            }
        }
    }

    /// What `node` by itself, not its children, makes of the name.
    fn binding(&self, node: Node<'_>) -> Option<Meaning> {
        let field = |name| node.child_by_field_name(name);
        match node.kind() {
            "assignment" | "augmented_assignment" if !self.is_inside(node) => self.target(field("left")?),
            "class_definition" if !self.is_inside(node) => self.target(field("name")?),
            "for_statement" => self.target(field("left")?),
            "function_definition" | "named_expression" => self.target(field("name")?),
            "as_pattern" => self.target(field("alias").or_else(|| code_children(node).last())?),
            "case_pattern" | "splat_pattern" => self.target(node),
            "global_statement" | "nonlocal_statement" => self.target(node),
            "import_statement" => self.import(node, None),
            "import_from_statement" => self.import(node, Some(&self.file.text(field("module_name")?))),
            "future_import_statement" => self.import(node, Some("__future__")),
            _ => None,
        }
    }

    /// A name is looked up before the statement around it binds.
    fn is_inside(&self, node: Node<'_>) -> bool {
        self.before.is_some_and(|before| before < node.end_byte())
    }

    fn import(&self, statement: Node<'_>, module: Option<&str>) -> Option<Meaning> {
        let mut last = None;
        for item in statement.children_by_field_name("name", &mut statement.walk()) {
            let path = self.file.text(item.child_by_field_name("name").unwrap_or(item));
            let alias = item.child_by_field_name("alias").map(|alias| self.file.text(alias));
            // `import a.b` binds `a`.
            let root = path.split('.').next().unwrap_or_default();
            if alias.as_deref().unwrap_or(root) == self.name {
                last = Some(Meaning::Imported(match (module, &alias) {
                    (Some(module), _) => format!("{module}.{path}"),
                    (None, Some(_)) => path.into_owned(),
                    (None, None) => root.to_owned(),
                }));
            }
        }
        last
    }

    /// Whether `pattern` (or a parameter list) names the name as a target.
    fn target(&self, pattern: Node<'_>) -> Option<Meaning> {
        let mut open = vec![pattern];
        while let Some(node) = open.pop() {
            match node.kind() {
                "identifier" if self.file.text(node) == self.name => return Some(Meaning::Other),
                "attribute" | "subscript" | "call" | "type" | "class_pattern" => {}
                "default_parameter" | "typed_default_parameter" => {
                    open.extend(node.child_by_field_name("name"))
                }
                // A dotted name in a pattern is a value to compare to.
                "dotted_name" if node.named_child_count() > 1 => {}
                _ => open.extend(code_children(node)),
            }
        }
        None
    }
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
        assert_eq!(meaning("from . import object\nat(object)"), imported("..object"));
        assert_eq!(meaning("from a import *\nat(object)"), builtin());
    }
}
