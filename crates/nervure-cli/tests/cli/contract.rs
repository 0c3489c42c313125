//! What holds for every command.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::{Bench, has};

#[test]
fn the_main_job_tells_all_that_it_decides() {
    let bench = Bench::new();
    let ran = bench.run("train --epochs 3");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    has(
        &ran.stderr,
        &[
            "diabetes, 768 rows",
            "outcome (the last column",
            "binary, 0 or 1",
            "glucose: number",
            "491 train, 123 validation, 154 test",
            "parameters",
            "epoch 1/3  loss ",
            "epoch 3/3",
            "val_loss",
            "saved     model.nervure",
            "next      nervure predict model.nervure diabetes",
        ],
    );
    has(&ran.stdout, &["train", "validation", "test", "accuracy", "auc", "logistic", "majority"]);
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80), "{}", ran.stdout);
    assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'), "no colour without a terminal");
    assert_eq!(bench.names(), ["model.nervure"]);
    assert_eq!(bench.ok("predict model.nervure diabetes").lines().count(), 769);
}

#[test]
fn quiet_says_nothing() {
    let bench = Bench::new();
    let ran = bench.run("train iris --epochs 2 --quiet");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(!ran.stdout.is_empty());
}

#[test]
fn the_json_of_train() {
    let bench = Bench::new();
    let ran = bench.run("train --epochs 3 --json");
    assert_eq!(ran.stdout.lines().count(), 1, "{}", ran.stdout);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((json["model"].as_str(), json["task"].as_str()), (Some("model.nervure"), Some("binary")));
    assert_eq!(json["rows"], serde_json::json!({"train": 491, "validation": 123, "test": 154}));
    assert_eq!(json["epochs"], 3);
    assert!(json["parameters"].as_u64().unwrap() > 10 && json["seconds"].as_f64().unwrap() > 0.0);
    for part in ["train", "validation", "test"] {
        for metric in ["loss", "accuracy", "auc"] {
            assert!(json[part][metric].as_f64().is_some_and(f64::is_finite), "{part} {metric}");
        }
    }
    for name in ["majority_class", "logistic_regression"] {
        assert!(json["baseline"][name]["accuracy"].as_f64().is_some(), "{name}");
    }
    let json = bench.json("train wine_quality --epochs 2 --json -q");
    assert!(json["test"]["root_mean_squared_error"].as_f64().is_some());
    assert!(json["baseline"]["linear_regression"]["r2_score"].as_f64().is_some());
}

#[test]
fn the_json_of_the_others() {
    let bench = Bench::with_iris();
    let json = bench.json("predict iris.nervure iris --json");
    let rows = json["predictions"].as_array().unwrap();
    assert_eq!(rows.len(), 150);
    assert!(rows[0]["prediction"].is_string() && rows[0]["probability_setosa"].is_number());
    let json = bench.json("evaluate iris.nervure iris --json");
    assert_eq!((json["rows"].as_u64(), json["task"].as_str()), (Some(150), Some("multiclass")));
    assert!(json["metrics"]["loss"].is_number() && json["metrics"]["accuracy"].is_number());
    let json = bench.json("inspect iris.nervure --json --graph");
    assert_eq!(json["parameters"], 4 * 4 + 4 + 4 * 3 + 3);
    assert_eq!(json["layers"][0]["output"], "f32[batch, 4]");
    assert!(json["graph"].as_str().unwrap().contains("MatMul"));
    assert_eq!(json["schema"]["task"], "multiclass");
    let json = bench.json("datasets --json");
    assert_eq!(json["datasets"].as_array().unwrap().len(), 4);
    assert_eq!(bench.json("datasets iris --json")["rows"][0]["species"], "setosa");
}

