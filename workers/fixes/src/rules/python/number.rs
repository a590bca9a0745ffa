//! Number literals: their value, how ruff spells it, and which of them are one and the same key of a set.

/// The value of a number literal, as ruff keeps it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Number {
    /// An integer of at most 64 bits.
    Int(u64),
    /// A larger integer, as it is spelled.
    BigInt(String),
    /// A floating point number.
    Float(f64),
    /// The factor before `j`.
    Imaginary(f64),
}

/// `2 ** 64`: integers from here on are not compared by value.
const BEYOND_U64: f64 = 18_446_744_073_709_551_616.0;

/// How ruff spells a number that is too large for a float.
const INFINITY: &str = "1e309";

impl Number {
    /// Reads the text of a literal; `None` for what Python 3 does not know (`1L`).
    #[must_use]
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.replace('_', "").to_ascii_lowercase();
        if let Some(radix) = radix_of(&digits) {
            let number = u64::from_str_radix(digits.get(2..)?, radix);
            return match number {
                Ok(value) => Some(Self::Int(value)),
                Err(error) => is_overflow(&error).then(|| Self::BigInt(text.to_owned())),
            };
        }
        if let Some(factor) = digits.strip_suffix('j') {
            return factor.parse().ok().map(Self::Imaginary);
        }
        if digits.contains(['.', 'e']) {
            return digits.parse().ok().map(Self::Float);
        }
        match digits.parse::<u64>() {
            Ok(value) => Some(Self::Int(value)),
            Err(error) => is_overflow(&error).then_some(Self::BigInt(digits)),
        }
    }

    /// How ruff spells the number.
    #[must_use]
    pub(super) fn generated(&self) -> String {
        match self {
            Self::Int(value) => value.to_string(),
            Self::BigInt(text) => text.clone(),
            Self::Float(value) if value.is_infinite() => INFINITY.to_owned(),
            Self::Float(value) => float_text(*value),
            Self::Imaginary(value) if value.is_infinite() => format!("{INFINITY}j"),
            Self::Imaginary(value) => format!("{value}j"),
        }
    }

    /// A text that two numbers have in common if and only if they are equal: `1`, `1.0` and `True` are.
    #[must_use]
    pub(super) fn key(&self) -> String {
        match self {
            Self::Int(value) => format!("{value}"),
            Self::BigInt(text) => format!("big {text}"),
            Self::Float(value) => real_key(*value),
            Self::Imaginary(value) if *value == 0.0 => "0".to_owned(),
            Self::Imaginary(value) => format!("{}j", real_key(*value)),
        }
    }
}

fn radix_of(digits: &str) -> Option<u32> {
    match digits.get(..2)? {
        "0x" => Some(16),
        "0o" => Some(8),
        "0b" => Some(2),
        _ => None,
    }
}

fn is_overflow(error: &std::num::ParseIntError) -> bool {
    *error.kind() == std::num::IntErrorKind::PosOverflow
}

fn real_key(value: f64) -> String {
    if value.is_finite() && value.fract() == 0.0 && value.abs() < BEYOND_U64 {
        format!("{}", value + 0.0)
    } else {
        format!("float {:x}", value.to_bits())
    }
}

/// Python's `repr` of a float: an exponent from `1e16` on and below `1e-4`.
fn float_text(value: f64) -> String {
    let scientific = format!("{value:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if !(-4..16).contains(&exponent) {
        format!("{digits}e{exponent:+03}")
    } else if (value - value.round()).abs() < f64::EPSILON {
        format!("{value:.1}")
    } else {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generated(text: &str) -> String {
        Number::parse(text).unwrap().generated()
    }

    fn key(text: &str) -> String {
        Number::parse(text).unwrap().key()
    }

    #[test]
    fn numbers_are_spelled_as_ruff_does() {
        for (text, expected) in [
            ("0x1F", "31"),
            ("1_000", "1000"),
            ("00", "0"),
            ("1.", "1.0"),
            (".5", "0.5"),
            ("1e3", "1000.0"),
            ("1e16", "1e+16"),
            ("1E-5", "1e-05"),
            ("1e999", "1e309"),
            ("1J", "1j"),
            ("99999999999999999999", "99999999999999999999"),
            ("0xFFFF_FFFF_FFFF_FFFF_F", "0xFFFF_FFFF_FFFF_FFFF_F"),
        ] {
            assert_eq!(generated(text), expected, "{text}");
        }
    }

    #[test]
    fn equal_numbers_have_one_key() {
        for (left, right) in [("1", "1.0"), ("0", "0j"), ("0", "0.0"), ("16", "0x10"), ("1_0", "1e1")] {
            assert_eq!(key(left), key(right), "{left} {right}");
        }
        for (left, right) in [("1", "1.5"), ("1", "1j"), ("0.1", "0.2"), ("2", "1")] {
            assert_ne!(key(left), key(right), "{left} {right}");
        }
    }

    #[test]
    fn what_python_3_does_not_know_is_refused() {
        for text in ["1L", "0x", "", "j", "a"] {
            assert_eq!(Number::parse(text), None, "{text}");
        }
    }
}
