//! Tables of all kinds become models.

use crate::{Bench, has, rows};

#[test]
fn a_column_without_values_is_left_out_with_a_word() {
    let bench = Bench::new();
    let text: String = rows(60)
        .lines()
        .enumerate()
        .map(|(i, l)| format!("{}{l}\n", if i == 0 { "void," } else { "," }))
        .collect();
    bench.write("rows.csv", text);
    let ran = bench.run("train rows.csv --epochs 1");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    has(&ran.stderr, &["left out  void: "]);
}

#[test]
fn ten_thousand_columns() {
    let bench = Bench::new();
    let columns = 10_000;
    let mut text: String = (0..columns).map(|i| format!("c{i},")).collect();
    text += "y\n";
    for row in 0..60_usize {
        (0..columns).for_each(|i| text += &format!("{},", (row * 31 + i * 17) % 97));
        text += &format!("{}\n", ["a", "b"][row % 2]);
    }
    bench.write("wide.csv", text);
    let ran = bench.run("train wide.csv --epochs 2");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    has(&ran.stderr, &["10,000 columns", "9,970 more"]);
    assert_eq!(bench.ok("predict model.nervure wide.csv").lines().count(), 61);
}

#[test]
fn categories_of_many_values_are_embedded() {
    let bench = Bench::new();
    let mut text = String::from("city,size,kind\n");
    for i in 0..300 {
        text += &format!("city{},{},{}\n", i * 7 % 20, i % 13, ["low", "high"][usize::from(i * 7 % 20 > 9)]);
    }
    bench.write("rows.csv", text);
    let json = bench.json("train rows.csv --epochs 60 --json -q");
    assert!(json["test"]["accuracy"].as_f64().unwrap() > 0.9, "{json}");
    has(&bench.ok("inspect model.nervure"), &["Embedding", "Concatenate", "index of 20 categories"]);
    let ran = bench.run_with_input("predict model.nervure -", "city,size\ncity3,1\nelsewhere,2\n,3\n");
    assert_eq!((ran.code, ran.stdout.lines().count()), (0, 4), "{}", ran.stderr);
}

#[test]
fn several_targets_share_a_network() {
    let bench = Bench::new();
    let mut text = String::from("a,b,sum,product,wet,cold,kind\n");
    for i in 0..200_usize {
        let (a, b) = ((i * 37 % 41) as f64 / 4.0, (i * 17 % 29) as f64 / 3.0);
        let kind = ["x", "y", "z"][usize::from(a > 3.0) + usize::from(a > 7.0)];
        text += &format!("{a},{b},{},{},{},{},{kind}\n", a + b, a * b, u8::from(a > 5.0), u8::from(b > 5.0));
    }
    bench.write("rows.csv", text);
    let header = |words: &str| {
        bench.ok(&format!("train rows.csv -q --epochs 3 {words}"));
        bench.ok("evaluate model.nervure rows.csv");
        bench.ok("predict model.nervure rows.csv").lines().next().unwrap().to_owned()
    };
    assert_eq!(header("--features a,b --target sum,product"), "prediction_sum,prediction_product");
    assert_eq!(
        header("--features a,b --target wet,cold"),
        "prediction_wet,probability_wet_0,probability_wet_1,prediction_cold,probability_cold_0,probability_cold_1"
    );
    assert_eq!(
        header("--features a,b --target sum,kind"),
        "prediction_sum,prediction_kind,probability_kind_x,probability_kind_y,probability_kind_z"
    );
}

#[test]
fn a_regression_answers_in_its_own_unit() {
    let bench = Bench::new();
    bench.write("rows.csv", rows(300));
    let json = bench.json("train rows.csv --target value --drop large --epochs 200 --json -q");
    assert!(json["test"]["r2_score"].as_f64().unwrap() > 0.95, "{json}");
    let answers = bench.ok("predict model.nervure rows.csv");
    assert_eq!(answers.lines().next(), Some("prediction"));
    assert!(answers.lines().skip(1).all(|l| (-5.0..30.0).contains(&l.parse::<f64>().unwrap())));
}

#[test]
fn data_from_standard_input_and_other_files() {
    let bench = Bench::new();
    bench.write("train.tsv", rows(100).replace(',', "\t")).write("other.csv", rows(30));
    let ran = bench.run_with_input("train - --epochs 2 --json -q", &rows(100));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let json =
        bench.json("train train.tsv --epochs 2 --json -q --validation-data other.csv --test-data other.csv");
    assert_eq!(json["rows"], serde_json::json!({"train": 100, "validation": 30, "test": 30}));
    let json = bench.json("train train.tsv --epochs 2 --json -q --validation-split 0 --test-split 0");
    assert_eq!(json["rows"], serde_json::json!({"train": 100, "validation": 0, "test": 0}));
    assert_eq!(json["epochs"], 2);
    assert_eq!(json["baseline"], serde_json::json!({}));
}

