//! `pytorch_model.bin`: the golden files, and archives made by hand.

use ::safetensors::Dtype;

use super::pickler::{archive, entries, state_dict, tensor};
use super::*;
use crate::weights::checkpoint::Checkpoint;
use crate::{TORCH_WEIGHTS_FILE, WEIGHTS_FILE, names};

/// Opens the bytes as a `pytorch_model.bin` and reads its one tensor, `x`.
fn read(file: &[u8]) -> Result<(Vec<usize>, Vec<f32>), String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(TORCH_WEIGHTS_FILE);
    std::fs::write(&path, file).unwrap();
    let checkpoint = Checkpoint::open(&path).map_err(|error| error.to_string())?;
    let (name, stored) = &checkpoint.tensors[0];
    assert_eq!(name, "x");
    Ok((stored.shape.clone(), elements::widen(stored.dtype, &checkpoint.elements(stored))))
}

/// A file with the tensor `x` over a storage of the six numbers 0 to 5.
fn viewed(offset: i64, shape: &[i64], strides: &[i64]) -> Result<(Vec<usize>, Vec<f32>), String> {
    let storage: Vec<u8> = (0..6_u8).flat_map(|n| f32::from(n).to_le_bytes()).collect();
    let pickle = state_dict(&[("x", tensor("FloatStorage", "0", 6, offset, shape, strides))]);
    read(&archive(&entries(&pickle, &[("0", &storage)])))
}

#[test]
fn both_forms_of_a_golden_model_are_equal_in_every_tensor() {
    for set in ["retrieval", "mlm_tied"] {
        let (torch, safe) = (golden(set, TORCH_WEIGHTS_FILE), golden(set, WEIGHTS_FILE));
        assert_eq!(torch.heads(), safe.heads());
        assert_eq!((torch.n_parameters(), torch.dtypes()), (safe.n_parameters(), safe.dtypes()));
        let names = names::expected(&config(set), safe.heads());
        assert!(names.len() > 80);
        for name in names.keys() {
            assert_eq!(torch.f32(name).unwrap(), safe.f32(name).unwrap(), "{name}");
        }
    }
}

#[test]
fn what_nobody_needs_is_ignored_and_said_so() {
    let golden = golden("retrieval", TORCH_WEIGHTS_FILE);
    let ignored = &golden.report().ignored;
    assert!(ignored.contains(&"bert.embeddings.position_ids".to_owned()));
    assert!(ignored.iter().filter(|name| name.contains("flashfft")).count() > 4, "{ignored:?}");
}

#[test]
fn weights_that_lie_in_order_are_slices_of_the_file() {
    let checkpoint = Checkpoint::open(&golden_path("retrieval", TORCH_WEIGHTS_FILE)).unwrap();
    for (name, stored) in &checkpoint.tensors {
        assert!(matches!(checkpoint.elements(stored), std::borrow::Cow::Borrowed(_)), "{name}");
    }
}

#[test]
fn views_are_read_in_the_order_of_their_indices() {
    assert_eq!(viewed(0, &[2, 3], &[3, 1]).unwrap(), (vec![2, 3], vec![0., 1., 2., 3., 4., 5.]));
    assert_eq!(viewed(0, &[3, 2], &[1, 3]).unwrap(), (vec![3, 2], vec![0., 3., 1., 4., 2., 5.]));
    assert_eq!(viewed(1, &[2], &[4]).unwrap(), (vec![2], vec![1., 5.]));
    assert_eq!(viewed(5, &[], &[]).unwrap(), (vec![], vec![5.]));
    assert_eq!(viewed(0, &[2, 0], &[1, 1]).unwrap(), (vec![2, 0], vec![]));
    assert_eq!(viewed(3, &[3], &[0]).unwrap(), (vec![3], vec![3., 3., 3.]));
}

