//! What a seed means: which jobs on which cluster, what breaks, and when. All of it is decided before anything runs.

use std::fmt;
use std::time::Duration;

use super::proxy::Line;
use super::seeded::Seeded;
use super::shape::{SHAPES, Shape};

/// One run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// What decides all the rest.
    pub seed: u64,
    /// The jobs, submitted one right after the other.
    pub jobs: Vec<Shape>,
    /// Orchestrators: one is in charge, the others wait.
    pub n_orchestrators: usize,
    /// Workers.
    pub n_workers: usize,
    /// Batches that each has in hand.
    pub slots: u64,
    /// Whether everything is scanned again in the end, from snapshots of which one, chosen by the number, is damaged.
    pub second_night: Option<u64>,
    /// Query of the fault-injecting store that the services use, if they use one.
    pub store_errors: Option<String>,
    /// In the order in which they happen.
    pub faults: Vec<Fault>,
}

/// One fault and its moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// When.
    pub at: Moment,
    /// What.
    pub action: Action,
}

/// A moment of a run. One that never comes, because the jobs end before it, injects nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// After the first submission.
    After(Duration),
    /// When this many of a hundred results are stored.
    Percent(u64),
}

/// Who is hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victim {
    /// The worker of this number, modulo how many there are.
    Worker(usize),
    /// The orchestrator of this number, modulo how many there are.
    Orchestrator(usize),
    /// The nats-server.
    Server,
}

/// Whose connections to the server run over a bad line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// All workers.
    Workers,
    /// All orchestrators.
    Orchestrators,
    /// The waiting `submit-job`.
    Submitter,
}

/// Objects that something damages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    /// The result of a batch.
    Result,
    /// The source pack of a batch.
    Sources,
    /// The plan of a repository.
    Plan,
    /// What a job left for the next night.
    Snapshot,
}

/// What is done to the system. Times are how long it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// SIGKILL; started again after a while.
    Kill(Victim, Duration),
    /// SIGSTOP, and after a while SIGCONT.
    Stop(Victim, Duration),
    /// SIGKILL to everything at once; started again after a while, the server first.
    KillAll(Duration),
    /// The server is killed, all that it stored is deleted, and it is started again after a while.
    Wipe(Duration),
    /// A bad line.
    Disturb(Client, Line, Duration),
    /// The consumer of this number in the topology, modulo how many there are, is deleted.
    DeleteConsumer(usize),
    /// All batches that wait are removed from the queue.
    PurgeWork,
    /// An object, chosen by the number, has a byte flipped or its end cut off.
    Damage(Object, u64),
    /// The disk of the object store is full for a while.
    FillStore(Duration),
    /// The disk of the queue is full for a while; then the server is started again, which it needs.
    FillQueue(Duration),
    /// The clock of services jumps by this many seconds.
    JumpClock(i64),
    /// The waiting `submit-job` is killed and another one attaches to the job.
    KillSubmitter,
    /// Somebody cancels the first job.
    Cancel,
}

/// The name of a kind of fault: what `--fault` takes and tables count by.
pub type Kind = &'static str;

/// How a fault of one kind is drawn.
type Draw = fn(&mut Seeded) -> Action;

/// Every kind of fault, with how it is drawn.
const DRAWS: &[(Kind, Draw)] = &[
    ("kill-worker", |seeded| Action::Kill(worker(seeded), millis(seeded, 0, 2000))),
    ("kill-orchestrator", |seeded| Action::Kill(orchestrator(seeded), millis(seeded, 0, 2000))),
    ("kill-server", |seeded| Action::Kill(Victim::Server, millis(seeded, 0, 3000))),
    ("kill-all", |seeded| Action::KillAll(millis(seeded, 0, 2000))),
    ("stop-worker", |seeded| Action::Stop(worker(seeded), millis(seeded, 1000, 8000))),
    ("stop-orchestrator", |seeded| Action::Stop(orchestrator(seeded), millis(seeded, 1000, 8000))),
    ("stop-server", |seeded| Action::Stop(Victim::Server, millis(seeded, 1000, 8000))),
    ("wipe-queue", |seeded| Action::Wipe(millis(seeded, 0, 1000))),
    ("cut-line", |seeded| Action::Disturb(client(seeded), Line::Cut, millis(seeded, 50, 3000))),
    ("hold-line", |seeded| Action::Disturb(client(seeded), Line::Held, millis(seeded, 500, 7000))),
    ("one-way-line", |seeded| Action::Disturb(client(seeded), Line::OneWay, millis(seeded, 500, 7000))),
    ("slow-line", |seeded| {
        let line = Line::Slow(seeded.between(5, 100));
        Action::Disturb(client(seeded), line, millis(seeded, 1000, 5000))
    }),
    ("trickle-line", |seeded| Action::Disturb(client(seeded), Line::Trickle, millis(seeded, 1000, 5000))),
    ("delete-consumer", |seeded| Action::DeleteConsumer(index(seeded))),
    ("purge-work", |_| Action::PurgeWork),
    ("damage-result", |seeded| Action::Damage(Object::Result, seeded.next())),
    ("damage-sources", |seeded| Action::Damage(Object::Sources, seeded.next())),
    ("damage-plan", |seeded| Action::Damage(Object::Plan, seeded.next())),
    ("fill-store", |seeded| Action::FillStore(millis(seeded, 500, 3000))),
    ("fill-queue", |seeded| Action::FillQueue(millis(seeded, 500, 3000))),
    ("jump-clock", |seeded| Action::JumpClock(seeded.pick(&[-86_400, -3600, -40, 40, 3600, 86_400]))),
    ("kill-submitter", |_| Action::KillSubmitter),
    ("cancel", |_| Action::Cancel),
];

