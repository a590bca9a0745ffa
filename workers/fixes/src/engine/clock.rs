//! Time budgets: of a file, and of each rule in it.
//!
//! A budget is for what nobody foresaw (a rule that is quadratic in a generated file), not for ordinary work: it is
//! far above what any sane file takes, so that whether it is hit does not depend on how busy the machine is.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

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
        Self { file: Duration::from_secs(2), rule: Duration::from_secs(1) }
    }
}

/// What of the budgets of one file is left.
#[derive(Debug)]
pub(crate) struct Clock {
    budget: Budget,
    started: Instant,
    /// By the rule's index in the engine.
    spent: RefCell<Vec<Duration>>,
    is_out_of_time: Cell<bool>,
}

impl Clock {
    /// A clock that starts now, for an engine of `n_rules` rules.
    pub(crate) fn start(budget: Budget, n_rules: usize) -> Self {
        Self {
            budget,
            started: Instant::now(),
            spent: RefCell::new(vec![Duration::ZERO; n_rules]),
            is_out_of_time: Cell::new(false),
        }
    }

    /// Lets no time to the rules that are switched off.
    pub(crate) fn skip(&self, switched_off: &[AtomicBool]) {
        for (spent, off) in self.spent.borrow_mut().iter_mut().zip(switched_off) {
            if off.load(Ordering::Relaxed) {
                *spent = Duration::MAX;
            }
        }
    }

    /// Whether the file's time is up, as of the moment `now`.
    pub(crate) fn is_up(&self, now: Instant) -> bool {
        let is_up = self.is_out_of_time.get() || now.duration_since(self.started) > self.budget.file;
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
        let spent = spent.get_mut(rule)?;
        *spent = spent.saturating_add(took);
        (*spent > self.budget.rule).then_some(self.budget.rule)
    }

    /// Whether a rule's time is up.
    pub(crate) fn is_over(&self, rule: usize) -> bool {
        self.spent.borrow().get(rule).is_some_and(|spent| *spent > self.budget.rule)
    }
}
