//! A short mix of seeded faults. `deploy/chaos` runs as many as one likes.

use e2e::chaos::{self, Scenario, Summary, summary};
use tokio::task::JoinSet;

/// How many scenarios; chosen so that all of them take about three minutes.
const SEEDS: u64 = 10;

/// Much of a scenario is waiting: for a delivery that is due again, for a process that is stopped.
const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_out_is_the_same_whatever_breaks() {
    if let Err(error) = bus::PrivateServer::find_binary() {
        assert!(std::env::var_os("NM_REQUIRE_NATS").is_none(), "{error}");
        eprintln!("SKIPPED: {error}");
        return;
    }
    let first = std::env::var("NM_CHAOS_SEED").map_or(1, |seed| seed.parse().unwrap());
    eprintln!("seeds {first} to {}; NM_CHAOS_SEED chooses others", first + SEEDS - 1);
    let scenarios: Vec<Scenario> = (first..first + SEEDS).map(|seed| Scenario::of(seed, None)).collect();
    let dir = tempfile::tempdir().unwrap();
    let shapes: Vec<_> = scenarios.iter().flat_map(|scenario| scenario.jobs.clone()).collect();
    let references = chaos::references(&shapes, &dir.path().join("references")).await.unwrap();
    let mut waiting = scenarios.into_iter();
    let (mut running, mut summary) = (JoinSet::new(), Summary::default());
    loop {
        while running.len() < AT_ONCE
            && let Some(scenario) = waiting.next()
        {
            let (references, folder) =
                (references.clone(), dir.path().join(format!("seed{}", scenario.seed)));
            running.spawn(async move {
                std::fs::create_dir_all(&folder).unwrap();
                chaos::run(&scenario, &references, &folder).await.unwrap()
            });
        }
        let Some(outcome) = running.join_next().await else { break };
        let outcome = outcome.unwrap();
        eprintln!("{}", summary::line(&outcome));
        summary.add(&outcome);
    }
    eprintln!("{summary}");
    if !summary.all_passed() {
        panic!("the folders of the seeds are kept in {}", dir.keep().display());
    }
}
