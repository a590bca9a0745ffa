//! Token counts by blob, for one tokenizer, in a file that survives a restart.
//!
//! The file is a cache: lost or damaged, it costs time. It is a header and records of 32 bytes, appended as they come:
//! blob id (20), count (4, little-endian), check (8). The check covers the tokenizer as well, so that a record that
//! was torn, altered or made by another tokenizer is none. A file with anything in it that is not a record is written
//! anew from what is one.
//!
//! One process at a time has the file, by a lock; another one remembers in memory.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use git2::Oid;
use schemas::Digest;
use tracing::warn;

/// Bytes of a record, and of the header.
const SLOT: usize = 32;
const HEADER: [u8; SLOT] = *b"nightmend token counts 1\n\0\0\0\0\0\0\0";
const OID: usize = 20;
const COUNT: usize = 4;

/// Counts that are remembered at most: 16 MiB on disk and twice that in memory. With one more, it starts anew.
const MAX_COUNTS: usize = 1 << 19;

/// What is remembered of one tokenizer.
#[derive(Debug)]
pub(super) struct Counts {
    /// Digest of all that decides a count, beside the blob.
    maker: Digest,
    known: HashMap<Oid, u32>,
    file: Option<File>,
    max_counts: usize,
}

impl Counts {
    /// Opens the file at `path`, made if it is missing. `maker` is the digest of all that decides a count beside the
    /// blob. If there can be no file, the counts are remembered in memory.
    pub(super) fn open(path: &Path, maker: Digest) -> Self {
        Self::open_bounded(path, maker, MAX_COUNTS)
    }

    fn open_bounded(path: &Path, maker: Digest, max_counts: usize) -> Self {
        let mut counts = Self { maker, known: HashMap::new(), file: None, max_counts };
        if let Err(error) = counts.load(path) {
            warn!(path = %path.display(), %error, "token counts are not kept");
            counts.file = None;
        }
        counts
    }

    /// The tokens of a blob, if they were counted.
    pub(super) fn get(&self, blob: Oid) -> Option<u32> {
        self.known.get(&blob).copied()
    }

    /// Remembers counts of blobs.
    pub(super) fn add(&mut self, new: &BTreeMap<Oid, u32>) {
        let is_full = self.known.len() + new.len() > self.max_counts;
        if is_full {
            self.known.clear();
        }
        self.known.extend(new.iter().take(self.max_counts).map(|(oid, n_tokens)| (*oid, *n_tokens)));
        let written = if is_full { self.rewrite() } else { self.append(new) };
        if let Err(error) = written {
            warn!(%error, "token counts are no longer kept");
            self.file = None;
        }
    }

    fn load(&mut self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = File::options().read(true).append(true).create(true).open(path)?;
        file.try_lock()?;
        let mut bytes = Vec::new();
        let max_bytes = (self.max_counts + 1) * SLOT;
        Read::by_ref(&mut file).take(max_bytes as u64 + 1).read_to_end(&mut bytes)?;
        self.file = Some(file);
        let is_whole = bytes.len() <= max_bytes && self.take(&bytes);
        if is_whole { Ok(()) } else { self.rewrite() }
    }

    /// Takes what is a record. Returns whether there was nothing else.
    fn take(&mut self, bytes: &[u8]) -> bool {
        let Some(records) = bytes.strip_prefix(&HEADER) else { return false };
        let mut is_whole = true;
        for slot in records.chunks(SLOT) {
            match self.parse(slot) {
                Some((oid, n_tokens)) => {
                    self.known.insert(oid, n_tokens);
                }
                None => is_whole = false,
            }
        }
        is_whole
    }

    fn parse(&self, slot: &[u8]) -> Option<(Oid, u32)> {
        let (oid, rest) = slot.split_at_checked(OID)?;
        let (oid, n_tokens) = (Oid::from_bytes(oid).ok()?, rest.first_chunk::<COUNT>()?);
        let n_tokens = u32::from_le_bytes(*n_tokens);
        (slot == self.record(oid, n_tokens)).then_some((oid, n_tokens))
    }

    fn record(&self, oid: Oid, n_tokens: u32) -> [u8; SLOT] {
        let claim = [oid.as_bytes(), &n_tokens.to_le_bytes()].concat();
        let check = Digest::of(&[self.maker.as_bytes(), claim.as_slice()].concat());
        let mut record = [0; SLOT];
        record[..OID + COUNT].copy_from_slice(&claim);
        record[OID + COUNT..].copy_from_slice(&check.as_bytes()[..SLOT - OID - COUNT]);
        record
    }

