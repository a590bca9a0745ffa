//! Sweeping: removing what is not marked, in turns.

use std::time::SystemTime;

use futures::{StreamExt, TryStreamExt};

use super::mark::Marks;
use super::references::digest_in;
use super::roots::Roots;
use super::turn::Turn;
use super::{FolderSweep, GcReport, SWEPT};
use crate::error::{Error, Result};
use crate::list::ListedObject;
use crate::stats::Usage;
use crate::store::Store;

/// Objects of one turn. Each turn lists the roots anew.
const TURN: usize = 1000;

/// Objects removed at once.
const DELETES: usize = 16;

/// Sweeps [`SWEPT`], and counts the other folders.
pub(super) async fn folders(
    store: &Store,
    roots: &mut Roots,
    marks: &mut Marks,
    (delete, cutoff): (bool, SystemTime),
    report: &mut GcReport,
) -> Result<()> {
    for folder in SWEPT {
        let mut counts = FolderSweep::default();
        let mut doomed = Vec::new();
        let mut objects = store.walk(folder);
        while let Some(object) = objects.try_next().await? {
            match digest_in(&object.key) {
                Some(digest) if !marks.is_live(digest) && object.modified <= cutoff => doomed.push(object),
                Some(digest) if !marks.is_live(digest) => counts.young.count(&object),
                _ => counts.kept.count(&object),
            }
            if doomed.len() == TURN {
                let doomed = std::mem::take(&mut doomed);
                remove(store, roots, marks, doomed, (delete, cutoff), &mut counts).await?;
            }
        }
        remove(store, roots, marks, doomed, (delete, cutoff), &mut counts).await?;
        report.folders.insert(folder.to_owned(), counts);
    }
    report.waiting_for.clone_from(&roots.planning);
    count_the_rest(store, report).await
}

/// Removes objects in as many turns as that takes. Once a job is being planned, here and in the folders that follow
/// nothing is: what was left may lead to it.
async fn remove(
    store: &Store,
    roots: &mut Roots,
    marks: &mut Marks,
    mut doomed: Vec<ListedObject>,
    (delete, cutoff): (bool, SystemTime),
    counts: &mut FolderSweep,
) -> Result<()> {
    if !delete {
        doomed.iter().for_each(|object| counts.freed.count(object));
        return Ok(());
    }
    while !doomed.is_empty() {
        if roots.planning.is_some() {
            doomed.iter().for_each(|object| counts.kept.count(object));
            return Ok(());
        }
        let turn = Turn::begin(store).await?;
        let outcome = turn_over(store, roots, marks, doomed, (&turn, cutoff), counts).await;
        turn.end(store).await?;
        doomed = outcome?;
    }
    Ok(())
}

/// Follows what was stored since the last turn, and removes what is still unmarked, as far as the turn lasts. Returns
/// the rest.
async fn turn_over(
    store: &Store,
    roots: &mut Roots,
    marks: &mut Marks,
    doomed: Vec<ListedObject>,
    (turn, cutoff): (&Turn, SystemTime),
    counts: &mut FolderSweep,
) -> Result<Vec<ListedObject>> {
    marks.follow(store, roots).await?;
    if roots.planning.is_some() {
        return Ok(doomed);
    }
    let marks = &*marks;
    let mut rest = Vec::new();
    let mut fates = futures::stream::iter(doomed)
        .map(|object| async move {
            let fate = match digest_in(&object.key) {
                Some(digest) if marks.is_live(digest) => Fate::Kept,
                _ if !turn.is_on() => Fate::Later,
                _ if store.delete_old(&object, cutoff).await? => Fate::Freed,
                _ => Fate::Kept,
            };
            Result::<_>::Ok((object, fate))
        })
        .buffer_unordered(DELETES);
    while let Some((object, fate)) = fates.try_next().await? {
        match fate {
            Fate::Freed => counts.freed.count(&object),
            Fate::Kept => counts.kept.count(&object),
            Fate::Later => rest.push(object),
        }
    }
    Ok(rest)
}

/// What becomes of an object in a turn.
enum Fate {
    Freed,
    /// Something leads to it by now, or it was put again.
    Kept,
    Later,
}

