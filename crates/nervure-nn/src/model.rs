//! Models: a network with its weights.

use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use nervure_exec::{Buffer, Plan, Runner, Store, Threads, View};
use nervure_graph::{Bindings, Builder, DType, Graph};

use crate::data::{Dataset, IntoArray};
use crate::feed::{Feed, Slot};
use crate::initializers::Stream;
use crate::lower::{ParameterSpec, SEED, STEP};
use crate::network::{Inputs, Network};
use crate::optimizers::Optimizer;
use crate::word::Object;
use crate::{Error, Result};

/// What every random choice follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub u64);

/// A network with its weights: predicts, and is trained by [`Model::fit`].
#[derive(Debug)]
pub struct Model {
    pub(crate) network: Network,
    pub(crate) parameters: Vec<ParameterSpec>,
    pub(crate) store: Store,
    pub(crate) threads: Arc<Threads>,
    pub(crate) seed: u64,
    /// The optimizer whose slots the store holds.
    pub(crate) optimizer: Option<Object<dyn Optimizer>>,
    inference: Graph,
    plans: Mutex<Vec<Compiled>>,
}

/// A plan for one size of batch, with the scratch of runs that are over.
#[derive(Debug)]
struct Compiled {
    bindings: Bindings,
    plan: Arc<Plan>,
    idle: Vec<Runner>,
}

/// Plans that are kept: the full batch and the last one, for a few lengths.
const PLANS: usize = 8;
/// Rows that are predicted at once. By batch invariance no answer depends on it.
const PREDICT: usize = 256;

