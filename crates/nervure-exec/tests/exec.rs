//! The invariants that every plan keeps, through the public face.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nervure_exec::{Buffer, Error, Plan, Runner, Store, Threads, View};
use nervure_graph::{
    Bindings, Builder, DType, Dim, Graph, Op, Padding, PoolKind, Reduction, Scan, Tensor, Window, gradient,
};

/// Counts what is allocated by whatever thread, and the bytes that this one holds.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: hands everything to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        HELD.set(HELD.get().wrapping_add(layout.size()));
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        HELD.set(HELD.get().wrapping_sub(layout.size()));
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(p, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn batch(n: usize) -> Bindings {
    Bindings::from([("batch".into(), n)])
}

/// Numbers between −1 and 1 that look random.
fn numbers(n: usize) -> Vec<f32> {
    let mut state = 88172645463325252u64;
    (0..n)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect()
}

/// A store with numbers for the float parameters of a graph, zeros for the others.
fn store(graph: &Graph) -> Store {
    let mut store = Store::new();
    for (name, id) in graph.parameters() {
        let ty = &graph.node(id).ty;
        let shape = ty.resolve(&Bindings::new()).unwrap();
        let buffer = match ty.dtype {
            DType::F32 => Buffer::from_f32(
                &shape,
                &numbers(shape.iter().product::<usize>() + 7 * name.len())[7 * name.len()..],
            )
            .unwrap(),
            dtype => Buffer::zeros(dtype, &shape),
        };
        store.insert(name, buffer);
    }
    store
}

fn runner(graph: &Graph, bindings: &Bindings, store: &Store) -> Runner {
    Runner::new(Arc::new(Plan::compile(graph, bindings, store).unwrap()))
}

fn bits(v: View) -> Vec<u32> {
    v.as_f32().unwrap().iter().map(|x| x.to_bits()).collect()
}

#[test]
fn a_layer_and_its_update() {
    let g = Builder::new();
    let x = g.input("x", DType::F32, [Dim::symbol("batch"), 2.into()]);
    let w = g.parameter("w", DType::F32, [2.into(), 3.into()]);
    let b = g.parameter("b", DType::F32, [3.into()]);
    let y = (x.matmul(w) + b).max(x.constant(0.0));
    g.output("y", y);
    g.output("mean", y.mean_all());
    g.output("columns", y.sum(&[0]));
    g.output("rows", y.sum(&[1]));
    g.output("w", w);
    g.update(w, w - w * 0.5);
    g.update(b, b + y.sum(&[0]));
    let graph = g.finish().unwrap();
    let mut store = Store::new();
    store.insert("b", Buffer::from_f32(&[3], &[1.0, -100.0, 0.0]).unwrap());
    store.insert("w", Buffer::from_f32(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap());
    let mut runner = runner(&graph, &batch(2), &store);
    runner.run(&Threads::new(2), &mut store, &[View::F32(&[1.0, 1.0, 2.0, 0.0])]).unwrap();
    assert_eq!(runner.output(0), View::F32(&[6.0, 0.0, 9.0, 3.0, 0.0, 6.0]));
    assert_eq!(runner.output(1), View::F32(&[4.0]));
    assert_eq!(runner.output(2), View::F32(&[9.0, 0.0, 15.0]));
    assert_eq!(runner.output(3), View::F32(&[15.0, 9.0]));
    assert_eq!(runner.output(4), View::F32(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    assert_eq!(store.get("w").unwrap().view(), View::F32(&[0.5, 1.0, 1.5, 2.0, 2.5, 3.0]));
    assert_eq!(store.get("b").unwrap().view(), View::F32(&[10.0, -100.0, 15.0]));
}

/// Updates see the state as it was before the run, whatever they read of each other.
#[test]
fn state_is_updated_as_if_all_at_once() {
    let g = Builder::new();
    let [a, b, c] = ["a", "b", "c"].map(|name| g.parameter(name, DType::F32, [4.into()]));
    g.update(a, b);
    g.update(b, a);
    g.update(c, c.reverse(&[0]) + a + b);
    g.output("sum", a + c);
    let graph = g.finish().unwrap();
    let mut store = Store::new();
    store.insert("a", Buffer::from_f32(&[4], &[1.0, 2.0, 3.0, 4.0]).unwrap());
    store.insert("b", Buffer::from_f32(&[4], &[10.0, 20.0, 30.0, 40.0]).unwrap());
    store.insert("c", Buffer::from_f32(&[4], &[0.0, 1.0, 2.0, 3.0]).unwrap());
    let mut runner = runner(&graph, &Bindings::new(), &store);
    runner.run(&Threads::new(1), &mut store, &[]).unwrap();
    assert_eq!(runner.output(0), View::F32(&[1.0, 3.0, 5.0, 7.0]));
    assert_eq!(store.get("a").unwrap().view(), View::F32(&[10.0, 20.0, 30.0, 40.0]));
    assert_eq!(store.get("b").unwrap().view(), View::F32(&[1.0, 2.0, 3.0, 4.0]));
    assert_eq!(store.get("c").unwrap().view(), View::F32(&[14.0, 24.0, 34.0, 44.0]));
    // Read by another parameter's update, and by its own.
    let g = Builder::new();
    let [a, b] = ["a", "b"].map(|name| g.parameter(name, DType::F32, [4.into()]));
    g.update(a, a * 2.0);
    g.update(b, b + a.sum_all());
    let graph = g.finish().unwrap();
    let mut runner = self::runner(&graph, &Bindings::new(), &store);
    runner.run(&Threads::new(1), &mut store, &[]).unwrap();
    assert_eq!(store.get("a").unwrap().view(), View::F32(&[20.0, 40.0, 60.0, 80.0]));
    assert_eq!(store.get("b").unwrap().view(), View::F32(&[101.0, 102.0, 103.0, 104.0]));
}

/// A next value that needs elements of the old one at other places is not written over them.
#[test]
fn state_is_not_written_while_it_is_read_elsewhere() {
    let g = Builder::new();
    let a = g.parameter("a", DType::F32, [5000.into()]);
    let b = g.parameter("b", DType::F32, [2.into(), 2.into()]);
    g.update(a, a.reverse(&[0]) * 2.0);
    g.update(b, b.matmul(b));
    let graph = g.finish().unwrap();
    let values: Vec<f32> = (0..5000).map(|i| i as f32).collect();
    let mut store = Store::new();
    store.insert("a", Buffer::from_f32(&[5000], &values).unwrap());
    store.insert("b", Buffer::from_f32(&[2, 2], &[1.0, 2.0, 3.0, 4.0]).unwrap());
    runner(&graph, &Bindings::new(), &store).run(&Threads::new(1), &mut store, &[]).unwrap();
    let turned: Vec<f32> = values.iter().rev().map(|x| x * 2.0).collect();
    assert_eq!(store.get("a").unwrap().view(), View::F32(&turned));
    assert_eq!(store.get("b").unwrap().view(), View::F32(&[7.0, 10.0, 15.0, 22.0]));
}

/// Writes a graph of one input `[batch, …]`, the last of whose axes are given.
fn graph_of(shape: &[usize], f: impl for<'g> Fn(Tensor<'g>) -> Tensor<'g>) -> Graph {
    let g = Builder::new();
    let mut dims = vec![Dim::symbol("batch")];
    dims.extend(shape.iter().map(|&n| Dim::from(n)));
    g.output("y", f(g.input("x", DType::F32, dims)));
    g.finish().unwrap()
}

/// Each row alone gives the bits that it gives in batches of every size, on one and on two threads.
fn is_batch_invariant(name: &str, shape: &[usize], f: impl for<'g> Fn(Tensor<'g>) -> Tensor<'g>) {
    let graph = graph_of(shape, f);
    let store = store(&graph);
    let row: usize = shape.iter().product();
    const ROWS: usize = 67;
    let x = numbers(ROWS * row);
    let threads = [Threads::new(1), Threads::new(2)];
    let run = |rows: std::ops::Range<usize>, threads: &Threads| {
        let mut runner = runner(&graph, &batch(rows.len()), &store);
        runner.infer(threads, &store, &[View::F32(&x[rows.start * row..rows.end * row])]).unwrap();
        bits(runner.output(0))
    };
    let all = run(0..ROWS, &threads[0]);
    assert_eq!(run(0..ROWS, &threads[1]), all, "{name}: two threads");
    let out = all.len() / ROWS;
    for size in [1, 2, 3, 5, 8, 9, 16, 31, 32, 33, 64] {
        for start in [0, 1, ROWS - size] {
            let got = run(start..start + size, &threads[size % 2]);
            assert_eq!(got, all[start * out..(start + size) * out], "{name}: rows {start} + {size}");
        }
    }
    assert_eq!(run(0..0, &threads[1]), [], "{name}: no rows");
}

#[test]
fn products_are_batch_invariant() {
    for (k, n) in
        [(1, 1), (3, 1), (8, 10), (10, 8), (17, 33), (64, 64), (255, 40), (256, 100), (257, 31), (700, 130)]
    {
        is_batch_invariant(&format!("{k} × {n}"), &[k], |x| {
            x.matmul(x.builder().parameter("w", DType::F32, [k.into(), n.into()]))
        });
        is_batch_invariant(&format!("{k} × {n}, transposed"), &[k], |x| {
            let w = x.builder().parameter("w", DType::F32, [n.into(), k.into()]);
            x.matmul_with(w, false, true)
        });
        is_batch_invariant(&format!("{k} × {n}, both transposed"), &[k], |x| {
            let w = x.builder().parameter("w", DType::F32, [n.into(), k.into()]);
            x.transpose(&[1, 0]).matmul_with(w, true, true)
        });
        is_batch_invariant(&format!("columns of {k} × {n}"), &[k], |x| {
            let w = x.builder().parameter("w", DType::F32, [n.into(), k.into()]);
            w.matmul_with(x, false, true).transpose(&[1, 0])
        });
    }
    for row in [3, 10, 64, 600, 5000] {
        is_batch_invariant(&format!("normalization of {row}"), &[row], |x| {
            let deviation = x - x.mean(&[1]).keep_axes(x, &[1]);
            let normal = deviation * (deviation.square().mean(&[1]).keep_axes(x, &[1]) + 0.1).rsqrt();
            normal - normal.reduce(Reduction::LogSumExp, &[1]).keep_axes(x, &[1])
        });
    }
    is_batch_invariant("attention", &[12, 3, 16], |x| {
        let heads = x.transpose(&[0, 2, 1, 3]);
        let scores = heads.matmul_with(heads, false, true) * 0.25;
        let top = scores.reduce(Reduction::Max, &[3]).keep_axes(scores, &[3]);
        let e = (scores - top).exp();
        (e / e.sum(&[3]).keep_axes(e, &[3])).matmul(heads).transpose(&[0, 2, 1, 3])
    });
}

#[test]
fn convolutions_are_batch_invariant() {
    let same = |size: &[usize], stride: usize| Window {
        strides: vec![stride; size.len()],
        padding: Padding::Same,
        ..Window::new(size)
    };
    for (name, shape, kernel, groups, stride) in [
        ("image", vec![9, 9, 3], vec![3, 3, 3, 20], 1, 1),
        ("strided", vec![9, 9, 4], vec![3, 2, 4, 8], 1, 2),
        ("grouped", vec![7, 7, 6], vec![3, 3, 2, 9], 3, 1),
        ("deep", vec![5, 5, 40], vec![3, 3, 40, 33], 1, 1),
        ("tiles", vec![9, 8, 16], vec![3, 3, 16, 24], 1, 1),
        ("pointwise", vec![6, 6, 16], vec![1, 1, 16, 8], 1, 1),
        ("signal", vec![30, 5], vec![4, 5, 7], 1, 1),
    ] {
        let shape: Vec<usize> = shape;
        let s = shape.len() - 1;
        is_batch_invariant(name, &shape, |x| {
            let dims: Vec<Dim> = kernel.iter().map(|&n| n.into()).collect();
            let k = x.builder().parameter("k", DType::F32, dims);
            x.conv(k, same(&kernel[..s], stride), groups)
        });
        is_batch_invariant(&format!("{name}, gradient"), &shape, |x| {
            let dims: Vec<Dim> = kernel.iter().map(|&n| n.into()).collect();
            let k = x.builder().parameter("k", DType::F32, dims);
            let y = x.conv(k, same(&kernel[..s], stride), groups);
            gradient(x.builder(), y.square().sum_all(), &[x])[0].unwrap()
        });
    }
    is_batch_invariant("pooling", &[8, 8, 5], |x| {
        x.pool(PoolKind::Max, same(&[3, 3], 2)) + x.pool(PoolKind::Sum, same(&[3, 3], 2))
    });
}

#[test]
fn reductions_are_batch_invariant() {
    for n in [1, 5, 16, 17, 100, 513, 5000] {
        for kind in Reduction::ALL {
            is_batch_invariant(&format!("{kind:?} of {n}"), &[n], |x| x.reduce(kind, &[1]));
            is_batch_invariant(&format!("{kind:?} of {n} before 3"), &[n, 3], |x| x.reduce(kind, &[1]));
        }
        is_batch_invariant(&format!("normalization of {n}"), &[n], |x| {
            let mean = x.mean(&[1]).keep_axes(x, &[1]);
            let variance = (x - mean).square().mean(&[1]).keep_axes(x, &[1]);
            (x - mean) * (variance + 1e-5).unary(nervure_graph::Unary::Rsqrt)
        });
        is_batch_invariant(&format!("softmax of {n}"), &[n], |x| {
            let top = x.reduce(Reduction::Max, &[1]).keep_axes(x, &[1]);
            let e = (x - top).exp();
            e / e.sum(&[1]).keep_axes(x, &[1])
        });
        is_batch_invariant(&format!("elementwise of {n}"), &[n], |x| x.tanh().erf() + x.sin().sigmoid());
    }
}

/// Sums over no rows are zero, also by way of products.
#[test]
fn no_rows_give_no_gradient() {
    let g = Builder::new();
    let x = g.input("x", DType::F32, [Dim::symbol("batch"), 4.into(), 4.into(), 2.into()]);
    let k = g.parameter("k", DType::F32, [3.into(), 3.into(), 2.into(), 5.into()]);
    let w = g.parameter("w", DType::F32, [20.into(), 3.into()]);
    let y = x.conv(k, Window::new([3, 3]), 1).reshape([Dim::symbol("batch"), 20.into()]).matmul(w);
    for (i, grad) in gradient(&g, y.square().sum_all(), &[k, w]).into_iter().enumerate() {
        g.output(&format!("{i}"), grad.unwrap());
    }
    let graph = g.finish().unwrap();
    let store = store(&graph);
    let mut runner = runner(&graph, &batch(0), &store);
    runner.infer(&Threads::new(2), &store, &[View::F32(&[])]).unwrap();
    for (i, name) in ["k", "w"].into_iter().enumerate() {
        assert_eq!(bits(runner.output(i)), vec![0; store.get(name).unwrap().len()]);
    }
}

/// A sum has the same bits as a row, as a column, in a middle axis, and of a transposed array.
#[test]
fn a_sum_does_not_depend_on_how_its_elements_lie() {
    for k in [1, 15, 16, 33, 1000, 4096, 4097, 9000] {
        let x = numbers(k);
        let one = |shape: &[usize], x: &[f32], f: &dyn for<'g> Fn(Tensor<'g>) -> Tensor<'g>| {
            let g = Builder::new();
            let dims: Vec<Dim> = shape.iter().map(|&n| n.into()).collect();
            g.output("y", f(g.input("x", DType::F32, dims)));
            let graph = g.finish().unwrap();
            let mut runner = runner(&graph, &Bindings::new(), &Store::new());
            runner.infer(&Threads::new(2), &Store::new(), &[View::F32(x)]).unwrap();
            bits(runner.output(0))
        };
        let row = one(&[k], &x, &|x| x.sum(&[0]))[0];
        let spread: Vec<f32> = x.iter().flat_map(|&v| [v, v, v]).collect();
        assert_eq!(one(&[k, 3], &spread, &|x| x.sum(&[0])), [row; 3], "columns of {k}");
        assert_eq!(one(&[1, k, 3], &spread, &|x| x.sum(&[1])), [row; 3], "middle of {k}");
        assert_eq!(one(&[k, 3], &spread, &|x| x.transpose(&[1, 0]).sum(&[1])), [row; 3], "transposed {k}");
        assert_eq!(one(&[k], &x, &|x| (x * 1.0 + 0.0).sum(&[0])), [row], "with a prologue {k}");
        if k % 2 == 0 {
            let split =
                one(&[2, 3, k / 2], &[&spread[..0], &arrange(&x, k / 2)].concat(), &|x| x.sum(&[0, 2]));
            assert_eq!(split, [row; 3], "two axes of {k}");
        }
    }
}

