//! Running the graph that predicts, on any number of rows.

use std::sync::{Arc, Mutex, PoisonError};

use nervure_exec::{Buffer, Plan, Runner, Store, Threads, View};
use nervure_graph::{Bindings, Graph, Op, Type};

use crate::error::{Error, Result};

/// Rows that run at once. By batch invariance no answer depends on it.
const CHUNK: usize = 256;
/// Plans that are kept.
const PLANS: usize = 8;

/// A graph that predicts with its weights: plans for each size of batch, made when they are first needed. Requests may run concurrently.
#[derive(Debug)]
pub struct Inference {
    graph: Graph,
    weights: Store,
    threads: Arc<Threads>,
    plans: Mutex<Vec<Compiled>>,
}

/// A plan with the scratch of runs that are over.
#[derive(Debug)]
struct Compiled {
    bindings: Bindings,
    plan: Arc<Plan>,
    idle: Vec<Runner>,
}

impl Inference {
    /// Takes over the graph and its weights.
    pub fn new(graph: Graph, weights: Store) -> Inference {
        Inference { graph, weights, threads: Arc::new(Threads::new(1)), plans: Mutex::new(Vec::new()) }
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
        self.graph.inputs().iter().map(|&id| {
            let node = self.graph.node(id);
            let name = if let Op::Input { name, .. } = &node.op { name.as_str() } else { "" };
            (name, &node.ty)
        })
    }

    /// The outputs: names and types.
    pub fn outputs(&self) -> impl ExactSizeIterator<Item = (&str, &Type)> {
        self.graph.outputs().iter().map(|(name, id)| (name.as_str(), &self.graph.node(*id).ty))
    }

    /// The answers to all rows, one array an output; the inputs stand in the graph's order.
    ///
    /// Where all inputs and outputs begin with one symbol, it counts rows, which are run a few hundred at a time; else all is run at once.
    ///
    /// # Errors
    /// Arrays that the graph does not take; an index out of range.
    pub fn run(&self, inputs: &[Buffer]) -> Result<Vec<Buffer>> {
        let bindings = self.bind(inputs)?;
        let Some(symbol) = self.rows() else { return self.run_whole(bindings, inputs) };
        let rows = bindings.get(symbol).copied().unwrap_or(0);
        let mut outputs = self
            .outputs()
            .map(|(_, ty)| Ok(Buffer::zeros(ty.dtype, &ty.resolve(&bindings)?)))
            .collect::<Result<Vec<_>>>()?;
        for start in (0..rows).step_by(CHUNK) {
            let n = (rows - start).min(CHUNK);
            let mut bindings = bindings.clone();
            bindings.insert(symbol.into(), n);
            let views: Vec<View<'_>> = inputs.iter().map(|b| part(b, rows, start, n)).collect();
            self.with_runner(bindings, &views, |_, runner| {
                for (i, output) in outputs.iter_mut().enumerate() {
                    let width = output.len() / rows;
                    put(output, start * width, runner.output(i));
                }
                Ok(())
            })?;
        }
        Ok(outputs)
    }

    fn run_whole(&self, bindings: Bindings, inputs: &[Buffer]) -> Result<Vec<Buffer>> {
        let views: Vec<View<'_>> = inputs.iter().map(Buffer::view).collect();
        self.with_runner(bindings, &views, |plan, runner| {
            let ports = plan.outputs().iter().enumerate();
            ports.map(|(i, (_, _, shape))| Ok(Buffer::from_view(shape, runner.output(i))?)).collect()
        })
    }

    fn with_runner<R>(
        &self,
        bindings: Bindings,
        views: &[View<'_>],
        read: impl FnOnce(&Plan, &Runner) -> Result<R>,
    ) -> Result<R> {
        let (plan, mut runner) = self.take(bindings)?;
        runner.infer(&self.threads, &self.weights, views)?;
        let result = read(&plan, &runner);
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(c) = plans.iter_mut().find(|c| Arc::ptr_eq(&c.plan, &plan)) {
            c.idle.push(runner);
        }
        result
    }

    fn take(&self, bindings: Bindings) -> Result<(Arc<Plan>, Runner)> {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if !plans.iter().any(|c| c.bindings == bindings) {
            let plan = Arc::new(Plan::compile(&self.graph, &bindings, &self.weights)?);
            plans.truncate(PLANS - 1);
            plans.insert(0, Compiled { bindings: bindings.clone(), plan, idle: Vec::new() });
        }
        let at = plans.iter().position(|c| c.bindings == bindings).unwrap_or(0);
        let plan = Arc::clone(&plans[at].plan);
        let runner = plans[at].idle.pop().unwrap_or_else(|| Runner::new(Arc::clone(&plan)));
        Ok((plan, runner))
    }

    /// The symbol with which all inputs and outputs begin.
    fn rows(&self) -> Option<&str> {
        let mut all = self.inputs().map(|(_, ty)| ty).chain(self.outputs().map(|(_, ty)| ty));
        let symbol = all.next()?.shape.first()?.as_symbol()?;
        all.all(|ty| ty.shape.first().and_then(|d| d.as_symbol()) == Some(symbol)).then_some(symbol)
    }

    /// What the inputs' shapes say of the graph's symbols.
    fn bind(&self, inputs: &[Buffer]) -> Result<Bindings> {
        if inputs.len() != self.graph.inputs().len() {
            let expected = self.graph.inputs().len();
            return Err(Error::Exec(nervure_exec::Error::Inputs { expected, received: inputs.len() }));
        }
        let mut bindings = Bindings::new();
        for ((name, ty), buffer) in self.inputs().zip(inputs) {
            let fail = || Error::Input {
                input: name.into(),
                expected: ty.to_string(),
                received: format!("{}{:?}", buffer.dtype(), buffer.shape()),
            };
            if ty.dtype != buffer.dtype() || ty.shape.len() != buffer.shape().len() {
                return Err(fail());
            }
            for (dim, &size) in ty.shape.iter().zip(buffer.shape()) {
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

/// `n` rows of an array, from `start`.
fn part(buffer: &Buffer, rows: usize, start: usize, n: usize) -> View<'_> {
    let width = buffer.len() / rows;
    let range = start * width..(start + n) * width;
    match buffer.view() {
        View::F32(v) => View::F32(&v[range]),
        View::I32(v) => View::I32(&v[range]),
        View::I64(v) => View::I64(&v[range]),
        View::U8(v) => View::U8(&v[range]),
        View::Bool(v) => View::Bool(&v[range]),
    }
}

/// Copies elements to place `at` of an array of the same type.
fn put(to: &mut Buffer, at: usize, from: View<'_>) {
    macro_rules! typed {
        ($($family:ident $get_mut:ident),*) => {
            match from {
                $(View::$family(v) => if let Some(to) = to.$get_mut() { to[at..at + v.len()].copy_from_slice(v) })*
            }
        };
    }
    typed!(F32 as_f32_mut, I32 as_i32_mut, I64 as_i64_mut, U8 as_u8_mut, Bool as_bool_mut);
}