#[test]
fn the_json_of_bench() {
    let bench = Bench::new();
    let json = bench.json("bench --only seed_mlp --seconds 0 --threads 1 --profile --json");
    assert!(json["peak_gflops"].as_f64().unwrap() > 0.0);
    assert_eq!(json["threads"], 1);
    let step = &json["train"][0];
    assert_eq!((step["name"].as_str(), step["batch"].as_u64()), (Some("seed_mlp"), Some(32)));
    // Forward, and the gradients of weights and of what the second and third layers take in: 2 flops a product.
    let products = 32 * (8 * 10 + 10 * 8 + 8) + 32 * (8 * 10 + 10 * 8 + 8) + 32 * (10 * 8 + 8);
    assert_eq!(step["gflop"].as_f64(), Some(f64::from(2 * products) / 1e9));
    let (us, share) = (step["step_us"].as_f64().unwrap(), step["share_of_peak"].as_f64().unwrap());
    assert!(us > 0.0 && share > 0.0 && share < 1.0);
    assert!(!step["profile"].as_array().unwrap().is_empty());
    let predict = json["predict"].as_array().unwrap();
    assert_eq!(predict.iter().map(|p| p["batch"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 32, 256]);
    assert!(predict.iter().all(|p| p["name"] == "seed_mlp" && p["us"].as_f64().unwrap() > 0.0));
    has(&bench.ok("bench --only seed_mlp --seconds 0 --profile"), &["of peak", "step of 32", "matmul"]);
    has(&bench.fails(2, "bench --only seed"), &["`seed`"]);
}

#[test]
fn datasets_are_listed_and_printed() {
    let bench = Bench::new();
    has(&bench.ok("datasets"), &["diabetes", "digits", "iris", "wine_quality", "CC0"]);
    assert!(bench.ok("datasets").lines().all(|line| line.chars().count() <= 80));
    let csv = bench.ok("datasets iris");
    assert_eq!(csv.lines().count(), 151);
    bench.write("iris.csv", csv);
    bench.ok("train iris.csv --epochs 1 -q");
    has(&bench.fails(1, "datasets irises"), &["irises"]);
}

#[test]
fn inspect_shows_layers_columns_and_the_graph() {
    let bench = Bench::with_iris();
    let text = bench.ok("inspect iris.nervure");
    has(
        &text,
        &["multiclass", "Dense", "f32[batch, 4]", "35 parameters", "sepal_length: number", "accuracy"],
    );
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    has(&bench.ok("inspect iris.nervure --graph"), &["graph main", "Parameter(name:\"dense/kernel\""]);
}

/// Every example of every help text runs as it stands.
#[test]
fn the_examples_of_the_help_run() {
    let bench = Bench::new();
    bench.ok("train --epochs 1 -q");
    let csv = bench.ok("datasets diabetes");
    let with_id: String = csv
        .lines()
        .enumerate()
        .map(|(i, line)| if i == 0 { format!("id,{line}\n") } else { format!("p{i},{line}\n") })
        .collect();
    bench.write("patients.csv", with_id).write("labelled.csv", csv);
    let keras = concat!(env!("CARGO_MANIFEST_DIR"), "/../nervure-keras/tests/fixtures/mlp.keras");
    bench.write("model.keras", std::fs::read(keras).unwrap());
    bench.ok("convert model.keras converted.nervure");
    for directory in [".local/share/bash-completion/completions", ".config/fish/completions"] {
        std::fs::create_dir_all(bench.path(directory)).unwrap();
    }
    for command in
        ["train", "predict", "evaluate", "inspect", "convert", "verify", "bench", "datasets", "completions"]
    {
        let help = bench.ok(&format!("{command} --help"));
        let (_, examples) =
            help.split_once("Examples:\n").unwrap_or_else(|| panic!("{command}: no examples"));
        for line in examples.lines().map(str::trim).filter(|l| !l.is_empty()) {
            let ran = bench.shell(line);
            assert_eq!(ran.code, 0, "{line}: {}", ran.stderr);
            assert!(line.contains("nervure "));
        }
        assert!(help.lines().all(|l| l.chars().count() <= 100), "{help}");
    }
}

#[test]
fn completions_come_from_the_same_definitions() {
    let bench = Bench::new();
    for shell in ["bash", "zsh", "fish"] {
        has(&bench.ok(&format!("completions {shell}")), &["nervure", "validation-split", "evaluate"]);
    }
    bench.write("nervure.bash", bench.ok("completions bash"));
    assert_eq!(bench.shell("bash -n nervure.bash").code, 0);
}

/// `nervure … | head -1`
#[test]
fn a_pipe_that_is_closed_ends_the_command_in_silence() {
    let bench = Bench::new();
    bench.ok("train digits --layers 4 --epochs 1 -q -o digits.nervure");
    for words in ["predict digits.nervure digits", "datasets digits", "predict digits.nervure digits --json"]
    {
        let mut child = bench
            .command(words.split_whitespace())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        assert!(!first.is_empty());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()), "{words}");
    }
}