/// `[2, 3, half]` of which every middle index has the elements of `x` in order.
fn arrange(x: &[f32], half: usize) -> Vec<f32> {
    [&x[..half], &x[..half], &x[..half], &x[half..], &x[half..], &x[half..]].concat()
}

/// Training of a network with an embedding, a convolution, a scan and dropout.
fn busy_step() -> Graph {
    let g = Builder::new();
    let n = 64usize;
    let x = g.input("x", DType::F32, [n.into(), 12.into(), 12.into(), 4.into()]);
    let tokens = g.input("tokens", DType::I32, [n.into()]);
    let k = g.parameter("k", DType::F32, [3.into(), 3.into(), 4.into(), 16.into()]);
    let e = g.parameter("e", DType::F32, [50.into(), 16.into()]);
    let w = g.parameter("w", DType::F32, [16.into(), 16.into()]);
    let seed = g.parameter("seed", DType::I64, nervure_graph::Shape::new());
    let y = x.conv(k, Window::new([3, 3]), 1).max(x.constant(0.0));
    let y = y.pool(PoolKind::Max, Window { strides: vec![2, 2], ..Window::new([2, 2]) }).mean(&[1, 2]);
    let y = (y + e.gather(tokens, 0)).tanh();
    let body = {
        let b = Builder::new();
        let h = b.input("h", DType::F32, [n.into(), 16.into()]);
        let s = b.input("s", DType::F32, [n.into(), 16.into()]);
        let w = b.input("w", DType::F32, [16.into(), 16.into()]);
        b.input("t", DType::I32, nervure_graph::Shape::new());
        let next = (h.matmul(w) + s).tanh();
        b.output("h", next);
        b.output("out", next);
        b.finish().unwrap()
    };
    let steps = y.expand(0).broadcast_to([5.into(), n.into(), 16.into()]);
    let scan = Scan { body, carries: 1, slices: 1, length: 5.into(), reverse: false };
    let states = g.scan(scan, &[y, steps, w]).project(1);
    let keep = g.apply(Op::Random { stream: 1, shape: states.shape() }, &[seed, seed]);
    let states = keep.less(keep.constant(0.8)).select(states, states.zeros_like());
    let loss = states.reduce(Reduction::LogSumExp, &[2]).mean_all();
    g.output("loss", loss);
    for (w, grad) in [k, e, w].into_iter().zip(gradient(&g, loss, &[k, e, w])) {
        g.update(w, w - grad.unwrap() * 0.1);
    }
    g.update(seed, seed + seed.constant(1.0));
    g.finish().unwrap()
}

