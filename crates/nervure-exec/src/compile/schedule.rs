//! In which order kernels run, and what lies where.

use std::collections::BTreeSet;

use super::lower::{BufferInfo, Lowered, Place, Step};
use super::place::{self, Life};
use super::row_blocks::RowBlocks;
use crate::Error;
use crate::kernels::BufferId;
use crate::kernels::movement::Copy;
use crate::plan::Kernel;

/// Kernels in the order in which they run, and where their buffers lie.
pub(super) struct Scheduled {
    pub steps: Vec<Step>,
    pub buffers: Vec<BufferInfo>,
    /// Where each buffer begins in the arena; 0 for those that lie elsewhere.
    pub places: Vec<usize>,
    pub arena: usize,
    /// Bytes of the largest set of buffers that live at one time.
    pub largest: usize,
}

/// Orders the kernels and places the buffers, or the part of each that a block of rows needs.
pub(super) fn schedule(lowered: Lowered, row_blocks: Option<&RowBlocks>) -> Result<Scheduled, Error> {
    let Lowered { steps, mut buffers, kept, outputs, updates, .. } = lowered;
    let mut order = Order::new(&steps, buffers.len());
    let mut copies = Vec::new();
    for (i, &(slot, value)) in updates.iter().enumerate() {
        let again = updates[..i].iter().any(|u| u.1 == value);
        let in_place = !again
            && !outputs.contains(&value)
            && buffers[value as usize].place == Place::Arena
            && order.update_in_place(&steps, slot, value);
        if in_place {
            buffers[value as usize].place = Place::Same(slot);
        } else {
            copies.push((slot, value));
        }
    }
    let mut steps = order.run(steps);
    let last = steps.last().map_or(nervure_graph::NodeId(0), |s| s.node);
    for (slot, value) in copies {
        let bytes = buffers[value as usize].bytes;
        let copy =
            Copy { width: 1, from: value, from_offset: 0, to: slot, to_offset: 0, axes: vec![(bytes, 1, 1)] };
        steps.push(Step {
            kernel: Kernel::Copy(copy),
            node: last,
            reads: vec![value],
            writes: vec![slot],
            room: Vec::new(),
            in_place: Vec::new(),
            flops: 0,
        });
    }
    let (places, arena, largest) = lay_out(&steps, &mut buffers, &outputs, &kept, row_blocks);
    Ok(Scheduled { steps, buffers, places, arena, largest })
}

/// Which kernel waits for which.
struct Order {
    /// For each kernel those that must have run.
    before: Vec<BTreeSet<usize>>,
    writer: Vec<Option<usize>>,
    readers: Vec<Vec<usize>>,
    /// Kernels that can stop a run: state changes after them.
    fallible: Vec<usize>,
    /// Kernels that write state: as soon as they can, for what they read is freed.
    early: Vec<bool>,
}

impl Order {
    fn new(steps: &[Step], buffers: usize) -> Order {
        let mut writer = vec![None; buffers];
        let mut readers = vec![Vec::new(); buffers];
        for (i, step) in steps.iter().enumerate() {
            for &w in &step.writes {
                writer[w as usize] = Some(i);
            }
            for &r in &step.reads {
                readers[r as usize].push(i);
            }
        }
        let before = steps
            .iter()
            .map(|step| step.reads.iter().filter_map(|&r| writer[r as usize]).collect())
            .collect();
        let fallible = (0..steps.len()).filter(|&i| steps[i].kernel.can_fail()).collect();
        Order { before, writer, readers, fallible, early: vec![false; steps.len()] }
    }

    /// Lets the kernel that writes `value` write it into `slot`, if every other reader of the slot, and every kernel that may fail, can
    /// run before it.
    fn update_in_place(&mut self, steps: &[Step], slot: BufferId, value: BufferId) -> bool {
        let Some(writer) = self.writer[value as usize] else { return false };
        let reads = self.readers[slot as usize].contains(&writer);
        if reads && !steps[writer].in_place.contains(&(slot, value)) {
            return false;
        }
        let readers = self.readers[slot as usize].iter().copied();
        let others: Vec<usize> =
            readers.chain(self.fallible.iter().copied()).filter(|&r| r != writer).collect();
        if steps[writer].kernel.can_fail() || others.iter().any(|&r| self.waits(r, writer)) {
            return false;
        }
        self.before[writer].extend(others);
        self.early[writer] = true;
        true
    }

