//! A backend that fails on purpose: for tests of everything that uses a store, up to the whole system.
//!
//! ```text
//! faulty+file:///path?seed=7&error=0.05&lost=0.02&torn=0.01&conflict=0.01&latency_ms=20
//! ```
//!
//! Each operation meets at most one fault, with the given probability:
//!
//! | parameter | operations | what happens |
//! |---|---|---|
//! | `error` | all | it fails before it did anything, as a server error does |
//! | `lost` | put, delete, copy | it takes effect, but the answer is an error |
//! | `torn` | put | half an object is left, and the answer is an error; `file` and `memory` only, since object stores of clouds promise that this cannot be |
//! | `conflict` | put if absent | it answers "already exists", and nothing landed |
//! | `latency_ms` | all | up to so many milliseconds pass first |
//!
//! What a call meets is decided by the seed, the operation, the object and how many such calls there were in this
//! process: the same calls meet the same faults, in whatever order threads make them. Every fault is logged at debug
//! level and counted.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use schemas::Digest;
use serde::Serialize;
use tracing::debug;

/// How often what goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct FaultPlan {
    seed: u64,
    error: f64,
    lost: f64,
    pub(crate) torn: f64,
    conflict: f64,
    latency_ms: u64,
}

impl FaultPlan {
    /// Reads the parameters of a URL.
    ///
    /// # Errors
    /// A reason: a parameter that is unknown, not a number, or no probability.
    pub(crate) fn parse<'a, K, V>(parameters: impl IntoIterator<Item = (K, V)>) -> Result<Self, String>
    where
        K: AsRef<str> + 'a,
        V: AsRef<str> + 'a,
    {
        let mut plan = Self::default();
        for (name, value) in parameters {
            let (name, value) = (name.as_ref(), value.as_ref());
            let whole = || value.parse().map_err(|_| format!("`{name}={value}` is not a whole number"));
            let chance = || match value.parse::<f64>() {
                Ok(chance) if (0.0..=1.0).contains(&chance) => Ok(chance),
                _ => Err(format!("`{name}={value}` is not a probability from 0 to 1")),
            };
            match name {
                "seed" => plan.seed = whole()?,
                "latency_ms" => plan.latency_ms = whole()?,
                "error" => plan.error = chance()?,
                "lost" => plan.lost = chance()?,
                "torn" => plan.torn = chance()?,
                "conflict" => plan.conflict = chance()?,
                other => {
                    return Err(format!(
                        "unknown parameter `{other}`: seed, error, lost, torn, conflict and latency_ms are known"
                    ));
                }
            }
        }
        if plan.error + plan.lost + plan.torn + plan.conflict > 1.0 {
            return Err("the probabilities of all faults add up to more than 1".to_owned());
        }
        Ok(plan)
    }
}

/// Faults that a `faulty+…` store injected since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct InjectedFaults {
    /// Operations that failed before they did anything.
    pub errors: u64,
    /// Operations that took effect and answered with an error.
    pub lost: u64,
    /// Writes that left half an object.
    pub torn: u64,
    /// Writes that were told that the object exists, though nothing landed.
    pub conflicts: u64,
}

/// The live counters behind [`InjectedFaults`].
#[derive(Debug, Default)]
pub(crate) struct FaultCounters {
    errors: AtomicU64,
    lost: AtomicU64,
    torn: AtomicU64,
    conflicts: AtomicU64,
}

impl FaultCounters {
    pub(crate) fn snapshot(&self) -> InjectedFaults {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        InjectedFaults {
            errors: read(&self.errors),
            lost: read(&self.lost),
            torn: read(&self.torn),
            conflicts: read(&self.conflicts),
        }
    }