#[test]
fn a_step_allocates_nothing_after_the_first() {
    let graph = busy_step();
    let mut store = store(&graph);
    let (x, tokens) = (numbers(64 * 12 * 12 * 4), (0..64).map(|i| i * 7 % 50).collect::<Vec<i32>>());
    let inputs = [View::F32(&x), View::I32(&tokens)];
    for threads in [Threads::new(1), Threads::new(2)] {
        let mut runner = runner(&graph, &Bindings::new(), &store);
        runner.run(&threads, &mut store, &inputs).unwrap();
        // Other tests of this binary allocate meanwhile: a step that allocates would in each round.
        let least = (0..300).map(|_| {
            let before = ALLOCATIONS.load(Ordering::SeqCst);
            runner.run(&threads, &mut store, &inputs).unwrap();
            ALLOCATIONS.load(Ordering::SeqCst) - before
        });
        assert_eq!(least.min(), Some(0));
    }
}

#[test]
fn training_gives_the_same_bits_on_any_number_of_threads() {
    let graph = busy_step();
    let (x, tokens) = (numbers(64 * 12 * 12 * 4), (0..64).map(|i| i * 7 % 50).collect::<Vec<i32>>());
    let train = |count: usize| {
        let mut store = store(&graph);
        let mut runner = runner(&graph, &Bindings::new(), &store);
        let threads = Threads::new(count);
        for _ in 0..5 {
            runner.run(&threads, &mut store, &[View::F32(&x), View::I32(&tokens)]).unwrap();
        }
        assert!(runner.output(0).as_f32().unwrap()[0].is_finite());
        ["k", "e", "w"].map(|name| bits(store.get(name).unwrap().view()))
    };
    let one = train(1);
    for count in [2, 3, 5] {
        assert_eq!(train(count), one, "{count} threads");
    }
}

