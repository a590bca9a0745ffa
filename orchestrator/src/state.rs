//! The state of one job as a pure function: [`step`] takes an event and says what to do. No async, no clock, no IO,
//! so that every order and duplication of events can be tried.
//!
//! A batch is settled when its result is stored or when it is dead; a job ends when every repo is planned or failed
//! and every planned batch is settled. Events may come twice, late, or for batches that nobody planned.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

use schemas::messages::{Counts, Phase};
use schemas::{BatchId, Digest};

/// The state of one job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    phase: Phase,
    dry_run: bool,
    error: Option<String>,
    repos: Vec<Repo>,
    batches: BTreeMap<BatchId, Batch>,
    /// Planned and not dispatched yet, in the order of the plans.
    waiting: VecDeque<BatchId>,
    in_flight: usize,
    window: usize,
}

/// Where a repo stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Repo {
    Pending,
    Planned,
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Batch {
    sources: Digest,
    state: BatchState,
    n_files: u64,
    n_tokens: u64,
    n_findings: u64,
}

/// A result beats a death: of two workers that had the same batch, one may have finished it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BatchState {
    Waiting,
    InFlight,
    Dead,
    Done,
}

/// One batch of a plan, as far as the state needs to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Which.
    pub batch: BatchId,
    /// Its source pack.
    pub sources: Digest,
    /// Files in it.
    pub n_files: u64,
    /// See [`schemas::plan::BatchPlan`].
    pub n_tokens: u64,
    /// Whether its result is in the store already.
    pub done: bool,
}

/// Something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The job was taken up: for the first time, or after a restart.
    Started,
    /// The plan of a repo is stored.
    RepoPlanned {
        /// Index into the repos of the job.
        repo: usize,
        /// Its batches.
        batches: Vec<Planned>,
    },
    /// A repo cannot be scanned.
    RepoFailed {
        /// Index into the repos of the job.
        repo: usize,
    },
    /// The result of a batch is stored.
    BatchDone {
        /// Which.
        batch: BatchId,
        /// Findings in it.
        n_findings: u64,
    },
    /// A batch can never succeed.
    BatchDead {
        /// Which.
        batch: BatchId,
    },
    /// A batch could not be put into the queue, or the queue lost it.
    NotQueued {
        /// Which.
        batch: BatchId,
    },
    /// How many batches may be in the queue at once.
    WindowChanged {
        /// At least 1.
        window: usize,
    },
    /// Somebody wants the job to stop.
    CancelRequested,
    /// The report is stored.
    Reported {
        /// Whether a repo, a batch or a file failed.
        partial: bool,
    },
    /// The report cannot be made.
    ReportFailed {
        /// Why.
        reason: String,
    },
}

/// Something is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Clone and plan these repos.
    Prepare {
        /// Indices into the repos of the job.
        repos: Vec<usize>,
    },
    /// Put these batches into the queue.
    Dispatch {
        /// With their source packs.
        batches: Vec<(BatchId, Digest)>,
    },
    /// Everything is accounted for: write the report.
    Report,
    /// Take what no worker has yet out of the queue.
    Purge,
    /// The phase changed: say so.
    Announce,
}

impl Job {
    /// A job of `n_repos` repos that nothing was done for.
    #[must_use]
    pub fn new(n_repos: usize, dry_run: bool) -> Self {
        Self {
            phase: Phase::Queued,
            dry_run,
            error: None,
            repos: vec![Repo::Pending; n_repos],
            batches: BTreeMap::new(),
            waiting: VecDeque::new(),
            in_flight: 0,
            window: MIN_WINDOW,
        }
    }

    /// Where the job is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Why it failed, if it did.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Whether a plan of the job holds the batch.
    #[must_use]
    pub fn knows(&self, batch: BatchId) -> bool {
        self.batches.contains_key(&batch)
    }

    /// Counts so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts { repos: self.repos.len() as u64, ..Counts::default() };
        for repo in &self.repos {
            counts.repos_planned += u64::from(*repo == Repo::Planned);
            counts.repos_failed += u64::from(*repo == Repo::Failed);
        }
        for batch in self.batches.values() {
            counts.batches += 1;
            counts.files += batch.n_files;
            counts.tokens += batch.n_tokens;
            counts.findings += batch.n_findings;
            counts.batches_done += u64::from(batch.state == BatchState::Done);
            counts.batches_dead += u64::from(batch.state == BatchState::Dead);
            if batch.state.is_settled() {
                counts.files_done += batch.n_files;
                counts.tokens_done += batch.n_tokens;
            }
        }
        counts
    }

    /// The batches that should be in the queue, waiting or being worked on.
    pub fn in_flight(&self) -> impl Iterator<Item = BatchId> + '_ {
        let in_flight = self.batches.iter().filter(|(_, batch)| batch.state == BatchState::InFlight);
        in_flight.map(|(id, _)| *id)
    }

    fn is_accounted_for(&self) -> bool {
        self.repos.iter().all(|repo| *repo != Repo::Pending)
            && (self.dry_run || self.batches.values().all(|batch| batch.state.is_settled()))
    }
}

