//! Scopes, bindings and references of a Python file, as rules ask for them.
//!
//! Resolution is Python's (local, enclosing functions, module, builtins; a class is seen from directly within)
//! with ruff's view of time: code that runs as the module is read sees the bindings above it, the body of a
//! function and the value of a deferred annotation see what the whole module bound. Branches are not told apart:
//! a later binding of a name in a scope shadows the earlier one and inherits its references.
//!
//! Bindings are numbered in the order in which they come to be, so that a [`Place`] can tell what a name meant
//! *there* ([`PythonScopes::symbol_at`]) although the file has been read to its end.

mod builtins;
mod declare;
mod expressions;
mod generics;
mod quoted;
mod statements;
mod typing_calls;
mod walk;

use std::collections::HashMap;
use std::ops::Range;

use tree_sitter::Node;

use crate::source::ParsedFile;

pub use quoted::Quoted;

/// Index of a [`Scope`] in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScopeId(u32);

/// Index of a [`Binding`] in its file; later bindings have greater ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BindingId(u32);

/// Index of a [`Statement`] in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StatementId(u32);

/// Index of a name in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NameId(u32);

/// What makes a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeKind {
    /// The whole file.
    Module,
    /// The body of a class.
    Class,
    /// The parameters and the body of a function.
    Function,
    /// The parameters and the body of a lambda.
    Lambda,
    /// A comprehension or generator, without the first iterable.
    Comprehension,
    /// The type parameters of a function, class or alias, and the annotations of the function.
    TypeParameters,
    /// What holds `__class__` for the methods of a class.
    ClassCell,
}

/// A scope.
#[derive(Clone, Debug)]
pub struct Scope {
    /// What makes it.
    pub kind: ScopeKind,
    /// The scope around it; `None` for the module.
    pub parent: Option<ScopeId>,
    /// The bytes of the syntax node that makes it.
    pub range: Range<usize>,
    /// Whether it calls `locals()`.
    pub uses_locals: bool,
    /// Whether it has a `from … import *`.
    pub has_star_import: bool,
}

/// What binds a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindingKind {
    /// `x: int`, without a value.
    Annotation,
    /// A parameter.
    Argument,
    /// `(x := 1)`
    NamedExpression,
    /// `x = 1`, also a target of a comprehension or of a pattern.
    Assignment,
    /// `T` of `def f[T]()`.
    TypeParameter,
    /// The target of a `for` statement.
    LoopVariable,
    /// The target of a `with` item.
    WithItem,
    /// `global x`, and what `x` was in the module then.
    Global(Option<BindingId>),
    /// `nonlocal x`, and what `x` was around then.
    Nonlocal(BindingId),
    /// `class x`
    Class(ScopeId),
    /// `def x`
    Function(ScopeId),
    /// An assignment to `__all__` of the module, and the strings in it.
    Export(Vec<Export>),
    /// `from __future__ import x`
    FutureImport,
    /// `import a` and `import a.b as x`, with the module.
    Import(String),
    /// `import a.b`, with the module; it binds `a`.
    SubmoduleImport(String),
    /// `from a import b`, with `a.b`; relative modules keep their dots.
    FromImport(String),
    /// `del x`
    Deletion,
    /// `except E as x`
    BoundException,
    /// The end of `except E as x`, and what `x` was before.
    UnboundException(Option<BindingId>),
    /// `__class__` of methods.
    ClassCell,
}

/// A name in `__all__`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The name.
    pub name: String,
    /// The string literal.
    pub range: Range<usize>,
}

/// One binding of a name.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The name.
    pub name: NameId,
    /// The identifier; of an import what it binds by (`a.b` of `import a.b`, `c` of `import a as c`).
    pub range: Range<usize>,
    /// What binds it.
    pub kind: BindingKind,
    /// The scope that holds it.
    pub scope: ScopeId,
    /// The innermost statement around it.
    pub statement: Option<StatementId>,
    /// `import a as a`
    pub is_explicit_export: bool,
    /// Under a `global` of the same scope.
    pub is_global: bool,
    /// Under a `nonlocal` of the same scope.
    pub is_nonlocal: bool,
    /// One of several targets that a value is unpacked to.
    pub is_unpacked: bool,
    /// Whether anything refers to it, or to a binding that it shadows.
    pub is_used: bool,
    /// Whether only type checkers see it.
    pub is_typing_only: bool,
    /// What the `try` statements around it handle.
    pub handled: Handled,
    /// The binding of the same name in the same scope before it.
    pub shadows: Option<BindingId>,
    /// The references that resolve to it, in order; those to what it shadows are theirs.
    pub references: Vec<Reference>,
}

