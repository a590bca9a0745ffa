//! Training a byte-level BPE tokenizer, the kind that keeps case and indentation.

use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{AddedToken, TokenizerBuilder};

use crate::{Error, TOKENIZER_FILE};

/// The special tokens, in the order of their ids; the first one pads.
const SPECIAL: [&str; 5] = ["[PAD]", "[CLS]", "[SEP]", "[MASK]", "[UNK]"];

/// Trains a tokenizer of at most `vocab_size` entries on `texts` and returns its `tokenizer.json`.
///
/// Deterministic: ties between merges are broken by id, and ids follow from the texts.
///
/// # Errors
/// [`Error::Tokenizer`] with the reason of the `tokenizers` crate.
pub(crate) fn train_tokenizer(texts: &[String], vocab_size: usize) -> Result<String, Error> {
    train(texts, vocab_size)
        .map_err(|error| Error::Tokenizer { path: TOKENIZER_FILE.into(), reason: error.to_string() })
}

fn train(texts: &[String], vocab_size: usize) -> tokenizers::Result<String> {
    // No space is put in front of a text: the first line of a file is not special.
    let bytes = ByteLevel::default().add_prefix_space(false);
    let mut tokenizer = TokenizerBuilder::<
        BPE,
        tokenizers::NormalizerWrapper,
        ByteLevel,
        TemplateProcessing,
        ByteLevel,
    >::new()
    .with_model(BPE::default())
    .with_normalizer(None)
    .with_pre_tokenizer(Some(bytes))
    .with_post_processor(None)
    .with_decoder(Some(bytes))
    .build()?;
    let mut trainer = BpeTrainer::builder()
        .show_progress(false)
        .vocab_size(vocab_size)
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .special_tokens(SPECIAL.map(|token| AddedToken::from(token, true)).to_vec())
        .build();
    tokenizer.train(&mut trainer, texts.iter())?;
    let around = TemplateProcessing::builder()
        .try_single("[CLS] $A [SEP]")?
        .special_tokens(vec![("[CLS]", 1), ("[SEP]", 2)])
        .build()?;
    tokenizer.with_post_processor(Some(around));
    tokenizer.to_string(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(json: &str, text: &str) -> Vec<u32> {
        let tokenizer: tokenizers::Tokenizer = json.parse().unwrap();
        tokenizer.encode(text, true).unwrap().get_ids().to_vec()
    }

    #[test]
    fn text_stands_between_cls_and_sep_and_comes_back() {
        let json = train_tokenizer(&["while True:\n    pass\n".repeat(3)], 400).unwrap();
        let text = "while True:\n\tünïcode = '\u{1F980}'\r\n";
        let ids = ids(&json, text);
        assert_eq!((ids[0], ids[ids.len() - 1]), (1, 2));
        let tokenizer: tokenizers::Tokenizer = json.parse().unwrap();
        assert_eq!(tokenizer.decode(&ids, true).unwrap(), text);
    }

    #[test]
    fn training_is_deterministic() {
        let texts = [include_str!("tokenizer.rs").to_owned(), include_str!("mod.rs").to_owned()];
        let first = train_tokenizer(&texts, 700).unwrap();
        for _ in 0..3 {
            assert_eq!(train_tokenizer(&texts, 700).unwrap(), first);
        }
    }

    #[test]
    fn a_small_corpus_gives_a_small_vocabulary() {
        let json = train_tokenizer(&["aaaa".to_owned()], 8192).unwrap();
        let n_tokens = super::super::count_vocabulary(&json);
        assert!((SPECIAL.len() + 256..300).contains(&n_tokens), "{n_tokens}");
    }
}