    /// Whether `step` must run after `other`.
    fn waits(&self, step: usize, other: usize) -> bool {
        let mut seen = vec![false; self.before.len()];
        let mut stack = vec![step];
        while let Some(at) = stack.pop() {
            if at == other {
                return true;
            }
            if !std::mem::replace(&mut seen[at], true) {
                stack.extend(&self.before[at]);
            }
        }
        false
    }

    /// The kernels in order: of those that can run, one that writes state, else the one whose node is first.
    fn run(self, steps: Vec<Step>) -> Vec<Step> {
        let mut waiting: Vec<usize> = self.before.iter().map(BTreeSet::len).collect();
        let mut after = vec![Vec::new(); steps.len()];
        for (i, before) in self.before.iter().enumerate() {
            for &b in before {
                after[b].push(i);
            }
        }
        let key = |i: usize, steps: &[Option<Step>]| {
            let node = steps[i].as_ref().map_or(0, |s| s.node.index());
            (!self.early[i], node, i)
        };
        let mut steps: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
        let mut ready: BTreeSet<_> =
            (0..steps.len()).filter(|&i| waiting[i] == 0).map(|i| key(i, &steps)).collect();
        let mut out = Vec::with_capacity(steps.len());
        while let Some((.., i)) = ready.pop_first() {
            out.extend(steps[i].take());
            for &next in &after[i] {
                waiting[next] -= 1;
                if waiting[next] == 0 {
                    ready.insert(key(next, &steps));
                }
            }
        }
        debug_assert!(steps.iter().all(Option::is_none), "kernels wait for each other");
        out
    }
}

/// Finds how long buffers live, lets results take the memory of operands that die, and places them.
fn lay_out(
    steps: &[Step],
    buffers: &mut [BufferInfo],
    outputs: &[BufferId],
    kept: &[BufferId],
    row_blocks: Option<&RowBlocks>,
) -> (Vec<usize>, usize, usize) {
    let mut first = vec![usize::MAX; buffers.len()];
    let mut last = vec![0; buffers.len()];
    for (i, step) in steps.iter().enumerate() {
        for &b in step.reads.iter().chain(&step.writes).chain(&step.room) {
            first[b as usize] = first[b as usize].min(i);
            last[b as usize] = i;
        }
    }
    for &b in kept {
        (first[b as usize], last[b as usize]) = (0, steps.len());
    }
    for &b in outputs {
        last[b as usize] = steps.len();
        first[b as usize] = first[b as usize].min(steps.len());
    }
    for (i, step) in steps.iter().enumerate() {
        for &(from, to) in &step.in_place {
            let base = origin(buffers, from);
            let free = buffers[base as usize].place == Place::Arena
                && buffers[to as usize].place == Place::Arena
                && last[base as usize] == i
                && first[to as usize] == i
                && base != to;
            if free {
                buffers[to as usize].place = Place::Same(base);
                last[base as usize] = last[to as usize];
            }
        }
    }
    let owners: Vec<usize> =
        (0..buffers.len()).filter(|&b| buffers[b].place == Place::Arena && first[b] != usize::MAX).collect();
    let bytes = |b: usize| row_blocks.map_or(buffers[b].bytes, |r| r.part(b as BufferId));
    let lives: Vec<Life> =
        owners.iter().map(|&b| Life { bytes: bytes(b), from: first[b], to: last[b] }).collect();
    let (placed, arena) = place::place(&lives);
    let mut places = vec![0; buffers.len()];
    for (&b, at) in owners.iter().zip(placed) {
        places[b] = at;
    }
    (places, arena, place::largest(&lives))
}

/// The buffer in whose memory another lies.
pub(super) fn origin(buffers: &[BufferInfo], mut b: BufferId) -> BufferId {
    while let Place::Same(other) = buffers[b as usize].place {
        b = other;
    }
    b
}
