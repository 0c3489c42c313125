//! Splits.

use std::collections::HashMap;

use nervure_data::*;
use proptest::prelude::*;

use crate::{csv, options, rows};

fn problem(table: &Table) -> Problem {
    Problem::new(table, &options("y")).unwrap()
}

fn by(method: &str) -> SplitOptions {
    SplitOptions { method: Some(method.parse().unwrap()), ..SplitOptions::default() }
}

fn parts(split: &Split) -> [&[usize]; 3] {
    [&split.train, &split.validation, &split.test]
}

/// Which part each row is in; fails unless every row is in exactly one.
fn part_of(split: &Split, rows: usize) -> Vec<usize> {
    let mut part = vec![None; rows];
    for (i, rows) in parts(split).into_iter().enumerate() {
        for &row in rows {
            assert_eq!(part[row].replace(i), None, "row {row} is in two parts");
        }
        assert!(rows.is_sorted());
    }
    part.into_iter().map(|p| p.expect("every row is in a part")).collect()
}

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

/// The rows for the seed 42, as an independent program of the documented generator gives them: on every machine the same.
#[test]
fn a_seed_is_forever() {
    let table = csv(&rows("x,y", 20, |i| format!("{}.5,{}", i * i, i % 2)));
    let split = Split::new(&table, &problem(&table), &SplitOptions::default(), 42).unwrap();
    assert_eq!(parts(&split)[2], SEED_42_TEST);
    assert_eq!(parts(&split)[1], SEED_42_VALIDATION);
    let other = Split::new(&table, &problem(&table), &SplitOptions::default(), 43).unwrap();
    assert_ne!(split, other);
}

const SEED_42_TEST: [usize; 4] = [0, 1, 18, 19];
const SEED_42_VALIDATION: [usize; 3] = [7, 10, 16];

#[test]
fn times() {
    let table = csv(&rows("when,x,y", 50, |i| {
        format!("2024-{:02}-{:02},{},{}", 12 - i / 5, i % 5 + 1, i % 7, i % 2)
    }));
    let split = Split::new(&table, &problem(&table), &by("time:when"), 0).unwrap();
    // Later lines are earlier months; within a month later lines are later days.
    assert_eq!(split.test, (0..10).collect::<Vec<_>>());
    assert_eq!(split.validation, [10, 11, 12, 13, 14, 17, 18, 19]);
    let late = csv("when,y\n2024-01-01,1\nsoon,0\n2024-01-02,0\n");
    let error = Split::new(&late, &problem(&late), &by("time:when"), 0).unwrap_err().to_string();
    assert!(error.starts_with("t.csv, line 3, column 1 'when': expected a date"), "{error}");
}

#[test]
fn few_rows() {
    // Three rows suffice for three parts; two do not.
    let table = csv("x,y\n1,0\n2,1\n3,1.5\n");
    let split = Split::new(&table, &problem(&table), &SplitOptions::default(), 1).unwrap();
    assert!(parts(&split).iter().all(|p| p.len() == 1));
    let table = csv("x,y\n1,0\n2,1\n");
    let error = Split::new(&table, &problem(&table), &SplitOptions::default(), 1).unwrap_err();
    assert_eq!(error.to_string(), "t.csv: 2 rows are too few to split: no row is left for validation");
    // Without the other parts all is training.
    let none = SplitOptions { test: 0.0, validation: 0.0, method: None };
    assert_eq!(Split::new(&table, &problem(&table), &none, 1).unwrap(), Split::all(&table));
}

#[test]
fn methods_are_read() {
    assert_eq!("group:a:b".parse(), Ok(SplitMethod::Group("a:b".into())));
    assert!("time:".parse::<SplitMethod>().is_err());
    let table = csv("x,y\n1,0\n2,1\n3,1\n");
    let error = Split::new(&table, &problem(&table), &by("group:z"), 1).unwrap_err().to_string();
    assert_eq!(error, "t.csv: there is no column 'z' (columns: x, y)");
}

#[test]
fn an_identifier_does_not_hide_duplicates() {
    let table = csv(&rows("id,x,y", 60, |i| format!("{},{},{}", 900 + i, i % 20, i % 2)));
    let split = Split::new(&table, &problem(&table), &SplitOptions::default(), 3).unwrap();
    let part = part_of(&split, 60);
    assert!((0..60).all(|row| part[row] == part[row % 20]));
}

