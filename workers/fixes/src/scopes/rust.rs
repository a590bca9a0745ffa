//! The local variables of a Rust file and what their uses refer to, and its functions and structs by name.
//!
//! Only what the syntax tree shows: what macros make, and names from other files, are not known.

use std::collections::HashMap;

use tree_sitter::Node;

use crate::source::ParsedFile;

/// A variable that a pattern binds.
#[derive(Clone, Copy, Debug)]
pub struct Local<'t> {
    /// The type that is written beside the pattern, if the variable is the whole pattern.
    pub declared: Option<Node<'t>>,
    /// The value that it is declared with, if the variable is the whole pattern.
    pub value: Option<Node<'t>>,
    /// Whether it is a parameter of a function or closure.
    pub is_parameter: bool,
}

/// Nodes by the name that they declare.
type ByName<'t> = HashMap<&'t [u8], Vec<Node<'t>>>;

/// What the names of one file mean.
#[derive(Debug, Default)]
pub struct Names<'t> {
    locals: Vec<Local<'t>>,
    /// From the start byte of an identifier that is used.
    by_use: HashMap<usize, usize>,
    /// Functions with bodies, wherever they stand.
    functions: ByName<'t>,
    structs: ByName<'t>,
    constants: ByName<'t>,
    macros: ByName<'t>,
}

impl<'t> Names<'t> {
    /// Resolves the names of a file in one walk.
    pub(crate) fn resolve(file: &ParsedFile<'t>) -> Self {
        let mut walk =
            Walk { file, names: Self::default(), bound: HashMap::new(), undo: Vec::new(), marks: Vec::new() };
        walk.run();
        walk.names
    }

    /// The variable that the identifier starting at byte `at` refers to.
    #[must_use]
    pub fn local(&self, at: usize) -> Option<&Local<'t>> {
        self.by_use.get(&at).and_then(|index| self.locals.get(*index))
    }

    /// The functions of that name, methods included.
    #[must_use]
    pub fn functions(&self, name: &[u8]) -> &[Node<'t>] {
        self.functions.get(name).map_or(&[], Vec::as_slice)
    }

    /// The structs of that name.
    #[must_use]
    pub fn structs(&self, name: &[u8]) -> &[Node<'t>] {
        self.structs.get(name).map_or(&[], Vec::as_slice)
    }

    /// The constants and statics of that name.
    #[must_use]
    pub fn constants(&self, name: &[u8]) -> &[Node<'t>] {
        self.constants.get(name).map_or(&[], Vec::as_slice)
    }

    /// The macros of that name.
    #[must_use]
    pub fn macros(&self, name: &[u8]) -> &[Node<'t>] {
        self.macros.get(name).map_or(&[], Vec::as_slice)
    }
}

struct Walk<'f, 't> {
    file: &'f ParsedFile<'t>,
    names: Names<'t>,
    /// What each name means just now, innermost last.
    bound: HashMap<&'t [u8], Vec<usize>>,
    /// The names bound in the scopes that are open.
    undo: Vec<&'t [u8]>,
    /// Where in `undo` each open scope begins.
    marks: Vec<usize>,
}

impl<'t> Walk<'_, 't> {
    fn run(&mut self) {
        let mut cursor = self.file.tree.walk();
        // The kind of the parent decides what an identifier is.
        let mut around: Vec<Node<'t>> = Vec::new();
        loop {
            let node = cursor.node();
            self.enter(node, around.last().copied(), cursor.field_name());
            if cursor.goto_first_child() {
                around.push(node);
                continue;
            }
            self.leave(node);
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return;
                }
                around.pop();
                self.leave(cursor.node());
            }
        }
    }

    fn enter(&mut self, node: Node<'t>, parent: Option<Node<'t>>, field: Option<&str>) {
        match node.kind() {
            kind if opens_scope(kind) => {
                if kind == "function_item" {
                    self.list(node, |names| &mut names.functions);
                }
                self.marks.push(self.undo.len());
            }
            // What `if let` binds is not seen behind `else`.
            "else_clause" => self.forget_to_mark(),
            "struct_item" => self.list(node, |names| &mut names.structs),
            "const_item" | "static_item" => self.list(node, |names| &mut names.constants),
            "macro_definition" => self.list(node, |names| &mut names.macros),
            "identifier"
                if field != Some("name") && parent.is_none_or(|parent| !is_pattern(parent.kind())) =>
            {
                let name = self.file.bytes_of(node.byte_range());
                if let Some(local) = self.bound.get(name).and_then(|locals| locals.last()) {
                    self.names.by_use.insert(node.start_byte(), *local);
                }
            }
            _ => {}
        }
    }

    fn leave(&mut self, node: Node<'t>) {
        match node.kind() {
            kind if opens_scope(kind) => {
                self.forget_to_mark();
                self.marks.pop();
            }
            "let_declaration" | "let_condition" | "parameter" => {
                let declared = node.child_by_field_name("type");
                let value = node.child_by_field_name("value").filter(|_| node.kind() == "let_declaration");
                if let Some(pattern) = node.child_by_field_name("pattern") {
                    self.bind(pattern, declared, value, node.kind() == "parameter");
                }
            }
            "closure_parameters" => {
                let mut cursor = node.walk();
                let bare: Vec<_> =
                    node.named_children(&mut cursor).filter(|child| child.kind() != "parameter").collect();
                bare.into_iter().for_each(|pattern| self.bind(pattern, None, None, true));
            }
            "match_pattern" => self.bind(node, None, None, false),
            _ => {}
        }
        if let Some(pattern) = node.child_by_field_name("pattern").filter(|_| node.kind() == "for_expression")
        {
            self.bind(pattern, None, None, false);
        }
    }

    fn list(&mut self, node: Node<'t>, map: impl for<'n> Fn(&'n mut Names<'t>) -> &'n mut ByName<'t>) {
        if let Some(name) = node.child_by_field_name("name") {
            let name = self.file.bytes_of(name.byte_range());
            map(&mut self.names).entry(name).or_default().push(node);
        }
    }

    fn forget_to_mark(&mut self) {
        let mark = self.marks.last().copied().unwrap_or(0);
        for name in self.undo.drain(mark..) {
            if let Some(locals) = self.bound.get_mut(name) {
                locals.pop();
            }
        }
    }

    /// Binds all names of a pattern.
    fn bind(
        &mut self,
        pattern: Node<'t>,
        declared: Option<Node<'t>>,
        value: Option<Node<'t>>,
        is_parameter: bool,
    ) {
        let is_whole = pattern.kind() == "identifier";
        let mut open = vec![pattern];
        while let Some(node) = open.pop() {
            if matches!(node.kind(), "identifier" | "shorthand_field_identifier") {
                let (declared, value) = if is_whole { (declared, value) } else { (None, None) };
                let local = Local { declared, value, is_parameter };
                let name = self.file.bytes_of(node.byte_range());
                self.bound.entry(name).or_default().push(self.names.locals.len());
                self.names.locals.push(local);
                self.undo.push(name);
            }
            let mut cursor = node.walk();
            open.extend(node.named_children(&mut cursor));
        }
    }
}

fn opens_scope(kind: &str) -> bool {
    matches!(
        kind,
        "block" | "function_item" | "closure_expression" | "match_arm" | "if_expression" | "while_expression"
    ) || kind == "for_expression"
}

fn is_pattern(kind: &str) -> bool {
    kind.ends_with("_pattern")
        || matches!(kind, "parameter" | "closure_parameters" | "field_initializer_list")
}
