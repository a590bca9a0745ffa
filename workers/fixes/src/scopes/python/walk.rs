//! The walk over a file that makes its [`PythonScopes`]: a stack of tasks instead of recursion, since code may
//! nest deeply, and lists of what is looked at later (bodies of functions, deferred types).

use std::collections::HashMap;
use std::ops::Range;

use tree_sitter::Node;

use crate::language::Language;
use crate::source::ParsedFile;

use super::{
    BindingId, BindingKind, Flags, Handled, Place, PythonScopes, Scope, ScopeId, ScopeKind, StatementId, Use,
    bare,
};

/// Where the walk stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context {
    pub(super) scope: ScopeId,
    pub(super) flags: Flags,
    pub(super) statement: Option<StatementId>,
    pub(super) handled: Handled,
}

impl Context {
    pub(super) fn with(self, more: Flags) -> Self {
        Self { flags: self.flags.with(more), ..self }
    }

    pub(super) fn without(self, less: Flags) -> Self {
        Self { flags: self.flags.without(less), ..self }
    }

    pub(super) fn within(self, scope: ScopeId) -> Self {
        Self { scope, ..self }
    }
}

/// What is assigned to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Store<'n> {
    Assignment {
        is_unpacked: bool,
    },
    Annotation,
    LoopVariable,
    WithItem {
        is_unpacked: bool,
    },
    NamedExpression,
    /// Of the statement that assigns to `__all__`.
    Export(Node<'n>),
}

