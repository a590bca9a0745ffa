//! The arguments of calls, some of which are types: `cast("A", x)`, `TypeVar("T", bound="A")`.

use tree_sitter::Node;

use super::walk::{Context, Plan, Task, Walk, code_children};
use super::{Flags, bare};

/// A callable some of whose arguments are types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Callable {
    Bool,
    Cast,
    NewType,
    TypeVar,
    TypeAliasType,
    NamedTuple,
    TypedDict,
    MypyExtension,
}

impl Callable {
    fn of(path: &str) -> Option<Self> {
        let (module, member) = path.rsplit_once('.')?;
        match (module, member) {
            ("typing" | "_typeshed" | "typing_extensions", _) => match member {
                "cast" => Some(Self::Cast),
                "NewType" => Some(Self::NewType),
                "TypeVar" => Some(Self::TypeVar),
                "TypeAliasType" => Some(Self::TypeAliasType),
                "NamedTuple" => Some(Self::NamedTuple),
                "TypedDict" => Some(Self::TypedDict),
                _ => None,
            },
            (
                "mypy_extensions",
                "Arg" | "DefaultArg" | "NamedArg" | "DefaultNamedArg" | "VarArg" | "KwArg",
            ) => Some(Self::MypyExtension),
            ("" | "builtins", "bool") => Some(Self::Bool),
            _ => None,
        }
    }
}

/// An argument: its name, if it has one, and its value.
#[derive(Clone, Copy)]
enum Argument<'n, 'w> {
    Positional(Node<'n>),
    Keyword(&'w str, Node<'n>),
    /// `**values`
    Keywords(Node<'n>),
}

impl<'n> Walk<'n, '_> {
    pub(super) fn arguments(&mut self, call: Node<'n>, context: Context) {
        let (Some(function), Some(list)) =
            (call.child_by_field_name("function"), call.child_by_field_name("arguments"))
        else {
            return;
        };
        let path = self.qualified_name(function, context);
        let callable = path.as_deref().and_then(Callable::of);
        let types = context.with(Flags::TYPE_DEFINITION);
        let plain = context.without(Flags::TYPE_DEFINITION);
        let nodes: Vec<Node<'n>> = match list.kind() {
            "argument_list" => code_children(list).collect(),
            _ => vec![list],
        };
        let names: Vec<String> = nodes
            .iter()
            .map(|node| {
                let name = (node.kind() == "keyword_argument").then(|| node.child_by_field_name("name"));
                name.flatten().map(|name| self.text(name).into_owned()).unwrap_or_default()
            })
            .collect();
        let arguments: Vec<Argument<'n, '_>> =
            nodes.iter().zip(&names).map(|(node, name)| Argument::of(*node, name)).collect();
        self.plan(|plan| match callable {
            None => {
                for argument in &arguments {
                    plan.push(Task::Expression(argument.value()), plain);
                }
            }
            Some(callable) => {
                let mut typed = Typed { plan, types, plain, context };
                typed.all(callable, &arguments);
            }
        });
    }
}

impl<'n, 'w> Argument<'n, 'w> {
    fn of(node: Node<'n>, name: &'w str) -> Self {
        match node.kind() {
            "keyword_argument" => Self::Keyword(name, node.child_by_field_name("value").unwrap_or(node)),
            "dictionary_splat" => Self::Keywords(code_children(node).next().unwrap_or(node)),
            _ => Self::Positional(node),
        }
    }

    fn value(self) -> Node<'n> {
        match self {
            Self::Positional(node) | Self::Keyword(_, node) | Self::Keywords(node) => node,
        }
    }
}

struct Typed<'p, 's, 'n> {
    plan: &'p mut Plan<'s, 'n>,
    types: Context,
    plain: Context,
    /// As the call itself stands.
    context: Context,
}

impl<'n> Typed<'_, '_, 'n> {
    fn visit(&mut self, node: Node<'n>, is_type: bool) {
        self.plan.push(Task::Expression(node), if is_type { self.types } else { self.plain });
    }

