//! Rules of JavaScript and TypeScript, after ESLint and its plugins.

pub(crate) mod declaration;
mod eqeqeq;
pub(crate) mod global_path;
pub(crate) mod globals;
pub(crate) mod hoisting;
mod jsx_no_target_blank;
pub(crate) mod keyword_space;
pub(crate) mod member_access;
mod no_array_constructor;
mod no_extra_boolean_cast;
mod no_extra_non_null_assertion;
mod no_inferrable_types;
mod no_new_buffer;
mod no_regex_spaces;
mod no_unnecessary_type_constraint;
mod no_useless_computed_key;
mod no_useless_escape;
mod no_useless_rename;
mod no_var;
mod object_shorthand;
pub(crate) mod parentheses;
mod prefer_as_const;
mod prefer_const;
mod prefer_date_now;
mod prefer_node_protocol;
mod prefer_object_spread;
mod prefer_optional_catch_binding;
pub(crate) mod regex_syntax;
pub(crate) mod statement_start;
pub(crate) mod static_value;
pub(crate) mod syntax;
#[cfg(test)]
mod tests;
mod throw_new_error;
pub(crate) mod touching;
pub(crate) mod type_syntax;
mod use_isnan;

pub use eqeqeq::Eqeqeq;
pub use jsx_no_target_blank::JsxNoTargetBlank;
pub use no_array_constructor::NoArrayConstructor;
pub use no_extra_boolean_cast::NoExtraBooleanCast;
pub use no_extra_non_null_assertion::NoExtraNonNullAssertion;
pub use no_inferrable_types::NoInferrableTypes;
pub use no_new_buffer::NoNewBuffer;
pub use no_regex_spaces::NoRegexSpaces;
pub use no_unnecessary_type_constraint::NoUnnecessaryTypeConstraint;
pub use no_useless_computed_key::NoUselessComputedKey;
pub use no_useless_escape::NoUselessEscape;
pub use no_useless_rename::NoUselessRename;
pub use no_var::NoVar;
pub use object_shorthand::ObjectShorthand;
pub use prefer_as_const::PreferAsConst;
pub use prefer_const::PreferConst;
pub use prefer_date_now::PreferDateNow;
pub use prefer_node_protocol::PreferNodeProtocol;
pub use prefer_object_spread::PreferObjectSpread;
pub use prefer_optional_catch_binding::PreferOptionalCatchBinding;
pub use throw_new_error::ThrowNewError;
pub use use_isnan::UseIsnan;

use crate::language::Language;

/// The languages that these rules run on.
const ECMASCRIPT: &[Language] = &[Language::JavaScript, Language::TypeScript, Language::Tsx];

/// The languages that have types.
const TYPED: &[Language] = &[Language::TypeScript, Language::Tsx];
