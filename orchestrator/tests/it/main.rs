//! Integration tests of the orchestrator.

mod report;
mod repositories;