/// One use of a binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The identifier, or the string in `__all__`.
    pub range: Range<usize>,
    /// Where it stands.
    pub place: Place,
}

/// Exceptions that a `try` handles, as far as they tell why something is imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handled(u8);

impl Handled {
    pub(crate) const NONE: Self = Self(0);
    const NAME_ERROR: Self = Self(1);
    const MODULE_NOT_FOUND_ERROR: Self = Self(2);
    const IMPORT_ERROR: Self = Self(4);
    const ATTRIBUTE_ERROR: Self = Self(8);

    /// Whether a failing import is handled.
    #[must_use]
    pub const fn covers_imports(self) -> bool {
        self.0 & (Self::MODULE_NOT_FOUND_ERROR.0 | Self::IMPORT_ERROR.0) != 0
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn of(exception: &str) -> Self {
        match exception {
            "NameError" => Self::NAME_ERROR,
            "ModuleNotFoundError" => Self::MODULE_NOT_FOUND_ERROR,
            "ImportError" => Self::IMPORT_ERROR,
            "AttributeError" => Self::ATTRIBUTE_ERROR,
            _ => Self::NONE,
        }
    }
}

/// In what kind of code something stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(u32);

impl Flags {
    const TYPING_ONLY_ANNOTATION: Self = Self(1);
    const RUNTIME_ANNOTATION: Self = Self(1 << 1);
    const TYPE_DEFINITION: Self = Self(1 << 2);
    const SIMPLE_STRING: Self = Self(1 << 3);
    const COMPLEX_STRING: Self = Self(1 << 4);
    const FUTURE_TYPE: Self = Self(1 << 5);
    const TYPE_PARAMETER: Self = Self(1 << 6);
    const LITERAL: Self = Self(1 << 7);
    const SUBSCRIPT: Self = Self(1 << 8);
    const EXCEPTION_HANDLER: Self = Self(1 << 9);
    const ORELSE: Self = Self(1 << 10);
    const TYPE_CHECKING: Self = Self(1 << 11);
    const CONDITIONAL: Self = Self(1 << 12);
    const CLASS_BASE: Self = Self(1 << 13);
    const DEFERRED_CLASS_BASE: Self = Self(1 << 14);
    const EXPORTED: Self = Self(1 << 15);

    const ANNOTATION: Self = Self(Self::TYPING_ONLY_ANNOTATION.0 | Self::RUNTIME_ANNOTATION.0);
    const STRING: Self = Self(Self::SIMPLE_STRING.0 | Self::COMPLEX_STRING.0);
    const DEFERRED: Self = Self(Self::STRING.0 | Self::FUTURE_TYPE.0 | Self::TYPE_PARAMETER.0);
    const TYPING: Self = Self(
        Self::TYPE_CHECKING.0 | Self::TYPING_ONLY_ANNOTATION.0 | Self::STRING.0 | Self::TYPE_PARAMETER.0,
    );

    const fn has(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }

    const fn with(self, more: Self) -> Self {
        Self(self.0 | more.0)
    }

    const fn without(self, less: Self) -> Self {
        Self(self.0 & !less.0)
    }

    /// In a type: an annotation, an argument of `cast`, what a generic is subscribed by.
    #[must_use]
    pub const fn is_type_definition(self) -> bool {
        self.has(Self::TYPE_DEFINITION)
    }

    /// In an annotation.
    #[must_use]
    pub const fn is_annotation(self) -> bool {
        self.has(Self::ANNOTATION)
    }

    /// In code that only type checkers read.
    #[must_use]
    pub const fn is_typing_only(self) -> bool {
        self.has(Self::TYPING)
    }

    /// In a type that is spelled as a string.
    #[must_use]
    pub const fn is_string(self) -> bool {
        self.has(Self::STRING)
    }

    /// In a string whose places are not places of the file: it has escapes or parts.
    #[must_use]
    pub const fn is_complex_string(self) -> bool {
        self.has(Self::COMPLEX_STRING)
    }

