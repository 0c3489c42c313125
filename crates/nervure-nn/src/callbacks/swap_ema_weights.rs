use nervure_exec::Buffer;

use crate::callbacks::{Callback, Context};
use crate::update::average_of;
use crate::word::setters;
use crate::{Error, Logs, Result};

/// Lets the averages of the weights, which an optimizer with `use_ema` keeps, stand in their place while rows validate; with `swap_on_epoch` also from
/// the end of an epoch to the beginning of the next, so that callbacks that come later, such as a [`ModelCheckpoint`](crate::callbacks::ModelCheckpoint), see
/// them.
///
/// ```
/// use nervure_nn::prelude::*;
/// use nervure_nn::callbacks::SwapEMAWeights;
/// let fit = Fit::new(MeanSquaredError, Adam::new().use_ema(true)).callback(SwapEMAWeights::new());
/// ```
///
/// # Errors
/// Training fails with an optimizer that keeps no averages.
#[derive(Debug, Default)]
pub struct SwapEMAWeights {
    swap_on_epoch: bool,
    /// The weights in whose place the averages stand.
    kept: Vec<(String, Buffer)>,
}

impl SwapEMAWeights {
    /// While rows validate.
    pub fn new() -> SwapEMAWeights {
        SwapEMAWeights::default()
    }

    setters! {
        /// Whether averages also stay from the end of an epoch to the beginning of the next; default false.
        swap_on_epoch: bool,
    }

    fn averages_in(&mut self, cx: &mut Context<'_>) -> Result<()> {
        if !self.kept.is_empty() {
            return Ok(());
        }
        let model = cx.model();
        let averages: Vec<(String, Buffer)> = model
            .weights()
            .filter_map(|(path, _)| Some((path.to_string(), model.state().get(&average_of(path))?.clone())))
            .collect();
        if averages.is_empty() {
            let kind = model.optimizer().map_or("none", |o| o.kind());
            return Err(Error::Callback(format!(
                "SwapEMAWeights: expected an optimizer with use_ema, received `{kind}` without"
            )));
        }
        for (path, average) in averages {
            if let Some(weight) = model.weight(&path) {
                self.kept.push((path.clone(), weight.clone()));
                model.set_weight(&path, average)?;
            }
        }
        Ok(())
    }

    fn weights_in(&mut self, cx: &mut Context<'_>) -> Result<()> {
        for (path, weight) in self.kept.drain(..) {
            cx.model().set_weight(&path, weight)?;
        }
        Ok(())
    }
}

impl Callback for SwapEMAWeights {
    fn on_train_begin(&mut self, _cx: &mut Context<'_>) -> Result<()> {
        self.kept.clear();
        Ok(())
    }

    fn on_epoch_begin(&mut self, _epoch: usize, cx: &mut Context<'_>) -> Result<()> {
        self.weights_in(cx)
    }

    fn on_test_begin(&mut self, cx: &mut Context<'_>) -> Result<()> {
        self.averages_in(cx)
    }

    fn on_test_end(&mut self, cx: &mut Context<'_>) -> Result<()> {
        self.weights_in(cx)
    }

    fn on_epoch_end(&mut self, _epoch: usize, _logs: &Logs, cx: &mut Context<'_>) -> Result<()> {
        if self.swap_on_epoch { self.averages_in(cx) } else { Ok(()) }
    }

    fn on_train_end(&mut self, _cx: &mut Context<'_>) -> Result<()> {
        // The averages are the weights from now on.
        self.kept.clear();
        Ok(())
    }

    fn tensors(&self) -> Vec<(String, Buffer)> {
        self.kept.clone()
    }

    fn restore(&mut self, _state: &serde_json::Value, tensors: &[(String, Buffer)]) -> Result<()> {
        self.kept = tensors.to_vec();
        Ok(())
    }
}
