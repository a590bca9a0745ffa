//! Trees as nobody writes them: whatever they hold, ledger and plan end, add up, and plan no path twice and none that
//! leads out of a work tree. And folders that lead elsewhere: what is refused, and what must not be.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::symlink;

use git2::{ObjectType, Oid};
use orchestrator::clone::CloneError;
use orchestrator::plan::digest_only;
use proptest::prelude::*;
use schemas::job::Limits;
use schemas::ledger::{LedgerSums, Outcome};

use super::fixture::{Entry, Fixture, PlanBy, git};

/// One entry of a hostile tree.
#[derive(Clone, Debug)]
enum Node {
    Blob(Vec<u8>),
    Folder(Vec<(Vec<u8>, u32, Node)>),
    /// An object that is not there.
    Missing,
    /// An object whose bytes are another's.
    Damaged,
    /// A tree object of any bytes.
    Garbage(Vec<u8>),
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    let nasty: Vec<&[u8]> = vec![
        b".",
        b"..",
        b"../x.js",
        b"/x.js",
        b".git",
        b".GIT",
        b".gitattributes",
        b".gitmodules",
        b"a",
        b"a.js",
        b"a/b.js",
        b"package.json",
        b"vendor",
        b"\n.py",
        b"\xff.js",
        b"-x.ts",
    ];
    // The last three often fail the whole repository, so they are rare.
    let fatal: Vec<&[u8]> = vec![b"", b"nightmend.toml", b".nightmend/rules/x.yml"];
    prop_oneof![
        1 => prop::sample::select(fatal).prop_map(<[u8]>::to_vec),
        60 => prop::sample::select(nasty).prop_map(<[u8]>::to_vec),
        20 => prop::collection::vec(1..=255_u8, 1..6),
        40 => "[ab]\\.(js|py|rs|go|md)".prop_map(String::into_bytes),
    ]
}

fn mode() -> impl Strategy<Value = u32> {
    let odd = vec![0o120_000, 0o160_000, 0o100_755, 0, 0o177_777, 0o100_664];
    prop_oneof![2 => Just(0o100_644_u32), 1 => prop::sample::select(odd)]
}

fn blob() -> impl Strategy<Value = Vec<u8>> {
    let texts: Vec<&[u8]> = vec![
        b"",
        b"var a = 1;\n",
        b"version https://git-lfs.github.com/spec/v1\n",
        b"a\0b",
        b"// @generated\n",
        b"*.js linguist-generated\n",
        b"[attr]x linguist-vendored\n* x\n",
        b"exclude = [\"a/**\"]\n",
        b"[[[[",
        b"{\"engines\":{\"node\":\">=",
        b"profile = 3\n",
    ];
    prop_oneof![
        3 => prop::sample::select(texts).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..64),
    ]
}

fn node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        400 => blob().prop_map(Node::Blob),
        30 => Just(Node::Missing),
        30 => Just(Node::Damaged),
        // Fails the whole repository, so it is rare.
        1 => prop::collection::vec(any::<u8>(), 0..80).prop_map(Node::Garbage),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| entries(inner).prop_map(Node::Folder))
}

/// In any order, names as they come, and the mode need not fit the object.
fn entries(node: impl Strategy<Value = Node>) -> impl Strategy<Value = Vec<(Vec<u8>, u32, Node)>> {
    let entry =
        (name(), mode(), any::<prop::sample::Index>(), node).prop_map(|(name, mode, honest, node)| {
            let is_folder = matches!(node, Node::Folder(_) | Node::Garbage(_));
            let is_honest = honest.index(300) > 0;
            let mode = if is_folder == is_honest { 0o040_000 } else { mode };
            (name, mode, node)
        });
    prop::collection::vec(entry, 0..9)
}

fn write(fixture: &Fixture, node: &Node) -> Oid {
    let odb = fixture.source.odb().unwrap();
    match node {
        Node::Blob(bytes) => fixture.blob(bytes),
        Node::Folder(entries) => write_tree(fixture, entries),
        Node::Missing => Oid::from_str("1234567890123456789012345678901234567890").unwrap(),
        Node::Damaged => {
            let (good, bad) = (fixture.blob(b"let good;\n"), fixture.blob(b"let damaged;\n"));
            let loose = |oid: Oid| {
                let hex = oid.to_string();
                fixture.source_path().join("objects").join(&hex[..2]).join(&hex[2..])
            };
            let bytes = fs::read(loose(good)).unwrap();
            fs::remove_file(loose(bad)).unwrap();
            fs::write(loose(bad), bytes).unwrap();
            bad
        }
        Node::Garbage(bytes) => odb.write(ObjectType::Tree, bytes).unwrap(),
    }
}