    /// Names of the module are preferred, as PEP 563 asks for.
    const fn is_forward_reference(self) -> bool {
        self.is_string() || (self.has(Self::FUTURE_TYPE) && self.has(Self::TYPING_ONLY_ANNOTATION))
    }
}

/// A point of the resolution: what a name means depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The innermost scope.
    pub scope: ScopeId,
    /// How many bindings were there.
    time: u32,
    /// In what kind of code it is.
    pub flags: Flags,
}

/// The use of a name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Use {
    place: Place,
    binding: Option<BindingId>,
}

/// A statement.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Its bytes; those of a definition without the decorators.
    pub range: Range<usize>,
    /// The statement that holds it.
    pub parent: Option<StatementId>,
}

/// What a name means at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symbol {
    /// What that binding binds.
    Binding(BindingId),
    /// A builtin of the language.
    Builtin,
    /// Nothing that the file tells.
    Unbound,
}

/// The scopes of one Python file.
#[derive(Debug)]
pub struct PythonScopes {
    scopes: Vec<Scope>,
    bindings: Vec<Binding>,
    statements: Vec<Statement>,
    imports: Vec<BindingId>,
    names: Vec<Box<str>>,
    name_ids: HashMap<Box<str>, NameId>,
    current: HashMap<(ScopeId, NameId), BindingId>,
    /// By the start of the identifier.
    uses: HashMap<usize, Use>,
    /// By the bytes of statements, comprehensions and calls.
    places: HashMap<(usize, usize), Place>,
    quoted: Vec<Quoted>,
    /// Indices of `quoted` by the literal of the file that they are in.
    quoted_by_literal: HashMap<(usize, usize), Vec<usize>>,
    has_future_annotations: bool,
    defers_annotations: bool,
    is_stub: bool,
    minor_version: u16,
    is_python3: bool,
    has_errors: bool,
}

impl PythonScopes {
    /// Resolves the scopes of a Python file; `None` for other languages.
    pub(crate) fn resolve(file: &ParsedFile<'_>) -> Option<Self> {
        walk::resolve(file)
    }

    /// The module's scope.
    pub const MODULE: ScopeId = ScopeId(0);

    /// The scope of that id.
    #[must_use]
    pub fn scope(&self, id: ScopeId) -> &Scope {
        &self.scopes[id.0 as usize]
    }

    /// The binding of that id.
    #[must_use]
    pub fn binding(&self, id: BindingId) -> &Binding {
        &self.bindings[id.0 as usize]
    }

    /// The statement of that id.
    #[must_use]
    pub fn statement(&self, id: StatementId) -> &Statement {
        &self.statements[id.0 as usize]
    }

    /// All bindings with their ids, in the order in which they come to be.
    pub fn bindings(&self) -> impl Iterator<Item = (BindingId, &Binding)> {
        (0..).map(BindingId).zip(&self.bindings)
    }

    /// The spelling of a name.
    #[must_use]
    pub fn name(&self, id: NameId) -> &str {
        &self.names[id.0 as usize]
    }

    /// The types that a string literal of the file spells: its own, and those in strings in it.
    pub fn quoted_in(&self, literal: Node<'_>) -> impl Iterator<Item = &Quoted> {
        let literal = (literal.start_byte(), literal.end_byte());
        let indices = self.quoted_by_literal.get(&literal).into_iter().flatten();
        indices.filter_map(|&index| self.quoted.get(index))
    }

    /// The end of the file, seen from the module.
    #[must_use]
    pub fn end(&self) -> Place {
        Place { scope: Self::MODULE, time: u32::MAX, flags: Flags::default() }
    }

    /// Whether the file has no statements of Python 2, which the grammar also reads.
    #[must_use]
    pub fn is_python3(&self) -> bool {
        self.is_python3
    }

