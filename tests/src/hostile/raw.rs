//! A bare repository written object by object and byte by byte: no check of libgit2 stands between a test and what a
//! stranger could have written.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::write::ZlibEncoder;
use flate2::{Compress, Compression, FlushCompress};
use git2::{ObjectType, Oid, Repository, RepositoryInitOptions};

/// Modes as trees hold them.
pub const FILE: u32 = 0o100_644;
/// A folder.
pub const FOLDER: u32 = 0o040_000;
/// A symbolic link.
pub const LINK: u32 = 0o120_000;
/// A commit of another repository.
pub const GITLINK: u32 = 0o160_000;

/// One entry of a tree: mode, name, object.
pub type Entry<'a> = (u32, &'a [u8], Oid);

/// A bare repository.
pub struct Source {
    /// For whatever git2 does without checks.
    pub repo: Repository,
}

impl Source {
    /// Makes an empty one whose HEAD names `main`.
    #[must_use]
    pub fn empty(dir: &Path) -> Self {
        let mut options = RepositoryInitOptions::new();
        options.bare(true).initial_head("main").external_template(false);
        Self { repo: Repository::init_opts(dir, &options).unwrap() }
    }

    /// A file below the repository's folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.repo.path().join(name)
    }

    /// What is submitted.
    #[must_use]
    pub fn url(&self) -> String {
        self.repo.path().to_str().unwrap().trim_end_matches('/').to_owned()
    }

    /// Writes a file below the repository's folder.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Writes a blob.
    #[must_use]
    pub fn blob(&self, bytes: impl AsRef<[u8]>) -> Oid {
        self.repo.blob(bytes.as_ref()).unwrap()
    }

    /// Writes a tree with its entries in the given order.
    #[must_use]
    pub fn tree(&self, entries: &[Entry<'_>]) -> Oid {
        self.object(ObjectType::Tree, &tree_bytes(entries))
    }

    /// Writes an object as it is.
    #[must_use]
    pub fn object(&self, kind: ObjectType, bytes: &[u8]) -> Oid {
        self.repo.odb().unwrap().write(kind, bytes).unwrap()
    }

    /// Writes a commit of a tree, which need not exist, and makes it `main`.
    pub fn commit(&self, tree: Oid) -> Oid {
        self.commit_with(tree, b"change\n")
    }

    /// The same with a message.
    pub fn commit_with(&self, tree: Oid, message: &[u8]) -> Oid {
        let who = "A <a@example.org> 1700000000 +0000";
        let head = format!("tree {tree}\nauthor {who}\ncommitter {who}\n\n");
        let commit = self.object(ObjectType::Commit, &[head.as_bytes(), message].concat());
        self.write("refs/heads/main", format!("{commit}\n"));
        commit
    }

    /// Makes a commit of these entries at the root.
    pub fn commit_entries(&self, entries: &[Entry<'_>]) -> Oid {
        self.commit(self.tree(entries))
    }

    /// Where an object lies that was written by itself.
    #[must_use]
    pub fn loose(&self, oid: Oid) -> PathBuf {
        let hex = oid.to_string();
        self.path("objects").join(&hex[..2]).join(&hex[2..])
    }

    /// Puts bytes in the place of an object, whatever its name says.
    pub fn forge(&self, oid: Oid, kind: ObjectType, bytes: &[u8]) {
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
        write!(packed, "{} {}\0", kind.str(), bytes.len()).unwrap();
        packed.write_all(bytes).unwrap();
        self.put_loose(oid, &packed.finish().unwrap());
    }

    fn put_loose(&self, oid: Oid, bytes: &[u8]) {
        let path = self.loose(oid);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::remove_file(&path).ok();
        fs::write(path, bytes).unwrap();
    }

    /// Writes the blob of 2 GiB of zeros as a loose object of two megabytes.
    #[must_use]
    pub fn zeros_loose(&self) -> Oid {
        let oid = Oid::from_str(ZEROS_ID).unwrap();
        self.put_loose(oid, &zeros_zlib());
        oid
    }

    /// Writes the same blob as a delta in a pack: 64 KiB, copied 32,768 times.
    #[must_use]
    pub fn zeros_delta(&self) -> Oid {
        let oid = Oid::from_str(ZEROS_ID).unwrap();
        let base = vec![0; COPIED];
        let mut delta = [size(COPIED as u64), size(ZEROS)].concat();
        // Copy from offset 0, size 0: that is 64 KiB.
        delta.resize(delta.len() + (ZEROS as usize / COPIED), 0x80);
        let mut pack = Pack::default();
        pack.add(Some(Oid::hash_object(ObjectType::Blob, &base).unwrap()), 3, &[], &base);
        pack.add_delta(Some(oid), &delta);
        pack.write(self);
        oid
    }

    /// Writes a blob as the last of a chain of `n` deltas.
    #[must_use]
    pub fn chain(&self, n: usize) -> Oid {
        let text = |i: usize| format!("var step = {i:09};\n").into_bytes();
        let mut pack = Pack::default();
        pack.add(None, 3, &[], &text(0));
        let last = Oid::hash_object(ObjectType::Blob, &text(n)).unwrap();
        for i in 1..=n {
            let text = text(i);
            let length = u8::try_from(text.len()).unwrap();
            let delta = [&size(text.len() as u64)[..], &size(text.len() as u64), &[length], &text].concat();
            pack.add_delta((i == n).then_some(last), &delta);
        }
        pack.write(self);
        last
    }
}

/// The bytes of a tree object.
#[must_use]
pub fn tree_bytes(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut raw = Vec::new();
    for (mode, name, oid) in entries {
        raw.extend_from_slice(format!("{mode:o} ").as_bytes());
        raw.extend_from_slice(name);
        raw.push(0);
        raw.extend_from_slice(oid.as_bytes());
    }
    raw
}

/// Bytes of the large blob.
pub const ZEROS: u64 = 2 << 30;
/// `head -c 2147483648 /dev/zero | git hash-object --stdin`
const ZEROS_ID: &str = "77e9132b46cb9535f286f18974872f40049d1a89";
/// What one instruction of a delta copies.
const COPIED: usize = 64 << 10;

/// The loose object of [`ZEROS`] zeros: one compressed megabyte, repeated, since each ends at a byte and refers to
/// nothing before it.
fn zeros_zlib() -> Vec<u8> {
    let header = format!("blob {ZEROS}\0");
    let mut bytes = vec![0x78, 0x01];
    bytes.extend(deflated(header.as_bytes(), FlushCompress::Full));
    let megabyte = deflated(&vec![0; 1 << 20], FlushCompress::Full);
    (0..ZEROS >> 20).for_each(|_| bytes.extend_from_slice(&megabyte));
    bytes.extend(deflated(&[], FlushCompress::Finish));
    let (mut a, mut b) = (1_u64, 0_u64);
    for byte in header.bytes() {
        a = (a + u64::from(byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    // Zeros leave `a` as it is and add it to `b` each time.
    b = (b + a * (ZEROS % 65_521)) % 65_521;
    bytes.extend(u32::try_from(b << 16 | a).unwrap().to_be_bytes());
    bytes
}

fn deflated(bytes: &[u8], flush: FlushCompress) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() / 100 + 100);
    Compress::new(Compression::best(), false).compress_vec(bytes, &mut out, flush).unwrap();
    out
}

/// A pack in the making. Its check sums are zeros, which libgit2 compares only with each other.
#[derive(Default)]
struct Pack {
    body: Vec<u8>,
    /// What the index lists, and the header counts. Objects without a name are bases of deltas only.
    named: Vec<(Oid, u32)>,
    last_at: usize,
}

/// `PACK`, version, number of objects.
const HEADER: usize = 12;

impl Pack {
    fn add(&mut self, oid: Option<Oid>, kind: u8, before: &[u8], bytes: &[u8]) {
        let at = HEADER + self.body.len();
        self.named.extend(oid.map(|oid| (oid, u32::try_from(at).unwrap())));
        self.last_at = at;
        let mut n = bytes.len() as u64;
        let mut byte = kind << 4 | (n & 15) as u8;
        n >>= 4;
        while n > 0 {
            self.body.push(byte | 0x80);
            byte = (n & 127) as u8;
            n >>= 7;
        }
        self.body.push(byte);
        self.body.extend_from_slice(before);
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(bytes).unwrap();
        self.body.extend(packed.finish().unwrap());
    }

    /// A delta against the object that was added before.
    fn add_delta(&mut self, oid: Option<Oid>, delta: &[u8]) {
        let mut distance = HEADER + self.body.len() - self.last_at;
        let mut offset = vec![(distance & 127) as u8];
        distance >>= 7;
        while distance > 0 {
            distance -= 1;
            offset.insert(0, 0x80 | (distance & 127) as u8);
            distance >>= 7;
        }
        self.add(oid, 6, &offset, delta);
    }

    fn write(mut self, source: &Source) {
        self.named.sort_unstable();
        let n_objects = u32::try_from(self.named.len()).unwrap().to_be_bytes();
        let mut pack = [&b"PACK\0\0\0\x02"[..], &n_objects, &self.body].concat();
        pack.extend([0; 20]);
        let mut index = b"\xfftOc\0\0\0\x02".to_vec();
        for first in 0..=255_u8 {
            let n = self.named.iter().filter(|(oid, _)| oid.as_bytes()[0] <= first).count();
            index.extend(u32::try_from(n).unwrap().to_be_bytes());
        }
        self.named.iter().for_each(|(oid, _)| index.extend_from_slice(oid.as_bytes()));
        self.named.iter().for_each(|_| index.extend([0; 4]));
        self.named.iter().for_each(|(_, at)| index.extend(at.to_be_bytes()));
        index.extend([0; 40]);
        let name = "objects/pack/pack-0123456789012345678901234567890123456789";
        source.write(&format!("{name}.pack"), pack);
        source.write(&format!("{name}.idx"), index);
    }
}

/// A size as deltas hold it.
fn size(mut n: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while n >= 128 {
        bytes.push((n & 127) as u8 | 0x80);
        n >>= 7;
    }
    bytes.push(n as u8);
    bytes
}
