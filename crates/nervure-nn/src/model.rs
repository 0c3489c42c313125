//! Models: a network with its weights.

use std::borrow::Cow;
use std::sync::Arc;

use nervure_exec::{Buffer, Plans, Store, Threads};
use nervure_graph::{Builder, DType, Graph};

use crate::data::{Dataset, IntoArray};
use crate::entrance::Entrance;
use crate::feed::Feed;
use crate::lower::{LayerCall, ParameterSpec, SEED, STEP, TRAINING};
use crate::network::{Inputs, Network};
use crate::optimizers::{ITERATIONS, LEARNING_RATE, OPTIMIZER, Optimizer};
use crate::summary::summary;
use crate::values::IntoValues;
use crate::word::Object;
use crate::{Error, Result};

/// What every random choice follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub u64);

/// A network with its weights: predicts, and is trained by [`Model::fit`].
#[derive(Debug)]
pub struct Model {
    pub(crate) network: Network,
    /// What the host does before the graph.
    pub(crate) entrance: Entrance,
    pub(crate) parameters: Vec<ParameterSpec>,
    pub(crate) store: Store,
    pub(crate) threads: Arc<Threads>,
    pub(crate) seed: u64,
    /// The optimizer whose slots the store holds.
    pub(crate) optimizer: Option<Object<dyn Optimizer>>,
    inference: Graph,
    /// The layers as they were lowered.
    calls: Vec<LayerCall>,
    plans: Plans,
}

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
        let entrance = Entrance::of(&network)?;
        let lowered = network.lower_inference(&builder, &entrance)?;
        let (parameters, calls) = (lowered.parameters, lowered.calls);
        let kept = |p: &&ParameterSpec| p.path.starts_with(OPTIMIZER) || p.path.starts_with(TRAINING);
        if let Some(p) = parameters.iter().find(kept) {
            let name = p.path.split('/').next().unwrap_or_default();
            let what = "the state of training has that name: give the layer another one with `named`";
            return Err(Error::Network(format!("layer name `{name}`: {what}")));
        }
        let inference = builder.finish()?;
        let mut store = Store::new();
        for p in &parameters {
            store.insert(&p.path, Buffer::from_f32(&p.shape, &p.initial(seed.0))?);
        }
        store.insert(SEED, Buffer::from_i64(&[], &[seed.0 as i64])?);
        store.insert(STEP, Buffer::from_i64(&[], &[0])?);
        Ok(Model {
            network,
            entrance,
            parameters,
            store,
            threads: Arc::new(Threads::all()),
            seed: seed.0,
            optimizer: None,
            inference,
            calls,
            plans: Plans::new(),
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
                && !name.starts_with(OPTIMIZER)
            {
                return Err(Error::Weights(format!("state `{name}` is absent or of another shape")));
            }
        }
        self.seed = state.get(SEED).and_then(|b| b.as_i64()).map_or(self.seed, |s| s[0] as u64);
        self.store = state;
        self.optimizer = optimizer;
        self.forget_plans();
        Ok(())
    }

    /// The optimizer whose state is kept, if the model has been trained.
    pub fn optimizer(&self) -> Option<&Object<dyn Optimizer>> {
        self.optimizer.as_ref()
    }

    /// The outputs for every row, `[rows, …]`, one array an output.
    ///
    /// A row's answer is the same bits alone and in any company; but for the states of `stateful` layers, which go on from batch to batch, and are then as
    /// they were before: see [`Model::predict_stateful`].
    ///
    /// # Errors
    /// [`Error::Data`] for arrays that the inputs do not take; an index out of range; more memory than the system gives.
    pub fn predict_all(&self, data: &Dataset) -> Result<Vec<Buffer>> {
        Ok(self.predict_by(data, &self.entrance, PREDICT)?.0)
    }

    /// As [`Model::predict_all`], of what layers on the host have made of texts: arrays by the names of the graph's inputs, `input/layer`.
    ///
    /// # Errors
    /// As [`Model::predict_all`].
    pub fn predict_encoded(&self, data: &Dataset) -> Result<Vec<Buffer>> {
        Ok(self.predict_by(data, &Entrance::of_graph(&self.inference), PREDICT)?.0)
    }

    /// The only output for every row of the only input.
    ///
    /// # Errors
    /// As [`Model::predict_all`]; a network of several outputs.
    pub fn predict(&self, x: impl IntoValues) -> Result<Buffer> {
        only(self.predict_all(&Dataset::of_inputs(x))?)
    }

    /// [`Model::predict`] with all rows in one run: the same bits, in the memory that they need together.
    ///
    /// # Errors
    /// As [`Model::predict`].
    pub fn predict_on_batch(&self, x: impl IntoValues) -> Result<Buffer> {
        only(self.predict_by(&Dataset::of_inputs(x), &self.entrance, usize::MAX)?.0)
    }

    /// [`Model::predict_all`] from which the states of `stateful` layers stay as its last batch left them: the next call, or step of training, goes on from
    /// there. That is what Keras's `predict` does (but with JAX, where the states are lost); here predictions that share a model leave it as it is.
    ///
    /// # Errors
    /// As [`Model::predict_all`].
    pub fn predict_all_stateful(&mut self, data: &Dataset) -> Result<Vec<Buffer>> {
        let (outputs, store) = self.predict_by(data, &self.entrance, PREDICT)?;
        let state = |name: &str| Some((name.to_string(), store.get(name)?.clone()));
        let states: Vec<_> = self.states().filter_map(state).collect();
        for (name, state) in states {
            self.store.insert(name, state);
        }
        Ok(outputs)
    }

    /// [`Model::predict`] from which the states of `stateful` layers stay as its last batch left them: see [`Model::predict_all_stateful`].
    ///
    /// # Errors
    /// As [`Model::predict`].
    pub fn predict_stateful(&mut self, x: impl IntoValues) -> Result<Buffer> {
        only(self.predict_all_stateful(&Dataset::of_inputs(x))?)
    }

    /// Lets the states of `stateful` layers be what they start from: what comes next is the beginning of other sequences.
    pub fn reset_states(&mut self) {
        let states: Vec<String> = self.states().map(str::to_string).collect();
        for p in self.parameters.iter().filter(|p| states.contains(&p.path)) {
            let start = p.initial(self.seed);
            if let Some(state) = self.store.get_mut(&p.path).and_then(|state| state.as_f32_mut()) {
                state.copy_from_slice(&start);
            }
        }
    }

    /// The states that go on from one prediction to the next, by path.
    fn states(&self) -> impl Iterator<Item = &str> {
        self.inference.updates().iter().map(|update| self.inference.name(update.parameter))
    }

    /// The outputs, and what the state has become.
    fn predict_by(
        &self,
        data: &Dataset,
        entrance: &Entrance,
        size: usize,
    ) -> Result<(Vec<Buffer>, Cow<'_, Store>)> {
        let size = self.network.rows_of_batch(None, size)?;
        let feed = Feed::new(data, entrance, &[], false)?;
        let rows = feed.rows();
        let all = feed.bindings(rows);
        let output = |(_, id): &(String, nervure_graph::NodeId)| {
            let ty = &self.inference.node(*id).ty;
            let mut shape = ty.resolve(&all)?;
            if let (Some(first), Some(_)) = (shape.first_mut(), self.network.batch_size()) {
                *first = rows;
            }
            Ok(Buffer::try_zeros(ty.dtype, &shape)?)
        };
        let mut store = Cow::Borrowed(&self.store);
        let mut outputs = self.inference.outputs().iter().map(output).collect::<Result<Vec<Buffer>>>()?;
        let (mut buffers, mut numbers, mut picked) = (Vec::new(), Vec::new(), Vec::new());
        let mut start = 0;
        while start < rows {
            let n = (rows - start).min(size);
            let views = match feed.views(start, n) {
                Some(views) => views,
                None => {
                    if start == 0 || n < size {
                        buffers = feed.buffers(n);
                    }
                    numbers.clear();
                    numbers.extend(start as u32..(start + n) as u32);
                    feed.fill(&self.threads, &numbers, &mut buffers, &mut picked);
                    buffers.iter().map(Buffer::view).collect()
                }
            };
            let sized = (&self.inference, &feed.bindings(n));
            self.plans.run(sized, &mut store, &self.threads, &views, |runner| {
                for (i, output) in outputs.iter_mut().enumerate() {
                    output.write(output.len() / rows * start, runner.output(i));
                }
            })?;
            start += n;
        }
        Ok((outputs, store))
    }

    /// A table of the layers, those within layers included: output shapes and numbers of weights.
    pub fn summary(&self) -> String {
        summary(&self.network, &self.calls, &self.parameters)
    }

    /// Freezes the layers of the network whose name `choose` accepts, and thaws the others: training then leaves the weights of these alone.
    ///
    /// # Errors
    /// None for a network that was built.
    pub fn freeze(&mut self, choose: impl Fn(&str) -> bool) -> Result<()> {
        self.network.freeze(choose);
        let builder = Builder::new();
        let lowered = self.network.lower_inference(&builder, &self.entrance)?;
        self.parameters = lowered.parameters;
        Ok(())
    }

    /// The rate of the step to come, where the optimizer has a schedule.
    pub(crate) fn scheduled_rate(&self) -> Option<f64> {
        let schedule = self.optimizer.as_ref()?.schedule()?;
        let made = self.store.get(ITERATIONS).and_then(|b| b.as_i64()).map_or(0, |n| n[0]);
        Some(schedule.rate(made as u64))
    }

    /// Sets the rate of the step to come by the optimizer's schedule.
    pub(crate) fn keep_schedule(&mut self) {
        if let Some(rate) = self.scheduled_rate() {
            self.set_rate(rate);
        }
    }

    pub(crate) fn set_rate(&mut self, rate: f64) {
        if let Some(v) = self.store.get_mut(LEARNING_RATE).and_then(|b| b.as_f32_mut()) {
            v[0] = rate as f32;
        }
    }

    /// Plans know the places of weights in the store that they were compiled for.
    pub(crate) fn forget_plans(&mut self) {
        self.plans.clear();
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

fn only(mut outputs: Vec<Buffer>) -> Result<Buffer> {
    match (outputs.pop(), outputs.is_empty()) {
        (Some(y), true) => Ok(y),
        _ => Err(Error::Data("the network has several outputs: use `predict_all`".into())),
    }
}
