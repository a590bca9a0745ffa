//! Rules of Python, after ruff. What they share: how code is spelled (`syntax`), comparisons (`comparison`),
//! types that are strings (`annotation`), what names mean (`names`), and `str.format` (`format_template`,
//! `format_arguments`).

mod annotation;
mod comparison;
mod f_string;
mod format_arguments;
mod format_template;
mod is_literal;
mod names;
mod none_comparison;
mod syntax;
#[cfg(test)]
mod tests;
mod true_false_comparison;
mod useless_object_inheritance;

pub use f_string::FString;
pub use is_literal::IsLiteral;
pub use none_comparison::NoneComparison;
pub use true_false_comparison::TrueFalseComparison;
pub use useless_object_inheritance::UselessObjectInheritance;