/// The remainders of rounding would go to the classes of one row.
#[test]
fn a_class_of_one_row_is_in_training() {
    let table = csv(&rows("x,y", 23, |i| {
        format!("{}.5,{}", i * i, ["a", "b", "c", "d", "e"][i.saturating_sub(18).max(i % 2)])
    }));
    let split = Split::new(&table, &problem(&table), &SplitOptions::default(), 3).unwrap();
    assert!((20..23).all(|row| split.train.contains(&row)), "{split:?}");
}

#[test]
fn values_that_repeat_by_nature_are_split() {
    let table = csv(&rows("b,y", 100, |i| format!("{},{}", ["yes", "no"][i / 2 % 2], i % 2)));
    let split = Split::new(&table, &problem(&table), &SplitOptions::default(), 3).unwrap();
    assert_eq!(parts(&split).map(<[usize]>::len), [64, 16, 20]);
}

proptest! {
    #[test]
    fn a_partition_with_duplicates_on_one_side_and_shares_of_classes(
        cells in proptest::collection::vec((0..40u32, 0..3u32), 40..200),
        seed in any::<u64>(),
    ) {
        // The class follows from x: equal rows are of one class, so that shares are bounded by the size of units.
        let table = csv(&rows("x,z,y", cells.len(), |i| {
            let (x, z) = cells[i];
            format!("{x},{z},{}", ["a", "b", "c"][x as usize % 3])
        }));
        let split = Split::new(&table, &problem(&table), &SplitOptions::default(), seed).unwrap();
        let part = part_of(&split, cells.len());
        prop_assert!(parts(&split).iter().all(|p| !p.is_empty()));
        let mut first: HashMap<(u32, u32), usize> = HashMap::new();
        let mut sizes: HashMap<(u32, u32), usize> = HashMap::new();
        for (row, &cell) in cells.iter().enumerate() {
            prop_assert_eq!(part[row], part[*first.entry(cell).or_insert(row)]);
            *sizes.entry(cell).or_default() += 1;
        }
        let largest = *sizes.values().max().unwrap();
        for class in 0..3 {
            let of_class = |part: usize| {
                let rows = parts(&split)[part];
                rows.iter().filter(|&&r| cells[r].0 % 3 == class).count()
            };
            let total = of_class(0) + of_class(1) + of_class(2);
            if total > 0 {
                prop_assert!(of_class(0) > 0, "class {} has no training row", class);
                let expected = total as f64 * 0.2;
                // Rounding, and what is left when no further unit fits.
                prop_assert!((of_class(2) as f64 - expected).abs() <= 1.0 + largest as f64);
            }
        }
        let again = Split::new(&table, &problem(&table), &SplitOptions::default(), seed).unwrap();
        prop_assert_eq!(split, again);
    }

    #[test]
    fn groups_stay_on_one_side(
        groups in proptest::collection::vec(0..12u32, 60..150),
        seed in any::<u64>(),
    ) {
        let table = csv(&rows("g,x,y", groups.len(), |i| format!("g{},{}.5,{}", groups[i], i * i, i % 2)));
        let split = Split::new(&table, &problem(&table), &by("group:g"), seed).unwrap();
        let part = part_of(&split, groups.len());
        let mut of: HashMap<u32, usize> = HashMap::new();
        for (row, &group) in groups.iter().enumerate() {
            prop_assert_eq!(part[row], *of.entry(group).or_insert(part[row]));
        }
    }

    #[test]
    fn time_goes_forward(
        times in proptest::collection::vec(0..30i32, 20..80).prop_filter("three moments", |t| {
            t.iter().collect::<std::collections::HashSet<_>>().len() >= 3
        }),
    ) {
        let table = csv(&rows("t,x,y", times.len(), |i| format!("{},{}.5,{}", times[i], i, i % 2)));
        let split = Split::new(&table, &problem(&table), &by("time:t"), 0).unwrap();
        part_of(&split, times.len());
        let range = |rows: &[usize]| {
            let times = rows.iter().map(|&r| times[r]);
            (times.clone().min().unwrap(), times.max().unwrap())
        };
        let [train, validation, test] = parts(&split).map(range);
        prop_assert!(train.1 < validation.0 && validation.1 < test.0);
    }
}
