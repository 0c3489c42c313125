//! Feeding: the rows of a data set as the inputs of a plan.

use std::collections::BTreeSet;
use std::sync::Arc;

use nervure_exec::{Buffer, Threads, View};
use nervure_graph::{Bindings, Type};

use crate::data::{Column, Dataset, convert, gather_rows, slice};
use crate::network::BATCH;
use crate::{Error, Result};

/// What a plan wants to be fed with.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    /// For messages: `input `x``.
    pub what: String,
    /// The name by which a data set may have it.
    pub name: String,
    /// Its type, with the symbolic batch first.
    pub ty: Type,
}

/// Arrays of the types that a plan wants, in its order, with the rows that count.
#[derive(Debug)]
pub(crate) struct Feed {
    arrays: Vec<(Arc<Buffer>, usize)>,
    selection: Option<Arc<[u32]>>,
    rows: usize,
    /// Sizes of symbols other than the batch, as the data have them.
    bindings: Bindings,
}

impl Feed {
    /// Matches inputs (and targets, and the weights of rows, if they are wanted) with what the plan takes.
    pub fn new(data: &Dataset, inputs: &[Slot], targets: &[Slot], weighted: bool) -> Result<Feed> {
        let rows = data.rows()?;
        let size = |slot: &Slot| slot.ty.shape.first().and_then(|rows| rows.as_const());
        let fixed = inputs.iter().find_map(|slot| size(slot).map(|n| (slot, n)));
        if let Some((slot, n)) = fixed.filter(|(_, n)| !rows.is_multiple_of(*n)) {
            let expected = format!("rows in multiples of {n}, its batch_size");
            return Err(Error::Data(format!("{}: expected {expected}, received {rows}", slot.what)));
        }
        let mut feed =
            Feed { arrays: Vec::new(), selection: data.selection.clone(), rows, bindings: Bindings::new() };
        for (slots, columns) in [(inputs, &data.inputs), (targets, &data.targets)] {
            if slots.is_empty() {
                continue;
            }
            if let Some(c) =
                columns.iter().find(|c| c.name.as_ref().is_some_and(|n| slots.iter().all(|s| s.name != *n)))
            {
                let known = slots.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(", ");
                return Err(Error::Data(format!(
                    "the network has no `{}`, only {known}",
                    c.name.as_deref().unwrap_or_default()
                )));
            }
            let mut names = BTreeSet::new();
            if let Some(name) = columns.iter().filter_map(|c| c.name.as_ref()).find(|n| !names.insert(*n)) {
                return Err(Error::Data(format!("expected one array for `{name}`, received several")));
            }
            for (at, slot) in slots.iter().enumerate() {
                feed.add(slot, find(slot, at, slots, columns)?)?;
            }
        }
        if weighted {
            let weights = match &data.weights {
                Some(w) => convert("sample weights", w, nervure_graph::DType::F32)?,
                None => {
                    let all = data.inputs.first().map_or(0, |c| c.array.shape()[0]);
                    Arc::new(Buffer::from_f32(&[all], &vec![1.0; all])?)
                }
            };
            if weights.shape().len() != 1 {
                return Err(Error::Data(format!(
                    "sample weights: expected a number a row, received shape {:?}",
                    weights.shape()
                )));
            }
            feed.arrays.push((weights, 1));
        }
        Ok(feed)
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// What the symbols stand for in a batch of `rows` rows.
    pub fn bindings(&self, rows: usize) -> Bindings {
        let mut all = self.bindings.clone();
        all.insert(BATCH.into(), rows);
        all
    }

    /// Buffers for batches of `rows` rows.
    pub fn buffers(&self, rows: usize) -> Vec<Buffer> {
        let of = |(a, _): &(Arc<Buffer>, usize)| {
            let mut shape = a.shape().to_vec();
            shape[0] = rows;
            Buffer::zeros(a.dtype(), &shape)
        };
        self.arrays.iter().map(of).collect()
    }

    /// Copies rows (numbers within the data set) into buffers of that many rows; `picked` is scratch.
    ///
    /// The threads that run the step gather its batch just before it: a few percent of a step at most. A thread that gathers ahead while they are at
    /// work takes a core from one of them, for which the others wait.
    pub fn fill(&self, threads: &Threads, rows: &[u32], buffers: &mut [Buffer], picked: &mut Vec<u32>) {
        let rows = match &self.selection {
            Some(s) => {
                picked.clear();
                picked.extend(rows.iter().map(|&r| s[r as usize]));
                picked
            }
            None => rows,
        };
        for ((array, width), to) in self.arrays.iter().zip(buffers) {
            gather_rows(threads, array, *width, rows, to);
        }
    }

    /// Neighbouring rows where they lie, if they lie together.
    pub fn views(&self, start: usize, count: usize) -> Option<Vec<View<'_>>> {
        if self.selection.is_some() {
            return None;
        }
        Some(
            self.arrays
                .iter()
                .map(|(a, width)| slice(a.view(), start * width..(start + count) * width))
                .collect(),
        )
    }

    fn add(&mut self, slot: &Slot, column: &Column) -> Result<()> {
        let array = convert(&slot.what, &column.array, slot.ty.dtype)?;
        let shape = array.shape();
        let wrong = || {
            Error::Data(format!(
                "{}: expected {}, received {}{shape:?}",
                slot.what,
                slot.ty,
                column.array.dtype()
            ))
        };
        // A last axis of size 1 may be left out, or be too much: `[n]` and `[n, 1]` are both one number a row.
        let mut expected = slot.ty.shape.clone();
        if expected.len() == shape.len() + 1 && expected.last().is_some_and(|d| d.is(1)) {
            expected.pop();
        }
        let mut received = shape;
        if received.len() == expected.len() + 1 && received.last() == Some(&1) {
            received = &received[..expected.len()];
        }
        if received.len() != expected.len() {
            return Err(wrong());
        }
        for (d, &n) in expected.iter().zip(received).skip(1) {
            let mut symbols = Vec::new();
            d.symbols(&mut symbols);
            if let [symbol] = &symbols[..]
                && *d == nervure_graph::Dim::symbol(symbol)
            {
                self.bindings.entry(symbol.clone()).or_insert(n);
            }
            if d.resolve(&self.bindings).ok() != Some(n) {
                return Err(wrong());
            }
        }
        let width = shape[1..].iter().product();
        self.arrays.push((array, width));
        Ok(())
    }
}

/// The column of a slot: by name, or by place where the data have no names.
fn find<'a>(slot: &Slot, at: usize, slots: &[Slot], columns: &'a [Column]) -> Result<&'a Column> {
    let by_name = columns.iter().find(|c| c.name.as_ref() == Some(&slot.name));
    let by_place = || columns.get(at).filter(|c| c.name.is_none() && columns.len() == slots.len());
    by_name.or_else(by_place).ok_or_else(|| {
        Error::Data(format!(
            "{}: expected {}, received nothing by that name or in that place",
            slot.what, slot.ty
        ))
    })
}
