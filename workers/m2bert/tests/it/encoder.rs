//! The encoder: padding that leaks nothing, padding that must count, and batches it refuses.

use m2bert::Encoder;
use model_dir::{Encode, EncodeError, Encodings, Outputs, Padding, Position, TokenBatch};
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

fn encoder_of_sentences() -> Encoder {
    encoder(Padding::None)
}

fn masked_lm() -> Encoder {
    let config = goldens::config("mlm_tied");
    Encoder::new(goldens::network("mlm_tied", &config, goldens::engines()[0]), Padding::None)
        .with_mask(Some(3))
}

/// The logits of every token of a row: `[n_tokens, V]`.
fn all_logits(encoder: &mut Encoder, row: &[u32]) -> Vec<Vec<f32>> {
    let logits_at = (0..row.len()).map(|token| Position { row: 0, token }).collect();
    let wishes = Outputs { logits_at, ..Outputs::NONE };
    let encodings = encoder.encode(&TokenBatch::new(vec![row.to_vec()]).wanting(wishes)).unwrap();
    assert!(encodings.sentence.is_empty() && encodings.mean.is_empty() && encodings.hidden.is_empty());
    encodings.logits.chunks(256).map(<[f32]>::to_vec).collect()
}

#[test]
fn logits_are_made_at_the_asked_for_positions_in_the_asked_for_order() {
    let mut encoder = masked_lm();
    let rows = vec![vec![9, 8, 7, 6], vec![5, 4], vec![11, 12, 13]];
    let wanted = [(2, 1), (0, 3), (1, 0), (0, 0), (2, 1)].map(|(row, token)| Position { row, token });
    let wishes = Outputs { logits_at: wanted.to_vec(), hidden: true, ..Outputs::NONE };
    let encodings = encoder.encode(&TokenBatch::new(rows.clone()).wanting(wishes)).unwrap();
    assert_eq!(encodings.hidden.len(), 9 * 32);
    assert_eq!(encodings.logits.len(), 5 * 256);
    for (logits, position) in encodings.logits.chunks(256).zip(wanted) {
        let alone = &all_logits(&mut encoder, &rows[position.row])[position.token];
        assert!(difference(logits, alone) < 1e-4);
    }
}

#[test]
fn a_log_likelihood_is_that_of_the_token_under_the_mask() {
    let mut encoder = masked_lm();
    let rows = vec![vec![9, 8, 7, 6, 5], vec![100]];
    let wishes = Outputs { log_likelihoods: true, ..Outputs::NONE };
    let encodings = encoder.encode(&TokenBatch::new(rows.clone()).wanting(wishes)).unwrap();
    assert_eq!(encodings.log_likelihoods.len(), 6);
    let mut scores = encodings.log_likelihoods.iter();
    for row in &rows {
        for (token, id) in row.iter().enumerate() {
            let mut masked = row.clone();
            masked[token] = 3;
            let logits = &all_logits(&mut encoder, &masked)[token];
            let largest = logits.iter().copied().fold(f32::MIN, f32::max);
            let sum: f32 = logits.iter().map(|logit| (logit - largest).exp()).sum();
            let expected = logits[*id as usize] - largest - sum.ln();
            assert!((scores.next().unwrap() - expected).abs() < 1e-3);
        }
    }
}

#[test]
fn wishes_that_cannot_be_are_refused() {
    let mut encoder = masked_lm();
    let batch = || TokenBatch::new(vec![vec![1, 2]]);
    let beyond = Outputs { logits_at: vec![Position { row: 0, token: 2 }], ..Outputs::NONE };
    let error = encoder.encode(&batch().wanting(beyond)).unwrap_err();
    assert!(matches!(error, EncodeError::BadBatch { row: 0, .. }), "{error}");
    let mut unmasked = masked_lm().with_mask(None);
    let scores = Outputs { log_likelihoods: true, ..Outputs::NONE };
    assert!(matches!(unmasked.encode(&batch().wanting(scores)), Err(EncodeError::Unable(_))));
    let logits = Outputs { logits_at: vec![Position { row: 0, token: 0 }], ..Outputs::NONE };
    let no_head = encoder_of_sentences().encode(&batch().wanting(logits));
    assert!(matches!(no_head, Err(EncodeError::Unable(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn many_passes_are_one_pass(rows in rows()) {
        // One pass holds 128 tokens: more rows are more passes.
        let outputs = Outputs { sentence: true, mean: true, hidden: true, ..Outputs::NONE };
        let mut encoder = encoder(Padding::None);
        let together = encoder.encode(&TokenBatch::new(rows.clone()).wanting(outputs.clone())).unwrap();
        prop_assert_eq!(together.n_rows, rows.len());
        let mut apart = Encodings::default();
        for row in &rows {
            apart.append(encoder.encode(&TokenBatch::new(vec![row.clone()]).wanting(outputs.clone())).unwrap());
        }
        prop_assert_eq!(together.n_computed, apart.n_computed);
        prop_assert!(difference(&together.hidden, &apart.hidden) < 1e-4);
        prop_assert!(difference(&together.sentence, &apart.sentence) < 1e-5);
    }

    #[test]
    fn a_sentence_alone_is_the_same_sentence(rows in rows()) {
        let sentence = Outputs { sentence: true, ..Outputs::NONE };
        let mut encoder = encoder(Padding::None);
        let alone = encoder.encode(&TokenBatch::new(rows.clone()).wanting(sentence)).unwrap();
        let beside = encode(&mut encoder, &rows);
        prop_assert!(difference(&alone.sentence, &beside.sentence) < 1e-5);
    }
}