    /// Whether the file is Python 3 without syntax errors, so that what seems unused is unused.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.is_python3 && !self.has_errors
    }

    /// The minor version of Python 3 that the file is for, ruff's default if that is not known.
    #[must_use]
    pub fn minor_version(&self) -> u16 {
        self.minor_version
    }

    /// Whether no later binding of its scope shadows the binding.
    #[must_use]
    pub fn is_last(&self, id: BindingId) -> bool {
        let binding = self.binding(id);
        self.current.get(&(binding.scope, binding.name)) == Some(&id)
    }

    /// Whether annotations are strings: `from __future__ import annotations`, or a stub file.
    #[must_use]
    pub fn has_future_annotations(&self) -> bool {
        self.has_future_annotations || self.is_stub
    }

    /// Whether the file is a `.pyi`.
    #[must_use]
    pub fn is_stub(&self) -> bool {
        self.is_stub
    }

    /// Whether `name` is bound in `scope` itself.
    #[must_use]
    pub fn is_bound_in(&self, scope: ScopeId, name: &str) -> bool {
        self.name_ids.get(name).is_some_and(|&name| self.current.contains_key(&(scope, name)))
    }

    /// Whether `name` was bound in `scope` itself at a place.
    #[must_use]
    pub fn is_bound_at(&self, scope: ScopeId, name: &str, place: Place) -> bool {
        self.name_ids.get(name).is_some_and(|&name| self.binding_at(scope, name, place.time).is_some())
    }

    /// What `name` was in `scope` itself at a place.
    #[must_use]
    pub fn member_at(&self, scope: ScopeId, name: &str, place: Place) -> Option<BindingId> {
        self.binding_at(scope, *self.name_ids.get(name)?, place.time)
    }

    /// The imports of `scope` itself that no other binding had shadowed at a place.
    pub fn imports_in(&self, scope: ScopeId, place: Place) -> impl Iterator<Item = &Binding> {
        self.imports.iter().map(|&id| (id, self.binding(id))).filter_map(move |(id, binding)| {
            let is_there =
                binding.scope == scope && self.binding_at(scope, binding.name, place.time) == Some(id);
            is_there.then_some(binding)
        })
    }

    /// `scope` and the scopes around it, innermost first.
    pub fn scopes_around(&self, scope: ScopeId) -> impl Iterator<Item = ScopeId> + '_ {
        std::iter::successors(Some(scope), |&at| self.scope(at).parent)
    }

    /// Where the name that starts at byte `at` is used.
    #[must_use]
    pub fn place_of_name(&self, at: usize) -> Option<Place> {
        self.uses.get(&at).map(|used| used.place)
    }

    /// Where a statement, a call or a comprehension ends.
    #[must_use]
    pub fn place_behind(&self, node: Node<'_>) -> Option<Place> {
        self.places.get(&(node.start_byte(), node.end_byte())).copied()
    }

    /// The binding that the name that starts at byte `at` refers to.
    #[must_use]
    pub fn binding_of_name(&self, at: usize) -> Option<BindingId> {
        self.uses.get(&at)?.binding
    }

    /// What `name` means at a place.
    #[must_use]
    pub fn symbol_at(&self, name: &str, place: Place) -> Symbol {
        if let Some(&name) = self.name_ids.get(name)
            && let Some(symbol) = self.bound_symbol_at(name, place)
        {
            return symbol;
        }
        if self.is_builtin_name(name) { Symbol::Builtin } else { Symbol::Unbound }
    }

    /// Whether `name` means the builtin at a place.
    #[must_use]
    pub fn is_builtin_at(&self, name: &str, place: Place) -> bool {
        self.symbol_at(name, place) == Symbol::Builtin
    }

    fn bound_symbol_at(&self, name: NameId, place: Place) -> Option<Symbol> {
        if place.flags.is_forward_reference()
            && let Some(id) = self.binding_at(Self::MODULE, name, place.time)
            && !self.is_unbound(id)
        {
            return Some(Symbol::Binding(id));
        }
        for scope in self.visible_scopes(place.scope) {
            let Some(id) = self.binding_at(scope, name, place.time) else { continue };
            match self.binding(id).kind {
                BindingKind::Annotation => {}
                BindingKind::Deletion | BindingKind::UnboundException(None) => return Some(Symbol::Unbound),
                BindingKind::UnboundException(Some(before)) => return Some(Symbol::Binding(before)),
                _ => return Some(Symbol::Binding(id)),
            }
        }
        None
    }

    /// The scopes whose names are seen in `scope`: of the classes around only the nearest, from directly within.
    fn visible_scopes(&self, scope: ScopeId) -> impl Iterator<Item = ScopeId> + '_ {
        let mut sees_class = true;
        self.scopes_around(scope).enumerate().filter_map(move |(index, id)| {
            let kind = self.scope(id).kind;
            let is_hidden = kind == ScopeKind::Class && !sees_class;
            if !is_hidden {
                sees_class =
                    matches!((kind, index), (ScopeKind::TypeParameters, 0) | (ScopeKind::ClassCell, 1));
            }
            (!is_hidden).then_some(id)
        })
    }

    /// The last binding of `name` in `scope` itself that was there at `time`.
    fn binding_at(&self, scope: ScopeId, name: NameId, time: u32) -> Option<BindingId> {
        let last = self.current.get(&(scope, name)).copied();
        std::iter::successors(last, |&id| self.binding(id).shadows).find(|id| id.0 < time)
    }

    fn is_unbound(&self, id: BindingId) -> bool {
        matches!(
            self.binding(id).kind,
            BindingKind::Annotation | BindingKind::Deletion | BindingKind::UnboundException(_)
        )
    }

    fn is_builtin_name(&self, name: &str) -> bool {
        builtins::is_builtin(name, self.minor_version)
    }

    /// The full dotted name of what a name or an attribute of a name was imported as: `typing.List`. A builtin
    /// has an empty first part: `.list`. `None` for what the file itself makes, and for relative imports.
    #[must_use]
    pub fn qualified_name(&self, file: &ParsedFile<'_>, node: Node<'_>) -> Option<String> {
        self.qualified_in(file.bytes, &self.uses, node, None)
    }

    /// [`Self::qualified_name`] of an expression that was not visited as one: what it means at `place`.
    #[must_use]
    pub fn qualified_name_at(&self, file: &ParsedFile<'_>, node: Node<'_>, place: Place) -> Option<String> {
        self.qualified_in(file.bytes, &self.uses, node, Some(place))
    }

    fn qualified_in(
        &self,
        bytes: &[u8],
        uses: &HashMap<usize, Use>,
        node: Node<'_>,
        fallback: Option<Place>,
    ) -> Option<String> {
        let (root, attributes) = dotted(node)?;
        let used = uses.get(&root.start_byte());
        let text = normal_name(bytes.get(root.byte_range())?);
        let symbol = match used.and_then(|used| used.binding) {
            Some(id) => Symbol::Binding(id),
            None => self.symbol_at(&text, used.map(|used| used.place).or(fallback)?),
        };
        let mut path = match symbol {
            Symbol::Unbound => return None,
            Symbol::Builtin => format!(".{text}"),
            Symbol::Binding(id) => match &self.binding(id).kind {
                BindingKind::Import(path) => path.clone(),
                BindingKind::SubmoduleImport(path) => path.split('.').next()?.to_owned(),
                BindingKind::FromImport(path) if !path.starts_with('.') => path.clone(),
                _ => return None,
            },
        };
        for attribute in attributes.iter().rev() {
            path.push('.');
            path.push_str(&normal_name(bytes.get(attribute.byte_range())?));
        }
        Some(path)
    }
}

