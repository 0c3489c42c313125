//! Kinds, preprocessing and targets.

use nervure_data::*;
use proptest::prelude::*;

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
    assert_eq!(auto(&["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]), Task::Multiclass);
    assert_eq!(auto(&["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]), Task::Regression);
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

fn dense(text: &str, options: &SchemaOptions) -> (Vec<String>, ndarray::Array2<f32>) {
    let table = csv(text);
    let schema = fit(&table, options).unwrap();
    let names = schema.dense_columns().into_iter().map(|d| d.name).collect();
    (names, schema.encode(&table).unwrap().dense)
}

#[test]
fn categories() {
    // 'teal' is rare: in fewer than two rows.
    let text = "c,b,y\nred,x,0\nblue,z,1\nred,x,0\nblue,,1\nteal,x,0\n,z,1\n";
    let (names, encoded) = dense(text, &options("y"));
    assert_eq!(names, ["c=blue", "c=red", "c is rare", "c is missing", "b=z", "b is missing"]);
    let expected = ndarray::arr2(&[
        [0., 1., 0., 0., -1., 0.],
        [1., 0., 0., 0., 1., 0.],
        [0., 1., 0., 0., -1., 0.],
        [1., 0., 0., 0., 0., 1.],
        [0., 0., 1., 0., -1., 0.],
        [0., 0., 0., 1., 1., 0.],
    ]);
    assert_eq!(encoded, expected);
    let schema = fit(&csv(text), &options("y")).unwrap();
    let raw = schema.encode(&csv("c,b\nviolet,w\n")).unwrap();
    assert_eq!(raw.dense, ndarray::arr2(&[[0., 0., 1., 0., 0., 0.]]));
    assert_eq!((raw.counts[0].unseen, raw.counts[1].unseen), (1, 1));
}

#[test]
fn many_categories_are_indices() {
    let text = rows("c,x,y", 60, |i| {
        let c = if i == 59 { String::new() } else { format!("c{:02}", i % 12) };
        format!("{c},{},{}", i % 7, i % 2)
    });
    let schema = fit(&csv(&text), &options("y")).unwrap();
    assert_eq!(schema.index_columns(), [("c", 14)]);
    let encoded = schema.encode(&csv("x,c\n1,c00\n1,c11\n1,\n1,new\n")).unwrap();
    assert_eq!(encoded.indices[0].values, ndarray::arr1(&[2, 13, 1, 0]));
    assert_eq!((encoded.counts[0].missing, encoded.counts[0].unseen), (1, 1));
    let linear = encoded.to_linear();
    assert_eq!(linear.dim(), (4, 1 + 14));
    assert_eq!((linear[[0, 1 + 2]], linear[[3, 1]], linear.sum()), (1.0, 1.0, 4.0 + 4.0 * linear[[0, 0]]));
    let all = SchemaOptions { one_hot_max: 12, ..options("y") };
    assert_eq!(fit(&csv(&text), &all).unwrap().dense_width(), 12 + 1 + 1);
}

#[test]
fn booleans_and_their_absence() {
    let (names, encoded) = dense("b,y\nTRUE,0\nno,1\n,0\n", &options("y"));
    assert_eq!(names, ["b", "b is missing"]);
    assert_eq!(encoded, ndarray::arr2(&[[1., 0.], [-1., 0.], [0., 1.]]));
    // One value or none: that it is there tells something.
    let (names, encoded) = dense("b,y\ncheap,0\ncheap,1\n,0\n", &options("y"));
    assert_eq!((names, encoded), (vec!["b=cheap".into()], ndarray::arr2(&[[1.], [1.], [0.]])));
}

#[test]
fn dates_by_hand() {
    // Midnight and noon of two days: elapsed days 0, 0.5, 1, 1.5 after the first; weekdays Monday and Tuesday.
    let text = "t,y\n2024-01-01 00:00,0\n2024/01/01 12:00:00,1\n2024-01-02T00:00:00Z,0\n2024-01-02T14:00:00+02:00,1\n";
    let (names, encoded) = dense(text, &options("y"));
    let part = |name: &str| {
        let at = names.iter().position(|n| n == &format!("t {name}")).unwrap();
        encoded.column(at).to_vec()
    };
    assert_eq!(names.len(), 7, "{names:?}");
    // Deviation of 0, ½, 1, 1½ is √(5/16).
    let unit = (5.0f32 / 16.0).sqrt();
    let close = |found: Vec<f32>, expected: [f32; 4]| {
        assert!(
            found.iter().zip(&expected).all(|(f, e)| (f - e).abs() < 1e-6),
            "{found:?} is not {expected:?}"
        );
    };
    close(part("elapsed days"), [-0.75 / unit, -0.25 / unit, 0.25 / unit, 0.75 / unit]);
    close(part("hour cos"), [1.0, -1.0, 1.0, -1.0]);
    let tuesday = (std::f32::consts::TAU / 7.0).sin();
    close(part("weekday sin"), [0.0, 0.0, tuesday, tuesday]);
    let second = (std::f32::consts::TAU / 366.0).sin();
    close(part("day of year sin"), [0.0, 0.0, second, second]);
}

#[test]
fn zeros_that_stand_for_missing() {
    let set = datasets::get("diabetes").unwrap();
    let schema = fit(&set.table().unwrap(), &set.options()).unwrap();
    let indicators: Vec<String> =
        schema.dense_columns().into_iter().map(|d| d.name).filter(|n| n.ends_with(" is missing")).collect();
    assert_eq!(
        indicators,
        ["glucose", "blood_pressure", "skin_thickness", "insulin", "bmi"].map(|c| format!("{c} is missing"))
    );
    // 374 of the 768 women have no insulin value.
    let counts = schema.encode(&set.table().unwrap()).unwrap().counts;
    assert_eq!(counts.iter().find(|c| c.name == "insulin").unwrap().missing, 374);
    let text = "x,y\n0.0,1\n5,0\n7,1\n";
    let missing = [("x".to_owned(), vec!["0".to_owned()])].into();
    let (_, encoded) = dense(text, &SchemaOptions { missing, ..options("y") });
    assert_eq!(encoded.column(1).to_vec(), [1.0, 0.0, 0.0]);
}

#[test]
fn an_image_keeps_all_its_pixels() {
    let set = datasets::get("digits").unwrap();
    let table = set.table().unwrap();
    let encoded = fit(&table, &set.options()).unwrap().encode(&table).unwrap();
    assert_eq!(encoded.dense.ncols(), 64);
    let (low, high) = encoded.dense.iter().fold((f32::MAX, f32::MIN), |(l, h), &x| (l.min(x), h.max(x)));
    assert_eq!((low, high), (0.0, 1.0));
}

#[test]
fn a_column_of_numbers_with_a_stray_cell() {
    let error = |text: &str| fit(&csv(text), &options("y")).unwrap_err().to_string();
    let text = rows("x,y", 200, |i| {
        let x = if i == 117 { "12;5".into() } else { format!("{}.5", i * i % 89) };
        format!("{x},{}", i % 2)
    });
    assert_eq!(
        error(&text),
        "t.csv, line 119, column 1 'x': expected a number as in 199 of the column's 200 values, received '12;5'"
    );
    let text = text.replace("12;5", "inf");
    assert_eq!(error(&text), "t.csv, line 119, column 1 'x': expected a finite number, received 'inf'");
    let text = text.replace("inf", "1e999");
    assert_eq!(error(&text), "t.csv, line 119, column 1 'x': expected a finite number, received '1e999'");
    // Codes with few values are a category.
    let text = rows("x,y", 200, |i| format!("{},{}", ["1", "2", "3", "crew"][i % 4], i % 2));
    assert!(described(&text)[0].starts_with("x: category"));
    // A kind that was declared holds for every cell.
    let kinds = [("x".to_owned(), Kind::Number)].into();
    let error = fit(&csv(&text), &SchemaOptions { kinds, ..options("y") }).unwrap_err().to_string();
    assert_eq!(error, "t.csv, line 5, column 1 'x': expected a number, received 'crew'");
}

#[test]
fn numbers_of_rows_are_left_out_unless_nothing_else_is_there() {
    let text = rows("n,x,y", 40, |i| format!("{},{},{}", (i * 17) % 40 + 5, i % 6, i % 2));
    let lines = described(&text);
    assert_eq!(
        lines[0],
        "n: identifier, left out: it numbers the rows: whole numbers without a repetition or wide gaps"
    );
    let text = rows("x,y", 40, |i| format!("{i},{}", 3 * i + 1));
    assert!(described(&text)[0].starts_with("x: number, 0 to 39"));
    let error = fit(&csv("a,y\n1,0\n1,1\n"), &options("y")).unwrap_err().to_string();
    assert_eq!(error, "t.csv: no column is left to learn from ('a': the only value is '1')");
}

#[test]
fn columns_are_chosen() {
    let text = "a,b,c,y\n1,5,7,0\n2,6,9,1\n3,5,8,0\n";
    let used = |options: SchemaOptions| {
        let schema = fit(&csv(text), &options)?;
        Ok::<_, Error>(schema.features().map(|c| c.name.clone()).collect::<Vec<_>>())
    };
    let list = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    assert_eq!(used(options("y")).unwrap(), ["a", "b", "c"]);
    assert_eq!(used(SchemaOptions { drop: list(&["b"]), ..options("y") }).unwrap(), ["a", "c"]);
    assert_eq!(
        used(SchemaOptions { features: Some(list(&["c", "a"])), ..options("y") }).unwrap(),
        ["a", "c"]
    );
    let refused = |options: SchemaOptions| used(options).unwrap_err().to_string();
    assert_eq!(
        refused(SchemaOptions { features: Some(list(&["y"])), ..options("y") }),
        "column 'y': it is both a target and a feature"
    );
    assert_eq!(
        refused(SchemaOptions { drop: list(&["d"]), ..options("y") }),
        "t.csv: there is no column 'd' (columns: a, b, c, y)"
    );
}

#[test]
fn several_targets() {
    let text = rows("x,p,q,r,s", 30, |i| {
        format!(
            "{}.5,{},{},{},{}",
            i % 11,
            i % 2,
            ["no", "yes"][i / 3 % 2],
            i as f64 / 2.0,
            ["a", "b", "c"][i % 3]
        )
    });
    let table = csv(&text);
    let outputs = |targets: &[&str]| {
        let targets = targets.iter().map(|t| (*t).to_owned()).collect();
        let schema = fit(&table, &SchemaOptions { targets, ..Default::default() }).unwrap();
        let values = schema.encode_targets(&table, &[0, 1, 5]).unwrap();
        let outputs: Vec<_> = schema.outputs().into_iter().map(|o| (o.task, o.width)).collect();
        (schema.task(), outputs, values)
    };
    let (task, heads, values) = outputs(&["p", "q"]);
    assert_eq!((task, heads), (Task::Multilabel, vec![(Task::Multilabel, 2)]));
    assert_eq!(values, [TargetValues::Float(ndarray::arr2(&[[0., 0.], [1., 0.], [1., 1.]]))]);
    let (task, heads, values) = outputs(&["s", "r", "q"]);
    assert_eq!(task, Task::Mixed);
    assert_eq!(heads, [(Task::Multiclass, 3), (Task::Regression, 1), (Task::Binary, 1)]);
    assert_eq!(values[0], TargetValues::Class(ndarray::arr1(&[0, 1, 2])));
}

#[test]
fn targets_and_back() {
    let table = csv("x,y\n1,10\n2,20\n3,60\n");
    let schema = fit(&table, &SchemaOptions { task: TaskChoice::Regression, ..options("y") }).unwrap();
    let TargetValues::Float(values) = &schema.encode_targets(&table, &[0, 1, 2]).unwrap()[0] else {
        panic!("a regression's values are floats")
    };
    for (encoded, raw) in values.iter().zip([10.0, 20.0, 60.0]) {
        // 32 bits hold 7 digits.
        assert!((schema.targets()[0].inverse(*encoded) - raw).abs() < 1e-5);
    }
    let classes = |text: &str| fit(&csv(text), &options("y")).unwrap().targets()[0].classes().to_vec();
    assert_eq!(classes("x,y\n1,10\n2,9\n3,9.0\n"), ["9", "10"]);
    assert_eq!(classes("x,y\n1,True\n2,false\n3,TRUE\n4,True\n"), ["false", "True"]);
    assert_eq!(classes("x,y\n1,sick\n2,healthy\n3,sick\n"), ["healthy", "sick"]);
}

#[test]
fn one_class_in_training() {
    let table = csv("x,y\n1,a\n2,a\n3,b\n");
    let problem = Problem::new(&table, &options("y")).unwrap();
    let split = Split { train: vec![0, 1], validation: vec![2], test: vec![] };
    let error = Schema::fit(&table, &problem, &split).unwrap_err().to_string();
    assert_eq!(
        error,
        "t.csv: the target 'y' has only the value 'a' in the training rows; at least two are needed"
    );
}

/// A schema knows nothing of rows that it was not fitted on.
#[test]
fn a_poisoned_test_row_changes_nothing() {
    let clean = rows("x,c,t,y", 40, |i| {
        format!("{}.5,{},2024-01-{:02},{}", i * 7 % 23, ["a", "b", "c"][i % 3], i % 28 + 1, i % 2)
    });
    let poisoned = clean.replacen("0.5,a,2024-01-01,0", "1e300,never,1812-09-07,0", 1);
    assert_ne!(clean, poisoned);
    let schema = |text: &str| {
        let table = csv(text);
        let problem = Problem::new(&table, &options("y")).unwrap();
        let split = Split { train: (1..40).collect(), validation: vec![], test: vec![0] };
        Schema::fit(&table, &problem, &split).unwrap()
    };
    assert_eq!(schema(&clean), schema(&poisoned));
}

#[test]
fn stored_schemas_are_checked() {
    let schema = fit(&csv("x,c,y\n1,a,0\n2,b,1\n3,a,0\n4,b,1\n"), &options("y")).unwrap();
    let json = serde_json::to_value(&schema).unwrap();
    let altered = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut json = json.clone();
        change(&mut json);
        serde_json::from_value::<Schema>(json).map(|_| ()).map_err(|e| e.to_string())
    };
    assert_eq!(altered(&|_| ()), Ok(()));
    let refused = |change: &dyn Fn(&mut serde_json::Value)| altered(change).unwrap_err();
    assert_eq!(
        refused(&|j| j["version"] = 9.into()),
        "the schema cannot be used: it has version 9, written by a later release; this one reads up to 1"
    );
    assert!(refused(&|j| j["extra"] = 1.into()).contains("unknown field `extra`"));
    assert!(refused(&|j| j["columns"][0]["name"] = "c".into()).contains("there twice"));
    assert!(refused(&|j| j["columns"][2]["usage"]["target"] = 7.into()).contains("not the target 7"));
    assert!(refused(&|j| j["task"] = "multiclass".into()).contains("task"));
    assert!(
        refused(&|j| {
            j["columns"][1]["usage"]["feature"]["two_values"]["values"] = serde_json::json!(["b", "a"]);
        })
        .contains("out of order")
    );
    assert!(
        refused(&|j| j["targets"][0]["binary"]["classes"] = serde_json::json!(["1", "1.0"]))
            .contains("order")
    );
}

#[test]
fn ten_thousand_columns_are_encoded() {
    let header: Vec<String> = (0..10_000).map(|i| format!("c{i}")).collect();
    let text = rows(&format!("{},y", header.join(",")), 30, |i| {
        let cells: Vec<String> = (0..10_000).map(|c| ((i * i * (c + 1)) % 13).to_string()).collect();
        format!("{},{}", cells.join(","), i % 2)
    });
    let table = csv(&text);
    let problem = Problem::new(&table, &options("y")).unwrap();
    let split = Split::new(&table, &problem, &SplitOptions::default(), 1).unwrap();
    let schema = Schema::fit(&table, &problem, &split).unwrap();
    assert!(schema.encode(&table).unwrap().dense.ncols() > 9_000);
}

proptest! {
    /// Any cells whatever: an error or finite numbers, the same for a row alone and among others, and a schema that does not depend on
    /// the rows' order.
    #[test]
    fn rows_are_encoded_alone_as_among_others(
        cells in proptest::collection::vec(
            ("[0-9]{1,2}|NA|", "[abc]|", "yes|no|", "2024-0[1-9]-1[0-9]|", "[ab]"), 8..40),
        order in any::<u64>(),
    ) {
        let text = |order: &[usize]| rows("n,c,b,t,y", cells.len(), |i| {
            let (n, c, b, t, y) = &cells[order[i]];
            format!("{n},{c},{b},{t},{y}")
        });
        let forward: Vec<usize> = (0..cells.len()).collect();
        let mut other = forward.clone();
        other.rotate_left(order as usize % cells.len());
        other.reverse();
        let table = csv(&text(&forward));
        let schema = fit(&table, &options("y"));
        let schema = schema.ok();
        prop_assert_eq!(&schema, &fit(&csv(&text(&other)), &options("y")).ok());
        let Some(schema) = schema else { return Ok(()) };
        let all = schema.encode(&table).unwrap();
        prop_assert!(all.dense.iter().all(|x| x.is_finite()));
        for row in 0..table.rows() {
            let one = schema.encode_rows(&table, &[row]).unwrap();
            prop_assert_eq!(one.dense.row(0), all.dense.row(row));
        }
        let json = serde_json::to_string(&schema).unwrap();
        prop_assert_eq!(serde_json::from_str::<Schema>(&json).unwrap(), schema);
    }

    #[test]
    fn arbitrary_cells_never_panic(
        cells in proptest::collection::vec(("\\PC{0,8}|[0-9eE+.-]{0,6}|inf|NaN", "[0-9/: TZ+-]{0,20}", "[ab]"), 2..30),
    ) {
        let table = Table::from_columns("t", [
            ("a", cells.iter().map(|c| &c.0).collect::<Vec<_>>()),
            ("t", cells.iter().map(|c| &c.1).collect()),
            ("y", cells.iter().map(|c| &c.2).collect()),
        ]).unwrap();
        let Ok(problem) = Problem::new(&table, &options("y")) else { return Ok(()) };
        let Ok(split) = Split::new(&table, &problem, &SplitOptions::default(), 0) else { return Ok(()) };
        let Ok(schema) = Schema::fit(&table, &problem, &split) else { return Ok(()) };
        if let Ok(encoded) = schema.encode(&table) {
            prop_assert!(encoded.dense.iter().all(|x| x.is_finite()));
        }
        let _ = Sketch::of(&table, &schema, &split.train);
        let _ = schema.describe();
    }
}
