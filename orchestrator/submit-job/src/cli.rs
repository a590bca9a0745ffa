//! The command line as clap sees it. What the options mean together is decided in [`crate::request`] and
//! [`crate::place`].

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use schemas::JobId;
use schemas::rules::Level;

const EXAMPLES: &str = "\
Examples:
  submit-job --local .
      Scan the repository in this folder with everything on this machine
  submit-job --local --workers 2 --rules no-var,eqeqeq https://github.com/expressjs/express@v5.1.0
      Two rules, two workers, one tag
  submit-job --nats nats://queue:4222 --store s3://bucket/nightmend --repos repos.txt --detach
      Hand a list over to a running system and come back later
  submit-job --local --audit 1 .
      The second night does what changed; one in a hundred of the other files is done again to compare
  submit-job status JOB --nats nats://queue:4222 --store s3://bucket/nightmend
      Where a job stands, and who works
  submit-job report JOB --out report
      Write the report of an earlier local job again
  submit-job resume JOB --local --store s3://bucket/nightmend
      Go on with a job that stopped anywhere, from its object store alone

A repository in a folder named like a command is written ./status.

Exit codes: 0 done, 1 error, 2 usage, 3 partial (the report says what failed), 5 the job id is
taken by another job, 6 findings at or above --fail-on, 130 interrupted (the same --job-id goes on)";

/// Scan and mend the code of whole repositories: a job in, a report and patches out
#[derive(Debug, Parser)]
#[command(name = "submit-job", version, about, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do; without a command, repositories are submitted.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The options of a submission.
    #[command(flatten)]
    pub submit: SubmitArgs,
}

/// Everything but submitting.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Where a job stands, and the workers
    Status(JobArgs),
    /// All jobs, newest first
    List(ListArgs),
    /// Write report and patches of an ended job, and print the keys of its tensors
    Report(ReportArgs),
    /// Stop a job
    Cancel(JobArgs),
    /// Go on with a job that did not end, here or on another machine
    Resume(ResumeArgs),
    /// Check that everything a local run needs is there
    Doctor(DoctorArgs),
}

/// What every command takes: which system to talk to.
#[derive(Clone, Debug, Default, Args)]
pub struct SystemArgs {
    /// NATS server of a running system, or several of one cluster separated by commas
    #[arg(long, value_name = "URL")]
    pub nats: Option<String>,
    /// Credentials file for the NATS server
    #[arg(long, value_name = "FILE", requires = "nats")]
    pub creds: Option<PathBuf>,
    /// Token of the NATS server
    #[arg(long, env = "NM_NATS_TOKEN", hide = true, hide_env_values = true, value_name = "TOKEN")]
    pub nats_token: Option<String>,
    /// Object store: file:///… or s3://…; default with --local: inside the data folder
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,
    /// Folder of the local system: clones, object store, queue, logs [default: $XDG_DATA_HOME/nightmend]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// The options of a submission.
#[derive(Debug, Args)]
pub struct SubmitArgs {
    /// Repositories: URL (https, ssh, file) or path; REV is a branch, tag or commit
    #[arg(value_name = "REPO[@REV]")]
    pub repos: Vec<String>,
    /// File of repositories.
    #[arg(
        long = "repos",
        value_name = "FILE",
        help = "File with one REPO[@REV] per line, # for comments, - for standard input"
    )]
    pub repos_file: Option<PathBuf>,
    /// Rules to run: a profile (default, modern, all, none), categories and ids, separated by commas; - takes away
    #[arg(long, value_name = "PROFILE,ID,-ID,…", default_value = "default", allow_hyphen_values = true)]
    pub rules: String,
    /// Folder of your own rules, in ast-grep's YAML
    #[arg(long, value_name = "DIR")]
    pub rule_dir: Vec<PathBuf>,
    /// What a repository's nightmend.toml may do: nothing, take rules and paths away, or add rules too
    #[arg(long, value_enum, default_value_t = RepoConfig::Narrow)]
    pub repo_config: RepoConfig,
    /// Also run the rules in .nightmend/rules of each repository
    #[arg(long)]
    pub repo_rules: bool,
    /// Model that reads the files: a model directory, or none
    #[arg(long, value_name = "DIR|none", default_value = "none")]
    pub model: String,
    /// Type of the model's matrix products: bf16 is faster and changes the third digit of vectors
    #[arg(long, value_enum, default_value_t = DtypeArg::F32)]
    pub dtype: DtypeArg,
    /// Do every file again, also those whose result is known
    #[arg(long)]
    pub no_reuse: bool,
    /// Do so many percent of the files whose result is known again, and compare the bytes
    #[arg(long, value_name = "PERCENT", default_value = "0", conflicts_with = "no_reuse", value_parser = audit)]
    pub audit: Audit,
    /// Which fixes become patches
    #[arg(long, value_enum, default_value_t = Fix::Safe)]
    pub fix: Fix,
    /// Name of the job: the same id and the same spec attach to it [default: a new one]
    #[arg(long, value_name = "ID")]
    pub job_id: Option<JobId>,
    /// Queue that the batches wait in [default: interactive, with --detach nightly]
    #[arg(long, value_enum)]
    pub lane: Option<LaneArg>,
    /// Ledger and plan only: files, tokens, batches
    #[arg(long)]
    pub dry_run: bool,
    /// Where it runs and what comes out.
    #[command(flatten)]
    pub run: RunArgs,
}

