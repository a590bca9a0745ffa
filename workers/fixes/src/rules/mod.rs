//! All rules, by language. A new rule is one file and one line here.
//!
//! The doc block of a rule's type is its manual. It is written once, inside `rule_type! { … }`
//! (see `manual.rs`), which gives the type its documentation and `Self::MANUAL` for
//! [`Meta::docs`](crate::Meta).

pub mod go;
pub mod javascript;
mod manual;
pub mod python;
pub mod rust;

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
    &rust::NeedlessBool,
    &rust::NeedlessBoolAssign,
    &rust::BoolComparison,
    &rust::NeedlessReturn,
    &rust::NeedlessReturnWithQuestionMark,
    &rust::UnusedUnit,
    &rust::LetAndReturn,
    &rust::CollapsibleElseIf::DEFAULT,
    &rust::CollapsibleIf::DEFAULT,
    &rust::RedundantFieldNames,
    &rust::RedundantStaticLifetimes,
    &rust::PrintlnEmptyString,
    &go::SimplifyCompositeLit,
    &go::SimplifyRange,
    &go::BoolConstant,
    &go::StringsIndex,
    &go::BlankAssignment,
    &go::MergeDeclaration,
    &go::ErrorsNewSprintf,
    &go::Yoda,
    &go::Any,
    &go::StringsCutPrefix,
];
