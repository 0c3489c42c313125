use crate::{Bench, has, rows};

/// Training on these bytes fails with a sentence that has all of these parts.
fn check(bytes: impl AsRef<[u8]>, words: &str, parts: &[&str]) {
    let bench = Bench::new();
    bench.write("bad.csv", bytes);
    let sentence = bench.fails(1, &format!("train bad.csv --epochs 1 {words}"));
    has(&sentence, &["bad.csv"]);
    has(&sentence, parts);
}

fn with(line: &str) -> String {
    format!("{}{line}\n{}", rows(40), "1.0,red,2.0,no\n")
}

#[test]
fn ragged_rows() {
    check(with("1.0,red,2.0"), "", &["line 42", "expected 4 fields", "received 3"]);
    check(with("1.0,red,2.0,no,more"), "", &["line 42", "received 5"]);
}

#[test]
fn an_unclosed_quote() {
    check(with("1.0,\"red,2.0,no"), "", &["line 42", "never closed"]);
}

#[test]
fn another_delimiter() {
    check("x;y\n1;2\n3;4\n", "", &["line 1", "column 1", "commas", "semicolons"]);
    let bench = Bench::new();
    bench.write("x.tsv", "x,y\n1,2\n3,4\n").write("one.csv", "\"a;b\"\n1\n2\n3\n");
    has(&bench.fails(1, "train x.tsv"), &["x.tsv", "tabs", "commas"]);
    has(&bench.fails(1, "train one.csv"), &["too few to split"]);
}

#[test]
fn bytes_that_are_not_utf8() {
    let mut bytes = rows(40).into_bytes();
    bytes.extend(b"1.0,r\xe9d,2.0,no\n");
    check(bytes, "", &["line 42", "column 2 'colour'", "UTF-8", "0xe9"]);
}

#[test]
fn a_nul_byte() {
    check(with("1.0,r\0d,2.0,no"), "", &["line 42", "column 2 'colour'", "NUL"]);
}

#[test]
fn an_empty_file() {
    check("", "", &["empty"]);
    check("\n\n", "", &["empty"]);
}

#[test]
fn a_header_only() {
    check("x,y\n", "", &["header", "no row"]);
}

#[test]
fn one_class_only() {
    let text = rows(40).replace(",yes\n", ",no\n");
    check(text, "", &["'large'", "only the value 'no'"]);
}

#[test]
fn a_target_with_missing_values() {
    check(with("1.0,red,2.0,"), "", &["line 42", "column 4 'large'", "missing"]);
    check(with("1.0,red,NA,no"), "--target value", &["line 42", "column 3 'value'", "missing"]);
}

#[test]
fn infinite_numbers() {
    check(with("inf,red,2.0,no"), "", &["line 42", "column 1 'x'", "finite", "'inf'"]);
    check(with("1e999,red,2.0,no"), "", &["line 42", "column 1 'x'", "'1e999'"]);
    check(with("1.0,red,-inf,no"), "--target value", &["line 42", "column 3 'value'"]);
}

#[test]
fn duplicate_names() {
    check("x,y,x\n1,2,3\n4,5,6\n", "", &["line 1", "column 3 'x'", "columns 1 and 3"]);
}

#[test]
fn an_unknown_target() {
    check(rows(40), "--target size", &["'size'", "x, colour, value, large"]);
    check(rows(40), "--drop size", &["'size'"]);
    check(rows(40), "--features x,size", &["'size'"]);
}

#[test]
fn stray_text_in_a_column_of_numbers() {
    check(with("1.x,red,2.0,no"), "", &["line 42", "column 1 'x'", "'1.x'"]);
}

#[test]
fn a_target_that_is_no_class_or_number() {
    check(rows(40), "--target colour --task regression", &["column 2 'colour'", "'red'", "number"]);
    check(rows(40), "--target value --task binary", &["'value'", "2"]);
}

#[test]
fn files_that_are_not_there_or_something_else() {
    let bench = Bench::new();
    has(&bench.fails(1, "train none.csv"), &["none.csv", "No such file"]);
    has(&bench.fails(1, "train nothing"), &["nothing", "no built-in set"]);
    bench.write("x.txt", "a,b\n1,2\n").write("x.csv", b"PAR1\x00\x01\n...\nPAR1");
    has(&bench.fails(1, "train x.txt"), &["x.txt", ".csv or .tsv"]);
    has(&bench.fails(1, "train x.csv"), &["x.csv", "Parquet"]);
}

#[test]
fn a_truncated_or_altered_model() {
    let bench = Bench::with_iris();
    let whole = bench.read("iris.nervure");
    let check = |bytes: &[u8], parts: &[&str]| {
        bench.write("bad.nervure", bytes);
        for words in ["predict bad.nervure iris", "evaluate bad.nervure iris", "inspect bad.nervure"] {
            let sentence = bench.fails(1, words);
            has(&sentence, &["bad.nervure"]);
            has(&sentence, parts);
        }
    };
    check(b"", &["an empty file"]);
    check(b"PK", &["broken archive"]);
    check(b"not a model", &["another format"]);
    for share in [0.1, 0.5, 0.99] {
        check(&whole[..(whole.len() as f64 * share) as usize], &["broken archive"]);
    }
    // A byte of the weights.
    let at = whole.windows(12).position(|w| w == b"dense/kernel").unwrap();
    let start = whole[at..].windows(19).position(|w| w == b"weights.safetensors").unwrap() + at;
    let mut altered = whole.clone();
    altered[start + 400] ^= 1;
    check(&altered, &["weights.safetensors", "altered"]);
}

