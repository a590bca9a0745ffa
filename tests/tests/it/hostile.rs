//! Hostile repositories through the whole system: each becomes what it has to, nothing dies, nothing outside is
//! written or run, memory stays bounded. `deploy/hostile` prints the table.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use e2e::hostile::cases::{Case, Expected, HEAVY, Place, QUICK};
use e2e::hostile::process::Service;
use e2e::hostile::raw::{FILE, Source};
use e2e::hostile::sentinel::{state_of, strays};
use e2e::{Cluster, Finished, repos};
use schemas::ledger::{LedgerSums, Outcome};

/// What no service may take, whatever the repository. The figures of each case are in the table.
const MAX_PEAK_MIB: u64 = 512;
/// Stands in a file of the secret repository.
const SECRET: &str = "the_secret_of_another_repository";

#[tokio::test(flavor = "multi_thread")]
async fn hostile_repositories_become_what_they_have_to() {
    run(QUICK).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes in a debug build: deploy/hostile"]
async fn large_hostile_repositories_become_what_they_have_to() {
    run(HEAVY).await;
}

async fn run(cases: &[Case]) {
    let Some(mut cluster) = Cluster::start().await else { return };
    cluster.start_worker();
    // Proves that both are there before they are watched.
    let warm = repos::make_many(&cluster.path("sources/warm"), 4);
    assert_eq!(cluster.run("warm", &[warm.to_str().unwrap()]).code, 0, "{}", cluster.logs());
    let secret = Source::empty(&cluster.path("sources/secret"));
    secret.commit_entries(&[(FILE, b"s.js", secret.blob(format!("var {SECRET} = 1;\n")))]);
    let suite = Suite {
        services: Service::of(&cluster.path("data")),
        secret: secret.path("").canonicalize().unwrap(),
        cluster,
    };
    assert_eq!(suite.services.len(), 2, "{:?}", suite.services);

    let mut wrong = Vec::new();
    println!("{:<58} {:<72} {:>12} {:>8} {:>7}", "case", "outcome", "orchestrator", "worker", "seconds");
    for (n, case) in cases.iter().enumerate() {
        let row = suite.run(n, case);
        println!(
            "{:<58} {:<72} {:>8} MiB {:>4} MiB {:>7.2}",
            case.name, row.outcome, row.orchestrator_mib, row.worker_mib, row.seconds
        );
        wrong.extend(row.wrong.into_iter().map(|reason| format!("{}: {reason}", case.name)));
    }
    println!("{} cases, {} wrong", cases.len(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

struct Suite {
    cluster: Cluster,
    services: Vec<Service>,
    secret: PathBuf,
}

/// A line of the table.
struct Row {
    outcome: String,
    orchestrator_mib: u64,
    worker_mib: u64,
    seconds: f64,
    wrong: Vec<String>,
}

impl Suite {
    fn run(&self, n: usize, case: &Case) -> Row {
        let place = Place {
            dir: self.cluster.path(&format!("sources/case-{n}")),
            secret: self.secret.clone(),
            ran: self.cluster.path("sources/ran"),
        };
        let url = (case.make)(&place);
        let sources = self.cluster.path("sources");
        let before = state_of(&sources);
        self.services.iter().for_each(Service::reset_peak);
        let started = Instant::now();
        let finished = self.cluster.run(&format!("case_{n}"), &[&url]);
        let seconds = started.elapsed().as_secs_f64();

        let mut wrong = Vec::new();
        let outcome = match &case.expected {
            Expected::Refused(text) => refused(&finished, text, &mut wrong),
            Expected::RepoFails(text) => repo_failed(&finished, text, &mut wrong),
            Expected::Ledger { scanned, skipped, failed } => {
                let mut sums =
                    LedgerSums { scanned: *scanned, failed: failed.len() as u64, ..LedgerSums::default() };
                sums.skipped.extend(skipped.iter().copied());
                sums.entries = scanned + sums.failed + sums.skipped.values().sum::<u64>();
                ledger(&finished, &sums, failed, &mut wrong)
            }
        };
        if Service::of(&self.cluster.path("data")) != self.services {
            wrong.push("a service died".to_owned());
            return Row { outcome, orchestrator_mib: 0, worker_mib: 0, seconds, wrong };
        }
        let peaks: Vec<u64> = self.services.iter().map(Service::peak_mib).collect();
        if peaks.iter().any(|&peak| peak > MAX_PEAK_MIB) {
            wrong.push(format!("took {peaks:?} MiB"));
        }
        self.check_outside(&before, &finished, &mut wrong);
        if place.dir.is_dir() {
            fs::remove_dir_all(&place.dir).unwrap();
        }
        Row { outcome, orchestrator_mib: peaks[0], worker_mib: peaks[1], seconds, wrong }
    }

    /// Nothing was written but where it may be, and nothing of another repository came along.
    fn check_outside(&self, before: &[String], finished: &Finished, wrong: &mut Vec<String>) {
        let sources = self.cluster.path("sources");
        let changed: Vec<String> =
            state_of(&sources).into_iter().filter(|line| !before.contains(line)).take(3).collect();
        if !changed.is_empty() {
            wrong.push(format!("written to: {changed:?}"));
        }
        let home = sources.parent().unwrap();
        let mut found =
            strays(home, &["data", "nats", "orchestrator.log", "out-", "sources", "store", "worker.log"]);
        found.extend(strays(&self.cluster.path("data"), &["mirrors", "orchestrator.id", "tokenizers"]));
        found.extend(strays(
            &self.cluster.path("store"),
            &["index", "jobs", "models", "pipelines", "results", "snapshots", "sources", "tensors"],
        ));
        if finished.out.is_dir() {
            let written = ["ledger", "patches", "report.", "run.json", "tensors.json"];
            found.extend(strays(&finished.out, &written));
        }
        if !found.is_empty() {
            wrong.push(format!("written outside: {found:?}"));
        }
        if finished.out.is_dir() && holds(&finished.out, SECRET) {
            wrong.push("the secret is in the report".to_owned());
        }
    }
}

fn holds(folder: &Path, text: &str) -> bool {
    let found = std::process::Command::new("grep").args(["-rqF", text]).arg(folder).status().unwrap();
    found.success()
}

fn refused(finished: &Finished, text: &str, wrong: &mut Vec<String>) -> String {
    if finished.code != 2 || !finished.stderr.contains(text) {
        wrong.push(format!("exit {}: {}", finished.code, finished.stderr));
    }
    "refused".to_owned()
}

fn repo_failed(finished: &Finished, text: &str, wrong: &mut Vec<String>) -> String {
    if finished.code != 3 {
        wrong.push(format!("exit {}: {}", finished.code, finished.stderr));
        return String::new();
    }
    let report = finished.report();
    let error = report.repos[0].error.clone().unwrap_or_default();
    if error.is_empty() || !error.contains(text) || report.totals.repos_failed != 1 {
        wrong.push(format!("failed for `{error}`, {:?}", report.totals.ledger));
    }
    format!("repo fails: {}", shortened(&error))
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

fn ledger(finished: &Finished, expected: &LedgerSums, failed: &[&str], wrong: &mut Vec<String>) -> String {
    let code = if failed.is_empty() { 0 } else { 3 };
    if finished.code != code {
        wrong.push(format!("exit {}: {}", finished.code, finished.stderr));
        if !finished.out.join("report.json").is_file() {
            return String::new();
        }
    }
    let report = finished.report();
    let repo = &report.repos[0];
    let sums = &repo.totals.ledger;
    if sums != expected || !sums.adds_up() {
        wrong.push(format!("{sums:?} {:?} and not {expected:?}", repo.error));
    }
    let reasons: Vec<&str> = repo.failed.iter().map(|file| file.reason.as_str()).collect();
    let as_expected = reasons.len() == failed.len()
        && reasons.iter().zip(failed).all(|(reason, expected)| reason.contains(expected));
    if !as_expected {
        wrong.push(format!("failed for {reasons:?}"));
    }
    if repo.error.is_none() {
        let lines = fs::read_to_string(finished.out.join(format!("ledger/{}.jsonl", repo.repo))).unwrap();
        let mut listed = LedgerSums::default();
        for line in lines.lines() {
            let entry: serde_json::Value = serde_json::from_str(line).unwrap();
            listed.count(&serde_json::from_value::<Outcome>(entry).unwrap());
        }
        if &listed != sums {
            wrong.push(format!("the ledger lists {listed:?} and sums up to {sums:?}"));
        }
    }
    let skipped: u64 = sums.skipped.values().sum();
    format!("{} scanned, {skipped} skipped, {} failed", sums.scanned, sums.failed)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_is_removed_after_it_was_planned_is_reported_from_its_mirror() {
    let Some(mut cluster) = Cluster::start().await else { return };
    let repo = repos::make_many(&cluster.path("repo"), 20);
    let job = cluster.submit("job", &[repo.to_str().unwrap()]);
    let plan = cluster.path("store/jobs/job/repos/0/plan");
    e2e::cluster::eventually("the plan", || {
        let is_there = plan.is_file();
        async move { is_there.then_some(()) }
    })
    .await;
    fs::remove_dir_all(&repo).unwrap();
    cluster.start_worker();
    let finished = job.finish();
    assert_eq!(finished.code, 0, "{}\n{}", finished.stderr, cluster.logs());
    let report = finished.report();
    assert_eq!(report.totals.ledger.scanned, 20);
    assert!(!report.repos[0].patches.is_empty(), "patches need the blobs of the mirror");
}
