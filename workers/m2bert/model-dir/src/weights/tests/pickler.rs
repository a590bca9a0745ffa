//! Writes pickles and archives for tests, good ones and others. The archive is made by a zip library, so that our
//! reader is not tested with its own idea of the format.

use std::io::{Cursor, Write};

use ::zip::write::SimpleFileOptions;
use ::zip::{CompressionMethod, ZipWriter};

/// The entries of a state dict: its pickle and its storages.
pub(super) fn entries<'a>(pickle: &'a [u8], storages: &[(&str, &'a [u8])]) -> Vec<(String, &'a [u8])> {
    let storages = storages.iter().map(|(key, bytes)| (format!("a/data/{key}"), *bytes));
    std::iter::once(("a/data.pkl".to_owned(), pickle)).chain(storages).collect()
}

/// A zip archive of stored entries.
pub(super) fn archive<N: AsRef<str>>(entries: &[(N, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, bytes) in entries {
        writer.start_file(name.as_ref(), options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// The whole pickle of an `OrderedDict` with these items.
pub(super) fn state_dict(items: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let items = items.iter().flat_map(|(name, value)| [text(name), value.clone()].concat());
    [b"\x80\x02", ordered_dict().as_slice(), b"(", &items.collect::<Vec<u8>>(), b"u."].concat()
}

pub(super) fn ordered_dict() -> Vec<u8> {
    b"ccollections\nOrderedDict\n)R".to_vec()
}

/// A tensor of a storage of `n` elements.
pub(super) fn tensor(kind: &str, key: &str, n: i64, offset: i64, shape: &[i64], strides: &[i64]) -> Vec<u8> {
    [
        b"ctorch._utils\n_rebuild_tensor_v2\n((".to_vec(),
        text("storage"),
        format!("ctorch\n{kind}\n").into_bytes(),
        text(key),
        text("cpu"),
        int(n),
        b"tQ".to_vec(),
        int(offset),
        tuple(shape),
        tuple(strides),
        b"\x89".to_vec(),
        ordered_dict(),
        b"tR".to_vec(),
    ]
    .concat()
}

pub(super) fn text(text: &str) -> Vec<u8> {
    [b"X", u32::try_from(text.len()).unwrap().to_le_bytes().as_slice(), text.as_bytes()].concat()
}

fn tuple(items: &[i64]) -> Vec<u8> {
    [b"(".to_vec(), items.iter().flat_map(|item| int(*item)).collect(), b"t".to_vec()].concat()
}

fn int(n: i64) -> Vec<u8> {
    [b"\x8a\x08", n.to_le_bytes().as_slice()].concat()
}
