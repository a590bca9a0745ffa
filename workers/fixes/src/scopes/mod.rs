//! Scopes, variables and references of a JavaScript or TypeScript file, as rules ask for them.
//!
//! Resolved by `oxc_semantic`, whose byte offsets are those of the tree-sitter tree; nothing of oxc shows here.
//! A declaration's initializer is not a reference: `let a = 1; a = 2;` has one reference to `a`, a write.

pub mod go;
pub mod python;
mod resolve;
pub mod rust;

use std::collections::BTreeMap;
use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::facts::SourceKind;
use crate::source::ParsedFile;

/// Index of a [`Scope`] in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScopeId(u32);

/// Index of a [`Variable`] in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VariableId(u32);

/// What makes a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeKind {
    /// The whole file: of a module, of a CommonJS module or of a script ([`Scopes::kind`]).
    Top,
    /// A function of any form, parameters included.
    Function,
    /// `static { … }`
    StaticBlock,
    /// `namespace N { … }`
    Namespace,
    /// The parameter of a `catch` and what follows.
    Catch,
    /// Any other: a block, a loop head, a class, a switch.
    Block,
}

/// How a function stands in the code, which decides when it may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionForm {
    /// A declaration, which is hoisted; the byte where its name starts.
    Declared(usize),
    /// An expression that is called, or handed to a call, where it stands.
    Immediate,
    /// Any other expression or method: kept for later.
    Stored,
}

/// A lexical scope.
#[derive(Clone, Debug)]
pub struct Scope {
    /// What makes it.
    pub kind: ScopeKind,
    /// The scope around it; `None` for the top.
    pub parent: Option<ScopeId>,
    /// The bytes of the syntax node that makes it.
    pub range: Range<usize>,
    /// For the scope of a function, what decides when it may run.
    pub function: Option<FunctionForm>,
    /// Whether it, or a scope within it, calls `eval` by that name: references may exist that no one can see.
    pub has_direct_eval: bool,
}

/// A name that is bound in a scope.
#[derive(Clone, Debug)]
pub struct Variable {
    /// The name.
    pub name: String,
    /// The scope that holds it: for a `var` the function's (or the top), not the block's.
    pub scope: ScopeId,
    /// The identifiers that declare it, in order. More than one where it is redeclared.
    pub declarations: Vec<Range<usize>>,
    /// Whether one of the declarations is a parameter.
    pub is_parameter: bool,
    /// All uses that resolve to it, in order.
    pub references: Vec<Reference>,
}

/// One use of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The identifier.
    pub range: Range<usize>,
    /// Its value is used (`a`, `a += 1`, `a++`); also uses as a type.
    pub is_read: bool,
    /// It is assigned (`a = 1`, `a += 1`, `[a] = b`).
    pub is_write: bool,
    /// The innermost scope it stands in.
    pub scope: ScopeId,
}

/// The scopes of one file.
#[derive(Debug)]
pub struct Scopes {
    kind: SourceKind,
    scopes: Vec<Scope>,
    variables: Vec<Variable>,
    /// Start byte of every declaring identifier and of every resolved reference.
    by_start: FxHashMap<usize, VariableId>,
    by_name: FxHashMap<(ScopeId, String), VariableId>,
    /// The references that no declaration of this file answers, and their names, by their start bytes.
    globals: BTreeMap<usize, (String, Reference)>,
}

impl Scopes {
    /// Resolves the scopes of a file whose tree has `depth` levels; `None` where the text is not sound enough to
    /// trust them.
    pub(crate) fn resolve(file: &ParsedFile<'_>, depth: u32, kind: SourceKind) -> Option<Self> {
        resolve::resolve(file, depth, kind)
    }

    /// How the file is loaded: as the caller said, or as its text tells (`import` and `export`; `require`,
    /// `module` and `exports`). [`SourceKind::Unknown`] if nothing tells, and then it may be a classic script.
    #[must_use]
    pub fn kind(&self) -> SourceKind {
        self.kind
    }

    /// The scope of that id.
    #[must_use]
    pub fn scope(&self, id: ScopeId) -> &Scope {
        &self.scopes[id.0 as usize]
    }

    /// The variable of that id.
    #[must_use]
    pub fn variable(&self, id: VariableId) -> &Variable {
        &self.variables[id.0 as usize]
    }

    /// All variables, in the order of their scopes' and their own first appearance.
    #[must_use]
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// The variable that the identifier starting at byte `at` declares or refers to.
    #[must_use]
    pub fn variable_at(&self, at: usize) -> Option<VariableId> {
        self.by_start.get(&at).copied()
    }

    /// Whether the identifier that starts at byte `at` refers to a global that nothing in this file shadows,
    /// such as `Boolean` or `window`.
    #[must_use]
    pub fn is_unshadowed_global(&self, at: usize) -> bool {
        self.globals.contains_key(&at)
    }

    /// Whether the file assigns to a global of that name, which it does not declare.
    #[must_use]
    pub fn is_assigned_global(&self, name: &str) -> bool {
        self.global_references(name).any(|used| used.is_write)
    }

    /// Whether a reference to the global `name`, which nothing in this file declares, lies in `range`.
    #[must_use]
    pub fn uses_global_in(&self, name: &str, range: &Range<usize>) -> bool {
        self.globals.range(range.clone()).any(|(_, (known, _))| known == name)
    }

    /// The uses of the global `name`, in order.
    pub fn global_references<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s Reference> {
        self.globals.values().filter(move |(known, _)| known == name).map(|(_, used)| used)
    }

    /// The innermost scope whose node contains `range`.
    #[must_use]
    pub fn innermost(&self, range: &Range<usize>) -> ScopeId {
        let holds = |scope: &Scope| scope.range.start <= range.start && range.end <= scope.range.end;
        // Scopes are in document order, parents first: the last that holds the range is the innermost.
        let at = self.scopes.iter().rposition(holds).unwrap_or(0);
        ScopeId(u32::try_from(at).expect("scope ids are 32 bits wide"))
    }

    /// What `name` means in `scope`.
    #[must_use]
    pub fn lookup(&self, scope: ScopeId, name: &str) -> Option<VariableId> {
        self.ancestors(scope).find_map(|scope| self.by_name.get(&(scope, name.to_owned())).copied())
    }

    /// `scope` and the scopes around it, innermost first.
    pub fn ancestors(&self, scope: ScopeId) -> impl Iterator<Item = ScopeId> + '_ {
        std::iter::successors(Some(scope), |&at| self.scope(at).parent)
    }

    /// The function around `scope`, `scope` itself included; the top scope if there is none.
    #[must_use]
    pub fn function_around(&self, scope: ScopeId) -> ScopeId {
        self.ancestors(scope)
            .find(|&at| matches!(self.scope(at).kind, ScopeKind::Function | ScopeKind::Top))
            .unwrap_or(ScopeId(0))
    }
}