#[test]
fn views_beyond_their_storage_are_refused() {
    let huge = i64::MAX;
    for (offset, shape, strides) in [
        (0, vec![7], vec![1]),
        (1, vec![6], vec![1]),
        (7, vec![0], vec![1]),
        (huge, vec![1], vec![1]),
        (0, vec![2], vec![huge]),
        (0, vec![3, 3], vec![huge, huge]),
        (0, vec![huge, huge, huge], vec![0, 0, 0]),
        (0, vec![1000], vec![0]),
        (-1, vec![1], vec![1]),
        (0, vec![-1], vec![1]),
        (0, vec![2], vec![-1]),
        (0, vec![2], vec![]),
        (0, vec![1; 9], vec![1; 9]),
    ] {
        let reason = viewed(offset, &shape, &strides).unwrap_err();
        assert!(reason.contains("`x`") || reason.contains("a size is -1"), "{shape:?}: {reason}");
    }
}

#[test]
fn a_storage_must_be_there_and_as_long_as_it_says() {
    let x = |kind: &str, key: &str, n| state_dict(&[("x", tensor(kind, key, n, 0, &[1], &[1]))]);
    let four = [("0", [0_u8; 16].as_slice())];
    read(&archive(&entries(&x("FloatStorage", "0", 4), &four))).unwrap();
    for (kind, key, n, part) in [
        ("FloatStorage", "1", 4, "data/1, which is missing"),
        ("FloatStorage", "../0", 4, "which is missing"),
        ("FloatStorage", "0", 5, "5 elements of type F32, but data/0 has 16 bytes"),
        ("LongStorage", "0", 4, "4 elements of type I64"),
        ("FloatStorage", "0", i64::MAX, "but data/0 has 16 bytes"),
        ("FloatStorage", "0", -4, "a size is -4"),
    ] {
        let reason = read(&archive(&entries(&x(kind, key, n), &four))).unwrap_err();
        assert!(reason.contains(part), "{part} not in {reason}");
    }
}

#[test]
fn sixteen_bit_storages_are_widened() {
    for (kind, bytes) in [
        ("HalfStorage", half::f16::from_f32(-1.5).to_le_bytes()),
        ("BFloat16Storage", half::bf16::from_f32(-1.5).to_le_bytes()),
    ] {
        let pickle = state_dict(&[("x", tensor(kind, "0", 1, 0, &[1], &[1]))]);
        assert_eq!(read(&archive(&entries(&pickle, &[("0", &bytes)]))).unwrap().1, [-1.5]);
    }
}

#[test]
fn buffers_of_other_types_are_listed_but_are_no_weights() {
    let pickle = state_dict(&[("x", tensor("BoolStorage", "0", 1, 0, &[1], &[1]))]);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(TORCH_WEIGHTS_FILE);
    std::fs::write(&path, archive(&entries(&pickle, &[("0", &[1])]))).unwrap();
    assert_eq!(Checkpoint::open(&path).unwrap().tensors[0].1.dtype, Dtype::BOOL);
    let error = WeightFile::open(&path, &config("retrieval")).unwrap_err().to_string();
    assert!(error.contains("x has type BOOL, not F32, F16 or BF16"), "{error}");
}

#[test]
fn files_that_are_no_plain_archive_are_refused_with_the_reason() {
    let pickle = state_dict(&[]);
    let good = archive(&entries(&pickle, &[]));
    let two = [("a/data.pkl", pickle.as_slice()), ("b/data.pkl", &pickle)];
    let other_order = [("a/data.pkl", pickle.as_slice()), ("a/byteorder", b"big")];
    for (file, part) in [
        (b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.".to_vec(), "before 1.6"),
        (b"\x80\x02}.".to_vec(), "not a zip archive"),
        (Vec::new(), "not a zip archive"),
        (good[..good.len() - 1].to_vec(), "cut off"),
        ([good.as_slice(), b"\0"].concat(), "cut off"),
        (archive(&[("a/other", &pickle)]), "without a data.pkl"),
        (archive(&two), "more than one data.pkl"),
        (archive(&other_order), "another byte order"),
    ] {
        let reason = read(&file).unwrap_err();
        assert!(reason.contains(part), "{part} not in {reason}");
    }
}

#[test]
fn compressed_and_encrypted_entries_are_refused() {
    let good = archive(&entries(&state_dict(&[]), &[]));
    let central = good.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    for (at, value, part) in [(8, 1, "is encrypted"), (10, 8, "is compressed")] {
        let mut file = good.clone();
        file[central + at] = value;
        let reason = read(&file).unwrap_err();
        assert!(reason.contains("a/data.pkl") && reason.contains(part), "{reason}");
    }
}
