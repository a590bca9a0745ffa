//! The directory of a zip archive as `torch.save` writes it: every entry stored as it is, so that
//! its bytes are a range of the file.
//!
//! This is deliberately less than a zip library. Nothing is unpacked, searched for or guessed: the
//! end record closes the file, the directory ends where the end record begins, and nothing is
//! reserved for a number that the file states. A library would look for other end records where
//! one does not fit, and two readers might then see two different models in one file.
//!
//! Check sums are not looked at: `torch.save` can be told to write none. A model directory's digest
//! says whether its files are whole.

use std::collections::BTreeMap;
use std::ops::Range;

/// The entries of an archive: name, and where its bytes lie in the file.
pub(super) type Entries<'a> = BTreeMap<&'a str, Range<usize>>;

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";

const END_LEN: usize = 22;
const END_64_LEN: usize = 56;
const LOCATOR_64_LEN: usize = 20;
const CENTRAL_LEN: usize = 46;
const LOCAL_LEN: usize = 30;

/// A 32-bit field whose value is in the 64-bit extra field instead.
const IN_EXTRA: u64 = 0xFFFF_FFFF;

/// The entries of the archive that `file` is.
///
/// # Errors
/// With the reason, if it is not an archive of stored entries.
pub(super) fn entries(file: &[u8]) -> Result<Entries<'_>, String> {
    let directory = directory(file)?;
    let (mut rest, mut entries) = (&file[directory.clone()], Entries::new());
    while !rest.is_empty() {
        let (entry, behind) = split_entry(rest).ok_or("its zip directory is broken")?;
        let data = entry.data(file, directory.start)?;
        if entries.insert(entry.name, data).is_some() {
            return Err(format!("it has two entries {:?}", entry.name));
        }
        rest = behind;
    }
    Ok(entries)
}

/// Where the central directory lies: from where the end record says, to where the end record begins.
fn directory(file: &[u8]) -> Result<Range<usize>, String> {
    let cut =
        || "its zip directory is missing: the file is cut off, or not as `torch.save` wrote it".to_owned();
    let end = file.len().checked_sub(END_LEN).ok_or_else(cut)?;
    let record = signed(file, end, END).ok_or_else(cut)?;
    let locator = end.checked_sub(LOCATOR_64_LEN).and_then(|at| signed(file, at, LOCATOR_64));
    let (start, behind) = match locator {
        None => (u64_of(record, 16, 4), end),
        Some(locator) => {
            let at = locator_target(locator).ok_or_else(cut)?;
            let fits = at.checked_add(END_64_LEN + LOCATOR_64_LEN) == Some(end);
            let record = signed(file, at, END_64).filter(|_| fits).ok_or_else(cut)?;
            (u64_of(record, 48, 8), at)
        }
    };
    let start = start.and_then(|start| usize::try_from(start).ok()).filter(|start| *start <= behind);
    start.map(|start| start..behind).ok_or_else(cut)
}

fn locator_target(locator: &[u8]) -> Option<usize> {
    usize::try_from(u64_of(locator, 8, 8)?).ok()
}

/// One line of the central directory.
struct Entry<'a> {
    name: &'a str,
    flags: u64,
    method: u64,
    packed_len: u64,
    len: u64,
    header_at: u64,
}

/// The first entry of a central directory, and the entries behind it.
fn split_entry(bytes: &[u8]) -> Option<(Entry<'_>, &[u8])> {
    signed(bytes, 0, CENTRAL)?;
    let field = |at, len| u64_of(bytes, at, len);
    let part = |at: usize, len_at| Some(at..at + field(len_at, 2)? as usize);
    let name = part(CENTRAL_LEN, 28)?;
    let extra = part(name.end, 30)?;
    let comment = part(extra.end, 32)?;
    let mut wide = Wide { fields: zip64_field(bytes.get(extra)?) };
    // In the order in which the extra field lists those that did not fit.
    let len = wide.or_own(field(24, 4)?)?;
    let packed_len = wide.or_own(field(20, 4)?)?;
    let header_at = wide.or_own(field(42, 4)?)?;
    let (flags, method) = (field(8, 2)?, field(10, 2)?);
    let name = std::str::from_utf8(bytes.get(name)?).ok()?;
    Some((Entry { name, flags, method, packed_len, len, header_at }, bytes.get(comment.end..)?))
}

