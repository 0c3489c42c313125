//! Random numbers that depend on their place alone: what [`Op::Random`](crate::Op::Random) and initializers draw.

/// Philox-4x32-10, a function from counter and key to four random words (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
pub fn philox4x32(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let (mut c, mut k) = (counter, key);
    for _ in 0..10 {
        let product = |m: u32, x: u32| {
            let p = u64::from(m) * u64::from(x);
            ((p >> 32) as u32, p as u32)
        };
        let (high0, low0) = product(0xD251_1F53, c[0]);
        let (high1, low1) = product(0xCD9E_8D57, c[2]);
        c = [high1 ^ c[1] ^ k[0], low1, high0 ^ c[3] ^ k[1], low0];
        k = [k[0].wrapping_add(0x9E37_79B9), k[1].wrapping_add(0xBB67_AE85)];
    }
    c
}

/// A word as a number in [0, 1): its upper 24 bits over 2²⁴, which `f32` holds exactly.
pub fn uniform(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// An array of draws, by its key: what [`Op::Random`](crate::Op::Random) reads.
///
/// ```
/// use nervure_graph::random::Draw;
/// let draw = Draw { seed: 42, step: 0, time: 0, stream: 1 };
/// assert_eq!(draw.uniform(5), draw.uniform(5));
/// assert!((0.0..1.0).contains(&draw.uniform(5)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Draw {
    /// Seed of the run.
    pub seed: i64,
    /// Step of training.
    pub step: i64,
    /// Time index within a scan; 0 outside.
    pub time: i32,
    /// Tells apart the draws of one step.
    pub stream: u32,
}

impl Draw {
    /// The words of elements `4·block` to `4·block + 3`.
    pub fn words(&self, block: u32) -> [u32; 4] {
        let (seed, step) = (self.seed as u64, self.step as u64);
        let counter = [block, step as u32, self.time as u32, self.stream];
        philox4x32(counter, [seed as u32, (seed >> 32) as u32])
    }

    /// Element `element` of the array, row-major, uniform in [0, 1). Draws repeat after 2³⁴ elements.
    pub fn uniform(&self, element: u64) -> f32 {
        uniform(self.words((element / 4) as u32)[(element % 4) as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers that come with the authors' library, Random123.
    #[test]
    fn philox_gives_the_published_words() {
        let ones = u32::MAX;
        let check = |counter, key, words| assert_eq!(philox4x32(counter, key), words);
        check([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        check([ones; 4], [ones; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        check(
            [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
            [0xa409_3822, 0x299f_31d0],
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
        );
    }

    #[test]
    fn a_draw_takes_key_and_counter_as_documented() {
        let draw = Draw { seed: 0x0123_4567_89ab_cdef, step: (7 << 32) + 5, time: -1, stream: 9 };
        let words = philox4x32([2, 5, u32::MAX, 9], [0x89ab_cdef, 0x0123_4567]);
        for (i, word) in words.into_iter().enumerate() {
            assert_eq!(draw.uniform(8 + i as u64), (word / 256) as f32 / 16_777_216.0);
        }
        assert_eq!(uniform(u32::MAX), 1.0 - 2f32.powi(-24));
    }
}
