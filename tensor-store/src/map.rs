//! Mapping a file into memory: the only unsafe code of the crate.

use std::fs::File;
use std::io;

use bytes::Bytes;
use memmap2::Mmap;

/// Maps a file of the store. The mapping lives as long as the bytes or any slice of them.
///
/// # Errors
/// What the system says.
pub(crate) fn map(file: &File) -> io::Result<Bytes> {
    #[expect(unsafe_code, reason = "mapping a file is unsafe by nature: others could change it")]
    // SAFETY: objects of a store never change in place. They are written to a staging file that is linked or renamed
    // into place when it is whole, replaced by another rename, and removed by unlinking; each of these leaves the
    // mapped inode as it is for as long as the mapping lives. Whoever truncates files of a store behind its back
    // breaks what the store rests on, and gets a SIGBUS instead of an error here.
    let map = unsafe { Mmap::map(file)? };
    Ok(Bytes::from_owner(map))
}
