//! Mirrors of folders: revisions, moved branches, damage, and what goes wrong.

use std::fs;
use std::path::Path;
use std::time::Duration;

use git2::{Oid, Repository, Signature, Time};
use orchestrator::clone::{CloneError, Cloner, mirror};
use orchestrator::credentials::Credentials;
use tokio_util::sync::CancellationToken;

use super::fixture::{Fixture, git};

fn two_commits() -> (Fixture, Oid, Oid) {
    let fixture = Fixture::with_files(&[("a.js", "var a;\n")]);
    let first = fixture.source.refname_to_id("refs/heads/main").unwrap();
    let second = fixture.commit_files("refs/heads/main", &[("a.js", "var b;\n")]);
    (fixture, first, second)
}

#[test]
fn every_kind_of_revision_names_its_commit() {
    let (fixture, first, second) = two_commits();
    let tagger = Signature::new("a", "a@example.org", &Time::new(1_700_000_000, 0)).unwrap();
    let object = fixture.source.find_object(first, None).unwrap();
    fixture.source.tag("v1", &object, &tagger, "one", false).unwrap();
    fixture.source.tag_lightweight("light", &object, false).unwrap();
    fixture.source.reference("refs/heads/feature/x", first, false, "branch").unwrap();
    let (full, short) = (first.to_string(), first.to_string()[..9].to_owned());
    for (rev, expected) in [
        (None, second),
        (Some("main"), second),
        (Some("HEAD"), second),
        (Some("feature/x"), first),
        (Some("refs/heads/feature/x"), first),
        (Some("v1"), first),
        (Some("light"), first),
        (Some(full.as_str()), first),
        (Some(short.as_str()), first),
    ] {
        let alone = Fixture::empty();
        let mirrored = alone.mirror_of(fixture.source_path().to_str().unwrap(), rev).unwrap();
        assert_eq!(mirrored.commit, expected, "{rev:?}");
        let reference = format!("refs/nightmend/commits/{expected}");
        assert_eq!(mirrored.open().unwrap().refname_to_id(&reference).unwrap(), expected);
    }
}

#[test]
fn a_branch_that_moved_is_fetched_into_the_same_mirror() {
    let (fixture, _, second) = two_commits();
    let before = fixture.mirror(None).unwrap();
    assert_eq!(before.commit, second);
    let third = fixture.commit_files("refs/heads/main", &[("a.js", "var c;\n")]);
    let after = fixture.mirror(None).unwrap();
    assert_eq!((after.commit, &after.path), (third, &before.path));
    assert!(after.open().unwrap().find_commit(second).is_ok(), "the earlier commit stays");
}

#[test]
fn a_full_id_that_no_ref_reaches_is_found() {
    let (fixture, _, _) = two_commits();
    let orphan = fixture.commit_files("refs/heads/gone", &[("b.js", "")]);
    fixture.source.find_reference("refs/heads/gone").unwrap().delete().unwrap();
    assert_eq!(fixture.mirror(Some(&orphan.to_string())).unwrap().commit, orphan);
}

#[test]
fn from_a_folder_only_one_commit_is_copied_and_git_finds_nothing_wrong() {
    let (fixture, first, second) = two_commits();
    let mirrored = fixture.mirror(Some("main")).unwrap();
    let repo = mirrored.open().unwrap();
    assert!(repo.find_commit(second).is_ok() && repo.find_commit(first).is_err());
    git(&mirrored.path, &["fsck", "--strict", "--no-dangling"]);
}

#[test]
fn a_shallow_source_can_be_mirrored() {
    let (fixture, _, second) = two_commits();
    let shallow = fixture.dir().join("shallow");
    let url = format!("file://{}", fixture.source_path().display());
    git(fixture.dir(), &["clone", "-q", "--depth=1", &url, shallow.to_str().unwrap()]);
    assert_eq!(fixture.mirror_of(shallow.to_str().unwrap(), None).unwrap().commit, second);
}

