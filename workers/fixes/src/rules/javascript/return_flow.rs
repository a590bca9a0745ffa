//! Which `return` statements without a value do nothing: without them, control would reach the end of the
//! function all the same, and no statement would run on the way.
//!
//! One walk over the statements of a function, in order. With it go the returns behind which no statement has
//! come yet; where paths meet, what they carry is joined. A statement settles all that the path to it carries:
//! those returns are of use. What is left at the end is not. Sets of returns share their parts, and what is
//! settled is never looked at again, so the whole costs no more than the text is long.
//!
//! Paths are those of ESLint's code path analysis, with its peculiarities: in `try`, the first expression that may
//! throw starts the only path to `catch`; a `finally` is walked twice side by side, for the path that goes on and
//! for the one that leaves; `return; break;` in a `switch` falls through to the next case.

use std::ops::Range;

use tree_sitter::Node;

use super::statement_lists::{FUNCTIONS, alternate};
use super::syntax::{first_named_child, identifier_name, named_children, without_parens};
use crate::source::ParsedFile;

/// Statements that nest deeper than this are not analysed.
const MAX_DEPTH: usize = 120;

/// The `return` statements in `body` (the block of a function, or the whole file) that do nothing.
pub(super) fn useless_returns<'t>(
    file: &ParsedFile<'t>,
    body: Node<'t>,
    is_generator: bool,
) -> Vec<Node<'t>> {
    if !may_hold_bare_return(file, body) || !holds_bare_return(body) {
        return Vec::new();
    }
    let mut flow = Flow::new(file, is_generator);
    for statement in named_children(body) {
        flow.statement(statement, None);
    }
    if flow.gave_up {
        return Vec::new();
    }
    flow.returns.into_iter().filter(|found| !found.is_used).map(|found| found.node).collect()
}

/// Whether a `return` without a value stands in `body`, in a function within it perhaps.
fn may_hold_bare_return<'t>(file: &ParsedFile<'t>, body: Node<'t>) -> bool {
    let starts = file.bare_returns.get_or_init(|| {
        let returns = file.nodes_of(&["return_statement"]);
        returns.filter(|found| first_named_child(*found).is_none()).map(|found| found.start_byte()).collect()
    });
    let next = starts.partition_point(|start| *start < body.start_byte());
    starts.get(next).is_some_and(|start| *start < body.end_byte())
}

fn holds_bare_return(body: Node<'_>) -> bool {
    let mut found = false;
    walk_within(body, |node, _, _| {
        found |= node.kind() == "return_statement" && first_named_child(node).is_none();
        !found && !FUNCTIONS.contains(&node.kind())
    });
    found
}

/// Calls `visit` on `top` and what is in it, with the kind of the node around and the field that the node is in.
/// Leaves out what is in a node for which `visit` returns `false`.
fn walk_within<'t>(top: Node<'t>, mut visit: impl FnMut(Node<'t>, &str, Option<&str>) -> bool) {
    let mut cursor = top.walk();
    let mut path: Vec<&'t str> = Vec::new();
    loop {
        let node = cursor.node();
        if visit(node, path.last().copied().unwrap_or(""), cursor.field_name()) && cursor.goto_first_child() {
            path.push(node.kind());
            continue;
        }
        loop {
            if path.is_empty() {
                return;
            }
            if cursor.goto_next_sibling() {
                break;
            }
            cursor.goto_parent();
            path.pop();
        }
    }
}

/// A `return` without a value.
struct Return<'t> {
    node: Node<'t>,
    is_used: bool,
}

/// A set of returns; `None` is empty.
type Set = Option<usize>;

/// A part that sets share.
struct Part {
    kind: PartKind,
    /// All returns in it are of use.
    is_settled: bool,
    /// All others in it lie in `try` blocks whose `catch` or `finally` is being walked: no statement settles
    /// them before the [`LeftTry`] of this place and number is done.
    kept_by: Option<(usize, usize)>,
}

