//! What the names of a Go file mean: imports, the package's names that the file declares, and those of functions
//! and blocks. Names of the package's other files are not known.

use std::collections::HashMap;
use std::ops::Range;

use tree_sitter::Node;

use crate::source::ParsedFile;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A package.
    Import,
    /// A constant.
    Constant,
    /// A variable, a parameter or a named result.
    Variable,
    /// A type or an alias.
    Type,
    /// A type parameter.
    TypeParameter,
    /// A function of the package.
    Function,
}

/// Index of an [`Object`] in its file.
pub type ObjectId = usize;

/// Something that has a name.
#[derive(Clone, Debug)]
pub struct Object<'t> {
    /// What it is.
    pub kind: Kind,
    /// The node that declares it: a spec, a parameter, a statement, a function.
    pub node: Node<'t>,
    /// The type that the declaration states.
    pub declared: Option<Node<'t>>,
    /// The value that the declaration gives, if it gives one to this name alone.
    pub value: Option<Node<'t>>,
    /// Start bytes of the identifiers that refer to it, in order, those that assign to it included.
    pub uses: Vec<usize>,
    /// How many assignments (`=`, `+=`, `:=` of a name that is there already) have it on their left side.
    pub n_assignments: usize,
    /// For an import, the path.
    pub path: String,
}

/// What the names of one file mean.
#[derive(Debug, Default)]
pub struct Names<'t> {
    objects: Vec<Object<'t>>,
    by_start: HashMap<usize, ObjectId>,
    /// For each name where it is visible, by the start of that range.
    visible: HashMap<&'t [u8], Vec<(Range<usize>, ObjectId)>>,
    dot_imports: Vec<String>,
    is_generated: bool,
}

impl<'t> Names<'t> {
    /// Resolves the names of a file in two walks.
    pub(crate) fn resolve(file: &ParsedFile<'t>) -> Self {
        let mut walk = Walk {
            file,
            names: Self { is_generated: is_generated(file), ..Self::default() },
            bound: HashMap::new(),
            undo: Vec::new(),
            marks: Vec::new(),
        };
        walk.declare_package();
        walk.run();
        let mut names = walk.names;
        names.visible.values_mut().for_each(|ranges| ranges.sort_by_key(|(range, _)| range.start));
        names
    }

    /// Whether a comment says that the file is not written by hand.
    #[must_use]
    pub fn is_generated(&self) -> bool {
        self.is_generated
    }

    /// What the identifier starting at byte `at` refers to or declares.
    #[must_use]
    pub fn id_at(&self, at: usize) -> Option<ObjectId> {
        self.by_start.get(&at).copied()
    }

    /// What the identifier starting at byte `at` refers to or declares.
    #[must_use]
    pub fn at(&self, at: usize) -> Option<&Object<'t>> {
        self.id_at(at).and_then(|id| self.objects.get(id))
    }

    /// What `name` means at byte `at`.
    #[must_use]
    pub fn lookup(&self, name: &str, at: usize) -> Option<&Object<'t>> {
        let ranges = self.visible.get(name.as_bytes())?;
        let n_before = ranges.partition_point(|(range, _)| range.start <= at);
        let (_, id) = ranges[..n_before].iter().rev().find(|(range, _)| range.contains(&at))?;
        self.objects.get(*id)
    }

    /// Whether the file imports that package by `.`.
    #[must_use]
    pub fn has_dot_import(&self, path: &str) -> bool {
        self.dot_imports.iter().any(|known| known == path)
    }
}

/// `// Code generated … DO NOT EDIT.`, on a line of its own.
fn is_generated(file: &ParsedFile<'_>) -> bool {
    file.comments().iter().any(|comment| {
        let is_whole_line =
            comment.start == 0 || file.bytes.get(comment.start - 1).is_some_and(|byte| *byte == b'\n');
        let text = file.bytes_of(comment.clone());
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        is_whole_line
            && (text.starts_with(b"// Code generated ") && text.ends_with(b" DO NOT EDIT.")
                || text == b"// Created by cgo - DO NOT EDIT")
    })
}

/// The nodes that open a scope.
const SCOPES: &[&str] = &[
    "block",
    "communication_case",
    "default_case",
    "expression_case",
    "expression_switch_statement",
    "for_statement",
    "func_literal",
    "function_declaration",
    "function_type",
    "if_statement",
    "method_declaration",
    "method_elem",
    "select_statement",
    "type_case",
    "type_switch_statement",
];