#[test]
fn settings_come_from_a_file_and_flags_go_before() {
    let bench = Bench::new();
    bench.write(
        "run.toml",
        r#"
data = "digits"
epochs = 2
batch-size = 64
optimizer = { class_name = "SGD", config = { learning_rate = 0.05, momentum = 0.9 } }
[[layers]]
class_name = "Reshape"
config = { target_shape = [8, 8, 1] }
[[layers]]
class_name = "Conv2D"
config = { filters = 4, kernel_size = [3, 3], activation = "relu" }
[[layers]]
class_name = "Flatten"
"#,
    );
    let json = bench.json("train --config run.toml --json -q");
    assert_eq!((json["epochs"].as_u64(), json["task"].as_str()), (Some(2), Some("multiclass")));
    has(&bench.ok("inspect model.nervure"), &["Conv2D", "f32[batch, 6, 6, 4]"]);
    assert_eq!(bench.json("train --config run.toml --epochs 1 --json -q")["epochs"], 1);
    bench.write("bad.toml", "epochs = 2\nepoch = 3\n");
    has(&bench.fails(2, "train --config bad.toml"), &["bad.toml", "line 2", "epoch"]);
    bench.write("layer.toml", "[[layers]]\nclass_name = \"Dens\"\n");
    has(&bench.fails(2, "train --config layer.toml"), &["layer.toml", "Dens", "Dense"]);
    has(&bench.fails(2, "train --config run.toml --dropout 0.1"), &["--dropout", "their own"]);
    bench.write("both.toml", "test-split = 0.1\ntest-data = \"iris\"\n");
    has(&bench.fails(2, "train --config both.toml"), &["both.toml", "test-split", "test-data"]);
}

#[test]
fn the_history_has_a_line_an_epoch_and_if_asked_a_batch() {
    let bench = Bench::new();
    bench.ok("train iris -q --epochs 3 --batch-size 32 --history h.jsonl --history-batches");
    let lines: Vec<serde_json::Value> =
        bench.text("h.jsonl").lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    // 96 rows in batches of 32.
    assert_eq!(lines.len(), 3 * (3 + 1));
    assert_eq!((lines[1]["epoch"].as_u64(), lines[1]["batch"].as_u64()), (Some(0), Some(1)));
    let epoch = &lines[3];
    let keys: Vec<&str> = epoch.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["epoch", "loss", "accuracy", "val_loss", "val_accuracy"]);
    let mean: f64 = lines[..3].iter().map(|l| l["loss"].as_f64().unwrap()).sum::<f64>() / 3.0;
    assert!((epoch["loss"].as_f64().unwrap() - mean).abs() < 1e-6);
}

#[test]
fn every_setting_of_training_is_taken() {
    let bench = Bench::new();
    for words in [
        "--layers none",
        "--layers 8,4 --activation tanh --dropout 0.5 --l2 0.01",
        "--loss hinge --optimizer SGD --learning-rate 0.1",
        "--optimizer AdamW --batch-size 7 --patience 1",
        "--class-weight balanced --no-shuffle",
        "--split random --seed 7",
        "--split stratified --validation-split 0.3 --test-split 0.1",
        "--split group:pregnancies",
        "--split time:age",
        "--features glucose,bmi --task binary",
        "--missing pedigree=0.1 --kind pregnancies=category",
    ] {
        let words = format!("train diabetes --epochs 2 -q {words}");
        bench.ok(&words);
    }
    bench.ok("train iris --epochs 2 -q --loss categorical_crossentropy --class-weight balanced");
    bench.ok("train iris --epochs 2 -q --target sepal_length --loss huber");
}

/// The means over ten splits that defaults have to reach: what is known of good networks on these tables.
fn means(set: &str, metrics: [&str; 2]) -> [f64; 2] {
    let bench = Bench::new();
    let runs: Vec<serde_json::Value> =
        (0..10).map(|seed| bench.json(&format!("train {set} --json -q --threads 1 --seed {seed}"))).collect();
    metrics.map(|path| {
        let value = |run: &serde_json::Value| run.pointer(path).and_then(serde_json::Value::as_f64).unwrap();
        runs.iter().map(value).sum::<f64>() / 10.0
    })
}

#[test]
fn diabetes_is_learned() {
    let [accuracy, auc] = means("diabetes", ["/test/accuracy", "/test/auc"]);
    assert!(accuracy >= 0.75 && auc >= 0.82, "{accuracy} {auc}");
}

#[test]
fn iris_is_learned() {
    let [accuracy, baseline] = means("iris", ["/test/accuracy", "/baseline/logistic_regression/accuracy"]);
    assert!(accuracy >= 0.94 && accuracy >= baseline - 0.02, "{accuracy} {baseline}");
}

#[test]
fn wine_quality_is_learned_better_than_by_a_line() {
    let [network, line] = means(
        "wine_quality",
        ["/test/root_mean_squared_error", "/baseline/linear_regression/root_mean_squared_error"],
    );
    assert!(network <= line, "{network} {line}");
}
