//! Rules of JavaScript and TypeScript, after ESLint.

pub(crate) mod declaration;
mod dot_notation;
mod eqeqeq;
mod global_members;
pub(crate) mod globals;
pub(crate) mod hoisting;
mod logical_assignment_operators;
mod misread;
mod no_compare_neg_zero;
mod no_extra_boolean_cast;
mod no_prototype_builtins;
mod no_unneeded_ternary;
mod no_useless_rename;
mod no_var;
mod number_parsing;
mod object_shorthand;
mod operator_assignment;
mod prefer_const;
mod prefer_exponentiation_operator;
mod prefer_numeric_literals;
mod prefer_object_has_own;
mod prefer_template;
mod radix;
mod same_reference;
mod statement_start;
mod static_value;
mod surroundings;
pub(crate) mod syntax;
#[cfg(test)]
mod tests;
mod yoda;

pub use dot_notation::DotNotation;
pub use eqeqeq::Eqeqeq;
pub use logical_assignment_operators::LogicalAssignmentOperators;
pub use no_compare_neg_zero::NoCompareNegZero;
pub use no_extra_boolean_cast::NoExtraBooleanCast;
pub use no_prototype_builtins::NoPrototypeBuiltins;
pub use no_unneeded_ternary::NoUnneededTernary;
pub use no_useless_rename::NoUselessRename;
pub use no_var::NoVar;
pub use object_shorthand::ObjectShorthand;
pub use operator_assignment::OperatorAssignment;
pub use prefer_const::PreferConst;
pub use prefer_exponentiation_operator::PreferExponentiationOperator;
pub use prefer_numeric_literals::PreferNumericLiterals;
pub use prefer_object_has_own::PreferObjectHasOwn;
pub use prefer_template::PreferTemplate;
pub use radix::Radix;
pub use yoda::Yoda;

use crate::language::Language;

/// The languages that these rules run on.
const ECMASCRIPT: &[Language] = &[Language::JavaScript, Language::TypeScript, Language::Tsx];
