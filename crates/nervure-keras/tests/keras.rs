//! Models as Keras saved them, beside what it predicts.

use std::path::{Path, PathBuf};

use std::io::{Cursor, Read, Write};

use nervure_keras::{from_bytes, load, load_weights};
use nervure_nn::{Buffer, DType, Dataset, Seed};
use serde_json::Value;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn array(value: &Value, dtype: DType) -> Buffer {
    let shape: Vec<usize> =
        value["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
    let values = value["values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap());
    match dtype {
        DType::I32 => Buffer::from_i32(&shape, &values.map(|v| v as i32).collect::<Vec<_>>()),
        _ => Buffer::from_f32(&shape, &values.map(|v| v as f32).collect::<Vec<_>>()),
    }
    .unwrap()
}

/// Both compute in single precision, and sum in another order.
#[test]
fn models_predict_what_keras_does() {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(golden()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|e| e == "keras"));
    files.sort();
    assert!(files.len() >= 40, "{} models", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let case: Value =
            serde_json::from_str(&std::fs::read_to_string(file.with_extension("json")).unwrap()).unwrap();
        let model = match load(&file) {
            Ok(saved) => saved.model,
            Err(e) => {
                wrong.push(e.to_string());
                continue;
            }
        };
        let mut rows = Dataset::default();
        // Tensors have other names than the layers of which they come.
        for (input, given) in
            model.network().inputs().iter().zip(case["inputs"].as_object().unwrap().values())
        {
            let dtype = if input.elements.to_string() == "i32" { DType::I32 } else { DType::F32 };
            rows = rows.input(&input.name, array(given, dtype));
        }
        let outputs = match model.predict_all(&rows) {
            Ok(outputs) => outputs,
            Err(e) => {
                wrong.push(format!("{name}: {e}"));
                continue;
            }
        };
        let expected = case["outputs"].as_array().unwrap();
        assert_eq!(outputs.len(), expected.len(), "{name}");
        for (i, (received, expected)) in outputs.iter().zip(expected).enumerate() {
            let expected = array(expected, DType::F32);
            if expected.shape() != received.shape() {
                wrong.push(format!(
                    "{name}: output {i}: expected {:?}, received {:?}",
                    expected.shape(),
                    received.shape()
                ));
                continue;
            }
            for (e, r) in expected.as_f32().unwrap().iter().zip(received.as_f32().unwrap()) {
                if (e - r).abs() > 1e-5 + 1e-4 * e.abs() {
                    wrong.push(format!("{name}: output {i}: Keras {e}, received {r}"));
                    break;
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A frozen layer says of its parts that they are frozen.
#[test]
fn a_frozen_layer_is_read_with_its_parts() {
    let bytes = changed("bidirectional", "config.json", |content| {
        let text = String::from_utf8(content).unwrap();
        text.replace(r#""trainable": true"#, r#""trainable": false"#).into_bytes()
    });
    let model = from_bytes("m.keras", bytes).unwrap().model;
    assert!(model.network().layers().iter().all(|layer| !layer.trainable));
}

/// Layers may stand in any order in a file: calls are put behind those that they use, in a time that grows with their number alone.
#[test]
fn layers_in_any_order_are_read_soon() {
    let bytes = changed("shared", "config.json", |content| {
        let mut config: Value = serde_json::from_slice(&content).unwrap();
        let layers = config["config"]["layers"].as_array_mut().unwrap();
        let name = |i: usize| if i == 0 { "input_layer".to_owned() } else { format!("identity_{i}") };
        let after = |i: usize, mut nodes: Value| {
            nodes[0]["args"][0]["config"]["keras_history"] = serde_json::json!([name(i), 0, 0]);
            nodes
        };
        let nodes = layers[2]["inbound_nodes"].clone();
        layers[1]["inbound_nodes"] = after(3000, layers[1]["inbound_nodes"].clone());
        layers.extend((1..=3000).rev().map(|i| {
            serde_json::json!({
                "module": "keras.layers", "class_name": "Identity", "config": {}, "registered_name": null,
                "name": name(i), "inbound_nodes": after(i - 1, nodes.clone()),
            })
        }));
        serde_json::to_vec(&config).unwrap()
    });
    let start = std::time::Instant::now();
    let read = from_bytes("m.keras", bytes);
    assert_eq!(read.unwrap().model.network().calls().len(), 3003, "{:?}", start.elapsed());
}

/// A golden model with a member changed.
fn changed(name: &str, member: &str, change: impl Fn(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    let bytes = std::fs::read(golden().join(name).with_extension("keras")).unwrap();
    let mut from = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut to = ZipWriter::new(Cursor::new(Vec::new()));
    for i in 0..from.len() {
        let mut content = Vec::new();
        let mut file = from.by_index(i).unwrap();
        file.read_to_end(&mut content).unwrap();
        let name = file.name().unwrap().into_owned();
        let content = if name == member { change(content) } else { content };
        to.start_file(name, SimpleFileOptions::default().compression_method(CompressionMethod::Stored))
            .unwrap();
        to.write_all(&content).unwrap();
    }
    to.finish().unwrap().into_inner()
}

#[test]
fn what_is_not_kerass_own_or_not_honoured_is_named() {
    let cases: [(&str, &str, &str, &[&str]); 14] = [
        ("mlp", r#""class_name": "Dense""#, r#""class_name": "Lambda""#, &["dense", "never run"]),
        ("mlp", r#""module": "keras.layers""#, r#""module": "os""#, &["`os`", "author's own"]),
        ("mlp", r#""units": 10"#, r#""units": 10, "speed": 3"#, &["dense", "`Dense`", "`speed`"]),
        ("mlp", r#""units": 10"#, r#""units": 1e300"#, &["units"]),
        ("mlp", r#""units": 10"#, r#""units": 4000000000"#, &["dense"]),
        ("mlp", r#""class_name": "Dense""#, r#""class_name": "Dance""#, &["Nervure has no `Dance`"]),
        ("mlp", r#""name": "float32""#, r#""name": "mixed_bfloat16""#, &["float32", "mixed_bfloat16"]),
        ("mlp", r#""activation": "relu""#, r#""activation": "rule""#, &["`rule`"]),
        ("residual", r#""keras_history": ["add", 0, 0]"#, r#""keras_history": ["sum", 0, 0]"#, &["`sum`"]),
        (
            "residual",
            r#""keras_history": ["input_layer", 0, 0]"#,
            r#""keras_history": ["add", 0, 0]"#,
            &["wait"],
        ),
        (
            "bidirectional",
            r#""name": "forward_lstm", "trainable": true"#,
            r#""name": "forward_lstm", "trainable": false"#,
            &["bidirectional/layer", "`trainable`"],
        ),
        ("residual", r#""output_layers": ["#, r#""output_layers": [7, "#, &["config.json"]),
        ("attention", r#""use_causal_mask": true"#, r#""attention_mask": 7"#, &["`attention_mask`"]),
        (
            "cnn",
            r#""data_format": "channels_last""#,
            r#""data_format": "channels_first""#,
            &["channels_first"],
        ),
    ];
    for (name, from, to, words) in cases {
        let bytes = changed(name, "config.json", |content| {
            let text = String::from_utf8(content).unwrap();
            assert!(text.contains(from), "{name}: {from}");
            text.replacen(from, to, 1).into_bytes()
        });
        let Err(error) = from_bytes("m.keras", bytes) else { panic!("{to} is taken") };
        let error = error.to_string();
        assert!(words.iter().all(|w| error.contains(w)) && error.starts_with("m.keras: "), "{from}: {error}");
    }
}

#[test]
fn weights_that_do_not_fit_are_named() {
    let other = |name: &str| std::fs::read(golden().join(name).with_extension("keras")).unwrap();
    let weights = |name: &str| {
        let mut content = Vec::new();
        let mut zip = ZipArchive::new(Cursor::new(other(name))).unwrap();
        zip.by_name("model.weights.h5").unwrap().read_to_end(&mut content).unwrap();
        content
    };
    let error = |of: &str| {
        from_bytes("m.keras", changed("mlp", "model.weights.h5", |_| weights(of))).map(drop).unwrap_err()
    };
    let (fewer, shape) = (error("lstm").to_string(), error("several").to_string());
    assert!(fewer.contains("layers/dense"), "{fewer}");
    assert!(shape.contains("layers/dense") && shape.contains("expected"), "{shape}");
}

/// Lengths, offsets and types of an HDF5 file may be anything.
#[test]
fn no_altered_byte_of_the_weights_is_fatal() {
    for name in ["mlp", "bidirectional"] {
        let mut refused = 0;
        for at in 0..700 {
            let bytes = changed(name, "model.weights.h5", |mut content| {
                let place = at * content.len() / 700;
                content[place] ^= [0xff, 0x80, 0, 1][at % 4];
                content
            });
            refused += usize::from(from_bytes("m.keras", bytes).is_err());
        }
        assert!(refused > 30, "{name}: only {refused} were refused");
    }
}

#[test]
fn no_truncated_file_is_read() {
    let bytes = std::fs::read(golden().join("mlp.keras")).unwrap();
    for len in (0..bytes.len()).step_by(bytes.len() / 200) {
        assert!(from_bytes("m.keras", bytes[..len].to_vec()).is_err(), "{len} bytes");
    }
    for len in [0, 100, 5_000] {
        let bytes = changed("mlp", "model.weights.h5", |content| content[..len].to_vec());
        assert!(from_bytes("m.keras", bytes).is_err(), "{len} bytes of weights");
    }
}

/// Keras saved after an epoch and went on; so does Nervure from what Keras saved: weights, statistics, the optimizer's state, and the last short batch.
/// Both train in single precision; what they round apart grows from step to step.
#[test]
fn training_goes_on_as_in_keras() {
    let folder = golden().join("training");
    let mut names: Vec<String> =
        std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(".keras"));
    names.sort();
    assert_eq!(names.len(), 18);
    let mut wrong = Vec::new();
    for name in names {
        let file = folder.join(&name);
        let case: Value =
            serde_json::from_str(&std::fs::read_to_string(file.with_extension("json")).unwrap()).unwrap();
        let floats = |key: &str| -> Vec<f32> {
            case[key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect()
        };
        let (x, y, weights) = (floats("x"), floats("y"), floats("weights"));
        let mut saved = match load(&file) {
            Ok(saved) => saved,
            Err(e) => {
                wrong.push(e.to_string());
                continue;
            }
        };
        let mut trainer = saved.model.trainer(saved.training.unwrap()).unwrap();
        let rows = y.len();
        let batches = (0..rows).step_by(8).map(|at| at..(at + 8).min(rows));
        let losses = case["losses"].as_array().unwrap();
        assert_eq!(losses.len(), 2 * rows.div_ceil(8));
        for (step, (rows, expected)) in batches.clone().chain(batches).zip(losses).enumerate() {
            let n = rows.len();
            let part = |of: &[f32], width: usize, shape: &[usize]| {
                Buffer::from_f32(shape, &of[rows.start * width..rows.end * width]).unwrap()
            };
            let batch = Dataset::new(part(&x, 4, &[n, 4]), part(&y, 1, &[n, 1])).sample_weight(part(
                &weights,
                1,
                &[n],
            ));
            let (loss, expected) =
                (trainer.train_on_batch(&batch).unwrap().get("loss").unwrap(), expected.as_f64().unwrap());
            if (loss - expected).abs() > 1e-4 * expected.abs() {
                wrong.push(format!("{name}: batch {step}: Keras {expected}, received {loss}"));
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// `save_weights` writes what stands in a `.keras` file: see the example of `load_weights` for a file that it wrote.
#[test]
fn weights_alone_are_read() {
    let mut compared = 0;
    for name in ["mlp", "cnn", "bidirectional", "cells", "attention", "residual", "norms_bare"] {
        let file = golden().join(name).with_extension("keras");
        let expected = load(&file).unwrap().model;
        let mut zip = ZipArchive::new(Cursor::new(std::fs::read(&file).unwrap())).unwrap();
        let mut content = Vec::new();
        zip.by_name("model.weights.h5").unwrap().read_to_end(&mut content).unwrap();
        let path =
            std::env::temp_dir().join(format!("nervure-keras-{}-{name}.weights.h5", std::process::id()));
        std::fs::write(&path, content).unwrap();
        let mut model = expected.network().clone().build(Seed(9)).unwrap();
        let read = load_weights(&mut model, &path);
        std::fs::remove_file(&path).unwrap();
        read.unwrap_or_else(|e| panic!("{name}: {e}"));
        for ((path, e), (_, r)) in expected.weights().zip(model.weights()) {
            assert_eq!(e, r, "{name}: {path}");
            compared += 1;
        }
    }
    assert!(compared > 50, "{compared}");
}
