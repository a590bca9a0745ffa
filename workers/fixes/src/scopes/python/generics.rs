//! What a subscript means in a type: `List["A"]` holds a type, `Literal["A"]` a string.

/// How the arguments of a subscript are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subscribed {
    /// Values, not types.
    Literal,
    /// Types.
    Generic,
    /// A type, then values.
    Annotated,
    /// A dictionary whose values are types.
    TypedDict,
}

/// What the subscript of `path` (see [`super::PythonScopes::qualified_name`]) holds, if that is known.
pub(super) fn subscribed(path: &str) -> Option<Subscribed> {
    let (module, member) = path.rsplit_once('.')?;
    // Within the typing modules any member of that name counts, whatever submodule it is in.
    let is_typing = ["typing", "_typeshed", "typing_extensions"].iter().any(|typing| {
        module.strip_prefix(typing).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    });
    if is_typing {
        return match member {
            "Literal" => Some(Subscribed::Literal),
            "Annotated" => Some(Subscribed::Annotated),
            "TypedDict" => Some(Subscribed::TypedDict),
            _ => is_generic_of_any_module(member).then_some(Subscribed::Generic),
        };
    }
    let is_generic = match module {
        "" | "builtins" => matches!(member, "dict" | "frozenset" | "list" | "set" | "tuple" | "type"),
        "collections" => {
            matches!(member, "ChainMap" | "Counter" | "OrderedDict" | "defaultdict" | "deque")
        }
        "collections.abc" => is_abstract_collection(member),
        "contextlib" => matches!(member, "AbstractAsyncContextManager" | "AbstractContextManager"),
        "re" => matches!(member, "Match" | "Pattern"),
        "weakref" => matches!(member, "WeakKeyDictionary" | "WeakSet" | "WeakValueDictionary"),
        _ => false,
    };
    is_generic.then_some(Subscribed::Generic)
}

fn is_abstract_collection(member: &str) -> bool {
    matches!(
        member,
        "AsyncGenerator"
            | "AsyncIterable"
            | "AsyncIterator"
            | "Awaitable"
            | "ByteString"
            | "Callable"
            | "Collection"
            | "Container"
            | "Coroutine"
            | "Generator"
            | "ItemsView"
            | "Iterable"
            | "Iterator"
            | "KeysView"
            | "Mapping"
            | "MappingView"
            | "MutableMapping"
            | "MutableSequence"
            | "MutableSet"
            | "Reversible"
            | "Sequence"
            | "Set"
            | "ValuesView"
    )
}

fn is_generic_of_any_module(member: &str) -> bool {
    is_abstract_collection(member)
        || matches!(
            member,
            "AbstractAsyncContextManager"
                | "AbstractContextManager"
                | "AbstractSet"
                | "AsyncContextManager"
                | "BinaryIO"
                | "ChainMap"
                | "ClassVar"
                | "Concatenate"
                | "ContextManager"
                | "Counter"
                | "DefaultDict"
                | "Deque"
                | "Dict"
                | "Final"
                | "FrozenSet"
                | "Generic"
                | "IO"
                | "List"
                | "Match"
                | "Optional"
                | "OrderedDict"
                | "Pattern"
                | "TextIO"
                | "Tuple"
                | "Type"
                | "TypeGuard"
                | "Union"
                | "Unpack"
                | "WeakKeyDictionary"
                | "WeakSet"
                | "WeakValueDictionary"
                | "defaultdict"
                | "deque"
                | "dict"
                | "frozenset"
                | "list"
                | "set"
                | "tuple"
                | "type"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_decides_what_a_subscript_holds() {
        assert_eq!(subscribed(".list"), Some(Subscribed::Generic));
        assert_eq!(subscribed("typing.re.Match"), Some(Subscribed::Generic));
        assert_eq!(subscribed("typing_extensions.Literal"), Some(Subscribed::Literal));
        assert_eq!(subscribed("typing.Annotated"), Some(Subscribed::Annotated));
        assert_eq!(subscribed("mine.List"), None);
        assert_eq!(subscribed("typingly.List"), None);
    }
}
