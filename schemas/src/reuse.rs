//! What decides the result of a file, as digests. The second night starts from them: a file whose digests are known
//! is not done again.
//!
//! ```text
//! inputs = blob, language, facts                            what the worker reads
//! recipe = engine, grammars, fix level, rules, model        what is done with it, for one language
//! key    = inputs, recipe                                   two files of one key have one result
//! chunk  = model, its type, tokens                          two windows of one digest have the same vectors
//! ```
//!
//! Rules are part of a recipe one by one, and only where they run on the language: a rule that changes leaves the files
//! of other languages alone, and what other rules found is still known.

use serde::{Deserialize, Serialize};
use settings::{Facts, RuleSpec};

use crate::digest::Digest;
use crate::job::{FixLevel, ModelRef, Pipeline};
use crate::language::Language;
use crate::result::ScannedFile;
use crate::rules;

/// Digests a list of fields, each with its length, so that no two lists are one text.
pub(crate) struct FieldHasher(blake3::Hasher);

impl FieldHasher {
    pub(crate) fn new(domain: &str) -> Self {
        let mut hasher = Self(blake3::Hasher::new());
        hasher.field(domain.as_bytes());
        hasher
    }

    pub(crate) fn field(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    pub(crate) fn json<T: Serialize>(&mut self, value: &T) {
        self.field(&serde_json::to_vec(value).expect("hashed values have string keys only"));
    }

    pub(crate) fn finish(self) -> Digest {
        Digest::from_bytes(*self.0.finalize().as_bytes())
    }
}

/// What a worker reads of a file. `blob` is the digest of its bytes.
#[must_use]
pub fn inputs_digest(blob: Digest, language: Language, facts: &Facts) -> Digest {
    let mut hasher = FieldHasher::new("nightmend inputs 1");
    hasher.field(blob.as_bytes());
    hasher.field(language.tag().as_bytes());
    hasher.json(facts);
    hasher.finish()
}

/// What is done with the files of one language: `rules` are all that apply in the repo.
#[must_use]
pub fn recipe_digest(pipeline: &Pipeline, rules: &[RuleSpec], language: Language) -> Digest {
    let mut hasher = FieldHasher::new("nightmend recipe 1");
    hasher.field(pipeline.engine.as_bytes());
    hasher.field(pipeline.grammars.as_bytes());
    hasher.json(&pipeline.fix);
    hasher.json(&pipeline.model.as_ref().map(|model| (model.digest, model.dtype)));
    for rule in rules.iter().filter(|rule| runs_on(rule, language)) {
        hasher.field(rule_digest(rule).as_bytes());
    }
    hasher.finish()
}

/// What a rule is beside the engine's version: id, options, text.
#[must_use]
pub fn rule_digest(rule: &RuleSpec) -> Digest {
    let mut hasher = FieldHasher::new("nightmend rule 1");
    hasher.json(rule);
    hasher.finish()
}

/// Whether a rule can say anything of a file of that language. Users' own are taken to.
#[must_use]
pub fn runs_on(rule: &RuleSpec, language: Language) -> bool {
    rule.source.is_some()
        || rules::rule(&rule.id).is_none_or(|info| info.languages.iter().any(|known| known == language.tag()))
}

/// What decides the result of a file.
#[must_use]
pub fn file_key(inputs: Digest, recipe: Digest) -> Digest {
    let mut hasher = FieldHasher::new("nightmend file 1");
    hasher.field(inputs.as_bytes());
    hasher.field(recipe.as_bytes());
    hasher.finish()
}

/// What decides the vectors of a window.
#[must_use]
pub fn chunk_digest(model: &ModelRef, tokens: &[u32]) -> Digest {
    let mut hasher = FieldHasher::new("nightmend chunk 1");
    hasher.field(model.digest.as_bytes());
    hasher.field(model.dtype.name().as_bytes());
    hasher.field(&tokens.iter().flat_map(|token| token.to_le_bytes()).collect::<Vec<u8>>());
    hasher.finish()
}

/// What a job left of a repo for the next night: stored under `snapshots/<digest>`, its rows in shards beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The version of the code that made the rows.
    pub engine: String,
    /// The grammars that they were parsed with.
    pub grammars: String,
    /// Which fixes were made.
    pub fix: FixLevel,
    /// The rules of the repo.
    pub rules: Vec<RuleSpec>,
    /// The model that read the files.
    pub model: Option<ModelRef>,
    /// Key and inputs of every row, sorted.
    pub keys: Vec<(Digest, Digest)>,
    /// `snapshots/<digest>` of each shard; a row is in the shard of the first bits of its key.
    pub shards: Vec<Digest>,
}

