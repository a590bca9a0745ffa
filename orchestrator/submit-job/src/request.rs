//! From what a person typed to what is submitted: every path, rule and model is resolved and checked here, before
//! anything starts.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use model_dir::ModelDir;
use schemas::job::{Limits, ModelDtype, RepoSettings, ReusePolicy};
use schemas::{JobId, JobSpec, Lane, ModelRef, RepoSpec, rules};
use settings::{ConfigError, RuleSpec};

use crate::cli::SubmitArgs;
use crate::exit::Usage;
use crate::repo_arg;

/// A checked submission.
#[derive(Debug)]
pub struct Request {
    /// The id that was given, or a new one.
    pub job: JobId,
    /// What is stored.
    pub spec: JobSpec,
    /// The model directory, if there is one: its files go to the object store.
    pub model: Option<ModelDir>,
}

/// Checks the options of a submission.
///
/// # Errors
/// [`Usage`] for what was typed wrongly; another error for a file or a model directory that cannot be used.
pub fn check(args: &SubmitArgs, cwd: &Path) -> anyhow::Result<Request> {
    let repos = repos(args, cwd)?;
    let rules = select_rules(&args.rules, &args.rule_dir)?;
    let model = open_model(&args.model)?;
    let lane = args.lane.map_or_else(|| default_lane(args), Lane::from);
    let spec = JobSpec {
        version: JobSpec::VERSION,
        repos,
        rules,
        repo_settings: RepoSettings { config: args.repo_config.into(), rules: args.repo_rules },
        fix: args.fix.into(),
        model: model.as_ref().map(|model| model_ref(model, args.dtype.into())).transpose()?,
        lane,
        dry_run: args.dry_run,
        limits: Limits::default(),
        reuse: ReusePolicy { enabled: !args.no_reuse, audit_ppm: args.audit.0 },
    };
    let job = args.job_id.clone().unwrap_or_else(|| JobId::from_ulid(ulid::Ulid::generate()));
    Ok(Request { job, spec, model })
}

/// Whoever does not wait is not in a hurry.
fn default_lane(args: &SubmitArgs) -> Lane {
    if args.run.detach { Lane::Nightly } else { Lane::Interactive }
}

/// The repositories of the command line, then those of the list. The same one twice stays twice: it may be meant
/// at two revisions, and the report names each.
fn repos(args: &SubmitArgs, cwd: &Path) -> anyhow::Result<Vec<RepoSpec>> {
    let mut repos = Vec::new();
    for text in &args.repos {
        repos.push(repo_arg::parse(text, cwd).map_err(Usage::from_error)?);
    }
    if let Some(file) = &args.repos_file {
        for (number, line) in list_lines(&read_list(file)?) {
            let repo = repo_arg::parse(line, cwd)
                .map_err(|error| Usage::new(format!("{}:{number}: {error}", file.display())))?;
            repos.push(repo);
        }
    }
    if repos.is_empty() {
        return Err(Usage::new("no repository is given: REPO[@REV]…, or --repos FILE").into());
    }
    Ok(repos)
}

fn read_list(file: &Path) -> anyhow::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .context("read the list of repositories from standard input")?;
        return Ok(text);
    }
    std::fs::read_to_string(file)
        .with_context(|| format!("read the list of repositories `{}`", file.display()))
}

/// The lines that name a repository, numbered from 1. A comment begins with `#` at the start of a line or behind
/// a space; inside a URL it is part of it.
fn list_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let without_comment = |line: &'_ str| -> usize {
        if line.trim_start().starts_with('#') { 0 } else { line.find(" #").unwrap_or(line.len()) }
    };
    text.lines()
        .enumerate()
        .map(move |(index, line)| (index + 1, line[..without_comment(line)].trim()))
        .filter(|(_, line)| !line.is_empty())
}

/// Resolves `--rules` and reads `--rule-dir`; an unknown name is answered with names that look like it.
fn select_rules(selection: &str, folders: &[PathBuf]) -> anyhow::Result<Vec<RuleSpec>> {
    let mut selected = rules::select(selection).map_err(|error| {
        let ConfigError::UnknownRule { name } = &error else { return Usage::from_error(error) };
        let known = rules::catalogue().iter().map(|rule| rule.id.as_str());
        let near = near(name, known);
        if near.is_empty() {
            return Usage::from_error(error);
        }
        Usage::new(format!("unknown rule `{name}`; did you mean {}?", near.join(" or ")))
    })?;
    for folder in folders {
        for spec in mend::user_rules::read_folder(folder)? {
            if selected.iter().any(|known| known.id == spec.id) {
                return Err(Usage::new(format!("there is more than one rule `{}`", spec.id)).into());
            }
            selected.push(spec);
        }
    }
    selected.sort();
    Ok(selected)
}

/// A name is near if most of it is the same, however it is cased.
const NEAR: f64 = 0.8;

/// The names that look like `wanted`, nearest first, at most three.
fn near<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = wanted.to_lowercase();
    let mut near: Vec<(f64, &str)> = known
        .map(|name| (strsim::jaro_winkler(&wanted, &name.to_lowercase()), name))
        .filter(|(similarity, _)| *similarity >= NEAR)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

