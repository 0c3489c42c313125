//! From a graph to a plan: dimensions get their values, nodes become kernels, kernels an order, buffers a place.

mod bind;
mod formulas;
mod fuse;
mod lower;
mod ops;
mod place;
mod row_blocks;
mod schedule;
mod tails;
mod tape;
mod view;
mod windows;

use nervure_graph::{Bindings, DType, Graph, NodeId};

pub(crate) use bind::LIMIT;
pub(crate) use lower::{Place, Results};
pub(crate) use row_blocks::RowBlocks;

use crate::plan::{Argument, Buffers, Plan, PlanStep, Slot};
use crate::simd::Level;
use crate::{Error, Store};

/// Compiles a graph for a level.
pub(crate) fn compile(
    graph: &Graph,
    bindings: &Bindings,
    store: &Store,
    level: Level,
    results: Results,
) -> Result<Plan, Error> {
    let bound = bind::Bound::new(graph, bindings)?;
    let lowered = lower::lower(&bound, store, level, results)?;
    let outputs = lowered.outputs.clone();
    let constants = lowered.constants.clone();
    let slots: Vec<Slot> = lowered
        .slots
        .iter()
        .map(|&(slot, id)| Slot {
            slot,
            name: graph.name(id).into(),
            dtype: bound.dtype(id),
            shape: bound.shape(id).into(),
        })
        .collect();
    let updated = graph.updates().iter().map(|u| graph.name(u.parameter).to_string()).collect();
    let row_blocks = match results {
        // Steps that hand nothing on are taken apart from each other, not rows.
        Results::Arena | Results::Caller { carries: 0, .. } => None,
        Results::Caller { carries, .. } => RowBlocks::of(&bound, &lowered, carries),
    };
    let kept = lowered.kept_bytes;
    let scheduled = schedule::schedule(lowered, row_blocks.as_ref())?;
    let total = (scheduled.arena + constants.len()) as u64;
    if total > LIMIT {
        return Err(Error::TooLarge { path: "plan".into(), op: "arena".into(), limit: LIMIT, bytes: total });
    }
    let argument = |name: &str, id: NodeId| -> Result<Argument, Error> {
        let ty = &graph.node(id).ty;
        Ok((name.to_string(), ty.dtype, ty.resolve(bindings)?))
    };
    let inputs =
        graph.inputs().iter().map(|&id| argument(graph.name(id), id)).collect::<Result<Vec<_>, _>>()?;
    let answers =
        graph.outputs().iter().map(|(name, id)| argument(name, *id)).collect::<Result<Vec<_>, _>>()?;
    let places: Vec<(Place, usize)> = (0..scheduled.buffers.len() as u32)
        .map(|b| {
            let base = schedule::origin(&scheduled.buffers, b);
            (scheduled.buffers[base as usize].place, scheduled.places[base as usize])
        })
        .collect();
    let steps = scheduled
        .steps
        .into_iter()
        .map(|s| PlanStep { path: graph.path(graph.node(s.node).scope), kernel: s.kernel, flops: s.flops })
        .collect();
    Ok(Plan::new(
        level,
        steps,
        Buffers { places, constants, arena: scheduled.arena, largest: scheduled.largest, kept, row_blocks },
        inputs,
        (answers, outputs),
        (slots, updated),
    ))
}

/// Bytes of an array.
pub(crate) fn bytes(dtype: DType, shape: &[usize]) -> usize {
    shape.iter().product::<usize>() * dtype.size()
}