enum PartKind {
    Return(usize),
    Both(usize, usize),
}

/// The end of a path.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    is_reachable: bool,
    /// A useless return stands at the end of it.
    is_returned: bool,
    /// Returns behind which no statement has come. Where it is not reachable, those that keep it from being so.
    returns: Set,
}

impl Head {
    /// Where the path goes on.
    fn next(self) -> Self {
        Self { is_returned: false, ..self }
    }

    /// What comes right behind a jump.
    fn unreachable(self) -> Self {
        let falls_on = !self.is_reachable || self.is_returned;
        let returns = if falls_on { self.returns } else { None };
        Self { is_reachable: false, is_returned: false, returns }
    }

    /// A part of a loop that nothing before the loop leads to directly.
    fn disconnected(self) -> Self {
        Self { is_reachable: self.is_reachable, ..Self::default() }
    }
}

/// Parallel paths: one, or twice as many in each `finally` that something leaves through.
type Heads = Vec<Head>;

fn each(heads: &Heads, step: impl Fn(Head) -> Head) -> Heads {
    heads.iter().map(|head| step(*head)).collect()
}

/// Paths that meet later.
#[derive(Default)]
struct Fork {
    width: usize,
    paths: Vec<Heads>,
}

impl Fork {
    fn new(width: usize) -> Self {
        Self { width, paths: Vec::new() }
    }
}

/// Where `break` goes.
struct BreakTarget {
    label: Option<String>,
    /// Whether a `break` without label ends here.
    is_loop_or_switch: bool,
    broken: Fork,
}