/// Where a job runs, how long it is waited for, and what comes out: for whatever starts or continues one.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// Start nats-server, orchestrator and workers as children, everything under --data-dir
    #[arg(long)]
    pub local: bool,
    /// Worker processes of the local system
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub workers: u16,
    /// The running or local system.
    #[command(flatten)]
    pub system: SystemArgs,
    /// Where report and patches are written [default: ./nightmend-JOB]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Return once the job is submitted
    #[arg(long, conflicts_with = "wait")]
    pub detach: bool,
    /// Wait for the job and write its report (the default)
    #[arg(long)]
    pub wait: bool,
    /// End with exit code 6 if there are findings at or above this level
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub fail_on: Option<LevelArg>,
    /// NDJSON events on standard output, the last line is the result
    #[arg(long)]
    pub json: bool,
    /// No progress on standard error
    #[arg(long, short)]
    pub quiet: bool,
}

/// `status` and `cancel`.
#[derive(Debug, Args)]
pub struct JobArgs {
    /// Which job
    #[arg(value_name = "JOB")]
    pub job: JobId,
    /// JSON on standard output
    #[arg(long)]
    pub json: bool,
    /// The running or local system.
    #[command(flatten)]
    pub system: SystemArgs,
}

/// `list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// One JSON object per line on standard output
    #[arg(long)]
    pub json: bool,
    /// The running or local system.
    #[command(flatten)]
    pub system: SystemArgs,
}

/// `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Which job
    #[arg(value_name = "JOB")]
    pub job: JobId,
    /// Where report and patches are written [default: ./nightmend-JOB]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// JSON on standard output instead of tab-separated lines
    #[arg(long)]
    pub json: bool,
    /// The running or local system.
    #[command(flatten)]
    pub system: SystemArgs,
}

const RESUME_EXAMPLES: &str = "\
Examples:
  submit-job resume nightly-11-23 --local --store file:///mnt/store --out report
      On another machine: a system of its own in a fresh data folder, the job out of the store
  submit-job resume nightly-11-23 --nats nats://queue:4222 --store s3://bucket/nightmend
      On another running system that uses this store
  submit-job resume nightly-11-23 --local
      Here, where it was interrupted

What is done stays done: results in the store are used, only the rest is worked on, and the report
is the one that the job would have had. A job that has ended gives its report again; one that was
cancelled stays cancelled. Repositories must be reachable under the names that they were submitted by.";

/// `resume`.
#[derive(Debug, Args)]
#[command(after_help = RESUME_EXAMPLES)]
pub struct ResumeArgs {
    /// Which job
    #[arg(value_name = "JOB")]
    pub job: JobId,
    /// Where it runs and what comes out.
    #[command(flatten)]
    pub run: RunArgs,
}

/// `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The running or local system.
    #[command(flatten)]
    pub system: SystemArgs,
}

/// `--fix`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fix {
    /// Fixes that keep behaviour and comments
    Safe,
    /// Also fixes that could change behaviour in rare code
    Unsafe,
    /// Findings only
    None,
}

impl From<Fix> for schemas::FixLevel {
    fn from(fix: Fix) -> Self {
        match fix {
            Fix::Safe => Self::Safe,
            Fix::Unsafe => Self::Unsafe,
            Fix::None => Self::None,
        }
    }
}

/// `--dtype`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DtypeArg {
    /// As published
    F32,
    /// Half the bits in products
    Bf16,
}

impl From<DtypeArg> for schemas::job::ModelDtype {
    fn from(dtype: DtypeArg) -> Self {
        match dtype {
            DtypeArg::F32 => Self::F32,
            DtypeArg::Bf16 => Self::Bf16,
        }
    }
}

/// `--audit`: files of a million that are done again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audit(pub u32);

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1,000,000")]
fn audit(text: &str) -> Result<Audit, String> {
    match text.trim_end_matches('%').parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(Audit((percent * 10_000.0).round() as u32)),
        _ => Err("a number from 0 to 100 is expected".to_owned()),
    }
}

/// `--repo-config`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RepoConfig {
    /// It is not read
    Off,
    /// It takes rules and paths away, gives options, sets ceilings for patches
    Narrow,
    /// It also switches on rules that the job does not name
    Full,
}

impl From<RepoConfig> for schemas::job::ConfigUse {
    fn from(config: RepoConfig) -> Self {
        match config {
            RepoConfig::Off => Self::Off,
            RepoConfig::Narrow => Self::Narrow,
            RepoConfig::Full => Self::Full,
        }
    }
}

/// `--lane`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LaneArg {
    /// A person waits: goes first
    Interactive,
    /// Nobody waits: takes what is free
    Nightly,
}

impl From<LaneArg> for schemas::Lane {
    fn from(lane: LaneArg) -> Self {
        match lane {
            LaneArg::Interactive => Self::Interactive,
            LaneArg::Nightly => Self::Nightly,
        }
    }
}

/// `--fail-on`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LevelArg {
    /// Any finding
    Note,
    /// Likely to confuse or to hide a bug
    Warning,
    /// A bug
    Error,
}

impl From<LevelArg> for Level {
    fn from(level: LevelArg) -> Self {
        match level {
            LevelArg::Note => Self::Note,
            LevelArg::Warning => Self::Warning,
            LevelArg::Error => Self::Error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("submit-job").chain(line.split_whitespace()))
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn repositories_without_a_command_are_a_submission() {
        let cli = parse("--local --workers 3 a b@main").unwrap();
        assert!(cli.command.is_none());
        assert_eq!((cli.submit.repos.len(), cli.submit.run.workers), (2, 3));
    }

    #[test]
    fn a_repository_named_like_a_command_is_written_as_a_path() {
        assert!(matches!(parse("status job_1").unwrap().command, Some(Command::Status(_))));
        assert_eq!(parse("--local ./status").unwrap().submit.repos, ["./status"]);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for line in
            ["--detach --wait a", "--workers 0 a", "--fix maybe a", "--job-id a.b c", "status", "--creds f a"]
        {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }
}
