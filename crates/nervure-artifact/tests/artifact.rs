//! Artifacts as files: what was saved is what answers, and whatever else a file holds is told in a sentence.

use std::io::{Cursor, Read, Write};

use nervure_artifact::{
    Artifact, Cells, Checkpoint, Error, Examples, FEATURES, Metadata, OptimizerState, Parts, index_input,
};
use nervure_data::{Problem, Schema, SchemaOptions, Sketch, Split, Table};
use nervure_exec::{Buffer, Store, Threads};
use nervure_graph::{Builder, DType, Dim, Graph};
use serde_json::json;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Forty rows: a number, a category of twenty values, and whether the number is large.
fn table() -> Table {
    let rows = (0..40).map(|i| {
        let x = (i * 7 % 40) as f64 / 4.0;
        [x.to_string(), format!("c{}", i % 20), if x > 5.0 { "yes" } else { "no" }.to_owned()]
    });
    Table::from_rows("rows", ["x", "place", "large"], rows).unwrap()
}

fn schema(table: &Table) -> Schema {
    let problem = Problem::new(table, &SchemaOptions::default()).unwrap();
    Schema::fit(table, &problem, &Split::all(table)).unwrap()
}

/// sigmoid(w · x + e[place]), e of 22 numbers.
fn graph() -> Graph {
    let g = Builder::new();
    let rows = Dim::symbol("batch");
    let x = g.input(FEATURES, DType::F32, [rows.clone(), 1.into()]);
    let place = g.input(&index_input("place"), DType::I32, [rows]);
    let w = g.parameter("w", DType::F32, [1.into(), 1.into()]);
    let e = g.parameter("e", DType::F32, [22.into(), 1.into()]);
    g.output("large", (x.matmul(w) + e.gather(place, 0)).sigmoid());
    g.finish().unwrap()
}

fn parts() -> Parts {
    let table = table();
    let schema = schema(&table);
    let mut weights = Store::new();
    weights.insert("w", Buffer::from_f32(&[1, 1], &[2.0]).unwrap());
    let e: Vec<f32> = (0..22).map(|i| i as f32 / 100.0).collect();
    weights.insert("e", Buffer::from_f32(&[22, 1], &e).unwrap());
    let mut state = Store::new();
    state.insert("step", Buffer::from_i64(&[], &[7]).unwrap());
    Parts {
        metadata: Metadata::new("test", Some(schema.task())),
        graph: graph(),
        layers: json!({"anything": [1, 2.5, null]}),
        weights,
        sketch: Some(Sketch::of(&table, &schema, &[0, 1, 2]).unwrap()),
        schema: Some(schema),
        examples: Examples::Rows(table.select(&(0..10).collect::<Vec<_>>()).unwrap()),
        optimizer: Some(OptimizerState { config: json!("adam"), state }),
    }
}

fn bytes() -> Vec<u8> {
    Artifact::new(parts()).unwrap().to_bytes().unwrap()
}

/// The members with their contents.
fn members(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).unwrap();
    (0..zip.len())
        .map(|i| {
            let mut member = zip.by_index(i).unwrap();
            let mut content = Vec::new();
            member.read_to_end(&mut content).unwrap();
            (member.name().unwrap().into_owned(), content)
        })
        .collect()
}