/// Where `continue` goes.
struct LoopTarget {
    label: Option<String>,
    /// The place of its [`BreakTarget`].
    target: usize,
    kind: LoopKind,
    /// Paths to the condition at the end of a `do`.
    continued: Fork,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LoopKind {
    TestFirst,
    TestLast,
    Iterator,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TryPart {
    Try,
    Catch,
    Finally,
}

/// A `try` statement that the walk is in.
struct Try {
    has_finalizer: bool,
    part: TryPart,
    returned: Fork,
    thrown: Fork,
}

/// A `try` statement whose block has been walked.
struct LeftTry {
    block: Range<usize>,
    number: usize,
}

struct Flow<'f, 't> {
    file: &'f ParsedFile<'t>,
    is_generator: bool,
    returns: Vec<Return<'t>>,
    parts: Vec<Part>,
    /// Never empty; the last path of the last is the current one.
    forks: Vec<Fork>,
    tries: Vec<Try>,
    left_tries: Vec<LeftTry>,
    n_left_tries: usize,
    break_targets: Vec<BreakTarget>,
    loops: Vec<LoopTarget>,
    finally_depth: usize,
    depth: usize,
    gave_up: bool,
}

/// Sets of returns.
impl Flow<'_, '_> {
    fn add_part(&mut self, kind: PartKind) -> usize {
        self.parts.push(Part { kind, is_settled: false, kept_by: None });
        self.parts.len() - 1
    }

    fn union(&mut self, left: Set, right: Set) -> Set {
        let open = |set: Set| set.filter(|part| !self.parts[*part].is_settled);
        match (open(left), open(right)) {
            (None, set) | (set, None) => set,
            (Some(left), Some(right)) if left == right => Some(left),
            (Some(left), Some(right)) => Some(self.add_part(PartKind::Both(left, right))),
        }
    }

    /// A statement runs: the returns on the current path are of use.
    fn settle(&mut self) {
        for head in self.head() {
            if let Some(part) = head.returns {
                self.settle_part(part);
            }
        }
    }

    fn settle_part(&mut self, part: usize) {
        let mut open = vec![(part, false)];
        while let Some((at, are_parts_done)) = open.pop() {
            if self.is_done(at) {
                continue;
            }
            match self.parts[at].kind {
                PartKind::Return(index) => self.settle_return(at, index),
                PartKind::Both(left, right) if are_parts_done => {
                    let part = |at: usize| &self.parts[at];
                    let is_settled = part(left).is_settled && part(right).is_settled;
                    let kept = [left, right].map(part).into_iter().filter(|part| !part.is_settled);
                    let kept_by = kept.filter_map(|part| part.kept_by).max();
                    self.parts[at].is_settled = is_settled;
                    self.parts[at].kept_by = kept_by;
                }
                PartKind::Both(left, right) => open.extend([(at, true), (right, false), (left, false)]),
            }
        }
    }

    fn settle_return(&mut self, part: usize, index: usize) {
        let range = self.returns[index].node.byte_range();
        let n_before = self.left_tries.partition_point(|left| left.block.start <= range.start);
        let keeper = n_before.checked_sub(1).filter(|at| range.end <= self.left_tries[*at].block.end);
        match keeper {
            Some(at) => self.parts[part].kept_by = Some((at, self.left_tries[at].number)),
            None => {
                self.parts[part].is_settled = true;
                self.returns[index].is_used = true;
            }
        }
    }

    fn is_done(&self, part: usize) -> bool {
        let part = &self.parts[part];
        let is_kept =
            |(at, number): (usize, usize)| self.left_tries.get(at).is_some_and(|left| left.number == number);
        part.is_settled || part.kept_by.is_some_and(is_kept)
    }
}

/// Paths.
impl Flow<'_, '_> {
    fn fork(&mut self) -> &mut Fork {
        if self.forks.is_empty() {
            self.forks.push(Fork::new(1));
        }
        let last = self.forks.len() - 1;
        &mut self.forks[last]
    }

    fn head(&mut self) -> Heads {
        self.fork().paths.last().cloned().unwrap_or_default()
    }

    fn width(&mut self) -> usize {
        self.fork().width
    }

    fn set_head(&mut self, heads: Heads) {
        let width = self.width();
        let heads = self.narrow(heads, width);
        let fork = self.fork();
        fork.paths.pop();
        fork.paths.push(heads);
    }

    fn is_reachable(&mut self) -> bool {
        self.head().iter().any(|head| head.is_reachable)
    }

    /// Ends the current path.
    fn jump(&mut self) {
        let head = self.head();
        self.set_head(each(&head, Head::unreachable));
    }

    /// Joins paths that stand side by side until they are `width` many.
    fn narrow(&mut self, mut heads: Heads, width: usize) -> Heads {
        while heads.len() > width.max(1) {
            let half = heads.len() / 2;
            heads = (0..half).map(|at| self.meet(heads[at], heads[at + half])).collect();
        }
        heads
    }

    fn meet(&mut self, left: Head, right: Head) -> Head {
        let is_reachable = left.is_reachable || right.is_reachable;
        Head { is_reachable, is_returned: false, returns: self.union(left.returns, right.returns) }
    }

    /// Where all of `paths` meet.
    fn join(&mut self, paths: &[Heads]) -> Heads {
        let Some((first, others)) = paths.split_first() else { return Heads::new() };
        let mut joined = each(first, Head::next);
        for path in others {
            joined = joined.iter().zip(path).map(|(left, right)| self.meet(*left, *right)).collect();
        }
        joined
    }

    /// Where all paths of the current fork meet.
    fn join_fork(&mut self) -> Heads {
        let paths = std::mem::take(&mut self.fork().paths);
        let joined = self.join(&paths);
        self.fork().paths = paths;
        joined
    }

    fn push_fork(&mut self, width: usize, paths: Vec<Heads>) {
        self.forks.push(Fork { width, paths });
    }

    /// Leaves the current fork where its paths meet.
    fn pop_fork(&mut self) {
        let joined = self.join_fork();
        self.forks.pop();
        self.set_head(joined);
    }

    fn add_broken(&mut self, target: usize, heads: Heads) {
        let width = self.break_targets[target].broken.width;
        let heads = self.narrow(heads, width);
        self.break_targets[target].broken.paths.push(heads);
    }

    fn add_returned(&mut self, heads: &Heads) {
        let takes = |context: &Try| context.has_finalizer && context.part != TryPart::Finally;
        if let Some(at) = self.tries.iter().rposition(takes) {
            let heads = self.narrow(heads.clone(), self.tries[at].returned.width);
            self.tries[at].returned.paths.push(heads);
        }
    }

    /// The `try` statement that catches what is thrown here.
    fn catching_try(&self) -> Option<usize> {
        self.tries.iter().rposition(|context| {
            context.part == TryPart::Try || (context.has_finalizer && context.part == TryPart::Catch)
        })
    }

    fn add_thrown(&mut self, heads: &Heads) {
        if let Some(at) = self.catching_try() {
            let heads = self.narrow(heads.clone(), self.tries[at].thrown.width);
            self.tries[at].thrown.paths.push(heads);
        }
    }
}

/// Statements.
impl<'f, 't> Flow<'f, 't> {
    fn new(file: &'f ParsedFile<'t>, is_generator: bool) -> Self {
        let start = Head { is_reachable: true, ..Head::default() };
        Self {
            file,
            is_generator,
            returns: Vec::new(),
            parts: Vec::new(),
            forks: vec![Fork { width: 1, paths: vec![vec![start]] }],
            tries: Vec::new(),
            left_tries: Vec::new(),
            n_left_tries: 0,
            break_targets: Vec::new(),
            loops: Vec::new(),
            finally_depth: 0,
            depth: 0,
            gave_up: false,
        }
    }

    fn statement(&mut self, node: Node<'t>, label: Option<&str>) {
        if self.depth >= MAX_DEPTH || self.gave_up {
            self.gave_up = true;
            return;
        }
        self.depth += 1;
        match node.kind() {
            "statement_block" => self.block(node),
            "if_statement" => self.if_statement(node),
            "switch_statement" => self.switch_statement(node, label),
            "try_statement" => self.try_statement(node),
            "while_statement" | "do_statement" | "for_statement" | "for_in_statement" => {
                self.loop_statement(node, label);
            }
            "labeled_statement" => self.labeled_statement(node),
            "return_statement" => self.return_statement(node),
            "break_statement" => self.break_statement(node),
            "continue_statement" => self.continue_statement(node),
            _ => self.simple_statement(node),
        }
        self.depth -= 1;
    }

    fn block(&mut self, node: Node<'t>) {
        for statement in named_children(node) {
            self.statement(statement, None);
        }
    }

    fn body_of(&mut self, node: Node<'t>, field: &str) {
        if let Some(body) = node.child_by_field_name(field) {
            self.statement(body, None);
        }
    }

    fn simple_statement(&mut self, node: Node<'t>) {
        match node.kind() {
            "expression_statement"
            | "lexical_declaration"
            | "variable_declaration"
            | "using_declaration"
            | "class_declaration"
            | "abstract_class_declaration" => {
                self.settle();
                self.expressions(node);
            }
            "empty_statement" | "debugger_statement" | "import_statement" => self.settle(),
            "throw_statement" => {
                self.settle();
                self.expressions(node);
                if self.is_reachable() {
                    let head = self.head();
                    self.add_thrown(&head);
                    self.jump();
                }
            }
            "with_statement" => {
                self.settle();
                self.field_expressions(node, "object");
                self.body_of(node, "body");
            }
            "export_statement" | "ambient_declaration" => {
                if node.kind() == "export_statement" {
                    self.settle();
                }
                match node.child_by_field_name("declaration").or_else(|| first_named_child(node)) {
                    Some(declaration) if declaration.kind().ends_with("_declaration") => {
                        self.statement(declaration, None);
                    }
                    Some(_) => self.expressions(node),
                    None => {}
                }
            }
            // Functions are run elsewhere, types never.
            _ => {}
        }
    }

    fn if_statement(&mut self, node: Node<'t>) {
        let mut ends = Vec::new();
        let mut at = node;
        loop {
            self.settle();
            self.field_expressions(at, "condition");
            let tested = self.head();
            self.set_head(each(&tested, Head::next));
            self.body_of(at, "consequence");
            ends.push(self.head());
            self.set_head(each(&tested, Head::next));
            match alternate(at) {
                Some(other) if other.kind() == "if_statement" => at = other,
                other => {
                    if let Some(other) = other {
                        self.statement(other, None);
                    }
                    break;
                }
            }
        }
        ends.push(self.head());
        let joined = self.join(&ends);
        self.set_head(joined);
    }

    fn return_statement(&mut self, node: Node<'t>) {
        if first_named_child(node).is_some() {
            self.settle();
            self.expressions(node);
        } else if self.loops.is_empty() && self.finally_depth == 0 && self.is_reachable() {
            self.returns.push(Return { node, is_used: false });
            let part = self.add_part(PartKind::Return(self.returns.len() - 1));
            let mut heads = self.head();
            for head in heads.iter_mut().filter(|head| head.is_reachable) {
                head.returns = self.union(head.returns, Some(part));
                head.is_returned = true;
            }
            self.set_head(heads);
        }
        if self.is_reachable() {
            let head = self.head();
            self.add_returned(&head);
            self.jump();
        }
    }

    fn label_of(&self, node: Node<'t>) -> Option<String> {
        let label = node.child_by_field_name("label")?;
        Some(identifier_name(self.file, label).into_owned())
    }

    fn break_statement(&mut self, node: Node<'t>) {
        if !self.is_reachable() {
            return;
        }
        let label = self.label_of(node);
        let target = self.break_targets.iter().rposition(|target| match &label {
            Some(_) => target.label == label,
            None => target.is_loop_or_switch,
        });
        if let Some(target) = target {
            let head = self.head();
            self.add_broken(target, head);
        }
        self.jump();
    }

    fn continue_statement(&mut self, node: Node<'t>) {
        self.settle();
        if !self.is_reachable() {
            return;
        }
        let label = self.label_of(node);
        let found = self.loops.iter().rposition(|target| label.is_none() || target.label == label);
        if let Some(at) = found {
            let head = self.head();
            match self.loops[at].kind {
                LoopKind::TestFirst => {}
                LoopKind::TestLast => {
                    let heads = self.narrow(head, self.loops[at].continued.width);
                    self.loops[at].continued.paths.push(heads);
                }
                LoopKind::Iterator => self.add_broken(self.loops[at].target, head),
            }
        }
        self.jump();
    }

    fn push_break_target(&mut self, label: Option<String>, is_loop_or_switch: bool) -> usize {
        let broken = Fork::new(self.width());
        self.break_targets.push(BreakTarget { label, is_loop_or_switch, broken });
        self.break_targets.len() - 1
    }

    fn pop_break_target(&mut self) -> Vec<Heads> {
        self.break_targets.pop().map(|target| target.broken.paths).unwrap_or_default()
    }

    fn labeled_statement(&mut self, node: Node<'t>) {
        self.settle();
        let Some(body) = node.child_by_field_name("body") else { return };
        let label = self.label_of(node);
        let is_breakable = matches!(
            body.kind(),
            "while_statement" | "do_statement" | "for_statement" | "for_in_statement" | "switch_statement"
        );
        if is_breakable {
            self.statement(body, label.as_deref());
            return;
        }
        self.push_break_target(label, false);
        self.statement(body, None);
        let mut broken = self.pop_break_target();
        if !broken.is_empty() {
            broken.push(self.head());
            let joined = self.join(&broken);
            self.set_head(joined);
        }
    }
}

/// Loops.
impl<'t> Flow<'_, 't> {
    fn loop_statement(&mut self, node: Node<'t>, label: Option<&str>) {
        self.settle();
        let label = label.map(str::to_owned);
        let target = self.push_break_target(label.clone(), true);
        let kind = match node.kind() {
            "do_statement" => LoopKind::TestLast,
            "for_in_statement" => LoopKind::Iterator,
            _ => LoopKind::TestFirst,
        };
        let continued = Fork::new(self.width());
        self.loops.push(LoopTarget { label, target, kind, continued });
        match node.kind() {
            "while_statement" => self.while_loop(node, target),
            "do_statement" => self.do_loop(node, target),
            "for_statement" => self.for_loop(node, target),
            _ => self.iterator_loop(node, target),
        }
        self.loops.pop();
        let broken = self.pop_break_target();
        if broken.is_empty() {
            self.jump();
        } else {
            let joined = self.join(&broken);
            self.set_head(joined);
        }
    }

    fn while_loop(&mut self, node: Node<'t>, target: usize) {
        let start = self.join_fork();
        self.set_head(start);
        self.test(node, target);
        self.body_of(node, "body");
    }

    fn do_loop(&mut self, node: Node<'t>, target: usize) {
        self.body_of(node, "body");
        let mut continued = self
            .loops
            .last_mut()
            .map(|target| std::mem::take(&mut target.continued.paths))
            .unwrap_or_default();
        if !continued.is_empty() {
            continued.push(self.head());
            let joined = self.join(&continued);
            self.set_head(joined);
        }
        self.test(node, target);
    }

    fn for_loop(&mut self, node: Node<'t>, target: usize) {
        if let Some(start) = node.child_by_field_name("initializer") {
            if start.kind().ends_with("_declaration") {
                self.settle();
            }
            self.expressions(start);
        }
        let is_tested =
            node.child_by_field_name("condition").is_some_and(|test| test.kind() != "empty_statement");
        if is_tested {
            self.test(node, target);
        }
        let before_body = self.head();
        let mut paths = vec![before_body.clone()];
        if let Some(update) = node.child_by_field_name("increment") {
            self.set_head(each(&before_body, Head::disconnected));
            self.expressions(update);
            if !is_tested {
                paths.push(self.head());
            }
        }
        let joined = self.join(&paths);
        self.set_head(joined);
        self.body_of(node, "body");
    }

    fn iterator_loop(&mut self, node: Node<'t>, target: usize) {
        let before = self.head();
        self.set_head(each(&before, Head::disconnected));
        if node.child_by_field_name("kind").is_none() {
            self.field_expressions(node, "left");
        }
        let after_left = self.head();
        self.set_head(each(&before, Head::next));
        self.field_expressions(node, "right");
        let head = self.head();
        self.add_broken(target, head);
        self.set_head(each(&after_left, Head::next));
        self.body_of(node, "body");
        let head = self.head();
        self.add_broken(target, head);
    }

    /// The condition of a loop, which the loop may end at unless it is a constant.
    fn test(&mut self, node: Node<'t>, target: usize) {
        let Some(test) = node.child_by_field_name("condition") else { return };
        self.expressions(test);
        if !self.is_constantly_true(without_parens(test)) {
            let head = self.head();
            self.add_broken(target, head);
        }
        let head = self.head();
        self.set_head(each(&head, Head::next));
    }

    fn is_constantly_true(&self, test: Node<'t>) -> bool {
        let test = if test.kind() == "expression_statement" {
            first_named_child(test).map_or(test, without_parens)
        } else {
            test
        };
        match test.kind() {
            "true" | "regex" => true,
            "string" => test.byte_range().len() > 2,
            "number" => {
                let text = self.file.text(test).to_ascii_lowercase();
                let is_hexadecimal = text.starts_with("0x");
                let digits = text.split(if is_hexadecimal { 'n' } else { 'e' }).next().unwrap_or_default();
                digits.chars().any(|digit| digit.is_ascii_hexdigit() && digit != '0' && digit != 'b')
                    || (is_hexadecimal && digits.contains('b'))
            }
            _ => false,
        }
    }
}

/// `switch` and `try`.
impl<'t> Flow<'_, 't> {
    fn switch_statement(&mut self, node: Node<'t>, label: Option<&str>) {
        self.settle();
        self.field_expressions(node, "value");
        let target = self.push_break_target(label.map(str::to_owned), true);
        let cases: Vec<Node<'t>> =
            node.child_by_field_name("body").into_iter().flat_map(named_children).collect();
        let is_forked = cases.iter().any(|case| case.kind() == "switch_case");
        if is_forked {
            self.forked_cases(&cases, target);
        } else {
            for case in &cases {
                self.case_body(*case);
            }
        }
        let mut broken = self.pop_break_target();
        if !is_forked {
            if broken.is_empty() {
                return;
            }
            broken.push(self.head());
        }
        let joined = self.join(&broken);
        self.set_head(joined);
    }

