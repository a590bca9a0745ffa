//! Rules of Python, after ruff. What they share: how code is spelled (`syntax`), comparisons (`comparison`),
//! types that are strings (`annotation`), what names mean (`names`), and `str.format` (`format_template`,
//! `format_arguments`).

mod annotation;
mod comparison;
mod effects;
mod format_arguments;
mod format_template;
mod generate;
mod importer;
mod names;
mod pep604;
mod statement_edits;
mod stdlib;
mod suppression;
mod syntax;
mod type_view;

mod deprecated_import;
mod f_string;
mod is_literal;
mod mutable_argument_default;
mod non_pep585_annotation;
mod non_pep604_optional;
mod non_pep604_union;
mod none_comparison;
mod open_alias;
mod os_error_alias;
mod super_call_with_parameters;
mod true_false_comparison;
mod unnecessary_dict_comprehension_for_iterable;
mod unnecessary_paren_on_raise_exception;
mod unused_import;
mod unused_variable;
mod useless_object_inheritance;

pub use deprecated_import::DeprecatedImport;
pub use f_string::FString;
pub use is_literal::IsLiteral;
pub use mutable_argument_default::MutableArgumentDefault;
pub use non_pep585_annotation::NonPep585Annotation;
pub use non_pep604_optional::NonPep604Optional;
pub use non_pep604_union::NonPep604Union;
pub use none_comparison::NoneComparison;
pub use open_alias::OpenAlias;
pub use os_error_alias::OsErrorAlias;
pub use super_call_with_parameters::SuperCallWithParameters;
pub use true_false_comparison::TrueFalseComparison;
pub use unnecessary_dict_comprehension_for_iterable::UnnecessaryDictComprehensionForIterable;
pub use unnecessary_paren_on_raise_exception::UnnecessaryParenOnRaiseException;
pub use unused_import::UnusedImport;
pub use unused_variable::UnusedVariable;
pub use useless_object_inheritance::UselessObjectInheritance;

pub(crate) use suppression::Suppressions;

#[cfg(test)]
mod tests;
