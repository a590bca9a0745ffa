//! All rules, by language. A new rule is one file and one line here.
//!
//! The doc block of a rule's type is its manual. It is written once, inside `rule_type! { … }`
//! (see `manual.rs`), which gives the type its documentation and `Self::MANUAL` for
//! [`Meta::docs`](crate::Meta).

pub mod javascript;
mod manual;
pub mod python;

use crate::rule::Rule;

/// Every rule of this build, in the order in which fixes are stacked: a rule whose fix makes work for another
/// stands before it (`no-var` before `prefer-const`).
pub static ALL: &[&dyn Rule] = &[
    &javascript::NoVar,
    &javascript::PreferConst,
    &javascript::NoExtraBooleanCast,
    &javascript::NoUselessRename,
    &javascript::Eqeqeq,
    &javascript::ObjectShorthand,
    &python::NoneComparison,
    &python::TrueFalseComparison,
    &python::IsLiteral,
    &python::UselessObjectInheritance,
    &python::FString,
    &python::NonPep585Annotation::DEFAULT,
    &python::NonPep604Union::DEFAULT,
    &python::NonPep604Optional::DEFAULT,
    &python::DeprecatedImport,
    &python::OsErrorAlias,
    &python::OpenAlias,
    &python::SuperCallWithParameters,
    &python::UnnecessaryParenOnRaiseException,
    &python::UnnecessaryDictComprehensionForIterable,
    &python::MutableArgumentDefault::DEFAULT,
    &python::UnusedVariable,
    &python::UnusedImport::DEFAULT,
];
