//! Plans of real mirrors: every scanned entry in exactly one batch, packs hold the blobs, the same each time.

use orchestrator::plan::{PlanError, cut, digest_only, plan_repo};
use schemas::job::Limits;
use schemas::ledger::Outcome;
use schemas::plan::RepoPlan;
use schemas::sources::SourcePack;
use schemas::{Digest, Language};

use super::fixture::Fixture;

fn plan(fixture: &Fixture, pipeline: &[u8]) -> (RepoPlan, Vec<SourcePack>) {
    let mirror = fixture.mirror(None).unwrap();
    let mut packs = Vec::new();
    let mut store = |pack: SourcePack| {
        packs.push(pack.clone());
        digest_only(pack)
    };
    let plan = plan_repo(&mirror, Digest::of(pipeline), &Limits::default(), &mut store).unwrap();
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
    let (plan, packs) = plan(&fixture, b"p");
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
            assert_eq!((&entry.path, &entry.oid), (&file.path, &file.oid));
            let blob = fixture.source.find_blob(file.oid.parse().unwrap()).unwrap();
            assert_eq!(blob.content(), file.bytes);
            assert_eq!(Language::of_path(entry.path.as_bytes()), Some(file.language));
        }
    }
}

#[test]
fn a_plan_depends_on_commit_and_pipeline_only() {
    let fixture = many_files(200);
    let (first, _) = plan(&fixture, b"p");
    assert_eq!(plan(&fixture, b"p").0, first);
    let (other, _) = plan(&fixture, b"q");
    assert_eq!(other.entries, first.entries);
    assert!(other.batches.iter().zip(&first.batches).all(|(a, b)| a.id != b.id && a.sources == b.sources));
}

#[test]
fn a_repo_without_source_has_a_ledger_and_no_batch() {
    let (plan, packs) = plan(&Fixture::with_files(&[("README.md", "hello")]), b"p");
    assert_eq!((plan.entries.len(), plan.batches.len(), packs.len()), (1, 0, 0));
}

#[test]
fn a_store_that_fails_fails_the_plan() {
    let mirror = many_files(3).mirror(None).err();
    assert!(mirror.is_none());
    let fixture = many_files(3);
    let mirror = fixture.mirror(None).unwrap();
    let mut store = |_| Err("disk full".into());
    let error = plan_repo(&mirror, Digest::of(b"p"), &Limits::default(), &mut store).unwrap_err();
    assert!(matches!(error, PlanError::Store(source) if source.to_string() == "disk full"));
}

#[test]
fn a_commit_that_the_mirror_lost_is_an_error() {
    let fixture = many_files(3);
    let mut mirror = fixture.mirror(None).unwrap();
    mirror.commit = git2::Oid::from_str("1234567890123456789012345678901234567890").unwrap();
    let error = plan_repo(&mirror, Digest::of(b"p"), &Limits::default(), &mut digest_only).unwrap_err();
    assert!(matches!(error, PlanError::Mirror { .. }));
}