struct Walk<'f, 't> {
    file: &'f ParsedFile<'t>,
    names: Names<'t>,
    bound: HashMap<&'t [u8], Vec<ObjectId>>,
    /// The names bound in the open scopes, and from where each is visible.
    undo: Vec<(&'t [u8], usize)>,
    /// Where in `undo` each open scope begins.
    marks: Vec<usize>,
}

impl<'t> Walk<'_, 't> {
    /// The imports, and the names of the package that this file declares: all are visible everywhere.
    fn declare_package(&mut self) {
        let mut cursor = self.file.tree.walk();
        let tops: Vec<Node<'t>> = self.file.tree.root_node().named_children(&mut cursor).collect();
        for top in tops {
            match top.kind() {
                "import_declaration" => {
                    named_descendants(top, "import_spec")
                        .into_iter()
                        .for_each(|spec| self.declare_import(spec));
                }
                "function_declaration" => {
                    if let Some(name) = top.child_by_field_name("name") {
                        self.declare(name, 0, Object::new(Kind::Function, top));
                    }
                }
                "const_declaration" | "var_declaration" | "type_declaration" => {
                    for kind in ["const_spec", "var_spec", "type_spec", "type_alias"] {
                        named_descendants(top, kind).into_iter().for_each(|spec| self.declare_spec(spec, 0));
                    }
                }
                _ => {}
            }
        }
    }

    fn declare_import(&mut self, spec: Node<'t>) {
        let Some(path_node) = spec.child_by_field_name("path") else { return };
        let path = self.file.text(path_node).trim_matches(['"', '`']).to_owned();
        let object = Object { path: path.clone(), ..Object::new(Kind::Import, spec) };
        match spec.child_by_field_name("name") {
            Some(name) if name.kind() == "dot" => self.names.dot_imports.push(path),
            Some(name) => self.declare(name, 0, object),
            None => {
                // The last part of the path; the name that the package gives itself is not known.
                let Some(at) = path_node.child(1).map(|content| content.byte_range()) else { return };
                let bytes = self.file.bytes_of(at);
                let is_version =
                    |part: &&[u8]| part.first() == Some(&b'v') && part[1..].iter().all(u8::is_ascii_digit);
                let mut parts =
                    bytes.rsplit(|&byte| byte == b'/').skip_while(|part| part.len() > 1 && is_version(part));
                let last = parts.next().unwrap_or(bytes);
                let last = last.split(|&byte| byte == b'.').next().unwrap_or(last);
                self.declare_as(last, path_node.start_byte(), 0, object);
            }
        }
    }

