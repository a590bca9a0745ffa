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
    &javascript::PreferTemplate,
    &javascript::PreferExponentiationOperator,
    &javascript::OperatorAssignment::DEFAULT,
    &javascript::DotNotation::DEFAULT,
    &javascript::Yoda::DEFAULT,
    &javascript::NoUnneededTernary::DEFAULT,
    &javascript::LogicalAssignmentOperators::DEFAULT,
    &javascript::PreferNumericLiterals,
    &javascript::PreferObjectHasOwn,
    &javascript::NoCompareNegZero,
    &javascript::Radix,
    &javascript::NoPrototypeBuiltins,
    &javascript::NoLonelyIf,
    &javascript::NoElseReturn::DEFAULT,
    &javascript::Curly::DEFAULT,
    &javascript::NoUselessReturn,
    &javascript::NoExtraLabel,
    &javascript::NoUnusedLabels,
    &javascript::NoExtraBind,
    &javascript::ArrowBodyStyle::DEFAULT,
    &javascript::PreferArrowCallback::DEFAULT,
    &javascript::NoUnsafeNegation::DEFAULT,
    &javascript::ValidTypeof::DEFAULT,
    &javascript::NoUselessComputedKey::DEFAULT,
    &javascript::PreferObjectSpread,
    &javascript::NoArrayConstructor,
    &javascript::NoRegexSpaces,
    &javascript::NoUselessEscape::DEFAULT,
    &javascript::UseIsnan::DEFAULT,
    &javascript::PreferAsConst,
    &javascript::NoInferrableTypes::DEFAULT,
    &javascript::NoExtraNonNullAssertion,
    &javascript::NoUnnecessaryTypeConstraint,
    &javascript::ThrowNewError,
    &javascript::PreferNodeProtocol,
    &javascript::PreferDateNow,
    &javascript::PreferOptionalCatchBinding,
    &javascript::NoNewBuffer,
    &javascript::JsxNoTargetBlank::DEFAULT,
    &python::NoneComparison,
    &python::TrueFalseComparison,
    &python::IsLiteral,
    &python::UselessObjectInheritance,
    &python::FString,
    &python::GetattrWithConstant,
    &python::SetattrWithConstant,
    &python::DuplicateHandlerException,
    &python::DuplicateValue,
    &python::DoubleNegation,
    &python::YodaConditions,
    &python::DictGetWithNoneDefault,
    &python::UnnecessaryPlaceholder,
    &python::UnnecessaryDictKwargs,
    &python::UnnecessaryRangeStart,
    &python::UnnecessaryKeyCheck,
    &python::SuperfluousElseReturn,
    &python::UnsafeYamlLoad,
];