    fn count(&self, fault: Fault) {
        let counter = match fault {
            Fault::Error => &self.errors,
            Fault::Lost => &self.lost,
            Fault::Torn => &self.torn,
            Fault::Conflict => &self.conflicts,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// A backend around another one. Cheap to clone; clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Faulty {
    inner: Arc<dyn ObjectStore>,
    plan: FaultPlan,
    /// How often each operation was called on each object.
    calls: Arc<Mutex<HashMap<(&'static str, Path), u64>>>,
    counters: Arc<FaultCounters>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Error,
    Lost,
    Torn,
    Conflict,
}

/// What an operation can suffer.
const ON_READ: &[Fault] = &[Fault::Error];
const ON_CHANGE: &[Fault] = &[Fault::Error, Fault::Lost];
const ON_PUT: &[Fault] = &[Fault::Error, Fault::Lost, Fault::Torn];
const ON_CREATE: &[Fault] = &[Fault::Error, Fault::Lost, Fault::Torn, Fault::Conflict];

impl Faulty {
    pub(crate) fn new(inner: Arc<dyn ObjectStore>, plan: FaultPlan) -> Self {
        Self { inner, plan, calls: Arc::default(), counters: Arc::default() }
    }

    pub(crate) fn counters(&self) -> Arc<FaultCounters> {
        Arc::clone(&self.counters)
    }

    /// Waits as long as the plan says, and fails if the fault is a plain error. Any other is for the caller to act out.
    async fn before(
        &self,
        operation: &'static str,
        object: &Path,
        possible: &[Fault],
    ) -> Result<Option<Fault>> {
        let call = self.number_of_call(operation, object);
        let dice = Dice::roll(self.plan.seed, operation, object, call);
        let latency = Duration::from_millis(self.plan.latency_ms).mul_f64(dice.second);
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        let fault = self.plan.fault(dice.first).filter(|fault| possible.contains(fault));
        let Some(fault) = fault else { return Ok(None) };
        debug!(operation, %object, call, ?fault, "fault injected");
        self.counters.count(fault);
        if fault == Fault::Error { Err(broken(operation, "nothing was done")) } else { Ok(Some(fault)) }
    }

    fn number_of_call(&self, operation: &'static str, object: &Path) -> u64 {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let n_calls = calls.entry((operation, object.clone())).or_default();
        *n_calls += 1;
        *n_calls
    }

    async fn delete_one(&self, location: Path) -> Result<Path> {
        let fault = self.before("delete", &location, ON_CHANGE).await?;
        self.inner.delete(&location).await?;
        if fault.is_some() { Err(broken("delete", "the answer was lost")) } else { Ok(location) }
    }
}

impl FaultPlan {
    /// The fault of a call, by a number from 0 to 1.
    fn fault(&self, dice: f64) -> Option<Fault> {
        let mut upper = 0.0;
        let chances = [
            (self.error, Fault::Error),
            (self.lost, Fault::Lost),
            (self.torn, Fault::Torn),
            (self.conflict, Fault::Conflict),
        ];
        chances.into_iter().find_map(|(chance, fault)| {
            upper += chance;
            (dice < upper).then_some(fault)
        })
    }
}

/// Two numbers from 0 (included) to 1 (excluded).
struct Dice {
    first: f64,
    second: f64,
}

impl Dice {
    fn roll(seed: u64, operation: &str, object: &Path, call: u64) -> Self {
        let digest = Digest::of(format!("{seed} {operation} {object} {call}").as_bytes());
        let number = |at: usize| {
            let bytes = digest.as_bytes()[at..at + 4].try_into().expect("a digest has 32 bytes");
            f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
        };
        Self { first: number(0), second: number(4) }
    }
}

/// What a server error looks like.
fn broken(operation: &'static str, what: &str) -> object_store::Error {
    object_store::Error::Generic {
        store: "faulty",
        source: format!("injected fault on {operation}: {what}").into(),
    }
}

/// The first half of the bytes.
fn first_half(payload: &PutPayload) -> PutPayload {
    let bytes = bytes::Bytes::from(payload.clone());
    bytes.slice(..bytes.len() / 2).into()
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty {}", self.inner)
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let possible = if options.mode == PutMode::Create { ON_CREATE } else { ON_PUT };
        match self.before("put", location, possible).await? {
            Some(Fault::Conflict) => {
                let source = "injected fault on put: nothing landed".into();
                Err(object_store::Error::AlreadyExists { path: location.to_string(), source })
            }
            Some(Fault::Torn) => {
                self.inner.put_opts(location, first_half(&payload), options).await?;
                Err(broken("put", "half of it landed"))
            }
            fault => {
                let done = self.inner.put_opts(location, payload, options).await?;
                if fault.is_some() { Err(broken("put", "the answer was lost")) } else { Ok(done) }
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.before("put in parts", location, ON_READ).await?;
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.before("get", location, ON_READ).await?;
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let this = self.clone();
        locations
            .then(move |location| {
                let this = this.clone();
                async move { this.delete_one(location?).await }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (this, prefix) = (self.clone(), prefix.cloned());
        let begun = async move {
            match this.before("list", &prefix.clone().unwrap_or_default(), ON_READ).await {
                Ok(_) => this.inner.list(prefix.as_ref()),
                Err(error) => futures::stream::once(async { Err(error) }).boxed(),
            }
        };
        begun.flatten_stream().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.before("list", &prefix.cloned().unwrap_or_default(), ON_READ).await?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let fault = self.before("copy", to, ON_CHANGE).await?;
        self.inner.copy_opts(from, to, options).await?;
        if fault.is_some() { Err(broken("copy", "the answer was lost")) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    fn faulty(parameters: &str) -> Faulty {
        let parameters = url::form_urlencoded::parse(parameters.as_bytes());
        Faulty::new(Arc::new(InMemory::new()), FaultPlan::parse(parameters).unwrap())
    }

    async fn create(store: &Faulty, name: &str) -> Result<PutResult> {
        store.put_opts(&Path::from(name), "whole object".into(), PutMode::Create.into()).await
    }

    async fn landed(store: &Faulty, name: &str) -> Option<bytes::Bytes> {
        store.inner.get(&Path::from(name)).await.ok()?.bytes().await.ok()
    }

    #[tokio::test]
    async fn each_fault_does_what_it_is_named_after() {
        let store = faulty("error=1");
        assert!(create(&store, "a").await.is_err());
        assert!(store.list(None).next().await.unwrap().is_err());
        assert_eq!(landed(&store, "a").await, None);
        let store = faulty("lost=1");
        assert!(create(&store, "a").await.is_err());
        assert_eq!(landed(&store, "a").await.unwrap(), "whole object");
        assert!(store.get(&Path::from("a")).await.is_ok(), "no answer to a read can be lost");
        assert!(store.delete(&Path::from("a")).await.is_err());
        assert_eq!(landed(&store, "a").await, None);
        let store = faulty("torn=1");
        assert!(create(&store, "a").await.is_err());
        assert_eq!(landed(&store, "a").await.unwrap(), "whole ");
        let store = faulty("conflict=1");
        assert!(matches!(create(&store, "a").await, Err(object_store::Error::AlreadyExists { .. })));
        assert_eq!(landed(&store, "a").await, None);
        assert!(store.put(&Path::from("a"), "x".into()).await.is_ok(), "it was not asked to create");
        assert_eq!(store.counters.snapshot(), InjectedFaults { conflicts: 1, ..InjectedFaults::default() });
    }

    #[tokio::test]
    async fn faults_are_as_frequent_as_asked_and_the_same_for_the_same_seed() {
        let outcomes = async |seed: u64| {
            let store = faulty(&format!("seed={seed}&error=0.1&lost=0.05"));
            let mut failed = Vec::new();
            for index in 0..2000 {
                failed.push(create(&store, &format!("{index}")).await.is_err());
            }
            (failed, store.counters.snapshot())
        };
        let (first, counts) = outcomes(7).await;
        assert_eq!((first.clone(), counts), outcomes(7).await);
        assert_ne!(first, outcomes(8).await.0);
        assert!((120..280).contains(&counts.errors) && (50..150).contains(&counts.lost), "{counts:?}");
        assert_eq!(first.iter().filter(|&&failed| failed).count() as u64, counts.errors + counts.lost);
    }

    #[test]
    fn parameters_that_make_no_plan_are_refused_with_a_reason() {
        for (parameters, reason) in [
            ("errors=0.1", "unknown parameter `errors`"),
            ("error=2", "not a probability"),
            ("error=nan", "not a probability"),
            ("seed=x", "not a whole number"),
            ("error=0.6&lost=0.6", "more than 1"),
        ] {
            let parsed = FaultPlan::parse(url::form_urlencoded::parse(parameters.as_bytes()));
            assert!(parsed.unwrap_err().contains(reason), "{parameters}");
        }
    }
}