    fn run(&mut self) {
        let mut cursor = self.file.tree.walk();
        let mut around: Vec<Node<'t>> = Vec::new();
        loop {
            let node = cursor.node();
            self.enter(node, &around, cursor.field_name());
            if cursor.goto_first_child() {
                around.push(node);
                continue;
            }
            self.leave(node, &around);
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return self.close(0, self.file.bytes.len());
                }
                around.pop();
                self.leave(cursor.node(), &around);
            }
        }
    }

    fn enter(&mut self, node: Node<'t>, around: &[Node<'t>], field: Option<&str>) {
        match node.kind() {
            kind if SCOPES.contains(&kind) => self.marks.push(self.undo.len()),
            "type_spec" | "type_alias" if !self.marks.is_empty() => {
                // A type may refer to itself.
                self.declare_spec(node, node.start_byte());
            }
            "identifier" | "type_identifier" | "package_identifier" if !is_declaring(around, field) => {
                let name = self.file.bytes_of(node.byte_range());
                if let Some(id) = self.bound.get(name).and_then(|ids| ids.last()).copied() {
                    self.refer(node, id);
                }
            }
            _ => {}
        }
    }

    fn leave(&mut self, node: Node<'t>, around: &[Node<'t>]) {
        let from = node.end_byte();
        match node.kind() {
            kind if SCOPES.contains(&kind) => {
                let mark = self.marks.pop().unwrap_or(0);
                self.close(mark, from);
            }
            "const_spec" | "var_spec" if !self.marks.is_empty() => self.declare_spec(node, from),
            "parameter_declaration" | "variadic_parameter_declaration" => {
                self.declare_all(node, Kind::Variable, from);
            }
            // Those of a type at the top level hold for its declaration only, and are left out.
            "type_parameter_declaration" if !self.marks.is_empty() => {
                self.declare_all(node, Kind::TypeParameter, node.start_byte());
            }
            "short_var_declaration" => self.declare_left(node, from),
            "range_clause" | "receive_statement" if has_child(node, ":=") => self.declare_left(node, from),
            "assignment_statement" => {
                for name in left_names(node) {
                    if let Some(id) = self.names.id_at(name.start_byte()) {
                        self.names.objects[id].n_assignments += 1;
                    }
                }
            }
            // `switch x := y.(type)`
            "expression_list" => {
                let switch = around.last().filter(|switch| switch.kind() == "type_switch_statement");
                if let Some(switch) =
                    switch.filter(|switch| switch.child_by_field_name("alias") == Some(node))
                {
                    let mut cursor = node.walk();
                    let names: Vec<_> = node.named_children(&mut cursor).collect();
                    for name in names {
                        self.declare(name, from, Object::new(Kind::Variable, *switch));
                    }
                }
            }
            _ => {}
        }
    }

    fn refer(&mut self, name: Node<'t>, id: ObjectId) {
        self.names.by_start.insert(name.start_byte(), id);
        self.names.objects[id].uses.push(name.start_byte());
    }

    /// The names of a constant, variable or type, visible from byte `from`.
    fn declare_spec(&mut self, spec: Node<'t>, from: usize) {
        let kind = match spec.kind() {
            "const_spec" => Kind::Constant,
            "var_spec" => Kind::Variable,
            _ => Kind::Type,
        };
        self.declare_all(spec, kind, from);
    }

    /// All that stands in the field `name` of a node, each with its value if there are as many.
    fn declare_all(&mut self, node: Node<'t>, kind: Kind, from: usize) {
        let mut cursor = node.walk();
        let names: Vec<_> =
            node.children_by_field_name("name", &mut cursor).filter(|name| name.is_named()).collect();
        let values = node.child_by_field_name("value").map_or_else(Vec::new, listed);
        for (index, name) in names.iter().enumerate() {
            let object = Object {
                declared: node.child_by_field_name("type"),
                value: values.get(index).copied().filter(|_| values.len() == names.len()),
                ..Object::new(kind, node)
            };
            self.declare(*name, from, object);
        }
    }

    /// The names on the left of `:=`: those that the scope has already are assigned.
    fn declare_left(&mut self, node: Node<'t>, from: usize) {
        let names = left_names(node);
        let values = node.child_by_field_name("right").filter(|_| node.kind() == "short_var_declaration");
        let values = values.map_or_else(Vec::new, listed);
        for (index, name) in names.iter().enumerate() {
            let spelled = self.file.bytes_of(name.byte_range());
            let mark = self.marks.last().copied().unwrap_or(0);
            let is_known = self.undo[mark.min(self.undo.len())..].iter().any(|(known, _)| *known == spelled);
            let known = self.bound.get(spelled).and_then(|ids| ids.last()).copied().filter(|_| is_known);
            if let Some(id) = known {
                self.refer(*name, id);
                self.names.objects[id].n_assignments += 1;
                continue;
            }
            let value = values.get(index).copied().filter(|_| values.len() == names.len());
            self.declare(*name, from, Object { value, ..Object::new(Kind::Variable, node) });
        }
    }

    fn declare(&mut self, name: Node<'t>, from: usize, object: Object<'t>) {
        let spelled = self.file.bytes_of(name.byte_range());
        self.declare_as(spelled, name.start_byte(), from, object);
    }

    fn declare_as(&mut self, spelled: &'t [u8], at: usize, from: usize, object: Object<'t>) {
        if spelled == b"_" {
            return;
        }
        let id = self.names.objects.len();
        self.names.objects.push(object);
        self.names.by_start.insert(at, id);
        self.bound.entry(spelled).or_default().push(id);
        self.undo.push((spelled, from));
    }

    /// Forgets the names from `mark` on: their scope ends at byte `end`.
    fn close(&mut self, mark: usize, end: usize) {
        for (name, from) in self.undo.drain(mark..) {
            if let Some(id) = self.bound.get_mut(name).and_then(Vec::pop) {
                self.names.visible.entry(name).or_default().push((from..end, id));
            }
        }
    }
}

impl<'t> Object<'t> {
    fn new(kind: Kind, node: Node<'t>) -> Self {
        Self {
            kind,
            node,
            declared: None,
            value: None,
            uses: Vec::new(),
            n_assignments: 0,
            path: String::new(),
        }
    }
}

