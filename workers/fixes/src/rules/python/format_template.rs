//! The template of `str.format`, read from the spelling of the literal: text, and fields such as
//! `{0.name[key]!r:>10}`. Fields within fields are not read.

use super::identifier::is_name;

/// A run of text or a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece<'s> {
    /// As spelled: escapes and doubled braces are kept.
    Text(&'s str),
    /// What stands between two braces.
    Field(Field<'s>),
}

/// One field of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field<'s> {
    /// Which argument.
    pub(super) argument: Argument<'s>,
    /// How to get from the argument to the value, in order.
    pub(super) accessors: Vec<Accessor<'s>>,
    /// What follows `!`.
    pub(super) conversion: Option<char>,
    /// What follows `:`, without it; empty if there is none.
    pub(super) spec: &'s str,
}

/// Which argument a field prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Argument<'s> {
    /// `{}`
    Next,
    /// `{0}`
    Index(usize),
    /// `{name}`
    Keyword(&'s str),
}

/// A step into a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accessor<'s> {
    /// `.name`
    Attribute(&'s str),
    /// `[0]`
    Index(usize),
    /// `[key]`: in a template the key has no quotes.
    Key(&'s str),
}

/// Reads a template. In a raw literal `\N{…}` is a field.
///
/// `None` if `str.format` would refuse it, or if a field holds a field.
#[must_use]
pub(super) fn parse(content: &str, is_raw: bool) -> Option<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut rest = content;
    while !rest.is_empty() {
        let len = text_len(rest, is_raw)?;
        let (text, after) = rest.split_at(len);
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        rest = after;
        if let Some(inner) = rest.strip_prefix('{') {
            let (field, after) = inner.split_once('}')?;
            pieces.push(Piece::Field(parse_field(field)?));
            rest = after;
        }
    }
    Some(pieces)
}

/// The length of the text before the first field; `None` if a `}` has no field to close.
fn text_len(template: &str, is_raw: bool) -> Option<usize> {
    let mut at = 0;
    while let Some(step) = template[at..].find(['{', '}', '\\']) {
        at += step;
        let rest = &template[at..];
        at += if rest.starts_with("{{") || rest.starts_with("}}") {
            2
        } else if rest.starts_with('{') {
            return Some(at);
        } else if rest.starts_with('}') {
            return None;
        } else {
            escape_len(rest, is_raw)
        };
    }
    Some(template.len())
}

/// How much of `rest`, which starts with a backslash, cannot hold a brace that means a field.
fn escape_len(rest: &str, is_raw: bool) -> usize {
    if is_raw {
        return 1;
    }
    if let Some(name) = rest.strip_prefix("\\N{") {
        return name.find('}').map_or(1, |len| "\\N{}".len() + len);
    }
    if rest.starts_with("\\\\") { 2 } else { 1 }
}

fn parse_field(field: &str) -> Option<Field<'_>> {
    if field.contains('{') {
        return None;
    }
    let (left, spec) = field.split_once(':').unwrap_or((field, ""));
    let (name, conversion) = match left.split_once('!') {
        Some((name, conversion)) => {
            let mut letters = conversion.chars();
            let letter = letters.next()?;
            (name, letters.next().is_none().then_some(Some(letter))?)
        }
        None => (left, None),
    };
    let (argument, accessors) = name.split_at(name.find(['.', '[']).unwrap_or(name.len()));
    let argument = match argument {
        "" => Argument::Next,
        name => parse_index(name).map_or(Argument::Keyword(name), Argument::Index),
    };
    Some(Field { argument, accessors: parse_accessors(accessors)?, conversion, spec })
}

