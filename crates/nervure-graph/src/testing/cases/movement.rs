use crate::{DType, Dim, Op, Reduction};

use super::super::Case;
use super::{batched, case, fixed};

pub(super) fn add(cases: &mut Vec<Case>) {
    products(cases);
    reductions(cases);
    layouts(cases);
    indexing(cases);
}

fn products(cases: &mut Vec<Case>) {
    for (ta, tb) in [(false, false), (true, false), (false, true), (true, true)] {
        let side = |transposed: bool, rows: usize, columns: usize| {
            if transposed { [columns, rows] } else { [rows, columns] }
        };
        case(cases, format!("matmul, transposed: {ta}, {tb}"), |w| {
            let (a, b) = (w.floats("a", fixed(&side(ta, 2, 3))), w.parameter("b", &side(tb, 3, 4)));
            w.out(a.matmul_with(b, ta, tb));
        });
        case(cases, format!("batched matmul, transposed: {ta}, {tb}"), |w| {
            let of =
                |transposed, rows, columns| batched(&[&[2][..], &side(transposed, rows, columns)].concat());
            let (a, b) = (w.floats("a", of(ta, 2, 3)), w.floats("b", of(tb, 3, 1)));
            w.out(a.matmul_with(b, ta, tb));
        });
    }
    case(cases, "matmul of a batch of rows", |w| {
        let (x, k) = (w.floats("x", batched(&[2, 3])), w.parameter("k", &[3, 2]));
        w.out(x.matmul(k));
        w.out(w.floats("y", batched(&[2, 3])).matmul(w.floats("z", fixed(&[1, 3, 2]))));
    });
    case(cases, "matmul over nothing", |w| {
        w.out(w.floats("a", fixed(&[2, 0])).matmul(w.floats("b", fixed(&[0, 3]))));
    });
}

fn reductions(cases: &mut Vec<Case>) {
    for kind in Reduction::ALL {
        for axes in [&[0][..], &[1], &[2], &[0, 2], &[0, 1, 2]] {
            case(cases, format!("reduce {kind:?} over {axes:?}"), |w| {
                w.out(w.distinct("x", batched(&[2, 2])).reduce(kind, axes));
            });
        }
        case(cases, format!("reduce {kind:?} over nothing"), |w| {
            w.out(w.floats("x", batched(&[0])).reduce(kind, &[1]));
        });
    }
    for kind in [Reduction::Sum, Reduction::Max, Reduction::Min] {
        case(cases, format!("reduce {kind:?} of whole numbers"), |w| {
            for (name, dtype) in [("i", DType::I32), ("j", DType::I64)] {
                let x = w.values(name, dtype, batched(&[2]), &[3.0, -1.0, 4.0, 1.0, -5.0, 4.0]);
                w.out(x.reduce(kind, &[0]));
                w.out(x.reduce(kind, &[1]));
            }
        });
    }
    case(cases, "products with no, one and two zeros", |w| {
        let values = [0.5, -2.0, 3.0, 0.7, 0.0, -1.5, 0.0, 0.0, 2.0];
        let x = w.values("x", DType::F32, batched(&[3]), &values);
        w.out(x.reduce(Reduction::Product, &[1]));
        w.out(x.reduce(Reduction::Product, &[0, 1]));
    });
    case(cases, "log-sum-exp of a row of −∞", |w| {
        let x = w.floats("x", batched(&[3]));
        let hidden = w.values("hidden", DType::Bool, batched(&[3]), &[0., 0., 1., 1., 1., 1., 0., 0., 0.]);
        let masked = hidden.select(w.g.full(DType::F32, batched(&[3]), f64::NEG_INFINITY), x);
        let sums = masked.reduce(Reduction::LogSumExp, &[1]);
        w.out(sums.is_finite().select(sums, sums.zeros_like()));
    });
    case(cases, "log-sum-exp of great numbers", |w| {
        let x = w.values("x", DType::F32, fixed(&[2, 2]), &[1000.0, 1000.5, -1000.0, -1001.0]);
        w.out(x.reduce(Reduction::LogSumExp, &[1]));
    });
    case(cases, "argmax", |w| {
        let x = w.distinct("x", batched(&[4]));
        w.out(x.argmax(0));
        w.out(x.argmax(1));
        w.out(w.g.floats(&[2, 3], &[1.0, 2.0, 2.0, f64::NAN, 1.0, f64::NAN]).argmax(1));
        w.out(w.values("i", DType::I64, fixed(&[3]), &[-1.0, 4.0, 4.0]).argmax(0));
        w.out(w.values("j", DType::I32, fixed(&[3]), &[-1.0, -4.0, -4.0]).argmax(0));
    });
    for descending in [false, true] {
        case(cases, format!("argsort, descending: {descending}"), |w| {
            let x = w.distinct("x", batched(&[5]));
            let order = x.argsort(descending);
            w.out(order);
            w.out(x.gather(order, 1));
            let ties = [1.0, f64::NAN, 0.0, -0.0, 1.0, f64::INFINITY, f64::NAN, f64::NEG_INFINITY];
            w.out(w.g.floats(&[8], &ties).argsort(descending));
            w.out(w.values("i", DType::I64, fixed(&[4]), &[2.0, 1.0, 2.0, 1.0]).argsort(descending));
            w.out(w.values("j", DType::I32, fixed(&[4]), &[-2.0, 1.0, -2.0, 1.0]).argsort(descending));
        });
    }
}