/// Rows of a snapshot, sorted by key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SnapshotShard {
    /// The rows.
    pub rows: Vec<SnapshotRow>,
}

/// The result of one file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SnapshotRow {
    /// What it was made with; checked on read.
    pub key: Digest,
    /// What it is of; checked on read.
    pub inputs: Digest,
    /// What was found.
    pub file: ScannedFile,
}

/// Rows of one shard, about: a changed file costs the writing of so many rows.
const ROWS_PER_SHARD: usize = 2048;

impl Snapshot {
    /// How many shards so many rows are kept in: a power of two.
    #[must_use]
    pub fn n_shards(n_rows: usize) -> usize {
        n_rows.div_ceil(ROWS_PER_SHARD).next_power_of_two().min(1 << 15)
    }

    /// The shard of a key among so many.
    #[must_use]
    pub fn shard_of(key: Digest, n_shards: usize) -> usize {
        let first = key.as_bytes();
        (usize::from(u16::from_be_bytes([first[0], first[1]])) * n_shards) >> 16
    }
}

/// A pointer to the newest snapshot of a repo: stored sealed under `index/<repo>/<name>` and replaced every night.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexEntry {
    /// Where the repo is, without what only its owner may know.
    pub repo: String,
    /// What the rows were made with.
    pub pipeline: Digest,
    /// `snapshots/<digest>`.
    pub snapshot: Digest,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipeline() -> Pipeline {
        Pipeline {
            engine: "e".into(),
            grammars: "g".into(),
            rules: vec!["no-var".into()],
            fix: FixLevel::Safe,
            model: None,
        }
    }

    #[test]
    fn a_rule_counts_for_the_languages_that_it_runs_on() {
        let (before, after): ([RuleSpec; 1], [RuleSpec; 2]) =
            (["no-var".into()], ["no-var".into(), "UP004".into()]);
        let recipe = |rules: &[RuleSpec], language| recipe_digest(&pipeline(), rules, language);
        assert_eq!(recipe(&before, Language::JavaScript), recipe(&after, Language::JavaScript));
        assert_ne!(recipe(&before, Language::Python), recipe(&after, Language::Python));
        let own = RuleSpec { source: Some("id: x".into()), ..RuleSpec::new("x") };
        assert!(runs_on(&own, Language::Go));
    }

    #[test]
    fn everything_that_decides_a_result_changes_its_key() {
        let model =
            |dtype| Some(ModelRef { name: "m".into(), digest: Digest::of(b"m"), trained: false, dtype });
        let base = pipeline();
        let others = [
            Pipeline { engine: "f".into(), ..base.clone() },
            Pipeline { grammars: "h".into(), ..base.clone() },
            Pipeline { fix: FixLevel::None, ..base.clone() },
            Pipeline { model: model(crate::job::ModelDtype::F32), ..base.clone() },
            Pipeline { model: model(crate::job::ModelDtype::Bf16), ..base.clone() },
        ];
        let recipe = |pipeline: &Pipeline| recipe_digest(pipeline, &pipeline.rules, Language::JavaScript);
        let mut recipes: Vec<Digest> = others.iter().chain([&base]).map(recipe).collect();
        recipes.sort_unstable();
        recipes.dedup();
        assert_eq!(recipes.len(), 6);
        let facts = Facts { rules_off: vec!["no-var".into()], ..Facts::default() };
        let blob = Digest::of(b"text");
        let inputs = inputs_digest(blob, Language::JavaScript, &Facts::default());
        for other in [
            inputs_digest(Digest::of(b"other"), Language::JavaScript, &Facts::default()),
            inputs_digest(blob, Language::TypeScript, &Facts::default()),
            inputs_digest(blob, Language::JavaScript, &facts),
        ] {
            assert_ne!(file_key(inputs, recipes[0]), file_key(other, recipes[0]));
        }
        assert_ne!(file_key(inputs, recipes[0]), file_key(inputs, recipes[1]));
    }

    #[test]
    fn every_key_has_a_shard() {
        for n_rows in [0, 1, 5_000, 1_000_000] {
            let n_shards = Snapshot::n_shards(n_rows);
            for key in [Digest::from_bytes([0; 32]), Digest::from_bytes([0xff; 32]), Digest::of(b"x")] {
                assert!(Snapshot::shard_of(key, n_shards) < n_shards);
            }
        }
    }
}