fn parse_accessors(mut rest: &str) -> Option<Vec<Accessor<'_>>> {
    let mut accessors = Vec::new();
    while !rest.is_empty() {
        let (accessor, after) = if let Some(attribute) = rest.strip_prefix('.') {
            let (name, after) = attribute.split_at(attribute.find(['.', '[']).unwrap_or(attribute.len()));
            (Accessor::Attribute(name), after)
        } else {
            let (key, after) = rest.strip_prefix('[')?.split_once(']')?;
            (parse_index(key).map_or(Accessor::Key(key), Accessor::Index), after)
        };
        if matches!(accessor, Accessor::Attribute("") | Accessor::Key("")) {
            return None;
        }
        accessors.push(accessor);
        rest = after;
    }
    Some(accessors)
}

/// Digits and nothing else: `str.format` takes `+1` for a name.
fn parse_index(text: &str) -> Option<usize> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

impl Field<'_> {
    /// Whether an f-string in quotes of `quote` can say the same. A key must not hold a quote or a backslash,
    /// an attribute must be a name, and only three conversions exist.
    #[must_use]
    pub(super) fn fits_f_string(&self) -> bool {
        matches!(self.conversion, None | Some('r' | 's' | 'a'))
            && self.accessors.iter().all(|accessor| match accessor {
                Accessor::Attribute(name) => is_name(name),
                Accessor::Index(_) => true,
                Accessor::Key(key) => !key.contains(['\'', '"', '\\', '\n', '\r', '#']),
            })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field(text: &str) -> Field<'_> {
        parse_field(text).unwrap()
    }

    #[test]
    fn text_and_fields_alternate() {
        let next = Piece::Field(field(""));
        assert_eq!(
            parse("a{}b{}", false),
            Some(vec![Piece::Text("a"), next.clone(), Piece::Text("b"), next])
        );
        assert_eq!(parse("", false), Some(vec![]));
    }

    #[test]
    fn doubled_braces_and_named_characters_are_text() {
        for text in ["{{}}", "{{a}}", r"\N{DASH}", r"\\", r"\\{{"] {
            assert_eq!(parse(text, false), Some(vec![Piece::Text(text)]), "{text}");
        }
    }

    #[test]
    fn a_backslash_that_names_no_character_leaves_a_field() {
        let fields = |text, is_raw| parse(text, is_raw).unwrap().contains(&Piece::Field(field("a")));
        assert!(fields(r"\N{a}", true) && fields(r"\\N{a}", false) && fields(r"\{a}", false));
        assert!(!fields(r"\\\N{a}", false));
    }

    #[test]
    fn a_field_is_taken_apart() {
        let expected = Field {
            argument: Argument::Keyword("a"),
            accessors: vec![Accessor::Attribute("b"), Accessor::Index(1), Accessor::Key("c.d")],
            conversion: Some('r'),
            spec: ">10:!s",
        };
        assert_eq!(field("a.b[1][c.d]!r:>10:!s"), expected);
        assert_eq!(field("00").argument, Argument::Index(0));
        assert_eq!(field("+1").argument, Argument::Keyword("+1"));
    }

    #[test]
    fn what_format_refuses_is_refused() {
        for text in ["{", "}", "a}", "{a", "{!}", "{!rs}", "{a.}", "{a[]}", "{a[b}", "{a[b]c}", "{a:{b}}"] {
            assert_eq!(parse(text, false), None, "{text}");
        }
    }

    #[test]
    fn what_only_format_can_say_is_told() {
        for text in ["!x", ".a b", "[a'b]", "[\"]", r"[\d]"] {
            assert!(!field(text).fits_f_string(), "{text}");
        }
        assert!(field("a.b[c d]!r:x").fits_f_string());
    }

    proptest! {
        #[test]
        fn text_pieces_are_kept_as_spelled(template in "[a-c{}\\\\N.\\[\\]!:0-9é]{0,16}", is_raw: bool) {
            if let Some(pieces) = parse(&template, is_raw) {
                let text_len: usize = pieces.iter().map(|piece| match piece {
                    Piece::Text(text) => text.len(),
                    Piece::Field(_) => 0,
                }).sum();
                let n_fields = pieces.iter().filter(|piece| matches!(piece, Piece::Field(_))).count();
                prop_assert!(text_len + 2 * n_fields <= template.len());
            }
        }
    }
}
