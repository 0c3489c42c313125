use crate::{Binary, DType, Dim, Literal, Op, Unary, Values};

use super::super::Case;
use super::{batched, case, fixed};

pub(super) fn add(cases: &mut Vec<Case>) {
    sources(cases);
    for u in Unary::ALL {
        unary(cases, u);
    }
    for b in Binary::ALL {
        binary(cases, b);
    }
    others(cases);
}

fn sources(cases: &mut Vec<Case>) {
    case(cases, "constants of every type", |w| {
        w.out(w.g.floats(&[2, 2], &[1.5, -2.0, 1e-30, 0.1]));
        w.out(w.g.floats(&[3], &[f64::INFINITY, f64::NEG_INFINITY, f64::NAN]).is_finite());
        for dtype in [DType::I32, DType::I64, DType::U8, DType::Bool] {
            w.out(w.g.whole(dtype, &[3], &[0, 1, 1]));
            w.out(w.g.scalar(dtype, 1.0));
        }
        let none = Literal { dtype: DType::F32, shape: vec![0, 2], values: Values::Float([].into()) };
        w.out(w.g.apply(Op::Constant(none), &[]));
    });
    case(cases, "a parameter that is used twice", |w| {
        let p = w.parameter("layer/kernel", &[2, 3]);
        let x = w.floats("x", batched(&[2]));
        w.out(x.matmul(p) * p.sum(&[0]));
        w.g.update(p, p - p.sin());
    });
    case(cases, "iota along each axis", |w| {
        for dtype in [DType::F32, DType::I32, DType::I64] {
            w.out(w.g.iota(dtype, batched(&[4]), 0));
            w.out(w.g.iota(dtype, batched(&[4]), 1));
        }
    });
    case(cases, "sizes", |w| {
        let batch = Dim::symbol("batch");
        w.out(w.g.size(&(&batch * 2 + 1)));
        w.out(w.g.size(&7.into()));
        w.out(w.floats("x", batched(&[2])).mean(&[0]));
    });
    case(cases, "random numbers", |w| {
        let seed = w.values("seed", DType::I64, fixed(&[]), &[-123_456_789_012.0]);
        let step = w.values("step", DType::I64, fixed(&[]), &[17.0]);
        let time = w.values("time", DType::I32, fixed(&[]), &[3.0]);
        let x = w.floats("x", batched(&[5]));
        let noise = w.g.apply(Op::Random { stream: 3, shape: batched(&[5]) }, &[seed, step]);
        w.out(noise.less(noise.constant(0.4)).select(x * 2.0, x.zeros_like()));
        w.out(w.g.apply(Op::Random { stream: 0, shape: fixed(&[6]) }, &[seed, step, time]));
    });
    case(cases, "stop_gradient", |w| {
        let x = w.floats("x", batched(&[2]));
        w.out(x * x.sin().stop_gradient());
        w.out(x.exp().stop_gradient());
    });
}

