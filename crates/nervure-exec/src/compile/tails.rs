//! Elementwise work on what a product just wrote, part by part while that is in cache: the bias and the activation of a layer, the
//! derivative of an activation, an optimizer's update. It saves the start of a kernel and its wait for all threads.

use super::lower::{BufferInfo, Step};
use crate::kernels::BufferId;
use crate::kernels::tape::{self, Tape};
use crate::plan::Kernel;

/// Bytes of a tape's arrays beyond which it runs on its own: memory beyond the second cache is read and written fastest in one stretch,
/// without a product in between (an update of 262144 weights: 0.6 ns each instead of 1.2).
const LARGE: usize = 1 << 20;

/// Makes each tape over the result of a product, whose other operands do not wait for the product, a part of that product's kernel.
pub(super) fn join(steps: Vec<Step>, buffers: &[BufferInfo]) -> Vec<Step> {
    let mut steps: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
    let mut writer = vec![None; buffers.len()];
    for (i, step) in steps.iter().enumerate() {
        for &b in step.iter().flat_map(|s| &s.writes) {
            writer[b as usize] = Some(i);
        }
    }
    for i in 0..steps.len() {
        let bytes =
            |s: &Step| s.reads.iter().chain(&s.writes).map(|&b| buffers[b as usize].bytes).sum::<usize>();
        if steps[i].as_ref().is_none_or(|s| bytes(s) > LARGE) {
            continue;
        }
        let Some((product, result)) = product_of(&steps, &writer, i) else { continue };
        let Some(Step { kernel: Kernel::Fused(fused), reads, writes, in_place, .. }) = steps[i].take() else {
            continue;
        };
        for &b in &writes {
            writer[b as usize] = Some(product);
        }
        let Some(step) = &mut steps[product] else { continue };
        if let Some(tail) = tail(&mut step.kernel) {
            *tail = Some(fused.tape);
        }
        // An operand of the product is read by other parts while this one is written.
        step.in_place.extend(in_place.iter().filter(|(from, _)| !step.reads.contains(from)));
        step.reads.extend(reads.iter().filter(|&&b| b != result));
        step.writes.extend(writes);
    }
    steps.into_iter().flatten().collect()
}

/// The product of which a tape can be the tail, and its result: every other operand of the tape is there before the product starts.
fn product_of(steps: &[Option<Step>], writer: &[Option<usize>], tape: usize) -> Option<(usize, BufferId)> {
    let step = steps[tape].as_ref()?;
    let Kernel::Fused(fused) = &step.kernel else { return None };
    if !fused.sinks.is_empty() {
        return None;
    }
    let made_by = |b: BufferId| writer[b as usize];
    step.reads.iter().find_map(|&result| {
        let product = made_by(result)?;
        let kernel = &steps[product].as_ref()?.kernel;
        let (may, to, len) = if let Kernel::MatMul(k) = kernel {
            (k.can_have_tail(), k.c, k.len())
        } else if let Kernel::Conv(k) = kernel {
            (k.can_have_tail(), k.to, k.len())
        } else {
            return None;
        };
        let fits = may && to == result && len == fused.rows * fused.row && walks(&fused.tape, result);
        let others = step.reads.iter().filter(|&&b| b != result).filter_map(|&b| made_by(b));
        (fits && !waits(steps, writer, others.collect(), product)).then_some((product, result))
    })
}

/// Where a kernel that can have one keeps its tail.
fn tail(kernel: &mut Kernel) -> Option<&mut Option<Tape>> {
    if let Kernel::MatMul(k) = kernel {
        Some(&mut k.tail)
    } else if let Kernel::Conv(k) = kernel {
        Some(&mut k.tail)
    } else {
        None
    }
}

/// Whether a tape reads each float of a buffer where it does the element of that number.
fn walks(tape: &Tape, buffer: BufferId) -> bool {
    let walked = |o: &tape::Operand| o.buffer != buffer || (o.offset == 0 && o.size == 4);
    tape.steps.iter().all(|step| match step {
        tape::Step::Map { from, .. } => from.iter().all(walked),
        tape::Step::Formula { from, .. } => from.iter().all(walked),
        tape::Step::Load { from, .. } => *from != buffer,
        tape::Step::Store { .. } | tape::Step::Iota { .. } => true,
        tape::Step::Random { draw, .. } => {
            [Some(draw.seed), Some(draw.step), draw.time].iter().flatten().all(|o| o.buffer != buffer)
        }
    })
}

/// Whether one of the steps `from` must run after `product`, or is it.
fn waits(steps: &[Option<Step>], writer: &[Option<usize>], from: Vec<usize>, product: usize) -> bool {
    let mut seen = vec![false; steps.len()];
    let mut stack = from;
    while let Some(at) = stack.pop() {
        if at == product {
            return true;
        }
        if !std::mem::replace(&mut seen[at], true) {
            let reads = steps[at].iter().flat_map(|s| &s.reads);
            stack.extend(reads.filter_map(|&b| writer[b as usize]));
        }
    }
    false
}
