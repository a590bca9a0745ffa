//! The table of hostile repositories, and what has to become of each.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use git2::{ObjectType, Oid};
use schemas::ledger::SkipReason::{self, LfsPointer, Submodule, Symlink, TooLarge, UnsupportedLanguage};

use super::raw::{Entry, FILE, FOLDER, GITLINK, LINK, Source, tree_bytes};

/// Where a case may lie, and what it tries to reach.
pub struct Place {
    /// Does not exist yet.
    pub dir: PathBuf,
    /// A repository that nobody submitted.
    pub secret: PathBuf,
    /// A file that exists if something of a repository was run.
    pub ran: PathBuf,
}

/// What has to become of a case.
#[derive(Clone, Copy, Debug)]
pub enum Expected {
    /// `submit-job` takes no such address, and says this.
    Refused(&'static str),
    /// The repository fails for a reason that holds this.
    RepoFails(&'static str),
    /// Its ledger.
    Ledger {
        /// Files that workers read.
        scanned: u64,
        /// Entries that are left alone.
        skipped: &'static [(SkipReason, u64)],
        /// What the reasons of failed files hold, in the order of the tree.
        failed: &'static [&'static str],
    },
}

/// One hostile repository.
pub struct Case {
    /// Names it in the table.
    pub name: &'static str,
    /// Makes it and returns what is submitted.
    pub make: fn(&Place) -> String,
    /// What has to become of it.
    pub expected: Expected,
}

const fn scanned(scanned: u64) -> Expected {
    Expected::Ledger { scanned, skipped: &[], failed: &[] }
}

const fn ledger(
    scanned: u64,
    skipped: &'static [(SkipReason, u64)],
    failed: &'static [&'static str],
) -> Expected {
    Expected::Ledger { scanned, skipped, failed }
}

const fn fails(reason: &'static str) -> Expected {
    Expected::RepoFails(reason)
}

const fn case(name: &'static str, make: fn(&Place) -> String, expected: Expected) -> Case {
    Case { name, make, expected }
}

/// Something that a rule mends.
const JS: &[u8] = b"function f() { var a = 1; return a; }\n";

const BAD_NAME: &str = "no work tree can hold";
const TWICE: &str = "two entries of one name";

