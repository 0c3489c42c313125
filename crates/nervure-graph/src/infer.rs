use crate::{Binary, DType, Dim, Graph, NodeId, Op, PoolKind, Reduction, Scan, Shape, Type, Unary, Window};

/// What an operation takes, and what it was given instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// What it takes.
    pub expected: String,
    /// What it was given.
    pub received: String,
}

type Result<T> = std::result::Result<T, Mismatch>;

/// The type of `op` applied to `inputs`: the one definition of what each primitive takes and gives.
///
/// # Errors
/// Operands of a number, type or shape that the primitive does not take, or attributes that do not fit them.
pub fn infer(graph: &Graph, op: &Op, inputs: &[NodeId]) -> Result<Type> {
    let ty = infer_any(graph, op, inputs)?;
    let simple = ty.shape.iter().all(Dim::is_simple);
    ensure(simple, || "dimensions of fewer terms", || "one of many")?;
    ensure(!ty.shape.iter().any(Dim::is_negative), || "operands that give sizes of 0 or more", || &ty)?;
    Ok(ty)
}

fn infer_any(graph: &Graph, op: &Op, inputs: &[NodeId]) -> Result<Type> {
    if let Some(id) = inputs.iter().find(|id| id.index() >= graph.nodes.len()) {
        return mismatch("inputs that stand before the node", id);
    }
    let types: Vec<&Type> = inputs.iter().map(|&id| &graph.node(id).ty).collect();
    match op {
        Op::Input { ty, .. } | Op::Parameter { ty, .. } => nullary(&types).map(|()| ty.clone()),
        Op::Constant(l) => {
            nullary(&types)?;
            let n = l.shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
            ensure(n == Some(l.len()), || format!("{:?} elements", l.shape), || l.len())?;
            let float = matches!(l.values, crate::Values::Float(_));
            ensure(
                float == (l.dtype == DType::F32),
                || format!("values of {}", l.dtype),
                || "another family",
            )?;
            if let crate::Values::Whole(v) = &l.values {
                let range = match l.dtype {
                    DType::Bool => 0..=1,
                    DType::U8 => 0..=255,
                    DType::I32 => i64::from(i32::MIN)..=i64::from(i32::MAX),
                    DType::I64 | DType::F32 => i64::MIN..=i64::MAX,
                };
                let beyond = v.iter().find(|v| !range.contains(v));
                ensure(beyond.is_none(), || format!("values of {}", l.dtype), || beyond.unwrap_or(&0))?;
            }
            Ok(Type::new(l.dtype, l.shape.iter().map(|&d| Dim::from(d)).collect::<Shape>()))
        }
        Op::Iota { ty, axis } => {
            nullary(&types)?;
            ensure(*axis < ty.rank(), || format!("an axis below {}", ty.rank()), || axis)?;
            ensure(ty.dtype.is_number(), || "a type of number", || ty.dtype)?;
            Ok(ty.clone())
        }
        Op::Size(_) => nullary(&types).map(|()| Type::scalar(DType::I64)),
        Op::Random { shape, .. } => {
            let key = [DType::I64, DType::I64, DType::I32];
            let ok = (types.len() == 2 || types.len() == 3)
                && types.iter().zip(key).all(|(t, k)| **t == Type::scalar(k));
            ensure(
                ok,
                || "scalars (seed: i64, step: i64) or (seed: i64, step: i64, time: i32)",
                || list(&types),
            )?;
            Ok(Type::new(DType::F32, shape.clone()))
        }
        Op::Unary(u) => {
            let [x] = operands(&types)?;
            let (takes, ok) = match u {
                Unary::Neg | Unary::Abs | Unary::Sign => ("a number", x.dtype.is_number()),
                Unary::Not => ("bool", x.dtype == DType::Bool),
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
                | Unary::Floor
                | Unary::Ceil
                | Unary::Round
                | Unary::IsFinite => ("f32", x.dtype == DType::F32),
            };
            ensure(ok, || takes, || x)?;
            let dtype = if *u == Unary::IsFinite { DType::Bool } else { x.dtype };
            Ok(Type::new(dtype, x.shape.clone()))
        }
        Op::Binary(b) => {
            let [x, y] = operands(&types)?;
            ensure(x == y, || "two operands of equal type and shape", || list(&types))?;
            let (takes, ok, truth) = match b {
                Binary::Add | Binary::Sub | Binary::Mul | Binary::Max | Binary::Min => {
                    ("numbers", x.dtype.is_number(), false)
                }
                Binary::Div | Binary::Pow => ("f32", x.dtype == DType::F32, false),
                Binary::Eq | Binary::Ne => ("anything", true, true),
                Binary::Lt | Binary::Le | Binary::Gt | Binary::Ge => {
                    ("numbers", x.dtype != DType::Bool, true)
                }
                Binary::And | Binary::Or => ("bool", x.dtype == DType::Bool, false),
            };
            ensure(ok, || takes, || x)?;
            Ok(Type::new(if truth { DType::Bool } else { x.dtype }, x.shape.clone()))
        }
        Op::Select => {
            let [c, a, b] = operands(&types)?;
            let ok = c.dtype == DType::Bool && c.shape == a.shape && a == b;
            ensure(ok, || "(bool, a, b) of equal shape, a and b of equal type", || list(&types))?;
            Ok(a.clone())
        }
        Op::Cast(dtype) => {
            let [x] = operands(&types)?;
            Ok(Type::new(*dtype, x.shape.clone()))
        }
        Op::StopGradient => operands(&types).map(|[x]| x.clone()),
        Op::MatMul { transpose_a, transpose_b } => {
            let [a, b] = operands(&types)?;
            floats(&types)?;
            let r = a.rank();
            ensure(r >= 2 && b.rank() == r, || "two operands of equal rank, at least 2", || list(&types))?;
            let side = |t: &Type, transposed: bool| {
                let (p, q) = (t.shape[r - 2].clone(), t.shape[r - 1].clone());
                if transposed { (q, p) } else { (p, q) }
            };
            let ((m, ka), (kb, n)) = (side(a, *transpose_a), side(b, *transpose_b));
            let ok = ka == kb && a.shape[..r - 2] == b.shape[..r - 2];
            ensure(
                ok,
                || format!("[…, m, k] and […, k, n]{}", transposes(*transpose_a, *transpose_b)),
                || list(&types),
            )?;
            let mut shape = a.shape[..r - 2].to_vec();
            shape.extend([m, n]);
            Ok(Type::new(DType::F32, shape))
        }
        Op::Conv { window, groups } => {
            let [x, k] = operands(&types)?;
            floats(&types)?;
            let s = spatial(window, x)?;
            let (c, o) = kernel_channels(window, *groups, k)?;
            ensure(
                x.shape[s + 1] == Dim::from(c),
                || format!("{c} channels (kernel {k}, {groups} groups)"),
                || x,
            )?;
            conv_output(window, &x.shape, o.into())
        }
        Op::ConvInputGrad { window, groups, spatial: sizes } => {
            let [dy, k] = operands(&types)?;
            floats(&types)?;
            let s = spatial(window, dy)?;
            ensure(sizes.len() == s, || format!("{s} spatial sizes"), || sizes.len())?;
            let (c, o) = kernel_channels(window, *groups, k)?;
            let mut shape = vec![dy.shape[0].clone()];
            shape.extend(sizes.iter().cloned());
            shape.push(c.into());
            let y = conv_output(window, &shape, o.into())?;
            ensure(*dy == y, || &y, || dy)?;
            Ok(Type::new(DType::F32, shape))
        }
        Op::ConvKernelGrad { window, groups } => {
            let [x, dy] = operands(&types)?;
            floats(&types)?;
            let s = spatial(window, x)?;
            ensure(dy.rank() == x.rank(), || format!("rank {}", x.rank()), || dy)?;
            let (c, o) = (constant(&x.shape[s + 1])?, constant(&dy.shape[s + 1])?);
            let ok = *groups > 0 && c % groups == 0 && o % groups == 0;
            ensure(ok, || format!("channels that {groups} groups divide"), || list(&types))?;
            let y = conv_output(window, &x.shape, o.into())?;
            ensure(*dy == y, || &y, || dy)?;
            let mut shape: Shape = window.size.iter().map(|&n| n.into()).collect();
            shape.extend([Dim::from(c / groups), Dim::from(o)]);
            Ok(Type::new(DType::F32, shape))
        }
        Op::Reduce { kind, axes } => {
            let [x] = operands(&types)?;
            let ok = match kind {
                Reduction::Sum | Reduction::Max | Reduction::Min => x.dtype.is_number(),
                Reduction::Product | Reduction::LogSumExp => x.dtype == DType::F32,
            };
            ensure(ok, || "numbers (Product, LogSumExp: f32)", || x)?;
            ensure(!axes.is_empty(), || "at least one axis", || "none")?;
            ascending(axes, x)?;
            Ok(Type::new(x.dtype, without(&x.shape, axes)))
        }
        Op::ArgMax { axis } => {
            let [x] = operands(&types)?;
            ascending(&[*axis], x)?;
            ensure(
                x.dtype.is_number() && !x.shape[*axis].is(0),
                || "numbers along an axis that is not empty",
                || x,
            )?;
            Ok(Type::new(DType::I32, without(&x.shape, &[*axis])))
        }
        Op::Pool { window, .. } => {
            let [x] = operands(&types)?;
            floats(&types)?;
            pool_output(window, x)
        }
        Op::PoolGrad { kind, window, spatial: sizes } => {
            let dy = match kind {
                PoolKind::Sum => operands(&types).map(|[dy]| dy)?,
                PoolKind::Max => operands(&types).map(|[dy, _]| dy)?,
            };
            floats(&types)?;
            let s = spatial(window, dy)?;
            ensure(sizes.len() == s, || format!("{s} spatial sizes"), || sizes.len())?;
            let mut shape = vec![dy.shape[0].clone()];
            shape.extend(sizes.iter().cloned());
            shape.push(dy.shape[s + 1].clone());
            let x = Type::new(DType::F32, shape);
            let y = pool_output(window, &x)?;
            ensure(*dy == y, || &y, || dy)?;
            ensure(types.get(1).is_none_or(|t| **t == x), || &x, || list(&types[1..]))?;
            Ok(x)
        }
        Op::PoolPick { window } => {
            let [t, x] = operands(&types)?;
            floats(&types)?;
            ensure(t == x, || "two operands of equal type", || list(&types))?;
            pool_output(window, x)
        }
        Op::Reshape { shape } => {
            let [x] = operands(&types)?;
            let (new, old) = (count(shape)?, count(&x.shape)?);
            ensure(new == old, || format!("{new} elements"), || x)?;
            Ok(Type::new(x.dtype, shape.clone()))
        }
        Op::Transpose { permutation } => {
            let [x] = operands(&types)?;
            let mut sorted = permutation.clone();
            sorted.sort_unstable();
            let ok = sorted.iter().copied().eq(0..x.rank());
            ensure(ok, || format!("a permutation of {} axes", x.rank()), || format!("{permutation:?}"))?;
            Ok(Type::new(x.dtype, permutation.iter().map(|&i| x.shape[i].clone()).collect::<Shape>()))
        }
        Op::Broadcast { shape } => {
            let [x] = operands(&types)?;
            let ok = shape.len() == x.rank() && x.shape.iter().zip(shape).all(|(a, b)| a.is(1) || a == b);
            ensure(ok, || format!("{} or 1s in its place", Type::new(x.dtype, shape.clone())), || x)?;
            Ok(Type::new(x.dtype, shape.clone()))
        }
        Op::Slice { starts, sizes, steps } => {
            let [x] = operands(&types)?;
            let r = x.rank();
            let ok = starts.len() == r
                && sizes.len() == r
                && steps.len() == r
                && steps.iter().all(|&s| s > 0)
                && !starts.iter().any(Dim::is_negative);
            ensure(ok, || format!("a start, a size and a step above 0 for each of {r} axes"), || x)?;
            for (i, n) in x.shape.iter().enumerate() {
                let within = match (starts[i].as_const(), sizes[i].as_const(), n.as_const()) {
                    (Some(start), Some(size), Some(n)) => {
                        let last =
                            size.checked_sub(1).and_then(|s| s.checked_mul(steps[i])?.checked_add(start));
                        if size == 0 { start <= n } else { last.is_some_and(|l| l < n) }
                    }
                    // Symbolic sizes are checked when they are bound.
                    _ => true,
                };
                ensure(
                    within,
                    || format!("{} elements from {} by {} on axis {i}", sizes[i], starts[i], steps[i]),
                    || x,
                )?;
            }
            Ok(Type::new(x.dtype, sizes.clone()))
        }
        Op::Pad { low, high, interior, value } => {
            let [x] = operands(&types)?;
            let r = x.rank();
            let ok = low.len() == r
                && high.len() == r
                && interior.len() == r
                && !low.iter().chain(high).any(Dim::is_negative);
            ensure(ok, || format!("low, high and interior of 0 or more for each of {r} axes"), || x)?;
            ensure(
                x.dtype == DType::F32 || value.fract() == 0.0,
                || format!("a value of {}", x.dtype),
                || value,
            )?;
            let axis = |i: usize| {
                let n = &x.shape[i];
                let spread =
                    if interior[i] == 0 { n.clone() } else { (n - 1) * (Dim::from(interior[i]) + 1) + 1 };
                spread + &low[i] + &high[i]
            };
            Ok(Type::new(x.dtype, (0..r).map(axis).collect::<Shape>()))
        }
        Op::Concat { axis } => {
            let Some(first) = types.first() else { return mismatch("at least one operand", "none") };
            ascending(&[*axis], first)?;
            let alike = |t: &Type| {
                t.dtype == first.dtype
                    && t.rank() == first.rank()
                    && (0..t.rank()).all(|i| i == *axis || t.shape[i] == first.shape[i])
            };
            ensure(
                types.iter().all(|t| alike(t)),
                || format!("types equal but for axis {axis}"),
                || list(&types),
            )?;
            let mut shape = first.shape.clone();
            shape[*axis] = types.iter().try_fold(Dim::from(0), |n, t| simple(n + &t.shape[*axis]))?;
            Ok(Type::new(first.dtype, shape))
        }
        Op::Reverse { axes } => {
            let [x] = operands(&types)?;
            ascending(axes, x)?;
            Ok(x.clone())
        }
        Op::Gather { batch } => {
            let [x, i] = operands(&types)?;
            let b = *batch;
            let ok = i.dtype.is_index() && x.rank() > b && i.rank() >= b && x.shape[..b] == i.shape[..b];
            ensure(ok, || format!("x[b…, n, …] and whole indices[b…, …] with {b} axes b"), || list(&types))?;
            Ok(Type::new(x.dtype, [&i.shape[..], &x.shape[b + 1..]].concat()))
        }
        Op::ScatterAdd { batch, size } => {
            let [i, u] = operands(&types)?;
            let ok = i.dtype.is_index()
                && i.rank() >= *batch
                && u.rank() >= i.rank()
                && u.shape[..i.rank()] == i.shape
                && u.dtype.is_number();
            ensure(
                ok,
                || format!("whole indices[b…, i…] with {batch} axes b and updates[b…, i…, …]"),
                || list(&types),
            )?;
            let mut shape = i.shape[..*batch].to_vec();
            shape.push(size.clone());
            shape.extend(u.shape[i.rank()..].iter().cloned());
            Ok(Type::new(u.dtype, shape))
        }
        Op::ArgSort { .. } => {
            let [x] = operands(&types)?;
            ensure(x.dtype.is_number() && x.rank() > 0, || "numbers with at least one axis", || x)?;
            Ok(Type::new(DType::I32, x.shape.clone()))
        }
        Op::Scan(scan) => scan_type(scan, &types),
        Op::Project { index } => {
            let &[id] = inputs else { return mismatch("one operand, a Scan", list(&types)) };
            match graph.scan_result(id, *index) {
                Some(ty) => Ok(ty),
                None => mismatch(format!("a Scan with more than {index} results"), graph.node(id).op.name()),
            }
        }
    }
}