fn archive(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        zip.start_file(name.as_str(), options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The archive with one member's text changed.
fn with(member: &str, change: impl Fn(&str) -> String) -> Vec<u8> {
    let mut all = members(&bytes());
    let (_, content) = all.iter_mut().find(|(name, _)| name == member).unwrap();
    *content = change(std::str::from_utf8(content).unwrap()).into_bytes();
    archive(&all)
}

fn refused(bytes: Vec<u8>, parts: &[&str]) {
    let error = Artifact::from_bytes("m.nervure", bytes).unwrap_err().to_string();
    for part in ["m.nervure"].iter().chain(parts) {
        assert!(error.contains(part), "expected '{part}' in: {error}");
    }
    assert!(!error.contains('\n'), "{error}");
}

#[test]
fn what_is_saved_is_what_answers() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("m.nervure");
    let artifact = Artifact::new(parts()).unwrap();
    artifact.save(&path).unwrap();
    let loaded = Artifact::load(&path).unwrap().with_threads(Threads::new(2).into());
    assert_eq!(loaded.metadata(), artifact.metadata());
    assert_eq!(loaded.schema(), artifact.schema());
    assert_eq!(loaded.sketch(), artifact.sketch());
    assert_eq!(loaded.layers(), &json!({"anything": [1, 2.5, null]}));
    assert_eq!(loaded.optimizer().unwrap().state.get("step").unwrap().as_i64(), Some(&[7][..]));
    assert_eq!(loaded.predict(&table()).unwrap(), artifact.predict(&table()).unwrap());
    assert_eq!(loaded.to_bytes().unwrap(), std::fs::read(&path).unwrap());
}

#[test]
fn answers_are_in_the_words_of_the_table() {
    let artifact = Artifact::new(parts()).unwrap();
    let rows = Table::from_rows("r", ["place", "x"], [["c3", "9"], ["nowhere", "0"], ["", ""]]).unwrap();
    let columns = artifact.predict(&rows).unwrap().columns();
    let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["prediction", "probability_no", "probability_yes"]);
    assert_eq!(columns[0].cells, Cells::Text(["yes", "no", "yes"].map(String::from).to_vec()));
    // By hand, for x = 9: the mean of the quarters from 0 to 39 is 4.875, the deviation that of 40 equally spaced numbers.
    let z = (9.0 - 4.875) / (((40.0_f64 * 40.0 - 1.0) / 12.0).sqrt() / 4.0);
    let place = artifact.schema().unwrap().encode(&rows).unwrap().indices[0].values[0];
    let p = 1.0 / (1.0 + (-(2.0 * z + f64::from(place) / 100.0)).exp());
    let answered: f64 = columns[2].cells.text()[0].parse().unwrap();
    assert!((answered - p).abs() < 1e-6, "{answered} {p}");
}

/// More rows than run at once.
#[test]
fn a_row_alone_is_the_same_bits_as_among_many() {
    let artifact = Artifact::new(parts()).unwrap();
    let many: Vec<usize> = (0..1000).map(|i| i * 13 % 40).collect();
    let all = artifact.predict(&table().select(&many).unwrap()).unwrap().columns();
    for row in [0, 255, 256, 999] {
        let alone = artifact.predict(&table().select(&many[row..=row]).unwrap()).unwrap().columns();
        for (column, of_all) in alone.iter().zip(&all) {
            assert_eq!(column.cells.text()[0], of_all.cells.text()[row]);
        }
    }
}

/// Every byte of the file: altered, it is refused, or it is one that says nothing (a date, an attribute) and the answers are the same.
#[test]
fn no_altered_byte_changes_an_answer() {
    let whole = bytes();
    let expected = Artifact::from_bytes("m", whole.clone()).unwrap().predict(&table()).unwrap();
    let mut ignored = 0;
    for at in 0..whole.len() {
        let mut altered = whole.clone();
        altered[at] ^= 1 << (at % 8);
        match Artifact::from_bytes("m.nervure", altered) {
            Ok(artifact) => {
                assert_eq!(artifact.predict(&table()).unwrap(), expected, "byte {at}");
                ignored += 1;
            }
            Err(error) => assert!(error.to_string().starts_with("m.nervure: "), "{error}"),
        }
    }
    assert!(ignored * 10 < whole.len(), "{ignored} of {} bytes may be anything", whole.len());
}

#[test]
fn no_truncated_file_is_read() {
    let whole = bytes();
    for length in (0..whole.len()).step_by(7) {
        refused(whole[..length].to_vec(), &["broken archive"]);
    }
}

#[test]
fn containers_that_are_out_of_order() {
    let all = members(&bytes());
    let replaced = |from: &str, to: &str| {
        let rename = |(name, content): &(String, Vec<u8>)| {
            (if name == from { to.to_owned() } else { name.clone() }, content.clone())
        };
        archive(&all.iter().map(rename).collect::<Vec<_>>())
    };
    refused(replaced("sketch.json", "more.json"), &["more.json", "knows no such member"]);
    refused(replaced("sketch.json", "../sketch.json"), &["../sketch.json", "plain name"]);
    refused(replaced("weights.safetensors", "other.safetensors"), &["other.safetensors"]);
    for member in ["metadata.json", "graph.txt", "layers.json", "weights.safetensors", "expected.safetensors"]
    {
        let rest: Vec<_> = all.iter().filter(|(name, _)| name != member).cloned().collect();
        refused(archive(&rest), &[member, "absent"]);
    }
    // A name twice: same length, so that only the name's bytes change, in both headers.
    let mut twice = bytes();
    for at in 0..twice.len() - 11 {
        if &twice[at..at + 11] == b"layers.json" {
            twice[at..at + 11].copy_from_slice(b"schema.json");
        }
    }
    refused(twice, &["duplicate"]);
    let many: Vec<_> = (0..40).map(|i| (format!("m{i}.json"), b"1".to_vec())).collect();
    refused(archive(&many), &["40 members"]);
}