/// No event: the store fails now and then during the whole run.
pub const STORE_ERRORS: Kind = "store-errors";

/// No event either: it happens between two nights.
pub const DAMAGED_SNAPSHOT: Kind = "damage-snapshot";

fn worker(seeded: &mut Seeded) -> Victim {
    Victim::Worker(index(seeded))
}

fn orchestrator(seeded: &mut Seeded) -> Victim {
    Victim::Orchestrator(index(seeded))
}

fn client(seeded: &mut Seeded) -> Client {
    seeded.pick(&[Client::Workers, Client::Orchestrators, Client::Submitter])
}

fn millis(seeded: &mut Seeded, low: u64, high: u64) -> Duration {
    Duration::from_millis(seeded.between(low, high))
}

fn index(seeded: &mut Seeded) -> usize {
    usize::from(u8::try_from(seeded.between(0, 59)).expect("it is below 60"))
}

/// Every kind of fault that there is.
#[must_use]
pub fn kinds() -> Vec<Kind> {
    DRAWS.iter().map(|(kind, _)| *kind).chain([STORE_ERRORS, DAMAGED_SNAPSHOT]).collect()
}

impl Action {
    /// Which kind it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Kill(Victim::Worker(_), _) => "kill-worker",
            Self::Kill(Victim::Orchestrator(_), _) => "kill-orchestrator",
            Self::Kill(Victim::Server, _) => "kill-server",
            Self::Stop(Victim::Worker(_), _) => "stop-worker",
            Self::Stop(Victim::Orchestrator(_), _) => "stop-orchestrator",
            Self::Stop(Victim::Server, _) => "stop-server",
            Self::KillAll(_) => "kill-all",
            Self::Wipe(_) => "wipe-queue",
            Self::Disturb(_, Line::Cut, _) => "cut-line",
            Self::Disturb(_, Line::OneWay, _) => "one-way-line",
            Self::Disturb(_, Line::Slow(_), _) => "slow-line",
            Self::Disturb(_, Line::Trickle, _) => "trickle-line",
            Self::Disturb(_, Line::Held | Line::Open, _) => "hold-line",
            Self::DeleteConsumer(_) => "delete-consumer",
            Self::PurgeWork => "purge-work",
            Self::Damage(Object::Result, _) => "damage-result",
            Self::Damage(Object::Sources, _) => "damage-sources",
            Self::Damage(Object::Plan, _) => "damage-plan",
            Self::Damage(Object::Snapshot, _) => DAMAGED_SNAPSHOT,
            Self::FillStore(_) => "fill-store",
            Self::FillQueue(_) => "fill-queue",
            Self::JumpClock(_) => "jump-clock",
            Self::KillSubmitter => "kill-submitter",
            Self::Cancel => "cancel",
        }
    }
}

impl Scenario {
    /// The scenario of a seed. With `only`, its faults are of that kind; the cluster and the jobs are the same.
    ///
    /// # Panics
    /// If there is no such kind.
    #[must_use]
    pub fn of(seed: u64, only: Option<&str>) -> Self {
        let mut seeded = Seeded::new(seed, "cluster");
        let n_workers = usize::from(u8::try_from(seeded.between(1, 3)).expect("it is small"));
        let slots = seeded.between(1, 2);
        let n_jobs = if seeded.chance(25) { 2 } else { 1 };
        let jobs = (0..n_jobs).map(|_| seeded.pick(&SHAPES)).collect();
        let n_orchestrators = if seeded.chance(25) { 2 } else { 1 };
        let kinds = chosen_kinds(&mut Seeded::new(seed, "kinds"), only);
        let mut seeded = Seeded::new(seed, "faults");
        let mut faults: Vec<Fault> = kinds.iter().filter_map(|kind| fault(kind, &mut seeded)).collect();
        // Nothing follows a cancellation that would say anything about it.
        faults.sort_by_key(|fault| (fault.action == Action::Cancel, fault.at));
        let store_errors = kinds.contains(&STORE_ERRORS).then(|| store_query(seed));
        let second_night = kinds.contains(&DAMAGED_SNAPSHOT).then(|| seeded.next());
        Self { seed, jobs, n_orchestrators, n_workers, slots, second_night, store_errors, faults }
    }

