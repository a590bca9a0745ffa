//! Which language a file is written in. The ledger asks; what no grammar fits is skipped.

pub use settings::Language;
