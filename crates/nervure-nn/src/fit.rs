//! Training: epochs of batches, validation, callbacks, checkpoints.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nervure_exec::Buffer;
use serde::{Deserialize, Serialize};

use crate::callbacks::{Batch, Callback, Context, Running};
use crate::data::Dataset;
use crate::feed::Feed;
use crate::initializers::Stream;
use crate::layers::Layer;
use crate::logs::{History, Logs, Number};
use crate::losses::Loss;
use crate::lower::STEP;
use crate::metrics::Metric;
use crate::optimizers::Optimizer;
use crate::step::Training;
use crate::trainer::{Batches, Evaluation, Sums, Trainer};
use crate::word::{Object, setters};
use crate::{Error, Model, Result};

/// What writes a checkpoint.
type Save = Box<dyn FnMut(&Checkpoint<'_>) -> Result<()> + Send>;

/// How [`Model::fit`] trains. The defaults are Keras's: one epoch, batches of 32 rows, shuffled, no validation.
pub struct Fit {
    training: Training,
    epochs: usize,
    batch_size: Option<usize>,
    shuffle: bool,
    validation_split: f64,
    validation_data: Option<Dataset>,
    class_weight: Vec<(i64, f32)>,
    callbacks: Vec<Box<dyn Callback>>,
    interrupt: Option<Arc<AtomicBool>>,
    checkpoint: Option<Save>,
    checkpoint_freq: Option<usize>,
    resume: Option<Progress>,
}

impl Fit {
    /// This loss for every output, this optimizer.
    pub fn new(loss: impl Into<Object<dyn Loss>>, optimizer: impl Into<Object<dyn Optimizer>>) -> Fit {
        Fit::from_training(Training::new(loss, optimizer))
    }

    /// Losses, optimizer and metrics as they are there.
    pub fn from_training(training: Training) -> Fit {
        Fit {
            training,
            epochs: 1,
            batch_size: None,
            shuffle: true,
            validation_split: 0.0,
            validation_data: None,
            class_weight: Vec::new(),
            callbacks: Vec::new(),
            interrupt: None,
            checkpoint: None,
            checkpoint_freq: None,
            resume: None,
        }
    }

    setters! {
        /// How often every row is seen; default 1.
        epochs: usize,
        /// Rows of a step; default that of the network's inputs, else 32.
        batch_size: just usize,
        /// Whether rows go in another random order each epoch; default true.
        shuffle: bool,
        /// Share of the rows, taken from the end before shuffling, that validate instead of train; default 0.
        validation_split: f64,
        /// Rows that validate; goes before `validation_split`.
        validation_data: some Dataset,
        /// A flag that stops training after the step at hand, with a checkpoint.
        interrupt: some Arc<AtomicBool>,
        /// Batches after which a checkpoint is taken within an epoch too; default none.
        checkpoint_freq: just usize,
        /// Goes on where a checkpoint was taken; the model's state has to be the checkpoint's, data and settings those of its run.
        resume: some Progress,
    }

    /// Adds metrics of every output: `.metrics([Accuracy]).metrics([Auc::new()])`. Sample weights do not count in them.
    pub fn metrics<M: Into<Object<dyn Metric>>>(mut self, metrics: impl IntoIterator<Item = M>) -> Fit {
        self.training = self.training.metrics(metrics);
        self
    }

    /// Adds metrics of every output in which sample weights count.
    pub fn weighted_metrics<M: Into<Object<dyn Metric>>>(
        mut self,
        metrics: impl IntoIterator<Item = M>,
    ) -> Fit {
        self.training = self.training.weighted_metrics(metrics);
        self
    }

    /// Puts a layer before the network while it trains: see [`Training::augment`].
    pub fn augment(mut self, layer: impl Into<Object<dyn Layer>>) -> Fit {
        self.training = self.training.augment(layer);
        self
    }

    /// Weighs the rows that train by their class: class number → weight, 1 for others, as [`Dataset::class_weight`] does. Rows that validate keep their weights.
    pub fn class_weight(mut self, classes: impl Into<Vec<(i64, f32)>>) -> Fit {
        self.class_weight = classes.into();
        self
    }

    /// Adds a callback.
    pub fn callback(mut self, callback: impl Callback + 'static) -> Fit {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// Called after each epoch, and when interrupted, with all that is needed to go on.
    pub fn checkpoint(mut self, save: impl FnMut(&Checkpoint<'_>) -> Result<()> + Send + 'static) -> Fit {
        self.checkpoint = Some(Box::new(save));
        self
    }
}

/// Where a run is: what has to be kept, beside the model's state, to go on with the same bits.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// The epoch that goes on, from 0.
    pub epoch: usize,
    /// Batches of it that are done.
    pub batch: usize,
    /// What was reported so far.
    pub history: History,
    /// What the run was set to, so that it is not taken up with other settings.
    settings: serde_json::Value,
    step: i64,
    pub(crate) rows: u64,
    pub(crate) sums: Vec<Vec<Vec<Number>>>,
    callbacks: Vec<serde_json::Value>,
    #[serde(skip)]
    tensors: Vec<Vec<(String, Buffer)>>,
}

impl Progress {
    /// Arrays that callbacks keep (the best weights so far), by name.
    pub fn tensors(&self) -> impl Iterator<Item = (String, &Buffer)> {
        let groups = self.tensors.iter().enumerate();
        groups.flat_map(|(i, group)| group.iter().map(move |(name, b)| (format!("{i}/{name}"), b)))
    }

    /// Takes back arrays that [`Progress::tensors`] gave.
    pub fn with_tensors(mut self, tensors: impl IntoIterator<Item = (String, Buffer)>) -> Progress {
        self.tensors = vec![Vec::new(); self.callbacks.len()];
        for (name, buffer) in tensors {
            if let Some((i, name)) = name.split_once('/')
                && let Some(t) = i.parse().ok().and_then(|i: usize| self.tensors.get_mut(i))
            {
                t.push((name.into(), buffer));
            }
        }
        self
    }
}

/// All that is needed to go on with a run.
#[derive(Debug)]
pub struct Checkpoint<'a> {
    /// Where the run is.
    pub progress: Progress,
    /// The model: its state has the weights, the optimizer's slots, seed and step.
    pub model: &'a Model,
}

impl Model {
    /// Trains.
    ///
    /// A second call with an equal optimizer goes on with its state; another optimizer starts afresh. The loss that is reported is the mean over batches,
    /// weighted by rows, of what the batches had before their update, penalties included.
    ///
    /// # Errors
    /// A loss, metric or data that do not fit the network; no row; [`Error::NoGradient`]; a callback's error.
    pub fn fit(&mut self, data: &Dataset, fit: Fit) -> Result<History> {
        Run::new(self, data, fit)?.go()
    }

    /// Steps of training that were made so far.
    pub fn step(&self) -> i64 {
        self.store.get(STEP).and_then(|b| b.as_i64()).map_or(0, |s| s[0])
    }
}

/// A call of [`Model::fit`] at work.
struct Run<'m> {
    trainer: Trainer<'m>,
    feed: Feed,
    batches: Batches,
    validation: Option<Evaluation>,
    sums: Sums,
    epochs: usize,
    batch_size: usize,
    shuffle: bool,
    callbacks: Vec<Box<dyn Callback>>,
    interrupt: Option<Arc<AtomicBool>>,
    save: Option<Save>,
    save_freq: Option<usize>,
    progress: Progress,
    stop: bool,
}