    fn all(&mut self, callable: Callable, arguments: &[Argument<'n, '_>]) {
        let has_positional = arguments.iter().any(|argument| matches!(argument, Argument::Positional(_)));
        for (index, argument) in arguments.iter().enumerate() {
            match (callable, *argument) {
                (Callable::Bool, Argument::Positional(node)) => {
                    self.plan.push(Task::Expression(node), self.context);
                }
                (
                    Callable::Cast | Callable::NewType | Callable::TypeAliasType,
                    Argument::Positional(node),
                ) => {
                    let of_type = usize::from(callable != Callable::Cast);
                    self.visit(node, index == of_type);
                }
                (Callable::Cast, Argument::Keyword(name, node)) => self.visit(node, name == "typ"),
                (Callable::NewType, Argument::Keyword(name, node)) => self.visit(node, name == "tp"),
                (Callable::TypeAliasType, Argument::Keyword(name, node)) => {
                    self.visit(node, matches!(name, "value" | "type_params"));
                }
                // ruff does not look at these.
                (
                    Callable::Bool | Callable::Cast | Callable::NewType | Callable::TypeAliasType,
                    Argument::Keyword(..) | Argument::Keywords(_),
                ) => {}
                (Callable::TypeVar, Argument::Positional(node)) => self.visit(node, index > 0),
                (Callable::TypeVar, Argument::Keyword(name, node)) => {
                    self.visit(node, matches!(name, "bound" | "default"));
                }
                (Callable::TypeVar, Argument::Keywords(node)) => self.visit(node, false),
                (Callable::NamedTuple, _) => self.named_tuple(index, *argument),
                (Callable::TypedDict, _) => self.typed_dict(index, *argument),
                (Callable::MypyExtension, Argument::Positional(node)) => self.visit(node, index == 0),
                (Callable::MypyExtension, Argument::Keyword(name, node)) => {
                    self.visit(node, !has_positional && name == "type");
                }
                (Callable::MypyExtension, Argument::Keywords(node)) => self.visit(node, false),
            }
        }
    }

    /// `NamedTuple("a", [("b", int)])`
    fn named_tuple(&mut self, index: usize, argument: Argument<'n, '_>) {
        match argument {
            Argument::Positional(node) if index > 0 && is_list_or_tuple(node) => {
                for element in code_children(bare(node)) {
                    let parts: Vec<Node<'n>> = match is_list_or_tuple(element) {
                        true => code_children(bare(element)).collect(),
                        false => Vec::new(),
                    };
                    if let &[name, of] = parts.as_slice() {
                        self.visit(name, false);
                        self.visit(of, true);
                    } else {
                        self.visit(element, false);
                    }
                }
            }
            Argument::Positional(node) => self.visit(node, false),
            Argument::Keyword(_, node) => self.visit(node, true),
            Argument::Keywords(node) => self.dictionary(node),
        }
    }

    /// `TypedDict("a", {"b": int})`
    fn typed_dict(&mut self, index: usize, argument: Argument<'n, '_>) {
        match argument {
            Argument::Positional(node) if index > 0 => self.dictionary(node),
            Argument::Positional(node) => self.visit(node, false),
            Argument::Keyword(_, node) | Argument::Keywords(node) => self.visit(node, true),
        }
    }

    /// A dictionary whose values are types, or some other value.
    fn dictionary(&mut self, node: Node<'n>) {
        let node = bare(node);
        if node.kind() != "dictionary" {
            return self.visit(node, false);
        }
        for item in code_children(node) {
            match (item.child_by_field_name("key"), item.child_by_field_name("value")) {
                (Some(key), Some(value)) => {
                    self.visit(key, false);
                    self.visit(value, true);
                }
                _ => self.visit(item, false),
            }
        }
    }
}

fn is_list_or_tuple(node: Node<'_>) -> bool {
    matches!(bare(node).kind(), "list" | "tuple")
}
