//! Shows people where a job stands: a bar on a terminal, otherwise at most a line every ten seconds. The
//! arithmetic is pure; the drawing is indicatif's.

use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use schemas::messages::{Counts, Phase, Progress};

use crate::output;

/// Without a terminal, lines are this far apart.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How fast a job goes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// Tokens a second since the first announcement; absent until two differ.
    pub tokens_per_s: Option<f64>,
    /// What is left at that rate; absent while repos are still being planned.
    pub eta: Option<Duration>,
}

/// Workers that are heard of.
#[must_use]
pub fn n_alive(progress: &Progress) -> usize {
    progress.workers.iter().filter(|row| !row.dead).count()
}

/// Measures rates from announcements. What was done before the first one (an earlier run, another watcher's
/// time) does not count.
#[derive(Debug, Default)]
pub struct Meter {
    first: Option<(u64, u64)>,
}

impl Meter {
    /// Takes an announcement in.
    pub fn observe(&mut self, progress: &Progress) -> Rates {
        let now = (progress.elapsed_ms, progress.counts.tokens_done);
        let first = *self.first.get_or_insert(now);
        // A restarted orchestrator counts time anew.
        if now.0 < first.0 || now.1 < first.1 {
            self.first = Some(now);
            return Rates::default();
        }
        rates(now.0 - first.0, now.1 - first.1, &progress.counts)
    }
}

#[expect(clippy::cast_precision_loss, reason = "rates are shown with three digits")]
fn rates(elapsed_ms: u64, n_tokens: u64, counts: &Counts) -> Rates {
    if elapsed_ms == 0 || n_tokens == 0 {
        return Rates::default();
    }
    let per_s = n_tokens as f64 * 1000.0 / elapsed_ms as f64;
    let is_planned = counts.repos_planned + counts.repos_failed >= counts.repos;
    let left = counts.tokens.saturating_sub(counts.tokens_done) as f64;
    // A job of a year is shown as one: the estimate is worth nothing by then.
    let eta = is_planned.then(|| Duration::from_secs_f64((left / per_s).min(31e6)));
    Rates { tokens_per_s: Some(per_s), eta }
}

/// Where the progress of a job is shown.
pub struct Display {
    meter: Meter,
    surface: Surface,
}

enum Surface {
    Nothing,
    Bar(ProgressBar),
    Lines { last: Option<Instant> },
}

