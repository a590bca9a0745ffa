//! The commands of `m2bert`, as people call them.

use std::path::Path;
use std::process::{Command, Output};

use model_dir::init::{Size, default_corpus, untrained};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

use crate::goldens;

fn m2bert(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_m2bert")).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn micro(dir: &Path) -> String {
    let path = dir.join("micro");
    untrained(Size::Micro, 1, &default_corpus()).unwrap().write(&path).unwrap();
    path.to_string_lossy().into_owned()
}

/// Copies a golden folder, whose files may then be changed.
fn golden_copy(set: &str, dir: &Path) -> String {
    for entry in std::fs::read_dir(goldens::folder(set)).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, dir.join(path.file_name().unwrap())).unwrap();
    }
    dir.to_string_lossy().into_owned()
}

#[test]
fn verify_compares_both_formats_and_notices_a_changed_weight() {
    let dir = tempfile::tempdir().unwrap();
    let path = golden_copy("retrieval", dir.path());
    let good = m2bert(&["verify", &path]);
    assert_eq!(good.status.code(), Some(0), "{}", text(&good.stderr));
    let listed = text(&good.stdout);
    assert!(listed.contains("model.safetensors") && listed.contains("pytorch_model.bin"), "{listed}");
    assert_eq!(listed.matches("last_hidden_state").count(), 2, "{listed}");

    let config = dir.path().join("config.json");
    let changed = std::fs::read_to_string(&config).unwrap().replace("1e-12", "1e-5");
    std::fs::write(&config, changed).unwrap();
    let bad = m2bert(&["verify", &path]);
    assert_eq!(bad.status.code(), Some(1));
    assert!(text(&bad.stdout).contains("TOO LARGE"), "{}", text(&bad.stdout));
}

#[test]
fn forward_writes_every_output_of_every_case() {
    let dir = tempfile::tempdir().unwrap();
    let expected = std::fs::read(goldens::folder("mlm_tied").join("expected.safetensors")).unwrap();
    let expected = SafeTensors::deserialize(&expected).unwrap();
    let is_input =
        |name: &str| ["input_ids", "attention_mask", "token_type_ids"].iter().any(|i| name.ends_with(i));
    let inputs: Vec<(&str, TensorView<'_>)> = expected.iter().filter(|(name, _)| is_input(name)).collect();
    let (input, output) = (dir.path().join("in.safetensors"), dir.path().join("out.safetensors"));
    std::fs::write(&input, safetensors::serialize(inputs, None).unwrap()).unwrap();
    let model = goldens::folder("mlm_tied");
    let (model, input, path) = (model.to_string_lossy(), input.to_string_lossy(), output.to_string_lossy());
    for trace in [&["--trace"][..], &[]] {
        let args = [&["forward", &model, "--input", &input, "--output", &path], trace].concat();
        let run = m2bert(&args);
        assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
        let bytes = std::fs::read(&output).unwrap();
        let outputs = SafeTensors::deserialize(&bytes).unwrap();
        for (name, wanted) in expected.iter().filter(|(name, _)| !is_input(name)) {
            let is_traced = ["embedding", "mixer", "hidden."].iter().any(|part| name.contains(part));
            if is_traced
                && trace.is_empty()
                && !name.ends_with("last_hidden_state")
                && !name.ends_with("cls_hidden")
            {
                assert!(outputs.tensor(name).is_err(), "{name} was not asked for");
                continue;
            }
            let tensor = outputs.tensor(name).unwrap_or_else(|_| panic!("{name} is missing"));
            assert_eq!(tensor.shape(), wanted.shape(), "{name}");
            let floats = |view: &TensorView<'_>| -> Vec<f32> {
                view.data().as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word)).collect()
            };
            for (actual, wanted) in floats(&tensor).iter().zip(floats(&wanted)) {
                assert!((actual - wanted).abs() < 5e-4, "{name}: {actual} is not {wanted}");
            }
        }
    }
    let missing = m2bert(&["forward", &model, "--input", "/no/such/file", "--output", &path]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stderr).contains("/no/such/file"));
}

