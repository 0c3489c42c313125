//! The part of a training step that changes weights: gradients are gathered and clipped, weights decay, the optimizer steps, weights are averaged and
//! held to their constraints. What an optimizer does not ask for adds nothing to the graph.

use nervure_exec::Buffer;
use nervure_graph::{Builder, DType, Tensor};

use crate::Result;
use crate::lower::ParameterSpec;
use crate::optimizers::{ITERATIONS, LEARNING_RATE, Optimizer, Options, SLOTS, Start, Step, UPDATES};

/// Steps whose gradients are gathered since weights last changed.
const GATHERED: &str = "optimizer/gathered";
/// Changes of weights since averages last took their place.
const AVERAGED: &str = "optimizer/averaged";
/// Slot: the sum of gradients since the weight last changed.
const ACCUMULATOR: &str = "gradient_accumulator";
/// Slot: the average of the weight over the steps.
const AVERAGE: &str = "average";

/// The name of the state that holds the average of the weight at `path`.
pub(crate) fn average_of(path: &str) -> String {
    format!("{SLOTS}/{path}/{AVERAGE}")
}

/// A weight with its gradient.
pub(crate) type Gradient<'a, 'g> = (&'a ParameterSpec, Tensor<'g>, Tensor<'g>);

/// Lets the optimizer step; gives the states that it keeps, and what they start from.
pub(crate) fn update<'g>(
    builder: &'g Builder,
    optimizer: &dyn Optimizer,
    mut gradients: Vec<Gradient<'_, 'g>>,
) -> Result<Vec<(String, Start)>> {
    let options = optimizer.options();
    let rate = Buffer::from_f32(&[], &[optimizer.learning_rate() as f32])?;
    let mut starts = vec![(LEARNING_RATE.to_string(), Start::Value(rate))];
    let mut count = |name: &str| {
        starts.push((name.into(), Start::Value(Buffer::from_i64(&[], &[0])?)));
        Ok::<_, crate::Error>(builder.parameter(name, DType::I64, []))
    };
    let iterations = count(ITERATIONS)?;
    builder.update(iterations, iterations + 1.0);
    let counter = if options.gradient_accumulation_steps.is_some() { UPDATES } else { ITERATIONS };
    // States of its own, which go on at every step.
    let mut own = Step::new(builder, counter);
    if let Some(scale) = options.loss_scale_factor {
        gradients.iter_mut().for_each(|g| g.2 = g.2 / scale);
    }
    let mut done = None;
    if let Some(steps) = options.gradient_accumulation_steps {
        let full = reaches(builder, count(GATHERED)?, steps, None);
        for (p, _, g) in &mut gradients {
            own.enter(&p.path);
            let sum = own.slot(ACCUMULATOR, *g, 0.0) + *g;
            own.set_slot(ACCUMULATOR, full.select(sum.zeros_like(), sum));
            *g = sum / steps as f64;
        }
        let updates = count(UPDATES)?;
        builder.update(updates, updates + full.cast(DType::I64));
        done = Some(full);
    }
    let overwrite = match options.ema_overwrite_frequency.filter(|_| options.use_ema) {
        Some(frequency) => Some(reaches(builder, count(AVERAGED)?, frequency, done)),
        None => None,
    };
    clip(builder, &options, &mut gradients);
    let mut step = Step::new(builder, counter);
    for (p, w, g) in gradients {
        let _scope = builder.scope(&p.path, optimizer.kind());
        step.enter(&p.path);
        let decayed = optimizer.decay(&p.path, &w).map_or(w, |decay| w - w * decay * step.learning_rate());
        let mut new = optimizer.step(&mut step, decayed, g);
        if let Some(done) = done {
            new = done.select(new, w);
        }
        if options.use_ema {
            own.enter(&p.path);
            let average = average(&mut own, new, options.ema_momentum);
            new = overwrite.map_or(new, |now| now.select(average, new));
        }
        if let Some(constraint) = &p.constraint {
            let _scope = builder.scope("constraint", constraint.kind());
            new = constraint.lower(new);
        }
        builder.update(w, new);
    }
    if let Some(done) = done {
        step.hold_unless(done);
    }
    starts.extend(own.finish()?);
    starts.extend(step.finish()?);
    Ok(starts)
}

/// a ← μ a + (1 − μ) w, with μ = 0 before the second iteration.
fn average<'g>(own: &mut Step<'g>, w: Tensor<'g>, momentum: f64) -> Tensor<'g> {
    let first = own.iteration().less_equal(own.iteration().constant(1.0));
    let momentum = first.select(own.iteration().constant(0.0), own.iteration().constant(momentum));
    let average = own.slot(AVERAGE, w, 0.0);
    own.set_slot(AVERAGE, average * momentum + w * (1.0 - momentum))
}

/// Whether this step is the `every`-th since that was so last; steps where `counts` does not hold do not count. `counter` counts them.
fn reaches<'g>(
    builder: &'g Builder,
    counter: Tensor<'g>,
    every: usize,
    counts: Option<Tensor<'g>>,
) -> Tensor<'g> {
    let next = counter + 1.0;
    let full = next.greater_equal(next.constant(every as f64));
    let new = full.select(next.constant(0.0), next);
    builder.update(counter, counts.map_or(new, |counts| counts.select(new, counter)));
    full
}

/// Bounds the gradients.
fn clip<'g>(builder: &'g Builder, bounds: &Options, gradients: &mut [Gradient<'_, 'g>]) {
    let _scope = builder.scope("clipping", "clipping");
    let square = |g: Tensor<'g>| g.square().sum_all();
    // g · bound / max(norm, bound): no division by 0.
    let scaled = |g: Tensor<'g>, square: Tensor<'g>, bound: f64| {
        let bound = square.constant(bound);
        g * (bound / square.sqrt().max(bound))
    };
    if let Some(bound) = bounds.global_clipnorm
        && let Some(total) = gradients.iter().map(|s| square(s.2)).reduce(|a, b| a + b)
    {
        gradients.iter_mut().for_each(|s| s.2 = scaled(s.2, total, bound));
    }
    if let Some(bound) = bounds.clipnorm {
        gradients.iter_mut().for_each(|s| s.2 = scaled(s.2, square(s.2), bound));
    }
    if let Some(bound) = bounds.clipvalue {
        gradients.iter_mut().for_each(|s| s.2 = s.2.clamp(-bound, bound));
    }
}
