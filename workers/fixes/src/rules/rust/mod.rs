//! Rules of Rust, after clippy. What they share: how code is spelled (`syntax`), attributes and lint levels
//! (`attributes`), text for the place of an expression (`replacement`), what lives too long (`temporaries`), what
//! is a `bool` (`booleans`).

mod attributes;
mod bool_comparison;
mod booleans;
mod collapse;
mod collapsible_else_if;
mod collapsible_if;
mod let_and_return;
mod needless_bool;
mod needless_bool_assign;
mod needless_return;
mod needless_return_with_question_mark;
mod println_empty_string;
mod redundant_field_names;
mod redundant_static_lifetimes;
mod replacement;
mod syntax;
mod temporaries;
mod unused_unit;

pub use bool_comparison::BoolComparison;
pub use collapsible_else_if::CollapsibleElseIf;
pub use collapsible_if::CollapsibleIf;
pub use let_and_return::LetAndReturn;
pub use needless_bool::NeedlessBool;
pub use needless_bool_assign::NeedlessBoolAssign;
pub use needless_return::NeedlessReturn;
pub use needless_return_with_question_mark::NeedlessReturnWithQuestionMark;
pub use println_empty_string::PrintlnEmptyString;
pub use redundant_field_names::RedundantFieldNames;
pub use redundant_static_lifetimes::RedundantStaticLifetimes;
pub use unused_unit::UnusedUnit;
