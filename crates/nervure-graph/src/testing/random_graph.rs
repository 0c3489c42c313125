use std::cell::RefCell;

use crate::{
    Binary, Bindings, Builder, DType, Dim, Op, Padding, PoolKind, Reduction, Scan, Shape, Tensor, Unary,
    Window,
};

use super::{Case, Writer};

/// A random graph of 5 to about 40 nodes over all primitives, with an axis `batch` of 1 to 4.
///
/// Its values stay below about 100, so that `f32` follows `f64` to about 10⁻⁴. Primitives that jump or have a kink are given small whole numbers
/// alone, which both hold exactly; these come from inputs that no gradient is checked for ([`Case::wrt`]).
pub fn random_graph(seed: u64) -> Case {
    let writer = Writer::new(seed ^ 0x9e37_79b9_7f4a_7c15, Bindings::new());
    let batch = 1 + writer.rng.below(4);
    let writer = Writer { bindings: Bindings::from([("batch".into(), batch)]), ..writer };
    let garden = Garden { w: &writer, entries: RefCell::default() };
    let nodes = 5 + writer.rng.below(36);
    garden.input(true);
    garden.input(false);
    while writer.g.read(|g| g.nodes().len()) < nodes {
        garden.grow();
    }
    garden.name_outputs();
    let mut case = writer.finish(&format!("random graph {seed}"));
    case.wrt.retain(|name| name.starts_with("real"));
    case
}

/// A value that further nodes may take.
#[derive(Clone, Copy)]
struct Entry<'g> {
    t: Tensor<'g>,
    /// No element is greater in absolute value.
    size: f64,
    /// Whole numbers, exact in `f32`, that depend on no real input.
    whole: bool,
}

struct Garden<'g> {
    w: &'g Writer,
    entries: RefCell<Vec<Entry<'g>>>,
}

/// What an entry must be to be taken.
#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    Float,
    Number,
    WholeNumber,
    Truth,
    Any,
}

const GREATEST: f64 = 64.0;
const GREATEST_WHOLE: f64 = 4096.0;

