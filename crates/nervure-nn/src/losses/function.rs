use std::any::Any;
use std::fmt;
use std::sync::Arc;

use nervure_graph::{Tensor, Type};
use serde_json::Value;

use crate::Result;
use crate::losses::{Loss, Prediction, numbers};
use crate::word::Word;

/// A loss of the program's own, as an expression: one number for each row, from a target and a prediction of the same type `[batch, …, n]`.
///
/// What it computes is in no file: a program that goes on with a training gives the same again. A loss that files can hold is plain data: see [`Loss`].
///
/// ```
/// use nervure_nn::prelude::*;
/// // The quantile 0.9 (Koenker and Bassett 1978, "Regression quantiles").
/// let quantile = LossFunction::new("quantile", |t, y| {
///     let e = t - y;
///     (e * 0.9).max(e * -0.1).mean(&[-1])
/// });
/// let mut model = Sequential::new([1]).add(Dense::new(1)).build(Seed(1))?;
/// let x = ndarray::arr2(&[[0.0], [1.0]]);
/// model.fit(&Dataset::new(&x, &x), Fit::new(quantile, Adam::new()))?;
/// # Ok::<(), nervure_nn::Error>(())
/// ```
#[derive(Clone)]
pub struct LossFunction {
    name: &'static str,
    function: Arc<dyn for<'g> Fn(Tensor<'g>, Tensor<'g>) -> Tensor<'g> + Send + Sync>,
}

impl LossFunction {
    /// The loss `function(target, prediction)`, under a name for messages.
    pub fn new(
        name: &'static str,
        function: impl for<'g> Fn(Tensor<'g>, Tensor<'g>) -> Tensor<'g> + Send + Sync + 'static,
    ) -> LossFunction {
        LossFunction { name, function: Arc::new(function) }
    }
}

impl fmt::Debug for LossFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LossFunction").field(&self.name).finish()
    }
}

impl Word for LossFunction {
    fn kind(&self) -> &'static str {
        self.name
    }

    fn config(&self) -> Value {
        Value::Null
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Loss for LossFunction {
    fn lower<'g>(&self, target: Tensor<'g>, prediction: Prediction<'g>) -> Tensor<'g> {
        (self.function)(target, prediction.value)
    }

    fn target(&self, prediction: &Type) -> Result<Type, String> {
        numbers(prediction)
    }
}
