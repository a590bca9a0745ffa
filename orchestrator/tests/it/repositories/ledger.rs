//! The ledger against `git ls-tree`, odd entries, hostile trees, and each rule of what is scanned.

use std::collections::BTreeMap;
use std::fs;

use git2::Oid;
use orchestrator::ledger;
use orchestrator::tree::WalkError;
use proptest::prelude::*;
use schemas::job::Limits;
use schemas::ledger::{LedgerEntry, LedgerSums, Outcome, SkipReason};

use super::fixture::{Fixture, git};

const FILE: i32 = 0o100_644;
const FOLDER: i32 = 0o040_000;

fn take(fixture: &Fixture, tree: Oid, limits: &Limits) -> Result<Vec<LedgerEntry>, WalkError> {
    let mut entries = Vec::new();
    ledger::take(&fixture.source, tree, limits, &|_| false, |entry, blob| {
        assert_eq!(blob.is_some(), entry.outcome == Outcome::Scanned);
        entries.push(entry);
        Ok::<_, WalkError>(())
    })?;
    Ok(entries)
}

fn outcomes(fixture: &Fixture, tree: Oid) -> BTreeMap<String, Outcome> {
    let entries = take(fixture, tree, &Limits::default()).unwrap();
    entries.into_iter().map(|entry| (entry.path.to_string(), entry.outcome)).collect()
}

fn skipped(reason: SkipReason) -> Outcome {
    Outcome::Skipped { reason }
}

/// What becomes of one file at the root.
fn outcome_of(name: &str, bytes: &[u8]) -> Outcome {
    let fixture = Fixture::empty();
    let tree = fixture.tree(&[(name.as_bytes(), FILE, fixture.blob(bytes))]);
    outcomes(&fixture, tree).remove(name).unwrap()
}

/// As `git ls-tree -r -z` writes it.
fn as_git_lists(entries: &[LedgerEntry]) -> Vec<u8> {
    let mut listing = Vec::new();
    for entry in entries {
        let kind = if entry.mode == 0o160_000 { "commit" } else { "blob" };
        listing.extend_from_slice(format!("{:06o} {kind} {}\t", entry.mode, entry.oid).as_bytes());
        listing.extend_from_slice(entry.path.as_bytes());
        listing.push(0);
    }
    listing
}

#[test]
fn the_ledger_lists_what_git_lists_whatever_the_entry_is() {
    let fixture = Fixture::empty();
    let blob = fixture.blob(b"var a;\n");
    let commit = Oid::from_str("1234567890123456789012345678901234567890").unwrap();
    let inner = fixture.tree(&[(b"x.py", FILE, blob), (b"\xff\xfe.js", FILE, blob)]);
    let tree = fixture.tree(&[
        (b"A.js", FILE, blob),
        (b"a b.ts", FILE, blob),
        (b"a.js", FILE, blob),
        (b"dir", FOLDER, inner),
        (b"dir.js", FILE, blob),
        (b"exec.js", 0o100_755, blob),
        (b"group.js", 0o100_664, blob),
        (b"link.js", 0o120_000, blob),
        (b"new\nline.js", FILE, blob),
        (b"quote\".py", FILE, blob),
        (b"sub.js", 0o160_000, commit),
        (b"text.txt", FILE, blob),
    ]);
    let entries = take(&fixture, tree, &Limits::default()).unwrap();
    let listed = git(fixture.source_path(), &["ls-tree", "-r", "-z", &tree.to_string()]);
    assert_eq!(as_git_lists(&entries), listed);
    let mut sums = LedgerSums::default();
    entries.iter().for_each(|entry| sums.count(&entry.outcome));
    assert!(sums.adds_up());
    assert_eq!((sums.entries, sums.scanned, sums.failed), (13, 10, 0));
    assert_eq!(sums.skipped[&SkipReason::Symlink], 1);
    assert_eq!(sums.skipped[&SkipReason::Submodule], 1);
    assert_eq!(sums.skipped[&SkipReason::UnsupportedLanguage], 1);
}

#[test]
fn empty_files_and_files_in_any_encoding_are_scanned() {
    assert_eq!(outcome_of("a.py", b""), Outcome::Scanned);
    assert_eq!(outcome_of("a.js", b"// gr\xfc\xdfe \xff\n"), Outcome::Scanned);
}

