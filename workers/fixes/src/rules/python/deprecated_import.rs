//! `UP035`: an import from where something used to be.

use std::sync::Arc;

use serde_json::Value;
use tree_sitter::Node;

use crate::language::Language;
use crate::rule::{Applicability, Category, Edit, Finding, Fix, Gate, Level, Meta, Rule, without_options};
use crate::rules::manual::rule_type;
use crate::source::ParsedFile;

use super::lines::{indentation, line_ending, line_start};
use super::syntax::utf8;

rule_type! {
    /// ## What it does
    /// Finds imports of what has moved to another module (ruff's `deprecated-import`): from `typing` to
    /// `collections.abc`, from `typing_extensions` to `typing`, and the like.
    ///
    /// ## Why is this bad?
    /// The old place is kept for older versions of Python only, and some of the old names are already gone.
    ///
    /// ## Example
    /// ```python
    /// from collections import Sequence
    /// ```
    /// Use instead:
    /// ```python
    /// from collections.abc import Sequence
    /// ```
    ///
    /// ## Fix safety
    /// Safe. Where the version of Python is not known, what moved in a version later than 3.9 is only suggested.
    /// There is no fix for what was renamed, such as `typing.List`, nor in a line of several statements.
    pub struct DeprecatedImport;
}

static META: Meta = Meta {
    id: "UP035",
    origin: "ruff",
    category: Category::Modernise,
    languages: &[Language::Python],
    level: Level::Warning,
    summary: "Finds imports of what has moved to another module.",
    docs: DeprecatedImport::MANUAL,
};

impl Rule for DeprecatedImport {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn configured(&self, options: &[Value]) -> Result<Arc<dyn Rule>, String> {
        without_options(self, options)
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["import_from_statement"]
    }

    fn best_applicability(&self) -> Applicability {
        Applicability::Safe
    }

    fn hands_over_to(&self) -> &'static [&'static str] {
        &["UP006"]
    }

    fn check<'t>(&self, file: &ParsedFile<'t>, node: Node<'t>, out: &mut Vec<Finding>) {
        let Some(module) = node.child_by_field_name("module_name") else { return };
        let module: String =
            file.text(module).chars().filter(|letter| !letter.is_whitespace() && *letter != '\\').collect();
        let is_known = MOVES.iter().any(|of| of.from == module);
        let items: Vec<Node<'t>> = node.children_by_field_name("name", &mut node.walk()).collect();
        if !is_known || items.is_empty() {
            return;
        }
        let Some(minor) = file.python_scopes().map(|scopes| scopes.minor_version()) else { return };
        let targets = targets_of(&module, minor);
        for target in targets {
            out.extend(moved(file, node, &module, target, minor, &items));
        }
        if module == "typing" && minor >= 9 {
            for item in &items {
                let name = member(file, *item);
                if let Some((_, target)) = RENAMED.iter().find(|(old, _)| *old == name) {
                    let message = format!("`typing.{name}` is deprecated, use `{target}` instead");
                    out.push(Finding::new(&META, node.byte_range(), message));
                }
            }
        }
    }
}

/// Members of a module that moved to another in a version of Python 3.
struct Move {
    from: &'static str,
    to: &'static str,
    minor: u16,
    members: &'static [&'static str],
}

/// Where members of `module` moved to, in the order in which they are reported.
fn targets_of(module: &str, minor: u16) -> Vec<&'static str> {
    let mut targets = Vec::new();
    for of in MOVES.iter().filter(|of| of.from == module && of.minor <= minor) {
        if !targets.contains(&of.to) {
            targets.push(of.to);
        }
    }
    // What was in `typing.re` went to `typing` first, and from there to `re`.
    if targets.contains(&"re") && module == "typing.re" {
        targets.retain(|target| *target == "re");
    }
    targets
}

/// The member that an item of an import names.
fn member(file: &ParsedFile<'_>, item: Node<'_>) -> String {
    file.text(item.child_by_field_name("name").unwrap_or(item)).into_owned()
}