#[test]
fn versions() {
    refused(
        with("metadata.json", |t| t.replace("\"format\":1", "\"format\":2,\"new\":3")),
        &["version 2", "later release", "up to 1"],
    );
    refused(
        with("metadata.json", |t| t.replace("\"format\":1", "\"format\":0")),
        &["metadata.json", "version 0"],
    );
    refused(with("metadata.json", |t| t.replace("\"format\":1", "\"format\":1,\"new\":3")), &["`new`"]);
    refused(with("metadata.json", |_| "[".repeat(100_000)), &["metadata.json"]);
    refused(with("layers.json", |_| "[".repeat(100_000)), &["layers.json", "recursion"]);
}

#[test]
fn another_model_under_the_same_examples_is_told() {
    let error =
        Artifact::from_bytes("m.nervure", with("graph.txt", |t| t.replace("Sigmoid", "Tanh"))).unwrap_err();
    assert!(matches!(error, Error::Mismatch { row: 1, .. }), "{error}");
    assert!(error.to_string().contains("this is not the model that was trained"));
    refused(with("examples.csv", |t| t.replacen("1.75", "1.5", 1)), &["example 2", "large"]);
    refused(with("examples.csv", |t| t.replacen("1.75", "many", 1)), &["examples", "'many'"]);
}

#[test]
fn parts_that_do_not_fit() {
    let refused = |change: &dyn Fn(&mut Parts), part: &str| {
        let mut parts = parts();
        change(&mut parts);
        let error = Artifact::new(parts).unwrap_err().to_string();
        assert!(error.contains(part), "expected '{part}' in: {error}");
    };
    refused(&|p| drop(p.weights.insert("w", Buffer::zeros(DType::F32, &[2, 1]))), "weight `w`");
    refused(&|p| p.weights = Store::new(), "received nothing");
    refused(&|p| p.examples = Examples::Rows(table().select(&[]).unwrap()), "at least one example");
    refused(
        &|p| {
            let g = Builder::new();
            let x = g.input("x", DType::F32, [Dim::symbol("batch"), 1.into()]);
            g.output("large", x);
            p.graph = g.finish().unwrap();
        },
        "input `x`",
    );
    refused(
        &|p| {
            let g = Builder::new();
            let x = g.input(FEATURES, DType::F32, [Dim::symbol("batch"), 1.into()]);
            g.output("large", x);
            p.graph = g.finish().unwrap();
        },
        "lacks the input `index/place`",
    );
}

/// A file of some kilobytes whose graph would take hours, or all memory.
#[test]
fn a_graph_out_of_proportion_is_refused_before_it_runs() {
    let file = |n: usize| {
        let graph = |n: usize| {
            let g = Builder::new();
            let x = g.input("x", DType::F32, [Dim::symbol("batch"), 1.into()]);
            let side = g.iota(DType::F32, [n.into(), n.into()], 0);
            g.output("y", x * side.matmul(side).sum(&[0, 1]).broadcast_to(x.shape()));
            g.finish().unwrap()
        };
        let artifact = Artifact::new(Parts {
            graph: graph(2),
            weights: Store::new(),
            schema: None,
            sketch: None,
            examples: Examples::Arrays(vec![("x".into(), Buffer::zeros(DType::F32, &[2, 1]))]),
            optimizer: None,
            ..parts()
        });
        let mut all = members(&artifact.unwrap().to_bytes().unwrap());
        let (_, content) = all.iter_mut().find(|(name, _)| name == "graph.txt").unwrap();
        *content = graph(n).to_string().into_bytes();
        archive(&all)
    };
    refused(file(5_000), &["examples", "operations", "at most"]);
    refused(file(12_000), &["examples", "bytes of memory", "at most"]);
    Artifact::from_bytes("m.nervure", file(2)).unwrap();
}