impl Entry<'_> {
    /// Where the bytes of the entry lie: between its own header and the directory.
    fn data(&self, file: &[u8], directory_at: usize) -> Result<Range<usize>, String> {
        if self.flags & 1 != 0 {
            return Err(format!("its entry {:?} is encrypted", self.name));
        }
        if self.method != 0 || self.packed_len != self.len {
            return Err(format!("its entry {:?} is compressed; `torch.save` never does that", self.name));
        }
        self.range(file, directory_at)
            .ok_or_else(|| format!("its entry {:?} is not where it should be", self.name))
    }

    fn range(&self, file: &[u8], directory_at: usize) -> Option<Range<usize>> {
        let at = usize::try_from(self.header_at).ok()?;
        let header = signed(file, at, LOCAL)?;
        let (name_len, extra_len) = (u64_of(header, 26, 2)? as usize, u64_of(header, 28, 2)? as usize);
        let name = header.get(LOCAL_LEN..LOCAL_LEN + name_len)?;
        let start = at.checked_add(LOCAL_LEN + name_len + extra_len)?;
        let end = start.checked_add(usize::try_from(self.len).ok()?)?;
        (name == self.name.as_bytes() && end <= directory_at).then_some(start..end)
    }
}

/// The 64-bit values of an entry, taken one by one.
struct Wide<'a> {
    fields: &'a [u8],
}

impl Wide<'_> {
    /// `own`, unless it says that the next 64-bit value counts.
    fn or_own(&mut self, own: u64) -> Option<u64> {
        if own != IN_EXTRA {
            return Some(own);
        }
        let value = u64_of(self.fields, 0, 8)?;
        self.fields = &self.fields[8..];
        Some(value)
    }
}

/// The body of the zip64 field among the extra fields of an entry; empty if there is none.
fn zip64_field(mut extra: &[u8]) -> &[u8] {
    while let (Some(id), Some(len)) = (u64_of(extra, 0, 2), u64_of(extra, 2, 2)) {
        let Some((body, rest)) = extra[4..].split_at_checked(len as usize) else { break };
        if id == 1 {
            return body;
        }
        extra = rest;
    }
    &[]
}

/// The bytes from `at` on, if they start with `signature`.
fn signed<'a>(bytes: &'a [u8], at: usize, signature: &[u8]) -> Option<&'a [u8]> {
    bytes.get(at..).filter(|rest| rest.starts_with(signature))
}

/// The little-endian number of `len` bytes at `at`.
fn u64_of(bytes: &[u8], at: usize, len: usize) -> Option<u64> {
    let mut word = [0; 8];
    word[..len].copy_from_slice(bytes.get(at..at.checked_add(len)?)?);
    Some(u64::from_le_bytes(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An archive of the one entry `a`, whose directory has its numbers in the given fields.
    fn archive(own: [u32; 3], wide: &[u64]) -> Vec<u8> {
        let mut file = [LOCAL, &[0; 22], &[1, 0, 0, 0], b"a", b"five!"].concat();
        let directory_at = file.len() as u32;
        let [packed_len, len, header_at] = own.map(u32::to_le_bytes);
        let wide: Vec<u8> = wide.iter().flat_map(|value| value.to_le_bytes()).collect();
        // Another extra field first, as many writers have them.
        let extra = [b"UT\x01\0x".as_slice(), b"\x01\0", &(wide.len() as u16).to_le_bytes(), &wide].concat();
        let lens = [1, 0, extra.len() as u8, 0, 0, 0];
        let entry = [CENTRAL, &[0; 16], &packed_len, &len, &lens, &[0; 8], &header_at, b"a", &extra];
        file.extend(entry.concat());
        file.extend([END, &[0; 12], &directory_at.to_le_bytes(), &[0; 2]].concat());
        file
    }

    #[test]
    fn numbers_may_be_in_the_entry_or_in_its_extra_field() {
        for file in [
            archive([5, 5, 0], &[]),
            archive([u32::MAX, u32::MAX, u32::MAX], &[5, 5, 0]),
            archive([5, 5, u32::MAX], &[0]),
            archive([5, u32::MAX, 0], &[5]),
        ] {
            let entries = entries(&file).unwrap();
            assert_eq!(&file[entries["a"].clone()], b"five!");
        }
    }

    #[test]
    fn numbers_that_lead_out_of_the_file_are_refused() {
        for file in [
            archive([u32::MAX, u32::MAX, u32::MAX], &[5, 5]),
            archive([u32::MAX, u32::MAX, 0], &[u64::MAX, u64::MAX]),
            archive([6, 6, 0], &[]),
            archive([5, 5, 1], &[]),
            archive([5, 5, u32::MAX], &[u64::MAX]),
            archive([5, 4, 0], &[]),
        ] {
            entries(&file).unwrap_err();
        }
    }
}
