use nervure_graph::{DType, Tensor, Type};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Result;
use crate::layers::recurrent::check_sequence;
use crate::layers::{GRU, LSTM, Layer, SimpleRNN};
use crate::lower::Lower;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Object, Sample, Samples, kind};

settings! {
    /// A recurrent layer that walks a sequence from both ends (Schuster and Paliwal 1997, "Bidirectional recurrent neural networks"), with weights of its own for
    /// each way.
    ///
    /// Inputs: the sequence `[batch, time, n]`; then the states that the forward layer begins with, then those of the backward layer, or neither. Output: the
    /// outputs y of both, in the order of time, put together by `merge_mode`: `[batch, 2·units]` of `LSTM::new(units)` with `concat`; then with `return_state` the
    /// last states of both. Weights: `forward_layer/…`, `backward_layer/…`. With `return_sequences` outputs of masked steps are 0.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let model = Sequential::new([5, 10]).add(Bidirectional::new(LSTM::new(8))).build(Seed(1))?;
    /// assert_eq!(model.graph().node(model.graph().outputs()[0].1).ty.to_string(), "f32[batch, 16]");
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct Bidirectional {
        /// The layer that walks forward: it has settings as [`RNN`](super::RNN) has.
        layer: into Object<dyn Layer>,
        /// How the outputs of both are put together; none gives each as an output of its own.
        merge_mode: into Option<MergeMode> = Some(MergeMode::Concat),
        /// The layer that walks the other way; without it the same with `go_backwards` turned.
        backward_layer: some Object<dyn Layer>,
    }
}
kind!(Bidirectional);

/// How the outputs of the two ways are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergeMode {
    /// Their sum.
    Sum,
    /// Their product.
    Mul,
    /// Their mean.
    Ave,
    /// One after the other along the last axis.
    Concat,
}

/// Settings that both ways have to agree in.
const COMMON: [&str; 3] = ["return_sequences", "return_state", "stateful"];
const BACKWARDS: &str = "go_backwards";

/// What a setting is, if the layer has it.
fn setting(layer: &Object<dyn Layer>, name: &str) -> Option<bool> {
    layer.config().get(name).and_then(Value::as_bool)
}

/// The layer with another value of a setting that it has.
fn with(layer: &Object<dyn Layer>, name: &str, value: bool) -> Result<Object<dyn Layer>> {
    let mut config = layer.config();
    config[name] = value.into();
    Object::from_config(layer.kind(), config)
}

impl Bidirectional {
    /// The layers of both ways.
    fn ways(&self, cx: &Lower<'_>) -> Result<[Object<dyn Layer>; 2]> {
        let forward = self.layer.clone();
        let Some(backwards) = setting(&forward, BACKWARDS) else {
            let expected = format!("a layer with a setting `{BACKWARDS}`, as LSTM is one");
            return Err(cx.error(self, expected, forward.kind()));
        };
        let backward = match &self.backward_layer {
            Some(layer) => layer.clone(),
            None => with(&forward, BACKWARDS, !backwards)?,
        };
        if setting(&backward, BACKWARDS) != Some(!backwards) {
            let received = format!("{} {}", backward.kind(), backward.config());
            return Err(cx.error(self, format!("a backward_layer with `{BACKWARDS}` {}", !backwards), received));
        }
        for name in COMMON {
            let [a, b] = [&forward, &backward].map(|layer| setting(layer, name).unwrap_or(false));
            if a != b {
                return Err(cx.error(self, format!("a backward_layer with `{name}` {a}"), b));
            }
        }
        let zeroed = |layer: Object<dyn Layer>| match setting(&layer, "zero_output_for_mask") {
            Some(_) => with(&layer, "zero_output_for_mask", setting(&layer, COMMON[0]).unwrap_or(false)),
            None => Ok(layer),
        };
        Ok([zeroed(forward)?, zeroed(backward)?])
    }

    fn merge<'g>(mode: MergeMode, a: Tensor<'g>, b: Tensor<'g>) -> Tensor<'g> {
        match mode {
            MergeMode::Sum => a + b,
            MergeMode::Mul => a * b,
            MergeMode::Ave => (a + b) * 0.5,
            MergeMode::Concat => a.builder().concat(&[a, b], -1),
        }
    }
}

impl Layer for Bidirectional {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let Some((&x, states)) = inputs.split_first() else {
            return Err(cx.error(self, "a sequence, and states or none", "no input"));
        };
        check_sequence(cx, self, x)?;
        if states.len() % 2 != 0 {
            return Err(cx.error(self, "as many states for each way", format!("{} states", states.len())));
        }
        let [forward, backward] = self.ways(cx)?;
        let sequences = setting(&forward, COMMON[0]).unwrap_or(false);
        let (of_forward, of_backward) = states.split_at(states.len() / 2);
        let mut one_way = |name: &str, layer: &Object<dyn Layer>, states: &[Tensor<'g>]| {
            let mut outputs = cx.layer(name, &**layer, true, &[&[x], states].concat())?;
            if outputs.is_empty() {
                return Err(cx.error(self, "a layer with an output", layer.kind()));
            }
            Ok((outputs.remove(0), outputs))
        };
        let (a, mut states) = one_way("forward_layer", &forward, of_forward)?;
        let (b, more) = one_way("backward_layer", &backward, of_backward)?;
        states.extend(more);
        let b = if sequences && b.rank() > 1 { b.reverse(&[1]) } else { b };
        if a.ty() != b.ty() && self.merge_mode.is_some_and(|mode| mode != MergeMode::Concat) {
            return Err(cx.error(self, format!("two outputs {}", a.ty()), b.ty()));
        }
        let outputs = match self.merge_mode {
            Some(mode) => vec![Self::merge(mode, a, b)],
            None => vec![a, b],
        };
        if sequences && let Some(mask) = cx.mask(x) {
            outputs.iter().for_each(|y| cx.set_mask(*y, mask));
        }
        Ok([outputs, states].concat())
    }

    fn arity(&self) -> Option<usize> {
        None
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl Samples<dyn Layer> for Bidirectional {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let x = Type::new(DType::F32, [batch(), 3.into(), 2.into()]);
        let state = Type::new(DType::F32, [batch(), 2.into()]);
        vec![
            Sample::new(Bidirectional::new(LSTM::new(2)), [x.clone()]),
            Sample::new(
                Bidirectional::new(GRU::new(2).return_sequences(true).return_state(true)).merge_mode(MergeMode::Mul),
                [x.clone(), state.clone(), state],
            ),
            Sample::new(
                Bidirectional::new(SimpleRNN::new(2))
                    .backward_layer(SimpleRNN::new(2).go_backwards(true).use_bias(false))
                    .merge_mode(MergeMode::Ave),
                [x.clone()],
            ),
            Sample::new(Bidirectional::new(SimpleRNN::new(2).return_sequences(true)).merge_mode(None), [x]),
        ]
    }
}