/// Opens and checks the model directory.
fn open_model(model: &str) -> anyhow::Result<Option<ModelDir>> {
    if model == "none" {
        return Ok(None);
    }
    let path = PathBuf::from(model);
    if !path.is_dir() {
        anyhow::bail!("`{model}` is no model directory; --model none does without");
    }
    ModelDir::open(&path).map(Some).with_context(|| format!("model directory `{model}` cannot be used"))
}

fn model_ref(model: &ModelDir, dtype: ModelDtype) -> anyhow::Result<ModelRef> {
    Ok(ModelRef {
        name: model.name().to_owned(),
        digest: model.digest().parse().context("read the digest of the model")?,
        trained: model.trained(),
        dtype,
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use schemas::FixLevel;

    use super::*;
    use crate::cli::Cli;

    fn request(line: &str) -> anyhow::Result<Request> {
        let cli = Cli::try_parse_from(std::iter::once("submit-job").chain(line.split_whitespace()))?;
        check(&cli.submit, Path::new("/nonexistent"))
    }

    #[test]
    fn the_defaults_are_the_default_profile_safe_fixes_and_no_model() {
        let spec = request("https://h/a").unwrap().spec;
        assert_eq!(spec.rules, rules::select("default").unwrap());
        assert_eq!((spec.fix, spec.model, spec.lane), (FixLevel::Safe, None, Lane::Interactive));
        assert!(!spec.dry_run);
    }

    #[test]
    fn earlier_results_are_taken_unless_asked_otherwise() {
        let reuse = |line: &str| request(line).unwrap().spec.reuse;
        assert_eq!(reuse("https://h/a"), ReusePolicy { enabled: true, audit_ppm: 0 });
        assert_eq!(reuse("--no-reuse https://h/a"), ReusePolicy { enabled: false, audit_ppm: 0 });
        assert_eq!(reuse("--audit 0.5 https://h/a").audit_ppm, 5_000);
        assert_eq!(reuse("--audit 100 https://h/a").audit_ppm, 1_000_000);
        for line in [
            "--audit 101 https://h/a",
            "--audit -1 https://h/a",
            "--audit x https://h/a",
            "--audit NaN https://h/a",
        ] {
            assert!(request(line).is_err(), "{line}");
        }
    }

    #[test]
    fn whoever_detaches_waits_in_the_nightly_lane_unless_asked_otherwise() {
        assert_eq!(request("--detach https://h/a").unwrap().spec.lane, Lane::Nightly);
        assert_eq!(request("--detach --lane interactive https://h/a").unwrap().spec.lane, Lane::Interactive);
    }

    #[test]
    fn the_same_repository_twice_stays_twice_and_in_order() {
        let spec = request("https://h/b https://h/a@v1 https://h/b").unwrap().spec;
        let urls: Vec<&str> = spec.repos.iter().map(|repo| repo.url.as_str()).collect();
        assert_eq!(urls, ["https://h/b", "https://h/a", "https://h/b"]);
    }

    #[test]
    fn a_job_without_an_id_gets_one_of_its_own() {
        let (one, other) = (request("https://h/a").unwrap().job, request("https://h/a").unwrap().job);
        assert!(one.as_str().starts_with("job_") && one != other);
        assert_eq!(request("--job-id mine https://h/a").unwrap().job.as_str(), "mine");
    }

    #[test]
    fn a_list_has_comments_blank_lines_and_numbers() {
        let text = "# all of ours\n\n  https://h/a@v1  \nhttps://h/b#part # why\n";
        let lines: Vec<_> = list_lines(text).collect();
        assert_eq!(lines, [(3, "https://h/a@v1"), (4, "https://h/b#part")]);
    }

    #[test]
    fn an_error_in_a_list_names_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let list = dir.path().join("repos.txt");
        std::fs::write(&list, "https://h/a\nhttps://h\n").unwrap();
        let error = request(&format!("--repos {}", list.display())).unwrap_err();
        assert!(
            error.is::<Usage>() && error.to_string().contains("repos.txt:2: a repository URL"),
            "{error}"
        );
    }

    #[test]
    fn no_repository_and_an_unknown_rule_are_usage_errors() {
        assert!(request("--local").unwrap_err().is::<Usage>());
        assert!(request("--rules no-such-rule-at-all https://h/a").unwrap_err().is::<Usage>());
    }

    #[test]
    fn near_names_are_found_whatever_their_case_and_far_ones_are_not() {
        let known = ["no-var", "no-useless-rename", "E711", "E712", "eqeqeq"];
        let near = |wanted| near(wanted, known.into_iter());
        assert_eq!(near("no-vars"), ["no-var"]);
        assert_eq!(near("e711"), ["E711", "E712"]);
        assert_eq!(near("eqeq")[0], "eqeqeq");
        assert!(near("complexity").is_empty());
    }

    #[test]
    fn a_model_that_is_not_there_is_named_and_no_usage_error() {
        let error = request("--model /no/such/model https://h/a").unwrap_err();
        assert!(!error.is::<Usage>() && error.to_string().contains("/no/such/model"), "{error}");
        let dir = tempfile::tempdir().unwrap();
        let error = request(&format!("--model {} https://h/a", dir.path().display())).unwrap_err();
        assert!(format!("{error:#}").contains("config.json"), "{error:#}");
    }
}
