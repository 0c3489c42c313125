//! Splits.

use nervure_data::*;

use crate::{csv, rows};

#[test]
fn shares_of_classes() {
    let set = datasets::get("diabetes").unwrap();
    let table = set.table().unwrap();
    let problem = Problem::new(&table, &set.options()).unwrap();
    let split = Split::new(&table, &problem, &SplitOptions::default(), 7).unwrap();
    let positives = |rows: &[usize]| {
        let outcome = table.column("outcome").unwrap();
        rows.iter().filter(|&&r| outcome.get(r) == "1").count()
    };
    // 768 rows, 268 positives; a fifth is test, a fifth of the rest validation.
    assert_eq!((split.test.len(), split.validation.len(), split.train.len()), (154, 123, 491));
    assert_eq!((positives(&split.test), positives(&split.validation)), (54, 43));
}

#[test]
fn times() {
    let table = csv(&rows("when,x,y", 50, |i| {
        format!("2024-{:02}-{:02},{},{}", 12 - i / 5, i % 5 + 1, i % 7, i % 2)
    }));
    let problem = Problem::new(&table, &SchemaOptions::default()).unwrap();
    let options = SplitOptions { method: Some("time:when".parse().unwrap()), ..SplitOptions::default() };
    let split = Split::new(&table, &problem, &options, 0).unwrap();
    // Later lines are earlier months; within a month later lines are later days.
    assert_eq!(split.test, (0..10).collect::<Vec<_>>());
    assert_eq!(split.validation, [10, 11, 12, 13, 14, 17, 18, 19]);
}
