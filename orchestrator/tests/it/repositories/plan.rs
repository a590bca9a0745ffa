//! Plans of real mirrors: every scanned entry in exactly one batch, packs hold the blobs, the same each time.

use std::path::PathBuf;

use model_dir::ModelDir;
use model_dir::init::{Size, untrained};
use orchestrator::plan::{PlanError, cut, digest_only};
use orchestrator::tokens::{Blob, TokenCounter, TokenCounters};
use schemas::job::{ModelDtype, ReusePolicy};
use schemas::ledger::Outcome;
use schemas::plan::{Origin, RepoPlan};
use schemas::sources::SourcePack;
use schemas::{Digest, Language, ModelRef};
use tokio_util::sync::CancellationToken;

use super::fixture::{Fixture, PlanBy};

fn plan(fixture: &Fixture, rule: &str) -> (RepoPlan, Vec<SourcePack>) {
    plan_by(fixture, rule, None)
}

fn plan_by(fixture: &Fixture, rule: &str, counter: Option<&TokenCounter>) -> (RepoPlan, Vec<SourcePack>) {
    let mirror = fixture.mirror(None).unwrap();
    let mut packs = Vec::new();
    let mut store = |pack: SourcePack| {
        packs.push(pack.clone());
        digest_only(pack)
    };
    let plan = PlanBy { counter, ..PlanBy::rules(&[rule]) }.plan(&mirror, &mut store).unwrap();
    (plan, packs)
}

fn many_files(n: usize) -> Fixture {
    let names: Vec<String> =
        (0..n).map(|index| format!("f{index:04}.{}", ["js", "md", "py"][index % 3])).collect();
    let texts: Vec<String> = (0..n).map(|index| format!("x = {index}\n").repeat(index % 50)).collect();
    let files: Vec<(&str, &str)> =
        names.iter().zip(&texts).map(|(name, text)| (name.as_str(), text.as_str())).collect();
    Fixture::with_files(&files)
}

#[test]
fn every_scanned_entry_is_in_exactly_one_batch_in_the_order_of_the_tree() {
    let fixture = many_files(500);
    let (plan, packs) = plan(&fixture, "no-var");
    let scanned: Vec<u32> = (0_u32..)
        .zip(&plan.entries)
        .filter(|(_, entry)| entry.outcome == Outcome::Scanned)
        .map(|(index, _)| index)
        .collect();
    let planned: Vec<u32> = plan.batches.iter().flat_map(|batch| batch.files.clone()).collect();
    assert_eq!((plan.entries.len(), &planned), (500, &scanned));
    assert!(plan.batches.len() > 1);
    assert_eq!(packs.len(), plan.batches.len());
    for (batch, pack) in plan.batches.iter().zip(&packs) {
        assert!(batch.files.len() <= cut::MAX_FILES);
        assert_eq!(batch.sources, digest_only(pack.clone()).unwrap());
        assert_eq!(batch.n_bytes, pack.files.iter().map(|file| file.bytes.len() as u64).sum::<u64>());
        for (&index, file) in batch.files.iter().zip(&pack.files) {
            let entry = &plan.entries[index as usize];
            let blob = fixture.source.find_blob(entry.oid.parse().unwrap()).unwrap();
            assert_eq!(blob.content(), file.bytes);
            assert_eq!(Language::of_path(entry.path.as_bytes()), Some(file.language));
        }
    }
}

#[test]
fn a_plan_depends_on_commit_and_pipeline_only() {
    let fixture = many_files(200);
    let (first, _) = plan(&fixture, "no-var");
    assert_eq!(plan(&fixture, "no-var").0, first);
    let (other, _) = plan(&fixture, "eqeqeq");
    assert_eq!(other.entries, first.entries);
    assert!(other.batches.iter().zip(&first.batches).all(|(a, b)| a.id != b.id && a.sources == b.sources));
}

#[test]
fn a_repo_without_source_has_a_ledger_and_no_batch() {
    let (plan, packs) = plan(&Fixture::with_files(&[("README.md", "hello")]), "no-var");
    assert_eq!((plan.entries.len(), plan.batches.len(), packs.len()), (1, 0, 0));
}

