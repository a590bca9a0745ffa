//! Rules of Python, after ruff. What they share: how code is spelled (`syntax`, `lines`, `string_value`, `number`,
//! `identifier`), how it is spelled anew (`generator`, `padding`, `reindent`), comparisons (`comparison`), calls
//! (`arguments`), types that are strings (`annotation`), what names mean (`names`, `dict_type`), what an expression
//! does and is for (`side_effect`, `boolean_test`), and `str.format` (`format_template`, `format_arguments`).

mod annotation;
mod arguments;
mod boolean_test;
mod comparison;
mod dict_get_with_none_default;
mod dict_type;
mod double_negation;
mod duplicate_handler_exception;
mod duplicate_value;
mod f_string;
mod format_arguments;
mod format_template;
mod generator;
mod getattr_with_constant;
mod identifier;
mod is_literal;
mod lines;
mod names;
mod none_comparison;
mod number;
mod padding;
mod reindent;
mod setattr_with_constant;
mod side_effect;
mod string_value;
mod superfluous_else_return;
mod syntax;
#[cfg(test)]
mod tests;
mod true_false_comparison;
mod unnecessary_dict_kwargs;
mod unnecessary_key_check;
mod unnecessary_placeholder;
mod unnecessary_range_start;
mod unsafe_yaml_load;
mod useless_object_inheritance;
mod yoda_conditions;

pub use dict_get_with_none_default::DictGetWithNoneDefault;
pub use double_negation::DoubleNegation;
pub use duplicate_handler_exception::DuplicateHandlerException;
pub use duplicate_value::DuplicateValue;
pub use f_string::FString;
pub use getattr_with_constant::GetattrWithConstant;
pub use is_literal::IsLiteral;
pub use none_comparison::NoneComparison;
pub use setattr_with_constant::SetattrWithConstant;
pub use superfluous_else_return::SuperfluousElseReturn;
pub use true_false_comparison::TrueFalseComparison;
pub use unnecessary_dict_kwargs::UnnecessaryDictKwargs;
pub use unnecessary_key_check::UnnecessaryKeyCheck;
pub use unnecessary_placeholder::UnnecessaryPlaceholder;
pub use unnecessary_range_start::UnnecessaryRangeStart;
pub use unsafe_yaml_load::UnsafeYamlLoad;
pub use useless_object_inheritance::UselessObjectInheritance;
pub use yoda_conditions::YodaConditions;
