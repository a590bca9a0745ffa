//! What happens to a batch, from top to bottom.
//!
//! job → clone → ledger → plan → **batch** → results → report

use std::sync::Arc;
use std::time::Instant;

use schemas::messages::{BatchReady, BatchStats};
use schemas::result::BatchResult;
use schemas::sources::{SourceFile, Work};
use settings::RuleSpec;
use tensor_store::Store;

use crate::error::StageError;
use crate::fetch::Recipes;
use crate::isolate::{self, Isolation};
use crate::model::Models;
use crate::{fetch, fix, infer, persist};

/// The stages and what they hold on to between batches.
pub struct Pipeline {
    store: Store,
    recipes: Recipes,
    models: Models,
    begun: isolate::Begun,
}

/// A batch whose result is stored.
pub struct Processed {
    /// Whether it was there already.
    pub reused: bool,
    /// What it took.
    pub stats: BatchStats,
}

impl Pipeline {
    /// Stages over a store and a place for models.
    #[must_use]
    pub fn new(store: Store, models: Models) -> Self {
        Self { recipes: Recipes::new(store.clone()), store, models, begun: isolate::Begun::default() }
    }

    /// The digest of the model that is loaded, if any.
    #[must_use]
    pub fn loaded_model(&self) -> Option<schemas::Digest> {
        self.models.loaded()
    }

    /// Does one batch: when this returns, its result and its tensors are stored. `attempt` is the number of its
    /// delivery, from 1: one that comes again may have killed a worker and is scanned apart.
    ///
    /// # Errors
    /// [`StageError`]; a bad file is no error but a [`schemas::result::FileResult::Failed`].
    pub async fn process(&self, batch: &BatchReady, attempt: u32) -> Result<Processed, StageError> {
        if let Some(stats) = persist::result_is_there(&self.store, batch).await? {
            return Ok(Processed { reused: true, stats });
        }
        let mut clock = Clock::start();
        let pack = fetch::sources(&self.store, batch.sources).await?; //     files, settings of the repository
        let recipe = self.recipes.get(batch.pipeline, &pack).await?; //      engine with its rules, model
        let settings = (pack.rules, pack.work);
        let files: Arc<[SourceFile]> = pack.files.into();
        let known = persist::stored(&self.store, pack.known_chunks).await?;
        let fetch_ms = clock.lap();
        let mut rows = match attempt {
            ..=1 => fix::files(&recipe, &files).await, //                    Vec<FileRow>, one per file
            _ => self.apart(batch, attempt, settings).files(&files).await?,
        };
        let fix_ms = clock.lap();
        let encoded = infer::files(&self.models, &recipe, &files, known, &mut rows).await?; // f32 [D] per window
        let infer_ms = clock.lap();
        let pack = persist::tensors(&self.store, &recipe, &encoded).await?; //             Option<Digest>
        encoded.note(&mut rows, pack);
        let result = BatchResult { batch: batch.batch, pipeline: batch.pipeline, files: rows };
        persist::result(&self.store, &result).await?;
        let stats = BatchStats {
            n_files: files.len() as u64,
            n_bytes: files.iter().map(|file| file.bytes.len() as u64).sum(),
            n_tokens: encoded.n_tokens,
            n_padded_tokens: encoded.n_padded_tokens,
            n_findings: result.n_findings(),
            fetch_ms,
            fix_ms,
            infer_ms,
            persist_ms: clock.lap(),
        };
        Ok(Processed { reused: false, stats })
    }

    fn apart<'a>(
        &'a self,
        batch: &'a BatchReady,
        attempt: u32,
        (rules, work): (Option<Vec<RuleSpec>>, Work),
    ) -> Isolation<'a> {
        let scanner = isolate::Scanner::Child;
        Isolation { store: &self.store, batch, rules, work, attempt, begun: &self.begun, scanner }
    }

    /// To be called when a batch was stopped in the middle: it did not die.
    pub async fn stopped(&self) {
        self.begun.excuse(&self.store).await;
    }
}

/// Milliseconds between one stage and the next.
struct Clock(Instant);

impl Clock {
    fn start() -> Self {
        Self(Instant::now())
    }

    fn lap(&mut self) -> u64 {
        let elapsed = self.0.elapsed();
        self.0 = Instant::now();
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    }
}