impl Model {
    /// The network from inputs to outputs: see [`Network::new`]. Errors come with `build`.
    #[expect(
        clippy::new_ret_no_self,
        reason = "reads as the design has it: Model::new(inputs, outputs).build(seed)"
    )]
    pub fn new<'a>(inputs: impl Into<Inputs<'a>>, outputs: impl Into<Inputs<'a>>) -> Functional {
        Functional(Network::new(inputs, outputs))
    }

    pub(crate) fn from_network(network: Network, seed: Seed) -> Result<Model> {
        network.check()?;
        let builder = Builder::new();
        let parameters = network.lower_inference(&builder)?.parameters;
        let inference = builder.finish()?;
        let mut store = Store::new();
        for p in &parameters {
            let values = p.initializer.values(&p.shape, &mut Stream::new(seed.0, &p.path));
            store.insert(&p.path, Buffer::from_f32(&p.shape, &values)?);
        }
        store.insert(SEED, Buffer::from_i64(&[], &[seed.0 as i64])?);
        store.insert(STEP, Buffer::from_i64(&[], &[0])?);
        Ok(Model {
            network,
            parameters,
            store,
            threads: Arc::new(Threads::all()),
            seed: seed.0,
            optimizer: None,
            inference,
            plans: Mutex::new(Vec::new()),
        })
    }

    /// Runs on these threads instead of one for each core. The results are the same bits.
    pub fn with_threads(mut self, threads: Arc<Threads>) -> Model {
        self.threads = threads;
        self
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The graph that predicts, with the weights as its parameters.
    pub fn graph(&self) -> &Graph {
        &self.inference
    }

    /// The weights as the layers declared them, moving statistics included.
    pub fn parameters(&self) -> &[ParameterSpec] {
        &self.parameters
    }

    /// Number of single weights.
    pub fn parameter_count(&self) -> usize {
        self.parameters.iter().map(|p| p.shape.iter().product::<usize>()).sum()
    }

    /// A weight by path.
    pub fn weight(&self, path: &str) -> Option<&Buffer> {
        self.parameters.iter().find(|p| p.path == path).and_then(|_| self.store.get(path))
    }

    /// The weights: path and values, in the order of the layers.
    pub fn weights(&self) -> impl Iterator<Item = (&str, &Buffer)> {
        self.parameters.iter().filter_map(|p| Some((p.path.as_str(), self.store.get(&p.path)?)))
    }

    /// Sets a weight.
    ///
    /// # Errors
    /// A path that no weight has, or another shape.
    pub fn set_weight(&mut self, path: &str, value: impl IntoArray) -> Result<()> {
        let value = value.into_array();
        let Some(p) = self.parameters.iter().find(|p| p.path == path) else {
            return Err(Error::Weights(format!("the network has no weight `{path}`")));
        };
        if value.dtype() != DType::F32 || value.shape() != p.shape {
            let (d, s) = (value.dtype(), value.shape());
            return Err(Error::Weights(format!(
                "weight `{path}`: expected f32{:?}, received {d}{s:?}",
                p.shape
            )));
        }
        self.store.insert(path, value);
        Ok(())
    }

    /// Everything that stays between steps: weights, optimizer's slots, seed and step.
    pub fn state(&self) -> &Store {
        &self.store
    }

    /// Takes over such a state, of a model of the same network.
    ///
    /// # Errors
    /// A weight that is absent or of another shape.
    pub fn set_state(&mut self, state: Store, optimizer: Option<Object<dyn Optimizer>>) -> Result<()> {
        for p in &self.parameters {
            let found = state.get(&p.path);
            if found.is_none_or(|b| b.dtype() != DType::F32 || b.shape() != p.shape) {
                let received = found.map_or("nothing".into(), |b| format!("{}{:?}", b.dtype(), b.shape()));
                return Err(Error::Weights(format!(
                    "weight `{}`: expected f32{:?}, received {received}",
                    p.path, p.shape
                )));
            }
        }
        for (name, value) in self.store.iter() {
            if state.get(name).is_none_or(|b| b.dtype() != value.dtype() || b.shape() != value.shape())
                && !name.starts_with("optimizer/")
            {
                return Err(Error::Weights(format!("state `{name}` is absent or of another shape")));
            }
        }
        self.seed = state.get(SEED).and_then(|b| b.as_i64()).map_or(self.seed, |s| s[0] as u64);
        self.store = state;
        self.optimizer = optimizer;
        Ok(())
    }

    /// The optimizer whose state is kept, if the model has been trained.
    pub fn optimizer(&self) -> Option<&Object<dyn Optimizer>> {
        self.optimizer.as_ref()
    }

    /// The outputs for every row, `[rows, …]`, one array an output.
    ///
    /// A row's answer is the same bits alone and in any company.
    ///
    /// # Errors
    /// [`Error::Data`] for arrays that the inputs do not take; an index out of range.
    pub fn predict_all(&self, data: &Dataset) -> Result<Vec<Buffer>> {
        let feed = Feed::new(data, &self.input_slots(), &[], false)?;
        let rows = feed.rows();
        let mut outputs: Vec<Buffer> = Vec::new();
        let mut buffers = Vec::new();
        let mut start = 0;
        loop {
            let n = (rows - start).min(PREDICT);
            let (plan, mut runner) = self.take(feed.bindings(n))?;
            match feed.views(start, n) {
                Some(views) => runner.infer(&self.threads, &self.store, &views)?,
                None => {
                    let numbers: Vec<u32> = (start as u32..(start + n) as u32).collect();
                    buffers = if start == 0 || n < PREDICT { feed.buffers(n) } else { buffers };
                    feed.fill(&numbers, &mut buffers);
                    let views: Vec<View<'_>> = buffers.iter().map(Buffer::view).collect();
                    runner.infer(&self.threads, &self.store, &views)?;
                }
            }
            for (i, (_, dtype, shape)) in plan.outputs().iter().enumerate() {
                if start == 0 {
                    let mut shape = shape.clone();
                    if let Some(first) = shape.first_mut() {
                        *first = rows;
                    }
                    outputs.push(Buffer::zeros(*dtype, &shape));
                }
                let width = outputs[i].len().checked_div(rows).unwrap_or(0);
                put(&mut outputs[i], start * width, runner.output(i));
            }
            self.give_back(plan, runner);
            start += n;
            if start >= rows {
                return Ok(outputs);
            }
        }
    }

    /// The only output for every row of the only input.
    ///
    /// # Errors
    /// As [`Model::predict_all`]; a network of several outputs.
    pub fn predict(&self, x: impl IntoArray) -> Result<Buffer> {
        let mut outputs = self.predict_all(&Dataset::of_inputs(x))?;
        match (outputs.pop(), outputs.is_empty()) {
            (Some(y), true) => Ok(y),
            _ => Err(Error::Data("the network has several outputs: use `predict_all`".into())),
        }
    }

    /// A table of the layers: output shapes and numbers of weights.
    pub fn summary(&self) -> String {
        let rows: Vec<[String; 3]> =
            self.network.layers().iter().map(|l| self.summary_row(&l.name, l.layer.kind())).collect();
        let head = ["Layer (type)", "Output", "Param #"].map(String::from);
        let width = |i: usize| rows.iter().chain([&head]).map(|r| r[i].chars().count()).max().unwrap_or(0);
        let widths = [width(0), width(1), width(2)];
        let mut out = String::new();
        for r in [&head].into_iter().chain(&rows) {
            let [a, b, c] = widths;
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{:<a$}  {:<b$}  {:>c$}", r[0], r[1], r[2]);
        }
        let count = |trainable: bool| -> usize {
            let chosen = self.parameters.iter().filter(|p| p.trainable == trainable);
            chosen.map(|p| p.shape.iter().product::<usize>()).sum()
        };
        let (yes, no) = (count(true), count(false));
        let _ = write!(out, "Total params: {} (trainable {yes}, not {no})", yes + no);
        out
    }

    fn summary_row(&self, name: &str, kind: &str) -> [String; 3] {
        let scope = |path: &str| path == name || path.starts_with(&format!("{name}/"));
        let shape = self.inference.nodes().iter().rev().find(|n| scope(&self.inference.path(n.scope)));
        let weights = self.parameters.iter().filter(|p| p.path.starts_with(&format!("{name}/")));
        let count: usize = weights.map(|p| p.shape.iter().product::<usize>()).sum();
        [
            format!("{name} ({kind})"),
            shape.map_or_else(|| "as its input".into(), |n| n.ty.to_string()),
            count.to_string(),
        ]
    }

    pub(crate) fn input_slots(&self) -> Vec<Slot> {
        let slot = |i: &crate::network::InputSpec| Slot {
            what: format!("input `{}`", i.name),
            name: i.name.clone(),
            ty: i.ty(),
        };
        self.network.inputs().iter().map(slot).collect()
    }

    fn take(&self, bindings: Bindings) -> Result<(Arc<Plan>, Runner)> {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let at = match plans.iter().position(|c| c.bindings == bindings) {
            Some(at) => at,
            None => {
                let plan = Arc::new(Plan::compile(&self.inference, &bindings, &self.store)?);
                plans.truncate(PLANS - 1);
                plans.insert(0, Compiled { bindings, plan, idle: Vec::new() });
                0
            }
        };
        let compiled = &mut plans[at];
        let plan = Arc::clone(&compiled.plan);
        let runner = compiled.idle.pop().unwrap_or_else(|| Runner::new(Arc::clone(&plan)));
        Ok((plan, runner))
    }

    fn give_back(&self, plan: Arc<Plan>, runner: Runner) {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(c) = plans.iter_mut().find(|c| Arc::ptr_eq(&c.plan, &plan)) {
            c.idle.push(runner);
        }
    }
}

/// A functional network that is yet to be built.
#[derive(Debug)]
pub struct Functional(Result<Network>);

impl Functional {
    /// The network as plain data: a layer for another one.
    ///
    /// # Errors
    /// See [`Network::new`].
    pub fn network(self) -> Result<Network> {
        self.0
    }

    /// A model with fresh weights.
    ///
    /// # Errors
    /// See [`Network::new`]; [`Error::Layer`] for a layer that does not take what it is given.
    pub fn build(self, seed: Seed) -> Result<Model> {
        self.0?.build(seed)
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
