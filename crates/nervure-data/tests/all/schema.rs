//! Kinds, preprocessing and targets.

use nervure_data::*;

use crate::{csv, fit, options, rows};

/// The lines that describe the features.
fn described(text: &str) -> Vec<String> {
    let schema = fit(&csv(text), &SchemaOptions::default()).unwrap();
    schema.describe()
}

#[test]
fn built_in_sets() {
    for set in datasets::all() {
        let table = set.table().unwrap();
        assert_eq!(table.rows(), set.rows, "{}", set.name);
        let problem = Problem::new(&table, &set.options()).unwrap();
        let split = Split::new(&table, &problem, &SplitOptions::default(), 42).unwrap();
        let schema = Schema::fit(&table, &problem, &split).unwrap();
        let encoded = schema.encode(&table).unwrap();
        assert!(encoded.dense.iter().all(|x| x.is_finite()));
        let all: Vec<usize> = (0..table.rows()).collect();
        assert_eq!(schema.encode_targets(&table, &all).unwrap()[0].rows(), set.rows);
        let json = serde_json::to_string(&schema).unwrap();
        assert_eq!(serde_json::from_str::<Schema>(&json).unwrap(), schema);
    }
}

#[test]
fn kinds() {
    let text = rows("age,color,ok,when,row_id,note,one,none,y", 60, |i| {
        let color = ["red", "green", "blue"][i % 3];
        let ok = ["Yes", "no"][i % 2];
        let y = (i as f64).sin();
        let note = format!("this is the free text that belongs to the row {i}");
        format!("{},{color},{ok},2024-01-{:02},{},{note},1,NA,{y}", i % 40, i % 28 + 1, 1000 + 7 * i)
    });
    let lines = described(&text);
    let expected = [
        "age: number, 0 to 39, scaled as (x - 16.166667) / 11.051646",
        "color: category, one-hot over 3 categories",
        "ok: boolean, 1 for true, -1 for false",
        "when: date-time, as elapsed days, weekday sin, weekday cos, day of year sin, day of year cos",
        "row_id: identifier, left out: it is named as an identifier, and every row has another value",
        "note: text, left out: it is free text: every value differs",
        "one: constant, left out: the only value is '1'",
        "none: missing, left out: all values are missing",
    ];
    assert_eq!(lines[..8], expected);
    assert!(lines[8].starts_with("y: number, target: scaled as"), "{}", lines[8]);
}

#[test]
fn targets_tell_their_task() {
    let task = |values: &[&str], choice| {
        let text = rows("x,y", 300, |i| format!("{},{}", i % 17, values[i % values.len()]));
        Problem::new(&csv(&text), &SchemaOptions { task: choice, ..options("y") }).map(|p| p.task())
    };
    let auto = |values: &[&str]| task(values, TaskChoice::Auto).unwrap();
    assert_eq!(auto(&["0", "1"]), Task::Binary);
    assert_eq!(auto(&["1.5", "7"]), Task::Binary);
    assert_eq!(auto(&["yes", "No"]), Task::Binary);
    assert_eq!(auto(&["a", "b"]), Task::Binary);
    assert_eq!(auto(&["a", "b", "c"]), Task::Multiclass);
    assert_eq!(auto(&["0", "1", "2"]), Task::Multiclass);
    assert_eq!(auto(&["1", "2", "3", "4"]), Task::Multiclass);
    assert_eq!(auto(&["3", "4", "5", "6", "7", "8"]), Task::Regression);
    assert_eq!(auto(&["0", "1", "3"]), Task::Regression);
    assert_eq!(auto(&["0.5", "1", "2"]), Task::Regression);
    assert_eq!(task(&["3", "4", "5"], TaskChoice::Multiclass).unwrap(), Task::Multiclass);
    assert_eq!(task(&["0", "1"], TaskChoice::Regression).unwrap(), Task::Regression);
    let error = task(&["0", "1", "2"], TaskChoice::Binary).unwrap_err().to_string();
    assert_eq!(error, "t.csv: the target 'y' cannot be binary: it has 3 distinct values, not 2");
    let error = task(&["0", "b"], TaskChoice::Regression).unwrap_err().to_string();
    assert_eq!(error, "t.csv, line 3, column 2 'y': expected a number, received 'b'");
}

