//! Functions of floats, written once over the vectors of every level: no branch depends on one lane but where a comment says so, and a
//! lane's bits depend on its own operand alone. Polynomials are minimax fits of the stated relative error.

use crate::simd::Simd;

const LOG2_E: f32 = std::f32::consts::LOG2_E;
// ln 2 in two: the first has 10 bits, so that its product with a small whole number is exact.
const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -2.121_944_4e-4;

/// c₀ + c₁x + c₂x² + …
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(s: S, x: S::F, c: [f32; N]) -> S::F {
    let mut sum = s.splat(c[N - 1]);
    for i in (0..N - 1).rev() {
        sum = s.fma(sum, x, s.splat(c[i]));
    }
    sum
}

/// `x` held to what `low` and `high` allow; NaN stays.
#[inline(always)]
fn hold<S: Simd>(s: S, x: S::F, low: f32, high: f32) -> S::F {
    s.max_or(s.splat(low), s.min_or(s.splat(high), x))
}

/// x = n·ln 2 + r, with |r| at most half of ln 2.
#[inline(always)]
fn reduce<S: Simd>(s: S, x: S::F) -> (S::F, S::F) {
    let n = s.round(s.mul(x, s.splat(LOG2_E)));
    let r = s.fma(n, s.splat(-LN2_HIGH), x);
    (n, s.fma(n, s.splat(-LN2_LOW), r))
}

/// eˣ, to 1 ulp (2 among denormals).
#[inline(always)]
pub(crate) fn exp<S: Simd>(s: S, x: S::F) -> S::F {
    let x = hold(s, x, -104.0, 89.0);
    let (n, r) = reduce(s, x);
    // To 2⁻³⁴.
    let p =
        polynomial(s, r, [0.5, 0.166_666_66, 0.041_666_28, 0.008_333_503, 0.001_394_575_2, 1.978_927_6e-4]);
    let y = s.add(s.fma(s.mul(r, r), p, r), s.splat(1.0));
    s.scale(y, n)
}

/// eˣ − 1, to 3 ulp.
#[inline(always)]
pub(crate) fn expm1<S: Simd>(s: S, x: S::F) -> S::F {
    let x = hold(s, x, -25.0, 89.0);
    let (n, r) = reduce(s, x);
    // To 2⁻³².
    let p =
        polynomial(s, r, [0.5, 0.166_666_67, 0.041_666_344, 0.008_333_27, 0.001_394_204_6, 1.991_562_5e-4]);
    let q = s.fma(s.mul(r, r), p, r);
    // Half of 2ⁿ, which is finite where 2ⁿ is not: 2ⁿ·q + (2ⁿ − 1) is twice (half·q + (half − 1/2)).
    let half = s.float_of(s.shl::<23>(s.add_i(s.to_int(n), s.splat_i(126))));
    let y = s.fma(half, q, s.sub(half, s.splat(0.5)));
    s.add(y, y)
}

/// ln x, to 2 ulp.
#[inline(always)]
pub(crate) fn log<S: Simd>(s: S, x: S::F) -> S::F {
    let tiny = s.lt(x, s.splat(f32::MIN_POSITIVE));
    let scaled = s.select(tiny, s.mul(x, s.splat(8_388_608.0)), x);
    // x = m·2ᵉ, m within [√½, √2).
    let bits = s.bits(scaled);
    let shifted = s.sub_i(bits, s.splat_i(0x3f35_04f3));
    let e = s.to_float(s.shr::<23>(shifted));
    let e = s.sub(e, s.select(tiny, s.splat(23.0), s.splat(0.0)));
    let m = s.float_of(s.add_i(s.and_i(shifted, s.splat_i(0x007f_ffff)), s.splat_i(0x3f35_04f3)));
    let f = s.sub(m, s.splat(1.0));
    let f2 = s.mul(f, f);
    // To 2⁻³⁰.
    let p = polynomial(
        s,
        f,
        [
            0.333_333_13,
            -0.250_000_1,
            0.200_021_19,
            -0.166_679_96,
            0.142_195_52,
            -0.124_055_9,
            0.118_881_63,
            -0.116_756_506,
            0.067_466_38,
        ],
    );
    let y = s.mul(s.mul(f2, f), p);
    let y = s.fma(e, s.splat(LN2_LOW), y);
    let y = s.fma(f2, s.splat(-0.5), y);
    let y = s.fma(e, s.splat(LN2_HIGH), s.add(f, y));
    // Zero, infinity, NaN, and what is below zero.
    let y = s.select(s.lt(x, s.splat(f32::INFINITY)), y, x);
    let y = s.select(s.lt(x, s.splat(0.0)), s.splat(f32::NAN), y);
    s.select(s.eq(x, s.splat(0.0)), s.splat(f32::NEG_INFINITY), y)
}

