//! Rules of JavaScript and TypeScript, after ESLint.

mod ancestry;
pub(crate) mod declaration;
mod directives;
mod eqeqeq;
pub(crate) mod globals;
pub(crate) mod hoisting;
mod no_extra_boolean_cast;
mod no_undef_init;
mod no_unused_vars;
mod no_useless_rename;
mod no_var;
mod object_shorthand;
mod pattern;
mod prefer_const;
mod preserve_caught_error;
mod property_name;
pub(crate) mod syntax;
#[cfg(test)]
mod tests;

pub use eqeqeq::Eqeqeq;
pub use no_extra_boolean_cast::NoExtraBooleanCast;
pub use no_undef_init::NoUndefInit;
pub use no_unused_vars::NoUnusedVars;
pub use no_useless_rename::NoUselessRename;
pub use no_var::NoVar;
pub use object_shorthand::ObjectShorthand;
pub use prefer_const::PreferConst;
pub use preserve_caught_error::PreserveCaughtError;

use crate::language::Language;

/// The languages that these rules run on.
const ECMASCRIPT: &[Language] = &[Language::JavaScript, Language::TypeScript, Language::Tsx];
