//! The walk through statements.

use tree_sitter::Node;

use super::expressions::parameter_defaults;
use super::walk::{Context, Later, Store, Task, Walk, children_in, code_children, is_sequence};
use super::{BindingKind, Export, Flags, Handled, ScopeKind, Statement, StatementId, bare};

impl<'n> Walk<'n, '_> {
    pub(super) fn statement(&mut self, node: Node<'n>, context: Context) {
        let definition = match node.kind() {
            "decorated_definition" => node.child_by_field_name("definition").unwrap_or(node),
            _ => node,
        };
        let id = StatementId(u32::try_from(self.model.statements.len()).unwrap_or(u32::MAX));
        self.model.statements.push(Statement { range: definition.byte_range(), parent: context.statement });
        let context = Context { statement: Some(id), ..context };
        self.push(Task::End(definition), context);
        match definition.kind() {
            "print_statement" | "exec_statement" => self.python_2_statement(definition, context),
            "expression_statement" => self.expression_statement(definition, context),
            "import_statement" => self.import(definition, context),
            "import_from_statement" => self.import_from(definition, context),
            "future_import_statement" => self.future_import(definition, context),
            "global_statement" => self.global(definition, context),
            "nonlocal_statement" => self.nonlocal(definition, context),
            "delete_statement" => self.delete(definition, context),
            "function_definition" => self.function(node, definition, context),
            "class_definition" => self.class(node, definition, context),
            "type_alias_statement" => self.type_alias(definition, context),
            "if_statement" => self.if_statement(definition, context),
            "while_statement" => self.while_statement(definition, context),
            "for_statement" => self.for_statement(definition, context),
            "try_statement" => self.try_statement(definition, context),
            "with_statement" => self.with_statement(definition, context),
            "match_statement" => self.match_statement(definition, context),
            _ => self.plan(|plan| {
                code_children(definition).for_each(|child| plan.push(Task::Expression(child), context));
            }),
        }
    }

    fn python_2_statement(&mut self, node: Node<'n>, context: Context) {
        self.model.is_python3 = false;
        self.plan_each(node, context, |child| Some(Task::Expression(child)));
    }

    fn expression_statement(&mut self, node: Node<'n>, context: Context) {
        self.plan_each(node, context, |child| match child.kind() {
            "assignment" | "augmented_assignment" => None,
            _ => Some(Task::Expression(child)),
        });
        for child in code_children(node) {
            match child.kind() {
                "assignment" => self.assignment(child, context),
                "augmented_assignment" => self.augmented_assignment(child, context),
                _ => {}
            }
        }
    }

    fn plan_each(&mut self, node: Node<'n>, context: Context, task: impl Fn(Node<'n>) -> Option<Task<'n>>) {
        self.plan(|plan| {
            code_children(node).filter_map(task).for_each(|task| plan.push(task, context));
        });
    }

    fn assignment(&mut self, node: Node<'n>, context: Context) {
        if node.child_by_field_name("type").is_some() {
            return self.annotated_assignment(node, context);
        }
        let mut targets = Vec::new();
        let mut value = node;
        while value.kind() == "assignment" && value.child_by_field_name("type").is_none() {
            targets.extend(value.child_by_field_name("left"));
            let Some(right) = value.child_by_field_name("right") else { return };
            value = right;
        }
        let value = bare(value);
        let is_export = targets.first().is_some_and(|first| self.is_export(*first, context));
        let all_are_sequences = targets.iter().all(|target| is_sequence(*target));
        self.plan(|plan| {
            plan.push(Task::Expression(value), context);
            for target in targets {
                let is_unpacked = match (all_are_sequences || is_sequence(target), is_sequence(value)) {
                    (true, false) => true,
                    (false, _) => false,
                    (true, true) => !all_are_sequences,
                };
                let store = if is_export { Store::Export(node) } else { Store::Assignment { is_unpacked } };
                plan.push(Task::Target(target, store), context);
            }
        });
    }

    fn is_export(&self, target: Node<'n>, context: Context) -> bool {
        context.scope == super::PythonScopes::MODULE && self.text(target) == "__all__"
    }

    fn augmented_assignment(&mut self, node: Node<'n>, context: Context) {
        let (Some(target), Some(value)) =
            (node.child_by_field_name("left"), node.child_by_field_name("right"))
        else {
            return;
        };
        if target.kind() == "identifier" {
            self.load(target, context);
        }
        let store = if self.is_export(target, context) {
            Store::Export(node)
        } else {
            Store::Assignment { is_unpacked: false }
        };
        self.plan(|plan| {
            plan.push(Task::Expression(value), context);
            plan.push(Task::Target(target, store), context);
        });
    }

    fn annotated_assignment(&mut self, node: Node<'n>, context: Context) {
        let (Some(target), Some(annotation)) =
            (node.child_by_field_name("left"), node.child_by_field_name("type"))
        else {
            return;
        };
        let has_value = node.child_by_field_name("right").is_some();
        let store = if self.is_export(target, context) {
            Store::Export(node)
        } else if has_value {
            Store::Assignment { is_unpacked: false }
        } else {
            Store::Annotation
        };
        let annotated = context.with(Flags::TYPE_DEFINITION).with(self.annotation_flag(context));
        self.plan(|plan| {
            plan.push(Task::Expression(annotation), annotated);
            if has_value {
                plan.push(Task::AnnotatedValue(node), context);
            }
            plan.push(Task::Target(target, store), context);
        });
    }

    /// Whether annotations of variables are evaluated.
    fn annotation_flag(&self, context: Context) -> Flags {
        let is_evaluated =
            matches!(self.model.scope(context.scope).kind, ScopeKind::Class | ScopeKind::Module);
        if is_evaluated { self.signature_flag() } else { Flags::TYPING_ONLY_ANNOTATION }
    }

    /// Whether annotations of functions are evaluated.
    fn signature_flag(&self) -> Flags {
        if self.model.has_future_annotations() || self.model.defers_annotations {
            Flags::TYPING_ONLY_ANNOTATION
        } else {
            Flags::RUNTIME_ANNOTATION
        }
    }

    pub(super) fn annotated_value(&mut self, node: Node<'n>, context: Context) {
        let (Some(annotation), Some(value)) =
            (node.child_by_field_name("type"), node.child_by_field_name("right"))
        else {
            return;
        };
        let is_alias = self.is_typing(annotation, "TypeAlias", context);
        let context = if is_alias { context.with(Flags::TYPE_DEFINITION) } else { context };
        self.push(Task::Expression(value), context);
    }

    fn global(&mut self, node: Node<'n>, context: Context) {
        if context.scope != super::PythonScopes::MODULE {
            for name in code_children(node) {
                let text = self.text(name);
                self.model.declare_global(&text, name.byte_range(), context);
            }
        }
    }

    fn nonlocal(&mut self, node: Node<'n>, context: Context) {
        if context.scope != super::PythonScopes::MODULE {
            for name in code_children(node) {
                let text = self.text(name);
                self.model.declare_nonlocal(&text, name.byte_range(), context);
            }
        }
    }

    fn dotted_name(&self, node: Node<'n>) -> String {
        let parts: Vec<_> = code_children(node).map(|part| self.text(part)).collect();
        parts.join(".")
    }

    /// The module or member that an item of an import names, and what it is called by.
    fn import_item(&self, item: Node<'n>) -> (String, Option<Node<'n>>) {
        let path = item.child_by_field_name("name").unwrap_or(item);
        (self.dotted_name(path), item.child_by_field_name("alias"))
    }

    fn import(&mut self, node: Node<'n>, context: Context) {
        for item in children_in(node, "name") {
            let (path, alias) = self.import_item(item);
            if let Some(alias) = alias {
                let is_explicit = self.text(alias) == path;
                let id = self.bind(alias, BindingKind::Import(path), context);
                if is_explicit {
                    self.model.set_explicit_export(id);
                }
            } else if let Some((root, _)) = path.split_once('.') {
                let root = root.to_owned();
                self.model.bind(&root, item.byte_range(), BindingKind::SubmoduleImport(path), context);
            } else {
                self.bind(item, BindingKind::Import(path), context);
            }
        }
    }

    fn import_from(&mut self, node: Node<'n>, context: Context) {
        if code_children(node).any(|child| child.kind() == "wildcard_import") {
            self.model.scopes[context.scope.0 as usize].has_star_import = true;
        }
        let Some(module) = node.child_by_field_name("module_name") else { return };
        let module = self.module_path(module);
        for item in children_in(node, "name") {
            let (member, alias) = self.import_item(item);
            let is_explicit = alias.is_some_and(|alias| self.text(alias) == member);
            let separator = if module.ends_with('.') { "" } else { "." };
            let path = format!("{module}{separator}{member}");
            let id = self.bind(alias.unwrap_or(item), BindingKind::FromImport(path), context);
            if is_explicit {
                self.model.set_explicit_export(id);
            }
        }
    }

    /// `..a.b`: the dots of a relative import, then the module.
    fn module_path(&self, node: Node<'n>) -> String {
        if node.kind() != "relative_import" {
            return self.dotted_name(node);
        }
        let mut path = String::new();
        for part in code_children(node) {
            if part.kind() == "import_prefix" {
                path.extend(self.text(part).chars().filter(|character| *character == '.'));
            } else {
                path.push_str(&self.dotted_name(part));
            }
        }
        path
    }

    fn future_import(&mut self, node: Node<'n>, context: Context) {
        for item in children_in(node, "name") {
            let (member, alias) = self.import_item(item);
            self.model.has_future_annotations |= member == "annotations";
            self.bind(alias.unwrap_or(item), BindingKind::FutureImport, context);
        }
    }

    fn function(&mut self, outer: Node<'n>, node: Node<'n>, context: Context) {
        let (Some(name), Some(parameters)) =
            (node.child_by_field_name("name"), node.child_by_field_name("parameters"))
        else {
            return;
        };
        let mut around = context.scope;
        if self.model.scope(around).kind == ScopeKind::Class {
            around = self.open_class_cell(around, node, context);
        }
        let types = self.model.open_scope(ScopeKind::TypeParameters, Some(around), node);
        self.bind_type_parameters(node, context.within(types));
        let scope = self.model.open_scope(ScopeKind::Function, Some(types), node);
        let annotated = context.within(types).with(Flags::TYPE_DEFINITION).with(self.signature_flag());
        let annotations: Vec<Node<'n>> = code_children(parameters)
            .filter_map(|parameter| parameter.child_by_field_name("type"))
            .chain(node.child_by_field_name("return_type"))
            .collect();
        self.plan(|plan| {
            for decorator in code_children(outer).filter(|child| child.kind() == "decorator") {
                code_children(decorator).for_each(|child| plan.push(Task::Expression(child), context));
            }
            for value in parameter_defaults(parameters) {
                plan.push(Task::Expression(value), context);
            }
            for annotation in annotations {
                plan.push(Task::Expression(annotation), annotated);
            }
            let inner = context.within(scope).without(Flags::EXCEPTION_HANDLER);
            plan.push(Task::EnterFunction(node), inner);
            plan.push(Task::BindFunction(name, scope), context);
        });
    }

    fn bind_type_parameters(&mut self, node: Node<'n>, context: Context) {
        let Some(list) = node.child_by_field_name("type_parameters") else { return };
        self.bind_type_parameter_list(list, context);
    }

    fn bind_type_parameter_list(&mut self, list: Node<'n>, context: Context) {
        for parameter in code_children(list).map(bare) {
            match parameter.kind() {
                "identifier" => {
                    self.bind(parameter, BindingKind::TypeParameter, context);
                }
                "constrained_type" => {
                    let parts: Vec<Node<'n>> = code_children(parameter).map(bare).collect();
                    if let Some(name) = parts.first().filter(|name| name.kind() == "identifier") {
                        self.bind(*name, BindingKind::TypeParameter, context);
                    }
                    parts.iter().skip(1).for_each(|bound| self.defer(Later::TypeParameter, *bound, context));
                }
                "splat_type" | "list_splat" => {
                    if let Some(name) = code_children(parameter).next() {
                        self.bind(name, BindingKind::TypeParameter, context);
                    }
                }
                _ => self.defer(Later::TypeParameter, parameter, context),
            }
        }
    }

    pub(super) fn enter_function(&mut self, node: Node<'n>, context: Context) {
        self.ensure_globals(node, context);
        self.defer(Later::Function, node, context);
    }

    pub(super) fn function_body(&mut self, node: Node<'n>, context: Context) {
        if let Some(parameters) = node.child_by_field_name("parameters") {
            self.bind_parameters(parameters, context);
        }
        if let Some(body) = node.child_by_field_name("body") {
            self.push(Task::Block(body), context);
        }
    }

    fn class(&mut self, outer: Node<'n>, node: Node<'n>, context: Context) {
        let Some(name) = node.child_by_field_name("name") else { return };
        let types = self.model.open_scope(ScopeKind::TypeParameters, Some(context.scope), node);
        self.bind_type_parameters(node, context.within(types));
        let scope = self.model.open_scope(ScopeKind::Class, Some(types), node);
        let bases = node.child_by_field_name("superclasses");
        self.plan(|plan| {
            for decorator in code_children(outer).filter(|child| child.kind() == "decorator") {
                code_children(decorator).for_each(|child| plan.push(Task::Expression(child), context));
            }
            let in_bases = context.within(types).with(Flags::CLASS_BASE);
            for base in bases.into_iter().flat_map(code_children) {
                plan.push(Task::Expression(base), in_bases);
            }
            let inner = context.within(scope).without(Flags::EXCEPTION_HANDLER);
            plan.push(Task::EnterClass(node), inner);
            plan.push(Task::BindClass(name, scope), context);
        });
    }

    pub(super) fn enter_class(&mut self, node: Node<'n>, context: Context) {
        self.ensure_globals(node, context);
        if let Some(body) = node.child_by_field_name("body") {
            self.push(Task::Block(body), context);
        }
    }

    /// Makes sure that what the body of `definition` declares `global` is bound in the module.
    fn ensure_globals(&mut self, definition: Node<'n>, context: Context) {
        if !self.may_have_globals {
            return;
        }
        let mut open: Vec<Node<'n>> = definition.child_by_field_name("body").into_iter().collect();
        while let Some(node) = open.pop() {
            let kind = node.kind();
            if kind == "global_statement" {
                for name in code_children(node) {
                    let text = self.text(name);
                    self.model.ensure_global(&text, name.byte_range(), context);
                }
            } else if is_compound(kind) {
                open.extend(code_children(node));
            }
        }
    }

    fn type_alias(&mut self, node: Node<'n>, context: Context) {
        let (Some(left), Some(value)) = (node.child_by_field_name("left"), node.child_by_field_name("right"))
        else {
            return;
        };
        let left = bare(left);
        let types =
            context.within(self.model.open_scope(ScopeKind::TypeParameters, Some(context.scope), node));
        for list in code_children(left).filter(|child| child.kind() == "type_parameter") {
            self.bind_type_parameter_list(list, types);
        }
        self.defer(Later::TypeParameter, bare(value), types);
        self.push(Task::Target(left, Store::Assignment { is_unpacked: false }), context);
    }

    fn if_statement(&mut self, node: Node<'n>, context: Context) {
        let context = context.with(Flags::CONDITIONAL);
        self.plan(|plan| {
            if let Some(test) = node.child_by_field_name("condition") {
                plan.push(Task::Expression(test), context);
            }
            plan.push(Task::IfBody(node), context);
            for clause in children_in(node, "alternative") {
                if let Some(test) = clause.child_by_field_name("condition") {
                    plan.push(Task::Expression(test), context);
                }
                let body = clause.child_by_field_name("consequence");
                let body = body.or_else(|| clause.child_by_field_name("body"));
                body.into_iter().for_each(|body| plan.push(Task::Block(body), context));
            }
        });
    }

    pub(super) fn if_body(&mut self, node: Node<'n>, context: Context) {
        let (Some(test), Some(body)) =
            (node.child_by_field_name("condition"), node.child_by_field_name("consequence"))
        else {
            return;
        };
        let test = bare(test);
        let is_type_checking = match test.kind() {
            "identifier" => {
                self.text(test) == "TYPE_CHECKING" || self.is_typing(test, "TYPE_CHECKING", context)
            }
            "attribute" => test
                .child_by_field_name("attribute")
                .is_some_and(|attribute| self.text(attribute) == "TYPE_CHECKING"),
            _ => false,
        };
        let context = if is_type_checking { context.with(Flags::TYPE_CHECKING) } else { context };
        self.push(Task::Block(body), context);
    }

    fn while_statement(&mut self, node: Node<'n>, context: Context) {
        let context = context.with(Flags::CONDITIONAL);
        self.plan(|plan| {
            let field = |name| node.child_by_field_name(name);
            field("condition").into_iter().for_each(|test| plan.push(Task::Expression(test), context));
            field("body").into_iter().for_each(|body| plan.push(Task::Block(body), context));
            let body = field("alternative").and_then(|clause| clause.child_by_field_name("body"));
            body.into_iter().for_each(|body| plan.push(Task::Block(body), context.with(Flags::ORELSE)));
        });
    }

    fn for_statement(&mut self, node: Node<'n>, context: Context) {
        self.plan(|plan| {
            let field = |name| node.child_by_field_name(name);
            field("right").into_iter().for_each(|right| plan.push(Task::Expression(right), context));
            if let Some(target) = field("left") {
                plan.push(Task::Target(target, Store::LoopVariable), context);
            }
            field("body").into_iter().for_each(|body| plan.push(Task::Block(body), context));
            let body = field("alternative").and_then(|clause| clause.child_by_field_name("body"));
            body.into_iter().for_each(|body| plan.push(Task::Block(body), context.with(Flags::ORELSE)));
        });
    }

    fn try_statement(&mut self, node: Node<'n>, context: Context) {
        let handled = self.handled_by(node, context);
        self.plan(|plan| {
            if let Some(body) = node.child_by_field_name("body") {
                let inner = Context { handled: context.handled.and(handled), ..context };
                plan.push(Task::Block(body), inner);
            }
            for clause in code_children(node) {
                match clause.kind() {
                    "except_clause" => plan.push(Task::Except(clause), context),
                    "else_clause" | "finally_clause" => {
                        let is_else = clause.kind() == "else_clause";
                        let inner = if is_else { context.with(Flags::ORELSE) } else { context };
                        for block in code_children(clause) {
                            plan.push(Task::Block(block), inner);
                        }
                    }
                    _ => {}
                }
            }
        });
    }

    fn handled_by(&self, node: Node<'n>, context: Context) -> Handled {
        let clauses = code_children(node).filter(|child| child.kind() == "except_clause");
        let mut handled = Handled::NONE;
        for exception in clauses.flat_map(|clause| except_parts(clause).0) {
            let exception = bare(exception);
            let is_tuple = exception.kind() == "tuple";
            let types = if is_tuple { code_children(exception).collect() } else { vec![exception] };
            for name in types {
                let path = self.qualified_name(name, context).unwrap_or_default();
                if let Some(("" | "builtins", exception)) = path.rsplit_once('.') {
                    handled = handled.and(Handled::of(exception));
                }
            }
        }
        handled
    }

    pub(super) fn except(&mut self, node: Node<'n>, context: Context) {
        let context = context.with(Flags::EXCEPTION_HANDLER);
        let (types, name) = except_parts(node);
        let name = name.filter(|name| name.kind() == "identifier");
        let before = name.and_then(|name| {
            let text = self.text(name);
            match self.model.symbol_at(&text, self.model.place(context)) {
                super::Symbol::Binding(id) => Some(id),
                _ => None,
            }
        });
        if let Some(name) = name {
            self.bind(name, BindingKind::BoundException, context);
        }
        self.plan(|plan| {
            types.into_iter().for_each(|value| plan.push(Task::Expression(value), context));
            for block in code_children(node).filter(|child| child.kind() == "block") {
                plan.push(Task::Block(block), context);
            }
            name.into_iter().for_each(|name| plan.push(Task::Unbind(name, before), context));
        });
    }

    fn with_statement(&mut self, node: Node<'n>, context: Context) {
        let clause = code_children(node).find(|child| child.kind() == "with_clause");
        let mut items: Vec<Node<'n>> = Vec::new();
        for item in clause.into_iter().flat_map(code_children) {
            let value = item.child_by_field_name("value").unwrap_or(item);
            // `with (a as b, c):` may be taken for a tuple.
            let inner = bare(value);
            let holds_items = matches!(inner.kind(), "tuple" | "as_pattern")
                && (inner.kind() == "as_pattern"
                    || code_children(inner).any(|child| child.kind() == "as_pattern"));
            match inner.kind() {
                "tuple" if holds_items => items.extend(code_children(inner)),
                _ if holds_items => items.push(inner),
                _ => items.push(value),
            }
        }
        let body = node.child_by_field_name("body");
        self.plan(|plan| {
            for item in items {
                if item.kind() != "as_pattern" {
                    plan.push(Task::Expression(item), context);
                    continue;
                }
                code_children(item).take(1).for_each(|value| plan.push(Task::Expression(value), context));
                if let Some(target) = item.child_by_field_name("alias") {
                    let is_unpacked =
                        code_children(target).next().is_some_and(|target| bare(target).kind() == "tuple");
                    plan.push(Task::Target(target, Store::WithItem { is_unpacked }), context);
                }
            }
            body.into_iter().for_each(|body| plan.push(Task::Block(body), context));
        });
    }

    fn match_statement(&mut self, node: Node<'n>, context: Context) {
        let context = context.with(Flags::CONDITIONAL);
        let clauses = node.child_by_field_name("body").into_iter().flat_map(code_children);
        self.plan(|plan| {
            for subject in children_in(node, "subject") {
                plan.push(Task::Expression(subject), context);
            }
            for clause in clauses.filter(|clause| clause.kind() == "case_clause") {
                for child in code_children(clause) {
                    match child.kind() {
                        "case_pattern" => plan.push(Task::Pattern(child), context),
                        "if_clause" => {
                            code_children(child).for_each(|test| plan.push(Task::Expression(test), context));
                        }
                        _ => plan.push(Task::Block(child), context),
                    }
                }
            }
        });
    }

    pub(super) fn pattern(&mut self, node: Node<'n>, context: Context) {
        match node.kind() {
            "dotted_name" => self.pattern_name(node, context),
            "splat_pattern" => {
                code_children(node).for_each(|name| self.capture(name, context));
            }
            "as_pattern" => {
                let name = code_children(node).filter(|child| child.kind() == "identifier").last();
                name.into_iter().for_each(|name| self.capture(name, context));
                self.plan_each(node, context, |child| {
                    (child.kind() != "identifier").then_some(Task::Pattern(child))
                });
            }
            "keyword_pattern" => {
                self.plan(|plan| {
                    code_children(node).skip(1).for_each(|child| plan.push(Task::Pattern(child), context));
                });
            }
            "class_pattern" => {
                let mut children = code_children(node);
                let class = children.next();
                let name = class.and_then(|class| code_children(class).next());
                self.plan(|plan| {
                    name.into_iter().for_each(|name| plan.push(Task::Expression(name), context));
                    children.for_each(|child| plan.push(Task::Pattern(child), context));
                });
            }
            "string" | "concatenated_string" => self.push(Task::Expression(node), context),
            _ => self.plan_each(node, context, |child| Some(Task::Pattern(child))),
        }
    }

    /// A name captures, a dotted name is a value to compare with.
    fn pattern_name(&mut self, node: Node<'n>, context: Context) {
        let mut parts = code_children(node);
        let Some(name) = parts.next() else { return };
        if parts.next().is_some() {
            self.push(Task::Expression(name), context);
        } else {
            self.capture(name, context);
        }
    }

    fn capture(&mut self, name: Node<'n>, context: Context) {
        if name.kind() == "identifier" && self.text(name) != "_" {
            self.bind(name, BindingKind::Assignment, context);
        }
    }

    /// The strings that an assignment to `__all__` lists.
    pub(super) fn exports(&self, assignment: Node<'n>) -> Vec<Export> {
        let mut value = assignment;
        while matches!(value.kind(), "assignment" | "augmented_assignment") {
            let Some(right) = value.child_by_field_name("right") else { return Vec::new() };
            value = right;
        }
        let mut exports = Vec::new();
        let mut at = bare(value);
        while at.kind() == "binary_operator" {
            let (Some(left), Some(right)) = (at.child_by_field_name("left"), at.child_by_field_name("right"))
            else {
                break;
            };
            self.exports_of(bare(right), &mut exports);
            at = bare(left);
        }
        self.exports_of(at, &mut exports);
        exports
    }

    fn exports_of(&self, value: Node<'n>, exports: &mut Vec<Export>) {
        let mut value = value;
        while value.kind() == "named_expression" {
            let Some(inner) = value.child_by_field_name("value") else { return };
            value = bare(inner);
        }
        if value.kind() == "call" {
            let Some(argument) = self.argument_of_list(value) else { return };
            value = argument;
        }
        if !matches!(value.kind(), "list" | "tuple" | "expression_list" | "set") {
            return;
        }
        for element in code_children(value).map(bare) {
            let Some(name) = super::quoted::plain_text(element, self.bytes) else { continue };
            exports.push(Export { name, range: element.byte_range() });
        }
    }

    /// The argument of `list(…)` and `tuple(…)`.
    fn argument_of_list(&self, call: Node<'n>) -> Option<Node<'n>> {
        let mut function = bare(call.child_by_field_name("function")?);
        if function.kind() == "subscript" {
            function = bare(function.child_by_field_name("value")?);
        }
        let arguments: Vec<Node<'n>> =
            code_children(call.child_by_field_name("arguments")?).map(bare).collect();
        let &[argument] = arguments.as_slice() else { return None };
        matches!(&*self.text(function), "list" | "tuple" | "builtins.list" | "builtins.tuple")
            .then_some(argument)
    }
}

/// The exceptions that an `except` catches, and the name that it binds.
fn except_parts(clause: Node<'_>) -> (Vec<Node<'_>>, Option<Node<'_>>) {
    let values = children_in(clause, "value");
    match values.as_slice() {
        [value] if value.kind() == "as_pattern" => {
            let target = value.child_by_field_name("alias");
            let name = target.and_then(|target| code_children(target).next()).or(target);
            (code_children(*value).take(1).collect(), name.map(bare))
        }
        _ => {
            let name = clause.child_by_field_name("alias");
            (values, name.map(bare))
        }
    }
}

/// Whether statements may be in a node of that kind, those of definitions left out.
fn is_compound(kind: &str) -> bool {
    matches!(
        kind,
        "block"
            | "if_statement"
            | "elif_clause"
            | "else_clause"
            | "for_statement"
            | "while_statement"
            | "try_statement"
            | "except_clause"
            | "finally_clause"
            | "with_statement"
            | "match_statement"
            | "case_clause"
    )
}