#[test]
fn embed_names_what_it_cannot_read_and_does_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let model = micro(dir.path());
    let code = dir.path().join("a.js");
    std::fs::write(&code, "let a = 1;\n".repeat(40)).unwrap();
    let (code, absent) = (code.to_string_lossy(), dir.path().join("absent.js"));
    let run = m2bert(&["embed", &model, &absent.to_string_lossy(), &code]);
    assert_eq!(run.status.code(), Some(1));
    assert!(text(&run.stderr).contains("absent.js"), "{}", text(&run.stderr));
    let lines = text(&run.stdout);
    assert_eq!(lines.lines().count(), 1, "{lines}");
    let json: serde_json::Value = serde_json::from_str(lines.trim()).unwrap();
    let n_windows = json["n_windows"].as_u64().unwrap() as usize;
    assert!(n_windows > 1, "a file longer than the model is read in windows");
    for vectors in ["sentence_embedding", "mean"] {
        let rows = json[vectors].as_array().unwrap();
        assert_eq!((rows.len(), rows[0].as_array().unwrap().len()), (n_windows, 16));
    }
    let out = dir.path().join("vectors.safetensors");
    let run = m2bert(&["embed", &model, &code, "--output", &out.to_string_lossy(), "--dtype", "bf16"]);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    let bytes = std::fs::read(out).unwrap();
    let vectors = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(vectors.tensor(&format!("{code}.mean")).unwrap().shape(), [n_windows, 16]);
}

#[test]
fn bench_measures_and_compares() {
    let dir = tempfile::tempdir().unwrap();
    let model = micro(dir.path());
    let args =
        ["bench", &model, "--lengths", "7,64", "--dtype", "f32", "--seconds", "0.01", "--threads", "2"];
    let run = m2bert(&[&args[..], &["--plain", "--json"]].concat());
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    let report: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 4, "two lengths, two engines: {report}");
    for row in rows {
        assert!(row["tokens_per_s"].as_f64().unwrap() > 0.0, "{row}");
        assert!(row["limit_tokens_per_s"].as_f64().unwrap() > 0.0, "{row}");
    }
    assert!(rows[0]["times_plain"].as_f64().unwrap() > 0.0);
    let table = m2bert(&[&args[..], &["--sentence"]].concat());
    assert!(text(&table.stdout).contains("of limit"), "{}", text(&table.stdout));
    let long = m2bert(&["bench", &model, "--lengths", "65"]);
    assert_eq!(long.status.code(), Some(1));
    assert!(text(&long.stderr).contains("takes no 65 tokens"), "{}", text(&long.stderr));
}

#[test]
fn info_shows_a_broken_model_and_fails() {
    let dir = tempfile::tempdir().unwrap();
    let model = micro(dir.path());
    let config = Path::new(&model).join("config.json");
    let changed = std::fs::read_to_string(&config)
        .unwrap()
        .replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3");
    std::fs::write(&config, changed).unwrap();
    let run = m2bert(&["info", &model]);
    assert_eq!(run.status.code(), Some(1));
    assert!(text(&run.stdout).contains("hidden size        16"), "{}", text(&run.stdout));
    assert!(text(&run.stderr).contains("missing bert.encoder.layer.2."), "{}", text(&run.stderr));
}

#[test]
fn budgets_and_devices_that_cannot_be_are_errors_that_say_so() {
    let dir = tempfile::tempdir().unwrap();
    let model = micro(dir.path());
    let file = format!("{model}/config.json");
    let small = m2bert(&["embed", &model, &file, "--memory-budget", "10MiB"]);
    assert_eq!(small.status.code(), Some(1));
    assert!(
        text(&small.stderr).contains("a memory budget of 10 MiB is too small"),
        "{}",
        text(&small.stderr)
    );
    let device = m2bert(&["embed", &model, &file, "--device", "cuda:99"]);
    assert_eq!(device.status.code(), Some(1));
    assert!(text(&device.stderr).contains("`cuda:99` is not available here"), "{}", text(&device.stderr));
    assert_eq!(m2bert(&["embed", &model, &file, "--device", "tpu"]).status.code(), Some(2));
    assert_eq!(m2bert(&["embed", &model, &file, "--gpu-memory-fraction", "1.5"]).status.code(), Some(2));
}
