//! Which names imported from `__future__` are used: as names, or in `__all__`.

use std::collections::{HashMap, HashSet};

use tree_sitter::Node;

use crate::source::ParsedFile;

use super::literal_types::string_value;
use super::names::{Meaning, resolve};

/// Features that Python has without being asked.
pub(super) const PRESENT: &[&str] = &[
    "nested_scopes",
    "generators",
    "with_statement",
    "division",
    "absolute_import",
    "print_function",
    "unicode_literals",
    "generator_stop",
];

/// More uses of one name in functions are not resolved; the name counts as used.
const MAX_RESOLVED: usize = 32;

/// A feature that a statement imports under its own name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name<'t> {
    /// One of [`PRESENT`].
    pub(super) feature: &'static str,
    /// The import.
    pub(super) statement: Node<'t>,
    /// What the import is a statement of, unless that is the module.
    pub(super) block: Option<Node<'t>>,
}

/// Each look at a name may cost the depth of the tree.
const MAX_LOOKS: usize = 1000;
/// A name deeper in scopes ends the look.
const MAX_SCOPES: usize = 64;

/// What happens to one name in one scope, in order.
#[derive(Debug)]
enum Event<'t> {
    /// It is imported from `__future__`; with `as` the import stays.
    Imported(Name<'t>, bool),
    /// Something else is called so.
    Bound,
    /// It is read while the scope runs; in a class if scopes are given.
    Read(Vec<usize>),
    /// It is read in a function, within these scopes.
    ReadLater(Node<'t>, Vec<usize>),
}

/// The uses of all features, by scope and name.
pub(super) struct NameUses<'f, 't> {
    file: &'f ParsedFile<'t>,
    events: HashMap<(usize, &'static str), Vec<Event<'t>>>,
    exported: Vec<String>,
    root: usize,
    /// Where the last statement about `__all__` ends.
    exports_to: usize,
    /// How many times a feature's name may still be looked at; without any left, all count as used.
    looks_left: usize,
    /// In the body of a class ruff does not look.
    classes: HashSet<usize>,
}

impl<'f, 't> NameUses<'f, 't> {
    /// Walks the module.
    #[must_use]
    pub(super) fn of(file: &'f ParsedFile<'t>, module: Node<'t>) -> Self {
        let mut uses = Self {
            file,
            events: HashMap::new(),
            exported: Vec::new(),
            root: module.id(),
            exports_to: 0,
            looks_left: MAX_LOOKS,
            classes: HashSet::new(),
        };
        let mut path: Vec<Node<'t>> = Vec::new();
        let mut cursor = module.walk();
        loop {
            let node = cursor.node();
            uses.visit(node, &path);
            // An import is read as a whole.
            if node.kind() != "future_import_statement" && cursor.goto_first_child() {
                path.push(node);
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return uses;
                }
                path.pop();
            }
        }
    }

    /// The names that are imported for nothing.
    #[must_use]
    pub(super) fn unused(&self) -> Vec<Name<'t>> {
        let mut unused = Vec::new();
        if self.looks_left == 0 {
            return unused;
        }
        for ((scope, feature), events) in
            self.events.iter().filter(|((scope, _), _)| !self.classes.contains(scope))
        {
            let is_exported = *scope == self.root && self.exported.iter().any(|name| name == feature);
            self.collect_unused(feature, events, is_exported, &mut unused);
        }
        unused
    }

    /// Whether one of the scopes calls something else so.
    fn is_bound_within(&self, scopes: &[usize], feature: &'static str) -> bool {
        let is_binding = |event: &Event<'_>| matches!(event, Event::Imported(..) | Event::Bound);
        let events = scopes.iter().filter_map(|scope| self.events.get(&(*scope, feature)));
        events.flatten().any(is_binding)
    }

    /// A new binding takes over what the one before it was used for, as in ruff.
    fn collect_unused(
        &self,
        feature: &'static str,
        events: &[Event<'t>],
        is_exported: bool,
        unused: &mut Vec<Name<'t>>,
    ) {
        let last_bound = events.iter().rposition(|event| matches!(event, Event::Imported(..) | Event::Bound));
        let Some(last_bound) = last_bound else { return };
        let is_read_later = || self.is_read_later(feature, events);
        let mut is_used = false;
        let mut open: Option<Name<'t>> = None;
        for (index, event) in events.iter().enumerate() {
            match event {
                Event::Read(within) => {
                    is_used |= is_bound_before(events, index) && !self.is_bound_within(within, feature);
                }
                Event::ReadLater(..) => {}
                Event::Bound | Event::Imported(..) => {
                    unused.extend(open.take().filter(|_| !is_used));
                    if let Event::Imported(name, false) = event {
                        open = Some(*name);
                    }
                    if index == last_bound && (is_exported || is_read_later()) {
                        is_used = true;
                    }
                }
            }
        }
        unused.extend(open.filter(|_| !is_used));
    }

    fn is_read_later(&self, feature: &'static str, events: &[Event<'t>]) -> bool {
        let readers: Vec<Node<'t>> = events
            .iter()
            .filter_map(|event| match event {
                Event::ReadLater(reader, within) if !self.is_bound_within(within, feature) => Some(*reader),
                _ => None,
            })
            .collect();
        readers.len() > MAX_RESOLVED
            || readers.into_iter().any(|reader| {
                matches!(resolve(self.file, reader), Meaning::Imported(path) if path.starts_with("__future__."))
            })
    }

    fn visit(&mut self, node: Node<'t>, path: &[Node<'t>]) {
        match node.kind() {
            "future_import_statement" => self.import(node, path),
            "identifier" => self.identifier(node, path),
            "class_definition" => {
                self.classes.insert(node.id());
            }
            "expression_statement" if self.file.bytes_of(node.byte_range()).starts_with(b"__all__") => {
                self.exports_to = node.end_byte();
            }
            "string" if node.start_byte() < self.exports_to => {
                self.exported.extend(string_value(self.file, node));
            }
            _ => {}
        }
    }

    fn import(&mut self, statement: Node<'t>, path: &[Node<'t>]) {
        let scope = path.iter().rev().find(|around| opens_scope(around.kind())).map_or(self.root, Node::id);
        let block = path.last().copied().filter(|around| around.kind() == "block");
        for item in statement.children_by_field_name("name", &mut statement.walk()) {
            let name = item.child_by_field_name("name").unwrap_or(item);
            let alias = item.child_by_field_name("alias");
            let bound = self.file.text(alias.unwrap_or(name));
            let Some(feature) = PRESENT.iter().find(|feature| **feature == bound) else { continue };
            let has_alias = alias.is_some();
            let event = Event::Imported(Name { feature, statement, block }, has_alias);
            self.events.entry((scope, feature)).or_default().push(event);
        }
    }

    fn identifier(&mut self, node: Node<'t>, path: &[Node<'t>]) {
        let text = self.file.bytes_of(node.byte_range());
        let Some(feature) = PRESENT.iter().find(|feature| feature.as_bytes() == text) else { return };
        if self.looks_left == 0 {
            return;
        }
        let role = role_of(node, path);
        let n_scopes = path.iter().filter(|around| opens_scope(around.kind())).count();
        self.looks_left = if n_scopes > MAX_SCOPES { 0 } else { self.looks_left.saturating_sub(1) };
        if self.looks_left == 0 {
            return;
        }
        let mut is_later = false;
        let mut within = Vec::new();
        // The name may mean what any scope around it calls so.
        for around in path.iter().rev().filter(|around| opens_scope(around.kind())) {
            let event = match role {
                Role::None => return,
                Role::Bound if is_later => return,
                Role::Bound => Event::Bound,
                Role::Read if is_later => Event::ReadLater(node, within.clone()),
                Role::Read => Event::Read(within.clone()),
            };
            self.events.entry((around.id(), feature)).or_default().push(event);
            is_later |= matches!(around.kind(), "function_definition" | "lambda") || role == Role::Bound;
            within.push(around.id());
        }
    }
}

