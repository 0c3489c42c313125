//! Feeding: the rows of a data set as the inputs of a plan.

use std::collections::BTreeSet;
use std::sync::Arc;

use nervure_exec::{Buffer, Threads, View};
use nervure_graph::{Bindings, Dim, Type};

use crate::data::{Column, Dataset, convert, gather_rows, slice};
use crate::entrance::Entrance;
use crate::network::BATCH;
use crate::values::{Elements, HostType, Values};
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
    /// Matches inputs (and targets, and the weights of rows, if they are wanted) with what the plan takes. Layers on the host do their part here, once for all rows.
    pub fn new(data: &Dataset, entrance: &Entrance, targets: &[Slot], weighted: bool) -> Result<Feed> {
        let rows = data.rows()?;
        let size = |ty: &HostType| ty.shape.first().and_then(|rows| rows.as_const());
        let fixed = entrance.inputs.iter().find_map(|(name, ty)| size(ty).map(|n| (name, n)));
        if let Some((name, n)) = fixed.filter(|(_, n)| !rows.is_multiple_of(*n)) {
            let expected = format!("rows in multiples of {n}, its batch_size");
            return Err(Error::Data(format!("input `{name}`: expected {expected}, received {rows}")));
        }
        let mut feed =
            Feed { arrays: Vec::new(), selection: data.selection.clone(), rows, bindings: Bindings::new() };
        let what = |(name, ty): &(String, HostType)| (format!("input `{name}`"), name.clone(), ty.clone());
        let inputs: Vec<_> = entrance.inputs.iter().map(what).collect();
        let columns = matched(&inputs, &data.inputs)?;
        for gate in &entrance.gates {
            let (what, _, ty) = &inputs[gate.input];
            let values = &columns[gate.input].values;
            if gate.is_plain() {
                feed.add(what, &gate.ty, values.numbers(what)?)?;
                continue;
            }
            let values = feed.held(what, ty, values)?;
            feed.add(what, &gate.ty, &gate.encode(values)?)?;
        }
        let what = |s: &Slot| (s.what.clone(), s.name.clone(), HostType::from(s.ty.clone()));
        let slots: Vec<_> = targets.iter().map(what).collect();
        if !slots.is_empty() {
            for (slot, column) in targets.iter().zip(matched(&slots, &data.targets)?) {
                feed.add(&slot.what, &slot.ty, column.values.numbers(&slot.what)?)?;
            }
        }
        if weighted {
            let weights = match &data.weights {
                Some(w) => convert("sample weights", w, nervure_graph::DType::F32)?,
                None => {
                    let all = data.inputs.first().map_or(0, |c| c.values.shape()[0]);
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

    /// Values for a layer on the host, of the type that the network's input has.
    fn held(&mut self, what: &str, ty: &HostType, values: &Values) -> Result<Values> {
        let wrong = || Error::Data(format!("{what}: expected {ty}, received {}", values.ty()));
        let values = match (ty.elements, values) {
            (Elements::Text, Values::Texts(_)) => values.clone(),
            (Elements::Numbers(dtype), Values::Numbers(numbers)) => {
                Values::Numbers(convert(what, numbers, dtype)?)
            }
            (Elements::Text, Values::Numbers(_)) | (Elements::Numbers(_), Values::Texts(_)) => {
                return Err(wrong());
            }
        };
        if self.fits(&ty.shape, values.shape()) { Ok(values) } else { Err(wrong()) }
    }

    fn add(&mut self, what: &str, ty: &Type, given: &Arc<Buffer>) -> Result<()> {
        let array = convert(what, given, ty.dtype)?;
        let shape = array.shape();
        if !self.fits(&ty.shape, shape) {
            let received = given.dtype();
            return Err(Error::Data(format!("{what}: expected {ty}, received {received}{shape:?}")));
        }
        let width = shape[1..].iter().product();
        self.arrays.push((array, width));
        Ok(())
    }

    /// Whether an array has the shape that is expected, which says what symbols stand for.
    fn fits(&mut self, expected: &[Dim], mut received: &[usize]) -> bool {
        // A last axis of size 1 may be left out, or be too much: `[n]` and `[n, 1]` are both one number a row.
        let mut expected = expected.to_vec();
        if expected.len() == received.len() + 1 && expected.last().is_some_and(|d| d.is(1)) {
            expected.pop();
        }
        if received.len() == expected.len() + 1 && received.last() == Some(&1) {
            received = &received[..expected.len()];
        }
        if received.len() != expected.len() {
            return false;
        }
        expected.iter().zip(received).skip(1).all(|(d, &n)| {
            if let Some(symbol) = d.as_symbol() {
                self.bindings.entry(symbol.to_string()).or_insert(n);
            }
            d.resolve(&self.bindings).ok() == Some(n)
        })
    }
}

/// The column of each place, which has a description, a name and a type: by name, or by place where the data have no names.
fn matched<'a>(places: &[(String, String, HostType)], columns: &'a [Column]) -> Result<Vec<&'a Column>> {
    let unknown = |c: &&Column| c.name.as_ref().is_some_and(|n| places.iter().all(|(_, name, _)| name != n));
    if let Some(c) = columns.iter().find(unknown) {
        let known = places.iter().map(|(_, name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        let received = c.name.as_deref().unwrap_or_default();
        return Err(Error::Data(format!("the network has no `{received}`, only {known}")));
    }
    let mut names = BTreeSet::new();
    if let Some(name) = columns.iter().filter_map(|c| c.name.as_ref()).find(|n| !names.insert(*n)) {
        return Err(Error::Data(format!("expected one array for `{name}`, received several")));
    }
    let find = |(at, (what, name, ty)): (usize, &(String, String, HostType))| {
        let by_name = columns.iter().find(|c| c.name.as_ref() == Some(name));
        let by_place = || columns.get(at).filter(|c| c.name.is_none() && columns.len() == places.len());
        by_name.or_else(by_place).ok_or_else(|| {
            Error::Data(format!("{what}: expected {ty}, received nothing by that name or in that place"))
        })
    };
    places.iter().enumerate().map(find).collect()
}
