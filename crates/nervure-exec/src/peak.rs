use std::hint::black_box;
use std::time::Instant;

use crate::Threads;
use crate::simd::{Kernel, Level, Simd};

/// Floating-point operations a second that these threads together reach with fused multiply-adds between registers, at the level of
/// instructions that kernels run at: what no kernel can exceed. The best of many short rounds, a tenth of a second in all.
pub fn peak_flops(threads: &Threads) -> f64 {
    const ROUNDS: usize = 400;
    let level = Level::best();
    let shortest = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            threads.run(threads.count(), &|_, _| {
                black_box(level.run(Chains));
            });
            start.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min);
    (threads.count() * level.run(Work)) as f64 / shortest
}

/// Chains of x ← x·a + b that do not depend on each other.
struct Chains;
/// Floating-point operations of [`Chains`].
struct Work;

/// As many chains as hide the latency of two operations a cycle, and as registers hold at every level.
const CHAINS: usize = 12;
/// Links of a chain: a fifth of a millisecond, in which few other programs come between.
const LINKS: usize = 50_000;

impl Kernel for Chains {
    type Output = bool;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> bool {
        let (a, b) = (s.splat(black_box(0.999)), s.splat(black_box(0.001)));
        let mut chains = [s.splat(1.0); CHAINS];
        for _ in 0..LINKS {
            for x in &mut chains {
                *x = s.fma(*x, a, b);
            }
        }
        let sum = chains.into_iter().fold(s.splat(0.0), |sum, x| s.add(sum, x));
        s.any(s.lt(sum, s.splat(0.0)))
    }
}

impl Kernel for Work {
    type Output = usize;
    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> usize {
        2 * CHAINS * LINKS * S::LANES
    }
}