fn scan_type(scan: &Scan, types: &[&Type]) -> Result<Type> {
    let Scan { body, carries, slices, length, .. } = scan;
    let inner: Vec<&Type> = body.inputs().iter().map(|&id| &body.node(id).ty).collect();
    ensure(
        body.updates().is_empty() && body.parameters().next().is_none(),
        || "a body without parameters",
        || "one with",
    )?;
    ensure(
        inner.len() == types.len() + 1,
        || format!("{} operands", inner.len().saturating_sub(1)),
        || types.len(),
    )?;
    let shaped = types.len() >= carries + slices && body.outputs().len() >= *carries;
    ensure(shaped, || format!("{carries} carries and {slices} slices"), || list(types))?;
    for (i, (inner, outer)) in inner.iter().zip(types).enumerate() {
        let ok = if (*carries..carries + slices).contains(&i) {
            let sliced = outer.shape.split_first();
            outer.dtype == inner.dtype && sliced.is_some_and(|(n, rest)| n == length && rest == inner.shape)
        } else {
            inner == outer
        };
        ensure(ok, || format!("operand {i} for the body's {inner} ({length} steps)"), || outer)?;
    }
    ensure(*inner[types.len()] == Type::scalar(DType::I32), || "time: i32[]", || inner[types.len()])?;
    for (i, (_, out)) in body.outputs().iter().take(*carries).enumerate() {
        let out = &body.node(*out).ty;
        ensure(out == inner[i], || format!("carry {i} to stay {}", inner[i]), || out)?;
    }
    Ok(Type::scalar(DType::I32))
}

