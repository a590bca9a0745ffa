//! The `tokenizers` crate is the judge: the same ids and places for any text.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::spans::whole_characters;
use super::*;
use crate::init::{default_corpus, train_tokenizer};

/// A stored tokenizer: large enough for words of several tokens, and for words of one.
static STORED: LazyLock<Value> = LazyLock::new(|| {
    let json = train_tokenizer(&default_corpus(), 1500).unwrap();
    serde_json::from_str(&json).unwrap()
});

static BOTH: LazyLock<(tokenizers::Tokenizer, ByteBpe)> = LazyLock::new(|| {
    let mut library = library(&STORED);
    let bpe = ByteBpe::of(&library).expect("what `init` makes is byte-level BPE");
    // Our spans have no special tokens around them and keep white space.
    library.with_post_processor(None::<tokenizers::PostProcessorWrapper>);
    (library, bpe)
});

fn library(stored: &Value) -> tokenizers::Tokenizer {
    stored.to_string().parse().unwrap()
}

/// Ids and spans of both, ours second.
fn tokens_of_both(text: &str) -> [Vec<(u32, Range<usize>)>; 2] {
    let (library, bpe) = &*BOTH;
    let encoding = library.encode(text, false).unwrap();
    let spans = encoding.get_offsets().iter().map(|&(start, end)| start..end);
    let theirs = encoding.get_ids().iter().copied().zip(spans).collect();
    let mut ours = Vec::new();
    bpe.for_each_token(text, |id, span| ours.push((id, whole_characters(text, span))));
    [theirs, ours]
}

/// Pieces of text at which the expression, the merges or the added tokens have something to decide.
fn piece() -> impl Strategy<Value = String> {
    let spelled = [
        "'s",
        "'ll",
        "'re",
        "'v",
        "'Ve",
        "''",
        "fn ",
        "return",
        "tokenizer",
        " self.",
        "ÀÉ",
        "é",
        "e\u{301}",
        "你好",
        "ʰª",
        "²",
        "Ⅷ",
        "٣",
        "½",
        "𝒳",
        "🦀",
        "[SEP]",
        "[CLS]",
        "[SEP",
        "[[MASK]]",
        "\u{200b}",
        "//",
        "=>",
        "_",
        "\u{0}",
        "\u{10ffff}",
        "0x7f",
        "1_000",
    ];
    let space = [" ", " ", "\t", "\n", "\r\n", "\u{a0}", "\u{3000}", "\u{2028}", "\u{85}", "\u{1c}"];
    prop_oneof![
        4 => proptest::sample::select(spelled.to_vec()).prop_map(str::to_owned),
        3 => proptest::collection::vec(proptest::sample::select(space.to_vec()), 1..6)
            .prop_map(|run| run.concat()),
        2 => "[a-zA-Z]{1,30}",
        1 => "[ -~]{1,20}",
        1 => any::<String>(),
        1 => (any::<char>(), 1_usize..200).prop_map(|(character, n)| character.to_string().repeat(n)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn every_text_has_the_tokens_of_the_library(pieces in proptest::collection::vec(piece(), 0..20)) {
        let [theirs, ours] = tokens_of_both(&pieces.concat());
        prop_assert_eq!(ours, theirs);
    }
}

#[test]
fn code_has_the_tokens_of_the_library() {
    for text in default_corpus().iter().map(String::as_str).chain([include_str!("tests.rs")]) {
        let [theirs, ours] = tokens_of_both(text);
        assert_eq!(ours, theirs);
    }
}

#[test]
fn a_long_word_is_merged_in_reasonable_time() {
    let [theirs, ours] = tokens_of_both(&"tokenizer".repeat(5_000));
    assert_eq!(ours, theirs);
}

#[test]
fn a_tokenizer_with_another_feature_is_left_to_the_library() {
    let with = |pointer: &str, value: Value| {
        let mut stored = STORED.clone();
        *stored.pointer_mut(pointer).unwrap() = value;
        ByteBpe::of(&library(&stored))
    };
    assert!(with("/model/dropout", Value::Null).is_some());
    for (pointer, value) in [
        ("/model/dropout", json!(0.1)),
        ("/model/ignore_merges", json!(true)),
        ("/model/end_of_word_suffix", json!("</w>")),
        ("/pre_tokenizer/add_prefix_space", json!(true)),
        ("/pre_tokenizer/use_regex", json!(false)),
        ("/pre_tokenizer", Value::Null),
        ("/normalizer", json!({"type": "NFC"})),
        ("/added_tokens/2/lstrip", json!(true)),
        ("/added_tokens/2/single_word", json!(true)),
        ("/added_tokens/2/normalized", json!(true)),
    ] {
        assert!(with(pointer, value).is_none(), "{pointer}");
    }
}