/// What takes a moment.
pub const QUICK: &[Case] = &[
    case("links that leave the tree or form a circle", links, ledger(1, &[(Symlink, 6)], &[])),
    case(
        "names no work tree can hold",
        impossible_names,
        ledger(1, &[(UnsupportedLanguage, 1)], &[BAD_NAME; 7]),
    ),
    case("two entries of one name", twice, ledger(2, &[(UnsupportedLanguage, 1)], &[TWICE; 5])),
    case("an unsorted tree", unsorted, scanned(3)),
    case("names that differ in case only", cases_of_letters, scanned(3)),
    case("names that are not UTF-8, with line ends, quotes, dashes", odd_names, scanned(8)),
    case("a name of 5,000 bytes", long_name, fails("more than 4096 bytes")),
    case(
        "submodules with ext::, fd:: and file:// addresses",
        submodules,
        ledger(1, &[(Submodule, 3), (UnsupportedLanguage, 1)], &[]),
    ),
    case(
        "pointers to large files, filters in .gitattributes",
        filters,
        ledger(1, &[(LfsPointer, 1), (UnsupportedLanguage, 1)], &[]),
    ),
    case(
        ".gitattributes of a megabyte of patterns",
        many_attributes,
        ledger(200, &[(UnsupportedLanguage, 1)], &[]),
    ),
    case(
        "settings nested a hundred thousand deep",
        deep_settings,
        ledger(1, &[(UnsupportedLanguage, 6)], &[]),
    ),
    case("a blob of 2 GiB in 2 MB", zeros_loose, ledger(1, &[(TooLarge, 1), (UnsupportedLanguage, 1)], &[])),
    case(
        "a delta of 2 GiB in 200 KB",
        zeros_delta,
        ledger(1, &[(TooLarge, 1), (UnsupportedLanguage, 1)], &[]),
    ),
    case("a chain of 10,000 deltas", chain, scanned(1)),
    case("a bomb of shared trees, 10^10 files", bomb, fails("more than 2000000 entries")),
    case("a tree 10,000 levels deep", deep_tree, fails("more than 128 levels deep")),
    case("an object that is not what its name says", damaged, ledger(1, &[], &["is damaged"])),
    case("an object of garbage", garbage, ledger(1, &[], &["is damaged"])),
    case("a missing blob, and a tree as a file", missing_blob, ledger(1, &[], &["is missing", "is a tree"])),
    case("a missing tree", missing_tree, fails("can't be read")),
    case("a tree of garbage", garbage_tree, fails("can't be read")),
    case("a missing root tree", missing_root, fails("object not found")),
    case("a truncated pack", truncated_pack, ledger(1, &[], &["is missing"])),
    case("an index that points anywhere", wrong_index, ledger(1, &[], &["is damaged"])),
    case("no commit", no_commit, fails("is empty")),
    case("HEAD that names nothing", head_nowhere, fails("has no revision `HEAD`")),
    case("refs that form a circle", ref_circle, fails("has no revision `HEAD`")),
    case("refs with odd and long names", odd_refs, scanned(1)),
    case("a tag with a name of 9,000 bytes", long_ref, fails("too short to hold the normalization")),
    case("a branch that looks like an option", |place| odd_refs(place) + "@refs/heads/-x", scanned(1)),
    case("a chain of 2,000 tags", |place| tag_chain(place) + "@chain", scanned(1)),
    case("tags that form a circle", |place| tag_circle(place) + "@circle", fails("can't be fetched")),
    case("a commit with a message of 64 MiB", long_message, fails("has 67")),
    case("a commit with a message of 8 MiB", message, scanned(1)),
    case("hooks, and settings that run programs", programs, scanned(1)),
    case("settings that include themselves", own_include, fails("include depth")),
    case("grafts and replacements", grafts, scanned(1)),
    case("objects borrowed from a secret repository", alternates, fails("borrows objects from another")),
    case("objects linked from a secret repository", linked_objects, fails("leads outside")),
    case("one object linked from a secret repository", linked_object, fails("leads outside")),
    case(".git that leads to a secret repository", git_file, fails("leads outside")),
    case("a work tree that a secret repository does not know", forged_work_tree, fails("leads outside")),
    case("commondir that leads to a secret repository", common_dir, fails("leads outside")),
    case("a pipe as HEAD", pipe, fails("neither a file nor a folder")),
    case("a ref of 4 GiB", huge_ref, fails("larger than 256 MiB")),
    case("a file and no folder", file, fails("is not a git repository")),
    case(
        "an address that runs a program: ext::",
        |_| "ext::sh -c touch% ran".to_owned(),
        fails("is no address of a repository"),
    ),
    case(
        "an address that names a descriptor: fd::",
        |_| "fd::17".to_owned(),
        fails("is no address of a repository"),
    ),
    case(
        "an address that is an option",
        |_| "ssh://-oProxyCommand=touch ran/x".to_owned(),
        Expected::Refused("invalid"),
    ),
    case(
        "a folder that is not there",
        |place| format!("file://{}", place.dir.display()),
        fails("no such repository"),
    ),
    case("sources nested 20,000 deep, each language", deep_sources, ledger(6, &[], &[])),
    case("a megabyte in one line", long_line, ledger(1, &[(SkipReason::Generated, 1)], &[])),
];

/// What takes seconds, and minutes in a debug build.
pub const HEAVY: &[Case] = &[
    case("100,000 files in one folder", many_files, scanned(100_000)),
    case("a tree of 5 million entries", five_million, fails("has 1")),
    case("1,000,000 entries, five times", five_times_a_million, fails("more than 2000000 entries")),
];