/// Whether an identifier in that place is no use of a name: it declares one, or belongs to a package or struct.
fn is_declaring(around: &[Node<'_>], field: Option<&str>) -> bool {
    let Some(parent) = around.last() else { return false };
    match parent.kind() {
        "const_spec"
        | "var_spec"
        | "type_spec"
        | "type_alias"
        | "parameter_declaration"
        | "variadic_parameter_declaration"
        | "type_parameter_declaration"
        | "function_declaration"
        | "qualified_type" => field == Some("name"),
        "import_spec" | "package_clause" => true,
        "expression_list" => {
            around.len().checked_sub(2).and_then(|at| around.get(at)).is_some_and(|statement| {
                let declares = match statement.kind() {
                    "short_var_declaration" => true,
                    "range_clause" | "receive_statement" => has_child(*statement, ":="),
                    "type_switch_statement" => {
                        return statement.child_by_field_name("alias") == Some(*parent);
                    }
                    _ => false,
                };
                declares && statement.child_by_field_name("left") == Some(*parent)
            })
        }
        _ => false,
    }
}

fn has_child(node: Node<'_>, kind: &str) -> bool {
    let mut cursor = node.walk();
    node.children(&mut cursor).any(|child| child.kind() == kind)
}

/// The expressions of a list, comments left out.
fn listed(list: Node<'_>) -> Vec<Node<'_>> {
    if list.kind() != "expression_list" {
        return vec![list];
    }
    let mut cursor = list.walk();
    list.named_children(&mut cursor).filter(|child| child.kind() != "comment").collect()
}

/// The plain names on the left side of a statement. What is no name keeps its place: names and values pair up.
fn left_names(statement: Node<'_>) -> Vec<Node<'_>> {
    let left = statement.child_by_field_name("left").map_or_else(Vec::new, listed);
    left.into_iter().filter(|name| name.kind() == "identifier").collect()
}

/// The nodes of a kind in a declaration at the top level, which nests them two levels deep at most.
fn named_descendants<'t>(node: Node<'t>, kind: &str) -> Vec<Node<'t>> {
    let mut found = Vec::new();
    let mut cursor = node.walk();
    for child in node.named_children(&mut cursor) {
        if child.kind() == kind {
            found.push(child);
        } else if child.kind().ends_with("_list") {
            let mut cursor = child.walk();
            found.extend(child.named_children(&mut cursor).filter(|inner| inner.kind() == kind));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::parse;
    use crate::facts::NO_FACTS;
    use crate::language::Language;

    fn with_names(text: &str, test: impl Fn(&Names<'_>)) {
        let tree = parse(text.as_bytes(), Language::Go);
        test(ParsedFile::new(text.as_bytes(), Language::Go, &tree, &NO_FACTS).go_names());
    }

    #[test]
    fn an_inner_name_hides_an_outer_one() {
        let text = "package p\nvar x int\nfunc f() {\n\tx := x\n\t{ x := 1; _ = x }\n\t_ = x\n}\n";
        with_names(text, |names| {
            let uses: Vec<_> = text.match_indices('x').map(|(at, _)| names.id_at(at)).collect();
            // The package's, the function's by the package's, the block's and its use, the function's.
            let [package, function, value, block, used, last] = uses[..] else { panic!("{uses:?}") };
            assert!(package == value && block == used && function == last);
            assert!(package != function && function != block);
        });
    }

    #[test]
    fn a_redeclared_variable_is_assigned() {
        let text = "package p\nfunc f() {\n\ta := 1\n\ta, b := 2, 3\n\ta = b\n}\n";
        with_names(text, |names| {
            let object = names.at(text.find("a := 1").unwrap()).unwrap();
            assert_eq!((object.n_assignments, object.uses.len()), (2, 2));
        });
    }

    #[test]
    fn imports_are_known_by_their_paths() {
        let text = "package p\nimport (\n\t\"a/yaml.v3\"\n\ts \"strings\"\n\t. \"b/v2\"\n)\n";
        with_names(text, |names| {
            let path = |name| names.lookup(name, 0).map(|object| object.path.clone());
            assert_eq!(path("yaml").as_deref(), Some("a/yaml.v3"));
            assert_eq!(path("s").as_deref(), Some("strings"));
            assert!(path("strings").is_none() && names.has_dot_import("b/v2"));
        });
    }
}