impl<'m> Run<'m> {
    fn new(model: &'m mut Model, data: &Dataset, fit: Fit) -> Result<Run<'m>> {
        let batch_size = model.network.rows_of_batch(fit.batch_size, 32)?;
        let (mut train, validation) = match fit.validation_data {
            Some(v) => (data.clone(), Some(v)),
            None if fit.validation_split != 0.0 => {
                let (head, tail) = data.split_tail(fit.validation_split)?;
                (head, Some(tail))
            }
            None => (data.clone(), None),
        };
        if !fit.class_weight.is_empty() {
            train = train.class_weight(&fit.class_weight)?;
        }
        let mut settings = fit.training.describe();
        settings["rows"] = train.rows()?.into();
        settings["validation_rows"] = validation.as_ref().map(Dataset::rows).transpose()?.into();
        settings["batch_size"] = batch_size.into();
        settings["shuffle"] = fit.shuffle.into();
        settings["class_weight"] = serde_json::json!(fit.class_weight);
        let weighted = |d: &Dataset| d.weights.is_some();
        let validation_weighted = validation.as_ref().is_some_and(weighted);
        let trainer = Trainer::build(model, fit.training, weighted(&train), validation_weighted)?;
        let feed = trainer.train.feed(trainer.model, &train)?;
        let batches = Batches::new(&trainer.train, trainer.model, &feed, batch_size)?;
        let evaluation = |v: &Dataset| Evaluation::new(&trainer.evaluate, trainer.model, v, batch_size);
        let validation = validation.as_ref().map(evaluation).transpose()?;
        let sums = trainer.train.sums();
        let step = trainer.model.step();
        let mut run = Run {
            trainer,
            feed,
            batches,
            validation,
            sums,
            epochs: fit.epochs,
            batch_size,
            shuffle: fit.shuffle,
            callbacks: fit.callbacks,
            interrupt: fit.interrupt,
            save: fit.checkpoint,
            save_freq: fit.checkpoint_freq,
            progress: Progress { step, settings, ..Progress::default() },
            stop: false,
        };
        match fit.resume {
            Some(progress) => run.resume(progress)?,
            None => run.each(|c, cx| c.on_train_begin(cx))?,
        }
        Ok(run)
    }

    fn go(mut self) -> Result<History> {
        while self.progress.epoch < self.epochs && !self.stop {
            if !self.epoch()? {
                self.progress.history.set_interrupted(true);
                return Ok(self.progress.history);
            }
        }
        self.trainer.keep_averages();
        self.each(|c, cx| c.on_train_end(cx))?;
        Ok(self.progress.history)
    }

    /// Goes on with the epoch at hand to its end; false if it was interrupted.
    fn epoch(&mut self) -> Result<bool> {
        let epoch = self.progress.epoch;
        if self.progress.batch == 0 {
            self.progress.step = self.trainer.model.step();
            self.sums.reset();
            self.each(|c, cx| c.on_epoch_begin(epoch, cx))?;
        }
        let rows = self.feed.rows();
        let order = if self.shuffle {
            Stream::new(self.trainer.model.seed, &format!("shuffle/{}", self.progress.step)).permutation(rows)
        } else {
            (0..rows as u32).collect()
        };
        let size = self.batch_size;
        for batch in self.progress.batch..rows.div_ceil(size) {
            let rows_of_batch = &order[batch * size..rows.min((batch + 1) * size)];
            let rows_in_batch = rows_of_batch.len();
            let sized = self.batches.of(rows_in_batch);
            sized.fill(&self.trainer.model.threads, &self.feed, rows_of_batch);
            let loss = sized.train(self.trainer.model)?;
            self.sums.add(&sized.runner, rows_in_batch);
            self.progress.batch = batch + 1;
            let done = Batch { epoch, batch, rows: rows_in_batch, loss };
            self.each(|c, cx| c.on_batch_end(&done, cx))?;
            // A run that a callback ends is at its end: there is nothing to go on from.
            if self.stop {
                break;
            }
            if self.interrupt.as_ref().is_some_and(|i| i.load(Ordering::Relaxed)) {
                self.sums.store(&mut self.progress);
                self.checkpoint()?;
                return Ok(false);
            }
            // At the last batch the epoch's end is near, which has one of its own.
            if self.save_freq.is_some_and(|every| every > 0 && (batch + 1).is_multiple_of(every))
                && (batch + 1) * size < rows
            {
                self.sums.store(&mut self.progress);
                self.checkpoint()?;
            }
        }
        let logs = self.end_of_epoch(epoch)?;
        self.progress.history.push(logs);
        self.progress.epoch += 1;
        self.progress.batch = 0;
        self.progress.sums.clear();
        // The end of the run is no place to go on from: what callbacks do there is done once.
        if self.progress.epoch < self.epochs && !self.stop {
            self.checkpoint()?;
        }
        Ok(true)
    }

    fn end_of_epoch(&mut self, epoch: usize) -> Result<Logs> {
        let mut logs = self.sums.logs(&self.trainer.train.graph.reported, "");
        if let Some(mut validation) = self.validation.take() {
            self.each(|c, cx| c.on_test_begin(cx))?;
            let threads = Arc::clone(&self.trainer.model.threads);
            validation.run(&threads, |sized| sized.run(self.trainer.model))?;
            logs.extend(validation.sums.logs(&self.trainer.evaluate.graph.reported, "val_"));
            self.validation = Some(validation);
            self.each(|c, cx| c.on_test_end(cx))?;
        }
        self.each(|c, cx| {
            let done = c.on_epoch_end(epoch, &logs, cx);
            logs.extend(cx.take_logged());
            done
        })?;
        Ok(logs)
    }

    /// Calls every callback in turn.
    fn each(
        &mut self,
        mut call: impl FnMut(&mut dyn Callback, &mut Context<'_>) -> Result<()>,
    ) -> Result<()> {
        let batches = self.feed.rows().div_ceil(self.batch_size);
        let running = Running { sums: &self.sums, reported: &self.trainer.train.graph.reported };
        let mut cx = Context::new(self.trainer.model, self.epochs, batches, running);
        for c in &mut self.callbacks {
            call(&mut **c, &mut cx)?;
        }
        if let Some(reason) = cx.stopped() {
            self.stop = true;
            self.progress.history.set_stopped(reason);
        }
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<()> {
        let Some(save) = &mut self.save else { return Ok(()) };
        self.progress.callbacks = self.callbacks.iter().map(|c| c.state()).collect();
        self.progress.tensors = self.callbacks.iter().map(|c| c.tensors()).collect();
        save(&Checkpoint { progress: self.progress.clone(), model: self.trainer.model })
    }

    /// Takes up a run where a checkpoint left it.
    fn resume(&mut self, progress: Progress) -> Result<()> {
        let (expected, received) = (&progress.settings, &self.progress.settings);
        for (name, value) in expected.as_object().into_iter().flatten() {
            if received[name] != *value {
                return Err(Error::Data(format!(
                    "the checkpoint's run had {name} {value}, received {}",
                    received[name]
                )));
            }
        }
        if progress.callbacks.len() != self.callbacks.len() {
            let (expected, received) = (progress.callbacks.len(), self.callbacks.len());
            return Err(Error::Data(format!(
                "the checkpoint's run had {expected} callbacks, received {received}"
            )));
        }
        let tensors = progress.tensors.iter().chain(std::iter::repeat(const { &Vec::new() }));
        for ((c, state), tensors) in self.callbacks.iter_mut().zip(&progress.callbacks).zip(tensors) {
            c.restore(state, tensors)?;
        }
        self.sums.load(&progress);
        self.progress = progress;
        Ok(())
    }
}