fn links(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    let link = |target: &str| source.blob(target);
    source.commit_entries(&[
        (LINK, b".gitattributes", link("/etc/passwd")),
        (LINK, b"a.js", link("b.js")),
        (LINK, b"b.js", link("a.js")),
        (FILE, b"good.js", source.blob(JS)),
        (LINK, b"nightmend.toml", link("/dev/zero")),
        (LINK, b"package.json", link("../../../../etc/passwd")),
        (LINK, b"self.py", link("self.py")),
    ]);
    source.url()
}

fn impossible_names(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    let js = source.blob(JS);
    let inner = source.tree(&[(FILE, b"x.js", js)]);
    source.commit_entries(&[
        (FOLDER, b".", inner),
        (FOLDER, b"..", inner),
        (FOLDER, b".GIT", inner),
        (FOLDER, b".git", inner),
        (FILE, b"../canary.js", js),
        (FILE, b"../canary.md", js),
        (FILE, b"/canary.js", js),
        (FILE, b"a/b.js", js),
        (FILE, b"good.js", js),
    ]);
    source.url()
}

fn twice(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    let js = source.blob(JS);
    let inner = source.tree(&[(FILE, b"x.js", js)]);
    source.commit_entries(&[
        (FILE, b"a.js", js),
        (FILE, b"a.js", source.blob(b"let other;\n")),
        (FOLDER, b"both.js", inner),
        (FILE, b"both.js", js),
        (FOLDER, b"good", inner),
        (FILE, b"good.js", js),
        (FOLDER, b"twice", inner),
        (FILE, b"twice", js),
    ]);
    source.url()
}

fn unsorted(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    let js = source.blob(JS);
    source.commit_entries(&[(FILE, b"c.js", js), (FILE, b"a.js", js), (FILE, b"b.js", js)]);
    source.url()
}

fn cases_of_letters(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    let (js, other) = (source.blob(JS), source.blob(b"var b = 2;\n"));
    let folder = source.tree(&[(FILE, b"x.js", js)]);
    source.commit_entries(&[(FILE, b"A.js", js), (FOLDER, b"B", folder), (FILE, b"a.js", other)]);
    source.url()
}

fn odd_names(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    let js = source.blob(JS);
    let names: [&[u8]; 8] = [
        b"\t\x07\x1b[2J.js",
        b" .js",
        b"\"; touch ran; \".js",
        b"$(touch ran).js",
        b"--exec=touch ran.js",
        b"new\nline.js",
        b"\xe2\x80\xae.js",
        b"\xff\xfe.js",
    ];
    source.commit_entries(&names.map(|name| (FILE, name, js)));
    source.url()
}

fn long_name(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    let js = source.blob(JS);
    let name = [&[b'x'; 5000][..], b".js"].concat();
    source.commit_entries(&[(FILE, &name, js)]);
    source.url()
}

fn submodules(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    let commit = Oid::from_str("1234567890123456789012345678901234567890").unwrap();
    let modules = format!(
        "[submodule \"a\"]\n\tpath = a\n\turl = ext::sh -c touch% {ran}\n\tupdate = !touch {ran}\n\
         [submodule \"b\"]\n\tpath = b\n\turl = fd::17\n\
         [submodule \"../../x\"]\n\tpath = c.js\n\turl = file://{secret}\n",
        ran = place.ran.display(),
        secret = place.secret.display(),
    );
    source.commit_entries(&[
        (FILE, b".gitmodules", source.blob(modules)),
        (GITLINK, b"a", commit),
        (GITLINK, b"b", commit),
        (GITLINK, b"c.js", commit),
        (FILE, b"good.js", source.blob(JS)),
    ]);
    source.url()
}

fn filters(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    let attributes = "[attr]evil filter=evil diff=evil merge=evil\n*.js evil\n*.py filter=lfs\n* text eol=crlf \
                      ident working-tree-encoding=UTF-16 export-subst\n";
    let ran = place.ran.display();
    let config = format!(
        "[core]\n\tbare = true\n[filter \"evil\"]\n\tsmudge = touch {ran}\n\tclean = touch {ran}\n\tprocess = touch {ran}\n\
         [filter \"lfs\"]\n\tsmudge = touch {ran}\n\tprocess = touch {ran}\n\trequired = true\n[diff \"evil\"]\n\tcommand = touch {ran}\n\ttextconv = touch {ran}\n"
    );
    source.write("config", config);
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
    source.commit_entries(&[
        (FILE, b".gitattributes", source.blob(attributes)),
        (FILE, b"good.js", source.blob(JS)),
        (FILE, b"large.py", source.blob(pointer)),
    ]);
    source.url()
}