/// Removes ended jobs that are no roots. What keeps a job from being taken up again goes last.
pub(super) async fn jobs(
    store: &Store,
    roots: &Roots,
    delete: bool,
    cutoff: SystemTime,
    report: &mut GcReport,
) -> Result<()> {
    for job in &roots.jobs_out {
        let mut objects = store.list(&format!("jobs/{job}")).await?;
        // A job of the same name that was submitted a moment ago.
        if objects.iter().any(|object| object.modified > cutoff) {
            continue;
        }
        objects.sort_by_key(|object| object.key.ends_with("/cancelled") || object.key.ends_with("/run.json"));
        for object in objects {
            if delete {
                store.delete(&object.key).await?;
            }
            report.folders.entry("jobs".to_owned()).or_default().freed.count(&object);
        }
        report.jobs_freed.push(job.clone());
    }
    Ok(())
}

/// Removes index pointers that outlived their time.
pub(super) async fn index(store: &Store, roots: &Roots, delete: bool, report: &mut GcReport) -> Result<()> {
    let mut objects = store.walk("index");
    while let Some(object) = objects.try_next().await? {
        if roots.is_stale_pointer(&object) {
            if delete {
                store.delete_old(&object, object.modified).await?;
            }
            report.folders.entry("index".to_owned()).or_default().freed.count(&object);
        }
    }
    Ok(())
}

/// Counts as kept what lies in folders that are not swept.
async fn count_the_rest(store: &Store, report: &mut GcReport) -> Result<()> {
    let mut objects = store.walk("");
    let mut rest: std::collections::BTreeMap<String, Usage> = std::collections::BTreeMap::new();
    while let Some(object) = objects.try_next().await? {
        let folder = object.key.split('/').next().unwrap_or_default();
        if !SWEPT.contains(&folder) {
            rest.entry(folder.to_owned()).or_default().count(&object);
        }
    }
    for (folder, mut kept) in rest {
        let counts = report.folders.entry(folder).or_default();
        if !report.deleted {
            kept.n_objects -= counts.freed.n_objects.min(kept.n_objects);
            kept.n_bytes -= counts.freed.n_bytes.min(kept.n_bytes);
        }
        counts.kept = kept;
    }
    Ok(())
}

/// Takes ended jobs out of the roots, oldest first and as few as needed, until what is left fits. Returns whether it
/// does. What stays is searched by halving, since each try marks everything anew.
pub(super) async fn fit(
    store: &Store,
    roots: &mut Roots,
    marks: &mut Marks,
    cutoff: SystemTime,
    max_bytes: u64,
) -> Result<bool> {
    if left(store, roots, marks, cutoff).await? <= max_bytes {
        return Ok(true);
    }
    let (mut too_few, mut enough) = (0, None);
    let mut tried = roots.jobs_ended.len();
    loop {
        let mut fewer = roots.without(tried);
        let mut marked = marks.cleared();
        marked.follow(store, &mut fewer).await?;
        if left(store, &fewer, &marked, cutoff).await? <= max_bytes {
            enough = Some((fewer, marked, tried));
        } else if enough.is_none() {
            // All of them are not enough: what is left is active, indexed, pinned or young.
            (*roots, *marks) = (fewer, marked);
            return Ok(false);
        } else {
            too_few = tried;
        }
        let upper = enough.as_ref().map_or(0, |(_, _, n)| *n);
        if upper - too_few <= 1 {
            break;
        }
        tried = too_few + (upper - too_few) / 2;
    }
    if let Some((fewer, marked, _)) = enough {
        (*roots, *marks) = (fewer, marked);
    }
    Ok(true)
}

/// Bytes that a sweep with these marks would leave.
async fn left(store: &Store, roots: &Roots, marks: &Marks, cutoff: SystemTime) -> Result<u64> {
    let mut objects = store.walk("");
    let mut n_bytes = 0;
    while let Some(object) = objects.try_next().await? {
        let mut parts = object.key.split('/');
        let folder = parts.next().unwrap_or_default();
        let is_freed = match folder {
            "jobs" => parts.next().is_some_and(|job| roots.jobs_out.contains(job)),
            "index" => roots.is_stale_pointer(&object),
            folder if SWEPT.contains(&folder) => {
                digest_in(&object.key).is_some_and(|digest| !marks.is_live(digest))
                    && object.modified <= cutoff
            }
            _ => false,
        };
        n_bytes += if is_freed { 0 } else { object.n_bytes };
    }
    Ok(n_bytes)
}

impl Store {
    /// Removes an object unless it was written again since `cutoff`. Returns whether it is gone.
    async fn delete_old(&self, object: &ListedObject, cutoff: SystemTime) -> Result<bool> {
        match self.look_up(&object.key).await {
            Ok(found) if found.modified > cutoff => Ok(false),
            Ok(_) => self.delete(&object.key).await.map(|()| true),
            Err(Error::NotFound { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }
}
