//! Whether what is timed is right: losses against the reference interpreter's.

use std::collections::BTreeMap;

use nervure_exec::{Buffer, View};
use nervure_graph::{Array, Bindings, evaluate};
use nervure_nn::Model;
use nervure_nn::network::BATCH;

use super::flops::step_flops;
use super::workloads::Workload;
use crate::failure::{Failure, Result};

/// Losses of the first steps next to the reference's.
pub struct Check {
    /// Rows of the batch: fewer than are timed where the interpreter would take minutes. That rows are the same bits in any batch has tests of its own.
    pub rows: usize,
    /// The largest |loss − reference's| / (1 + |reference's|).
    pub error: f64,
}

/// Steps that are compared: the second and third show that gradients and updates are right too.
pub const STEPS: usize = 3;

/// Sums of some thousand terms in `f32` are off by some 1e-6. Adam's first updates are ± the learning rate whatever the gradient's size, so that
/// gradients of the size of that error move their weights the wrong way; of 2e-3 in a weight that matters little.
const TOLERANCE: f64 = 1e-5;

/// Floating-point operations of products in a step of the interpreter: some seconds.
const BUDGET: u64 = 150_000_000;

/// Trains a model anew, in the plan and in the interpreter.
///
/// # Errors
/// Losses that differ by more than rounding explains.
pub fn check(workload: &Workload, model: &mut Model) -> Result<Check> {
    let per_row = step_flops(model.graph(), &Bindings::from([(BATCH.into(), 1)]))?.max(1);
    let rows = workload.batch.min((BUDGET / per_row).max(2) as usize);
    let batch = workload.batch(model, rows)?;
    let mut step = model.train_step(workload.training(), &batch)?;
    let inputs = step.inputs().map(|(name, value)| (name.into(), exact(value))).collect();
    let state = step.model().state().iter();
    let mut state: BTreeMap<String, Array<f64>> =
        state.map(|(name, value)| (name.into(), exact(value))).collect();
    let mut error = 0.0f64;
    for _ in 0..STEPS {
        let (loss, updates) = {
            let reference = evaluate(step.graph(), step.bindings(), &inputs, &state)?;
            let loss = reference.outputs().next().map_or(f64::NAN, |(_, loss)| loss.to_f64()[0]);
            (loss, reference.updates().map(|(n, v)| (n.to_owned(), v.clone())).collect::<Vec<_>>())
        };
        state.extend(updates);
        let received = step.run()?;
        let off = (received - loss).abs() / (1.0 + loss.abs());
        if off.is_nan() || off > TOLERANCE {
            return Err(Failure::new(
                format!(
                    "{}: expected a loss of {loss}, as the reference has it, received {received}",
                    workload.name
                ),
                "this is a defect of nervure: please report it with the processor's name",
            ));
        }
        error = error.max(off);
    }
    Ok(Check { rows, error })
}

fn exact(buffer: &Buffer) -> Array<f64> {
    let values: Vec<f64> = match buffer.view() {
        View::F32(v) => v.iter().map(|&x| f64::from(x)).collect(),
        View::I32(v) => v.iter().map(|&x| f64::from(x)).collect(),
        View::I64(v) => v.iter().map(|&x| x as f64).collect(),
        View::U8(v) => v.iter().map(|&x| f64::from(x)).collect(),
        View::Bool(v) => v.iter().map(|&x| f64::from(u8::from(x))).collect(),
    };
    Array::of(buffer.dtype(), buffer.shape(), &values)
}
