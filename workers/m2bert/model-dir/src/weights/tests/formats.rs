//! Safetensors files: names, types and shapes.

use ::safetensors::tensor::{TensorView, serialize};
use ::safetensors::{Dtype, SafeTensors};
use half::bf16;

use super::*;
use crate::WEIGHTS_FILE;
use crate::weights::elements::widen;

/// Rewrites the retrieval golden with each (name, type, shape, bytes) passed through `edit`.
fn edited(edit: impl Fn(String, Dtype, Vec<usize>, Vec<u8>) -> Vec<Edited>) -> Result<WeightFile, Error> {
    let bytes = std::fs::read(golden_path("retrieval", WEIGHTS_FILE)).unwrap();
    let all: Vec<Edited> = SafeTensors::deserialize(&bytes)
        .unwrap()
        .tensors()
        .into_iter()
        .flat_map(|(name, view)| edit(name, view.dtype(), view.shape().to_vec(), view.data().to_vec()))
        .collect();
    let views = all.iter().map(|(name, dtype, shape, data)| {
        (name.clone(), TensorView::new(*dtype, shape.clone(), data).unwrap())
    });
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    std::fs::write(&path, serialize(views, None).unwrap()).unwrap();
    WeightFile::open(&path, &config("retrieval"))
}

type Edited = (String, Dtype, Vec<usize>, Vec<u8>);

#[test]
fn published_layouts_are_accepted() {
    assert_eq!(
        golden("retrieval", WEIGHTS_FILE).heads(),
        Heads { pooler: true, masked_lm: false, own_decoder: false }
    );
    assert!(!golden("mlm_tied", WEIGHTS_FILE).heads().own_decoder);
    assert!(golden("mlm_untied", WEIGHTS_FILE).heads().own_decoder);
}

#[test]
fn sixteen_bit_weights_are_widened() {
    let halved = edited(|name, dtype, shape, data| {
        if dtype != Dtype::F32 {
            return vec![(name, dtype, shape, data)];
        }
        let values = widen(dtype, &data);
        let data = values.iter().flat_map(|value| bf16::from_f32(*value).to_le_bytes()).collect();
        vec![(name, Dtype::BF16, shape, data)]
    })
    .unwrap();
    let name = "bert.pooler.dense.weight";
    let (shape, values) = halved.f32(name).unwrap();
    assert_eq!(shape, [64, 64]);
    for (value, exact) in values.iter().zip(golden("retrieval", WEIGHTS_FILE).f32(name).unwrap().1) {
        assert_eq!(*value, bf16::from_f32(exact).to_f32());
    }
    assert_eq!(halved.dtypes().keys().collect::<Vec<_>>(), ["BF16"]);
}

#[test]
fn names_of_wrapped_and_bare_models_are_accepted() {
    edited(|name, dtype, shape, data| {
        vec![(format!("model.{}", name.trim_start_matches("bert.")), dtype, shape, data)]
    })
    .unwrap();
}

#[test]
fn all_differences_are_in_one_error() {
    let error = edited(|name, dtype, shape, data| match name.as_str() {
        "bert.pooler.dense.bias" => vec![],
        "bert.pooler.dense.weight" => vec![(name, dtype, vec![32, 128], data)],
        "bert.embeddings.LayerNorm.bias" => {
            let extra = ("classifier.weight".to_owned(), dtype, shape.clone(), data.clone());
            vec![(name, dtype, shape, data), extra]
        }
        _ => vec![(name, dtype, shape, data)],
    })
    .unwrap_err()
    .to_string();
    for part in [
        "missing bert.pooler.dense.bias",
        "bert.pooler.dense.weight has shape [32, 128], not [64, 64]",
        "unexpected classifier.weight",
        "model.safetensors",
    ] {
        assert!(error.contains(part), "{part} not in {error}");
    }
}

#[test]
fn frequencies_that_disagree_are_refused() {
    let error = edited(|name, dtype, shape, data| {
        let mut all = vec![(name.clone(), dtype, shape.clone(), data.clone())];
        if name.ends_with("layer.0.attention.filter_fn.implicit_filter.1.freq") {
            let mut other = data;
            other[0] ^= 1;
            all.push((name.replace(".1.freq", ".3.freq"), dtype, shape, other));
        }
        all
    })
    .unwrap_err()
    .to_string();
    assert!(error.contains("implicit_filter.3.freq is a second, different"), "{error}");
}

#[test]
fn a_file_that_is_not_safetensors_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    std::fs::write(&path, b"not safetensors at all").unwrap();
    let error = WeightFile::open(&path, &config("retrieval")).unwrap_err();
    assert!(matches!(error, Error::Safetensors { .. }), "{error}");
    let missing = WeightFile::open(&dir.path().join("none"), &config("retrieval")).unwrap_err();
    assert!(matches!(missing, Error::Missing { .. }), "{missing}");
}

#[test]
fn a_tied_decoder_counts_once_however_it_is_stored() {
    let rebuilt = |own: bool| {
        let bytes = std::fs::read(golden_path("mlm_tied", WEIGHTS_FILE)).unwrap();
        let whole = SafeTensors::deserialize(&bytes).unwrap();
        let mut views: Vec<(String, TensorView<'_>)> =
            whole.iter().map(|(name, view)| (name.to_owned(), view)).collect();
        let embeddings = whole.tensor("bert.embeddings.word_embeddings.weight").unwrap();
        let other = vec![0; embeddings.data().len()];
        let matrix = if own { &other } else { embeddings.data() };
        let view = TensorView::new(Dtype::F32, embeddings.shape().to_vec(), matrix).unwrap();
        views.push(("cls.predictions.decoder.weight".to_owned(), view));
        // The bias, too, may be there under its second name.
        let bias = whole.tensor("cls.predictions.decoder.bias").unwrap();
        views.push(("cls.predictions.bias".to_owned(), bias));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(WEIGHTS_FILE);
        std::fs::write(&path, serialize(views, None).unwrap()).unwrap();
        WeightFile::open(&path, &config("mlm_tied")).unwrap()
    };
    let golden = golden("mlm_tied", WEIGHTS_FILE);
    assert_eq!(rebuilt(false).report(), golden.report());
    assert!(rebuilt(true).heads().own_decoder);
}

#[test]
fn biases_of_the_decoder_that_disagree_are_refused() {
    let bytes = std::fs::read(golden_path("mlm_tied", WEIGHTS_FILE)).unwrap();
    let whole = SafeTensors::deserialize(&bytes).unwrap();
    let bias = whole.tensor("cls.predictions.decoder.bias").unwrap();
    let other = vec![0; bias.data().len()];
    let view = TensorView::new(Dtype::F32, bias.shape().to_vec(), &other).unwrap();
    let views: Vec<_> = whole.iter().chain([("cls.predictions.bias", view)]).collect();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(WEIGHTS_FILE);
    std::fs::write(&path, serialize(views, None).unwrap()).unwrap();
    let error = WeightFile::open(&path, &config("mlm_tied")).unwrap_err().to_string();
    assert!(error.contains("is a second, different cls.predictions.decoder.bias"), "{error}");
}
