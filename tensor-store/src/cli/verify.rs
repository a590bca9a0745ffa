//! `verify`: every digest and seal, checked again.

use std::process::ExitCode;

use futures::{StreamExt, TryStreamExt};
use schemas::Digest;
use serde::Serialize;
use tensor_store::{Store, Verdict};

use super::{NOT_AS_WANTED, Output, progress, size};

/// Objects read at once.
const READS: usize = 8;

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    /// Only objects in this folder.
    #[arg(default_value = "")]
    prefix: String,
    /// Only this share of the objects, such as `5%`: another one with each `--seed`.
    #[arg(long, value_name = "P%", value_parser = percent, default_value = "100%")]
    sample: f64,
    /// Which objects `--sample` picks.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse::<f64>().ok();
    number
        .filter(|p| (0.0..=100.0).contains(p))
        .ok_or_else(|| "a percentage from 0% to 100% is expected".to_owned())
}

#[derive(Default, Serialize)]
struct Sum {
    sound: u64,
    unproven: u64,
    damaged: u64,
    n_bytes: u64,
}

#[derive(Serialize)]
struct Damaged<'a> {
    key: &'a str,
    reason: &'a str,
}

pub(super) async fn run(store: &Store, verify: &Verify, output: &mut Output) -> anyhow::Result<ExitCode> {
    let bar = progress("verified");
    let picked = |key: &str| is_picked(key, verify.seed, verify.sample);
    let mut verdicts = store
        .walk(verify.prefix.trim_end_matches('/'))
        .try_filter(|object| std::future::ready(picked(&object.key)))
        .map_ok(|object| async move {
            let verdict = store.verify(&object).await?;
            Ok((object, verdict))
        })
        .try_buffer_unordered(READS)
        .boxed();
    let mut sum = Sum::default();
    while let Some((object, verdict)) = verdicts.try_next().await? {
        bar.inc(1);
        sum.n_bytes += object.n_bytes;
        match verdict {
            Verdict::Sound => sum.sound += 1,
            Verdict::Unproven => sum.unproven += 1,
            Verdict::Gone => {}
            Verdict::Damaged { reason } => {
                sum.damaged += 1;
                let damaged = Damaged { key: &object.key, reason: &reason };
                output.line(&damaged, || format!("damaged: {}: {reason}", object.key))?;
            }
        }
    }
    bar.finish_and_clear();
    output.line(&sum, || {
        let Sum { sound, unproven, damaged, n_bytes } = &sum;
        format!(
            "{sound} sound, {damaged} damaged, {unproven} with nothing to check against; {}",
            size(*n_bytes)
        )
    })?;
    Ok(if sum.damaged == 0 { ExitCode::SUCCESS } else { ExitCode::from(NOT_AS_WANTED) })
}

/// The same objects for the same seed, evenly spread.
fn is_picked(key: &str, seed: u64, percent: f64) -> bool {
    let digest = Digest::of(format!("{seed} {key}").as_bytes());
    let draw = digest.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    percent >= 100.0 || (draw as f64) < percent / 100.0 * u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_about_as_large_as_asked_for() {
        for percent in [0.0, 5.0, 50.0, 100.0] {
            let n = (0..10_000).filter(|n| is_picked(&format!("results/{n}"), 7, percent)).count() as f64;
            assert!((n / 100.0 - percent).abs() < 2.0, "{n} of 10,000 for {percent}%");
        }
    }

    #[test]
    fn shares_that_make_no_sense_are_refused() {
        assert_eq!(percent("5%"), Ok(5.0));
        assert_eq!(percent("0.5"), Ok(0.5));
        assert!(["-1%", "101%", "NaN", "x", ""].iter().all(|text| percent(text).is_err()));
    }
}
