//! What an object refers to: every digest that is written in it.
//!
//! Digests are stored as text, in JSON as in msgpack, and the text stands as it is once an object is unpacked. So
//! reading all of them needs no schema: an older or newer version of a struct, or a field that was added yesterday,
//! keeps alive what it names. A digest that names no object costs a look-up and nothing else.

use schemas::Digest;

use crate::error::{Error, Result};
use crate::seal;

/// Hex digits of a digest.
const DIGITS: usize = 64;

/// Unpacks an object that other objects are found by, after checking what can be checked of it.
///
/// # Errors
/// [`Error::Corrupt`]: it fails its seal or the digest that it is named by, or cannot be unpacked.
pub(super) fn payload(key: &str, stored: &[u8]) -> Result<Vec<u8>> {
    let corrupt = |reason: String| Error::corrupt(key, reason);
    if seal::is_sealed(stored) {
        return seal::unseal(stored).map_err(corrupt);
    }
    if key.ends_with(".json") || key.ends_with("/spec") {
        let parsed = serde_json::from_slice::<serde::de::IgnoredAny>(stored);
        return parsed.map(|_| stored.to_vec()).map_err(|error| corrupt(error.to_string()));
    }
    match digest_in(key) {
        Some(digest) if Digest::of(stored) == digest => seal::unpack(stored).map_err(corrupt),
        Some(_) => Err(corrupt("neither sealed nor the bytes that its name says".to_owned())),
        None => Err(corrupt("not a sealed object".to_owned())),
    }
}

/// The digest that an object is named by, as in `results/<digest>` or `tensors/<digest>.safetensors`.
pub(crate) fn digest_in(key: &str) -> Option<Digest> {
    let name = key.rsplit('/').next()?;
    name.split('.').next()?.parse().ok()
}

/// Calls `found` with each digest that is written in `payload`. In a longer run of hex digits, that is each window of
/// it: in msgpack the next value may begin with a byte that looks like a digit.
pub(super) fn each_digest(payload: &[u8], mut found: impl FnMut(Digest)) {
    let mut run_at = 0;
    for (at, byte) in payload.iter().enumerate() {
        if !matches!(byte, b'0'..=b'9' | b'a'..=b'f') {
            run_at = at + 1;
        } else if at + 1 - run_at >= DIGITS {
            let window = &payload[at + 1 - DIGITS..=at];
            found(Digest::from_bytes(std::array::from_fn(|i| {
                nibble(window[2 * i]) << 4 | nibble(window[2 * i + 1])
            })));
        }
    }
}

fn nibble(digit: u8) -> u8 {
    if digit <= b'9' { digit - b'0' } else { digit - b'a' + 10 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found_in(payload: &[u8]) -> Vec<Digest> {
        let mut digests = Vec::new();
        each_digest(payload, |digest| digests.push(digest));
        digests
    }

    proptest! {
        #[test]
        fn every_digest_is_found_however_it_is_stored(
            rows in prop::collection::vec((any::<[u8; 32]>(), any::<u32>(), any::<Option<[u8; 32]>>()), 0..20)
        ) {
            let of = Digest::from_bytes;
            let rows: Vec<(Digest, u32, Option<Digest>)> =
                rows.into_iter().map(|(a, n, b)| (of(a), n, b.map(of))).collect();
            for payload in [
                rmp_serde::to_vec_named(&rows).unwrap(),
                rmp_serde::to_vec(&rows).unwrap(),
                serde_json::to_vec(&rows).unwrap(),
                format!("{rows:?}").into_bytes(),
            ] {
                let found = found_in(&payload);
                for (first, _, second) in &rows {
                    prop_assert!(found.contains(first));
                    prop_assert!(second.is_none_or(|second| found.contains(&second)));
                }
            }
        }

        #[test]
        fn any_bytes_can_be_searched(payload in prop::collection::vec(any::<u8>(), 0..300)) {
            found_in(&payload);
        }
    }

    #[test]
    fn a_digest_is_read_out_of_names_of_every_kind() {
        let digest = Digest::of(b"x");
        for key in [format!("results/{digest}"), format!("tensors/{digest}.safetensors")] {
            assert_eq!(digest_in(&key), Some(digest));
        }
        assert_eq!(digest_in("jobs/job_1/spec"), None);
    }

    #[test]
    fn an_object_that_fails_its_check_is_not_read() {
        let digest = Digest::of(b"x");
        for (key, stored) in [
            (format!("results/{digest}"), &b"torn"[..]),
            ("jobs/j/spec".to_owned(), b"{\"repos\": ["),
            ("jobs/j/repos/0/plan".to_owned(), b""),
        ] {
            assert!(matches!(payload(&key, stored), Err(Error::Corrupt { key: named, .. }) if named == key));
        }
    }
}
