//! The result of every scanned file of a repo: rows of the plan's batches, earlier rows, and what the two come to
//! together. Every row is checked to be of the file and of the recipe that the plan says.

use std::collections::{BTreeMap, HashMap};

use schemas::ledger::Outcome;
use schemas::plan::{BatchPlan, EntryIndex, Origin, RepoPlan, ReusedFile, batch_id};
use schemas::report::{AuditDifference, ReuseRun};
use schemas::result::{BatchResult, FileResult, FileRow, FileTokens, Finding, PartOfFile, ScannedFile};
use schemas::reuse::SnapshotRow;
use schemas::{BatchId, Digest, Pipeline, RepoSlug};
use settings::RuleSpec;
use tensor_store::{Error, Key, Store, TensorRef};

use crate::earlier::Earlier;

/// What came out for one file, or why nothing did.
pub type FileOutcome = Result<ScannedFile, String>;

/// The rows of one repo.
#[derive(Debug, Default)]
pub struct RepoRows {
    /// By index into the ledger: every scanned entry.
    pub files: BTreeMap<EntryIndex, FileOutcome>,
    /// For the next night: inputs of the files that came out.
    pub inputs: BTreeMap<EntryIndex, Digest>,
    /// What was taken from earlier results.
    pub reuse: ReuseRun,
    /// Batches whose result is missing or damaged, and that are not known to be dead: they are to be done again.
    pub missing: Vec<BatchId>,
    /// Snapshots that the plan relies on and that are missing or damaged: the repo is to be planned without them.
    pub unreadable: Vec<Digest>,
}

/// What is needed to read the rows of a repo.
pub struct Reader<'a> {
    /// Where they are.
    pub store: &'a Store,
    /// For the store's futures.
    pub runtime: &'a tokio::runtime::Handle,
    /// What results must have been made with.
    pub pipeline: &'a Pipeline,
    /// Why batches are dead.
    pub dead: &'a BTreeMap<BatchId, String>,
    /// The repo's name in the report.
    pub slug: &'a RepoSlug,
}

