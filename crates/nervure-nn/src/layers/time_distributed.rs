use nervure_graph::{DType, Dim, Tensor, Type};

use crate::Result;
use crate::layers::{Conv1D, Dense, LSTM, Layer};
use crate::lower::Lower;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Object, Sample, Samples, kind};

settings! {
    /// A layer applied to each step of a sequence, with the same weights.
    ///
    /// `[batch, time, …]` → `[batch, time, …]`: the layer is given `[batch · time, …]`. So what goes across a batch goes across time too: a
    /// [`BatchNormalization`](super::BatchNormalization) takes its statistics of all steps at once, where Keras takes them of one step after the other.
    /// Weights: those of the layer, under `layer/`.
    ///
    /// A mask `[batch, time]` goes on to the output; one of further axes `[batch, time, …]` is what the layer sees.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let frames = Sequential::new([10, 28, 28, 3]).add(TimeDistributed::new(Conv2D::new(4, 3))).build(Seed(1))?;
    /// assert_eq!(frames.graph().node(frames.graph().outputs()[0].1).ty.to_string(), "f32[batch, 10, 26, 26, 4]");
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct TimeDistributed {
        /// What is applied to each step.
        layer: into Object<dyn Layer>,
    }
}
kind!(TimeDistributed);

/// `[batch, time, …]` → `[batch · time, …]`.
fn merged(x: Tensor<'_>) -> Tensor<'_> {
    let shape = x.shape();
    x.reshape([&[&shape[0] * &shape[1]], &shape[2..]].concat())
}

/// `[batch · time, …]` → `[batch, time, …]`.
fn parted<'g>(y: Tensor<'g>, rows: &[Dim; 2]) -> Tensor<'g> {
    y.reshape([rows, &y.shape()[1..]].concat())
}

impl Layer for TimeDistributed {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        if x.rank() < 3 {
            return Err(cx.error(self, "an input [batch, time, …, n]", x.ty()));
        }
        let (rows, mask) = ([x.dim(0), x.dim(1)], cx.mask(x));
        let steps = merged(x);
        if let Some(mask) = mask.filter(|mask| mask.rank() > 2) {
            cx.set_mask(steps, merged(mask));
        }
        let outputs = cx.layer("layer", &*self.layer, true, &[steps])?;
        let whole = |y: Tensor<'g>| {
            if !y.shape().starts_with(&steps.shape()[..1]) {
                return Err(cx.error(self, format!("an output of {} rows", steps.dim(0)), y.ty()));
            }
            Ok((parted(y, &rows), cx.mask(y)))
        };
        let outputs: Vec<_> = outputs.into_iter().map(whole).collect::<Result<_>>()?;
        let inherited = mask.filter(|mask| mask.rank() <= 2);
        for (y, inner) in &outputs {
            if let Some(mask) = inner.map(|mask| parted(mask, &rows)).or(inherited) {
                cx.set_mask(*y, mask);
            }
        }
        Ok(outputs.into_iter().map(|(y, _)| y).collect())
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl Samples<dyn Layer> for TimeDistributed {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let ty = |sizes: &[usize]| {
            let sizes = sizes.iter().map(|&n| n.into());
            Type::new(DType::F32, [batch()].into_iter().chain(sizes).collect::<Vec<_>>())
        };
        vec![
            Sample::new(TimeDistributed::new(Dense::new(3)), [ty(&[4, 2])]),
            Sample::new(TimeDistributed::new(Conv1D::new(2, 2)), [ty(&[2, 4, 2])]),
            Sample::new(TimeDistributed::new(LSTM::new(2)), [ty(&[2, 3, 2])]),
        ]
    }
}