fn many_attributes(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    let mut attributes = String::new();
    for n in 0.. {
        attributes.push_str(&format!("**/*a*b*c*{n}.py linguist-generated\n"));
        if attributes.len() > (1 << 20) - 100 {
            break;
        }
    }
    let js = source.blob(JS);
    let names: Vec<String> = (0..200).map(|n| format!("{}{n:04}.js", "abc".repeat(20))).collect();
    let mut entries: Vec<Entry<'_>> = vec![(FILE, b".gitattributes", source.blob(attributes))];
    entries.extend(names.iter().map(|name| (FILE, name.as_bytes(), js)));
    source.commit_entries(&entries);
    source.url()
}

fn deep_settings(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    let deep = |open: &str| source.blob(open.repeat(100_000));
    let value = |start: &str, open: &str| source.blob(format!("{start}{}", open.repeat(100_000)));
    source.commit_entries(&[
        (FILE, b"Cargo.toml", value("[package]\nrust-version = ", "[")),
        (FILE, b"go.mod", deep("(")),
        (FILE, b"good.js", source.blob(JS)),
        (FILE, b"package.json", deep("{\"engines\":")),
        (FILE, b"pyproject.toml", value("[project]\nrequires-python = ", "{a=")),
        (FILE, b"setup.cfg", deep("[")),
        (FILE, b"tsconfig.json", deep("[")),
    ]);
    source.url()
}

fn zeros_loose(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    let zeros = source.zeros_loose();
    with_zeros(&source, zeros)
}

fn zeros_delta(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    let zeros = source.zeros_delta();
    with_zeros(&source, zeros)
}

fn with_zeros(source: &Source, zeros: Oid) -> String {
    source.commit_entries(&[
        (FILE, b"good.js", source.blob(JS)),
        (FILE, b"package.json", zeros),
        (FILE, b"zeros.js", zeros),
    ]);
    source.url()
}

fn chain(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    let last = source.chain(10_000);
    source.commit_entries(&[(FILE, b"a.js", last)]);
    source.url()
}

fn bomb(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    let names: Vec<String> = (0..10).map(|n| format!("d{n}")).collect();
    let nest = |mode: u32, oid: Oid| {
        let entries: Vec<Entry<'_>> = names.iter().map(|name| (mode, name.as_bytes(), oid)).collect();
        source.tree(&entries)
    };
    let tree = (0..9).fold(nest(FILE, source.blob(JS)), |tree, _| nest(FOLDER, tree));
    source.commit(tree);
    source.url()
}

fn deep_tree(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    let leaf = source.tree(&[(FILE, b"a.js", source.blob(JS))]);
    source.commit((0..10_000).fold(leaf, |tree, _| source.tree(&[(FOLDER, b"d", tree)])));
    source.url()
}

fn damaged(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    let oid = source.blob(b"let damaged;\n");
    source.forge(oid, ObjectType::Blob, b"let other;\n");
    source.commit_entries(&[(FILE, b"damaged.js", oid), (FILE, b"good.js", source.blob(JS))]);
    source.url()
}

fn garbage(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    let oid = source.blob(b"let garbage;\n");
    fs::remove_file(source.loose(oid)).unwrap();
    fs::write(source.loose(oid), b"no zlib at all").unwrap();
    source.commit_entries(&[(FILE, b"garbage.js", oid), (FILE, b"good.js", source.blob(JS))]);
    source.url()
}

fn missing() -> Oid {
    Oid::from_str("1234567890123456789012345678901234567890").unwrap()
}

fn missing_blob(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    let tree = source.tree(&[]);
    source.commit_entries(&[
        (FILE, b"gone.js", missing()),
        (FILE, b"good.js", source.blob(JS)),
        (FILE, b"tree.js", tree),
    ]);
    source.url()
}