impl BatchState {
    fn is_settled(self) -> bool {
        matches!(self, Self::Dead | Self::Done)
    }
}

/// A job always has this many batches in the queue, so that a worker that appears finds work at once.
pub const MIN_WINDOW: usize = 16;

/// More than this only makes cancelling slow and small jobs wait.
pub const MAX_WINDOW: usize = 512;

/// The window of one of `n_jobs` active jobs over `n_slots` slots: twice its fair share, within bounds.
#[must_use]
pub fn fair_window(n_slots: usize, n_jobs: usize) -> usize {
    (2 * n_slots / n_jobs.max(1)).clamp(MIN_WINDOW, MAX_WINDOW)
}

/// Applies one event and says what is to be done.
pub fn step(job: &mut Job, event: Event) -> Vec<Command> {
    if job.phase.is_final() {
        return Vec::new();
    }
    let before = job.phase;
    let mut commands = match event {
        Event::Started => start(job),
        Event::RepoPlanned { repo, batches } => repo_planned(job, repo, &batches),
        Event::RepoFailed { repo } => repo_failed(job, repo),
        Event::BatchDone { batch, n_findings } => settle(job, batch, BatchState::Done, n_findings),
        Event::BatchDead { batch } => settle(job, batch, BatchState::Dead, 0),
        Event::NotQueued { batch } => not_queued(job, batch),
        Event::WindowChanged { window } => {
            job.window = window.max(1);
            Vec::new()
        }
        Event::CancelRequested => {
            job.phase = Phase::Cancelled;
            vec![Command::Purge]
        }
        Event::Reported { partial } => {
            job.phase = if partial { Phase::Partial } else { Phase::Done };
            Vec::new()
        }
        Event::ReportFailed { reason } => {
            job.error = Some(reason);
            job.phase = Phase::Failed;
            Vec::new()
        }
    };
    if job.phase == Phase::Running {
        commands.extend(dispatch(job));
        if job.is_accounted_for() {
            job.phase = Phase::Reporting;
            commands.push(Command::Report);
        }
    }
    if job.phase != before {
        commands.push(Command::Announce);
    }
    commands
}

fn start(job: &mut Job) -> Vec<Command> {
    if job.phase != Phase::Queued {
        return Vec::new();
    }
    job.phase = Phase::Running;
    vec![Command::Prepare { repos: (0..job.repos.len()).collect() }]
}

fn repo_planned(job: &mut Job, repo: usize, batches: &[Planned]) -> Vec<Command> {
    let Some(slot @ Repo::Pending) = job.repos.get_mut(repo) else { return Vec::new() };
    *slot = Repo::Planned;
    for planned in batches {
        // The same files in two repos of a job are one batch, done once and counted for both.
        let batch = match job.batches.entry(planned.batch) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => {
                let state = if planned.done { BatchState::Done } else { BatchState::Waiting };
                if !planned.done {
                    job.waiting.push_back(planned.batch);
                }
                free.insert(Batch { sources: planned.sources, state, n_files: 0, n_tokens: 0, n_findings: 0 })
            }
        };
        batch.n_files += planned.n_files;
        batch.n_tokens += planned.n_tokens;
    }
    Vec::new()
}

fn repo_failed(job: &mut Job, repo: usize) -> Vec<Command> {
    if let Some(slot @ Repo::Pending) = job.repos.get_mut(repo) {
        *slot = Repo::Failed;
    }
    Vec::new()
}

fn settle(job: &mut Job, id: BatchId, state: BatchState, n_findings: u64) -> Vec<Command> {
    let Some(batch) = job.batches.get_mut(&id) else { return Vec::new() };
    if batch.state == BatchState::InFlight {
        job.in_flight -= 1;
    }
    if batch.state != BatchState::Done {
        batch.state = state;
        batch.n_findings = n_findings;
    }
    Vec::new()
}

fn not_queued(job: &mut Job, id: BatchId) -> Vec<Command> {
    if let Some(batch) = job.batches.get_mut(&id)
        && batch.state == BatchState::InFlight
    {
        batch.state = BatchState::Waiting;
        job.in_flight -= 1;
        job.waiting.push_front(id);
    }
    Vec::new()
}