    /// Each body lies in a fork of two paths: the end of the body before it, and its own test.
    fn forked_cases(&mut self, cases: &[Node<'t>], target: usize) {
        let width = self.width();
        let n_outer = self.forks.len();
        let mut default_has_body = false;
        let mut found_empty_default = false;
        let mut tested = self.head();
        for (index, case) in cases.iter().enumerate() {
            if index > 0 {
                let path = each(&tested, Head::next);
                self.fork().paths.push(path);
            }
            self.field_expressions(*case, "value");
            tested = self.head();
            let start = self.join_fork();
            self.push_fork(width, vec![start]);
            let is_empty = case_statements(*case).next().is_none();
            if case.kind() == "switch_default" {
                found_empty_default |= is_empty;
                default_has_body |= !is_empty;
            } else if !is_empty && found_empty_default {
                found_empty_default = false;
                default_has_body = true;
            }
            self.case_body(*case);
        }
        let end = self.head();
        self.add_broken(target, end);
        let ends_in_default = cases.last().is_some_and(|case| case.kind() == "switch_default");
        if !ends_in_default && !default_has_body {
            self.add_broken(target, tested);
        }
        self.forks.truncate(n_outer);
    }

    fn case_body(&mut self, case: Node<'t>) {
        for statement in case_statements(case) {
            self.statement(statement, None);
        }
    }

    fn try_statement(&mut self, node: Node<'t>) {
        self.settle();
        let finalizer = node.child_by_field_name("finalizer");
        let width = self.width();
        self.tries.push(Try {
            has_finalizer: finalizer.is_some(),
            part: TryPart::Try,
            returned: Fork::new(width),
            thrown: Fork::new(width),
        });
        self.body_of(node, "body");
        if let Some(block) = node.child_by_field_name("body") {
            self.n_left_tries += 1;
            self.left_tries.push(LeftTry { block: block.byte_range(), number: self.n_left_tries });
        }
        if let Some(handler) = node.child_by_field_name("handler") {
            self.enter_catch();
            self.field_expressions(handler, "parameter");
            self.body_of(handler, "body");
        }
        match finalizer {
            Some(finalizer) => self.finally(finalizer),
            None => {
                self.tries.pop();
                if node.child_by_field_name("handler").is_some() {
                    self.pop_fork();
                }
            }
        }
        self.left_tries.pop();
    }

    fn enter_catch(&mut self) {
        let width = self.width();
        let head = self.head();
        let Some(context) = self.tries.last_mut() else { return };
        context.part = TryPart::Catch;
        let mut thrown = std::mem::take(&mut context.thrown.paths);
        thrown.push(head.clone());
        let thrown = self.join(&thrown);
        self.push_fork(width, vec![head, thrown]);
    }

    fn finally(&mut self, finalizer: Node<'t>) {
        let leaving = self.head();
        let Some(context) = self.tries.last_mut() else { return };
        let is_in_catch = context.part == TryPart::Catch;
        context.part = TryPart::Finally;
        let returned = std::mem::take(&mut context.returned.paths);
        let thrown = std::mem::take(&mut context.thrown.paths);
        if is_in_catch {
            self.pop_fork();
        }
        self.finally_depth += 1;
        let (returns, throws) = (!returned.is_empty(), !thrown.is_empty());
        if returns || throws {
            let mut heads = each(&self.head(), Head::next);
            let n_normal = heads.len();
            let paths: Vec<Heads> = std::iter::once(leaving).chain(returned).chain(thrown).collect();
            heads.extend(self.join(&paths));
            self.push_fork(2 * n_normal, vec![heads]);
            self.body_of(finalizer, "body");
            let mut heads = self.head();
            let leaving = heads.split_off(n_normal.min(heads.len()));
            self.forks.pop();
            self.tries.pop();
            if returns {
                self.add_returned(&leaving);
            }
            if throws {
                self.add_thrown(&leaving);
            }
            self.set_head(heads);
        } else {
            self.body_of(finalizer, "body");
            self.tries.pop();
        }
        self.finally_depth -= 1;
    }
}

/// The statements of a `case` or `default`.
fn case_statements<'t>(case: Node<'t>) -> impl Iterator<Item = Node<'t>> {
    let value = case.child_by_field_name("value");
    named_children(case).filter(move |child| Some(*child) != value)
}

