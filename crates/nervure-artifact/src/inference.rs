//! Running the graph that predicts, on any number of rows.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use nervure_exec::{Buffer, Plan, Plans, Store, Threads, View};
use nervure_graph::{Bindings, Dim, Graph, Type};

use crate::error::{Error, Result};

/// Rows that run at once. By batch invariance no answer depends on it.
const CHUNK: usize = 256;

/// What a replay may take, and what each byte of weights adds to it: a small file must not make much work. Convolutions over images do most for
/// their weights: some thousand operations and bytes a byte, over all recorded rows.
const MOST_BYTES: (u64, u64) = (1 << 29, 1 << 6);
const MOST_FLOPS: (u64, u64) = (1 << 36, 1 << 18);

/// A graph that predicts with its weights: plans for each size of batch, made when they are first needed. Requests may run concurrently.
#[derive(Debug)]
pub struct Inference {
    graph: Graph,
    weights: Store,
    threads: Arc<Threads>,
    plans: Plans,
}

impl Inference {
    /// Takes over the graph and its weights.
    pub fn new(graph: Graph, weights: Store) -> Inference {
        Inference { graph, weights, threads: Arc::new(Threads::new(1)), plans: Plans::new() }
    }

    /// Runs on these threads. The answers are the same bits.
    pub fn set_threads(&mut self, threads: Arc<Threads>) {
        self.threads = threads;
    }

    /// The graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The weights by path.
    pub fn weights(&self) -> &Store {
        &self.weights
    }

    /// The inputs: names and types.
    pub fn inputs(&self) -> impl ExactSizeIterator<Item = (&str, &Type)> {
        self.graph.inputs().iter().map(|&id| (self.graph.name(id), &self.graph.node(id).ty))
    }

    /// The outputs: names and types.
    pub fn outputs(&self) -> impl ExactSizeIterator<Item = (&str, &Type)> {
        self.graph.outputs().iter().map(|(name, id)| (name.as_str(), &self.graph.node(*id).ty))
    }

    /// The answers to all rows, one array an output; the inputs stand in the graph's order.
    ///
    /// Where all inputs and outputs begin with one symbol, it counts rows, which are run a few hundred at a time; where they begin with one number, that
    /// many rows are run at a time; else all is run at once. States that the graph changes go on from one time to the next, and are then as they were before.
    ///
    /// # Errors
    /// Arrays that the graph does not take; an index out of range.
    pub fn run(&self, inputs: &[Buffer]) -> Result<Vec<Buffer>> {
        let bindings = self.bind(inputs)?;
        let Some(first) = self.rows() else { return self.run_whole(&bindings, inputs) };
        let (rows, chunk) = (rows(inputs), first.as_const().unwrap_or(CHUNK));
        let output = |(_, ty): (&str, &Type)| {
            let mut shape = ty.resolve(&bindings)?;
            shape[0] = rows;
            Ok(Buffer::try_zeros(ty.dtype, &shape)?)
        };
        let mut outputs = self.outputs().map(output).collect::<Result<Vec<_>>>()?;
        let mut weights = Cow::Borrowed(&self.weights);
        for start in (0..rows).step_by(chunk) {
            let n = (rows - start).min(chunk);
            let mut bindings = bindings.clone();
            if let Some(symbol) = first.as_symbol() {
                bindings.insert(symbol.into(), n);
            }
            let views: Vec<View<'_>> = inputs.iter().map(|b| rows_of(b, rows, start..start + n)).collect();
            self.plans.run((&self.graph, &bindings), &mut weights, &self.threads, &views, |runner| {
                for (i, output) in outputs.iter_mut().enumerate() {
                    output.write(output.len() / rows * start, runner.output(i));
                }
            })?;
        }
        Ok(outputs)
    }

    /// Fails if these inputs would take memory or time out of all proportion to the weights: what a file that was made to do harm asks for.
    pub(crate) fn bound(&self, inputs: &[Buffer]) -> Result<()> {
        let rows = rows(inputs);
        let runs = self.rows().map_or(1, |first| rows.div_ceil(first.as_const().unwrap_or(CHUNK)));
        // The replay runs this very plan.
        let plan = self.plan(inputs, rows)?;
        let weights: u64 = self.weights.iter().map(|(_, b)| (b.len() * b.dtype().size()) as u64).sum();
        let taken = [
            // Of one thread: what a file may take does not depend on who reads it.
            ("bytes of memory", plan.memory(1) as u64, MOST_BYTES),
            ("operations", plan.flops().saturating_mul(runs as u64), MOST_FLOPS),
        ];
        for (what, taken, (base, each)) in taken {
            let most = weights.saturating_mul(each).saturating_add(base);
            if taken > most {
                return Err(Error::Parts(format!(
                    "the graph takes {taken} {what} for its examples: expected at most {most} with its weights"
                )));
            }
        }
        Ok(())
    }

