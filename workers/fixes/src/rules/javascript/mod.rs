//! Rules of JavaScript and TypeScript, after ESLint.

pub mod eqeqeq;
pub mod no_extra_boolean_cast;
pub mod no_useless_rename;
pub mod object_shorthand;
pub(crate) mod syntax;

use crate::language::Language;

/// The languages that these rules run on.
const ECMASCRIPT: &[Language] = &[Language::JavaScript, Language::TypeScript, Language::Tsx];
