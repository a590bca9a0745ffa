//! The encoder: padding that leaks nothing, padding that must count, and batches it refuses.

use m2bert::Encoder;
use model_dir::{Encode, EncodeError, Encodings, Padding, TokenBatch};
use proptest::prelude::*;

use crate::goldens;

fn encoder(padding: Padding) -> Encoder {
    let config = goldens::config("retrieval");
    Encoder::new(goldens::network("retrieval", &config, goldens::engines()[0]), padding)
}

fn encode(encoder: &mut Encoder, rows: &[Vec<u32>]) -> Encodings {
    encoder.encode(&TokenBatch::new(rows.to_vec())).unwrap()
}

fn difference(left: &[f32], right: &[f32]) -> f32 {
    assert_eq!(left.len(), right.len());
    left.iter().zip(right).map(|(left, right)| (left - right).abs()).fold(0.0, f32::max)
}

/// Encodes rows together and one by one and returns the largest difference.
fn batched_against_single(encoder: &mut Encoder, rows: &[Vec<u32>]) -> f32 {
    let together = encode(encoder, rows);
    let mut largest = 0.0_f32;
    for (index, row) in rows.iter().enumerate() {
        let alone = encode(encoder, std::slice::from_ref(row));
        largest = largest.max(difference(together.sentence_of(index), alone.sentence_of(0)));
        largest = largest.max(difference(together.mean_of(index), alone.mean_of(0)));
    }
    largest
}

fn rows() -> impl Strategy<Value = Vec<Vec<u32>>> {
    prop::collection::vec(prop::collection::vec(0_u32..512, 1..=128), 1..=5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn without_padding_a_row_does_not_depend_on_its_batch(rows in rows()) {
        let largest = batched_against_single(&mut encoder(Padding::None), &rows);
        prop_assert!(largest <= 1e-5, "differs by {}", largest);
    }

    #[test]
    fn with_full_padding_a_row_does_not_depend_on_its_batch_either(rows in rows()) {
        let largest = batched_against_single(&mut encoder(Padding::MaxLength), &rows);
        prop_assert!(largest <= 1e-5, "differs by {}", largest);
    }
}

#[test]
fn pads_count_with_full_padding_and_do_not_without() {
    let row = vec![vec![7, 8, 9, 10]];
    let padded: Vec<u32> = row[0].iter().copied().chain(std::iter::repeat_n(0, 124)).collect();
    let mut full = encoder(Padding::MaxLength);
    let explicit = encode(&mut encoder(Padding::None), &[padded]);
    assert!(difference(encode(&mut full, &row).sentence_of(0), explicit.sentence_of(0)) < 1e-5);
    let bare = encode(&mut encoder(Padding::None), &row);
    assert!(difference(encode(&mut full, &row).sentence_of(0), bare.sentence_of(0)) > 0.1);
}

#[test]
fn an_empty_batch_has_no_encodings() {
    assert_eq!(encode(&mut encoder(Padding::None), &[]).n_rows, 0);
}

#[test]
fn bad_rows_are_refused_and_named() {
    let mut encoder = encoder(Padding::None);
    for (bad, reason) in [(vec![], "no tokens"), (vec![1; 129], "129 tokens"), (vec![512], "token id 512")] {
        let error = encoder.encode(&TokenBatch::new(vec![vec![1], bad])).unwrap_err();
        assert!(matches!(error, EncodeError::BadBatch { row: 1, .. }), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
    assert_eq!(encode(&mut encoder, &[vec![1]]).n_rows, 1, "the encoder still works");
}

#[test]
fn a_network_without_pooler_says_so_when_asked() {
    let config = goldens::config("mlm_tied");
    let mut encoder =
        Encoder::new(goldens::network("mlm_tied", &config, goldens::engines()[0]), Padding::None);
    let error = encoder.encode(&TokenBatch::new(vec![vec![1]])).unwrap_err();
    assert!(matches!(error, EncodeError::Unable(_)), "{error}");
}