#[test]
fn a_model_where_data_should_be() {
    let bench = Bench::with_iris();
    has(&bench.fails(1, "predict iris iris.nervure"), &["iris", "model"]);
    has(&bench.fails(1, "train iris.nervure"), &["iris.nervure", ".csv"]);
}

#[test]
fn wrong_usage_is_told_apart() {
    let bench = Bench::new();
    for words in [
        "",
        "trian",
        "train --epoch 3",
        "train --epochs many",
        "train --loss nope",
        "train --optimizer nope",
        "train --activation nope",
        "train --layers 3,x",
        "train --layers 0",
        "train --task ordinal",
        "train --validation-split 0.2 --validation-data iris",
        "train --threads 1025",
        "train --epochs -1",
        "train --learning-rate nan",
        "train --learning-rate -inf",
        "train --dropout nan",
        "predict",
        "completions tcsh",
    ] {
        let ran = bench.run(words);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{words}: {}", ran.stderr);
        if !words.is_empty() {
            assert_eq!(ran.stderr.lines().count(), 2, "{words}: {}", ran.stderr);
            ran.sentence();
        }
    }
    has(&bench.run("train --epoch 3").stderr, &["'--epoch'", "help: a similar argument exists: '--epochs'"]);
    has(&bench.run("predict").stderr, &["<MODEL> <DATA>", "help: the usage is nervure predict"]);
    has(&bench.run("train --loss nope").stderr, &["--loss", "nope", "binary_crossentropy"]);
    for words in [
        "train -o model.txt",
        "train --validation-split 1.5",
        "train --learning-rate 0",
        "train --dropout 1",
        "train --l2=-1",
        "train --epochs 0",
        "train --batch-size 0",
        "train --validation-split 0 --patience 3",
        "train --layers none --activation relu",
        "train --history-batches",
        "train --history rows.csv",
        "train --kind glucose=size",
        "train wine_quality --class-weight balanced",
    ] {
        bench.fails(2, words);
    }
}

#[test]
fn settings_of_a_file_that_nothing_can_be_made_of() {
    let bench = Bench::new();
    let check = |code, text: &str, parts: &[&str]| {
        bench.write("c.toml", text);
        let sentence = bench.fails(code, "train iris --config c.toml");
        has(&sentence, parts);
        assert!(!sentence.contains(".rs:"), "{sentence}");
    };
    check(2, "learning-rate = nan", &["c.toml", "learning-rate", "finite", "NaN"]);
    check(2, "optimizer = {class_name = \"SGD\", config = {clipnorm = inf}}", &["optimizer.config.clipnorm"]);
    check(2, "layers = [0]", &["layer", "class_name", "received 0"]);
    check(2, "optimizer = {class_name = \"SGD\", confg = {}}", &["optimizer", "confg"]);
    check(2, "epochs = -1", &["line 1", "-1"]);
    check(1, "layers = [1000000000, 1000000000]", &["layer `dense` (Dense)", "1000000000"]);
    check(1, "layers = [{class_name = \"Dropout\", config = {rate = 2.0}}]", &["`dropout`", "received 2"]);
    check(1, "optimizer = {class_name = \"Adam\", config = {beta_1 = 2.0}}", &["beta_1"]);
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    check(2, &format!("layers = {deep}"), &["c.toml", "recursion"]);
    bench.write("c.toml", b"epochs = \"\xff\"");
    has(&bench.fails(1, "train --config c.toml"), &["c.toml", "UTF-8"]);
}

#[test]
fn columns_that_cannot_be_kept() {
    let bench = Bench::with_iris();
    has(&bench.fails(2, "predict iris.nervure iris --keep species,species"), &["'species'", "twice"]);
    let csv = bench.ok("datasets iris").replace("species", "prediction");
    bench.write("iris.csv", csv);
    has(
        &bench.fails(1, "predict iris.nervure iris.csv --keep prediction"),
        &["iris.csv", "'prediction'", "the answers"],
    );
}

#[test]
fn what_is_yet_to_come_says_so() {
    let bench = Bench::with_iris();
    std::fs::create_dir(bench.path("images")).unwrap();
    for words in [
        "train -o model.keras",
        "train -o model.onnx",
        "train rows.parquet",
        "train rows.npz",
        "train images",
        "convert iris.nervure model.keras",
        "predict model.onnx iris",
        "predict iris.nervure iris -o answers.parquet",
        "predict iris.nervure iris -o answers.npy",
    ] {
        has(&bench.fails(1, words), &["is not there yet"]);
    }
}

#[test]
fn an_output_that_cannot_be_written_is_told_before_training() {
    let bench = Bench::new();
    let ran = bench.run("train -o none/model.nervure");
    assert_eq!(ran.code, 1);
    has(&ran.sentence(), &["none/model.nervure"]);
    assert!(!ran.stderr.contains("epoch"), "{}", ran.stderr);
    has(&bench.fails(1, "train -o model.nervure/"), &["model.nervure/", "no file"]);
}