impl Reader<'_> {
    /// Reads the rows of a repo. Blocks.
    ///
    /// # Errors
    /// If the store cannot be read now.
    pub fn read(&self, plan: &RepoPlan) -> Result<RepoRows, Error> {
        let rules = plan.rules.as_deref().unwrap_or(&self.pipeline.rules);
        let mut rows = RepoRows::default();
        let mut earlier = self.earlier(plan, &mut rows)?;
        for batch in &plan.batches {
            let outcome = self.batch(plan, batch, &mut rows)?;
            for (at, &entry) in batch.files.iter().enumerate() {
                let had = earlier.remove(&entry);
                let n_bytes = plan.entries.get(entry as usize).map_or(0, |entry| entry.n_bytes);
                let file = match &outcome {
                    Ok(result) => {
                        rows.inputs.insert(entry, result.files[at].inputs);
                        if batch.audit {
                            self.audit(plan, entry, &result.files[at], had.as_ref(), &mut rows.reuse);
                        }
                        let had = if batch.audit { None } else { had };
                        count(&mut rows.reuse, batch, had.is_some(), n_bytes);
                        self.together(rules, &result.files[at].result, had)
                    }
                    Err(reason) => Err(reason.clone()),
                };
                rows.files.insert(entry, file);
            }
        }
        for (entry, had) in earlier {
            let n_bytes = plan.entries.get(entry as usize).map_or(0, |entry| entry.n_bytes);
            rows.reuse.files_reused += 1;
            rows.reuse.bytes_reused += n_bytes;
            rows.files.insert(entry, had.map(|file| self.of_today(rules, file)));
        }
        // A plan that leaves an entry out is a bug, and must not pass for a file without findings.
        for (entry, planned) in (0..).zip(&plan.entries) {
            if planned.outcome == Outcome::Scanned {
                rows.files.entry(entry).or_insert_with(|| Err("the plan has no batch for it".to_owned()));
            }
        }
        Ok(rows)
    }

    /// The result of a batch, if it is one of these files; else the reason for the failure of all of them.
    fn batch(
        &self,
        plan: &RepoPlan,
        batch: &BatchPlan,
        rows: &mut RepoRows,
    ) -> Result<Result<BatchResult, String>, Error> {
        let found = self.result(batch.id, rows)?;
        Ok(found.and_then(|result| {
            let inputs = result.files.iter().map(|row| row.inputs);
            let rules = plan.rules.as_deref();
            let id = batch_id(result.pipeline, &batch.salt, rules, &batch.work, inputs);
            let is_it = id == batch.id && result.files.len() == batch.files.len();
            if is_it { Ok(result) } else { Err("its result is of other files".to_owned()) }
        }))
    }

    /// The store decides: a result counts whatever was said of its batch.
    fn result(&self, batch: BatchId, rows: &mut RepoRows) -> Result<Result<BatchResult, String>, Error> {
        let read = self.runtime.block_on(self.store.get_sealed::<BatchResult>(&Key::results(batch.digest())));
        let mut lost = |reason: String| match self.dead.get(&batch) {
            Some(reason) => reason.clone(),
            None => {
                rows.missing.push(batch);
                reason
            }
        };
        Ok(match read {
            Ok(result) if result.batch == batch && result.pipeline == self.pipeline.digest() => Ok(result),
            Ok(_) => Err(lost("its result is of another batch".to_owned())),
            Err(error @ (Error::Corrupt { .. } | Error::Decode { .. })) => Err(lost(error.to_string())),
            Err(Error::NotFound { .. }) => Err(lost("it has no result".to_owned())),
            Err(error) => return Err(error),
        })
    }

    /// The earlier rows that the plan names, by entry.
    fn earlier(
        &self,
        plan: &RepoPlan,
        rows: &mut RepoRows,
    ) -> Result<BTreeMap<EntryIndex, FileOutcome>, Error> {
        let mut of_origin: BTreeMap<u32, Vec<&ReusedFile>> = BTreeMap::new();
        plan.reused.iter().for_each(|file| of_origin.entry(file.origin).or_default().push(file));
        let mut found = BTreeMap::new();
        for (origin, files) in of_origin {
            let rows_by_key = match plan.origins.get(origin as usize) {
                Some(Origin::Snapshot { snapshot }) => {
                    let read = self.snapshot_rows(*snapshot, &files)?;
                    if read.is_err() {
                        rows.unreadable.push(*snapshot);
                    }
                    read
                }
                Some(Origin::Batch { id, .. }) => self.batch_rows(*id, &files, rows)?,
                None => Err("the plan does not say where its earlier result is".to_owned()),
            };
            for file in files {
                let row = match &rows_by_key {
                    Ok(rows) => match rows.get(&(file.key, file.inputs)) {
                        Some(row) => row.clone(),
                        None => Err("its earlier result is not where it was".to_owned()),
                    },
                    Err(reason) => Err(reason.clone()),
                };
                rows.inputs.insert(file.entry, file.inputs);
                found.insert(file.entry, row);
            }
        }
        Ok(found)
    }

    fn snapshot_rows(&self, snapshot: Digest, files: &[&ReusedFile]) -> Result<RowsByKey, Error> {
        let keys: Vec<Digest> = files.iter().map(|file| file.key).collect();
        match self.runtime.block_on(Earlier::rows(self.store, snapshot, &keys)) {
            Ok(rows) => {
                let by_key = |row: SnapshotRow| ((row.key, row.inputs), Ok(row.file));
                Ok(Ok(rows.into_iter().map(by_key).collect()))
            }
            Err(error @ (Error::NotFound { .. } | Error::Corrupt { .. } | Error::Decode { .. })) => {
                Ok(Err(format!("its earlier result cannot be read: {error}")))
            }
            Err(error) => Err(error),
        }
    }

    /// Rows that another batch holds: the same inputs under the same recipe.
    fn batch_rows(
        &self,
        batch: BatchId,
        files: &[&ReusedFile],
        rows: &mut RepoRows,
    ) -> Result<RowsByKey, Error> {
        let result = match self.result(batch, rows)? {
            Ok(result) => result,
            Err(reason) => return Ok(Err(reason)),
        };
        let by_inputs: HashMap<Digest, &FileResult> =
            result.files.iter().map(|row| (row.inputs, &row.result)).collect();
        let row = |file: &&ReusedFile| {
            let outcome = match by_inputs.get(&file.inputs)? {
                FileResult::Scanned(scanned) => Ok(scanned.clone()),
                FileResult::Failed { reason } => Err(reason.clone()),
                FileResult::Part(_) => return None,
            };
            Some(((file.key, file.inputs), outcome))
        };
        Ok(Ok(files.iter().filter_map(row).collect()))
    }

    /// What a new row and an earlier one come to.
    fn together(&self, rules: &[RuleSpec], new: &FileResult, had: Option<FileOutcome>) -> FileOutcome {
        match (new, had) {
            (FileResult::Failed { reason }, _) => Err(reason.clone()),
            (FileResult::Scanned(scanned), None) => Ok(scanned.clone()),
            (FileResult::Scanned(scanned), Some(had)) => {
                let tokens = match &scanned.tokens {
                    Some(tokens) => Some(tokens.clone()),
                    None => had?.tokens,
                };
                Ok(ScannedFile { tokens, ..scanned.clone() })
            }
            (FileResult::Part(part), Some(had)) => Ok(with_part(self.of_today(rules, had?), part)),
            (FileResult::Part(_), None) => {
                Err("its result is a part, and there is no earlier one".to_owned())
            }
        }
    }

    /// An earlier row without what was not asked for today.
    fn of_today(&self, rules: &[RuleSpec], mut file: ScannedFile) -> ScannedFile {
        file.findings.retain(|finding| rules.iter().any(|rule| rule.id == finding.rule));
        if self.pipeline.model.is_none() {
            file.tokens = None;
        }
        file
    }

    fn audit(
        &self,
        plan: &RepoPlan,
        entry: EntryIndex,
        new: &FileRow,
        had: Option<&FileOutcome>,
        reuse: &mut ReuseRun,
    ) {
        reuse.files_audited += 1;
        let what = match (&new.result, had) {
            (FileResult::Scanned(new), Some(Ok(had))) => {
                let bytes = |file: &ScannedFile| {
                    let file = ScannedFile { tokens: None, ..file.clone() };
                    serde_json::to_vec(&file).expect("rows have string keys only")
                };
                if bytes(new) != bytes(had) {
                    Some("findings")
                } else if self.vectors_differ(new.tokens.as_ref(), had.tokens.as_ref()) {
                    Some("tensors")
                } else {
                    None
                }
            }
            _ => Some("findings"),
        };
        if let (Some(what), Some(entry)) = (what, plan.entries.get(entry as usize)) {
            reuse.audit_differs.push(AuditDifference {
                repo: self.slug.clone(),
                path: entry.path.clone(),
                what: what.to_owned(),
            });
        }
    }

    fn vectors_differ(&self, new: Option<&FileTokens>, had: Option<&FileTokens>) -> bool {
        let (new, had) = match (new, had) {
            (None, None) => return false,
            (Some(new), Some(had)) if new.windows.len() == had.windows.len() => (new, had),
            _ => return true,
        };
        let names = ["sentence_embedding", "mean_hidden_state"];
        new.windows.iter().zip(&had.windows).any(|(new, had)| {
            let vector = |pack, name: &str| {
                let wanted = TensorRef { pack, name: format!("{}.{name}", new.chunk) };
                self.runtime.block_on(self.store.get_tensor(&wanted)).ok()
            };
            let same = |name: &&str| {
                let vector_of_new = vector(new.pack, name);
                vector_of_new.is_some() && vector_of_new == vector(had.pack, name)
            };
            new.chunk != had.chunk || !names.iter().all(same)
        })
    }
}

/// Rows by what they were made with and what they are of; or why there are none.
type RowsByKey = Result<HashMap<(Digest, Digest), FileOutcome>, String>;

fn count(reuse: &mut ReuseRun, batch: &BatchPlan, in_part: bool, n_bytes: u64) {
    if batch.audit {
        return;
    }
    let (files, bytes) = match in_part {
        true => (&mut reuse.files_in_part, &mut reuse.bytes_in_part),
        false => (&mut reuse.files_done, &mut reuse.bytes_done),
    };
    *files += 1;
    *bytes += n_bytes;
}

/// The findings of the rules that ran take the place of what those rules said before.
fn with_part(mut file: ScannedFile, part: &PartOfFile) -> ScannedFile {
    file.findings.retain(|finding| !part.rules.contains(&finding.rule));
    file.findings.extend(part.findings.iter().cloned());
    file.findings.sort_by(|left, right| order(left).cmp(&order(right)));
    if let Some(tokens) = &part.tokens {
        file.tokens = Some(tokens.clone());
    }
    file
}

/// The engine's order.
fn order(finding: &Finding) -> (u64, u64, &str) {
    (finding.place.start, finding.place.end, &finding.rule)
}