/// Where the system counts no blocks, it refuses bytes past a limit as a full disk does.
#[cfg(unix)]
#[test]
fn a_full_disk_loses_no_file() {
    let bench = Bench::new();
    bench.ok("train iris -q --epochs 1");
    let before = bench.read("model.nervure");
    let full = "trap '' XFSZ; ulimit -f 4;";
    let ran = bench.shell(&format!("{full} nervure train --epochs 3"));
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    has(&ran.sentence(), &["model.nervure"]);
    has(&ran.stderr, &["warning: no checkpoint could be written"]);
    assert_eq!(bench.read("model.nervure"), before);
    assert_eq!(bench.names(), ["model.nervure"]);
    bench.write("answers.csv", "old");
    let ran = bench.shell(&format!("{full} nervure predict model.nervure iris -o answers.csv"));
    assert_eq!((ran.code, bench.text("answers.csv").as_str()), (1, "old"), "{}", ran.stderr);
    assert_eq!(bench.names(), ["answers.csv", "model.nervure"]);
}

#[test]
fn threads_change_no_bit() {
    let bench = Bench::new();
    // Wide enough that a step is worth two threads.
    let common = "train digits --layers 256,256 --batch-size 256 --epochs 3 -q";
    bench.ok(&format!("{common} --threads 1 -o one.nervure"));
    bench.ok(&format!("{common} --threads 2 -o two.nervure"));
    assert!(bench.read("one.nervure") == bench.read("two.nervure"));
    bench.ok(&format!("{common} --seed 43 -o other.nervure"));
    assert!(bench.read("one.nervure") != bench.read("other.nervure"));
    let one = bench.ok("predict one.nervure digits --threads 1");
    assert_eq!(one, bench.ok("predict one.nervure digits --threads 2"));
}

/// `nervure train 2>&1 | head -1`: that nobody reads messages ends no work.
#[test]
fn messages_that_cannot_be_written_are_no_failure() {
    let bench = Bench::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = bench.command("train iris --epochs 2".split_whitespace());
    let status = command.stdout(Stdio::null()).stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(bench.names(), ["model.nervure"]);
}

/// Names of columns and classes come from strangers' files.
#[test]
fn no_name_commands_the_terminal() {
    let bench = Bench::new();
    let csv = bench.ok("datasets iris").replace("petal_width", "\"petal\u{1b}[31m\nwidth\"");
    bench.write("iris.csv", csv.replace("setosa", "se\u{1b}[2Jtosa"));
    let ran = bench.run("train iris.csv --epochs 1");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    has(&ran.stderr, &[r"petal\u{1b}[31m\nwidth: number", r"se\u{1b}[2Jtosa"]);
    let inspected = bench.ok("inspect model.nervure");
    has(&inspected, &[r"petal\u{1b}[31m\nwidth: number"]);
    assert!(!(ran.stderr + &ran.stdout + &inspected).contains('\u{1b}'));
}
