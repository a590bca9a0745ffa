//! The template of the `%` operator: `%(name)-10.3f`.

/// A run of text or a conversion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// As spelled, `%%` as `%`.
    Text(String),
    /// What starts with a `%`.
    Conversion(Conversion),
}

/// One conversion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Conversion {
    /// What stands in parentheses behind the `%`.
    pub(super) key: Option<String>,
    /// `#`
    pub(super) alternate: bool,
    /// `0`
    pub(super) zero_padded: bool,
    /// `-`
    pub(super) left: bool,
    /// A space.
    pub(super) blank: bool,
    /// `+`
    pub(super) signed: bool,
    /// The least width.
    pub(super) width: Option<Quantity>,
    /// What follows the `.`.
    pub(super) precision: Option<Precision>,
    /// The last letter.
    pub(super) letter: char,
}

/// A number, or `*`: the next value says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantity {
    /// A number.
    Amount(i32),
    /// `*`
    FromValues,
}

/// A precision may be a dot and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precision {
    /// `.3`, `.*`
    Quantity(Quantity),
    /// `.`
    Dot,
}

impl Conversion {
    /// Whether it has flags.
    #[must_use]
    pub(super) fn has_flags(&self) -> bool {
        self.alternate || self.zero_padded || self.left || self.blank || self.signed
    }

    /// Whether it does more than to print a value.
    #[must_use]
    pub(super) fn has_modifiers(&self) -> bool {
        self.has_flags() || self.width.is_some() || self.precision.is_some()
    }

    /// The field of `str.format` that prints the same.
    #[must_use]
    pub(super) fn as_field(&self) -> String {
        let mut field = String::from("{");
        field.push_str(self.key.as_deref().unwrap_or_default());
        let is_text = matches!(self.letter, 's' | 'r' | 'a');
        if self.has_modifiers() || !is_text {
            field.push(':');
            field.push_str(&self.spelled_flags());
            if let Some(Quantity::Amount(width)) = self.width {
                field.push_str(&width.to_string());
            }
            match self.precision {
                // Integers have no precision in `str.format`, but they can be filled up with zeros.
                Some(Precision::Quantity(Quantity::Amount(digits))) => {
                    let is_integer = matches!(self.letter, 'b' | 'c' | 'd' | 'o' | 'x' | 'X' | 'n');
                    field.push(if is_integer { '0' } else { '.' });
                    field.push_str(&digits.to_string());
                }
                Some(Precision::Dot) => field.push_str(".0"),
                Some(Precision::Quantity(Quantity::FromValues)) | None => {}
            }
        }
        if !is_text {
            field.push(self.letter);
        } else if self.letter != 's' {
            field.extend(['!', self.letter]);
        }
        field.push('}');
        field
    }

    fn spelled_flags(&self) -> String {
        let flags = [
            (self.left, '<'),
            (self.signed, '+'),
            (self.alternate, '#'),
            (self.blank && !self.signed, ' '),
            (self.zero_padded && !self.left, '0'),
        ];
        flags.into_iter().filter(|(is_set, _)| *is_set).map(|(_, letter)| letter).collect()
    }
}

/// Reads a template; `None` if Python would refuse it.
#[must_use]
pub(super) fn parse(template: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('%') {
        text.push_str(before);
        rest = behind;
        if let Some(behind) = rest.strip_prefix('%') {
            text.push('%');
            rest = behind;
            continue;
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
        }
        let mut reader = Reader { rest };
        pieces.push(Piece::Conversion(reader.conversion()?));
        rest = reader.rest;
    }
    text.push_str(rest);
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Some(pieces)
}

struct Reader<'s> {
    rest: &'s str,
}

impl Reader<'_> {
    fn conversion(&mut self) -> Option<Conversion> {
        let mut conversion = Conversion { key: self.key()?, ..Conversion::default() };
        loop {
            let flag = match self.rest.bytes().next() {
                Some(b'#') => &mut conversion.alternate,
                Some(b'0') => &mut conversion.zero_padded,
                Some(b'-') => &mut conversion.left,
                Some(b' ') => &mut conversion.blank,
                Some(b'+') => &mut conversion.signed,
                _ => break,
            };
            *flag = true;
            self.rest = &self.rest[1..];
        }
        conversion.width = self.quantity()?;
        if self.eat('.') {
            conversion.precision = Some(self.quantity()?.map_or(Precision::Dot, Precision::Quantity));
        }
        if self.rest.starts_with(['h', 'l', 'L']) {
            self.rest = &self.rest[1..];
        }
        conversion.letter = self.rest.chars().next().filter(|letter| "diuoxXeEfFgGcrsa".contains(*letter))?;
        self.rest = &self.rest[1..];
        Some(conversion)
    }

    /// `Some(None)` without a key, `None` if its parentheses are not closed.
    fn key(&mut self) -> Option<Option<String>> {
        if !self.eat('(') {
            return Some(None);
        }
        let mut depth = 1_usize;
        for (at, character) in self.rest.char_indices() {
            match character {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                let key = self.rest[..at].to_owned();
                self.rest = &self.rest[at + 1..];
                return Some(Some(key));
            }
        }
        None
    }

    /// `Some(None)` without a number, `None` if it is too large.
    fn quantity(&mut self) -> Option<Option<Quantity>> {
        if self.eat('*') {
            return Some(Some(Quantity::FromValues));
        }
        let len = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at(len);
        self.rest = rest;
        Some(if digits.is_empty() { None } else { Some(Quantity::Amount(digits.parse().ok()?)) })
    }

    fn eat(&mut self, wanted: char) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields(template: &str) -> Option<String> {
        let spell = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Conversion(conversion) => conversion.as_field(),
        };
        Some(parse(template)?.iter().map(spell).collect())
    }

    #[test]
    fn conversions_become_fields() {
        for (template, wanted) in [
            ("a", "a"),
            ("%s and %r, %a", "{} and {!r}, {!a}"),
            ("%%%s%%", "%{}%"),
            ("%(a)s", "{a}"),
            ("%(a(b)c)s", "{a(b)c}"),
            ("%2f", "{:2f}"),
            ("%.f", "{:.0f}"),
            ("%.3f", "{:.3f}"),
            ("%-5f", "{:<5f}"),
            ("%0-5f", "{:<5f}"),
            ("%+ f", "{:+f}"),
            ("%#o", "{:#o}"),
            ("%.2X", "{:02X}"),
            ("%.00002X", "{:02X}"),
            ("%lx", "{:x}"),
        ] {
            assert_eq!(fields(template).as_deref(), Some(wanted), "{template}");
        }
    }

    #[test]
    fn what_python_refuses_is_refused() {
        for template in ["%", "a %", "%(a", "%b", "%4%", "%99999999999s", "%é"] {
            assert_eq!(parse(template), None, "{template}");
        }
    }

    proptest! {
        #[test]
        fn any_template_is_read_without_a_panic(template in "[%()*.0-9a-zé#+ -]{0,16}") {
            let _ = fields(&template);
        }
    }
}