impl<'g> Garden<'g> {
    fn g(&self) -> &'g Builder {
        &self.w.g
    }

    fn below(&self, n: usize) -> usize {
        self.w.rng.below(n)
    }

    fn chance(&self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    /// Keeps a value, scaled down if it may be great.
    fn keep(&self, t: Tensor<'g>, size: f64, whole: bool) {
        let (mut t, mut size, mut whole) = (t, size, whole);
        let float = t.dtype() == DType::F32;
        if float && (size > GREATEST_WHOLE || (!whole && size > GREATEST)) {
            // A power of two leaves the digits as they are.
            let scale = (size / 4.0).log2().ceil().exp2().recip();
            (t, size, whole) = (t * scale, size * scale, false);
        }
        if float || size <= GREATEST_WHOLE {
            self.entries.borrow_mut().push(Entry { t, size, whole });
        }
    }

    fn shape(&self) -> Shape {
        let rank = self.below(4);
        let axis = |_| if self.chance(3) { Dim::symbol("batch") } else { (1 + self.below(3)).into() };
        (0..rank).map(axis).collect()
    }

    fn sizes(&self, t: Tensor<'g>) -> Vec<usize> {
        t.ty().resolve(&self.w.bindings).expect("`batch` is bound")
    }

    fn input(&self, real: bool) -> Entry<'g> {
        self.input_of(DType::F32, real, self.shape())
    }

    fn input_of(&self, dtype: DType, real: bool, shape: Shape) -> Entry<'g> {
        let n = self.w.inputs.borrow().len() + self.w.parameters.borrow().len();
        let rng = &self.w.rng;
        let constant: Option<Vec<usize>> = shape.iter().map(Dim::as_const).collect();
        let entry = match dtype {
            DType::F32 if real => match constant {
                Some(sizes) if self.chance(3) => {
                    Entry { t: self.w.parameter(&format!("real/{n}"), &sizes), size: 1.7, whole: false }
                }
                _ => Entry { t: self.w.floats(&format!("real/{n}"), shape), size: 1.7, whole: false },
            },
            DType::F32 | DType::I32 | DType::I64 => {
                let value = |_| rng.below(9) as f64 - 4.0;
                let t = self.w.filled(&format!("whole {n}"), dtype, shape, value);
                Entry { t, size: 4.0, whole: true }
            }
            DType::U8 | DType::Bool => {
                let t = self.w.below(&format!("small {n}"), dtype, shape, 2);
                Entry { t, size: 1.0, whole: true }
            }
        };
        self.entries.borrow_mut().push(entry);
        entry
    }

    fn fits(&self, wanted: Wanted, e: &Entry<'g>) -> bool {
        let dtype = e.t.dtype();
        match wanted {
            Wanted::Float => dtype == DType::F32,
            Wanted::Number => dtype.is_number(),
            Wanted::WholeNumber => dtype.is_number() && e.whole,
            Wanted::Truth => dtype == DType::Bool,
            Wanted::Any => true,
        }
    }

    /// One of the entries that are wanted, or a new input.
    fn any(&self, wanted: Wanted) -> Entry<'g> {
        self.any_where(wanted, |_| true).unwrap_or_else(|| {
            let dtype = match wanted {
                Wanted::Float => DType::F32,
                Wanted::Number | Wanted::WholeNumber | Wanted::Any => {
                    *self.w.rng.one_of(&[DType::F32, DType::I32, DType::I64])
                }
                Wanted::Truth => DType::Bool,
            };
            let real = wanted != Wanted::WholeNumber;
            self.input_of(dtype, real, self.shape())
        })
    }

    fn any_where(&self, wanted: Wanted, fits: impl Fn(&Entry<'g>) -> bool) -> Option<Entry<'g>> {
        let entries = self.entries.borrow();
        let found: Vec<&Entry<'g>> = entries.iter().filter(|e| self.fits(wanted, e) && fits(e)).collect();
        if found.is_empty() { None } else { Some(**self.w.rng.one_of(&found)) }
    }

    /// An entry of the same type of element that broadcasts with `e`, or a new input of its type.
    fn mate(&self, e: Entry<'g>, whole: bool) -> Entry<'g> {
        let fits = |o: &Entry<'g>| {
            let (a, b) = (e.t.shape(), o.t.shape());
            let aligned = a.iter().rev().zip(b.iter().rev()).all(|(x, y)| x == y || x.is(1) || y.is(1));
            o.t.dtype() == e.t.dtype() && (o.whole || !whole) && aligned
        };
        match self.any_where(Wanted::Any, fits) {
            Some(found) if !self.chance(4) => found,
            _ => self.input_of(e.t.dtype(), !whole, e.t.shape()),
        }
    }

    /// Adds one of the kinds of nodes.
    fn grow(&self) {
        let odd =
            || vec![("note".into(), "\"quoted\",\n@1 in @0".into()), (" = ".into(), "µ/\\ %1 }".into())];
        let _scope = match self.below(6) {
            0 => Some(self.g().scope("layer", "Dense")),
            1 => Some(self.g().scope_with("über \"all\" %2", "(kind)", odd())),
            _root => None,
        };
        match self.below(19) {
            0 => self.source(),
            1 | 2 => self.smooth(),
            3 => self.jumping(),
            4 | 5 => self.arithmetic(),
            6 => self.quotient(),
            7 => self.truth(),
            8 => self.choice(),
            9 => self.cast(),
            10 => self.product(),
            11 => self.convolution(),
            12 => self.pooling(),
            13 | 14 => self.reduction(),
            15 => self.order(),
            16 => self.indexing(),
            17 => self.layout(),
            _scan => self.scan(),
        }
    }

    fn source(&self) {
        let shape = self.shape();
        match self.below(5) {
            0 if !shape.is_empty() => {
                let dtype = *self.w.rng.one_of(&[DType::F32, DType::I32, DType::I64]);
                self.keep(self.g().iota(dtype, shape.clone(), self.below(shape.len())), 4.0, true);
            }
            1 => self.keep(self.g().size(&(Dim::symbol("batch") * 2 + 1)), 9.0, true),
            2 => {
                let key =
                    [self.g().scalar(DType::I64, 7.0), self.g().scalar(DType::I64, self.below(9) as f64)];
                let op = Op::Random { stream: self.below(3) as u32, shape };
                self.keep(self.g().apply(op, &key), 1.0, false);
            }
            3 => self.keep(self.g().floats(&[2], &[self.w.signed(), -0.0]), 1.7, false),
            _input => drop(self.input(self.chance(2))),
        }
    }

    fn smooth(&self) {
        let Entry { t: x, size, .. } = self.any(Wanted::Float);
        let positive = x * x + 0.5;
        let u = *self.w.rng.one_of(&Unary::ALL);
        let (y, bound) = match u {
            Unary::Exp | Unary::Expm1 => ((x * (2.0 / size.max(2.0))).unary(u), 7.4),
            Unary::Log => (positive.log(), (size * size + 0.5).ln().max(0.7)),
            Unary::Log1p => (positive.log1p(), (size * size + 1.5).ln()),
            Unary::Sqrt => (positive.sqrt(), size + 0.8),
            Unary::Rsqrt => (positive.rsqrt(), 1.5),
            Unary::Sin | Unary::Cos | Unary::Tanh | Unary::Sigmoid | Unary::Erf => (x.unary(u), 1.0),
            Unary::Atan => (x.atan(), 1.6),
            Unary::Softplus => (x.softplus(), size + 0.7),
            Unary::Neg => (-x, size),
            Unary::Abs
            | Unary::Sign
            | Unary::Floor
            | Unary::Ceil
            | Unary::Round
            | Unary::IsFinite
            | Unary::Not => (x.stop_gradient(), size),
        };
        self.keep(y, bound, false);
    }

    fn jumping(&self) {
        let Entry { t: x, size, .. } = self.any(Wanted::WholeNumber);
        let u = *self.w.rng.one_of(&[Unary::Abs, Unary::Sign, Unary::Neg]);
        self.keep(x.unary(u), size.max(1.0), true);
        if x.dtype() == DType::F32 {
            let u = *self.w.rng.one_of(&[Unary::Floor, Unary::Ceil, Unary::Round]);
            self.keep((x * 0.5).unary(u), size, true);
            self.keep(x.is_finite(), 1.0, true);
        }
    }

    fn arithmetic(&self) {
        let b = *self.w.rng.one_of(&[Binary::Add, Binary::Sub, Binary::Mul, Binary::Max, Binary::Min]);
        let kink = matches!(b, Binary::Max | Binary::Min);
        let x = self.any(if kink { Wanted::WholeNumber } else { Wanted::Number });
        let y = self.mate(x, kink);
        let size = if b == Binary::Mul { x.size * y.size } else { x.size + y.size };
        self.keep(x.t.binary(b, y.t), size, x.whole && y.whole);
    }

    fn quotient(&self) {
        let x = self.any(Wanted::Float);
        let y = self.mate(x, false);
        if self.chance(2) {
            self.keep(x.t / (y.t * y.t + 0.5), 2.0 * x.size, false);
        } else {
            let power = (x.t * x.t + 0.5).pow(y.t * (1.5 / y.size.max(1.5)));
            self.keep(power, (x.size * x.size + 2.0).powf(1.5), false);
        }
    }

    fn truth(&self) {
        let y = if self.chance(2) {
            let x = self.any(Wanted::Truth);
            let y = self.mate(x, true);
            match self.below(3) {
                0 => x.t & y.t,
                1 => x.t | y.t,
                _not => !x.t,
            }
        } else {
            let b =
                *self.w.rng.one_of(&[Binary::Eq, Binary::Ne, Binary::Lt, Binary::Le, Binary::Gt, Binary::Ge]);
            let x = match self.any(Wanted::Any) {
                x if x.whole && x.t.dtype() != DType::Bool => x,
                _real => self.any(Wanted::WholeNumber),
            };
            x.t.binary(b, self.mate(x, true).t)
        };
        self.keep(y, 1.0, true);
    }

    fn choice(&self) {
        let x = self.any(Wanted::Any);
        let y = self.mate(x, false);
        let c = self.any_where(Wanted::Truth, |c| c.t.shape() == x.t.shape());
        let c = c.unwrap_or_else(|| self.input_of(DType::Bool, false, x.t.shape()));
        self.keep(c.t.select(x.t, y.t), x.size.max(y.size), x.whole && y.whole);
    }

    fn cast(&self) {
        let x = match self.any(Wanted::Any) {
            x if x.whole => x,
            _real => self.any(Wanted::WholeNumber),
        };
        let to = *self.w.rng.one_of(&DType::ALL);
        // What is negative wraps or saturates to a small number.
        let size = if to == DType::U8 { 255.0 } else { x.size.max(1.0) };
        self.keep(self.g().apply(Op::Cast(to), &[x.t]), size, true);
    }

    fn product(&self) {
        let matrix = |e: &Entry<'g>| e.t.rank() >= 2;
        let x = self.any_where(Wanted::Float, matrix);
        let x = x.unwrap_or_else(|| {
            self.input_of(DType::F32, true, [self.shape(), vec![2.into(), 3.into()]].concat())
        });
        let (ta, tb) = (self.chance(2), self.chance(2));
        let mut shape = x.t.shape();
        let r = shape.len();
        let k = if ta { shape[r - 2].clone() } else { shape[r - 1].clone() };
        let n = Dim::from(1 + self.below(3));
        (shape[r - 2], shape[r - 1]) = if tb { (n, k) } else { (k, n) };
        let y = self.any_where(Wanted::Float, |e| e.t.shape() == shape);
        let y = y.unwrap_or_else(|| self.input_of(DType::F32, true, shape));
        let k = self.sizes(x.t)[if ta { r - 2 } else { r - 1 }];
        self.keep(x.t.matmul_with(y.t, ta, tb), k as f64 * x.size * y.size, x.whole && y.whole);
    }

    /// An image `[batch, spatial…, channels]`, and a window that fits it.
    fn image(&self, real: bool, channels: usize) -> (Entry<'g>, Window) {
        let s = 1 + self.below(3);
        let mut shape = vec![Dim::symbol("batch")];
        shape.extend((0..s).map(|_| Dim::from(3 + self.below(2))));
        shape.push(channels.into());
        let of = |from: usize, below: usize| (0..s).map(|_| from + self.below(below)).collect::<Vec<_>>();
        let size = of(1, 2);
        let padding = if self.chance(2) {
            Padding::Same
        } else {
            Padding::Explicit((0..s).map(|i| (self.below(size[i]), self.below(size[i]))).collect())
        };
        let window = Window { strides: of(1, 2), dilation: of(1, 2), padding, size };
        (self.input_of(DType::F32, real, shape), window)
    }

    fn convolution(&self) {
        let groups = 1 + self.below(2);
        let (x, window) = self.image(true, 2 * groups);
        let kernel: Shape = window.size.iter().chain(&[2, groups]).map(|&n| n.into()).collect();
        let k = self.input_of(DType::F32, true, kernel);
        let y = x.t.conv(k.t, window.clone(), groups);
        let terms = 2.0 * window.size.iter().product::<usize>() as f64;
        match self.below(3) {
            0 => self.keep(y, terms * 3.0, false),
            1 => {
                let spatial = x.t.shape()[1..=window.size.len()].to_vec();
                self.keep(y.conv_input_grad(k.t, window, groups, spatial), terms * terms * 6.0, false);
            }
            _kernel => {
                let n = self.sizes(y).iter().product::<usize>() as f64;
                self.keep(x.t.conv_kernel_grad(y, window, groups), terms * n * 6.0, false);
            }
        }
    }

    fn pooling(&self) {
        let (x, window) = self.image(false, 2);
        let n = window.size.iter().product::<usize>() as f64;
        let spatial = x.t.shape()[1..=window.size.len()].to_vec();
        let kind = *self.w.rng.one_of(&PoolKind::ALL);
        let y = x.t.pool(kind, window.clone());
        // A window in the padding has the greatest −∞.
        let y = y.is_finite().select(y, y.zeros_like());
        self.keep(y, 4.0 * n, true);
        let t = self.input_of(DType::F32, true, x.t.shape());
        let pick = self.g().apply(Op::PoolPick { window: window.clone() }, &[t.t, x.t]);
        self.keep(pick, t.size, false);
        let grad = Op::PoolGrad { kind, window, spatial };
        let grad = match kind {
            PoolKind::Sum => self.g().apply(grad, &[pick]),
            PoolKind::Max => self.g().apply(grad, &[pick, x.t]),
        };
        self.keep(grad, t.size * n, false);
    }

    fn reduction(&self) {
        let kind = *self.w.rng.one_of(&Reduction::ALL);
        let kink = matches!(kind, Reduction::Max | Reduction::Min);
        let smooth = matches!(kind, Reduction::Product | Reduction::LogSumExp);
        let wanted = match (kink, smooth) {
            (true, _) => Wanted::WholeNumber,
            (false, true) => Wanted::Float,
            (false, false) => Wanted::Number,
        };
        let Some(x) = self.any_where(wanted, |e| e.t.rank() > 0) else { return };
        let mut axes: Vec<isize> = (0..x.t.rank() as isize).filter(|_| self.chance(2)).collect();
        if axes.is_empty() {
            axes.push(self.below(x.t.rank()) as isize);
        }
        let n = axes.iter().map(|&a| self.sizes(x.t)[a as usize]).product::<usize>() as f64;
        let size = match kind {
            Reduction::Sum => n * x.size,
            Reduction::Product => x.size.max(1.0).powf(n),
            Reduction::Max | Reduction::Min => x.size,
            Reduction::LogSumExp => x.size + n.ln(),
        };
        if size < 1e4 {
            self.keep(x.t.reduce(kind, &axes), size, x.whole && kind != Reduction::LogSumExp);
        }
    }

    fn order(&self) {
        let Some(x) = self.any_where(Wanted::WholeNumber, |e| e.t.rank() > 0) else { return };
        if self.chance(2) {
            self.keep(x.t.argmax(self.below(x.t.rank()) as isize), 4.0, true);
        } else {
            let order = x.t.argsort(self.chance(2));
            self.keep(order, 4.0, true);
            self.keep(x.t.gather(order, x.t.rank() - 1), x.size, x.whole);
        }
    }

    fn indexing(&self) {
        let Some(x) = self.any_where(Wanted::Number, |e| e.t.rank() > 0) else { return };
        let (shape, sizes) = (x.t.shape(), self.sizes(x.t));
        let batch = self.below(shape.len());
        let mut index_shape = shape[..batch].to_vec();
        index_shape.extend((0..self.below(2)).map(|_| Dim::from(3)));
        let dtype = *self.w.rng.one_of(&[DType::I32, DType::I64]);
        let name = format!("index {}", self.w.inputs.borrow().len());
        let indices = self.w.below(&name, dtype, index_shape, sizes[batch]);
        let gathered = x.t.gather(indices, batch);
        self.keep(gathered, x.size, x.whole);
        if self.chance(2) {
            let size = Dim::from(sizes[batch] + self.below(2));
            self.keep(indices.scatter_add(gathered, batch, size), 3.0 * x.size, x.whole);
        }
    }

    fn layout(&self) {
        let x = self.any(Wanted::Any);
        let (t, shape, rank) = (x.t, x.t.shape(), x.t.rank());
        let axis = if rank == 0 { 0 } else { self.below(rank) };
        let (sizes, signed) = (self.sizes(t), axis as isize);
        let y = match self.below(7) {
            0 => t.reshape([shape.iter().fold(Dim::from(1), |n, d| n * d)]),
            1 => t.transpose(&self.w.rng.shuffled(rank)),
            2 => t.broadcast_to([&[Dim::from(2)], &shape[..]].concat()),
            3 if rank > 0 => {
                let (mut starts, mut kept, mut steps) =
                    (vec![Dim::from(0); rank], shape.clone(), vec![1; rank]);
                starts[axis] = self.below(sizes[axis]).into();
                let left = sizes[axis] - starts[axis].as_const().unwrap_or(0);
                steps[axis] = 1 + self.below(2);
                kept[axis] = self.below(left.div_ceil(steps[axis]) + 1).into();
                self.g().apply(Op::Slice { starts, sizes: kept, steps }, &[t])
            }
            4 => {
                let around = |_| Dim::from(self.below(2));
                let (low, high) = ((0..rank).map(around).collect(), (0..rank).map(around).collect());
                // Between the elements of no more than one axis: an empty one has none.
                let interior = sizes.iter().map(|&n| if n > 0 { self.below(2) } else { 0 }).collect();
                self.g().apply(Op::Pad { low, high, interior, value: 1.0 }, &[t])
            }
            5 if rank > 0 => {
                let fits = |e: &Entry<'g>| {
                    let other = e.t.shape();
                    let alike = (0..rank.min(other.len())).all(|i| i == axis || other[i] == shape[i]);
                    e.whole == x.whole && e.t.dtype() == t.dtype() && other.len() == rank && alike
                };
                let other = self.any_where(Wanted::Any, fits).unwrap_or(x);
                let y = self.g().concat(&[t, other.t, t], signed);
                return self.keep(y, x.size.max(other.size), x.whole);
            }
            _reverse if rank > 0 => t.reverse(&[signed]),
            _scalar => t.expand(-1),
        };
        // An axis of no element or of very many would take the graph's interest away.
        if self.sizes(y).iter().product::<usize>() <= 512 {
            self.keep(y, x.size.max(1.0), x.whole);
        }
    }

    fn scan(&self) {
        let fits = |e: &Entry<'g>| e.t.rank() > 0 && e.t.rank() < 4;
        let Some(x) = self.any_where(Wanted::Float, fits) else { return };
        let (length, slice) = (x.t.dim(0), x.t.shape()[1..].to_vec());
        let carry = self.input_of(DType::F32, true, slice.clone());
        let scale = self.input_of(DType::F32, true, Vec::new());
        let body = Builder::new();
        let h = body.input("h", DType::F32, slice.clone());
        let count = body.input("count", DType::I32, []);
        let s = body.input("x", DType::F32, slice.clone());
        let w = body.input("w", DType::F32, []);
        let t = body.input("t", DType::I32, []);
        let next = match self.below(3) {
            0 => (h * w + s).tanh(),
            1 => h * w.sigmoid() + s.sin(),
            _time => (h + t.cast(DType::F32) * 0.25).cos() + s * 0.5 * w,
        };
        body.output("h", next);
        body.output("count", count + t);
        body.output("y", next * h);
        if self.chance(2) {
            body.output("t", t);
        }
        let stacks = body.read(|g| g.outputs().len());
        let scan = Scan {
            body: body.finish().expect("the body is well typed"),
            carries: 2,
            slices: 1,
            length,
            reverse: self.chance(2),
        };
        let node = self.g().scan(scan, &[carry.t, self.g().scalar(DType::I32, 3.0), x.t, scale.t]);
        let size = (2.0 + 5.0 * x.size).max(6.0);
        self.keep(node.project(0), size, false);
        if self.chance(2) {
            self.keep(node.project(1), 15.0, true);
        }
        if self.chance(2) {
            self.keep(node.project(2), size * size, false);
        }
        if stacks > 3 && self.chance(2) {
            self.keep(node.project(3), 4.0, true);
        }
    }

    /// Outputs: what no node takes, and some of the rest.
    fn name_outputs(&self) {
        let taken = self.g().read(|g| {
            let mut taken = vec![false; g.nodes().len()];
            g.nodes().iter().flat_map(|n| &n.inputs).for_each(|i| taken[i.index()] = true);
            taken
        });
        for e in self.entries.borrow().iter() {
            let input =
                self.g().read(|g| matches!(g.node(e.t.id()).op, Op::Input { .. } | Op::Parameter { .. }));
            if (!taken[e.t.id().index()] && !input) || self.chance(8) {
                self.w.out(e.t);
            }
        }
    }
}