#[test]
fn bad_targets() {
    let error = |text: &str, options: &SchemaOptions| fit(&csv(text), options).unwrap_err().to_string();
    assert_eq!(
        error("x,y\n1,a\n2,\n3,NA\n", &options("y")),
        "t.csv, line 3, column 2 'y': the target is missing, here and in 2 rows in all"
    );
    assert_eq!(
        error("x,y\n1,a\n2,a\n", &options("y")),
        "t.csv: the target 'y' has only the value 'a' in all rows; at least two are needed"
    );
    assert_eq!(error("x,y\n1,a\n2,b\n", &options("z")), "t.csv: there is no column 'z' (columns: x, y)");
}

#[test]
fn numbers_by_hand() {
    // Mean 2, population deviation √(2/3); median 2.
    let text = "x,z,y\n1,5,a\n3,6,b\nNA,5,a\n2,6,b\n";
    let table = csv(text);
    let schema = fit(&table, &options("y")).unwrap();
    let names: Vec<String> = schema.dense_columns().into_iter().map(|d| d.name).collect();
    assert_eq!(names, ["x", "x is missing", "z"]);
    let encoded = schema.encode(&table).unwrap();
    let unit = 1.5f64.sqrt() as f32;
    assert_eq!(
        encoded.dense,
        ndarray::arr2(&[[-unit, 0., -1.], [unit, 0., 1.], [0., 1., -1.], [0., 0., 1.]])
    );
    assert_eq!(encoded.counts[0].missing, 1);
    // Raw rows of production: no target, columns in another order, a number out of range.
    let raw = Table::from_rows("request", ["other", "z", "x"], [["?", "50", "2"]]).unwrap();
    let encoded = schema.encode(&raw).unwrap();
    assert_eq!(encoded.dense, ndarray::arr2(&[[0., 0., 89.]]));
    assert_eq!(encoded.counts[1].out_of_range, 1);
}

#[test]
fn what_production_may_get_wrong() {
    let table = csv("x,z,y\n1,5,a\n3,6,b\n2,5,a\n2,6,b\n");
    let schema = fit(&table, &options("y")).unwrap();
    let error = |text: &str| schema.encode(&csv(text)).unwrap_err().to_string();
    assert_eq!(error("x,w\n1,2\n"), "t.csv: the column 'z' is needed and absent (columns: x, w)");
    assert_eq!(
        error("z,x\n1,2\n4,big\nhuge,5\n"),
        "t.csv, line 3, column 2 'x': expected a number, received 'big'"
    );
    assert_eq!(
        error("z,x\n1,1e999\n"),
        "t.csv, line 2, column 2 'x': expected a finite number, received '1e999'"
    );
    assert_eq!(
        error("z,x\n1,inf\n"),
        "t.csv, line 2, column 2 'x': expected a finite number, received 'inf'"
    );
    // Beyond 32 bits once scaled.
    assert_eq!(
        error("z,x\n1,1e39\n"),
        "t.csv, line 2, column 2 'x': expected a finite number, received '1e39'"
    );
    let (encoded, kept, bad) = schema.encode_readable(&csv("z,x\n1,2\n4,big\nhuge,5\n5,6\n")).unwrap();
    assert_eq!((encoded.rows(), kept), (2, vec![0, 3]));
    assert_eq!(bad[1].reason, "t.csv, line 4, column 1 'z': expected a number, received 'huge'");
    let error = schema.encode_targets(&csv("y\na\nc\n"), &[0, 1]).unwrap_err().to_string();
    assert_eq!(error, "t.csv, line 3, column 1 'y': the class 'c' is in no training row (classes: a, b)");
}
