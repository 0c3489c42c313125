//! Sketches.

use nervure_data::*;

use crate::{csv, fit, options, rows};

#[test]
fn what_columns_hold() {
    let text = rows("x,c,b,t,y", 100, |i| {
        let x = if i == 3 { String::new() } else { i.to_string() + ".5" };
        let c = ["red", "red", "blue", "green"][i % 4];
        format!("{x},{c},{},2024-01-{:02},{}", ["T", "f"][i % 2], i % 10 + 1, i % 2)
    });
    let table = csv(&text);
    let schema = fit(&table, &options("y")).unwrap();
    let all: Vec<usize> = (0..100).collect();
    let sketch = Sketch::of(&table, &schema, &all).unwrap();
    let x = sketch.column("x").unwrap();
    assert_eq!(x.missing, 1);
    let ValueSketch::Numbers(numbers) = &x.values else { panic!("x is a number") };
    assert_eq!((numbers.count, numbers.min, numbers.max), (99, 0.5, 99.5));
    // 4950 − 3 + 99 · 0.5, over 99.
    assert!((numbers.mean - (4947.0 + 49.5) / 99.0).abs() < 1e-12);
    assert_eq!(numbers.edges.len(), 9);
    assert_eq!(numbers.counts, [10, 10, 10, 10, 10, 9, 10, 10, 10, 10]);
    assert_eq!((numbers.bin(-5.0), numbers.bin(1e9)), (0, 9));
    let values = |name: &str| sketch.column(name).unwrap().values.clone();
    let top = |top: &[(&str, usize)]| ValueSketch::Categories {
        top: top.iter().map(|(t, n)| ((*t).to_owned(), *n)).collect(),
        other: 0,
        distinct: top.len(),
    };
    assert_eq!(values("c"), top(&[("red", 50), ("blue", 25), ("green", 25)]));
    assert_eq!(values("b"), top(&[("false", 50), ("true", 50)]));
    let ValueSketch::Dates(dates) = values("t") else { panic!("t is a date") };
    // 2024-01-01 is day 19723.
    assert_eq!((dates.min, dates.max), (19723.0, 19732.0));
    let json = serde_json::to_string(&sketch).unwrap();
    assert_eq!(serde_json::from_str::<Sketch>(&json).unwrap(), sketch);
    let broken = json.replacen("\"count\":99", "\"count\":98", 1);
    assert!(serde_json::from_str::<Sketch>(&broken).is_err());
}

#[test]
fn few_distinct_numbers_share_no_edge() {
    let table = csv(&rows("x,y", 40, |i| format!("{},{}", i % 3, i % 2)));
    let schema = fit(&table, &options("y")).unwrap();
    let sketch = Sketch::of(&table, &schema, &(0..40).collect::<Vec<_>>()).unwrap();
    let ValueSketch::Numbers(numbers) = &sketch.columns[0].values else { panic!("x is a number") };
    assert_eq!(numbers.edges, [0.0, 1.0]);
    assert_eq!(numbers.counts, [14, 13, 13]);
}