fn missing_tree(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    source.commit_entries(&[(FILE, b"good.js", source.blob(JS)), (FOLDER, b"src", missing())]);
    source.url()
}

fn garbage_tree(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    let tree = source.object(ObjectType::Tree, b"100644 no end");
    source.commit_entries(&[(FILE, b"good.js", source.blob(JS)), (FOLDER, b"src", tree)]);
    source.url()
}

fn missing_root(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    source.commit(missing());
    source.url()
}

const PACK: &str = "objects/pack/pack-0123456789012345678901234567890123456789";

fn truncated_pack(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    let last = source.chain(3);
    let pack = source.path(&format!("{PACK}.pack"));
    let bytes = fs::read(&pack).unwrap();
    fs::write(&pack, &bytes[..bytes.len() / 2]).unwrap();
    source.commit_entries(&[(FILE, b"cut.js", last), (FILE, b"good.js", source.blob(JS))]);
    source.url()
}

fn wrong_index(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    let last = source.chain(3);
    let index = source.path(&format!("{PACK}.idx"));
    let mut bytes = fs::read(&index).unwrap();
    // The offset of its only object, before the two check sums.
    let at = bytes.len() - 44;
    bytes[at..at + 4].copy_from_slice(&0x7fff_fff0_u32.to_be_bytes());
    fs::write(&index, bytes).unwrap();
    source.commit_entries(&[(FILE, b"astray.js", last), (FILE, b"good.js", source.blob(JS))]);
    source.url()
}

fn no_commit(place: &Place) -> String {
    Source::empty(&place.dir).url()
}

/// A repository of one good file.
fn good(place: &Place) -> Source {
    let source = Source::empty(&place.dir);
    source.commit_entries(&[(FILE, b"good.js", source.blob(JS))]);
    source
}

fn head_nowhere(place: &Place) -> String {
    let source = good(place);
    source.write("HEAD", "ref: refs/heads/../../../etc/passwd\n");
    source.url()
}

fn ref_circle(place: &Place) -> String {
    let source = good(place);
    source.write("HEAD", "ref: refs/heads/a\n");
    source.write("refs/heads/a", "ref: refs/heads/b\n");
    source.write("refs/heads/b", "ref: refs/heads/a\n");
    source.url()
}

fn odd_refs(place: &Place) -> String {
    let source = good(place);
    let tip = fs::read_to_string(source.path("refs/heads/main")).unwrap();
    for name in ["-x", "--upload-pack=touch ran", "a b", "x.lock", "$(touch ran)", "\u{202e}", "a..b"] {
        source.write(&format!("refs/heads/{name}"), &tip);
    }
    source.write(&format!("refs/heads/{}", vec!["n".repeat(200); 15].join("/")), &tip);
    source.write("refs/heads/garbage", [0_u8; 4096]);
    source.url()
}

fn long_ref(place: &Place) -> String {
    let source = good(place);
    let tip = fs::read_to_string(source.path("refs/heads/main")).unwrap();
    source.write(
        "packed-refs",
        format!("# pack-refs with: sorted\n{} refs/tags/{}\n", tip.trim(), "t".repeat(9000)),
    );
    source.url()
}

fn tag_of(target: Oid, kind: &str, name: &str) -> String {
    format!("object {target}\ntype {kind}\ntag {name}\ntagger A <a@example.org> 1700000000 +0000\n\nx\n")
}

fn tag_chain(place: &Place) -> String {
    let source = good(place);
    let commit = source.repo.refname_to_id("refs/heads/main").unwrap();
    let mut tag = source.object(ObjectType::Tag, tag_of(commit, "commit", "t").as_bytes());
    for _ in 0..2000 {
        tag = source.object(ObjectType::Tag, tag_of(tag, "tag", "t").as_bytes());
    }
    source.write("refs/tags/chain", format!("{tag}\n"));
    source.url()
}