/// Whether something is called so before the event at `index`: else the read means something else.
fn is_bound_before(events: &[Event<'_>], index: usize) -> bool {
    events.iter().take(index).any(|event| matches!(event, Event::Imported(..) | Event::Bound))
}

fn opens_scope(kind: &str) -> bool {
    matches!(kind, "module" | "function_definition" | "class_definition" | "lambda")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// No variable at all, or one that only lives within an expression.
    None,
    Bound,
    Read,
}

fn role_of(node: Node<'_>, path: &[Node<'_>]) -> Role {
    let Some(parent) = path.last() else { return Role::None };
    let is_field = |name| parent.child_by_field_name(name) == Some(node);
    match parent.kind() {
        "attribute" if is_field("attribute") => Role::None,
        "keyword_argument" if is_field("name") => Role::None,
        "assignment" | "augmented_assignment" | "for_statement" if is_field("left") => Role::Bound,
        "named_expression" | "function_definition" | "class_definition" if is_field("name") => Role::Bound,
        "pattern_list" | "tuple_pattern" | "list_pattern" | "list_splat_pattern" | "as_pattern_target" => {
            Role::Bound
        }
        "for_in_clause" if is_field("left") => Role::None,
        "parameters" | "lambda_parameters" | "typed_parameter" | "dictionary_splat_pattern" => Role::None,
        "default_parameter" | "typed_default_parameter" if is_field("name") => Role::None,
        "global_statement" | "nonlocal_statement" => Role::None,
        "aliased_import" if is_field("alias") => Role::Bound,
        "dotted_name" => role_in_dotted_name(node, path),
        _ => Role::Read,
    }
}

/// Names in imports, and the patterns of `match`.
fn role_in_dotted_name(node: Node<'_>, path: &[Node<'_>]) -> Role {
    let [.., around, dotted] = path else { return Role::None };
    let is_first = dotted.start_byte() == node.start_byte();
    match around.kind() {
        "import_statement" if is_first => Role::Bound,
        "import_from_statement" if around.child_by_field_name("module_name") != Some(*dotted) => Role::Bound,
        "case_pattern" if is_first && dotted.named_child_count() == 1 => Role::Bound,
        "case_pattern" | "class_pattern" if is_first => Role::Read,
        _ => Role::None,
    }
}
