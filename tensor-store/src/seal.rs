//! The bytes of structs: msgpack with field names, compressed. Where the key is a digest it proves the bytes; where
//! it is a name, a seal in front of them does.
//!
//! ```text
//! 0..4    magic `NMSL`
//! 4       version, 1
//! 5..37   BLAKE3 of everything behind it
//! 37..    one zstd frame, level 1
//! ```
//!
//! The seal covers the compressed bytes: nothing is decompressed before it is known to be what was written, and a
//! changed byte anywhere is an error. Same payload, same bytes.

use std::io;

use schemas::Digest;

const MAGIC: [u8; 4] = *b"NMSL";
const VERSION: u8 = 1;
const DIGEST_AT: usize = 5;
const BODY_AT: usize = DIGEST_AT + 32;

/// Fast and good enough: objects live for days and are read once or twice.
const LEVEL: i32 = 1;

/// The largest payload that is packed or unpacked: a bound on what a hostile object can make a reader allocate. The
/// plan of a repo of a million files is a fifth of it.
pub(crate) const MAX_PAYLOAD: usize = 512 << 20;

/// Compresses a payload; its size is recorded.
///
/// # Errors
/// A reason, if it is over [`MAX_PAYLOAD`] or zstd fails.
pub(crate) fn pack(payload: &[u8]) -> Result<Vec<u8>, String> {
    compress_behind(&[], payload)
}

/// Decompresses what [`pack`] made.
///
/// # Errors
/// A reason: not such a frame, or larger than [`MAX_PAYLOAD`].
pub(crate) fn unpack(frame: &[u8]) -> Result<Vec<u8>, String> {
    let size = zstd::zstd_safe::get_frame_content_size(frame).map_err(|_| "not a zstd frame")?;
    let size = size.ok_or("size of the payload is not recorded")?;
    let n_bytes = usize::try_from(size).ok().filter(|&n_bytes| n_bytes <= MAX_PAYLOAD);
    let n_bytes =
        n_bytes.ok_or_else(|| format!("payload of {size} bytes, at most {MAX_PAYLOAD} are unpacked"))?;
    zstd::bulk::decompress(frame, n_bytes).map_err(|error| error.to_string())
}

/// Compresses a payload and seals it.
///
/// # Errors
/// As [`pack`].
pub(crate) fn seal(payload: &[u8]) -> Result<Vec<u8>, String> {
    let mut head = [0; BODY_AT];
    head[..4].copy_from_slice(&MAGIC);
    head[4] = VERSION;
    let mut sealed = compress_behind(&head, payload)?;
    let digest = Digest::of(&sealed[BODY_AT..]);
    sealed[DIGEST_AT..BODY_AT].copy_from_slice(digest.as_bytes());
    Ok(sealed)
}

/// Whether an object begins as a sealed one does.
pub(crate) fn is_sealed(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Checks the seal and returns the frame behind it, still compressed.
///
/// # Errors
/// A reason.
pub(crate) fn verify(sealed: &[u8]) -> Result<&[u8], String> {
    let (head, body) = sealed.split_at_checked(BODY_AT).ok_or("shorter than a seal")?;
    if head[..4] != MAGIC {
        return Err("not a sealed object".to_owned());
    }
    if head[4] != VERSION {
        return Err(format!("sealed with version {}, this build reads {VERSION}", head[4]));
    }
    if Digest::of(body).as_bytes() != &head[DIGEST_AT..] {
        return Err("digest mismatch".to_owned());
    }
    Ok(body)
}

/// Checks the seal and decompresses the payload.
///
/// # Errors
/// A reason: changed bytes, another version, or as [`unpack`].
pub(crate) fn unseal(sealed: &[u8]) -> Result<Vec<u8>, String> {
    unpack(verify(sealed)?)
}

/// Compresses into one buffer behind `head`.
fn compress_behind(head: &[u8], payload: &[u8]) -> Result<Vec<u8>, String> {
    if payload.len() > MAX_PAYLOAD {
        return Err(format!("{} bytes, at most {MAX_PAYLOAD} can be packed", payload.len()));
    }
    let mut bytes = Vec::with_capacity(head.len() + zstd::zstd_safe::compress_bound(payload.len()));
    bytes.extend_from_slice(head);
    let mut cursor = io::Cursor::new(&mut bytes);
    cursor.set_position(head.len() as u64);
    let mut compressor = zstd::bulk::Compressor::new(LEVEL).map_err(|error| error.to_string())?;
    compressor.compress_to_buffer(payload, &mut cursor).map_err(|error| error.to_string())?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A right seal around any frame: what only a hostile writer makes.
    fn forge(frame: &[u8]) -> Vec<u8> {
        [&MAGIC[..], &[VERSION], Digest::of(frame).as_bytes(), frame].concat()
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_inflated() {
        let mut bomb = pack(&vec![0; 8 << 20]).unwrap();
        assert_eq!(unseal(&forge(&bomb)).unwrap().len(), 8 << 20);
        // Single segment, 4 bytes of content size behind magic and descriptor.
        let claim = bomb.windows(4).position(|window| window == (8_u32 << 20).to_le_bytes()).unwrap();
        bomb[claim..claim + 4].copy_from_slice(&(3_u32 << 30).to_le_bytes());
        assert!(unseal(&forge(&bomb)).unwrap_err().contains("at most"));
        bomb[claim..claim + 4].copy_from_slice(&16_u32.to_le_bytes());
        assert!(unseal(&forge(&bomb)).is_err(), "more than the frame says");
    }

    #[test]
    fn another_version_is_named() {
        let mut sealed = seal(b"x").unwrap();
        sealed[4] = 9;
        assert!(unseal(&sealed).unwrap_err().contains("version 9"));
    }

    proptest! {
        #[test]
        fn a_payload_survives_and_seals_to_the_same_bytes(payload in prop::collection::vec(any::<u8>(), 0..4096)) {
            let sealed = seal(&payload).unwrap();
            prop_assert_eq!(&seal(&payload).unwrap(), &sealed);
            prop_assert_eq!(unseal(&sealed).unwrap(), payload);
        }

        #[test]
        fn a_changed_byte_anywhere_is_an_error(
            payload in prop::collection::vec(any::<u8>(), 0..512),
            place in any::<prop::sample::Index>(),
            flip in 1..=255_u8,
        ) {
            let mut sealed = seal(&payload).unwrap();
            let place = place.index(sealed.len());
            sealed[place] ^= flip;
            prop_assert!(unseal(&sealed).is_err());
        }

        #[test]
        fn what_is_cut_short_is_an_error(
            payload in prop::collection::vec(any::<u8>(), 0..512),
            cut in any::<prop::sample::Index>(),
        ) {
            let sealed = seal(&payload).unwrap();
            prop_assert!(unseal(&sealed[..cut.index(sealed.len())]).is_err());
        }
    }
}
