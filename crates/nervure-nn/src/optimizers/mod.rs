//! Optimizers: how gradients change weights.

use std::collections::BTreeMap;

use nervure_graph::{Builder, DType, Tensor};
use serde::{Deserialize, Serialize};

use crate::lower::STEP;
use crate::word::{Word, family};

family! {
    Optimizer "optimizer" {
        adam: Adam;
    }
}

/// How gradients change weights: one weight's step, written in primitives.
pub trait Optimizer: Word {
    /// The new value of a weight.
    fn step<'g>(&self, cx: &mut Step<'g>, weight: Tensor<'g>, gradient: Tensor<'g>) -> Tensor<'g>;

    /// The learning rate at the start; callbacks may change it later.
    fn learning_rate(&self) -> f64;

    /// How gradients are clipped before the step.
    fn clipping(&self) -> Clipping {
        Clipping::default()
    }
}

/// Bounds on gradients; at most one of them.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Clipping {
    /// Each weight's gradient is scaled down to this Euclidean norm.
    pub clipnorm: Option<f64>,
    /// Each element is held within ±this.
    pub clipvalue: Option<f64>,
    /// All gradients together are scaled down to this Euclidean norm.
    pub global_clipnorm: Option<f64>,
}

pub(crate) const LEARNING_RATE: &str = "optimizer/learning_rate";
pub(crate) const SLOTS: &str = "optimizer/slots";

/// What an optimizer sees of the step: learning rate, iteration and the slots of the weight at hand.
#[derive(Debug)]
pub struct Step<'g> {
    builder: &'g Builder,
    path: String,
    slots: BTreeMap<String, (Tensor<'g>, Tensor<'g>, f64)>,
}

impl<'g> Step<'g> {
    pub(crate) fn new(builder: &'g Builder) -> Step<'g> {
        Step { builder, path: String::new(), slots: BTreeMap::new() }
    }

    pub(crate) fn enter(&mut self, path: &str) {
        self.path = path.into();
    }

    /// The path of the weight at hand: `block/dense/kernel`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The learning rate now, a scalar.
    pub fn learning_rate(&self) -> Tensor<'g> {
        self.builder.parameter(LEARNING_RATE, DType::F32, [])
    }

    /// The number of this step, from 1, as a float scalar.
    pub fn iteration(&self) -> Tensor<'g> {
        self.builder.parameter(STEP, DType::I64, []).cast(DType::F32) + 1.0
    }

    /// A state of the weight at hand, of its shape, that starts at `initial` everywhere.
    pub fn slot(&mut self, name: &str, like: Tensor<'g>, initial: f64) -> Tensor<'g> {
        let path = format!("{SLOTS}/{}/{name}", self.path);
        let state = self.builder.parameter(&path, DType::F32, like.shape());
        self.slots.entry(path).or_insert((state, state, initial));
        state
    }

    /// Says what a slot becomes; gives the new value.
    pub fn set_slot(&mut self, name: &str, value: Tensor<'g>) -> Tensor<'g> {
        if let Some(slot) = self.slots.get_mut(&format!("{SLOTS}/{}/{name}", self.path)) {
            slot.1 = value;
        } else {
            self.builder.fail(&format!("slot `{name}`"), "a slot that was asked for", "none of this name");
        }
        value
    }

    pub(crate) fn slots(&self) -> &BTreeMap<String, (Tensor<'g>, Tensor<'g>, f64)> {
        &self.slots
    }
}
