//! The orchestrator: takes jobs in, clones and plans repos, keeps a small window of batches in the queue, counts
//! results, and writes the report. The only user of git2.
//!
//! In the order of a job: [`intake`] → [`clone`] → [`ledger`] → [`plan`] by [`tokens`] → [`prepare`] (the three together) →
//! [`state`] (the pure part) inside [`job`] (the shell around it) → [`collect`] → [`report`] through [`mod@write`].
//! [`service`] is what they share; [`health`] knows the workers; [`reconcile`] makes the queue agree with the
//! store; [`charge`] sees to it that one orchestrator acts.

pub mod attributes;
pub mod charge;
pub mod clone;
pub mod collect;
pub mod config;
pub mod credentials;
pub mod earlier;
pub mod health;
pub mod intake;
pub mod job;
pub mod ledger;
pub mod patience;
pub mod plan;
pub mod prepare;
pub mod reconcile;
pub mod repo_settings;
pub mod report;
pub mod rows;
pub mod service;
pub mod state;
pub mod tokens;
pub mod tree;
pub mod write;