/// ln(1 + x), to 4 ulp.
#[inline(always)]
pub(crate) fn log1p<S: Simd>(s: S, x: S::F) -> S::F {
    let one = s.splat(1.0);
    let u = s.add(one, x);
    // What rounding took from u, times the slope of ln at u.
    let lost = s.div(s.sub(x, s.sub(u, one)), u);
    let y = log(s, u);
    let plain = s.or(s.eq(u, s.splat(0.0)), s.eq(u, s.splat(f32::INFINITY)));
    s.select(plain, y, s.add(y, lost))
}

/// 1 / (1 + e⁻ˣ), to 4 ulp.
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(s: S, x: S::F) -> S::F {
    let one = s.splat(1.0);
    let e = exp(s, s.neg(s.abs(x)));
    let top = s.select(s.lt(x, s.splat(0.0)), e, one);
    s.div(top, s.add(one, e))
}

/// ln(1 + eˣ), to 4 ulp.
#[inline(always)]
pub(crate) fn softplus<S: Simd>(s: S, x: S::F) -> S::F {
    let rest = log1p(s, exp(s, s.neg(s.abs(x))));
    s.add(s.max(x, s.splat(0.0)), rest)
}

/// tanh x, to 4 ulp.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(s: S, x: S::F) -> S::F {
    let a = s.min_or(s.splat(10.0), s.abs(x));
    let t = expm1(s, s.add(a, a));
    let y = s.div(t, s.add(t, s.splat(2.0)));
    copy_sign(s, y, x)
}

/// Gauss's error function, to 4 ulp.
#[inline(always)]
pub(crate) fn erf<S: Simd>(s: S, x: S::F) -> S::F {
    let a = s.min_or(s.splat(4.0), s.abs(x));
    let x2 = s.mul(a, a);
    // Near zero: x + x·P(x²), to 2⁻³¹.
    let near = polynomial(
        s,
        x2,
        [
            0.128_379_17,
            -0.376_126_32,
            0.112_836_9,
            -0.026_859_071,
            0.005_200_225,
            -8.133_576e-4,
            8.331_652_5e-5,
        ],
    );
    let near = s.fma(near, a, a);
    // Beyond: 1 − exp(x·Q(x)), to 2⁻³².
    let far = polynomial(
        s,
        a,
        [
            -1.128_555_8,
            -0.635_606_47,
            -0.105_299_01,
            0.022_712_216,
            -0.002_953_572_4,
            5.802_553_6e-5,
            4.393_123e-5,
            -4.803_233e-6,
        ],
    );
    let far = s.sub(s.splat(1.0), exp(s, s.mul(far, a)));
    let y = s.select(s.lt(a, s.splat(0.927_734_4)), near, far);
    copy_sign(s, y, x)
}

/// arctan x, to 4 ulp.
#[inline(always)]
pub(crate) fn atan<S: Simd>(s: S, x: S::F) -> S::F {
    let a = s.abs(x);
    let inverse = s.lt(s.splat(1.0), a);
    let t = s.select(inverse, s.div(s.splat(1.0), a), a);
    let t2 = s.mul(t, t);
    // To 2⁻³¹.
    let p = polynomial(
        s,
        t2,
        [
            -0.333_333_28,
            0.199_996_71,
            -0.142_798_33,
            0.110_582_24,
            -0.088_110_92,
            0.067_415_98,
            -0.044_689_957,
            0.022_539_884,
            -0.007_317_965_4,
            0.001_113_790_8,
        ],
    );
    let y = s.fma(s.mul(t, t2), p, t);
    // π/2 in two.
    let turned = s.add(s.sub(s.splat(std::f32::consts::FRAC_PI_2), y), s.splat(-4.371_139e-8));
    copy_sign(s, s.select(inverse, turned, y), x)
}

/// sin x, to 4 ulp.
#[inline(always)]
pub(crate) fn sin<S: Simd>(s: S, x: S::F) -> S::F {
    turn(s, x, 0, libm::sin)
}

/// cos x, to 4 ulp.
#[inline(always)]
pub(crate) fn cos<S: Simd>(s: S, x: S::F) -> S::F {
    turn(s, x, 1, libm::cos)
}