#[test]
fn models_of_arrays_need_no_schema() {
    let g = Builder::new();
    let x = g.input("x", DType::F32, [Dim::symbol("batch"), 2.into()]);
    let scale = g.input("scale", DType::F32, []);
    g.output("y", x * scale.broadcast_to(x.shape()));
    let inputs = |rows: usize| {
        let x: Vec<f32> = (0..2 * rows).map(|i| i as f32).collect();
        let x = Buffer::from_f32(&[rows, 2], &x).unwrap();
        vec![("scale".to_owned(), Buffer::from_f32(&[], &[3.0]).unwrap()), ("x".to_owned(), x)]
    };
    let artifact = Artifact::new(Parts {
        metadata: Metadata::new("test", None),
        graph: g.finish().unwrap(),
        weights: Store::new(),
        schema: None,
        sketch: None,
        examples: Examples::Arrays(inputs(2)),
        optimizer: None,
        ..parts()
    })
    .unwrap();
    let loaded = Artifact::from_bytes("m.nervure", artifact.to_bytes().unwrap()).unwrap();
    let inputs = inputs(3);
    let named: Vec<(&str, Buffer)> = inputs.iter().map(|(n, b)| (n.as_str(), b.clone())).collect();
    assert_eq!(loaded.run(&named).unwrap()[0].as_f32(), Some(&[0.0, 3.0, 6.0, 9.0, 12.0, 15.0][..]));
    assert!(matches!(loaded.predict(&table()), Err(Error::NoSchema)));
    assert!(matches!(loaded.run(&named[..1]), Err(Error::Input { .. })));
    let wrong = [("x", Buffer::zeros(DType::I32, &[3, 2])), ("scale", Buffer::zeros(DType::F32, &[]))];
    assert!(matches!(loaded.run(&wrong), Err(Error::Input { .. })));
}

/// Where all inputs and outputs begin with one number, it is that of the rows of a batch.
#[test]
fn graphs_of_a_fixed_number_of_rows_take_its_multiples() {
    let artifact = |graph: Graph, examples: Vec<(String, Buffer)>| {
        let schema = None;
        let examples = Examples::Arrays(examples);
        Artifact::new(Parts {
            graph,
            weights: Store::new(),
            schema,
            sketch: None,
            examples,
            optimizer: None,
            ..parts()
        })
        .unwrap()
    };
    let floats = |shape: &[usize]| {
        let values: Vec<f32> = (0..shape.iter().product()).map(|i| i as f32).collect();
        Buffer::from_f32(shape, &values).unwrap()
    };

    let g = Builder::new();
    let (a, b) = (g.input("a", DType::F32, [2.into(), 3.into()]), g.input("b", DType::F32, [2.into()]));
    // Within a batch the rows are not apart.
    g.output("y", a.sum(&[0, 1]).broadcast_to(b.shape()) + b);
    let examples = vec![("a".into(), floats(&[2, 3])), ("b".into(), floats(&[2]))];
    let taken = artifact(g.finish().unwrap(), examples);
    let run = |a: &[usize], b: &[usize]| {
        taken.run(&[("a", floats(a)), ("b", floats(b))]).map(|mut y| y.remove(0)).map_err(|e| e.to_string())
    };
    let refused = |a: &[usize], b: &[usize], expected: &str| assert_eq!(run(a, b).unwrap_err(), expected);
    assert_eq!(run(&[2, 3], &[2]).unwrap().as_f32(), Some(&[15.0, 16.0][..]));
    assert_eq!(run(&[4, 3], &[4]).unwrap().as_f32(), Some(&[15.0, 16.0, 53.0, 54.0][..]));
    assert_eq!(run(&[0, 3], &[0]).unwrap().shape(), [0]);
    let multiples = "or rows in multiples of 2, received";
    refused(&[3, 3], &[3], &format!("input `a`: expected f32[2, 3] {multiples} f32[3, 3]"));
    refused(&[1, 3], &[1], &format!("input `a`: expected f32[2, 3] {multiples} f32[1, 3]"));
    refused(&[4, 2], &[4], &format!("input `a`: expected f32[2, 3] {multiples} f32[4, 2]"));
    refused(&[4, 3], &[2], "input `b`: expected 4 rows, as the first input has, received f32[2]");
    refused(&[2, 3], &[2, 1], &format!("input `b`: expected f32[2] {multiples} f32[2, 1]"));

    // An output that does not begin with it: the graph is run as it is, once.
    let g = Builder::new();
    let x = g.input("x", DType::F32, [2.into(), 3.into()]);
    g.output("y", x.sum(&[0]));
    let whole = artifact(g.finish().unwrap(), vec![("x".into(), floats(&[2, 3]))]);
    assert_eq!(whole.run(&[("x", floats(&[2, 3]))]).unwrap()[0].as_f32(), Some(&[3.0, 5.0, 7.0][..]));
    let error = whole.run(&[("x", floats(&[4, 3]))]).unwrap_err().to_string();
    assert_eq!(error, "input `x`: expected f32[2, 3], received f32[4, 3]");

    // Rows of a table are of any number.
    let g = Builder::new();
    let x = g.input(FEATURES, DType::F32, [4.into(), 1.into()]);
    let place = g.input(&index_input("place"), DType::I32, [4.into()]);
    g.output("large", x + place.cast(DType::F32).reshape(x.shape()));
    let error = Artifact::new(Parts { graph: g.finish().unwrap(), ..parts() }).unwrap_err().to_string();
    assert_eq!(
        error,
        "input `features`: expected any number of rows, as a schema gives them, received f32[4, 1]"
    );
}

