//! `nervure predict` and `nervure evaluate`.

use crate::{Bench, has, rows};

fn trained() -> Bench {
    let bench = Bench::new();
    bench.write("rows.csv", rows(120));
    bench.ok("train rows.csv -q --epochs 5 --layers 8");
    bench
}

#[test]
fn a_row_of_answers_for_every_row() {
    let bench = trained();
    let answers = bench.ok("predict model.nervure rows.csv");
    let lines: Vec<&str> = answers.lines().collect();
    assert_eq!(lines.len(), 121);
    assert_eq!(lines[0], "prediction,probability_no,probability_yes");
    for line in &lines[1..] {
        let cells: Vec<&str> = line.split(',').collect();
        let [no, yes] = [cells[1], cells[2]].map(|c| c.parse::<f32>().unwrap());
        assert!((no + yes - 1.0).abs() < 1e-6, "{line}");
        assert_eq!(cells[0], if yes > 0.5 { "yes" } else { "no" });
    }
}

#[test]
fn a_row_alone_is_the_same_bits_as_in_company() {
    let bench = trained();
    let all = bench.ok("predict model.nervure rows.csv");
    let text = rows(120);
    let lines: Vec<&str> = text.lines().collect();
    for row in [1, 2, 63, 64, 120] {
        let ran = bench.run_with_input("predict model.nervure -", &format!("{}\n{}\n", lines[0], lines[row]));
        assert_eq!(ran.stdout.lines().nth(1), all.lines().nth(row), "row {row}");
    }
    let reversed: Vec<&str> = lines[..1].iter().chain(lines[1..].iter().rev()).copied().collect();
    let ran = bench.run_with_input("predict model.nervure -", &reversed.join("\n"));
    let mut expected: Vec<&str> = all.lines().collect();
    expected[1..].reverse();
    assert_eq!(ran.stdout.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn columns_may_be_absent_more_or_in_another_order() {
    let bench = trained();
    let expected = bench.run_with_input("predict model.nervure -", "x,colour,value,large\n1.5,red,3.1,no\n");
    for input in ["value,x,colour\n3.1,1.5,red\n", "note,x,value,large,colour\nhm,1.5,3.1,maybe,red\n"] {
        assert_eq!(bench.run_with_input("predict model.nervure -", input).stdout, expected.stdout);
    }
    let ran = bench.run_with_input("predict model.nervure -", "x,colour\n1.5,red\n");
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    has(&ran.sentence(), &["standard input", "'value'", "absent"]);
    // Missing values and unseen categories have answers.
    let ran = bench.run_with_input("predict model.nervure -", "x,colour,value\n,mauve,3.1\n1,,\n");
    assert_eq!((ran.code, ran.stdout.lines().count()), (0, 3), "{}", ran.stderr);
}

#[test]
fn output_by_extension() {
    let bench = trained();
    let csv = bench.ok("predict model.nervure rows.csv");
    bench.ok("predict model.nervure rows.csv -o a.csv");
    bench.ok("predict model.nervure rows.csv -o a.tsv");
    bench.ok("predict model.nervure rows.csv -o a.json");
    assert_eq!(bench.text("a.csv"), csv);
    assert_eq!(bench.text("a.tsv"), csv.replace(',', "\t"));
    assert_eq!(bench.text("a.json"), bench.ok("predict model.nervure rows.csv --json"));
    assert_eq!(bench.names(), ["a.csv", "a.json", "a.tsv", "model.nervure", "rows.csv"]);
    bench.fails(2, "predict model.nervure rows.csv -o a.txt");
}

#[test]
fn columns_are_kept() {
    let bench = trained();
    let answers = bench.ok("predict model.nervure rows.csv --keep colour,x");
    assert_eq!(answers.lines().next(), Some("colour,x,prediction,probability_no,probability_yes"));
    assert!(answers.lines().nth(1).unwrap().starts_with("red,0,"));
    has(&bench.fails(1, "predict model.nervure rows.csv --keep id"), &["rows.csv", "'id'"]);
}

#[test]
fn bad_rows_fail_alone_when_asked() {
    let bench = trained();
    bench.write("bad.csv", "x,colour,value\n1,red,2\n2,red\nx,red,3\n4,red,5\n");
    has(&bench.fails(1, "predict model.nervure bad.csv"), &["bad.csv", "line 3"]);
    let ran = bench.run("predict model.nervure bad.csv --skip-bad-rows --keep x");
    assert_eq!(ran.code, 0);
    let kept: Vec<&str> = ran.stdout.lines().map(|l| l.split(',').next().unwrap()).collect();
    assert_eq!(kept, ["x", "1", "4"]);
    let told: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(told.len(), 2, "{}", ran.stderr);
    has(told[0], &["bad.csv, line 3", "received 2"]);
    has(told[1], &["bad.csv, line 4, column 1 'x'", "'x'"]);
}

#[test]
fn evaluate_says_what_train_said() {
    let bench = trained();
    let csv = rows(120);
    let trained = bench.json("train rows.csv --epochs 5 --layers 8 --json --test-data rows.csv");
    let evaluated = bench.json("evaluate model.nervure rows.csv --json");
    assert_eq!(trained["test"], evaluated["metrics"]);
    bench.write("unlabelled.csv", csv.replace(",large", ",size"));
    has(&bench.fails(1, "evaluate model.nervure unlabelled.csv"), &["unlabelled.csv", "'large'", "absent"]);
    bench.write("unseen.csv", csv.replacen(",no\n", ",perhaps\n", 1));
    has(&bench.fails(1, "evaluate model.nervure unseen.csv"), &["line 2", "column 4 'large'", "'perhaps'"]);
}