fn moved(
    file: &ParsedFile<'_>,
    statement: Node<'_>,
    module: &str,
    target: &'static str,
    minor: u16,
    items: &[Node<'_>],
) -> Option<Finding> {
    let since = |name: &str| {
        let moves = MOVES.iter().filter(|of| of.from == module && of.to == target && of.minor <= minor);
        moves.filter(|of| of.members.contains(&name)).map(|of| of.minor).min()
    };
    let matched: Vec<(usize, u16)> = items
        .iter()
        .enumerate()
        .filter_map(|(index, item)| Some((index, since(&member(file, *item))?)))
        .collect();
    let latest = matched.iter().map(|(_, minor)| *minor).max()?;
    let indices: Vec<usize> = matched.into_iter().map(|(index, _)| index).collect();
    let names: Vec<String> =
        indices.iter().map(|index| format!("`{}`", member(file, items[*index]))).collect();
    let message = format!("Import from `{target}` instead: {}", names.join(", "));
    let fix = new_text(file, statement, target, items, &indices).map(|text| {
        let fix = Fix::safe(vec![Edit::replace(statement.byte_range(), text)]);
        if latest > 9 { fix.needing(Gate::Python(3, latest)) } else { fix }
    });
    Some(Finding::new(&META, statement.byte_range(), message).with_fix(fix))
}

/// The import without the members at `indices`, and a new import of them.
fn new_text(
    file: &ParsedFile<'_>,
    statement: Node<'_>,
    target: &str,
    items: &[Node<'_>],
    indices: &[usize],
) -> Option<String> {
    let spelled: Vec<String> = indices
        .iter()
        .map(|index| {
            let item = items[*index];
            let alias = item.child_by_field_name("alias").map(|alias| file.text(alias));
            alias.map_or_else(|| member(file, item), |alias| format!("{} as {alias}", member(file, item)))
        })
        .collect();
    let import = format!("from {target} import {}", spelled.join(", "));
    if indices.len() == items.len() {
        return Some(import);
    }
    let start = statement.start_byte();
    indentation(file.bytes, start)?;
    let indentation = utf8(file, line_start(file.bytes, start)..start)?;
    let rest = without_items(file, statement, items, indices)?;
    Some(format!("{rest}{}{indentation}{import}", line_ending(file.bytes)))
}

/// The text of an import without some of its items, with the comma before each, or with what follows up to the
/// next item for those at the front.
fn without_items(
    file: &ParsedFile<'_>,
    statement: Node<'_>,
    items: &[Node<'_>],
    indices: &[usize],
) -> Option<String> {
    let commas: Vec<usize> = statement
        .children(&mut statement.walk())
        .filter(|child| child.kind() == ",")
        .map(|comma| comma.start_byte())
        .collect();
    let mut text = String::new();
    let mut last = statement.start_byte();
    let mut is_first = true;
    for (index, item) in items.iter().enumerate() {
        if !indices.contains(&index) {
            is_first = false;
            continue;
        }
        let range = if is_first {
            item.start_byte()..items.get(index + 1)?.start_byte()
        } else {
            *commas.get(index.checked_sub(1)?)?..item.end_byte()
        };
        if range.start > last {
            text.push_str(utf8(file, last..range.start)?);
        }
        last = range.end;
    }
    text.push_str(utf8(file, last..statement.end_byte())?);
    Some(text)
}

const COLLECTION_TYPES: &[&str] = &[
    "AsyncGenerator",
    "AsyncIterable",
    "AsyncIterator",
    "Awaitable",
    "ByteString",
    "Collection",
    "Container",
    "Coroutine",
    "Generator",
    "Hashable",
    "ItemsView",
    "Iterable",
    "Iterator",
    "KeysView",
    "Mapping",
    "MappingView",
    "MutableMapping",
    "MutableSequence",
    "MutableSet",
    "Reversible",
    "Sequence",
    "Sized",
    "ValuesView",
];

/// In the order in which targets are reported. What moved before Python 3.7 counts from the start.
const MOVES: &[Move] = &[
    Move { from: "collections", to: "collections.abc", minor: 0, members: COLLECTION_TYPES },
    Move { from: "collections", to: "collections.abc", minor: 0, members: &["Callable", "Set"] },
    Move { from: "pipes", to: "shlex", minor: 0, members: &["quote"] },
    Move { from: "typing_extensions", to: "collections.abc", minor: 12, members: &["Buffer"] },
    Move { from: "typing_extensions", to: "warnings", minor: 13, members: &["deprecated"] },
    Move { from: "typing_extensions", to: "types", minor: 12, members: &["get_original_bases"] },
    Move { from: "typing_extensions", to: "types", minor: 13, members: &["CapsuleType"] },
    Move {
        from: "typing_extensions",
        to: "typing",
        minor: 0,
        members: &[
            "AbstractSet",
            "AnyStr",
            "AsyncIterable",
            "AsyncIterator",
            "Awaitable",
            "BinaryIO",
            "Callable",
            "ClassVar",
            "Collection",
            "Container",
            "Coroutine",
            "DefaultDict",
            "Dict",
            "FrozenSet",
            "Generic",
            "Hashable",
            "IO",
            "ItemsView",
            "Iterable",
            "Iterator",
            "KeysView",
            "List",
            "Mapping",
            "MappingView",
            "Match",
            "MutableMapping",
            "MutableSequence",
            "MutableSet",
            "Optional",
            "Pattern",
            "Reversible",
            "Sequence",
            "Set",
            "Sized",
            "TYPE_CHECKING",
            "Text",
            "TextIO",
            "Tuple",
            "Type",
            "Union",
            "ValuesView",
            "cast",
            "no_type_check",
            "no_type_check_decorator",
        ],
    },
    Move {
        from: "typing_extensions",
        to: "typing",
        minor: 7,
        members: &["ChainMap", "Counter", "Deque", "ForwardRef", "NoReturn"],
    },
    Move { from: "typing_extensions", to: "typing", minor: 8, members: &["Final", "OrderedDict"] },
    Move { from: "typing_extensions", to: "typing", minor: 9, members: &["Annotated"] },
    Move {
        from: "typing_extensions",
        to: "typing",
        minor: 10,
        members: &[
            "Concatenate",
            "Literal",
            "NewType",
            "ParamSpecArgs",
            "ParamSpecKwargs",
            "TypeAlias",
            "TypeGuard",
            "get_args",
            "get_origin",
        ],
    },
    Move {
        from: "typing_extensions",
        to: "typing",
        minor: 11,
        members: &[
            "Any",
            "LiteralString",
            "Never",
            "NotRequired",
            "Required",
            "Self",
            "assert_never",
            "assert_type",
            "clear_overloads",
            "final",
            "get_overloads",
            "overload",
            "reveal_type",
        ],
    },
    Move {
        from: "typing_extensions",
        to: "typing",
        minor: 12,
        members: &[
            "NamedTuple",
            "Protocol",
            "SupportsAbs",
            "SupportsBytes",
            "SupportsComplex",
            "SupportsFloat",
            "SupportsIndex",
            "SupportsInt",
            "SupportsRound",
            "TypeAliasType",
            "Unpack",
            "dataclass_transform",
            "override",
        ],
    },
    Move {
        from: "typing_extensions",
        to: "typing",
        minor: 13,
        members: &[
            "AsyncContextManager",
            "AsyncGenerator",
            "ContextManager",
            "Generator",
            "NoDefault",
            "ParamSpec",
            "ReadOnly",
            "TypeIs",
            "TypeVar",
            "TypeVarTuple",
            "get_protocol_members",
            "get_type_hints",
            "is_protocol",
            "runtime_checkable",
        ],
    },
    Move { from: "mypy_extensions", to: "typing", minor: 7, members: &["NoReturn"] },
    Move { from: "mypy_extensions", to: "typing", minor: 8, members: &["TypedDict"] },
    Move { from: "typing", to: "collections.abc", minor: 9, members: COLLECTION_TYPES },
    Move { from: "typing", to: "collections.abc", minor: 10, members: &["Callable"] },
    Move { from: "typing", to: "collections", minor: 9, members: &["ChainMap", "Counter", "OrderedDict"] },
    Move { from: "typing", to: "re", minor: 9, members: &["Match", "Pattern"] },
    Move { from: "typing.io", to: "typing", minor: 7, members: &["BinaryIO", "IO", "TextIO"] },
    Move { from: "typing.re", to: "typing", minor: 7, members: &["Match", "Pattern"] },
    Move { from: "typing.re", to: "re", minor: 9, members: &["Match", "Pattern"] },
    Move { from: "backports.strenum", to: "enum", minor: 11, members: &["StrEnum"] },
];

/// Members of `typing` that have another name elsewhere since Python 3.9.
const RENAMED: &[(&str, &str)] = &[
    ("AsyncContextManager", "contextlib.AbstractAsyncContextManager"),
    ("ContextManager", "contextlib.AbstractContextManager"),
    ("AbstractSet", "collections.abc.Set"),
    ("Tuple", "tuple"),
    ("List", "list"),
    ("FrozenSet", "frozenset"),
    ("Dict", "dict"),
    ("Type", "type"),
    ("Set", "set"),
    ("Deque", "collections.deque"),
    ("DefaultDict", "collections.defaultdict"),
];