#[test]
fn content_that_is_not_source_is_skipped_with_its_reason() {
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
    assert_eq!(outcome_of("a.js", pointer), skipped(SkipReason::LfsPointer));
    assert_eq!(outcome_of("a.js", b"var a;\0"), skipped(SkipReason::Binary));
    assert_eq!(outcome_of("a.js", b"// @generated\nvar a;"), skipped(SkipReason::Generated));
    assert_eq!(outcome_of("a.min.js", b"a"), skipped(SkipReason::Generated));
    assert_eq!(outcome_of("jquery-3.7.1.js", b"a"), skipped(SkipReason::Vendored));
    assert_eq!(outcome_of("a.rb", b"a\0"), skipped(SkipReason::UnsupportedLanguage));
}

#[test]
fn the_limit_is_the_last_size_that_is_scanned() {
    let fixture = Fixture::empty();
    let (fits, over) = (fixture.blob(&[b'a'; 100]), fixture.blob(&[b'a'; 101]));
    let tree = fixture.tree(&[(b"fits.py", FILE, fits), (b"over.py", FILE, over)]);
    let entries = take(&fixture, tree, &Limits { max_file_bytes: 100, ..Limits::default() }).unwrap();
    assert_eq!(entries[0].outcome, Outcome::Scanned);
    assert_eq!((&entries[1].outcome, entries[1].n_bytes), (&skipped(SkipReason::TooLarge), 101));
}

#[test]
fn attributes_win_over_names_and_marks_and_hold_for_their_folder() {
    let fixture = Fixture::empty();
    let (plain, marked) = (fixture.blob(b"var a;"), fixture.blob(b"// @generated\nvar a;"));
    let attributes = fixture.blob(
        b"own.min.js -linguist-generated\nmarked.js linguist-generated=false\nmade.js linguist-generated\n\
          vendor/** linguist-vendored=false\ncopy.py linguist-vendored\n",
    );
    let inner = fixture.tree(&[
        (b".gitattributes", FILE, fixture.blob(b"made.js !linguist-generated\n")),
        (b"made.js", FILE, plain),
    ]);
    let vendor = fixture.tree(&[(b"a.js", FILE, plain)]);
    let tree = fixture.tree(&[
        (b".gitattributes", FILE, attributes),
        (b"copy.py", FILE, plain),
        (b"inner", FOLDER, inner),
        (b"made.js", FILE, plain),
        (b"marked.js", FILE, marked),
        (b"own.min.js", FILE, plain),
        (b"vendor", FOLDER, vendor),
    ]);
    let found = outcomes(&fixture, tree);
    for (path, expected) in [
        (".gitattributes", skipped(SkipReason::UnsupportedLanguage)),
        ("copy.py", skipped(SkipReason::Vendored)),
        ("inner/made.js", Outcome::Scanned),
        ("made.js", skipped(SkipReason::Generated)),
        ("marked.js", Outcome::Scanned),
        ("own.min.js", Outcome::Scanned),
        ("vendor/a.js", Outcome::Scanned),
    ] {
        assert_eq!(found[path], expected, "{path}");
    }
}

#[test]
fn attributes_behind_a_link_are_not_read() {
    let fixture = Fixture::empty();
    let attributes = fixture.blob(b"*.js linguist-vendored\n");
    let tree =
        fixture.tree(&[(b".gitattributes", 0o120_000, attributes), (b"a.js", FILE, fixture.blob(b"a"))]);
    assert_eq!(outcomes(&fixture, tree)["a.js"], Outcome::Scanned);
}

