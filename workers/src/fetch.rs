//! What a batch needs before work begins: its files, and the recipe to work by.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use fixes::Engine;
use schemas::sources::SourcePack;
use schemas::{Digest, FixLevel, ModelRef, Pipeline};
use settings::RuleSpec;
use tensor_store::{Key, Store};

use crate::error::StageError;

/// How the files of a batch are worked on: the rules, ready to run, and the model, if any.
pub struct Recipe {
    /// Rules and fix level.
    pub engine: Engine,
    /// Findings whose fix is at most this trusted are not mended.
    pub fix: FixLevel,
    /// The model.
    pub model: Option<ModelRef>,
}

/// Recipes by pipeline digest. A worker sees few pipelines: one for each set of options that jobs have.
pub(crate) struct Recipes {
    store: Store,
    known: Mutex<BTreeMap<Digest, Arc<Recipe>>>,
}

/// More pipelines than this at once are somebody's mistake; the memory is given back.
const MAX_RECIPES: usize = 64;

impl Recipes {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, known: Mutex::default() }
    }

    /// The recipe of a pipeline.
    pub(crate) async fn get(&self, digest: Digest) -> Result<Arc<Recipe>, StageError> {
        if let Some(known) = self.known.lock().expect("no holder of the lock panics").get(&digest) {
            return Ok(Arc::clone(known));
        }
        let recipe = Arc::new(self.read(digest).await?);
        let mut known = self.known.lock().expect("no holder of the lock panics");
        if known.len() >= MAX_RECIPES {
            known.clear();
        }
        known.insert(digest, Arc::clone(&recipe));
        Ok(recipe)
    }

    /// The recipe of a batch whose repository wants other rules than the job.
    ///
    /// # Errors
    /// [`StageError::OtherEngine`] for rules that this engine does not have.
    pub(crate) fn with_rules(recipe: &Arc<Recipe>, rules: &[RuleSpec]) -> Result<Arc<Recipe>, StageError> {
        let engine = Engine::with_specs(rules, recipe.engine.level());
        let engine = engine.map_err(|error| StageError::OtherEngine { reason: error.to_string() })?;
        Ok(Arc::new(Recipe { engine, fix: recipe.fix, model: recipe.model.clone() }))
    }

    async fn read(&self, digest: Digest) -> Result<Recipe, StageError> {
        let bytes = self
            .store
            .get_blob(&Key::pipelines(digest))
            .await
            .map_err(|source| StageError::Store { what: "read the pipeline", source })?;
        let other = |reason: String| StageError::OtherEngine { reason };
        let pipeline: Pipeline = serde_json::from_slice(&bytes).map_err(|error| other(error.to_string()))?;
        if pipeline.engine != Pipeline::ENGINE {
            return Err(other(format!("it is for {}, this is {}", pipeline.engine, Pipeline::ENGINE)));
        }
        let level = match pipeline.fix {
            FixLevel::None => fixes::FixLevel::None,
            FixLevel::Safe => fixes::FixLevel::Safe,
            FixLevel::Unsafe => fixes::FixLevel::Unsafe,
        };
        let engine = Engine::with_specs(&pipeline.rules, level).map_err(|error| other(error.to_string()))?;
        Ok(Recipe { engine, fix: pipeline.fix, model: pipeline.model })
    }
}

/// Reads the files of a batch.
///
/// # Errors
/// [`StageError::Store`] if the pack is gone, damaged or cannot be reached now.
pub(crate) async fn sources(store: &Store, digest: Digest) -> Result<SourcePack, StageError> {
    store
        .get_packed(&Key::sources(digest))
        .await
        .map_err(|source| StageError::Store { what: "read the source pack", source })
}
