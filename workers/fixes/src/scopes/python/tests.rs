use super::*;
use crate::engine::{parse, walk as walk_tree};
use crate::facts::Facts;
use crate::language::Language;

fn with_scopes<T>(text: &str, look: impl FnOnce(&ParsedFile<'_>, &PythonScopes) -> T) -> T {
    with_scopes_of(text, "a.py", look)
}

fn with_scopes_of<T>(text: &str, path: &str, look: impl FnOnce(&ParsedFile<'_>, &PythonScopes) -> T) -> T {
    let tree = parse(text.as_bytes(), Language::Python);
    let facts = Facts { path: path.to_owned(), ..Facts::default() };
    let file = ParsedFile::new(text.as_bytes(), Language::Python, &tree, &facts);
    let scopes = file.python_scopes().unwrap();
    look(&file, scopes)
}

/// The names of the bindings that nothing uses, in order.
fn unused(text: &str) -> Vec<String> {
    with_scopes(text, |_, scopes| {
        let unused = scopes.bindings().filter(|(_, binding)| !binding.is_used);
        let mut names: Vec<String> =
            unused.map(|(_, binding)| scopes.name(binding.name).to_owned()).collect();
        names.retain(|name| name != "__class__");
        names
    })
}

/// The line of what the last name `name` of the text refers to.
fn line_of_last(text: &str, name: &str) -> Option<usize> {
    with_scopes(text, |file, scopes| {
        let mut last = None;
        walk_tree(file.tree, |node, _| {
            if node.kind() == "identifier" && file.text(node) == name {
                last = Some(node.start_byte());
            }
            true
        });
        let binding = scopes.binding(scopes.binding_of_name(last?)?);
        Some(text[..binding.range.start].matches('\n').count() + 1)
    })
}

#[test]
fn functions_see_what_is_bound_below() {
    assert_eq!(line_of_last("x = 1\nx = 2\nx\nx = 3\nx\n", "x"), Some(4));
    assert_eq!(unused("x = 1\ndef f():\n    return x\nx = 2\nf()\n"), ["x"]);
}

#[test]
fn classes_are_seen_from_directly_within() {
    assert_eq!(line_of_last("x = 1\nclass C:\n    x = 2\n    print(x)\n", "x"), Some(3));
    assert_eq!(line_of_last("x = 1\nclass C:\n    x = 2\n    def f(self, y=x): pass\n", "x"), Some(3));
    assert_eq!(line_of_last("x = 1\nclass C:\n    x = 2\n    def f(self): x\n", "x"), Some(1));
    assert_eq!(line_of_last("x = 1\nclass C:\n    x = 2\n    [y for y in x]\n", "x"), Some(3));
    assert_eq!(line_of_last("x = 1\nclass C:\n    x = 2\n    [x for y in z]\n", "x"), Some(1));
}

#[test]
fn each_kind_of_binding_can_be_unused() {
    assert_eq!(unused("import a, b.c, d as e\nfrom f import g as h\n"), ["a", "b", "e", "h"]);
    assert_eq!(unused("for a in b: pass\nwith c as (d, e): pass\n"), ["a", "d", "e"]);
    assert_eq!(
        unused("match a:\n    case [b, *c] | {**d}: pass\n    case E(x=f) as g: pass\n"),
        ["b", "c", "d", "g", "f"]
    );
    assert_eq!(unused("class A[T]: pass\ntype B[U] = int\n"), ["T", "A", "U", "B"]);
    assert_eq!(unused("[a for b in (c := d)]\nlambda e, *f, g=1: a\n"), ["c", "b", "e", "f", "g"]);
}

#[test]
fn types_that_are_strings_use_names() {
    assert!(unused("import a\nx: \"a.b\" = 1\nx\n").is_empty());
    assert!(unused("import a\nx: \"a\" \".b\" = 1\nx\n").is_empty());
    assert!(unused("import a\nx: \"list['a']\" = 1\nx\n").is_empty());
    assert!(unused("import a\nfrom typing import cast\ncast(\"a\", 1)\n").is_empty());
    assert_eq!(unused("import a\nfrom typing import Literal\nx: Literal[\"a\"] = 1\nx\n"), ["a"]);
    assert_eq!(unused("import a\nf(\"a\")\n"), ["a"]);
}

#[test]
fn exports_use_names() {
    assert!(unused("import a, b, c\n__all__ = [\"a\"] + [\"b\"]\n__all__ += (\"c\",)\n__all__\n").is_empty());
    assert_eq!(unused("import a\ndef f():\n    __all__ = [\"a\"]\nf\n"), ["a", "__all__"]);
}

#[test]
fn deferred_annotations_prefer_the_module() {
    let text = "from __future__ import annotations\nimport a\nclass C:\n    a: a.b\nC, annotations\n";
    with_scopes(text, |_, scopes| {
        let import = scopes.bindings().find(|(_, binding)| matches!(binding.kind, BindingKind::Import(_)));
        assert!(import.unwrap().1.is_used);
    });
}

#[test]
fn what_a_name_meant_then_can_be_asked_later() {
    let text = "list()\nlist = 1\nlist()\n";
    with_scopes(text, |file, scopes| {
        let mut calls = Vec::new();
        walk_tree(file.tree, |node, _| {
            if node.kind() == "call" {
                calls.push(scopes.is_builtin_at("list", scopes.place_behind(node).unwrap()));
            }
            true
        });
        assert_eq!(calls, [true, false]);
    });
}

#[test]
fn stubs_look_ahead() {
    with_scopes_of("class A(B): ...\nclass B: ...\n", "a.pyi", |_, scopes| {
        let (_, binding) = scopes.bindings().find(|(_, binding)| scopes.name(binding.name) == "B").unwrap();
        assert!(binding.is_used);
    });
}

#[test]
fn deep_and_broken_code_is_read() {
    let deep = 20_000;
    for text in [
        format!("{}x{}", "[".repeat(deep), "]".repeat(deep)),
        format!("x{}", " + x".repeat(deep)),
        format!("x = {}1", "lambda: ".repeat(2_000)),
        "def f(:\n  import a\nclass\n x: \"(\" = \"\\".to_owned(),
    ] {
        with_scopes(&text, |_, scopes| assert!(scopes.bindings().count() < 3_000));
    }
}
