//! What a store that is away for a while, or full, must not end: the work is done again until it is back.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::warn;

/// Attempts before the error counts: with the waits between them about a quarter of an hour.
const ATTEMPTS: u32 = 35;
/// The longest wait between two of them.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// Whether the same may succeed later: store or queue did not answer, or could take nothing.
#[must_use]
pub fn is_transient(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let of_store =
            cause.downcast_ref::<tensor_store::Error>().is_some_and(tensor_store::Error::is_transient);
        let of_bus = cause.downcast_ref::<bus::Error>().is_some_and(bus::Error::is_transient);
        of_store || of_bus
    })
}

/// Does `work` again as long as it fails for a moment, and until told to stop.
///
/// # Errors
/// Its error, once that will not pass or has not passed in time.
pub async fn patiently<T, F: Future<Output = anyhow::Result<T>>>(
    stop: &CancellationToken,
    mut work: impl FnMut() -> F,
) -> anyhow::Result<T> {
    let mut wait = Duration::from_secs(1);
    for _ in 1..ATTEMPTS {
        match work().await {
            Err(error) if is_transient(&error) => {
                warn!(error = format!("{error:#}"), wait_s = wait.as_secs(), "tried again later");
                tokio::select! {
                    () = stop.cancelled() => return Err(error),
                    () = tokio::time::sleep(wait) => {}
                }
                wait = (wait * 2).min(MAX_WAIT);
            }
            outcome => return outcome,
        }
    }
    work().await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use anyhow::Context;

    use super::*;

    fn away() -> anyhow::Error {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let error = tensor_store::Error::Backend {
            operation: "put",
            key: "k".to_owned(),
            source: full.into(),
            transient: true,
        };
        anyhow::Error::from(error).context("store the plan")
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_is_away_is_waited_for() {
        let (n_tries, stop) = (Cell::new(0), CancellationToken::new());
        let outcome = patiently(&stop, || {
            n_tries.set(n_tries.get() + 1);
            let outcome = if n_tries.get() < 5 { Err(away()) } else { Ok(7) };
            async { outcome.context("write the report") }
        });
        assert_eq!((outcome.await.unwrap(), n_tries.get()), (7, 5));
    }

    #[tokio::test(start_paused = true)]
    async fn what_will_not_pass_counts_at_once_and_nothing_is_waited_for_when_told_to_stop() {
        let stop = CancellationToken::new();
        let n_tries = Cell::new(0);
        let fails = |error: fn() -> anyhow::Error| {
            let n_tries = &n_tries;
            move || {
                n_tries.set(n_tries.get() + 1);
                async move { Err::<(), _>(error()) }
            }
        };
        patiently(&stop, fails(|| anyhow::anyhow!("no such repository"))).await.unwrap_err();
        assert_eq!(n_tries.get(), 1);
        patiently(&stop, fails(away)).await.unwrap_err();
        assert_eq!(n_tries.get(), 1 + ATTEMPTS);
        stop.cancel();
        patiently(&stop, fails(away)).await.unwrap_err();
        assert_eq!(n_tries.get(), 2 + ATTEMPTS);
    }
}