fn unary(cases: &mut Vec<Case>, u: Unary) {
    case(cases, format!("{u:?}"), |w| {
        let shape = batched(&[4]);
        let x = match u {
            Unary::Log | Unary::Sqrt | Unary::Rsqrt => w.within("x", shape, 0.4, 2.5),
            Unary::Log1p => w.within("x", shape, -0.6, 2.0),
            Unary::Not => w.below("x", DType::Bool, shape, 2),
            Unary::Sigmoid | Unary::Softplus | Unary::Tanh => {
                let values = [-40.0, -20.0, -3.0, -1.0, -0.2, 0.0, 0.4, 1.0, 2.0, 5.0, 20.0, 40.0];
                w.values("x", DType::F32, shape, &values)
            }
            Unary::Expm1 | Unary::Sin | Unary::Cos | Unary::Atan | Unary::Erf | Unary::Exp => {
                let values = [-3.0, -2.0, -1.0, -0.5, -1e-3, 0.0, 1e-3, 0.3, 0.7, 1.3, 2.0, 3.0];
                w.values("x", DType::F32, shape, &values)
            }
            Unary::Neg
            | Unary::Abs
            | Unary::Sign
            | Unary::Floor
            | Unary::Ceil
            | Unary::Round
            | Unary::IsFinite => w.distinct("x", shape),
        };
        w.out(x.unary(u));
        match u {
            Unary::Neg | Unary::Abs | Unary::Sign => {
                for (name, dtype) in [("i", DType::I32), ("j", DType::I64)] {
                    w.out(w.values(name, dtype, fixed(&[3]), &[-7.0, 0.0, 9.0]).unary(u));
                }
            }
            Unary::Floor | Unary::Ceil | Unary::Round => {
                // Constants, because these are not smooth here.
                w.out(w.g.floats(&[6], &[-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]).unary(u));
            }
            Unary::IsFinite => {
                let values = [0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
                w.out(w.g.floats(&[4], &values).unary(u));
            }
            Unary::Exp
            | Unary::Expm1
            | Unary::Log
            | Unary::Log1p
            | Unary::Sqrt
            | Unary::Rsqrt
            | Unary::Sin
            | Unary::Cos
            | Unary::Tanh
            | Unary::Atan
            | Unary::Sigmoid
            | Unary::Softplus
            | Unary::Erf
            | Unary::Not => {}
        }
    });
}

fn binary(cases: &mut Vec<Case>, b: Binary) {
    case(cases, format!("{b:?}"), |w| {
        let shape = batched(&[4]);
        let truth = |name| w.below(name, DType::Bool, shape.clone(), 2);
        let number = |dtype| {
            let name = |side: &str| format!("{side} {dtype}");
            let a = w.below(&name("a"), dtype, shape.clone(), 4);
            let c = w.below(&name("b"), dtype, shape.clone(), 4);
            w.out(a.binary(b, c));
        };
        match b {
            Binary::And | Binary::Or => return w.out(truth("a").binary(b, truth("b"))),
            Binary::Pow => {
                let (x, y) = (w.within("a", shape.clone(), 0.4, 2.0), w.floats("b", shape.clone()));
                w.out(x.binary(b, y));
                // A base of any sign with whole exponents.
                let powers = w.g.floats(&[4], &[0.0, 1.0, 2.0, 3.0]);
                return w.out(w.floats("c", shape.clone()).binary(b, powers));
            }
            Binary::Add | Binary::Sub | Binary::Mul | Binary::Max | Binary::Min => {
                number(DType::I32);
                number(DType::I64);
                let (min, max) = (f64::from(i32::MIN), f64::from(i32::MAX));
                let x = w.values("wrapping a", DType::I32, fixed(&[2]), &[min, max]);
                w.out(x.binary(b, w.values("wrapping b", DType::I32, fixed(&[2]), &[-1.0, 2.0])));
            }
            Binary::Eq | Binary::Ne => {
                w.out(truth("a").binary(b, truth("b")));
                DType::ALL.iter().filter(|&&t| t != DType::Bool).for_each(|&t| number(t));
            }
            Binary::Lt | Binary::Le | Binary::Gt | Binary::Ge => {
                DType::ALL.iter().filter(|&&t| t != DType::Bool).for_each(|&t| number(t));
            }
            Binary::Div => {}
        }
        // No two of these numbers are equal or nearly so.
        let x = w.distinct("x", shape.clone());
        let y = w.distinct("y", shape) + 0.05;
        w.out(x.binary(b, y));
    });
}

fn others(cases: &mut Vec<Case>) {
    case(cases, "select", |w| {
        let c = w.below("c", DType::Bool, batched(&[4]), 2);
        let (a, b) = (w.floats("a", batched(&[4])), w.floats("b", batched(&[4])));
        w.out(c.select(a.sin(), b.exp()));
        // What is not chosen has no influence.
        let nan = w.g.full(DType::F32, batched(&[4]), f64::NAN);
        w.out((c | !c).select(a, nan));
        w.out(c.select(a.cast(DType::I64), b.cast(DType::I64)));
    });
    for from in DType::ALL {
        case(cases, format!("cast from {from}"), |w| {
            let wide: [f64; 5] = match from {
                DType::F32 => [-2.7, 2.7, 300.25, -1e20, 3e9],
                DType::I32 | DType::I64 => [-7.0, 0.0, 255.0, 256.0, -2_147_483_648.0],
                DType::U8 => [0.0, 1.0, 7.0, 200.0, 255.0],
                DType::Bool => [0.0, 1.0, 1.0, 0.0, 1.0],
            };
            let x = w.g.apply(
                Op::Constant(Literal {
                    dtype: from,
                    shape: vec![5],
                    values: if from == DType::F32 {
                        Values::Float(wide.into())
                    } else {
                        Values::Whole(wide.iter().map(|&v| v as i64).collect())
                    },
                }),
                &[],
            );
            DType::ALL.iter().for_each(|&to| w.out(w.g.apply(Op::Cast(to), &[x])));
        });
    }
    case(cases, "cast of floats to floats", |w| {
        let x = w.floats("x", batched(&[2]));
        w.out(w.g.apply(Op::Cast(DType::F32), &[x.sin()]) * x);
    });
    case(cases, "softmax cross-entropy", |w| {
        let x = w.floats("x", batched(&[5]));
        let target = w.below("target", DType::I64, batched(&[]), 5).one_hot(5);
        let log_sum = x.reduce(crate::Reduction::LogSumExp, &[1]);
        w.out((log_sum - (x * target).sum(&[1])).mean_all());
    });
    case(cases, "layer normalization", |w| {
        let x = w.floats("x", batched(&[6]));
        let centred = x - x.mean(&[1]).keep_axes(x, &[1]);
        let variance = centred.square().mean(&[1]).keep_axes(x, &[1]);
        let gamma = w.parameter("gamma", &[6]);
        w.out(centred * (variance + 1e-3).rsqrt() * gamma);
    });
}