/// Expressions: only what they may throw or yield matters, and only in `try`.
impl<'t> Flow<'_, 't> {
    fn field_expressions(&mut self, node: Node<'t>, field: &str) {
        if let Some(expression) = node.child_by_field_name(field) {
            self.expressions(expression);
        }
    }

    fn expressions(&mut self, node: Node<'t>) {
        if self.tries.is_empty() || !self.is_reachable() {
            return;
        }
        let mut wants_throw =
            self.catching_try().is_some_and(|context| self.tries[context].thrown.paths.is_empty());
        let mut wants_yield = self.is_generator;
        let (mut throws, mut yields) = (false, false);
        walk_within(node, |node, parent, field| {
            if wants_throw && may_throw(node, parent, field) {
                throws = true;
                wants_throw = false;
            }
            if wants_yield && node.kind() == "yield_expression" {
                yields = true;
                wants_yield = false;
            }
            (wants_throw || wants_yield) && runs_here(node, parent, field)
        });
        let head = self.head();
        if throws || yields {
            self.add_thrown(&head);
        }
        if yields {
            self.add_returned(&head);
        }
    }
}

/// Whether what is in `node` is run where it stands.
fn runs_here(node: Node<'_>, parent: &str, field: Option<&str>) -> bool {
    match node.kind() {
        "method_definition" => true,
        kind if FUNCTIONS.contains(&kind) => false,
        "class_static_block" | "type_annotation" | "type_arguments" | "type_parameters" => false,
        _ => match parent {
            "method_definition" => !matches!(field, Some("parameters" | "body" | "return_type")),
            "field_definition" | "public_field_definition" => field != Some("value"),
            "jsx_opening_element" | "jsx_closing_element" | "jsx_self_closing_element" => {
                field != Some("name")
            }
            _ => true,
        },
    }
}

/// Whether ESLint takes `node` for an expression that may throw: a reference, a call, an access.
fn may_throw(node: Node<'_>, parent: &str, field: Option<&str>) -> bool {
    let is_skipped = !runs_here(node, parent, field);
    match node.kind() {
        "call_expression" => {
            !is_skipped
                && node.child_by_field_name("arguments").is_some_and(|list| list.kind() == "arguments")
        }
        "member_expression" | "subscript_expression" | "new_expression" | "meta_property" => !is_skipped,
        "shorthand_property_identifier" | "shorthand_property_identifier_pattern" => true,
        "identifier" | "undefined" => match parent {
            "array_pattern" | "rest_pattern" | "catch_clause" => false,
            "variable_declarator"
            | "class_declaration"
            | "class"
            | "function_declaration"
            | "function_expression"
            | "generator_function"
            | "generator_function_declaration" => field != Some("name"),
            _ => !is_skipped,
        },
        _ => false,
    }
}