    /// A job that nothing disturbs, on two workers.
    #[must_use]
    pub fn undisturbed(shape: Shape) -> Self {
        let (n_orchestrators, n_workers, slots) = (1, 2, 2);
        Self {
            seed: 0,
            jobs: vec![shape],
            n_orchestrators,
            n_workers,
            slots,
            second_night: None,
            store_errors: None,
            faults: Vec::new(),
        }
    }

    /// The same with a single fault.
    #[must_use]
    pub fn single(shape: Shape, at: Moment, action: Action) -> Self {
        Self { faults: vec![Fault { at, action }], ..Self::undisturbed(shape) }
    }

    /// Whether some fault is of this kind.
    #[must_use]
    pub fn has(&self, kind: Kind) -> bool {
        (kind == STORE_ERRORS && self.store_errors.is_some())
            || (kind == DAMAGED_SNAPSHOT && self.second_night.is_some())
            || self.faults.iter().any(|fault| fault.action.kind() == kind)
    }
}

/// One to three kinds, or one or two faults of the only one.
fn chosen_kinds(seeded: &mut Seeded, only: Option<&str>) -> Vec<Kind> {
    let all = kinds();
    if let Some(only) = only {
        let kind = *all.iter().find(|kind| **kind == only).expect("the caller checked the kind");
        let n = if kind == "cancel" { 1 } else { seeded.between(1, 2) };
        return (0..n).map(|_| kind).collect();
    }
    let n = seeded.pick(&[1, 2, 2, 3]);
    let mut kinds: Vec<Kind> = (0..n).map(|_| seeded.pick(&all)).collect();
    kinds.dedup();
    kinds
}

fn fault(kind: Kind, seeded: &mut Seeded) -> Option<Fault> {
    let (_, draw) = DRAWS.iter().find(|(name, _)| *name == kind)?;
    let at = match seeded.chance(80) {
        true => Moment::Percent(seeded.between(1, 95)),
        false => Moment::After(millis(seeded, 0, 2500)),
    };
    Some(Fault { at, action: draw(seeded) })
}

/// Mild: most operations succeed, and each of the four ways to fail comes up in a run.
fn store_query(seed: u64) -> String {
    format!("seed={seed}&error=0.03&lost=0.02&torn=0.01&conflict=0.01&latency_ms=5")
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(time) => write!(f, "{:.1}s", time.as_secs_f64()),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        match self {
            Self::Kill(_, time)
            | Self::Stop(_, time)
            | Self::KillAll(time)
            | Self::Wipe(time)
            | Self::FillStore(time)
            | Self::FillQueue(time) => write!(f, "({:.1}s)", time.as_secs_f64()),
            Self::Disturb(client, _, time) => {
                write!(f, "({}, {:.1}s)", format!("{client:?}").to_lowercase(), time.as_secs_f64())
            }
            Self::JumpClock(seconds) => write!(f, "({seconds:+}s)"),
            Self::DeleteConsumer(_)
            | Self::PurgeWork
            | Self::Damage(..)
            | Self::KillSubmitter
            | Self::Cancel => Ok(()),
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let jobs: Vec<&str> = self.jobs.iter().map(|shape| shape.name).collect();
        write!(f, "{} on {}x{}", jobs.join("+"), self.n_workers, self.slots)?;
        if self.n_orchestrators > 1 {
            write!(f, " with {} orchestrators", self.n_orchestrators)?;
        }
        f.write_str(":")?;
        for fault in &self.faults {
            write!(f, " {}@{}", fault.action, fault.at)?;
        }
        if self.store_errors.is_some() {
            write!(f, " {STORE_ERRORS}")?;
        }
        if self.second_night.is_some() {
            write!(f, " {DAMAGED_SNAPSHOT}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_one_scenario_and_seeds_differ() {
        assert_eq!(Scenario::of(5, None), Scenario::of(5, None));
        assert_ne!(Scenario::of(5, None).to_string(), Scenario::of(6, None).to_string());
    }

    #[test]
    fn a_kind_is_what_its_action_says() {
        let mut seeded = Seeded::new(1, "test");
        for (kind, draw) in DRAWS {
            assert_eq!(draw(&mut seeded).kind(), *kind);
        }
    }

    #[test]
    fn every_kind_comes_up_within_a_hundred_seeds() {
        for kind in kinds() {
            assert!((0..100).any(|seed| Scenario::of(seed, None).has(kind)), "{kind}");
        }
    }

    #[test]
    fn a_cancellation_comes_last() {
        for seed in 0..500 {
            let faults = Scenario::of(seed, None).faults;
            let cancelled = faults.iter().position(|fault| fault.action == Action::Cancel);
            assert!(cancelled.is_none_or(|position| position == faults.len() - 1), "seed {seed}");
        }
    }
}
