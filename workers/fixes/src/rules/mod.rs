//! All rules, by language. A new rule is one file and one line here.

pub mod javascript;
pub mod python;

use crate::rule::Rule;

/// Every rule of this build, in the order in which fixes are stacked: a rule whose fix makes work for another
/// stands before it (`no-var` before `prefer-const`).
pub static ALL: &[&dyn Rule] = &[];
