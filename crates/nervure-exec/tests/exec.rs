//! Plans against hand-computed values, and the invariants that every plan keeps.

use std::sync::Arc;

use nervure_exec::{Buffer, Plan, Runner, Store, Threads, View};
use nervure_graph::{Bindings, Builder, DType, Dim};

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
    let plan = Plan::compile(&graph, &Bindings::from([("batch".into(), 2)]), &store).unwrap();
    println!("{plan}");
    let mut runner = Runner::new(Arc::new(plan));
    let threads = Threads::new(2);
    runner.run(&threads, &mut store, &[View::F32(&[1.0, 1.0, 2.0, 0.0])]).unwrap();
    assert_eq!(runner.output(0), View::F32(&[6.0, 0.0, 9.0, 3.0, 0.0, 6.0]));
    assert_eq!(runner.output(1), View::F32(&[4.0]));
    assert_eq!(runner.output(2), View::F32(&[9.0, 0.0, 15.0]));
    assert_eq!(runner.output(3), View::F32(&[15.0, 9.0]));
    assert_eq!(runner.output(4), View::F32(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    assert_eq!(store.get("w").unwrap().view(), View::F32(&[0.5, 1.0, 1.5, 2.0, 2.5, 3.0]));
    assert_eq!(store.get("b").unwrap().view(), View::F32(&[10.0, -100.0, 15.0]));
}
