//! Rules of Python, after ruff. What they share: how code is spelled (`syntax`), comparisons (`comparison`),
//! types that are strings (`annotation`), what names mean (`names`), and `str.format` (`format_template`,
//! `format_arguments`).

mod annotation;
mod code_style;
mod comparison;
mod format_arguments;
mod format_template;
mod future_names;
mod leaf_tokens;
mod line_breaks;
mod literal_types;
mod names;
pub(crate) mod noqa;
mod not_tests;
mod operands;
mod printf_template;
mod quoted_expressions;
mod reserved_words;
mod ruff_codes;
mod statement_deletion;
mod syntax;
mod word_gaps;

mod class_parentheses;
mod coding_comment;
mod extraneous_parentheses;
mod f_string;
mod future_import;
mod invalid_escape_sequence;
mod is_literal;
mod missing_placeholders;
mod native_literals;
mod none_comparison;
mod not_in_test;
mod not_is_test;
mod percent_format;
mod redundant_open_mode;
mod true_false_comparison;
mod type_of_primitive;
mod unicode_prefix;
mod unnecessary_encode;
mod unused_noqa;
mod useless_object_inheritance;

pub use class_parentheses::ClassParentheses;
pub use coding_comment::CodingComment;
pub use extraneous_parentheses::ExtraneousParentheses;
pub use f_string::FString;
pub use future_import::FutureImport;
pub use invalid_escape_sequence::InvalidEscapeSequence;
pub use is_literal::IsLiteral;
pub use missing_placeholders::MissingPlaceholders;
pub use native_literals::NativeLiterals;
pub use none_comparison::NoneComparison;
pub use not_in_test::NotInTest;
pub use not_is_test::NotIsTest;
pub use percent_format::PercentFormat;
pub use redundant_open_mode::RedundantOpenMode;
pub use true_false_comparison::TrueFalseComparison;
pub use type_of_primitive::TypeOfPrimitive;
pub use unicode_prefix::UnicodePrefix;
pub use unnecessary_encode::UnnecessaryEncode;
pub use unused_noqa::UnusedNoqa;
pub use useless_object_inheritance::UselessObjectInheritance;

#[cfg(test)]
mod tests;
