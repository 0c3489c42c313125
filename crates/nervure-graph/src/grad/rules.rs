//! The gradient of each primitive: its cotangents, given its operands, its value and the cotangent of that.

use std::ops::Range;

use super::sums;
use crate::{Binary, Builder, DType, Dim, Op, PoolKind, Reduction, Scan, Tensor, Unary};

/// What `dy`, the cotangent of `y = op(x…)`, gives to each operand that `wants` names.
pub(super) fn rule<'g>(
    op: &Op,
    x: &[Tensor<'g>],
    y: Tensor<'g>,
    dy: Tensor<'g>,
    wants: &[bool],
) -> Vec<Option<Tensor<'g>>> {
    let mut dx = vec![None; x.len()];
    let mut to = |i: usize, formula: &dyn Fn() -> Tensor<'g>| {
        if wants[i] {
            dx[i] = Some(formula());
        }
    };
    match op {
        Op::Input { .. }
        | Op::Parameter { .. }
        | Op::Constant(_)
        | Op::Iota { .. }
        | Op::Size(_)
        | Op::Random { .. }
        | Op::StopGradient
        | Op::ArgMax { .. }
        | Op::ArgSort { .. } => {}
        // Their results are pulled back together: see `scan`.
        Op::Scan(_) | Op::Project { .. } => {}
        Op::Unary(u) => {
            if wants[0] {
                dx[0] = unary(*u, x[0], y, dy);
            }
        }
        Op::Binary(b) => {
            for (i, dx) in dx.iter_mut().enumerate() {
                if wants[i] {
                    *dx = binary(*b, i, x[0], x[1], y, dy);
                }
            }
        }
        Op::Select => {
            to(1, &|| x[0].select(dy, dy.zeros_like()));
            to(2, &|| x[0].select(dy.zeros_like(), dy));
        }
        // Only from float to float: everything else has no cotangent.
        Op::Cast(_) => to(0, &|| dy),
        Op::MatMul { transpose_a, transpose_b } => {
            let (ta, tb) = (*transpose_a, *transpose_b);
            to(0, &|| if ta { x[1].matmul_with(dy, tb, true) } else { dy.matmul_with(x[1], false, !tb) });
            to(1, &|| if tb { dy.matmul_with(x[0], true, ta) } else { x[0].matmul_with(dy, !ta, false) });
        }
        Op::Conv { window, groups } => {
            to(0, &|| dy.conv_input_grad(x[1], window.clone(), *groups, spatial(x[0])));
            to(1, &|| x[0].conv_kernel_grad(dy, window.clone(), *groups));
        }
        Op::ConvInputGrad { window, groups, .. } => {
            to(0, &|| dy.conv(x[1], window.clone(), *groups));
            to(1, &|| dy.conv_kernel_grad(x[0], window.clone(), *groups));
        }
        Op::ConvKernelGrad { window, groups } => {
            to(0, &|| x[1].conv_input_grad(dy, window.clone(), *groups, spatial(x[0])));
            to(1, &|| x[0].conv(dy, window.clone(), *groups));
        }
        Op::Reduce { kind, axes } => to(0, &|| reduce(*kind, axes, x[0], y, dy)),
        Op::Pool { kind, window } => to(0, &|| {
            let op = Op::PoolGrad { kind: *kind, window: window.clone(), spatial: spatial(x[0]) };
            match kind {
                PoolKind::Sum => dy.builder().apply(op, &[dy]),
                PoolKind::Max => dy.builder().apply(op, &[dy, x[0]]),
            }
        }),
        Op::PoolGrad { kind, window, .. } => to(0, &|| match kind {
            PoolKind::Sum => dy.pool(PoolKind::Sum, window.clone()),
            PoolKind::Max => dy.builder().apply(Op::PoolPick { window: window.clone() }, &[dy, x[1]]),
        }),
        Op::PoolPick { window } => to(0, &|| {
            let op = Op::PoolGrad { kind: PoolKind::Max, window: window.clone(), spatial: spatial(x[1]) };
            dy.builder().apply(op, &[dy, x[1]])
        }),
        Op::Reshape { .. } => to(0, &|| dy.reshape(x[0].shape())),
        Op::Transpose { permutation } => to(0, &|| dy.transpose(&inverse(permutation))),
        Op::Broadcast { shape } => to(0, &|| {
            let from = x[0].shape();
            let repeated: Vec<usize> = (0..shape.len()).filter(|&i| from[i] != shape[i]).collect();
            sums::sum(dy, &repeated).reshape(from)
        }),
        Op::Slice { starts, sizes, steps } => to(0, &|| {
            let n = x[0].shape();
            let interior: Vec<usize> = steps.iter().map(|s| s - 1).collect();
            // What `Pad` takes the elements with their interior to span; the rest of the axis stands behind them.
            let span = |i: usize| {
                if interior[i] == 0 { sizes[i].clone() } else { (&sizes[i] - 1) * steps[i] + 1 }
            };
            let high = (0..n.len()).map(|i| &n[i] - &starts[i] - span(i)).collect();
            let op = Op::Pad { low: starts.clone(), high, interior: interior.clone(), value: 0.0 };
            dy.builder().apply(op, &[dy])
        }),
        Op::Pad { low, interior, .. } => to(0, &|| {
            let steps = interior.iter().map(|n| n.saturating_add(1)).collect();
            dy.builder().apply(Op::Slice { starts: low.clone(), sizes: x[0].shape(), steps }, &[dy])
        }),
        Op::Concat { axis } => {
            let mut start = Dim::from(0);
            for (i, part) in x.iter().enumerate() {
                let size = part.dim(*axis as isize);
                to(i, &|| dy.narrow(*axis as isize, start.clone(), size.clone()));
                start = start + size;
            }
        }
        Op::Reverse { axes } => to(0, &|| dy.reverse(&signed(axes))),
        Op::Gather { batch } => {
            to(0, &|| x[1].scatter_add(dy, *batch, x[0].dim(*batch as isize)));
        }
        Op::ScatterAdd { batch, .. } => to(1, &|| dy.gather(x[0], *batch)),
    }
    dx
}