/// One step of the walk.
#[derive(Clone, Copy, Debug)]
pub(super) enum Task<'n> {
    /// A statement.
    Statement(Node<'n>),
    /// The statements in a block, or in what holds one (`else_clause`).
    Block(Node<'n>),
    /// An expression whose value is used.
    Expression(Node<'n>),
    /// An expression that is assigned to.
    Target(Node<'n>, Store<'n>),
    /// An expression that is deleted.
    Delete(Node<'n>),
    /// A pattern of a `case`.
    Pattern(Node<'n>),
    /// The arguments of a call whose function was visited.
    Arguments(Node<'n>),
    /// The arguments of a subscript whose value was visited.
    Subscripts(Node<'n>),
    /// The value of an assignment whose annotation was visited.
    AnnotatedValue(Node<'n>),
    /// The body of an `if` whose condition was visited.
    IfBody(Node<'n>),
    /// The `except` of a `try`.
    Except(Node<'n>),
    /// The end of an `except … as name`.
    Unbind(Node<'n>, Option<BindingId>),
    /// The body of a function whose signature was visited, in its own scope.
    EnterFunction(Node<'n>),
    /// The body of a class.
    EnterClass(Node<'n>),
    /// The name of a function, whose scope is given.
    BindFunction(Node<'n>, ScopeId),
    /// The name of a class, whose scope is given.
    BindClass(Node<'n>, ScopeId),
    /// The end of a node that rules may ask about.
    End(Node<'n>),
}

/// What is looked at after all that runs before it, in this order.
#[derive(Clone, Copy, Debug)]
pub(super) enum Later {
    ClassBase,
    Function,
    TypeParameter,
    Lambda,
    FutureType,
    Quoted,
}

const N_LATER: usize = 6;
const LATER: [Later; N_LATER] = [
    Later::ClassBase,
    Later::Function,
    Later::TypeParameter,
    Later::Lambda,
    Later::FutureType,
    Later::Quoted,
];

/// The walk over one tree: the file's, or that of a type in a string.
pub(super) struct Walk<'n, 'm> {
    pub(super) model: &'m mut PythonScopes,
    pub(super) bytes: &'n [u8],
    /// The uses in the string, for the tree of a string.
    pub(super) quoted_uses: Option<HashMap<usize, Use>>,
    /// How many strings the tree is in.
    pub(super) n_quotes: u32,
    /// The string literal of the file that the tree is in.
    pub(super) literal: Option<Range<usize>>,
    /// Whether `global` occurs at all.
    pub(super) may_have_globals: bool,
    stack: Vec<(Task<'n>, Context)>,
    later: [Vec<(Node<'n>, Context)>; N_LATER],
}

/// Resolves the scopes of a file.
pub(super) fn resolve(file: &ParsedFile<'_>) -> Option<PythonScopes> {
    if file.language != Language::Python {
        return None;
    }
    let mut model = PythonScopes::empty(file);
    let root = file.tree.root_node();
    model.open_scope(ScopeKind::Module, None, root);
    let mut walk = Walk::new(&mut model, file.bytes);
    walk.may_have_globals = file.bytes.windows(6).any(|window| window == b"global");
    walk.run(Task::Block(root), Context::module());
    model.mark_exports();
    Some(model)
}

impl Context {
    fn module() -> Self {
        Self { scope: PythonScopes::MODULE, flags: Flags::default(), statement: None, handled: Handled::NONE }
    }
}

impl PythonScopes {
    fn empty(file: &ParsedFile<'_>) -> Self {
        // What ruff takes where nothing is known; a target that is no Python 3 stands for "anything".
        let known = file.facts.target.python.filter(|(major, _)| *major == 3).map(|(_, minor)| minor);
        let minor_version = known.unwrap_or(10);
        Self {
            scopes: Vec::new(),
            bindings: Vec::new(),
            statements: Vec::new(),
            imports: Vec::new(),
            names: Vec::new(),
            name_ids: HashMap::new(),
            current: HashMap::new(),
            uses: HashMap::new(),
            places: HashMap::new(),
            quoted: Vec::new(),
            quoted_by_literal: HashMap::new(),
            has_future_annotations: false,
            defers_annotations: minor_version >= 14,
            is_stub: file.facts.path.ends_with(".pyi"),
            minor_version,
            is_python3: true,
            has_errors: file.tree.root_node().has_error(),
        }
    }

    pub(super) fn open_scope(&mut self, kind: ScopeKind, parent: Option<ScopeId>, node: Node<'_>) -> ScopeId {
        let id = ScopeId(u32::try_from(self.scopes.len()).unwrap_or(u32::MAX));
        let range = node.byte_range();
        self.scopes.push(Scope { kind, parent, range, uses_locals: false, has_star_import: false });
        id
    }

    pub(super) fn now(&self) -> u32 {
        u32::try_from(self.bindings.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn place(&self, context: Context) -> Place {
        Place { scope: context.scope, time: self.now(), flags: context.flags }
    }
}

impl<'n, 'm> Walk<'n, 'm> {
    pub(super) fn new(model: &'m mut PythonScopes, bytes: &'n [u8]) -> Self {
        Self {
            model,
            bytes,
            quoted_uses: None,
            n_quotes: 0,
            literal: None,
            may_have_globals: false,
            stack: Vec::new(),
            later: Default::default(),
        }
    }

    /// Does `task` and all that follows from it.
    pub(super) fn run(&mut self, task: Task<'n>, context: Context) {
        self.stack.push((task, context));
        self.drain();
        while self.later.iter().any(|list| !list.is_empty()) {
            for kind in LATER {
                while !self.later[kind as usize].is_empty() {
                    for (node, context) in std::mem::take(&mut self.later[kind as usize]) {
                        self.look_at_later(kind, node, context);
                        self.drain();
                    }
                }
            }
        }
    }

    fn drain(&mut self) {
        while let Some((task, context)) = self.stack.pop() {
            self.step(task, context);
        }
    }

    fn step(&mut self, task: Task<'n>, context: Context) {
        match task {
            Task::Statement(node) => self.statement(node, context),
            Task::Block(node) => {
                self.plan(|plan| {
                    for child in code_children(node) {
                        plan.push(Task::Statement(child), context);
                    }
                });
            }
            Task::Expression(node) => self.expression(node, context),
            Task::Target(node, store) => self.target(node, store, context),
            Task::Delete(node) => self.delete(node, context),
            Task::Pattern(node) => self.pattern(node, context),
            Task::Arguments(call) => self.arguments(call, context),
            Task::Subscripts(node) => self.subscripts(node, context),
            Task::AnnotatedValue(node) => self.annotated_value(node, context),
            Task::IfBody(node) => self.if_body(node, context),
            Task::Except(node) => self.except(node, context),
            Task::Unbind(name, before) => {
                self.bind(name, BindingKind::UnboundException(before), context);
            }
            Task::EnterFunction(node) => self.enter_function(node, context),
            Task::EnterClass(node) => self.enter_class(node, context),
            Task::BindFunction(name, scope) => {
                self.bind(name, BindingKind::Function(scope), context);
            }
            Task::BindClass(name, scope) => {
                self.bind(name, BindingKind::Class(scope), context);
            }
            Task::End(node) => self.mark_place(node, context),
        }
    }

    fn look_at_later(&mut self, kind: Later, node: Node<'n>, context: Context) {
        match kind {
            Later::ClassBase => self.push(Task::Expression(node), context.with(Flags::DEFERRED_CLASS_BASE)),
            Later::Function => self.function_body(node, context),
            Later::TypeParameter => {
                self.push(
                    Task::Expression(node),
                    context.with(Flags::TYPE_PARAMETER).with(Flags::TYPE_DEFINITION),
                );
            }
            Later::Lambda => self.lambda_body(node, context),
            Later::FutureType => {
                self.push(
                    Task::Expression(node),
                    context.with(Flags::TYPE_DEFINITION).with(Flags::FUTURE_TYPE),
                );
            }
            Later::Quoted => self.quoted(node, context),
        }
    }

    pub(super) fn defer(&mut self, kind: Later, node: Node<'n>, context: Context) {
        // Exceptions are handled where code runs, not where it is defined.
        self.later[kind as usize].push((node, Context { handled: Handled::NONE, ..context }));
    }

    pub(super) fn push(&mut self, task: Task<'n>, context: Context) {
        self.stack.push((task, context));
    }

    /// Lets `fill` list tasks in the order in which they are to be done.
    pub(super) fn plan(&mut self, fill: impl FnOnce(&mut Plan<'_, 'n>)) {
        let from = self.stack.len();
        fill(&mut Plan { stack: &mut self.stack });
        self.stack[from..].reverse();
    }

    pub(super) fn mark_place(&mut self, node: Node<'n>, context: Context) {
        if self.quoted_uses.is_none() {
            let place = self.model.place(context);
            self.model.places.insert((node.start_byte(), node.end_byte()), place);
        }
    }

    pub(super) fn text(&self, node: Node<'_>) -> std::borrow::Cow<'n, str> {
        super::normal_name(self.bytes.get(node.byte_range()).unwrap_or_default())
    }

    /// The dotted name that `node` was imported as, as things are now.
    pub(super) fn qualified_name(&self, node: Node<'_>, context: Context) -> Option<String> {
        let uses = self.quoted_uses.as_ref().unwrap_or(&self.model.uses);
        self.model.qualified_in(self.bytes, uses, node, Some(self.model.place(context)))
    }

    pub(super) fn is_typing(&self, node: Node<'_>, member: &str, context: Context) -> bool {
        self.qualified_name(node, context).is_some_and(|path| super::is_typing_member(&path, member))
    }
}

/// Tasks in the order in which they are to be done.
pub(super) struct Plan<'s, 'n> {
    stack: &'s mut Vec<(Task<'n>, Context)>,
}

impl<'n> Plan<'_, 'n> {
    pub(super) fn push(&mut self, task: Task<'n>, context: Context) {
        self.stack.push((task, context));
    }
}

/// The named children that are code: no comments, no line continuations.
pub(super) fn code_children<'n>(node: Node<'n>) -> impl Iterator<Item = Node<'n>> {
    let mut cursor = node.walk();
    let mut more = cursor.goto_first_child();
    std::iter::from_fn(move || {
        while more {
            let child = cursor.node();
            more = cursor.goto_next_sibling();
            if child.is_named() && !child.is_extra() {
                return Some(child);
            }
        }
        None
    })
}

/// The children in a field, in order.
pub(super) fn children_in<'n>(node: Node<'n>, field: &str) -> Vec<Node<'n>> {
    node.children_by_field_name(field, &mut node.walk()).filter(|child| child.is_named()).collect()
}

/// Whether `node` is a tuple or list, also as a target; `(x)` is not.
pub(super) fn is_sequence(node: Node<'_>) -> bool {
    match node.kind() {
        "tuple" | "list" | "set" | "list_pattern" | "pattern_list" | "expression_list" => true,
        "tuple_pattern" => lone_element(node).is_none(),
        "parenthesized_expression" => is_sequence(bare(node)),
        _ => false,
    }
}

/// `x` of the target `(x)`, which the grammar takes for a tuple.
pub(super) fn lone_element(node: Node<'_>) -> Option<Node<'_>> {
    let mut elements = code_children(node);
    let element = elements.next()?;
    let has_comma = node.children(&mut node.walk()).any(|child| child.kind() == ",");
    (node.kind() == "tuple_pattern" && elements.next().is_none() && !has_comma).then_some(element)
}
