//! Regular expressions that users write as options, in JavaScript's own syntax with the flag `u`.

use serde::{Deserialize, Deserializer, de};

/// A regular expression of an option.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    regex: regress::Regex,
    source: String,
}

impl Pattern {
    /// Whether it matches somewhere in `text`.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.regex.find(text).is_some()
    }
}

/// As JavaScript shows it: `/^_/u`.
impl std::fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "/{}/u", self.source)
    }
}

impl<'d> Deserialize<'d> for Pattern {
    fn deserialize<D: Deserializer<'d>>(deserializer: D) -> Result<Self, D::Error> {
        let source = String::deserialize(deserializer)?;
        let regex = regress::Regex::with_flags(&source, "u")
            .map_err(|error| de::Error::custom(format!("`{source}` is no regular expression: {error}")))?;
        Ok(Self { regex, source })
    }
}

/// Reads an optional pattern; ESLint takes an empty one for none.
pub(crate) fn optional<'d, D: Deserializer<'d>>(deserializer: D) -> Result<Option<Pattern>, D::Error> {
    let pattern = Option::<Pattern>::deserialize(deserializer)?;
    Ok(pattern.filter(|pattern| !pattern.source.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_javascript() {
        let pattern: Pattern = serde_json::from_str(r#""^(?!_)\\w\\/?[[]?$""#).unwrap();
        assert!(pattern.is_match("a") && !pattern.is_match("_") && pattern.is_match("a/["));
        assert_eq!(pattern.to_string(), r"/^(?!_)\w\/?[[]?$/u");
        assert!(serde_json::from_str::<Pattern>(r#""(""#).is_err());
    }
}