fn spatial(window: &Window, x: &Type) -> Result<usize> {
    let s = window.size.len();
    let lengths = window.strides.len() == s
        && window.dilation.len() == s
        && match &window.padding {
            crate::Padding::Explicit(p) => p.len() == s,
            crate::Padding::Same => true,
        };
    // So that no place within a window overflows.
    let range = 1..=i32::MAX as usize;
    let sane =
        [&window.size, &window.strides, &window.dilation].into_iter().flatten().all(|n| range.contains(n));
    ensure(
        lengths && sane && (1..=3).contains(&s),
        || "a window over 1 to 3 axes, all above 0 and below 2^31",
        || format!("{window:?}"),
    )?;
    ensure(x.rank() == s + 2, || format!("[n, {s} spatial axes, c]"), || x)?;
    Ok(s)
}

/// Channels of input and output of a kernel `[size…, c / groups, o]`.
fn kernel_channels(window: &Window, groups: usize, k: &Type) -> Result<(usize, usize)> {
    let s = window.size.len();
    let sizes = k.rank() == s + 2 && window.size.iter().zip(&k.shape).all(|(&n, d)| d.is(n));
    ensure(sizes, || format!("a kernel {:?} × c × o", window.size), || k)?;
    let (c, o) = (constant(&k.shape[s])?, constant(&k.shape[s + 1])?);
    let ok = groups > 0 && o % groups == 0;
    ensure(ok, || format!("output channels that {groups} groups divide"), || k)?;
    Ok((c.saturating_mul(groups), o))
}