/// sin(x + quarter·π/2); `wide` is the same where x is too large for the reduction in floats.
#[inline(always)]
fn turn<S: Simd>(s: S, x: S::F, quarter: i32, wide: fn(f64) -> f64) -> S::F {
    const NEAR: f32 = 500.0;
    let a = hold(s, x, -NEAR, NEAR);
    let q = s.round(s.mul(a, s.splat(std::f32::consts::FRAC_2_PI)));
    // π/2 in four, the first three of so few bits that their products with q are exact.
    let r = s.fma(q, s.splat(-1.570_312_5), a);
    let r = s.fma(q, s.splat(-4.837_513e-4), r);
    let r = s.fma(q, s.splat(-7.549_533_6e-8), r);
    let r = s.fma(q, s.splat(-2.563_344e-12), r);
    let r2 = s.mul(r, r);
    let p = polynomial(s, r2, [-0.166_666_67, 0.008_333_329, -1.983_923_3e-4, 2.717_366_7e-6]);
    let sine = s.fma(s.mul(r, r2), p, r);
    let p = polynomial(s, r2, [0.041_666_668, -0.001_388_888_3, 2.479_937_2e-5, -2.719_863e-7]);
    let cosine = s.add(s.fma(s.mul(r2, r2), p, s.mul(r2, s.splat(-0.5))), s.splat(1.0));
    let q = s.add_i(s.to_int(q), s.splat_i(quarter));
    let odd = s.eq_i(s.and_i(q, s.splat_i(1)), s.splat_i(1));
    let y = s.select(odd, cosine, sine);
    let sign = s.shl::<30>(s.and_i(q, s.splat_i(2)));
    let y = s.float_of(s.xor_i(s.bits(y), sign));
    let y = s.select(s.eq(x, x), y, x);
    let far = s.lt(s.splat(NEAR), s.abs(x));
    if !s.any(far) {
        return y;
    }
    // Rare; whether it is done has no influence on the lanes that need it not.
    s.select(far, each(s, x, |x| wide(f64::from(x)) as f32), y)
}

/// aᵇ.
#[inline(always)]
pub(crate) fn pow<S: Simd>(s: S, a: S::F, b: S::F) -> S::F {
    let mut exponents = [0.0f32; 16];
    // SAFETY: no level has more than 16 lanes.
    unsafe { s.store(exponents.as_mut_ptr(), b) };
    let mut lane = 0;
    each(s, a, |x| {
        let y = libm::pow(f64::from(x), f64::from(exponents[lane])) as f32;
        lane += 1;
        y
    })
}

/// Lane by lane.
#[inline(always)]
fn each<S: Simd>(s: S, x: S::F, mut f: impl FnMut(f32) -> f32) -> S::F {
    let mut lanes = [0.0f32; 16];
    // SAFETY: no level has more than 16 lanes.
    unsafe { s.store(lanes.as_mut_ptr(), x) };
    for lane in lanes.iter_mut().take(S::LANES) {
        *lane = f(*lane);
    }
    // SAFETY: as above.
    unsafe { s.load(lanes.as_ptr()) }
}

/// |y| with the sign of x.
#[inline(always)]
fn copy_sign<S: Simd>(s: S, y: S::F, x: S::F) -> S::F {
    let sign = s.and_i(s.bits(x), s.splat_i(i32::MIN));
    s.float_of(s.or_i(s.and_i(s.bits(y), s.splat_i(i32::MAX)), sign))
}

#[cfg(test)]
mod tests {
    use nervure_graph::{DType, Unary};

    use crate::kernels::map;
    use crate::simd::Level;

    fn run(level: Level, op: Unary, x: &[f32]) -> Vec<f32> {
        let mut y = vec![0.0f32; x.len()];
        let f = map::unary(level, op, DType::F32);
        let none = std::ptr::null();
        // SAFETY: as many floats are readable and writable.
        unsafe { f(x.len(), y.as_mut_ptr().cast(), x.as_ptr().cast(), none, none) };
        y
    }

