//! Which language a file is written in, by its name. The ledger asks; what no grammar fits is skipped.

use serde::{Deserialize, Serialize};

/// A language that the workers can parse.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// `.js`, `.cjs`, `.mjs`, `.jsx`
    JavaScript,
    /// `.ts`, `.cts`, `.mts`
    TypeScript,
    /// `.tsx`
    Tsx,
    /// `.py`, `.pyi`
    Python,
}

impl Language {
    /// All languages, in the order of the report.
    pub const ALL: [Self; 4] = [Self::JavaScript, Self::TypeScript, Self::Tsx, Self::Python];

    /// The language of a file by its name, `None` if no grammar fits.
    #[must_use]
    pub fn of_path(path: &[u8]) -> Option<Self> {
        let name = path.rsplit(|&byte| byte == b'/').next()?;
        let dot = name.iter().rposition(|&byte| byte == b'.')?;
        match &name[dot + 1..] {
            b"js" | b"cjs" | b"mjs" | b"jsx" => Some(Self::JavaScript),
            b"ts" | b"cts" | b"mts" => Some(Self::TypeScript),
            b"tsx" => Some(Self::Tsx),
            b"py" | b"pyi" => Some(Self::Python),
            _ => None,
        }
    }
}