/// Takes a name, or attributes of a name, apart: the name and the attributes, last first.
fn dotted(node: Node<'_>) -> Option<(Node<'_>, Vec<Node<'_>>)> {
    let mut attributes = Vec::new();
    let mut at = bare(node);
    while at.kind() == "attribute" {
        attributes.push(at.child_by_field_name("attribute")?);
        at = bare(at.child_by_field_name("object")?);
    }
    (at.kind() == "identifier").then_some((at, attributes))
}

/// The expression inside parentheses and inside the node that marks a type.
pub(crate) fn bare(mut node: Node<'_>) -> Node<'_> {
    while matches!(node.kind(), "parenthesized_expression" | "type") {
        let Some(inner) = first_code_child(node) else { break };
        node = inner;
    }
    node
}

fn first_code_child(node: Node<'_>) -> Option<Node<'_>> {
    let mut cursor = node.walk();
    let mut more = cursor.goto_first_child();
    while more {
        let child = cursor.node();
        if child.is_named() && !child.is_extra() {
            return Some(child);
        }
        more = cursor.goto_next_sibling();
    }
    None
}

/// A name as Python reads it: in Unicode's normal form KC.
pub(crate) fn normal_name(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    use unicode_normalization::UnicodeNormalization;
    let text = String::from_utf8_lossy(bytes);
    if text.is_ascii() { text } else { text.nfkc().collect::<String>().into() }
}

/// Whether `path` names `member` of `typing` or of a module that stands in for it.
#[must_use]
pub fn is_typing_member(path: &str, member: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(module, last)| {
        last == member && matches!(module, "typing" | "_typeshed" | "typing_extensions")
    })
}

#[cfg(test)]
mod tests;