#[test]
fn a_store_that_fails_fails_the_plan() {
    let mirror = many_files(3).mirror(None).err();
    assert!(mirror.is_none());
    let fixture = many_files(3);
    let mirror = fixture.mirror(None).unwrap();
    let mut store = |_| Err("disk full".into());
    let error = PlanBy::rules(&["no-var"]).plan(&mirror, &mut store).unwrap_err();
    assert!(matches!(error, PlanError::Store(source) if source.to_string() == "disk full"));
}

#[test]
fn a_commit_that_the_mirror_lost_is_an_error() {
    let fixture = many_files(3);
    let mut mirror = fixture.mirror(None).unwrap();
    mirror.commit = git2::Oid::from_str("1234567890123456789012345678901234567890").unwrap();
    let error = PlanBy::rules(&["no-var"]).plan(&mirror, &mut digest_only).unwrap_err();
    assert!(matches!(error, PlanError::Mirror { .. }));
}

/// A model of up to 64 tokens, and the folder for its counts.
struct Model {
    dir: tempfile::TempDir,
}

impl Model {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let texts: Vec<String> = (0..40).map(|n| format!("x = {n}\n")).collect();
        untrained(Size::Micro, 1, &texts).unwrap().write(&dir.path().join("model")).unwrap();
        Self { dir }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("model")
    }

    fn counter(&self) -> TokenCounter {
        self.counter_until(CancellationToken::new())
    }

    fn counter_until(&self, stop: CancellationToken) -> TokenCounter {
        TokenCounter::open(&self.path(), &self.counts(), stop).unwrap()
    }

    fn counts(&self) -> PathBuf {
        self.dir.path().join("counts")
    }

    fn counts_file(&self) -> PathBuf {
        let mut files = std::fs::read_dir(self.counts()).unwrap();
        let file = files.next().unwrap().unwrap().path();
        assert!(files.next().is_none());
        file
    }
}

/// Files of very different numbers of tokens to the byte, some empty, one not UTF-8.
fn odd_files() -> Fixture {
    let fixture = Fixture::empty();
    let mut blobs = Vec::new();
    for n in 0..300_usize {
        let text = match n % 4 {
            0 => format!("x = {n}\n").repeat(n % 90).into_bytes(),
            1 => "é~ü^".repeat(n * 3 % 700).into_bytes(),
            2 => Vec::new(),
            _ => [&b"y = \xff\xfe "[..], &b"x = 1\n".repeat(n % 50)].concat(),
        };
        blobs.push((format!("f{n:03}.py"), fixture.blob(&text)));
    }
    let entries: Vec<_> = blobs.iter().map(|(name, oid)| (name.as_bytes(), 0o100_644, *oid)).collect();
    fixture.commit("refs/heads/main", fixture.tree(&entries));
    fixture
}

#[test]
fn with_a_model_a_batch_has_the_tokens_that_its_worker_will_count() {
    let (model, fixture) = (Model::new(), odd_files());
    let (plan, packs) = plan_by(&fixture, "no-var", Some(&model.counter()));
    let dir = ModelDir::open(&model.path()).unwrap();
    assert!(plan.batches.len() > 2);
    for (batch, pack) in plan.batches.iter().zip(&packs) {
        let tokens_of = |bytes: &[u8]| match String::from_utf8_lossy(bytes).as_ref() {
            "" => 0,
            text => dir.tokenizer().count(text).unwrap() as u64,
        };
        assert_eq!(batch.n_tokens, pack.files.iter().map(|file| tokens_of(&file.bytes)).sum::<u64>());
        let rows =
            |file: &schemas::sources::SourceFile| dir.rows(&String::from_utf8_lossy(&file.bytes)).unwrap();
        let computed: usize = pack.files.iter().flat_map(rows).map(|row| row.len()).sum();
        assert!(pack.files.len() == 1 || computed as u64 <= cut::MAX_COST);
    }
}

