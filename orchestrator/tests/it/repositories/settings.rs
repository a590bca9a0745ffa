//! What a repository says of how it is scanned, as far as a job lets it.

use orchestrator::plan::{PlanError, digest_only};
use orchestrator::repo_settings::Allowed;
use schemas::job::{ConfigUse, RepoSettings};
use schemas::ledger::{Outcome, SkipReason};
use schemas::plan::RepoPlan;
use schemas::sources::SourcePack;
use settings::RuleSpec;

use super::fixture::{Fixture, PlanBy};

const CONFIG: &str = "select = ['yoda']\nignore = ['no-var']\nexclude = ['old.js']\n\
                      [rules.eqeqeq]\noptions = ['smart']\n[limits]\nfiles = 7\n";

fn plan(fixture: &Fixture, config: ConfigUse) -> Result<(RepoPlan, Vec<SourcePack>), PlanError> {
    let allowed = Allowed {
        rules: vec![RuleSpec::new("eqeqeq"), RuleSpec::new("no-var")],
        settings: RepoSettings { config, rules: true },
    };
    let mut packs = Vec::new();
    let mut store = |pack: SourcePack| {
        packs.push(pack.clone());
        digest_only(pack)
    };
    let mirror = fixture.mirror(None).unwrap();
    let plan = PlanBy { allowed, ..PlanBy::rules(&[]) }.plan(&mirror, &mut store)?;
    Ok((plan, packs))
}

fn repository() -> Fixture {
    let package = r#"{"engines": {"node": ">=16"}}"#;
    Fixture::with_files(&[
        ("a.js", "a == 1;\n"),
        ("nightmend.toml", CONFIG),
        ("old.js", "b == 1;\n"),
        ("package.json", package),
    ])
}

fn ids(pack: &SourcePack) -> Option<Vec<&str>> {
    pack.rules.as_ref().map(|rules| rules.iter().map(|rule| &*rule.id).collect())
}

#[test]
fn a_configuration_narrows_or_widens_as_the_job_says() {
    let fixture = repository();
    let rules = |config| {
        let (_, packs) = plan(&fixture, config).unwrap();
        ids(&packs[0]).map(|ids| ids.join(" "))
    };
    assert_eq!(rules(ConfigUse::Off), None);
    assert_eq!(rules(ConfigUse::Narrow).as_deref(), Some("eqeqeq"));
    assert_eq!(rules(ConfigUse::Full).as_deref(), Some("eqeqeq yoda"));
}

#[test]
fn excluded_files_are_accounted_for_and_facts_travel_with_the_others() {
    let (plan, packs) = plan(&repository(), ConfigUse::Narrow).unwrap();
    let outcome =
        |path: &str| plan.entries.iter().find(|entry| entry.path == path.into()).unwrap().outcome.clone();
    assert_eq!(outcome("old.js"), Outcome::Skipped { reason: SkipReason::Excluded });
    assert_eq!(outcome("a.js"), Outcome::Scanned);
    assert_eq!(plan.ceilings.files, Some(7));
    let file = &packs[0].files[0];
    assert_eq!((&*file.facts.path, file.facts.target.node), ("_.js", Some(16)));
    assert_eq!(packs[0].rules.as_ref().unwrap()[0].options.values(), ["smart"]);
}

#[test]
fn another_configuration_makes_other_batches() {
    let ids = |config| {
        plan(&repository(), config).unwrap().0.batches.iter().map(|batch| batch.id).collect::<Vec<_>>()
    };
    assert_ne!(ids(ConfigUse::Off), ids(ConfigUse::Narrow));
    assert_eq!(ids(ConfigUse::Narrow), ids(ConfigUse::Narrow));
}

#[test]
fn a_configuration_that_is_wrong_fails_the_repository_with_its_line() {
    let fixture = Fixture::with_files(&[("a.js", "a;\n"), ("nightmend.toml", "exclude = []\nrule = 1\n")]);
    let error = plan(&fixture, ConfigUse::Narrow).unwrap_err();
    assert!(error.to_string().starts_with("nightmend.toml:2: unknown field `rule`"), "{error}");
    assert!(plan(&fixture, ConfigUse::Off).is_ok());
}