impl Display {
    /// A bar if standard error is a terminal, lines if not, nothing with `--quiet`.
    #[must_use]
    pub fn new(quiet: bool) -> Self {
        let surface = if quiet {
            Surface::Nothing
        } else if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
            Surface::Bar(bar())
        } else {
            Surface::Lines { last: None }
        };
        Self { meter: Meter::default(), surface }
    }

    /// Shows an announcement. Gives back the rates.
    pub fn show(&mut self, progress: &Progress) -> Rates {
        let rates = self.meter.observe(progress);
        match &mut self.surface {
            Surface::Nothing => {}
            Surface::Bar(bar) => {
                bar.set_length(progress.counts.files);
                bar.set_position(progress.counts.files_done);
                bar.set_message(summary(progress, rates));
            }
            Surface::Lines { last } => {
                if last.is_none_or(|last| last.elapsed() >= LINE_EVERY) {
                    *last = Some(Instant::now());
                    let Counts { files, files_done, .. } = progress.counts;
                    output::say(&format!("{files_done}/{files} files, {}", summary(progress, rates)));
                }
            }
        }
        rates
    }

    /// A way to say something beside the display, without tearing its bar apart.
    #[must_use]
    pub fn notices(&self) -> Notices {
        match &self.surface {
            Surface::Bar(bar) => Notices(Some(bar.clone())),
            Surface::Nothing | Surface::Lines { .. } => Notices(None),
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Surface::Bar(bar) = &self.surface {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.finish();
    }
}

/// See [`Display::notices`].
pub struct Notices(Option<ProgressBar>);

impl Notices {
    /// Says something to people.
    pub fn say(&self, text: &str) {
        match &self.0 {
            Some(bar) => bar.suspend(|| output::say(text)),
            None => output::say(text),
        }
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} [{bar:24}] {pos}/{len} files, {msg}")
        .expect("the template is well formed")
        .progress_chars("=> ");
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr()).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Everything but the files, on one line.
fn summary(progress: &Progress, rates: Rates) -> String {
    let counts = &progress.counts;
    let mut parts = vec![format!("{}/{} repos", counts.repos_planned + counts.repos_failed, counts.repos)];
    if let Some(rate) = rates.tokens_per_s {
        parts.push(format!("{} tokens/s", with_unit(rate)));
    }
    if let Some(eta) = rates.eta.filter(|_| progress.phase == Phase::Running) {
        parts.push(format!("{} left", HumanDuration(eta)));
    }
    parts.push(match n_alive(progress) {
        0 => "no worker".to_owned(),
        1 => "1 worker".to_owned(),
        n => format!("{n} workers"),
    });
    if counts.repos_failed > 0 {
        parts.push(format!("failed repos: {}", counts.repos_failed));
    }
    if counts.batches_dead > 0 {
        parts.push(format!("failed batches: {}", counts.batches_dead));
    }
    if progress.phase == Phase::Reporting {
        parts.push("writing the report".to_owned());
    }
    parts.join(", ")
}

/// Three digits and a unit.
fn with_unit(number: f64) -> String {
    match number {
        n if n >= 1e9 => format!("{:.2}G", n / 1e9),
        n if n >= 1e6 => format!("{:.2}M", n / 1e6),
        n if n >= 1e3 => format!("{:.1}k", n / 1e3),
        n => format!("{n:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(elapsed_ms: u64, tokens_done: u64) -> Progress {
        Progress {
            job: "j".parse().unwrap(),
            phase: Phase::Running,
            error: None,
            counts: Counts { repos: 1, repos_planned: 1, tokens: 10_000, tokens_done, ..Counts::default() },
            elapsed_ms,
            workers: Vec::new(),
        }
    }

    #[test]
    fn a_rate_needs_two_announcements_and_gives_the_time_that_is_left() {
        let mut meter = Meter::default();
        assert_eq!(meter.observe(&progress(1_000, 2_000)), Rates::default());
        let rates = meter.observe(&progress(3_000, 6_000));
        assert_eq!(rates.tokens_per_s, Some(2_000.0));
        assert_eq!(rates.eta, Some(Duration::from_secs(2)));
    }

    #[test]
    fn work_of_an_earlier_run_is_no_speed_and_a_restart_begins_anew() {
        let mut meter = Meter::default();
        meter.observe(&progress(10_000, 9_000));
        assert_eq!(meter.observe(&progress(20, 9_000)), Rates::default());
        assert_eq!(meter.observe(&progress(1_020, 9_100)).tokens_per_s, Some(100.0));
    }

    #[test]
    fn nothing_is_promised_while_repos_are_still_planned() {
        let mut meter = Meter::default();
        let mut later = progress(1_000, 500);
        later.counts.repos = 2;
        meter.observe(&progress(0, 0));
        let rates = meter.observe(&later);
        assert_eq!((rates.tokens_per_s, rates.eta), (Some(500.0), None));
    }

    #[test]
    fn the_summary_names_what_failed_and_who_works() {
        let mut failing = progress(1_000, 500);
        failing.counts.repos_failed = 1;
        failing.counts.repos = 3;
        let rates = Rates { tokens_per_s: Some(12_345.0), eta: Some(Duration::from_secs(120)) };
        assert_eq!(
            summary(&failing, rates),
            "2/3 repos, 12.3k tokens/s, 2 minutes left, no worker, failed repos: 1"
        );
    }

    #[test]
    fn numbers_have_units() {
        let shown = [7.4, 12_345.0, 3_000_000.0, 2e9].map(with_unit);
        assert_eq!(shown, ["7", "12.3k", "3.00M", "2.00G"]);
    }
}