#[test]
fn an_index_out_of_range_stops_the_run_and_leaves_the_state() {
    let graph = busy_step();
    let mut store = store(&graph);
    let before = store.clone();
    let mut tokens = vec![3; 64];
    tokens[40] = 50;
    let x = numbers(64 * 12 * 12 * 4);
    let mut runner = runner(&graph, &Bindings::new(), &store);
    let threads = Threads::new(2);
    let error = runner.run(&threads, &mut store, &[View::F32(&x), View::I32(&tokens)]).unwrap_err();
    assert_eq!(error, Error::Index { path: "graph".into(), index: 50, size: 50 });
    tokens[40] = -1;
    assert!(runner.run(&threads, &mut store, &[View::F32(&x), View::I32(&tokens)]).is_err());
    for (name, value) in store.iter() {
        assert_eq!(Some(value), before.get(name), "{name}");
    }
    tokens[40] = 0;
    runner.run(&threads, &mut store, &[View::F32(&x), View::I32(&tokens)]).unwrap();
    assert_ne!(store.get("e"), before.get("e"));
}

#[test]
fn what_does_not_fit_is_named() {
    let graph =
        graph_of(&[4], |x| x.matmul(x.builder().parameter("layer/w", DType::F32, [4.into(), 2.into()])));
    let compile = |store: &Store, n: usize| Plan::compile(&graph, &batch(n), store);
    let message = |store: &Store| compile(store, 1).unwrap_err().to_string();
    let mut store = Store::new();
    assert_eq!(message(&store), "parameter `layer/w`: expected f32[4, 2], received none of that name");
    store.insert("layer/w", Buffer::zeros(DType::F32, &[2, 4]));
    assert_eq!(message(&store), "parameter `layer/w`: expected f32[4, 2], received f32[2, 4]");
    store.insert("layer/w", Buffer::zeros(DType::I32, &[4, 2]));
    assert_eq!(message(&store), "parameter `layer/w`: expected f32[4, 2], received i32[4, 2]");
    store.insert("layer/w", Buffer::zeros(DType::F32, &[4, 2]));
    assert_eq!(
        Plan::compile(&graph, &Bindings::new(), &store).unwrap_err().to_string(),
        "dimension `batch` has no value: `batch` is not bound"
    );
    assert!(matches!(compile(&store, usize::MAX >> 8), Err(Error::TooLarge { .. } | Error::Graph(_))));
    let mut runner = runner(&graph, &batch(1), &store);
    let threads = Threads::new(1);
    let mut infer =
        |store: &Store, inputs: &[View]| runner.infer(&threads, store, inputs).map_err(|e| e.to_string());
    assert_eq!(infer(&store, &[]), Err("expected 1 inputs, received 0".into()));
    assert_eq!(
        infer(&store, &[View::F32(&[1.0; 5])]),
        Err("input `x`: expected f32[1, 4], received 5 elements of f32".into())
    );
    assert_eq!(
        infer(&store, &[View::I32(&[1; 4])]),
        Err("input `x`: expected f32[1, 4], received 4 elements of i32".into())
    );
    assert_eq!(infer(&store, &[View::F32(&[1.0; 4])]), Ok(()));
    // The store changes under the plan.
    *store.get_mut("layer/w").unwrap() = Buffer::zeros(DType::F32, &[1]);
    assert_eq!(
        infer(&store, &[View::F32(&[1.0; 4])]),
        Err("parameter `layer/w`: expected f32[4, 2], received f32[1]".into())
    );
    assert!(infer(&Store::new(), &[View::F32(&[1.0; 4])]).is_err());
}

