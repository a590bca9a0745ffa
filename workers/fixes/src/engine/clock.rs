//! Time budgets: of a file, and of each rule in it.
//!
//! A budget is for what nobody foresaw (a rule that is quadratic in a generated file), not for ordinary work: it is
//! far above what any sane file takes, so that whether it is hit does not depend on how busy the machine is. What
//! counts is time that the thread computed, not time that passed: a thread that waits for a processor, or whose
//! process is stopped, does not spend it. Time that passed is measured all the same, since asking for it is ten
//! times as cheap, and is never less; only what seems to be over is looked at closely.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// How long the engine may work on one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// All rules and passes together, parsing included.
    pub file: Duration,
    /// One rule, all its passes together.
    pub rule: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self { file: Duration::from_secs(10), rule: Duration::from_secs(5) }
    }
}

/// What of the budgets of one file is left.
#[derive(Debug)]
pub(crate) struct Clock {
    budget: Budget,
    started: Instant,
    /// What the thread had computed then.
    started_cpu: Duration,
    /// By the rule's index in the engine; `None` for a rule that does not run.
    spent: RefCell<Vec<Option<Duration>>>,
    /// Rules that went over their budget since the work was last begun.
    over: RefCell<Vec<usize>>,
    /// Rules that went over their budget and are left out.
    left_out: RefCell<Vec<usize>>,
    is_out_of_time: Cell<bool>,
}

impl Clock {
    /// A clock that starts now, for an engine of `n_rules` rules.
    pub(crate) fn start(budget: Budget, n_rules: usize) -> Self {
        Self {
            budget,
            started: Instant::now(),
            started_cpu: cpu_time(),
            spent: RefCell::new(vec![Some(Duration::ZERO); n_rules]),
            over: RefCell::default(),
            left_out: RefCell::default(),
            is_out_of_time: Cell::new(false),
        }
    }

    /// Leaves out the rules that went over their budget, so that the work can be begun again without them: what
    /// was done while one of them fell silent proves nothing. `false` if there are none.
    pub(crate) fn leave_out_slow_rules(&self) -> bool {
        let over = self.over.take();
        let is_any = !over.is_empty();
        let mut spent = self.spent.borrow_mut();
        spent.iter_mut().flatten().for_each(|spent| *spent = Duration::ZERO);
        for &rule in &over {
            spent[rule] = None;
        }
        self.left_out.borrow_mut().extend(over);
        is_any
    }

    /// The rules that were left out as too slow, and their budget.
    pub(crate) fn left_out(&self) -> (Vec<usize>, Duration) {
        (self.left_out.borrow().clone(), self.budget.rule)
    }

    /// Whether a rule runs.
    pub(crate) fn runs(&self, rule: usize) -> bool {
        self.spent.borrow().get(rule).is_some_and(Option::is_some)
    }

    /// Whether what is being done is in vain: the file's time is up, or the work will be begun again.
    pub(crate) fn is_in_vain(&self) -> bool {
        self.is_up(Instant::now()) || !self.over.borrow().is_empty()
    }

    /// Whether the file's time is up, as of the moment `now`.
    pub(crate) fn is_up(&self, now: Instant) -> bool {
        let seems_up = now.duration_since(self.started) > self.budget.file;
        let is_up = self.is_out_of_time.get() || (seems_up && self.computed() > self.budget.file);
        self.is_out_of_time.set(is_up);
        is_up
    }

    /// Whether the file's time was up when somebody last looked.
    pub(crate) fn was_up(&self) -> bool {
        self.is_out_of_time.get()
    }

    /// Charges a rule for its work; what it went over, once it did.
    pub(crate) fn charge(&self, rule: usize, took: Duration) -> Option<Duration> {
        let mut spent = self.spent.borrow_mut();
        let spent = spent.get_mut(rule)?.as_mut()?;
        *spent = spent.saturating_add(took);
        if *spent <= self.budget.rule {
            return None;
        }
        // No rule has computed longer than all of them together.
        *spent = (*spent).min(self.computed());
        if *spent <= self.budget.rule {
            return None;
        }
        self.over.borrow_mut().push(rule);
        Some(self.budget.rule)
    }

    /// How long the thread has computed since the start.
    fn computed(&self) -> Duration {
        cpu_time().saturating_sub(self.started_cpu)
    }

    /// Whether a rule's time is up, or it does not run at all.
    pub(crate) fn is_over(&self, rule: usize) -> bool {
        let spent = self.spent.borrow().get(rule).copied().flatten();
        spent.is_none_or(|spent| spent > self.budget.rule)
    }
}

/// How long this thread has computed in its life.
pub(crate) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or_default());
    seconds + Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_that_a_thread_waits_for_a_processor_is_not_spent() {
        let budget = Budget { file: Duration::from_millis(40), rule: Duration::from_millis(20) };
        let clock = Clock::start(budget, 1);
        std::thread::sleep(Duration::from_millis(60));
        assert_eq!(clock.charge(0, Duration::from_millis(60)), None);
        assert!(!clock.is_over(0) && !clock.is_up(Instant::now()));
        while clock.computed() <= budget.file {
            std::hint::spin_loop();
        }
        assert_eq!(clock.charge(0, Duration::from_millis(60)), Some(budget.rule));
        assert!(clock.is_over(0) && clock.is_up(Instant::now()));
    }
}
