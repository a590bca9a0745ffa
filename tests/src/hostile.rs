//! Repositories as a stranger could write them, and how to prove that they do no harm: what every case has to become,
//! the memory that it costs, and that nothing outside was touched.

pub mod cases;
pub mod process;
pub mod raw;
pub mod sentinel;