fn write_tree(fixture: &Fixture, entries: &[(Vec<u8>, u32, Node)]) -> Oid {
    let written: Vec<(&[u8], i32, Oid)> = entries
        .iter()
        .map(|(name, mode, node)| (name.as_slice(), mode.cast_signed(), write(fixture, node)))
        .collect();
    let borrowed: Vec<Entry<'_>> = written.iter().map(|&(name, mode, oid)| (name, mode, oid)).collect();
    fixture.tree(&borrowed)
}

/// A commit of any tree: libgit2's own function checks it.
fn commit(fixture: &Fixture, tree: Oid) {
    let who = "A <a@example.org> 1700000000 +0000";
    let text = format!("tree {tree}\nauthor {who}\ncommitter {who}\n\nchange\n");
    let commit = fixture.source.odb().unwrap().write(ObjectType::Commit, text.as_bytes()).unwrap();
    fixture.source.reference("refs/heads/main", commit, true, "change").unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_tree_is_refused_or_adds_up_and_no_path_is_planned_that_a_patch_cannot_have(root in entries(node())) {
        let fixture = Fixture::empty();
        commit(&fixture, write_tree(&fixture, &root));
        let Ok(mirror) = fixture.mirror(None) else { return Ok(()) };
        let limits = Limits { max_tree_depth: 4, ..Limits::default() };
        let by = PlanBy { limits, ..PlanBy::rules(&["no-var"]) };
        let Ok(plan) = by.plan(&mirror, &mut digest_only) else {
            return Ok(());
        };
        let mut sums = LedgerSums::default();
        plan.entries.iter().for_each(|entry| sums.count(&entry.outcome));
        prop_assert!(sums.adds_up());
        let planned: Vec<u32> = plan.batches.iter().flat_map(|batch| batch.files.clone()).collect();
        let is_scanned = |index: &u32| plan.entries[*index as usize].outcome == Outcome::Scanned;
        let scanned: Vec<u32> = (0..u32::try_from(plan.entries.len()).unwrap()).filter(is_scanned).collect();
        prop_assert_eq!(&planned, &scanned);
        let mut paths = HashSet::new();
        for index in planned {
            let path = plan.entries[index as usize].path.as_bytes();
            prop_assert!(paths.insert(path), "{:?} twice", path);
            for part in path.split(|&byte| byte == b'/') {
                let impossible = matches!(part, b"" | b"." | b"..") || part.eq_ignore_ascii_case(b".git");
                prop_assert!(!impossible, "{:?}", path);
            }
        }
    }
}

fn refused(fixture: &Fixture, url: &str) -> String {
    match fixture.mirror_of(url, None) {
        Err(error @ CloneError::Unfit { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn objects_of_another_repository_are_not_read() {
    let fixture = Fixture::with_files(&[("a.js", "var a;\n")]);
    let work = fixture.dir().join("work");
    let (source, url) =
        (fixture.source_path().to_str().unwrap().to_owned(), work.to_str().unwrap().to_owned());
    git(fixture.dir(), &["clone", "-q", "--shared", &source, &url]);
    let error = refused(&fixture, &url);
    assert!(error.contains("`.git/objects/info/alternates` borrows objects"), "{error}");
    // The remedy that the message names.
    git(&work, &["repack", "-q", "-ad"]);
    fs::remove_file(work.join(".git/objects/info/alternates")).unwrap();
    assert!(fixture.mirror_of(&url, None).is_ok());
}

#[test]
fn links_may_lead_within_the_folder_only() {
    let fixture = Fixture::with_files(&[("a.js", "var a;\n")]);
    let (inside, outside) =
        (fixture.source_path().join("refs/heads/same"), fixture.source_path().join("refs/heads/out"));
    symlink("main", inside).unwrap();
    assert!(fixture.mirror(None).is_ok());
    symlink("/etc/hostname", &outside).unwrap();
    let error = refused(&fixture, fixture.source_path().to_str().unwrap());
    assert!(error.contains("`refs/heads/out` leads outside of it"), "{error}");
}

#[test]
fn submodules_and_work_trees_are_taken_if_their_repository_knows_them() {
    let fixture = Fixture::with_files(&[("a.js", "var a;\n")]);
    let outer = fixture.dir().join("outer");
    let source = fixture.source_path().to_str().unwrap();
    git(fixture.dir(), &["clone", "-q", source, outer.to_str().unwrap()]);
    git(&outer, &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", source, "sub"]);
    let sub = outer.join("sub");
    assert!(sub.join(".git").is_file());
    assert!(fixture.mirror_of(sub.to_str().unwrap(), None).is_ok());
    // The same pointer somewhere else is a stranger's.
    let thief = fixture.dir().join("thief");
    fs::create_dir(&thief).unwrap();
    fs::write(thief.join(".git"), format!("gitdir: {}\n", outer.join(".git/modules/sub").display())).unwrap();
    let error = refused(&fixture, thief.to_str().unwrap());
    assert!(error.contains("`.git` leads outside of it"), "{error}");
}