/// Fills the window from what waits.
fn dispatch(job: &mut Job) -> Option<Command> {
    let mut batches = Vec::new();
    while !job.dry_run && job.in_flight < job.window {
        let Some(id) = job.waiting.pop_front() else { break };
        let Some(batch) = job.batches.get_mut(&id) else { continue };
        if batch.state == BatchState::Waiting {
            batch.state = BatchState::InFlight;
            job.in_flight += 1;
            batches.push((id, batch.sources));
        }
    }
    (!batches.is_empty()).then_some(Command::Dispatch { batches })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(n: u8) -> BatchId {
        BatchId::from_digest(Digest::of(&[n]))
    }

    fn planned(n: u8) -> Planned {
        Planned { batch: id(n), sources: Digest::of(b"s"), n_files: 2, n_tokens: 10, done: false }
    }

    fn done(n: u8) -> Event {
        Event::BatchDone { batch: id(n), n_findings: u64::from(n) }
    }

    /// Two repos: the first with batches 0..4, the second with batch 4 and, shared with the first, batch 3.
    fn plans() -> [Event; 2] {
        [
            Event::RepoPlanned { repo: 0, batches: (0..4).map(planned).collect() },
            Event::RepoPlanned { repo: 1, batches: vec![planned(3), planned(4)] },
        ]
    }

    fn run(job: &mut Job, events: &[Event]) -> Vec<Command> {
        events.iter().flat_map(|event| step(job, event.clone())).collect()
    }

    #[test]
    fn a_job_runs_from_start_to_report() {
        let mut job = Job::new(2, false);
        assert_eq!(
            step(&mut job, Event::Started),
            [Command::Prepare { repos: vec![0, 1] }, Command::Announce]
        );
        run(&mut job, &plans());
        let commands = run(&mut job, &[done(0), done(1), done(2), done(3), done(4)]);
        assert_eq!(commands, [Command::Report, Command::Announce]);
        assert_eq!(step(&mut job, Event::Reported { partial: false }), [Command::Announce]);
        assert_eq!((job.phase(), job.counts().findings, job.counts().files_done), (Phase::Done, 10, 12));
    }

    #[test]
    fn a_job_whose_repos_all_failed_is_reported_at_once() {
        let mut job = Job::new(1, false);
        step(&mut job, Event::Started);
        assert_eq!(step(&mut job, Event::RepoFailed { repo: 0 }), [Command::Report, Command::Announce]);
    }

    #[test]
    fn a_dry_run_dispatches_nothing() {
        let mut job = Job::new(2, true);
        step(&mut job, Event::Started);
        assert_eq!(run(&mut job, &plans()), [Command::Report, Command::Announce]);
    }

    #[test]
    fn no_more_than_the_window_is_in_the_queue() {
        let mut job = Job::new(1, false);
        run(&mut job, &[Event::Started, Event::WindowChanged { window: 2 }]);
        let all = Event::RepoPlanned { repo: 0, batches: (0..9).map(planned).collect() };
        let first = step(&mut job, all);
        assert_eq!(first.len(), 1);
        let Command::Dispatch { batches } = &first[0] else { panic!("{first:?}") };
        assert_eq!(batches.len(), 2);
        let Command::Dispatch { batches } = &step(&mut job, done(0))[0] else { panic!("nothing follows") };
        assert_eq!(batches.len(), 1);
    }

    #[test]
    fn what_is_not_in_the_queue_is_dispatched_again() {
        let mut job = Job::new(1, false);
        run(&mut job, &[Event::Started, Event::RepoPlanned { repo: 0, batches: vec![planned(0)] }]);
        let again = step(&mut job, Event::NotQueued { batch: id(0) });
        assert_eq!(again, [Command::Dispatch { batches: vec![(id(0), Digest::of(b"s"))] }]);
    }

    #[test]
    fn a_cancelled_job_stays_cancelled() {
        let mut job = Job::new(2, false);
        step(&mut job, Event::Started);
        assert_eq!(step(&mut job, Event::CancelRequested), [Command::Purge, Command::Announce]);
        assert_eq!(run(&mut job, &plans()), []);
        assert_eq!(job.phase(), Phase::Cancelled);
    }

    #[test]
    fn windows_are_twice_the_fair_share_within_bounds() {
        assert_eq!(fair_window(0, 0), MIN_WINDOW);
        assert_eq!(fair_window(100, 4), 50);
        assert_eq!(fair_window(10_000, 1), MAX_WINDOW);
    }

    /// Every event of a job that ends, and for each batch whether it also died on some worker.
    fn events_of_a_whole_job() -> Vec<Event> {
        let mut events: Vec<Event> = plans().into();
        events.extend((0..5).map(done));
        events.extend([1, 3].map(|n| Event::BatchDead { batch: id(n) }));
        events.push(Event::WindowChanged { window: 1 });
        events
    }

    proptest! {
        /// Whatever the order and however often events come: nothing is dispatched twice without being given back,
        /// the job is reported exactly once, and once results beat deaths the counts are the same.
        #[test]
        fn any_order_and_duplication_ends_in_the_same_report(
            order in Just(events_of_a_whole_job()).prop_shuffle(),
            repeats in prop::collection::vec(1_usize..3, 10),
        ) {
            let mut job = Job::new(2, false);
            let mut commands = step(&mut job, Event::Started);
            for (event, n) in order.iter().zip(&repeats) {
                for _ in 0..*n {
                    commands.extend(step(&mut job, event.clone()));
                }
            }
            // Results that came before their plan are found in the store by the planner; here they come again.
            commands.extend(run(&mut job, &order));
            let reports = commands.iter().filter(|command| **command == Command::Report).count();
            prop_assert_eq!(reports, 1);
            let mut dispatched: Vec<BatchId> = commands.iter().flat_map(|command| match command {
                Command::Dispatch { batches } => batches.iter().map(|(id, _)| *id).collect(),
                _ => Vec::new(),
            }).collect();
            let n = dispatched.len();
            dispatched.sort_unstable();
            dispatched.dedup();
            prop_assert_eq!(n, dispatched.len());
            let counts = job.counts();
            prop_assert_eq!((counts.batches, counts.files), (5, 12));
            prop_assert_eq!(counts.batches_done + counts.batches_dead, 5);
            prop_assert_eq!(job.in_flight, 0);
        }

        /// A queue that loses batches, and results that are told of late, twice or never. Whatever the order, a
        /// batch is only put into the queue when it is not there, the window holds, and what is left over after
        /// every loss was noticed and every result was found ends the job once.
        #[test]
        fn a_queue_that_loses_batches_and_results_ends_in_one_report(
            moves in prop::collection::vec((0_u8..4, 0_u8..5), 0..60),
            window in 1_usize..6,
        ) {
            let mut job = Job::new(2, false);
            let mut queue = std::collections::BTreeSet::new();
            let mut stored = std::collections::BTreeSet::new();
            let mut reports = 0;
            let mut apply = |job: &mut Job, queue: &mut std::collections::BTreeSet<BatchId>, event| {
                for command in step(job, event) {
                    match command {
                        Command::Dispatch { batches } => queue.extend(batches.iter().map(|(id, _)| *id)),
                        Command::Report => reports += 1,
                        _ => {}
                    }
                }
                job.in_flight().count()
            };
            apply(&mut job, &mut queue, Event::Started);
            apply(&mut job, &mut queue, Event::WindowChanged { window });
            for plan in plans() {
                apply(&mut job, &mut queue, plan);
            }
            for (kind, n) in moves {
                let batch = id(n);
                let n_in_flight = match kind {
                    // A worker does it; whoever counts hears of it.
                    0 if queue.remove(&batch) => {
                        stored.insert(batch);
                        apply(&mut job, &mut queue, done(n))
                    }
                    // A worker does it, and the message about it is lost.
                    1 if queue.remove(&batch) => {
                        stored.insert(batch);
                        job.in_flight().count()
                    }
                    // The queue loses it.
                    2 => { queue.remove(&batch); job.in_flight().count() }
                    // The reconciler looks.
                    3 => {
                        for lost in job.in_flight().collect::<Vec<_>>() {
                            if stored.contains(&lost) {
                                apply(&mut job, &mut queue, Event::BatchDone { batch: lost, n_findings: 0 });
                            } else if !queue.contains(&lost) {
                                apply(&mut job, &mut queue, Event::NotQueued { batch: lost });
                            }
                        }
                        prop_assert!(job.in_flight().all(|batch| queue.contains(&batch)));
                        job.in_flight().count()
                    }
                    _ => job.in_flight().count(),
                };
                prop_assert!(n_in_flight <= window);
            }
            // From now on nothing breaks.
            for _ in 0..20 {
                for batch in job.in_flight().collect::<Vec<_>>() {
                    apply(&mut job, &mut queue, Event::NotQueued { batch });
                    apply(&mut job, &mut queue, Event::BatchDone { batch, n_findings: 0 });
                }
            }
            prop_assert_eq!((reports, job.phase(), job.in_flight), (1, Phase::Reporting, 0));
        }
    }
}
