//! Strings that could be names.

use unicode_normalization::UnicodeNormalization;

/// Whether `name` can be written as a name: no keyword, and letters as Python wants them.
#[must_use]
pub(super) fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first == '_' || unicode_ident::is_xid_start(first))
        && letters.all(unicode_ident::is_xid_continue)
        && !is_keyword(name)
}

/// Whether a class around would change the name: `__name`.
#[must_use]
pub(super) fn is_mangled(name: &str) -> bool {
    name.starts_with("__") && !name.ends_with("__")
}

/// Whether Python would read `name` as it is; it brings names into normal form NFKC.
#[must_use]
pub(super) fn is_normal(name: &str) -> bool {
    name.is_ascii() || name.nfkc().eq(name.chars())
}

/// Whether Python keeps `name` for itself.
#[must_use]
pub(super) fn is_keyword(name: &str) -> bool {
    matches!(name, "False" | "None" | "True" | "and" | "as" | "assert" | "async" | "await" | "break")
        || matches!(name, "class" | "continue" | "def" | "del" | "elif" | "else" | "except" | "finally")
        || matches!(name, "for" | "from" | "global" | "if" | "import" | "in" | "is" | "lambda" | "nonlocal")
        || matches!(name, "not" | "or" | "pass" | "raise" | "return" | "try" | "while" | "with" | "yield")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_other_strings() {
        assert!(["a", "_", "πr", "match", "漢字"].into_iter().all(is_name));
        assert!(!["", "1a", "a-b", "for", "co³t", "a b"].into_iter().any(is_name));
    }

    #[test]
    fn normal_forms_are_told() {
        assert!(is_normal("bar") && is_normal("é") && !is_normal("ſ"));
        assert!(is_mangled("__a") && !is_mangled("__a__") && !is_mangled("_a"));
    }
}