fn unary<'g>(u: Unary, x: Tensor<'g>, y: Tensor<'g>, dy: Tensor<'g>) -> Option<Tensor<'g>> {
    Some(match u {
        Unary::Neg => -dy,
        Unary::Abs => dy * x.sign(),
        Unary::Exp => dy * y,
        Unary::Expm1 => dy * x.exp(),
        Unary::Log => dy / x,
        Unary::Log1p => dy / (x + 1.0),
        Unary::Sqrt => dy * 0.5 / y,
        Unary::Rsqrt => dy * -0.5 * (y * y * y),
        Unary::Sin => dy * x.cos(),
        Unary::Cos => -(dy * x.sin()),
        Unary::Tanh => dy * (1.0 - y * y),
        Unary::Atan => dy / (x * x + 1.0),
        Unary::Sigmoid => dy * (y * (1.0 - y)),
        Unary::Softplus => dy * x.sigmoid(),
        Unary::Erf => dy * (-(x * x)).exp() * std::f64::consts::FRAC_2_SQRT_PI,
        Unary::Sign | Unary::Floor | Unary::Ceil | Unary::Round | Unary::IsFinite | Unary::Not => {
            return None;
        }
    })
}

/// To operand `i` of `y = b(a, c)`.
fn binary<'g>(
    b: Binary,
    i: usize,
    a: Tensor<'g>,
    c: Tensor<'g>,
    y: Tensor<'g>,
    dy: Tensor<'g>,
) -> Option<Tensor<'g>> {
    let (own, other) = if i == 0 { (a, c) } else { (c, a) };
    Some(match b {
        Binary::Add => dy,
        Binary::Sub if i == 0 => dy,
        Binary::Sub => -dy,
        Binary::Mul => dy * other,
        Binary::Div if i == 0 => dy / c,
        Binary::Div => -(dy * y / c),
        // c·aᶜ⁻¹, but 0 for c = 0, where the second factor may be infinite.
        Binary::Pow if i == 0 => {
            let constant = c.equal(c.zeros_like());
            let exponent = constant.select(c.ones_like(), c - 1.0);
            constant.select(dy.zeros_like(), dy * c * a.pow(exponent))
        }
        // aᶜ·ln a, but 0 for a ≤ 0, where the logarithm is infinite or undefined.
        Binary::Pow => {
            let positive = a.greater(a.zeros_like());
            let log = positive.select(a, a.ones_like()).log();
            positive.select(dy * y * log, dy.zeros_like())
        }
        Binary::Max => half_at_equality(own.greater(other), own, other, dy),
        Binary::Min => half_at_equality(own.less(other), own, other, dy),
        Binary::Eq
        | Binary::Ne
        | Binary::Lt
        | Binary::Le
        | Binary::Gt
        | Binary::Ge
        | Binary::And
        | Binary::Or => return None,
    })
}

