//! Knows the workers: who beats, who is silent, how many slots there are.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Instant;

use futures::StreamExt;
use schemas::WorkerId;
use schemas::health::{Heartbeat, WorkerRow, is_dead};
use tracing::{info, warn};

use crate::service::Service;

/// Every worker that was heard of since the start and is not long gone.
#[derive(Default)]
pub struct WorkerTable(Mutex<HashMap<WorkerId, Seen>>);

struct Seen {
    heartbeat: Heartbeat,
    at: Instant,
    dead: bool,
}

/// A worker that was silent for this many times the limit is forgotten.
const FORGET_AFTER: u32 = 20;

impl WorkerTable {
    fn hear(&self, heartbeat: Heartbeat) {
        let mut table = self.0.lock().expect("no holder of the lock panics");
        let seen = Seen { heartbeat, at: Instant::now(), dead: false };
        if let Some(before) = table.insert(seen.heartbeat.worker.clone(), seen)
            && before.dead
        {
            info!(worker_id = %before.heartbeat.worker, "worker is back");
        }
    }

    /// The table by worker id, with silences as of now.
    #[must_use]
    pub fn rows(&self) -> Vec<WorkerRow> {
        let mut table = self.0.lock().expect("no holder of the lock panics");
        table.retain(|_, seen| seen.at.elapsed() < schemas::topology::DEAD_AFTER * FORGET_AFTER);
        let mut rows: Vec<WorkerRow> = table.values_mut().map(Seen::row).collect();
        rows.sort_by(|a, b| a.heartbeat.worker.cmp(&b.heartbeat.worker));
        rows
    }

    /// Slots of the workers that are alive and take work.
    #[must_use]
    pub fn n_slots(&self) -> usize {
        let counted = |row: &WorkerRow| !row.dead && !row.heartbeat.draining;
        self.rows().iter().filter(|row| counted(row)).map(|row| row.heartbeat.slots as usize).sum()
    }
}

impl Seen {
    fn row(&mut self) -> WorkerRow {
        let silent = self.at.elapsed();
        if is_dead(silent) && !self.dead {
            self.dead = true;
            // One that said goodbye is not missed.
            if !self.heartbeat.draining {
                warn!(worker_id = %self.heartbeat.worker, "worker is dead");
            }
        }
        let silent_ms = u64::try_from(silent.as_millis()).unwrap_or(u64::MAX);
        WorkerRow { heartbeat: self.heartbeat.clone(), silent_ms, dead: self.dead }
    }
}

/// Listens to heartbeats until the service stops.
///
/// # Errors
/// If the subscription is refused.
pub async fn start(service: &Service) -> anyhow::Result<()> {
    let mut heartbeats = service.bus.heartbeats().await?;
    for row in service.bus.workers().await? {
        if !row.dead {
            service.workers.hear(row.heartbeat);
        }
    }
    let (table, stop) = (service.workers.clone(), service.stop.clone());
    service.tasks.spawn(async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                heartbeat = heartbeats.next() => match heartbeat {
                    Some(heartbeat) => table.hear(heartbeat),
                    None => return,
                },
            }
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heartbeat(name: &str, draining: bool) -> Heartbeat {
        Heartbeat {
            worker: name.parse().unwrap(),
            version: String::new(),
            device: "cpu".into(),
            slots: 2,
            busy: 0,
            rss_bytes: 0,
            model: None,
            draining,
            n_batches: 0,
        }
    }

    #[test]
    fn slots_of_draining_workers_do_not_count() {
        let table = WorkerTable::default();
        table.hear(heartbeat("a", false));
        table.hear(heartbeat("b", true));
        assert_eq!((table.rows().len(), table.n_slots()), (2, 2));
    }
}