#[test]
fn missing_and_damaged_objects_fail_their_entry_only() {
    let fixture = Fixture::empty();
    let (good, damaged) = (fixture.blob(b"var good;"), fixture.blob(b"var damaged;"));
    let missing = Oid::from_str("1234567890123456789012345678901234567890").unwrap();
    let hex = damaged.to_string();
    let loose = fixture.source_path().join("objects").join(&hex[..2]).join(&hex[2..]);
    let other = fixture.blob(b"var something else;").to_string();
    let content =
        fs::read(fixture.source_path().join("objects").join(&other[..2]).join(&other[2..])).unwrap();
    fs::remove_file(&loose).unwrap();
    fs::write(&loose, content).unwrap();
    let folder = fixture.tree(&[]);
    let tree = fixture.tree(&[
        (b"damaged.js", FILE, damaged),
        (b"folder.js", FILE, folder),
        (b"good.js", FILE, good),
        (b"missing.js", FILE, missing),
    ]);
    let found = outcomes(&fixture, tree);
    let failed = |reason: String| Outcome::Failed { reason };
    assert_eq!(found["good.js"], Outcome::Scanned);
    assert_eq!(found["missing.js"], failed(format!("object {missing} is missing")));
    assert_eq!(found["damaged.js"], failed(format!("object {damaged} is damaged")));
    assert_eq!(found["folder.js"], failed(format!("object {folder} is a tree and not a blob")));
}

#[test]
fn a_tree_with_a_hole_fails_the_repo_and_names_it() {
    let fixture = Fixture::empty();
    let missing = Oid::from_str("1234567890123456789012345678901234567890").unwrap();
    let tree = fixture.tree(&[(b"src", FOLDER, missing)]);
    let error = take(&fixture, tree, &Limits::default()).unwrap_err();
    assert_eq!(error.to_string(), format!("tree `{missing}` at `src` can't be read"));
}

/// Ten levels of ten: ten billion files in a few hundred bytes.
#[test]
fn a_bomb_of_shared_subtrees_is_refused() {
    let fixture = Fixture::empty();
    let names: Vec<String> = (0..10).map(|n| format!("d{n}")).collect();
    let nest = |mode: i32, oid: Oid| {
        let entries: Vec<_> = names.iter().map(|name| (name.as_bytes(), mode, oid)).collect();
        fixture.tree(&entries)
    };
    let with_files = (0..9).fold(nest(FILE, fixture.blob(b"x")), |tree, _| nest(FOLDER, tree));
    let without = (0..9).fold(fixture.tree(&[]), |tree, _| nest(FOLDER, tree));
    let limits = Limits { max_tree_entries: 50_000, ..Limits::default() };
    for bomb in [with_files, without] {
        let error = take(&fixture, bomb, &limits).unwrap_err();
        assert_eq!(error.to_string(), "the tree has more than 50000 entries");
    }
}

#[test]
fn a_tree_deeper_than_the_limit_is_refused_however_deep_it_is() {
    let fixture = Fixture::empty();
    let leaf = fixture.tree(&[(b"a.js", FILE, fixture.blob(b"a"))]);
    let nested = |levels: usize| (0..levels).fold(leaf, |tree, _| fixture.tree(&[(b"d", FOLDER, tree)]));
    let limits = Limits { max_tree_depth: 10, ..Limits::default() };
    assert_eq!(take(&fixture, nested(9), &limits).unwrap().len(), 1);
    let error = take(&fixture, nested(5000), &limits).unwrap_err();
    assert!(matches!(error, WalkError::TooDeep { limit: 10, .. }), "{error:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_tree_adds_up_and_is_listed_as_git_lists_it(
        folders in prop::collection::btree_map("[a-zé.]{1,3}", prop::collection::btree_map(
            "[a-z\u{e9}\n ]{1,2}(\\.js|\\.py|\\.md)", prop::collection::vec(any::<u8>(), 0..20), 0..4), 0..4),
    ) {
        let fixture = Fixture::empty();
        let mut builder = fixture.source.treebuilder(None).unwrap();
        for (folder, files) in folders.iter().filter(|(name, _)| !matches!(name.as_str(), "." | "..")) {
            let mut inner = fixture.source.treebuilder(None).unwrap();
            for (name, bytes) in files {
                inner.insert(name, fixture.blob(bytes), FILE).unwrap();
            }
            builder.insert(folder, inner.write().unwrap(), FOLDER).unwrap();
        }
        let tree = builder.write().unwrap();
        let entries = take(&fixture, tree, &Limits::default()).unwrap();
        let listed = git(fixture.source_path(), &["ls-tree", "-r", "-z", &tree.to_string()]);
        prop_assert_eq!(as_git_lists(&entries), listed);
    }
}
