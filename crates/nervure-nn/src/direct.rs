//! Runs on arrays that stay in place: for loops in which microseconds count.

use std::borrow::Cow;
use std::sync::Arc;

use nervure_exec::{Buffer, Plan, Runner, Store, View};
use nervure_graph::{Bindings, Graph};

use crate::data::Dataset;
use crate::network::BATCH;
use crate::step::Training;
use crate::trainer::{Sized, Trainer};
use crate::{Error, Model, Result};

/// Predicts batches of one size, with its own arena and without an allocation: see [`Model::predictor`].
#[derive(Debug)]
pub struct Predictor<'m> {
    model: &'m Model,
    store: Cow<'m, Store>,
    runner: Runner,
}

impl Model {
    /// Predictions of `rows` rows at a time, the same bits as those of [`Model::predict`], without its checks of shapes and its arrays anew. The
    /// states of `stateful` layers go on from call to call, apart from the model's.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let model = Sequential::new([2]).add(Dense::new(1).activation(Sigmoid)).build(Seed(1))?;
    /// let mut predictor = model.predictor(1)?;
    /// assert_eq!(predictor.predict(&[0.0, 0.0])?, [0.5]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    ///
    /// # Errors
    /// Inputs with sizes that are open beside the batch; other `rows` than every batch has.
    pub fn predictor(&self, rows: usize) -> Result<Predictor<'_>> {
        let rows = self.network.rows_of_batch(Some(rows), rows)?;
        let bindings = Bindings::from([(BATCH.into(), rows)]);
        let plan = Plan::compile(self.graph(), &bindings, &self.store)?;
        Ok(Predictor { model: self, store: Cow::Borrowed(&self.store), runner: Runner::new(Arc::new(plan)) })
    }
}

impl Predictor<'_> {
    /// The only output, for the rows of the only input, both row-major.
    ///
    /// # Errors
    /// As [`Predictor::run`]; a network of several inputs, or of an output that is not of floats.
    pub fn predict(&mut self, x: &[f32]) -> Result<&[f32]> {
        self.run(&[View::F32(x)])?;
        match self.runner.output(0) {
            View::F32(y) => Ok(y),
            y => Err(Error::Data(format!("expected an output of f32, the network has one of {}", y.dtype()))),
        }
    }

    /// Computes the outputs for these inputs, in the order of [`Network::inputs`](crate::Network::inputs).
    ///
    /// # Errors
    /// Inputs of another number, type or size; an index out of range.
    pub fn run(&mut self, inputs: &[View<'_>]) -> Result<()> {
        Ok(self.runner.run_apart(&self.model.threads, &mut self.store, inputs)?)
    }

    /// What runs: its outputs, its plan, its clock.
    pub fn runner(&mut self) -> &mut Runner {
        &mut self.runner
    }
}

/// A training step on a batch that stays in memory: see [`Model::train_step`].
#[derive(Debug)]
pub struct TrainStep<'m> {
    model: &'m mut Model,
    graph: Graph,
    sized: Sized,
}

impl Model {
    /// The step of `training` on all rows of `batch`, compiled, to be run again and again: what [`Model::fit`] runs for each batch.
    ///
    /// ```
    /// use ndarray::array;
    /// use nervure_nn::prelude::*;
    /// let mut model = Sequential::new([2]).add(Dense::new(1).activation(Sigmoid)).build(Seed(1))?;
    /// let batch = Dataset::new(&array![[0.0, 1.0], [1.0, 0.0]], &array![0.0, 1.0]);
    /// let mut step = model.train_step(Training::new(BinaryCrossentropy::new(), Adam::new()), &batch)?;
    /// let before = step.run()?;
    /// assert!(step.run()? < before);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Model::trainer`]; data that do not fit the network, or no row.
    pub fn train_step(&mut self, training: Training, batch: &Dataset) -> Result<TrainStep<'_>> {
        let weighted = batch.weights.is_some();
        let Trainer { model, train, .. } = Trainer::build(self, training, weighted, weighted)?;
        let feed = train.feed(model, batch)?;
        let mut sized = train.sized(model, &feed, feed.rows())?;
        sized.fill(&model.threads, &feed, &(0..feed.rows() as u32).collect::<Vec<_>>());
        Ok(TrainStep { model, graph: train.graph.graph, sized })
    }
}

impl TrainStep<'_> {
    /// A step; gives the batch's loss before the update.
    ///
    /// # Errors
    /// An index out of range.
    pub fn run(&mut self) -> Result<f64> {
        self.sized.train(self.model)
    }

    /// The graph of the step: forward, loss, gradients, updates.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// What the graph's symbols stand for.
    pub fn bindings(&self) -> &Bindings {
        &self.sized.bindings
    }

    /// The graph's inputs: name and value.
    pub fn inputs(&self) -> impl Iterator<Item = (&str, &Buffer)> {
        let names = self.sized.runner.plan().inputs().iter().map(|(name, ..)| name.as_str());
        names.zip(&self.sized.inputs)
    }

    /// The model.
    pub fn model(&self) -> &Model {
        self.model
    }

    /// What runs: its outputs, its plan, its clock.
    pub fn runner(&mut self) -> &mut Runner {
        &mut self.sized.runner
    }
}