#[test]
fn a_commit_that_is_held_needs_no_source() {
    let (fixture, _, second) = two_commits();
    fixture.mirror(None).unwrap();
    fs::write(fixture.source_path().join("HEAD"), "ref: refs/heads/elsewhere\n").unwrap();
    fs::remove_dir_all(fixture.source_path().join("refs/heads")).unwrap();
    fs::create_dir(fixture.source_path().join("refs/heads")).unwrap();
    assert_eq!(fixture.mirror(Some(&second.to_string())).unwrap().commit, second);
}

#[test]
fn a_mirror_is_bare_and_has_neither_work_tree_nor_hooks() {
    let (fixture, _, _) = two_commits();
    let work = fixture.dir().join("work");
    git(fixture.dir(), &["clone", "-q", fixture.source_path().to_str().unwrap(), work.to_str().unwrap()]);
    let mirrored = fixture.mirror_of(work.to_str().unwrap(), None).unwrap();
    let repo = mirrored.open().unwrap();
    assert!(repo.is_bare() && repo.workdir().is_none());
    assert!(!mirrored.path.join("a.js").exists() && !mirrored.path.join("index").exists());
    let hooks = fs::read_dir(mirrored.path.join("hooks")).into_iter().flatten().flatten();
    assert!(hooks.into_iter().all(|hook| hook.file_name() == "README.sample"));
}

#[test]
fn file_addresses_and_linked_work_trees_can_be_mirrored() {
    let (fixture, first, second) = two_commits();
    let (work, linked) = (fixture.dir().join("work"), fixture.dir().join("linked"));
    let source = fixture.source_path().to_str().unwrap();
    git(fixture.dir(), &["clone", "-q", source, work.to_str().unwrap()]);
    let first_hex = first.to_string();
    git(&work, &["worktree", "add", "-q", "--detach", linked.to_str().unwrap(), &first_hex]);
    assert_eq!(fixture.mirror_of(work.to_str().unwrap(), None).unwrap().commit, second);
    assert_eq!(fixture.mirror_of(linked.to_str().unwrap(), None).unwrap().commit, first);
    assert_eq!(fixture.mirror_of(&format!("file://{source}"), None).unwrap().commit, second);
}

fn damage_packs(mirror: &Path) {
    let packs = mirror.join("objects/pack");
    for entry in fs::read_dir(packs).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "pack") {
            fs::remove_file(&path).unwrap();
            fs::write(&path, b"PACK").unwrap();
        }
    }
}

#[test]
fn a_damaged_mirror_is_made_again() {
    let (fixture, _, second) = two_commits();
    let mirrored = fixture.mirror(None).unwrap();
    damage_packs(&mirrored.path);
    let again = fixture.mirror(None).unwrap();
    assert_eq!(again, mirrored);
    assert!(again.open().unwrap().find_commit(second).unwrap().tree().is_ok());
    fs::write(mirrored.path.join("HEAD"), "").unwrap();
    assert_eq!(fixture.mirror(None).unwrap().commit, second);
}

#[test]
fn what_a_crash_left_behind_is_removed() {
    let (fixture, _, second) = two_commits();
    let mirrored = fixture.mirror(None).unwrap();
    let draft = mirrored
        .path
        .with_file_name(format!("{}.draft", mirrored.path.file_name().unwrap().to_str().unwrap()));
    fs::rename(&mirrored.path, &draft).unwrap();
    fs::remove_file(draft.join("HEAD")).unwrap();
    assert_eq!(fixture.mirror(None).unwrap().commit, second);
    assert!(!draft.exists());
}

#[test]
fn what_is_wrong_with_a_source_is_told_apart() {
    let fixture = Fixture::empty();
    let missing = fixture.dir().join("missing");
    let error = fixture.mirror_of(missing.to_str().unwrap(), None).unwrap_err();
    assert!(matches!(error, CloneError::NotFound { .. }), "{error}");
    let error = fixture.mirror_of(fixture.dir().to_str().unwrap(), None).unwrap_err();
    assert!(matches!(error, CloneError::NotARepository { .. }), "{error}");
    let error = fixture.mirror(None).unwrap_err();
    assert!(matches!(error, CloneError::Empty { .. }), "{error}");
    let left: Vec<_> =
        fs::read_dir(fixture.mirrors_dir()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.iter().all(|path| path.extension().is_some_and(|end| end == "lock")), "{left:?}");
}