    /// Bytes that so many rows, which are like these inputs in all but their number, take beside the weights.
    pub(crate) fn memory(&self, inputs: &[Buffer], rows: usize, threads: usize) -> Result<usize> {
        Ok(self.plan(inputs, rows)?.memory(threads))
    }

    /// What runs for so many rows of inputs like these.
    fn plan(&self, inputs: &[Buffer], rows: usize) -> Result<Arc<Plan>> {
        let mut bindings = self.bind(inputs)?;
        if let Some(symbol) = self.rows().and_then(Dim::as_symbol) {
            bindings.insert(symbol.into(), rows.min(CHUNK));
        }
        Ok(self.plans.plan(&self.graph, &bindings, &self.weights)?)
    }

    fn run_whole(&self, bindings: &Bindings, inputs: &[Buffer]) -> Result<Vec<Buffer>> {
        let views: Vec<View<'_>> = inputs.iter().map(Buffer::view).collect();
        let mut weights = Cow::Borrowed(&self.weights);
        let outputs: Vec<_> =
            self.plans.run((&self.graph, bindings), &mut weights, &self.threads, &views, |runner| {
                let outputs = runner.plan().outputs().iter().enumerate();
                outputs.map(|(i, (_, _, shape))| Buffer::from_view(shape, runner.output(i))).collect()
            })?;
        Ok(outputs.into_iter().collect::<Result<_, _>>()?)
    }

    /// The symbol, or number above 0, with which all inputs and outputs begin.
    fn rows(&self) -> Option<&Dim> {
        let mut all = self.inputs().map(|(_, ty)| ty).chain(self.outputs().map(|(_, ty)| ty));
        let first = all.next()?.shape.first()?;
        let counts = first.as_symbol().is_some() || first.as_const().is_some_and(|n| n > 0);
        (counts && all.all(|ty| ty.shape.first() == Some(first))).then_some(first)
    }

    /// What the inputs' shapes say of the graph's symbols.
    fn bind(&self, inputs: &[Buffer]) -> Result<Bindings> {
        if inputs.len() != self.graph.inputs().len() {
            let expected = self.graph.inputs().len();
            return Err(Error::Exec(nervure_exec::Error::Inputs { expected, received: inputs.len() }));
        }
        let mut bindings = Bindings::new();
        let batch = self.rows().and_then(|first| first.as_const());
        let all = rows(inputs);
        for ((name, ty), buffer) in self.inputs().zip(inputs) {
            let refuse = |expected: String| Error::Input {
                input: name.into(),
                expected,
                received: format!("{}{:?}", buffer.dtype(), buffer.shape()),
            };
            let fail = || match batch {
                Some(batch) => refuse(format!("{ty} or rows in multiples of {batch}")),
                None => refuse(ty.to_string()),
            };
            if ty.dtype != buffer.dtype() || ty.shape.len() != buffer.shape().len() {
                return Err(fail());
            }
            let mut sizes = ty.shape.iter().zip(buffer.shape());
            if let Some(batch) = batch {
                let received = sizes.next().map_or(0, |(_, &size)| size);
                if !received.is_multiple_of(batch) {
                    return Err(fail());
                }
                if received != all {
                    return Err(refuse(format!("{all} rows, as the first input has")));
                }
            }
            for (dim, &size) in sizes {
                match dim.as_symbol() {
                    Some(symbol) if *bindings.entry(symbol.to_owned()).or_insert(size) != size => {
                        return Err(fail());
                    }
                    None if dim.as_const().is_some_and(|n| n != size) => return Err(fail()),
                    Some(_) | None => {}
                }
            }
        }
        Ok(bindings)
    }
}

/// The length of the first axis of the first array.
fn rows(inputs: &[Buffer]) -> usize {
    inputs.first().and_then(|b| b.shape().first()).copied().unwrap_or(0)
}

/// Some of the rows of an array.
fn rows_of(buffer: &Buffer, rows: usize, range: Range<usize>) -> View<'_> {
    let width = buffer.len() / rows;
    buffer.view().slice(range.start * width..range.end * width)
}
