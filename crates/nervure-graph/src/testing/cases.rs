//! One or more small graphs for each primitive, and for each function, reduction, pooling and layout that it knows.

mod elementwise;
mod movement;
mod scans;
mod windows;

use crate::{Bindings, Dim, Shape};

use super::{Case, Writer};

/// A case for every variant of [`Op`](crate::Op), every function of one and two operands, every reduction and pooling; matrix products with each
/// transposition; convolutions and poolings of one to three axes with strides, dilation, groups and both paddings; scans in both directions.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    elementwise::add(&mut cases);
    movement::add(&mut cases);
    windows::add(&mut cases);
    scans::add(&mut cases);
    cases
}

/// Writes a case under `batch` = 3 and `time` = 4.
fn case(cases: &mut Vec<Case>, name: impl Into<String>, write: impl FnOnce(&Writer)) -> &mut Case {
    let name = name.into();
    let writer = Writer::new(cases.len() as u64, Bindings::from([("batch".into(), 3), ("time".into(), 4)]));
    write(&writer);
    cases.push(writer.finish(&name));
    cases.last_mut().expect("a case was just added")
}

/// Fixed sizes.
fn fixed(sizes: &[usize]) -> Shape {
    sizes.iter().map(|&n| n.into()).collect()
}

/// Fixed sizes after an axis `batch`.
fn batched(sizes: &[usize]) -> Shape {
    [&[Dim::symbol("batch")], &fixed(sizes)[..]].concat()
}
