//! Rules of JavaScript and TypeScript, after ESLint.

mod eqeqeq;
mod no_extra_boolean_cast;
mod no_useless_rename;
mod object_shorthand;
pub(crate) mod syntax;

pub use eqeqeq::Eqeqeq;
pub use no_extra_boolean_cast::NoExtraBooleanCast;
pub use no_useless_rename::NoUselessRename;
pub use object_shorthand::ObjectShorthand;

use crate::language::Language;

/// The languages that these rules run on.
const ECMASCRIPT: &[Language] = &[Language::JavaScript, Language::TypeScript, Language::Tsx];