fn half_at_equality<'g>(
    chosen: Tensor<'g>,
    own: Tensor<'g>,
    other: Tensor<'g>,
    dy: Tensor<'g>,
) -> Tensor<'g> {
    chosen.select(dy, own.equal(other).select(dy * 0.5, dy.zeros_like()))
}

fn reduce<'g>(kind: Reduction, axes: &[usize], x: Tensor<'g>, y: Tensor<'g>, dy: Tensor<'g>) -> Tensor<'g> {
    let axes = signed(axes);
    let spread = |t: Tensor<'g>| t.keep_axes(x, &axes).broadcast_to(x.shape());
    match kind {
        Reduction::Sum => spread(dy),
        Reduction::Product => spread(dy) * product_of_others(x, &axes),
        Reduction::Max | Reduction::Min => {
            let chosen = x.equal(spread(y));
            let share = dy / chosen.cast(DType::F32).sum(&axes);
            chosen.select(spread(share), x.zeros_like())
        }
        Reduction::LogSumExp => {
            // Where every x is −∞, so is y, and x − y would be NaN; 0 in its place gives e⁻∞ = 0.
            let nothing = y.equal(y.constant(f64::NEG_INFINITY));
            let y = nothing.select(y.zeros_like(), y);
            spread(dy) * (x - spread(y)).exp()
        }
    }
}

/// Of each element the product of the others along `axes`: the product of those before it times that of those after it, which is right for any
/// number of zeros, and so are its derivatives.
fn product_of_others<'g>(x: Tensor<'g>, axes: &[isize]) -> Tensor<'g> {
    let kept = (0..x.rank() as isize).filter(|a| !axes.contains(a));
    let permutation: Vec<usize> = axes.iter().copied().chain(kept).map(|a| a as usize).collect();
    let rows = x.transpose(&permutation);
    let (reduced, rest) = (&rows.shape()[..axes.len()], rows.shape()[axes.len()..].to_vec());
    let length = reduced.iter().fold(Dim::from(1), |n, d| n * d);
    let flat = rows.reshape([std::slice::from_ref(&length), &rest[..]].concat());
    let before = |reverse: bool| {
        let step = Builder::new();
        let product = step.input("product", DType::F32, rest.clone());
        let element = step.input("element", DType::F32, rest.clone());
        step.input("time", DType::I32, []);
        step.output("product", product * element);
        step.output("before", product);
        let scan = match step.finish() {
            Ok(body) => Scan { body, carries: 1, slices: 1, length: length.clone(), reverse },
            Err(e) => {
                x.builder().record(e);
                return flat;
            }
        };
        let one = x.builder().full(DType::F32, rest.clone(), 1.0);
        x.builder().scan(scan, &[one, flat]).project(1)
    };
    (before(false) * before(true)).reshape(rows.shape()).transpose(&inverse(&permutation))
}

fn spatial(x: Tensor<'_>) -> Vec<Dim> {
    let shape = x.shape();
    let within: Range<usize> = 1..shape.len() - 1;
    shape[within].to_vec()
}

fn inverse(permutation: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; permutation.len()];
    for (i, &p) in permutation.iter().enumerate() {
        inverse[p] = i;
    }
    inverse
}

fn signed(axes: &[usize]) -> Vec<isize> {
    axes.iter().map(|&a| a as isize).collect()
}
