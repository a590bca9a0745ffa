//! Rules of JavaScript and TypeScript, after ESLint.

mod arrow_body_style;
mod curly;
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
mod function_uses;
pub(crate) mod globals;
pub(crate) mod hoisting;
mod no_else_return;
mod no_extra_bind;
mod no_extra_boolean_cast;
mod no_extra_label;
mod no_lonely_if;
mod no_unsafe_negation;
mod no_unused_labels;
mod no_useless_rename;
mod no_useless_return;
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
mod prefer_arrow_callback;
mod prefer_const;
mod return_flow;
mod statement_lists;
pub(crate) mod syntax;
#[cfg(test)]
mod tests;
mod token_lines;
mod valid_typeof;

pub use arrow_body_style::ArrowBodyStyle;
pub use curly::Curly;
pub use eqeqeq::Eqeqeq;
pub use no_else_return::NoElseReturn;
pub use no_extra_bind::NoExtraBind;
pub use no_extra_boolean_cast::NoExtraBooleanCast;
pub use no_extra_label::NoExtraLabel;
pub use no_lonely_if::NoLonelyIf;
pub use no_unsafe_negation::NoUnsafeNegation;
pub use no_unused_labels::NoUnusedLabels;
pub use no_useless_rename::NoUselessRename;
pub use no_useless_return::NoUselessReturn;
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
pub use prefer_arrow_callback::PreferArrowCallback;
pub use prefer_const::PreferConst;
pub use valid_typeof::ValidTypeof;

use crate::language::Language;

/// The languages that these rules run on.
const ECMASCRIPT: &[Language] = &[Language::JavaScript, Language::TypeScript, Language::Tsx];
