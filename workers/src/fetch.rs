//! What a batch needs before work begins: its files, and the recipe to work by.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use fixes::Engine;
use schemas::sources::{RulesWork, SourcePack};
use schemas::{Digest, FixLevel, ModelRef, Pipeline};
use settings::RuleSpec;
use tensor_store::{Key, Store};

use crate::error::StageError;

/// How the files of a batch are worked on: the rules, ready to run, and the model, if any.
pub struct Recipe {
    /// All rules, and the fix level.
    pub engine: Arc<Engine>,
    /// The rules that run first, where what the others say is known.
    pub part: Option<Arc<Engine>>,
    /// Findings whose fix is at most this trusted are not mended.
    pub fix: FixLevel,
    /// The model.
    pub model: Option<ModelRef>,
}

/// Pipelines by digest, and engines by their rules. A worker sees few: one for each set of options that jobs and
/// repositories have.
pub(crate) struct Recipes {
    store: Store,
    pipelines: Mutex<BTreeMap<Digest, Arc<Pipeline>>>,
    engines: Mutex<BTreeMap<Digest, Arc<Engine>>>,
}

/// More pipelines or engines than this at once are somebody's mistake; the memory is given back.
const MAX_KEPT: usize = 64;

impl Recipes {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, pipelines: Mutex::default(), engines: Mutex::default() }
    }

    /// The recipe of a batch: the pipeline's, with what the pack says of rules and work.
    ///
    /// # Errors
    /// [`StageError::OtherEngine`] for a pipeline or rules that this build does not have, [`StageError::Store`].
    pub(crate) async fn get(&self, digest: Digest, pack: &SourcePack) -> Result<Arc<Recipe>, StageError> {
        let pipeline = self.pipeline(digest).await?;
        recipe(&pipeline, pack, |rules, fix| self.engine(rules, fix)).map(Arc::new)
    }

    fn engine(&self, rules: &[RuleSpec], fix: FixLevel) -> Result<Arc<Engine>, StageError> {
        let key = Digest::of(&serde_json::to_vec(&(rules, fix)).expect("rules have string keys only"));
        kept(&self.engines, key, || engine(rules, fix))
    }

    async fn pipeline(&self, digest: Digest) -> Result<Arc<Pipeline>, StageError> {
        if let Some(known) = self.pipelines.lock().expect("no holder of the lock panics").get(&digest) {
            return Ok(Arc::clone(known));
        }
        let pipeline = Arc::new(read_pipeline(&stored_pipeline(&self.store, digest).await?)?);
        kept(&self.pipelines, digest, || Ok(pipeline))
    }
}

/// The recipe of a batch out of a pipeline as it is stored, for whoever does one batch only.
///
/// # Errors
/// [`StageError::OtherEngine`] for a pipeline or rules that this build does not have.
pub(crate) fn recipe_of(pipeline: &[u8], pack: &SourcePack) -> Result<Recipe, StageError> {
    recipe(&read_pipeline(pipeline)?, pack, engine)
}

/// A pipeline as it is stored.
pub(crate) async fn stored_pipeline(store: &Store, digest: Digest) -> Result<Vec<u8>, StageError> {
    let read = store.get_blob(&Key::pipelines(digest)).await;
    read.map(Into::into).map_err(|source| StageError::Store { what: "read the pipeline", source })
}

fn read_pipeline(bytes: &[u8]) -> Result<Pipeline, StageError> {
    let other = |reason: String| StageError::OtherEngine { reason };
    let pipeline: Pipeline = serde_json::from_slice(bytes).map_err(|error| other(error.to_string()))?;
    if pipeline.engine != Pipeline::ENGINE {
        return Err(other(format!("it is for {}, this is {}", pipeline.engine, Pipeline::ENGINE)));
    }
    let grammars = fixes::grammars();
    if pipeline.grammars != grammars {
        return Err(other(format!("it is for the grammars {}, here are {grammars}", pipeline.grammars)));
    }
    Ok(pipeline)
}

fn recipe(
    pipeline: &Pipeline,
    pack: &SourcePack,
    engine: impl Fn(&[RuleSpec], FixLevel) -> Result<Arc<Engine>, StageError>,
) -> Result<Recipe, StageError> {
    let rules = pack.rules.as_deref().unwrap_or(&pipeline.rules);
    let part = match &pack.work.rules {
        RulesWork::All => None,
        RulesWork::Only(ids) => {
            let wanted: Vec<RuleSpec> = rules.iter().filter(|rule| ids.contains(&rule.id)).cloned().collect();
            Some(engine(&wanted, pipeline.fix)?)
        }
    };
    Ok(Recipe {
        engine: engine(rules, pipeline.fix)?,
        part,
        fix: pipeline.fix,
        model: pipeline.model.clone().filter(|_| pack.work.tokens),
    })
}

fn engine(rules: &[RuleSpec], fix: FixLevel) -> Result<Arc<Engine>, StageError> {
    let level = match fix {
        FixLevel::None => fixes::FixLevel::None,
        FixLevel::Safe => fixes::FixLevel::Safe,
        FixLevel::Unsafe => fixes::FixLevel::Unsafe,
    };
    match Engine::with_specs(rules, level) {
        Ok(engine) => Ok(Arc::new(engine)),
        Err(error) => Err(StageError::OtherEngine { reason: error.to_string() }),
    }
}

/// What is kept under the key, made if it is not there.
fn kept<T>(
    known: &Mutex<BTreeMap<Digest, Arc<T>>>,
    key: Digest,
    make: impl FnOnce() -> Result<Arc<T>, StageError>,
) -> Result<Arc<T>, StageError> {
    let mut known = known.lock().expect("no holder of the lock panics");
    if let Some(value) = known.get(&key) {
        return Ok(Arc::clone(value));
    }
    let value = make()?;
    if known.len() >= MAX_KEPT {
        known.clear();
    }
    known.insert(key, Arc::clone(&value));
    Ok(value)
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