#[test]
fn inference_does_not_change_state() {
    let g = Builder::new();
    let w = g.parameter("w", DType::F32, [2.into()]);
    g.update(w, w + 1.0);
    let graph = g.finish().unwrap();
    let mut store = store(&graph);
    let mut runner = runner(&graph, &Bindings::new(), &store);
    let threads = Threads::new(1);
    assert_eq!(runner.infer(&threads, &store, &[]), Err(Error::Updates { name: "w".into() }));
    runner.run(&threads, &mut store, &[]).unwrap();
}

#[test]
fn runners_of_one_plan_run_at_one_time() {
    let graph =
        graph_of(&[300], |x| x.matmul(x.builder().parameter("w", DType::F32, [300.into(), 200.into()])));
    let store = store(&graph);
    let plan = Arc::new(Plan::compile(&graph, &batch(40), &store).unwrap());
    let threads = Threads::new(2);
    let x = numbers(40 * 300);
    let run = || {
        let mut runner = Runner::new(Arc::clone(&plan));
        (0..20)
            .map(|_| {
                runner.infer(&threads, &store, &[View::F32(&x)]).unwrap();
                bits(runner.output(0))
            })
            .collect::<Vec<_>>()
    };
    let expected = run();
    std::thread::scope(|scope| {
        for handle in (0..4).map(|_| scope.spawn(run)).collect::<Vec<_>>() {
            assert_eq!(handle.join().unwrap(), expected);
        }
    });
}

