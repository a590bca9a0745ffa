//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use settings::{Profile, Selection};

/// Finds and mends what rules know, with a proof for every fix.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  mend check src                         findings of the default profile
  mend check --profile all --format sarif . > findings.sarif
  mend fix src                           the diff that the safe fixes make; nothing is written
  mend fix --write src                   make it so
  mend check --diff origin/main .        only what stands on changed lines
  mend check --write-baseline known.json . && mend check --baseline known.json .
  mend explain no-var

Exit codes: 0 nothing found, 1 findings (or a fix that is not written), 2 usage or error.";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Reports what the rules find
    Check(Check),
    /// Shows or writes what the fixes make of the files
    Fix(Fix),
    /// Lists the rules
    Rules {
        /// Only this rule.
        id: Option<String>,
        /// As JSON, with all that is known of them.
        #[arg(long)]
        json: bool,
    },
    /// Prints the manual of a rule
    Explain {
        /// The rule, by its id or as its origin's users write it.
        id: String,
    },
    /// Replays certificates, as `mend fix --certificates` writes them
    Verify {
        /// The certificate.
        certificate: PathBuf,
        /// The text before the fix; left out, the certificate's own copy of it.
        #[arg(long)]
        base: Option<PathBuf>,
    },
    /// Runs the fixtures of users' rules: `valid` and `invalid` texts beside each rule
    Test {
        /// A folder of rules (`*.yml`) and fixtures (`*-test.yml`).
        folder: PathBuf,
    },
    /// Runs single rules on single texts: one JSON object a line in, one a line out
    #[command(after_help = CASES_HELP)]
    Cases {
        /// A file of JSON lines; `-` is standard input.
        file: PathBuf,
    },
}

const CASES_HELP: &str = r#"In, one a line:
  {"id": 1, "language": "javascript", "rule": "eqeqeq", "options": ["smart"], "code": "a == 1",
   "filename": "a.js", "source_type": "module", "ecma_version": 2022, "globals": {"Boolean": "off"}}
Out, one a line, in the same order:
  {"id": 1, "findings": [{"line": 1, "column": 3, "end_line": 1, "end_column": 5, "message": "…"}],
   "output": null, "passes": 0}
Places are 1-based, columns in UTF-16 units. `output` is the text after one pass for JavaScript and TypeScript, and
after all passes of safe fixes for other languages; null if nothing is fixed. A case that cannot be run has `error`."#;

/// Which files, and which rules.
#[derive(Args, Debug)]
pub struct Scope {
    /// Files and folders; what git ignores is left out.
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// Which rules to start with: bugs and redundancy, newer forms too, or all.
    #[arg(long, value_enum, default_value = "default")]
    pub profile: ProfileName,
    /// Rules and categories to add, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "RULE,…")]
    pub select: Vec<String>,
    /// Rules and categories to leave out.
    #[arg(long, value_delimiter = ',', value_name = "RULE,…")]
    pub ignore: Vec<String>,
    /// Only these rules.
    #[arg(long, value_delimiter = ',', value_name = "RULE,…", conflicts_with_all = ["profile", "select"])]
    pub only: Vec<String>,
    /// Folders of users' own rules, in ast-grep's YAML.
    #[arg(long, value_name = "DIR")]
    pub rule_dir: Vec<PathBuf>,
    /// Also the rules in `.nightmend/rules` of the repository.
    #[arg(long)]
    pub repo_rules: bool,
    /// Do not read nightmend.toml.
    #[arg(long)]
    pub no_config: bool,
    /// Milliseconds that a file may take.
    #[arg(long, value_name = "MS", default_value_t = 2000)]
    pub file_budget: u64,
    /// Threads; all cores if it is left out.
    #[arg(long, short = 'j', value_name = "N")]
    pub jobs: Option<usize>,
}

/// [`Profile`] on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ProfileName {
    /// Bugs, security and redundancy.
    Default,
    /// Newer forms of the language too.
    Modern,
    /// Every rule.
    All,
}

impl Scope {
    /// The rules that the command line asks for.
    #[must_use]
    pub fn selection(&self) -> Selection {
        let profile = match self.profile {
            ProfileName::Default => Profile::Default,
            ProfileName::Modern => Profile::Modern,
            ProfileName::All => Profile::All,
        };
        Selection { profile, select: self.select.clone(), ignore: self.ignore.clone() }
    }
}

/// `mend check`
#[derive(Args, Debug)]
pub struct Check {
    /// Which files, and which rules.
    #[command(flatten)]
    pub scope: Scope,
    /// How the findings are written.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// Only what stands on lines that changed since this commit, the working tree included.
    #[arg(long = "diff", value_name = "BASE")]
    pub diff_base: Option<String>,
    /// Only what this file does not know yet.
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Also lists comments that suppress nothing.
    #[arg(long)]
    pub unused_suppressions: bool,
    /// Writes what is found as a baseline, and exits with 0.
    #[arg(long, value_name = "FILE")]
    pub write_baseline: Option<PathBuf>,
}

/// `mend fix`
#[derive(Args, Debug)]
pub struct Fix {
    /// Which files, and which rules.
    #[command(flatten)]
    pub scope: Scope,
    /// Shows the diff and writes nothing; this is the default.
    #[arg(long, conflicts_with = "write")]
    pub diff: bool,
    /// Writes the files.
    #[arg(long)]
    pub write: bool,
    /// Also fixes that could change behaviour in rare code.
    #[arg(long = "unsafe")]
    pub is_unsafe: bool,
    /// Writes the certificates of all changes into this folder.
    #[arg(long, value_name = "DIR")]
    pub certificates: Option<PathBuf>,
}

/// How findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people: one line each, and the line of code.
    Text,
    /// One object with everything.
    Json,
    /// SARIF 2.1.0, for code hosts and editors.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
}