#[test]
fn a_plan_is_the_same_whether_its_counts_were_remembered_lost_or_damaged() {
    let (model, fixture) = (Model::new(), odd_files());
    let cold = plan_by(&fixture, "no-var", Some(&model.counter())).0;
    let file = model.counts_file();
    let whole = std::fs::read(&file).unwrap();
    assert!(whole.len() > 100 * 32, "few counts are remembered");
    let again = || plan_by(&fixture, "no-var", Some(&model.counter())).0;
    assert_eq!(again(), cold);
    assert!(std::fs::read(&file).unwrap() == whole, "blobs were counted twice");

    let mut damaged = whole.clone();
    damaged.iter_mut().skip(32).step_by(50).for_each(|byte| *byte ^= 0x55);
    for bytes in [&damaged[..], &whole[..whole.len() / 2 + 5], b"", b"something else"] {
        std::fs::write(&file, bytes).unwrap();
        assert_eq!(again(), cold);
        assert_eq!(std::fs::read(&file).unwrap().len(), whole.len());
    }
}

#[test]
fn remembered_counts_are_taken_and_a_blob_without_an_id_is_counted() {
    let model = Model::new();
    let oid = "1234567890123456789012345678901234567890";
    let weigh = |oid, bytes| model.counter().weigh(&[Blob { oid, bytes }]).unwrap()[0].n_tokens;
    let n_tokens = weigh(oid, b"x = 1\n");
    assert_eq!(weigh(oid, b"another text under the same id"), n_tokens);
    assert_ne!(weigh("?", b"another text under the same id"), n_tokens);
}

#[test]
fn counting_ends_when_the_orchestrator_does_and_nothing_is_stored() {
    let (model, fixture, stop) = (Model::new(), many_files(9), CancellationToken::new());
    let counter = model.counter_until(stop.clone());
    stop.cancel();
    let mirror = fixture.mirror(None).unwrap();
    let mut store = |_| panic!("a batch was cut");
    let error = PlanBy { counter: Some(&counter), ..PlanBy::rules(&["no-var"]) }
        .plan(&mirror, &mut store)
        .unwrap_err();
    assert!(matches!(error, PlanError::Stopped(_)));
}

#[tokio::test]
async fn a_model_s_tokenizer_comes_out_of_the_store_and_its_absence_has_a_name() {
    let (model, dir) = (Model::new(), tempfile::tempdir().unwrap());
    let store = tensor_store::Store::open("memory://").unwrap();
    let opened = ModelDir::open(&model.path()).unwrap();
    let digest: Digest = opened.digest().parse().unwrap();
    let counters = TokenCounters::new(store.clone(), dir.path().join("tokenizers"), CancellationToken::new());
    let wanted = ModelRef { name: "micro".to_owned(), digest, trained: false, dtype: ModelDtype::F32 };
    let error = counters.get(&wanted).await.err().unwrap();
    assert!(format!("{error:#}").contains("micro") && format!("{error:#}").contains("missing"), "{error:#}");

    // All but the weights, which nobody needs for counting.
    for name in opened.files().iter().filter(|name| !name.ends_with("safetensors")) {
        let bytes = std::fs::read(model.path().join(name)).unwrap();
        store.put(&tensor_store::Key::model_file(digest, name), bytes.into()).await.unwrap();
    }
    let counter = counters.get(&wanted).await.unwrap();
    let weight = counter.weigh(&[Blob { oid: "?", bytes: b"x = 1\n" }]).unwrap()[0];
    assert_eq!(weight.n_tokens, opened.tokenizer().count("x = 1\n").unwrap() as u64);
}

#[test]
fn a_text_that_is_there_twice_is_done_once_unless_nothing_is_to_be_reused() {
    let fixture = Fixture::with_files(&[
        ("a.js", "f();\n"),
        ("b.js", "f();\n"),
        ("d.js", "g();\n"),
        ("e.ts", "f();\n"),
    ]);
    let mirror = fixture.mirror(None).unwrap();
    let plan = |enabled| {
        let reuse = ReusePolicy { enabled, audit_ppm: 0 };
        PlanBy { reuse, ..PlanBy::rules(&["no-var"]) }.plan(&mirror, &mut digest_only).unwrap()
    };
    let (once, all) = (plan(true), plan(false));
    let files = |plan: &RepoPlan| plan.batches.iter().map(|batch| batch.files.len()).sum::<usize>();
    assert_eq!((files(&once), once.reused.len(), files(&all), all.reused.len()), (3, 1, 4, 0));
    let batch = &once.batches[0];
    assert_eq!(once.origins, [Origin::Batch { id: batch.id, sources: batch.sources }]);
    assert_eq!(once.entries[once.reused[0].entry as usize].path, "b.js".into());
}