fn conv_output(window: &Window, x: &Shape, channels: Dim) -> Result<Type> {
    let s = window.size.len();
    let mut shape = vec![x[0].clone()];
    for i in 0..s {
        let n = window.output(i, &x[i + 1]);
        ensure(
            x[i + 1].as_const().is_none() || n.as_const().is_some_and(|n| n > 0),
            || format!("at least {} elements on spatial axis {i} (window {:?})", window.span(i), window.size),
            || &x[i + 1],
        )?;
        shape.push(n);
    }
    shape.push(channels);
    Ok(Type::new(DType::F32, shape))
}

fn pool_output(window: &Window, x: &Type) -> Result<Type> {
    let s = spatial(window, x)?;
    conv_output(window, &x.shape, x.shape[s + 1].clone())
}

/// Number of elements.
fn count(shape: &[Dim]) -> Result<Dim> {
    let product = |n: Dim, d: &Dim| match n.product(d) {
        Some(product) => simple(product),
        None => mismatch("dimensions of fewer terms", d),
    };
    shape.iter().try_fold(Dim::from(1), product)
}

/// Keeps expressions of a size that no computation on them grows out of hand.
fn simple(d: Dim) -> Result<Dim> {
    if d.is_simple() { Ok(d) } else { mismatch("dimensions of fewer terms", "one of many") }
}

