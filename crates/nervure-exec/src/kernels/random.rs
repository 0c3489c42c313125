//! Counter-based uniform numbers: Philox-4x32-10.

use super::Frame;
use super::tape::Operand;

/// What keys the numbers of a node.
#[derive(Debug, Clone)]
pub(crate) struct Draw {
    /// `i64` scalar.
    pub seed: Operand,
    /// `i64` scalar.
    pub step: Operand,
    /// `i32` scalar, if any.
    pub time: Option<Operand>,
    /// The node's stream.
    pub stream: u32,
}

/// Counters done at once.
const LANES: usize = 16;

/// Elements `start .. start + n`.
///
/// # Safety
/// `n` floats are writable at `to`; the operands are scalars of their types in the frame.
pub(crate) unsafe fn draw(draw: &Draw, frame: &Frame, start: usize, n: usize, to: *mut f32) {
    // SAFETY: the caller's promise.
    let (seed, step, time) = unsafe {
        (
            draw.seed.at(frame.table, frame.scratch, 0).cast::<i64>().read_unaligned() as u64,
            draw.step.at(frame.table, frame.scratch, 0).cast::<i64>().read_unaligned() as u32,
            draw.time
                .map_or(0, |t| t.at(frame.table, frame.scratch, 0).cast::<i32>().read_unaligned() as u32),
        )
    };
    let mut words = [0f32; 4 * LANES];
    let mut done = 0;
    while done < n {
        let element = start + done;
        let first = element / 4;
        philox(seed, first, [step, time, draw.stream], &mut words);
        let skip = element % 4;
        let count = (words.len() - skip).min(n - done);
        // SAFETY: within the `n` floats.
        unsafe { std::ptr::copy_nonoverlapping(words.as_ptr().add(skip), to.add(done), count) };
        done += count;
    }
}

/// The numbers of [`LANES`] counters from `first`.
#[inline]
fn philox(seed: u64, first: usize, counter: [u32; 3], out: &mut [f32; 4 * LANES]) {
    let mut c0: [u32; LANES] = std::array::from_fn(|i| (first + i) as u32);
    let [mut c1, mut c2, mut c3] = counter.map(|word| [word; LANES]);
    let (mut k0, mut k1) = (seed as u32, (seed >> 32) as u32);
    for _ in 0..10 {
        for (((c0, c1), c2), c3) in c0.iter_mut().zip(&mut c1).zip(&mut c2).zip(&mut c3) {
            let p0 = u64::from(*c0) * 0xD251_1F53;
            let p1 = u64::from(*c2) * 0xCD9E_8D57;
            (*c0, *c1) = ((p1 >> 32) as u32 ^ *c1 ^ k0, p1 as u32);
            (*c2, *c3) = ((p0 >> 32) as u32 ^ *c3 ^ k1, p0 as u32);
        }
        k0 = k0.wrapping_add(0x9E37_79B9);
        k1 = k1.wrapping_add(0xBB67_AE85);
    }
    for (word, lanes) in [c0, c1, c2, c3].iter().enumerate() {
        for (i, &x) in lanes.iter().enumerate() {
            out[4 * i + word] = (x >> 8) as f32 * (1.0 / 16_777_216.0);
        }
    }
}
