//! The manual of a rule, written once: the doc block of its type is also the text that reports print.

/// Declares the type of a rule and keeps its doc block as `Self::MANUAL`, for [`Meta::docs`](crate::Meta).
///
/// ```ignore
/// rule_type! {
///     /// ## What it does
///     /// …
///     pub struct NoVar;
/// }
/// ```
macro_rules! rule_type {
    ($(#[doc = $line:literal])+ $vis:vis struct $name:ident $fields:tt) => {
        $(#[doc = $line])+
        #[derive(Clone, Debug, Default)]
        $vis struct $name $fields
        $crate::rules::manual::rule_type!(@manual $name $($line)+);
    };
    ($(#[doc = $line:literal])+ $vis:vis struct $name:ident;) => {
        $(#[doc = $line])+
        #[derive(Clone, Copy, Debug, Default)]
        $vis struct $name;
        $crate::rules::manual::rule_type!(@manual $name $($line)+);
    };
    (@manual $name:ident $($line:literal)+) => {
        impl $name {
            /// The doc block of this rule as Markdown.
            pub(crate) const MANUAL: &'static str = {
                const RAW: &str = concat!($($line, "\n"),+);
                const TEXT: [u8; $crate::rules::manual::unindented_len(RAW)] =
                    $crate::rules::manual::unindent(RAW);
                match std::str::from_utf8(&TEXT) {
                    Ok(text) => text,
                    Err(_) => panic!("taking spaces out keeps UTF-8"),
                }
            };
        }
    };
}
pub(crate) use rule_type;

/// The length of [`unindent`]'s answer.
pub(crate) const fn unindented_len(raw: &str) -> usize {
    let bytes = raw.as_bytes();
    let mut len = 0;
    let mut at = 0;
    while at < bytes.len() {
        if !is_indent(bytes, at) {
            len += 1;
        }
        at += 1;
    }
    len
}

/// Takes out the one space that a doc comment has at the start of each line; `N` is [`unindented_len`].
pub(crate) const fn unindent<const N: usize>(raw: &str) -> [u8; N] {
    let bytes = raw.as_bytes();
    let mut text = [0; N];
    let mut len = 0;
    let mut at = 0;
    while at < bytes.len() {
        if !is_indent(bytes, at) {
            text[len] = bytes[at];
            len += 1;
        }
        at += 1;
    }
    text
}

const fn is_indent(bytes: &[u8], at: usize) -> bool {
    bytes[at] == b' ' && (at == 0 || bytes[at - 1] == b'\n')
}

#[cfg(test)]
mod tests {
    rule_type! {
        /// ## What it does
        /// Nothing – in tests.
        ///
        /// ```text
        /// a
        ///   b
        /// ```
        struct Sample;
    }

    #[test]
    fn the_manual_is_the_doc_block_without_its_first_spaces() {
        assert_eq!(Sample::MANUAL, "## What it does\nNothing – in tests.\n\n```text\na\n  b\n```\n");
    }
}