    /// |y − exact| in units of the last place of the float next to the exact value.
    fn ulps(y: f32, exact: f64) -> f64 {
        let near = exact as f32;
        if y.is_nan() || near.is_nan() {
            return if y.is_nan() == near.is_nan() { 0.0 } else { f64::INFINITY };
        }
        if y == near {
            return 0.0;
        }
        if near.is_infinite() || y.is_infinite() {
            // One beyond the greatest float is as near as the greatest float.
            return if y.abs().max(near.abs()).is_infinite()
                && y.abs().min(near.abs()) == f32::MAX
                && y.signum() == near.signum()
            {
                1.0
            } else {
                f64::INFINITY
            };
        }
        let exponent = (near.abs().to_bits() >> 23).max(1) as i32 - 127 - 23;
        (f64::from(y) - exact).abs() / 2f64.powi(exponent)
    }

    fn exact(op: Unary) -> (fn(f64) -> f64, f64) {
        match op {
            Unary::Exp => (libm::exp, 2.0),
            Unary::Expm1 => (libm::expm1, 3.0),
            Unary::Log => (libm::log, 2.0),
            Unary::Log1p => (libm::log1p, 4.0),
            Unary::Sqrt => (f64::sqrt, 0.5),
            Unary::Rsqrt => (|x| 1.0 / x.sqrt(), 1.5),
            Unary::Sin => (libm::sin, 4.0),
            Unary::Cos => (libm::cos, 4.0),
            Unary::Tanh => (libm::tanh, 4.0),
            Unary::Atan => (libm::atan, 4.0),
            Unary::Sigmoid => (|x| 1.0 / (1.0 + libm::exp(-x)), 4.0),
            Unary::Softplus => (|x| x.max(0.0) + libm::log1p(libm::exp(-x.abs())), 4.0),
            Unary::Erf => (libm::erf, 4.0),
            Unary::Neg => (|x| -x, 0.0),
            Unary::Abs => (f64::abs, 0.0),
            Unary::Sign => (|x| if x == 0.0 || x.is_nan() { x } else { x.signum() }, 0.0),
            Unary::Floor => (f64::floor, 0.0),
            Unary::Ceil => (f64::ceil, 0.0),
            Unary::Round => (f64::round_ties_even, 0.0),
            Unary::IsFinite | Unary::Not => (|x| x, f64::INFINITY),
        }
    }

    #[test]
    fn functions_are_as_exact_as_they_say_over_all_floats() {
        // Every 4001st float (a prime), and those around which something changes.
        let mut x: Vec<f32> = (0..=u32::MAX).step_by(4001).map(f32::from_bits).collect();
        for special in [
            0.0f32,
            1.0,
            0.5,
            2.0,
            0.927_734_4,
            4.0,
            10.0,
            88.722_84,
            103.97,
            500.0,
            1e-38,
            1e-45,
            f32::MAX,
            f32::INFINITY,
            f32::NAN,
        ] {
            for x0 in [special, -special] {
                x.extend((-300..=300i32).map(|d| f32::from_bits(x0.to_bits().wrapping_add_signed(d))));
            }
        }
        // Multiples of π/2, near which sines vanish.
        x.extend((-700..700).map(|i| (f64::from(i) * std::f64::consts::FRAC_PI_2) as f32));
        for op in Unary::ALL {
            let (f, bound) = exact(op);
            if bound.is_infinite() {
                continue;
            }
            let values: Vec<f64> = x.iter().map(|&x| f(f64::from(x))).collect();
            for &level in Level::available() {
                let y = run(level, op, &x);
                let (mut worst, mut at) = (0.0, 0);
                for (i, (&y, &e)) in y.iter().zip(&values).enumerate() {
                    if ulps(y, e) > worst {
                        (worst, at) = (ulps(y, e), i);
                    }
                }
                println!("{op:?} {level:?}: {worst:.2} ulp at {:e}", x[at]);
                assert!(
                    worst <= bound,
                    "{op:?} at {level:?}: {worst} ulp at {:e}: {:e} for {:e}",
                    x[at],
                    y[at],
                    values[at]
                );
            }
        }
    }

    #[test]
    fn a_value_is_the_same_bits_in_every_place() {
        let x: Vec<f32> = (0..67).map(|i| (i as f32 - 30.0) * 0.37).collect();
        for op in Unary::ALL.into_iter().filter(|&op| op != Unary::IsFinite && op != Unary::Not) {
            for &level in Level::available() {
                let whole = run(level, op, &x);
                for i in 0..x.len() {
                    for n in [1, 2, 17] {
                        let part = run(level, op, &x[i..(i + n).min(x.len())]);
                        assert_eq!(part[0].to_bits(), whole[i].to_bits(), "{op:?} of {}", x[i]);
                    }
                }
            }
        }
    }
}
