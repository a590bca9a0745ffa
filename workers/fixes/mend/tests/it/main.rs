//! The rules against the test suites of their origins, and the binary on a working tree.

mod binary;
mod origin;