/// The arena is not much larger than what lives at one time.
#[test]
fn arenas_are_tight() {
    let deep = {
        let g = Builder::new();
        let x = g.input("x", DType::F32, [64.into(), 100.into()]);
        let (mut h, mut weights) = (x, Vec::new());
        for (i, (k, n)) in
            [(100usize, 300usize), (300, 200), (200, 50), (50, 120), (120, 10)].into_iter().enumerate()
        {
            let w = g.parameter(&format!("w{i}"), DType::F32, [k.into(), n.into()]);
            weights.push(w);
            h = h.matmul(w).tanh();
        }
        let loss = h.square().mean_all();
        g.output("loss", loss);
        for (w, grad) in weights.iter().zip(gradient(&g, loss, &weights)) {
            g.update(*w, *w - grad.unwrap() * 0.1);
        }
        g.finish().unwrap()
    };
    for graph in [deep, busy_step()] {
        let plan = Plan::compile(&graph, &Bindings::new(), &store(&graph)).unwrap();
        let (arena, live) = (plan.arena_bytes() as f64, plan.live_bytes() as f64);
        assert!(arena <= 1.2 * live, "arena {arena}, live {live}");
    }
}

#[test]
fn the_bytes_of_a_run_are_known_before_it() {
    let graph = busy_step();
    for threads in [1, 2, 3] {
        let mut store = store(&graph);
        let plan = Plan::compile(&graph, &Bindings::new(), &store).unwrap();
        let foretold = plan.memory(threads);
        let inputs: Vec<Buffer> =
            plan.inputs().iter().map(|(_, dtype, shape)| Buffer::zeros(*dtype, shape)).collect();
        let views: Vec<View> = inputs.iter().map(Buffer::view).collect();
        let threads = Threads::new(threads);
        let mut runner = Runner::new(Arc::new(plan));
        let before = HELD.get();
        runner.run(&threads, &mut store, &views).unwrap();
        // Memory is asked for in lines of 64 bytes, once for the arena and once for the scratch.
        let held = HELD.get() - before;
        assert!((foretold..foretold + 128).contains(&held), "foretold {foretold}, held {held}");
        assert_eq!(runner.bytes(), held);
    }
}