fn without(shape: &[Dim], axes: &[usize]) -> Shape {
    shape.iter().enumerate().filter(|(i, _)| !axes.contains(i)).map(|(_, d)| d.clone()).collect()
}

fn constant(d: &Dim) -> Result<usize> {
    d.as_const()
        .ok_or_else(|| Mismatch { expected: "a fixed number of channels".into(), received: d.to_string() })
}

fn ascending(axes: &[usize], x: &Type) -> Result<()> {
    let ok = axes.windows(2).all(|w| w[0] < w[1]) && axes.last().is_none_or(|&a| a < x.rank());
    ensure(ok, || format!("axes {axes:?} within the rank"), || x)
}

fn floats(types: &[&Type]) -> Result<()> {
    ensure(types.iter().all(|t| t.dtype == DType::F32), || "f32", || list(types))
}

fn nullary(types: &[&Type]) -> Result<()> {
    ensure(types.is_empty(), || "no operands", || list(types))
}

fn operands<'a, const N: usize>(types: &[&'a Type]) -> Result<[&'a Type; N]> {
    types.try_into().map_err(|_| Mismatch { expected: format!("{N} operands"), received: list(types) })
}

fn transposes(a: bool, b: bool) -> &'static str {
    match (a, b) {
        (false, false) => "",
        (true, false) => ", the first transposed",
        (false, true) => ", the second transposed",
        (true, true) => ", both transposed",
    }
}

fn list(types: &[&Type]) -> String {
    types.iter().map(|t| t.to_string()).collect::<Vec<_>>().join(", ")
}

fn ensure<E: ToString, R: ToString>(
    ok: bool,
    expected: impl FnOnce() -> E,
    received: impl FnOnce() -> R,
) -> Result<()> {
    if ok { Ok(()) } else { mismatch(expected(), received()) }
}

fn mismatch<T>(expected: impl ToString, received: impl ToString) -> Result<T> {
    Err(Mismatch { expected: expected.to_string(), received: received.to_string() })
}
