use std::collections::BTreeMap;

use nervure_exec::Buffer;
use nervure_graph::{Builder, DType, Shape, Tensor};

use crate::Result;

/// What the names of all state of an optimizer begin with.
pub(crate) const OPTIMIZER: &str = "optimizer/";
pub(crate) const LEARNING_RATE: &str = "optimizer/learning_rate";
/// Steps made so far.
pub(crate) const ITERATIONS: &str = "optimizer/iterations";
/// Steps that changed weights, where gradients are accumulated over several.
pub(crate) const UPDATES: &str = "optimizer/updates";
pub(crate) const SLOTS: &str = "optimizer/slots";

/// What an optimizer sees of the step: learning rate, iteration and the slots of the weight at hand.
#[derive(Debug)]
pub struct Step<'g> {
    builder: &'g Builder,
    /// The counter of iterations.
    counter: &'static str,
    path: String,
    slots: BTreeMap<String, Slot<'g>>,
}

/// A state of one weight: what it was, what it becomes, what it starts from.
#[derive(Debug)]
struct Slot<'g> {
    state: Tensor<'g>,
    value: Tensor<'g>,
    start: Filled,
}

#[derive(Debug)]
enum Filled {
    With(f64),
    WithWeight(String),
}

/// What a state of training starts from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Start {
    Value(Buffer),
    /// The weight of this path.
    Weight(String),
}

impl<'g> Step<'g> {
    /// `counter` names the state that counts iterations.
    pub(crate) fn new(builder: &'g Builder, counter: &'static str) -> Step<'g> {
        Step { builder, counter, path: String::new(), slots: BTreeMap::new() }
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

    /// The number of this step of the optimizer, from 1, as a float scalar.
    pub fn iteration(&self) -> Tensor<'g> {
        self.builder.parameter(self.counter, DType::I64, []).cast(DType::F32) + 1.0
    }

    /// 1 − βᵗ, t the number of this step, without the cancellation that the difference has while βᵗ is near 1.
    pub fn bias_correction(&self, beta: f64) -> Tensor<'g> {
        -(self.iteration() * beta.ln()).expm1()
    }

    /// A state of the weight at hand, of its shape, that starts at `initial` everywhere.
    pub fn slot(&mut self, name: &str, like: Tensor<'g>, initial: f64) -> Tensor<'g> {
        self.slot_of(name, like.shape(), initial)
    }

    /// A state of the weight at hand, of this shape, that starts at `initial` everywhere.
    pub fn slot_of(&mut self, name: &str, shape: impl Into<Shape>, initial: f64) -> Tensor<'g> {
        self.add(name, shape.into(), Filled::With(initial))
    }

    /// A state of the weight at hand that starts from its value.
    pub fn slot_of_weight(&mut self, name: &str, weight: Tensor<'g>) -> Tensor<'g> {
        let start = Filled::WithWeight(self.path.clone());
        self.add(name, weight.shape(), start)
    }

    fn add(&mut self, name: &str, shape: Shape, start: Filled) -> Tensor<'g> {
        let path = format!("{SLOTS}/{}/{name}", self.path);
        let state = self.builder.parameter(&path, DType::F32, shape);
        self.slots.entry(path).or_insert(Slot { state, value: state, start });
        state
    }

    /// Says what a slot becomes; gives the new value.
    pub fn set_slot(&mut self, name: &str, value: Tensor<'g>) -> Tensor<'g> {
        if let Some(slot) = self.slots.get_mut(&format!("{SLOTS}/{}/{name}", self.path)) {
            slot.value = value;
        } else {
            self.builder.fail(&format!("slot `{name}`"), "a slot that was asked for", "none of this name");
        }
        value
    }

    /// Lets all slots be as they are but where `done` holds.
    pub(crate) fn hold_unless(&mut self, done: Tensor<'g>) {
        self.slots.values_mut().for_each(|s| s.value = done.select(s.value, s.state));
    }

    /// Writes what the slots become; gives what they start from.
    ///
    /// # Errors
    /// A shape that is not of numbers.
    pub(crate) fn finish(self) -> Result<Vec<(String, Start)>> {
        let mut starts = Vec::new();
        for (name, Slot { state, value, start }) in self.slots {
            self.builder.update(state, value);
            let start = match start {
                Filled::WithWeight(path) => Start::Weight(path),
                Filled::With(initial) => {
                    let shape = state.ty().resolve(&Default::default())?;
                    let n = shape.iter().product();
                    Start::Value(Buffer::from_f32(&shape, &vec![initial as f32; n])?)
                }
            };
            starts.push((name, start));
        }
        Ok(starts)
    }
}