fn layouts(cases: &mut Vec<Case>) {
    let batch = || Dim::symbol("batch");
    case(cases, "reshape", |w| {
        let x = w.floats("x", batched(&[2, 3]));
        w.out(x.reshape([batch() * 3, 2.into()]).sin());
        w.out(x.reshape([batch(), 6.into(), 1.into()]));
        w.out(w.below("b", DType::Bool, batched(&[2]), 2).reshape([batch() * 2]));
    });
    for permutation in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        case(cases, format!("transpose {permutation:?}"), |w| {
            w.out(w.floats("x", batched(&[2, 4])).transpose(&permutation).sin());
            w.out(w.below("u", DType::U8, batched(&[2, 4]), 256).transpose(&permutation));
        });
    }
    case(cases, "broadcast", |w| {
        let x = w.floats("x", fixed(&[1, 2, 1]));
        w.out(x.broadcast_to(batched(&[2, 4])) * w.floats("y", batched(&[1, 4])));
        w.out(w.floats("z", fixed(&[])).broadcast_to(batched(&[2])));
        w.out(w.floats("none", fixed(&[1, 2])).broadcast_to(fixed(&[0, 2])));
        w.out(w.below("b", DType::Bool, fixed(&[1]), 2).broadcast_to(batched(&[])));
    });
    let slice = |starts: &[usize], sizes: &[usize], steps: &[usize]| Op::Slice {
        starts: fixed(starts),
        sizes: fixed(sizes),
        steps: steps.into(),
    };
    case(cases, "slice", |w| {
        let x = w.floats("x", fixed(&[5, 6]));
        w.out(w.g.apply(slice(&[1, 0], &[3, 6], &[1, 1]), &[x]).sin());
        w.out(w.g.apply(slice(&[0, 1], &[2, 2], &[2, 3]), &[x]));
        w.out(w.g.apply(slice(&[4, 5], &[1, 1], &[7, 9]), &[x]));
        w.out(w.g.apply(slice(&[2, 0], &[0, 2], &[3, 4]), &[x]));
        let i = w.below("i", DType::I64, batched(&[2]), 9);
        w.out(i.narrow(0, batch() - 2, 2));
    });
    case(cases, "slice of symbolic size", |w| {
        let x = w.floats("x", batched(&[2]));
        w.out(x.narrow(0, 1, batch() - 1).exp());
        w.out(x.narrow(0, batch() - 1, 1));
    });
    let pad = |low: &[usize], high: &[usize], interior: &[usize], value: f64| Op::Pad {
        low: fixed(low),
        high: fixed(high),
        interior: interior.into(),
        value,
    };
    case(cases, "pad", |w| {
        let x = w.floats("x", batched(&[3]));
        w.out(w.g.apply(pad(&[1, 0], &[0, 2], &[0, 0], 0.5), &[x]).sin());
        w.out(w.g.apply(pad(&[0, 2], &[1, 0], &[2, 1], f64::NEG_INFINITY), &[x]).exp());
        w.out(w.g.apply(pad(&[0, 2], &[0, 1], &[0, 0], 1.0), &[w.floats("none", batched(&[0]))]));
        for (name, dtype) in [("i", DType::I32), ("j", DType::I64), ("u", DType::U8), ("b", DType::Bool)] {
            w.out(w.g.apply(pad(&[1], &[1], &[1], 1.0), &[w.below(name, dtype, fixed(&[2]), 2)]));
        }
    });
    case(cases, "concat", |w| {
        let (x, y) = (w.floats("x", batched(&[2])), w.floats("y", batched(&[3])));
        w.out(w.g.concat(&[x, y, x.sin()], 1) * w.floats("z", batched(&[7])));
        w.out(w.g.concat(&[x, x.cos()], 0));
        w.out(w.g.concat(&[w.floats("none", batched(&[0])), y], -1));
        w.out(w.g.concat(&[x], 0));
        for (name, dtype) in [("i", DType::I32), ("j", DType::I64), ("u", DType::U8), ("b", DType::Bool)] {
            let i = w.below(name, dtype, fixed(&[2]), 2);
            w.out(w.g.concat(&[i, i], 0));
        }
    });
    case(cases, "reverse", |w| {
        let x = w.floats("x", batched(&[2, 3]));
        w.out(x.reverse(&[1]) * x);
        w.out(x.reverse(&[0, 2]).sin());
        w.out(w.below("i", DType::I64, batched(&[]), 9).reverse(&[0]));
    });
}