/// The scores of all pairs of times are held: a memory that grows with the rows and with the square of the time.
#[test]
fn memory_is_told_for_sequences_like_the_examples() {
    let memory = |time: usize, rows: usize| {
        let g = Builder::new();
        let x = g.input("x", DType::F32, [Dim::symbol("batch"), Dim::symbol("time"), 1.into()]);
        g.output("y", x.matmul_with(x, false, true).tanh().matmul(x));
        let artifact = Artifact::new(Parts {
            graph: g.finish().unwrap(),
            weights: Store::new(),
            schema: None,
            sketch: None,
            examples: Examples::Arrays(vec![("x".into(), Buffer::zeros(DType::F32, &[2, time, 1]))]),
            optimizer: None,
            ..parts()
        });
        artifact.unwrap().memory(rows, 1).unwrap()
    };
    assert!(memory(64, 256) > 128 * memory(64, 1), "{} {}", memory(64, 256), memory(64, 1));
    assert!(memory(64, 256) > 2 * memory(32, 256), "{} {}", memory(64, 256), memory(32, 256));
    // More run in pieces.
    assert_eq!(memory(32, 1000), memory(32, 256));
}

#[test]
fn checkpoints_come_back_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("m.nervure.ckpt");
    let mut state = Store::new();
    state.insert("w", Buffer::from_f32(&[2], &[f32::NAN, -0.0]).unwrap());
    state.insert("seed", Buffer::from_i64(&[], &[-1]).unwrap());
    state.insert("mask", Buffer::from_bool(&[2], &[true, false]).unwrap());
    let checkpoint = Checkpoint {
        settings: json!({"epochs": 3, "rate": 0.1}),
        data: json!({"train": "00ff"}),
        progress: json!({"epoch": 1}),
        optimizer: json!(null),
        state,
        tensors: vec![("0/w".into(), Buffer::from_f32(&[1], &[0.1]).unwrap())],
    };
    checkpoint.save(&path).unwrap();
    checkpoint.save_unsynced(&path).unwrap();
    let loaded = Checkpoint::load(&path).unwrap();
    assert_eq!((&loaded.settings, &loaded.data), (&checkpoint.settings, &checkpoint.data));
    assert_eq!(loaded.tensors, checkpoint.tensors);
    let bits =
        |s: &Store| s.get("w").unwrap().as_f32().unwrap().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&loaded.state), bits(&checkpoint.state));
    assert_eq!(loaded.state.get("mask"), checkpoint.state.get("mask"));
    let whole = std::fs::read(&path).unwrap();
    for length in (0..whole.len()).step_by(5) {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(Checkpoint::load(&path).is_err());
    }
}