#[test]
fn a_revision_that_does_not_exist_is_named() {
    let (fixture, _, _) = two_commits();
    let nobody = "1234567890123456789012345678901234567890";
    for rev in ["nothing", "dead5678", nobody, "v1~3", "refs/heads/nothing", ""] {
        let error = fixture.mirror(Some(rev)).unwrap_err();
        assert!(matches!(error, CloneError::NoSuchRev { .. }), "{rev}: {error:?}");
        assert!(error.to_string().contains(&format!("`{rev}`")));
    }
}

#[test]
fn a_tag_of_a_tree_is_not_a_commit() {
    let (fixture, first, _) = two_commits();
    let tree = fixture.source.find_commit(first).unwrap().tree().unwrap().into_object();
    fixture.source.tag_lightweight("tree", &tree, false).unwrap();
    let error = fixture.mirror(Some("tree")).unwrap_err();
    assert!(matches!(error, CloneError::NotACommit { .. }), "{error:?}");
}

#[test]
fn a_repository_of_another_user_is_refused_with_the_remedy() {
    let (fixture, _, _) = two_commits();
    let path = fixture.source_path().to_owned();
    if std::os::unix::fs::chown(&path, Some(54_321), Some(54_321)).is_err() {
        eprintln!("SKIPPED: only root can give a folder to another user");
        return;
    }
    let error = fixture.mirror(None).unwrap_err();
    assert!(matches!(error, CloneError::OtherOwner { .. }), "{error:?}");
    assert!(error.to_string().contains("safe.directory"));
}

#[test]
fn a_clone_ends_at_its_limit_or_when_cancelled() {
    let (fixture, _, _) = two_commits();
    let mut request = fixture.request(fixture.source_path().to_str().unwrap(), None);
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    let error = mirror(&request, &Credentials::default(), &cancelled).unwrap_err();
    assert!(matches!(error, CloneError::Cancelled { .. }), "{error:?}");
    request.timeout = Duration::ZERO;
    let error = mirror(&request, &Credentials::default(), &CancellationToken::new()).unwrap_err();
    assert!(matches!(error, CloneError::Timeout { .. }) && error.is_retryable(), "{error:?}");
}

#[test]
fn a_busy_mirror_is_waited_for_until_the_limit() {
    let (fixture, _, second) = two_commits();
    let mirrored = fixture.mirror(None).unwrap();
    let name = format!("{}.lock", mirrored.path.file_name().unwrap().to_str().unwrap());
    let lock = fs::File::options().write(true).open(mirrored.path.with_file_name(name)).unwrap();
    lock.lock().unwrap();
    let mut request = fixture.request(fixture.source_path().to_str().unwrap(), None);
    request.timeout = Duration::from_millis(50);
    let error = mirror(&request, &Credentials::default(), &CancellationToken::new()).unwrap_err();
    assert!(matches!(error, CloneError::Timeout { .. }), "{error:?}");
    drop(lock);
    assert_eq!(fixture.mirror(None).unwrap().commit, second);
}

#[tokio::test]
async fn many_clones_of_one_repo_at_once_agree() {
    let (fixture, first, second) = two_commits();
    let cloner = Cloner::new(fixture.mirrors_dir(), Credentials::default(), 4);
    let (url, first_hex) = (fixture.source_path().to_str().unwrap().to_owned(), first.to_string());
    let cancel = CancellationToken::new();
    let limit = Duration::from_secs(600);
    let clones = (0..8).map(|n| {
        let rev = (n % 2 == 0).then_some(first_hex.as_str());
        cloner.mirror(&url, rev, limit, &cancel)
    });
    for (n, result) in futures::future::join_all(clones).await.into_iter().enumerate() {
        assert_eq!(result.unwrap().commit, if n % 2 == 0 { first } else { second });
    }
}

#[test]
fn the_source_is_not_written_to() {
    let (fixture, _, _) = two_commits();
    let before = git(fixture.source_path(), &["for-each-ref"]);
    fixture.mirror(None).unwrap();
    assert_eq!(git(fixture.source_path(), &["for-each-ref"]), before);
    assert!(Repository::open(fixture.source_path()).unwrap().find_remote("origin").is_err());
}
