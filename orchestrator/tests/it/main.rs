//! Integration tests of the orchestrator.

mod report;