#[test]
fn kernels_are_timed_when_that_is_wanted() {
    let graph = busy_step();
    let mut store = store(&graph);
    let plan = Plan::compile(&graph, &Bindings::new(), &store).unwrap();
    let inputs: Vec<Buffer> =
        plan.inputs().iter().map(|(_, dtype, shape)| Buffer::zeros(*dtype, shape)).collect();
    let views: Vec<View> = inputs.iter().map(Buffer::view).collect();
    let mut runner = Runner::new(Arc::new(plan));
    let threads = Threads::new(1);
    runner.run(&threads, &mut store, &views).unwrap();
    assert!(runner.kernel_times().is_empty());
    runner.time_kernels();
    runner.run(&threads, &mut store, &views).unwrap();
    let plan = runner.plan();
    assert_eq!(runner.kernel_times().len(), plan.kernels());
    assert!(runner.kernel_times().iter().any(|t| !t.is_zero()));
    assert_eq!(plan.listing().map(|k| k.flops).sum::<u64>(), plan.flops());
}

/// Weights are packed once for the runs that follow: until somebody changes them, by whatever way.
#[test]
fn weights_that_change_between_runs_are_packed_anew() {
    let (m, k, n) = (40usize, 288usize, 50usize);
    let write = |training: bool| {
        let g = Builder::new();
        let x = g.input("x", DType::F32, [m.into(), k.into()]);
        let w = g.parameter("w", DType::F32, [k.into(), n.into()]);
        if training {
            g.output("loss", x.sum_all());
            g.update(w, w * 0.5);
        } else {
            g.output("y", x.matmul(w));
            let image = x.reshape([1usize, 12, 30, 32].map(Dim::from));
            let kernel = w.reshape([3usize, 3, 32, 50].map(Dim::from));
            g.output("tiles", image.conv(kernel, Window::new([3, 3]), 1));
            let strided = Window { strides: vec![2, 2], ..Window::new([3, 3]) };
            g.output("taps", image.conv(kernel, strided, 1));
        }
        g.finish().unwrap()
    };
    let outputs = |r: &Runner| [0, 1, 2].map(|i| bits(r.output(i)));
    let (predict, train) = (write(false), write(true));
    let mut first = store(&predict);
    let threads = Threads::new(1);
    let x = numbers(m * k);
    let fresh = |s: &Store| {
        let mut r = runner(&predict, &Bindings::new(), s);
        r.infer(&threads, s, &[View::F32(&x)]).unwrap();
        outputs(&r)
    };
    let mut r = runner(&predict, &Bindings::new(), &first);
    assert_eq!(r.plan().to_string().matches("packed once").count(), 3, "{}", r.plan());
    let mut check = |s: &Store, what: &str| {
        for _ in 0..2 {
            r.infer(&threads, s, &[View::F32(&x)]).unwrap();
            assert_eq!(outputs(&r), fresh(s), "{what}");
        }
    };
    check(&first, "at first");
    let copy = first.clone();
    runner(&train, &Bindings::new(), &first).run(&threads, &mut first, &[View::F32(&x)]).unwrap();
    check(&first, "after a step");
    check(&copy, "a copy from before the step");
    first.get_mut("w").unwrap().as_f32_mut().unwrap()[7] = 3.0;
    check(&first, "after an element was set");
    first.insert("w", Buffer::from_f32(&[k, n], &numbers(k * n + 1)[1..]).unwrap());
    check(&first, "after it was replaced");
}
