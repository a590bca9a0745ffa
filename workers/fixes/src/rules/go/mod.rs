//! Rules of Go, after staticcheck, `gofmt -s` and modernize. What they share: how code is spelled (`syntax`), what
//! is a `bool` (`booleans`), comments in columns (`alignment`). What names mean is in [`crate::scopes::go`].

mod alignment;
mod any;
mod blank_assignment;
mod bool_constant;
mod booleans;
mod errors_new_sprintf;
mod merge_declaration;
mod simplifycompositelit;
mod simplifyrange;
mod strings_cut_prefix;
mod strings_index;
mod syntax;
mod yoda;

pub use any::Any;
pub use blank_assignment::BlankAssignment;
pub use bool_constant::BoolConstant;
pub use errors_new_sprintf::ErrorsNewSprintf;
pub use merge_declaration::MergeDeclaration;
pub use simplifycompositelit::SimplifyCompositeLit;
pub use simplifyrange::SimplifyRange;
pub use strings_cut_prefix::StringsCutPrefix;
pub use strings_index::StringsIndex;
pub use yoda::Yoda;
