use proptest::prelude::*;

use super::super::Tokenizer;
use super::super::tests::{CORPUS, tokenizer, tokenizer_of};
use super::*;

/// An uncased WordPiece tokenizer, like the one of the published models but for its few words.
fn uncased() -> Tokenizer {
    let vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "cafe", "na", "##ive", "x", "=", "1"];
    let ids = vocab.iter().zip(0_u32..).map(|(token, id)| ((*token).to_owned(), id.into()));
    tokenizer_of(&serde_json::json!({
        "version": "1.0",
        "added_tokens": [],
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
        "decoder": null,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": ids.collect::<serde_json::Map<_, _>>()},
    }))
}

/// Each token's bytes of the file, special tokens left out.
fn pieces<'a>(row: &SpannedRow, source: &'a [u8]) -> Vec<&'a [u8]> {
    (0..row.ids().len()).filter_map(|index| row.span(index)).map(|span| &source[span]).collect()
}

#[test]
fn spans_are_where_the_text_was_before_it_was_normalized() {
    let source = "  Café\tNA\u{308}I\u{308}VE X=1 \u{4f60}".as_bytes();
    let row = uncased().encode_spanned(source).unwrap();
    assert_eq!(row.ids(), [2, 4, 5, 6, 7, 8, 9, 1, 3]);
    let expected = ["Café", "NA", "I\u{308}VE", "X", "=", "1", "\u{4f60}"];
    assert_eq!(pieces(&row, source), expected.map(str::as_bytes));
    assert_eq!((row.span(0), row.span(8), row.span(9)), (None, None, None));
}

#[test]
fn spans_of_a_file_that_is_not_utf_8_are_places_in_the_file() {
    let tokenizer = tokenizer();
    let source = b"fn\xff\xfe main() \xe2\x82{ let \xf0\x9f\x8d answer\x80";
    let row = tokenizer.encode_spanned(source).unwrap();
    assert_eq!(row.ids(), tokenizer.encode(&String::from_utf8_lossy(source)).unwrap());
    let pieces = pieces(&row, source);
    for piece in [&b"\xff"[..], b"\xfe", b"\xe2\x82", b"\xf0\x9f\x8d", b"\x80", b" answer"] {
        assert!(pieces.contains(&piece), "{piece:x?} in {pieces:x?}");
    }
}

#[test]
fn a_character_of_several_tokens_is_the_span_of_each() {
    let row = tokenizer().encode_spanned("a\u{1F980}b".as_bytes()).unwrap();
    let spans: Vec<_> = (1..7).filter_map(|index| row.span(index)).collect();
    assert_eq!(spans, [0..1, 1..5, 1..5, 1..5, 1..5, 5..6]);
    assert_eq!(row.tokens_over(&(1..2)), 2..6);
}

#[test]
fn an_edit_finds_the_tokens_that_it_touches() {
    let row = SpannedRow::new(vec![1, 10, 11, 12, 2], 1, vec![4..6, 6..9, 10..12]);
    assert_eq!(row.tokens_over(&(5..7)), 1..3);
    assert_eq!(row.tokens_over(&(6..9)), 2..3);
    assert_eq!(row.tokens_over(&(0..100)), 1..4);
    for outside in [0..4, 9..10, 12..20] {
        assert!(row.tokens_over(&outside).is_empty(), "{outside:?}");
    }
    assert_eq!(row.tokens_over(&(6..6)), 1..3);
    assert_eq!(row.tokens_over(&(7..7)), 2..3);
    assert!(row.tokens_over(&(2..2)).is_empty());
}

#[test]
fn windows_have_the_spans_of_the_whole() {
    let (tokenizer, source) = (tokenizer(), CORPUS.as_bytes());
    let whole = tokenizer.encode_spanned(source).unwrap();
    let rows = tokenizer.spanned_windows(source, 16, 2).unwrap();
    let ids: Vec<_> = rows.iter().map(|row| row.ids().to_vec()).collect();
    assert_eq!(ids, tokenizer.encode_windows(CORPUS, 16, 2).unwrap());
    let mut place = 0;
    for row in &rows {
        let (first, last) = (row.span(1).unwrap(), row.span(row.ids().len() - 2).unwrap());
        assert!(first.start <= place && place < last.end);
        place = last.end;
        let edit = first.start..last.end;
        assert_eq!(row.tokens_over(&edit), 1..row.ids().len() - 1);
        let among_all = whole.tokens_over(&edit);
        assert_eq!(whole.ids()[among_all], row.ids()[1..row.ids().len() - 1]);
    }
    assert_eq!(place, source.len());
}

proptest! {
    #[test]
    fn spans_of_a_byte_level_tokenizer_cover_any_file(
        source in prop_oneof![
            any::<String>().prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 0..60),
        ],
    ) {
        let row = tokenizer().encode_spanned(&source).unwrap();
        let mut place = 0;
        for index in 1..row.ids().len() - 1 {
            let span = row.span(index).unwrap();
            prop_assert!(span.start <= place && place <= span.end && !span.is_empty());
            place = span.end;
        }
        prop_assert_eq!(place, source.len());
    }
}