    fn append(&mut self, new: &BTreeMap<Oid, u32>) -> io::Result<()> {
        let records: Vec<u8> = new.iter().flat_map(|(oid, n_tokens)| self.record(*oid, *n_tokens)).collect();
        self.file.as_mut().map_or(Ok(()), |file| file.write_all(&records))
    }

    /// Writes the file anew.
    fn rewrite(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.set_len(0)?;
        file.write_all(&HEADER)?;
        self.append(&self.known.iter().map(|(oid, n_tokens)| (*oid, *n_tokens)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn blob(n: u8) -> Oid {
        Oid::from_bytes(&[n; OID]).unwrap()
    }

    fn maker() -> Digest {
        Digest::of(b"tokenizer")
    }

    fn some(blobs: std::ops::Range<u8>) -> BTreeMap<Oid, u32> {
        blobs.map(|n| (blob(n), u32::from(n) * 10)).collect()
    }

    #[test]
    fn counts_survive_and_are_one_tokenizer_s() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("made/a.counts");
        let mut counts = Counts::open(&path, maker());
        counts.add(&some(0..3));
        counts.add(&some(3..5));
        drop(counts);
        let counts = Counts::open(&path, maker());
        assert_eq!(
            (0..6).map(|n| counts.get(blob(n))).collect::<Vec<_>>(),
            [Some(0), Some(10), Some(20), Some(30), Some(40), None]
        );
        drop(counts);
        assert_eq!(fs::metadata(&path).unwrap().len(), 6 * SLOT as u64);
        let other = Counts::open(&path, Digest::of(b"another"));
        assert!((0..6).all(|n| other.get(blob(n)).is_none()));
    }

    #[test]
    fn a_second_process_remembers_in_memory() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.counts");
        let first = Counts::open(&path, maker());
        let mut second = Counts::open(&path, maker());
        second.add(&some(0..3));
        assert_eq!((second.get(blob(2)), first.get(blob(2))), (Some(20), None));
        drop((first, second));
        assert_eq!(fs::read(&path).unwrap(), HEADER);
    }

    #[test]
    fn a_full_one_starts_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.counts");
        let mut counts = Counts::open_bounded(&path, maker(), 4);
        counts.add(&some(0..3));
        counts.add(&some(3..5));
        assert_eq!((counts.get(blob(0)), counts.get(blob(4))), (None, Some(40)));
        counts.add(&some(0..9));
        drop(counts);
        assert_eq!(fs::metadata(&path).unwrap().len(), 5 * SLOT as u64);
        assert_eq!(Counts::open_bounded(&path, maker(), 4).known.len(), 4);
        assert_eq!(Counts::open_bounded(&path, maker(), 3).known.len(), 0);
    }

    #[test]
    fn a_place_that_cannot_be_written_costs_only_time() {
        let mut counts = Counts::open(Path::new("/proc/no/such/place.counts"), maker());
        counts.add(&some(0..2));
        assert_eq!(counts.get(blob(1)), Some(10));
    }

    proptest! {
        #[test]
        fn damage_loses_counts_and_never_makes_any(
            at in 0_usize..6 * SLOT,
            flip in 1_u8..,
            keep in 0_usize..=6 * SLOT,
            tail in prop::collection::vec(any::<u8>(), 0..70),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("a.counts");
            let mut counts = Counts::open(&path, maker());
            counts.add(&some(0..5));
            drop(counts);
            let mut bytes = fs::read(&path).unwrap();
            bytes[at] ^= flip;
            bytes.truncate(keep);
            bytes.extend(tail);
            fs::write(&path, bytes).unwrap();

            let mut counts = Counts::open(&path, maker());
            for n in 0..5 {
                prop_assert!(counts.get(blob(n)).is_none_or(|n_tokens| n_tokens == u32::from(n) * 10));
            }
            prop_assert!(counts.known.len() <= 5);
            // What is added behind the damage is found again.
            counts.add(&some(7..8));
            let n_known = counts.known.len();
            drop(counts);
            let counts = Counts::open(&path, maker());
            prop_assert_eq!((counts.get(blob(7)), counts.known.len()), (Some(70), n_known));
        }
    }
}
