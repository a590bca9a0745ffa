//! What people read first.

use clap::CommandFactory;
use submit_job::cli::Cli;

#[test]
fn the_help_is_as_documented() {
    insta::assert_snapshot!(Cli::command().term_width(100).render_long_help().to_string());
}

#[test]
fn every_command_has_help() {
    let mut cli = Cli::command().term_width(100);
    cli.build();
    let helps: Vec<String> = ["status", "list", "report", "cancel", "resume", "doctor"]
        .iter()
        .map(|name| cli.find_subcommand_mut(name).unwrap().render_help().to_string())
        .collect();
    insta::assert_snapshot!(helps.join("\n---\n"));
}
