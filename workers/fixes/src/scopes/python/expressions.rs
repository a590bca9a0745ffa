//! The walk through expressions: uses of names, scopes of lambdas and comprehensions, types.

use tree_sitter::Node;

use super::generics::{Subscribed, subscribed};
use super::walk::{Context, Later, Store, Task, Walk, children_in, code_children, is_sequence, lone_element};
use super::{BindingKind, Flags, ScopeKind, bare};

impl<'n> Walk<'n, '_> {
    pub(super) fn expression(&mut self, node: Node<'n>, context: Context) {
        let node = bare(node);
        if self.is_deferred_base(context) {
            return self.defer(Later::ClassBase, node, context);
        }
        if self.is_deferred_type(context) {
            let is_string = matches!(self.string_kind(node), Some(StringKind::Text));
            let later = if is_string { Later::Quoted } else { Later::FutureType };
            return self.defer(later, node, context);
        }
        match node.kind() {
            "identifier" => self.load(node, context),
            "string" | "concatenated_string" => self.string(node, context),
            "call" => self.call(node, context),
            "subscript" | "generic_type" => self.subscript(node, context),
            "attribute" | "member_type" => {
                if let Some(object) =
                    node.child_by_field_name("object").or_else(|| code_children(node).next())
                {
                    self.push(Task::Expression(object), context);
                }
            }
            "lambda" => self.lambda(node, context),
            "list_comprehension"
            | "set_comprehension"
            | "dictionary_comprehension"
            | "generator_expression" => self.comprehension(node, context),
            "named_expression" => self.named_expression(node, context),
            "conditional_expression" => self.conditional(node, context),
            "keyword_argument" => {
                if let Some(value) = node.child_by_field_name("value") {
                    self.push(Task::Expression(value), context);
                }
            }
            "as_pattern" => self.as_pattern(node, Store::Assignment { is_unpacked: false }, context),
            _ => self.plan(|plan| {
                code_children(node).for_each(|child| plan.push(Task::Expression(child), context));
            }),
        }
    }

    /// In a stub, the bases of a class may be bound below.
    fn is_deferred_base(&self, context: Context) -> bool {
        self.model.is_stub
            && context.flags.has(Flags::CLASS_BASE)
            && !context.flags.has(Flags::DEFERRED_CLASS_BASE)
    }

    /// Types that are not evaluated may name what is bound below.
    fn is_deferred_type(&self, context: Context) -> bool {
        let flags = context.flags;
        flags.is_type_definition()
            && !flags.has(Flags::LITERAL)
            && !flags.has(Flags::DEFERRED)
            && (self.model.has_future_annotations() || self.model.defers_annotations)
            && (flags.is_annotation() || self.model.is_stub)
    }

    /// `value as target`, of a `with` or where the grammar alone allows it.
    pub(super) fn as_pattern(&mut self, node: Node<'n>, store: Store<'n>, context: Context) {
        let value = code_children(node).next();
        let target = node.child_by_field_name("alias");
        self.plan(|plan| {
            value.into_iter().for_each(|value| plan.push(Task::Expression(value), context));
            target.into_iter().for_each(|target| plan.push(Task::Target(target, store), context));
        });
    }

    fn named_expression(&mut self, node: Node<'n>, context: Context) {
        let (Some(name), Some(value)) = (node.child_by_field_name("name"), node.child_by_field_name("value"))
        else {
            return;
        };
        self.plan(|plan| {
            plan.push(Task::Expression(value), context);
            plan.push(Task::Target(name, Store::NamedExpression), context);
        });
    }

    fn conditional(&mut self, node: Node<'n>, context: Context) {
        let parts: Vec<Node<'n>> = code_children(node).collect();
        let &[body, test, orelse] = parts.as_slice() else { return };
        self.plan(|plan| {
            plan.push(Task::Expression(test), context);
            plan.push(Task::Expression(body), context);
            plan.push(Task::Expression(orelse), context.with(Flags::ORELSE));
        });
    }

    fn call(&mut self, node: Node<'n>, context: Context) {
        let Some(function) = node.child_by_field_name("function") else { return };
        if bare(function).kind() == "identifier" && self.text(bare(function)) == "locals" {
            self.model.scopes[context.scope.0 as usize].uses_locals = true;
        }
        self.plan(|plan| {
            plan.push(Task::Expression(function), context);
            plan.push(Task::Arguments(node), context);
            plan.push(Task::End(node), context);
        });
    }

    fn subscript(&mut self, node: Node<'n>, context: Context) {
        let Some(value) = node.child_by_field_name("value").or_else(|| code_children(node).next()) else {
            return;
        };
        self.plan(|plan| {
            plan.push(Task::Expression(value), context);
            plan.push(Task::Subscripts(node), context);
            plan.push(Task::End(node), context);
        });
    }

    pub(super) fn subscripts(&mut self, node: Node<'n>, context: Context) {
        let elements = subscript_elements(node);
        let has_comma = elements.len() > 1 || has_trailing_comma(node);
        let value = node.child_by_field_name("value").or_else(|| code_children(node).next());
        let path = value
            .filter(|_| !context.flags.has(Flags::SUBSCRIPT))
            .and_then(|value| self.qualified_name(value, context));
        let kind = path.as_deref().and_then(subscribed);
        let (plain, types) = (context.without(Flags::TYPE_DEFINITION), context.with(Flags::TYPE_DEFINITION));
        self.plan(|plan| match kind {
            None => elements.iter().for_each(|&element| plan.push(Task::Expression(element), context)),
            Some(Subscribed::Literal) => {
                let literal = context.with(Flags::LITERAL);
                elements.iter().for_each(|&element| plan.push(Task::Expression(element), literal));
            }
            Some(Subscribed::Generic) => {
                elements.iter().for_each(|&element| plan.push(Task::Expression(element), types));
            }
            Some(Subscribed::Annotated) if has_comma => {
                for (index, &element) in elements.iter().enumerate() {
                    plan.push(Task::Expression(element), if index == 0 { types } else { plain });
                }
            }
            Some(Subscribed::Annotated) => {
                elements.iter().for_each(|&element| plan.push(Task::Expression(element), context));
            }
            Some(Subscribed::TypedDict) => {
                for &element in &elements {
                    let element = bare(element);
                    if element.kind() != "dictionary" {
                        plan.push(Task::Expression(element), plain);
                        continue;
                    }
                    for item in code_children(element) {
                        let (key, value) =
                            (item.child_by_field_name("key"), item.child_by_field_name("value"));
                        if let (Some(key), Some(value)) = (key, value) {
                            plan.push(Task::Expression(key), plain);
                            plan.push(Task::Expression(value), types);
                        } else {
                            plan.push(Task::Expression(item), plain);
                        }
                    }
                }
            }
        });
    }

    fn lambda(&mut self, node: Node<'n>, context: Context) {
        let scope = self.model.open_scope(ScopeKind::Lambda, Some(context.scope), node);
        self.defer(Later::Lambda, node, context.within(scope));
        let defaults = node.child_by_field_name("parameters").map(parameter_defaults).unwrap_or_default();
        self.plan(|plan| {
            defaults.into_iter().for_each(|value| plan.push(Task::Expression(value), context));
        });
    }

    pub(super) fn lambda_body(&mut self, node: Node<'n>, context: Context) {
        if let Some(parameters) = node.child_by_field_name("parameters") {
            self.bind_parameters(parameters, context);
        }
        let mut scope = context.scope;
        let is_in_class =
            self.model.scopes_around(scope).any(|at| self.model.scope(at).kind == ScopeKind::Class);
        if is_in_class {
            scope = self.open_class_cell(scope, node, context);
        }
        if let Some(body) = node.child_by_field_name("body") {
            self.push(Task::Expression(body), context.within(scope));
        }
    }

    /// The scope in which the methods of a class find `__class__`.
    pub(super) fn open_class_cell(
        &mut self,
        parent: super::ScopeId,
        node: Node<'n>,
        context: Context,
    ) -> super::ScopeId {
        let cell = self.model.open_scope(ScopeKind::ClassCell, Some(parent), node);
        self.model.add("__class__", 0..0, BindingKind::ClassCell, context.within(cell));
        cell
    }

    pub(super) fn bind_parameters(&mut self, parameters: Node<'n>, context: Context) {
        let mut open: Vec<Node<'n>> = code_children(parameters).collect();
        open.reverse();
        while let Some(parameter) = open.pop() {
            match parameter.kind() {
                "identifier" => {
                    self.bind(parameter, BindingKind::Argument, context);
                }
                "default_parameter" | "typed_default_parameter" => {
                    open.extend(parameter.child_by_field_name("name"));
                }
                "typed_parameter" => open.extend(code_children(parameter).next()),
                "list_splat_pattern" | "dictionary_splat_pattern" | "tuple_pattern" => {
                    open.extend(code_children(parameter));
                }
                _ => {}
            }
        }
    }

    /// The first iterable is evaluated outside, all else in a scope of its own.
    fn comprehension(&mut self, node: Node<'n>, context: Context) {
        let inner =
            context.within(self.model.open_scope(ScopeKind::Comprehension, Some(context.scope), node));
        let clauses: Vec<Node<'n>> = code_children(node)
            .filter(|child| matches!(child.kind(), "for_in_clause" | "if_clause"))
            .collect();
        let body = node.child_by_field_name("body");
        self.plan(|plan| {
            for (index, clause) in clauses.iter().enumerate() {
                if clause.kind() == "if_clause" {
                    code_children(*clause).for_each(|child| plan.push(Task::Expression(child), inner));
                    continue;
                }
                let outside = if index == 0 { context } else { inner };
                let iterables = children_in(*clause, "right");
                iterables.into_iter().for_each(|iterable| plan.push(Task::Expression(iterable), outside));
                if let Some(target) = clause.child_by_field_name("left") {
                    plan.push(Task::Target(target, Store::Assignment { is_unpacked: false }), inner);
                }
            }
            body.into_iter().for_each(|body| plan.push(Task::Expression(body), inner));
            plan.push(Task::End(node), context);
        });
    }

    /// What is assigned to: names are bound, what attributes and subscripts belong to is used.
    pub(super) fn target(&mut self, node: Node<'n>, store: Store<'n>, context: Context) {
        if let Some(element) = lone_element(node) {
            return self.push(Task::Target(element, store), context);
        }
        match node.kind() {
            "identifier" => self.store(node, store, context),
            "attribute" => {
                if let Some(object) = node.child_by_field_name("object") {
                    self.push(Task::Expression(object), context);
                }
            }
            "subscript" => self.push(Task::Expression(node), context.with(Flags::SUBSCRIPT)),
            "generic_type" => {
                if let Some(name) = code_children(node).next() {
                    self.push(Task::Target(name, store), context);
                }
            }
            "call" | "ERROR" => self.push(Task::Expression(node), context),
            _ => self.plan(|plan| {
                code_children(node).for_each(|child| plan.push(Task::Target(child, store), context));
            }),
        }
    }

    pub(super) fn delete(&mut self, node: Node<'n>, context: Context) {
        match node.kind() {
            "identifier" => self.delete_name(node, context),
            "attribute" | "call" => self.push(Task::Expression(node), context),
            "subscript" => self.push(Task::Expression(node), context.with(Flags::SUBSCRIPT)),
            _ => self.plan(|plan| {
                code_children(node).for_each(|child| plan.push(Task::Delete(child), context));
            }),
        }
    }

    fn string(&mut self, node: Node<'n>, context: Context) {
        let is_type = context.flags.is_type_definition() && !context.flags.has(Flags::LITERAL);
        match self.string_kind(node) {
            Some(StringKind::Text) if is_type => self.defer(Later::Quoted, node, context),
            Some(StringKind::Interpolated) => self.plan(|plan| {
                code_children(node).for_each(|child| plan.push(Task::Expression(child), context));
            }),
            _ => {}
        }
    }

    fn string_kind(&self, node: Node<'n>) -> Option<StringKind> {
        let of_part = |part: Node<'n>| {
            let start = code_children(part).next().filter(|start| start.kind() == "string_start")?;
            let prefix = self.text(start).to_ascii_lowercase();
            Some(if prefix.contains(['f', 't']) {
                StringKind::Interpolated
            } else if prefix.contains('b') {
                StringKind::Bytes
            } else {
                StringKind::Text
            })
        };
        match node.kind() {
            "string" => of_part(node),
            "concatenated_string" => code_children(node).filter_map(of_part).max(),
            _ => None,
        }
    }
}

/// What a string literal makes; of several parts the greatest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum StringKind {
    Text,
    Bytes,
    Interpolated,
}

/// What stands between the brackets of a subscript.
pub(super) fn subscript_elements(node: Node<'_>) -> Vec<Node<'_>> {
    if node.kind() == "generic_type" {
        let list = code_children(node).find(|child| child.kind() == "type_parameter");
        return list.map(|list| code_children(list).collect()).unwrap_or_default();
    }
    let elements = children_in(node, "subscript");
    match elements.as_slice() {
        // `x[(a, b)]` is `x[a, b]`.
        [tuple] if bare(*tuple).kind() == "tuple" && is_sequence(*tuple) => {
            code_children(bare(*tuple)).collect()
        }
        _ => elements,
    }
}

fn has_trailing_comma(node: Node<'_>) -> bool {
    let list = code_children(node).find(|child| child.kind() == "type_parameter").unwrap_or(node);
    list.children(&mut list.walk()).any(|child| child.kind() == ",")
}

/// The default values in a list of parameters.
pub(super) fn parameter_defaults(parameters: Node<'_>) -> Vec<Node<'_>> {
    code_children(parameters).filter_map(|parameter| parameter.child_by_field_name("value")).collect()
}