fn tag_circle(place: &Place) -> String {
    let source = good(place);
    let (one, two) = (missing(), Oid::from_str("2345678901234567890123456789012345678901").unwrap());
    source.forge(one, ObjectType::Tag, tag_of(two, "tag", "t").as_bytes());
    source.forge(two, ObjectType::Tag, tag_of(one, "tag", "t").as_bytes());
    source.write("refs/tags/circle", format!("{one}\n"));
    source.url()
}

fn with_message(place: &Place, n_bytes: usize) -> String {
    let source = Source::empty(&place.dir);
    let tree = source.tree(&[(FILE, b"good.js", source.blob(JS))]);
    source.commit_with(tree, &vec![b'x'; n_bytes]);
    source.url()
}

fn long_message(place: &Place) -> String {
    with_message(place, 64 << 20)
}

fn message(place: &Place) -> String {
    with_message(place, 8 << 20)
}

fn programs(place: &Place) -> String {
    let source = good(place);
    let ran = place.ran.display();
    for hook in
        ["post-checkout", "reference-transaction", "pre-receive", "update", "post-update", "fsmonitor"]
    {
        let name = format!("hooks/{hook}");
        source.write(&name, format!("#!/bin/sh\ntouch {ran}\n"));
        fs::set_permissions(source.path(&name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    source.write("more", format!("[core]\n\teditor = touch {ran}\n"));
    source.write(
        "config",
        format!(
            "[core]\n\tbare = true\n\tfsmonitor = touch {ran}\n\tsshCommand = touch {ran}\n\thooksPath = hooks\n\
             \tgitProxy = touch {ran}\n\taskPass = touch {ran}\n\tpager = touch {ran}\n\
             [include]\n\tpath = more\n\tpath = /dev/zero\n\tpath = /nowhere\n\
             [uploadpack]\n\tpackObjectsHook = touch {ran}\n[credential]\n\thelper = !touch {ran}\n\
             [gpg]\n\tprogram = touch {ran}\n[alias]\n\tlog = !touch {ran}\n\
             [url \"ext::sh -c touch% {ran} \"]\n\tinsteadOf = /\n[protocol]\n\tallow = always\n\
             [pack]\n\twindow = 1000000\n\tdepth = 1000000\n\tthreads = 1000\n"
        ),
    );
    source.url()
}

fn own_include(place: &Place) -> String {
    let source = good(place);
    source.write("config", "[core]\n\tbare = true\n[include]\n\tpath = config\n");
    source.url()
}

fn grafts(place: &Place) -> String {
    let source = good(place);
    let commit = source.repo.refname_to_id("refs/heads/main").unwrap();
    let tree = source.repo.find_commit(commit).unwrap().tree_id();
    let other = source.tree(&[(FILE, b"a.js", source.blob(JS)), (FILE, b"b.js", source.blob(JS))]);
    source.write("info/grafts", format!("{commit} {}\n", missing()));
    source.write(&format!("refs/replace/{tree}"), format!("{other}\n"));
    source.url()
}

/// A repository whose commit needs the objects of the secret one.
fn needing_secret(place: &Place) -> Source {
    let source = Source::empty(&place.dir);
    let secret = git2::Repository::open(&place.secret).unwrap();
    let tree = secret.head().unwrap().peel_to_tree().unwrap().id();
    source.commit(tree);
    source
}

fn alternates(place: &Place) -> String {
    let source = needing_secret(place);
    source.write("objects/info/alternates", format!("{}/objects\n", place.secret.display()));
    source.url()
}

fn linked_objects(place: &Place) -> String {
    let source = good(place);
    fs::remove_dir_all(source.path("objects")).unwrap();
    symlink(place.secret.join("objects"), source.path("objects")).unwrap();
    fs::copy(place.secret.join("refs/heads/main"), source.path("refs/heads/main")).unwrap();
    source.url()
}

fn linked_object(place: &Place) -> String {
    let source = needing_secret(place);
    let tip = git2::Repository::open(&place.secret).unwrap().head().unwrap().peel_to_tree().unwrap().id();
    let hex = tip.to_string();
    fs::create_dir_all(source.loose(tip).parent().unwrap()).unwrap();
    symlink(place.secret.join("objects").join(&hex[..2]).join(&hex[2..]), source.loose(tip)).unwrap();
    source.url()
}

fn url_of(dir: &Path) -> String {
    dir.to_str().unwrap().to_owned()
}

fn git_file(place: &Place) -> String {
    fs::create_dir_all(&place.dir).unwrap();
    fs::write(place.dir.join(".git"), format!("gitdir: {}\n", place.secret.display())).unwrap();
    url_of(&place.dir)
}

fn forged_work_tree(place: &Place) -> String {
    let git_dir = place.dir.join("meta/worktrees/x");
    fs::create_dir_all(&git_dir).unwrap();
    fs::write(place.dir.join(".git"), "gitdir: meta/worktrees/x\n").unwrap();
    fs::write(git_dir.join("commondir"), format!("{}\n", place.secret.display())).unwrap();
    fs::write(git_dir.join("gitdir"), format!("{}/.git\n", place.dir.display())).unwrap();
    fs::write(git_dir.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    url_of(&place.dir)
}

fn common_dir(place: &Place) -> String {
    let source = good(place);
    source.write("commondir", format!("{}\n", place.secret.display()));
    source.url()
}

fn pipe(place: &Place) -> String {
    let source = good(place);
    fs::remove_file(source.path("HEAD")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(source.path("HEAD")).status().unwrap();
    assert!(made.success());
    source.url()
}

fn huge_ref(place: &Place) -> String {
    let source = good(place);
    fs::File::create(source.path("refs/heads/huge")).unwrap().set_len(4 << 30).unwrap();
    source.url()
}

fn file(place: &Place) -> String {
    fs::write(&place.dir, format!("gitdir: {}\n", place.secret.display())).unwrap();
    url_of(&place.dir)
}

fn deep_sources(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    let nested = |start: &str, open: &str, close: &str| {
        // Long lines would look like a tool's.
        let lines = |text: &str| vec![text.repeat(20); 1000].join("\n");
        source.blob(format!("{start}{}1{}\n", lines(open), lines(close)))
    };
    source.commit_entries(&[
        (FILE, b"a.go", nested("package a\nvar x = ", "(", ")")),
        (FILE, b"a.js", nested("x = ", "[", "]")),
        (FILE, b"a.py", nested("x = ", "(", ")")),
        (FILE, b"a.rs", nested("fn f() { let x = ", "{", "}")),
        (FILE, b"a.ts", nested("let x = ", "{a:", "}")),
        (FILE, b"a.tsx", nested("let x = ", "<a>{", "}</a>")),
    ]);
    source.url()
}

fn long_line(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    let text = "x".repeat((1 << 20) - 10);
    let line = source.blob(format!("a = '{text}'\n"));
    source.commit_entries(&[(FILE, b"a.js", line), (FILE, b"a.py", line)]);
    source.url()
}

fn many_files(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    let empty = source.blob(b"");
    let names: Vec<String> = (0..100_000).map(|n| format!("f{n:06}.js")).collect();
    let entries: Vec<Entry<'_>> = names.iter().map(|name| (FILE, name.as_bytes(), empty)).collect();
    source.commit_entries(&entries);
    source.url()
}

/// A tree of `n` text files that are one blob.
fn many_entries(source: &Source, n: usize) -> Oid {
    let blob = source.blob(b"");
    let names: Vec<String> = (0..n).map(|n| format!("{n:07}")).collect();
    let entries: Vec<Entry<'_>> = names.iter().map(|name| (FILE, name.as_bytes(), blob)).collect();
    source.object(ObjectType::Tree, &tree_bytes(&entries))
}

fn five_million(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    source.commit(many_entries(&source, 5_000_000));
    source.url()
}

fn five_times_a_million(place: &Place) -> String {
    let source = Source::empty(&place.dir);
    let million = many_entries(&source, 1_000_000);
    source.commit_entries(&[b"a", b"b", b"c", b"d", b"e"].map(|name| (FOLDER, &name[..], million)));
    source.url()
}