fn indexing(cases: &mut Vec<Case>) {
    case(cases, "gather rows", |w| {
        let table = w.parameter("table", &[5, 2]);
        let i = w.values("i", DType::I32, batched(&[2]), &[0.0, 4.0, 4.0, 1.0, 4.0, 0.0]);
        w.out(table.gather(i, 0).sin());
        w.out(table.gather(w.values("one", DType::I64, fixed(&[]), &[3.0]), 0));
        w.out(w.below("u", DType::U8, fixed(&[5]), 256).gather(i, 0));
    });
    case(cases, "gather in a batch", |w| {
        let x = w.floats("x", batched(&[4, 2]));
        w.out(x.gather(w.below("i", DType::I64, batched(&[3]), 4), 1).exp());
        w.out(x.gather(w.below("j", DType::I32, batched(&[]), 4), 1));
        w.out(x.gather(w.below("k", DType::I32, batched(&[4]), 2), 2));
    });
    case(cases, "scatter-add of rows", |w| {
        let updates = w.floats("updates", batched(&[2, 2]));
        let i = w.values("i", DType::I32, batched(&[2]), &[0.0, 4.0, 4.0, 1.0, 4.0, 0.0]);
        w.out(i.scatter_add(updates, 0, 5).sin());
        w.out(i.scatter_add(w.below("whole", DType::I64, batched(&[2]), 9), 0, 5));
        w.out(i.scatter_add(w.below("small", DType::I32, batched(&[2]), 9), 0, 5));
        w.out(w.values("one", DType::I64, fixed(&[]), &[3.0]).scatter_add(
            w.floats("row", fixed(&[2])),
            0,
            4,
        ));
    });
    case(cases, "scatter-add in a batch", |w| {
        let updates = w.floats("updates", batched(&[3, 2]));
        w.out(w.below("i", DType::I64, batched(&[3]), 4).scatter_add(updates, 1, 4).exp());
        let one = w.floats("one", batched(&[2]));
        w.out(w.below("j", DType::I32, batched(&[]), 4).scatter_add(one, 1, 4));
    });
}
