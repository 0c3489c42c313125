//! Losses and metrics on numbers, without a network.

use std::collections::BTreeMap;
use std::sync::Arc;

use nervure_exec::{Plan, Runner, Store, Threads};
use nervure_graph::testing::Case;
use nervure_graph::{Array, Bindings, Builder, DType, Error, Op, Tensor, Type};
use nervure_nn::activations::Link;
use nervure_nn::losses::{Loss, Prediction};
use nervure_nn::metrics::Metric;

use crate::trial::buffer;

/// Numbers with their shape.
pub struct Numbers(pub DType, pub Vec<usize>, pub Vec<f64>);

pub fn floats(shape: &[usize], values: &[f64]) -> Numbers {
    Numbers(DType::F32, shape.into(), values.into())
}

pub fn classes(values: &[f64]) -> Numbers {
    Numbers(DType::I32, vec![values.len()], values.into())
}

fn input<'g>(builder: &'g Builder, name: &str, of: &Numbers) -> Tensor<'g> {
    builder.input(name, of.0, of.1.iter().map(|&n| n.into()).collect::<Vec<_>>())
}

fn case(
    builder: Builder,
    target: &Numbers,
    prediction: &Numbers,
    weight: Option<&Numbers>,
) -> Result<Case, Error> {
    let array = |n: &Numbers| Array::of(n.0, &n.1, &n.2);
    let mut inputs = BTreeMap::from([("t".to_string(), array(target)), ("y".to_string(), array(prediction))]);
    inputs.extend(weight.map(|w| ("w".to_string(), array(w))));
    Ok(Case::new("score", builder.finish()?, Bindings::new(), inputs, BTreeMap::new()))
}

/// The graph of a loss; with a link, the prediction is what that makes of the numbers.
pub fn loss_case(loss: &dyn Loss, target: &Numbers, prediction: &Numbers, link: Option<Link>) -> Case {
    let builder = Builder::new();
    let (t, z) = (input(&builder, "t", target), input(&builder, "y", prediction));
    let expected = loss.target(&z.ty()).unwrap();
    assert_eq!(expected, Type::new(target.0, t.shape()), "the target's type");
    let value = match link {
        Some(Link::Sigmoid) => z.sigmoid(),
        Some(Link::Softmax) => z.exp() / z.exp().sum(&[-1]).expand(-1),
        None => z,
    };
    let values = loss.lower(t, Prediction { value, link: link.map(|l| (l, z)) });
    builder.output("values", values);
    case(builder, target, prediction, None).unwrap()
}

/// The values of a loss, in double precision.
pub fn values(loss: &dyn Loss, target: &Numbers, prediction: &Numbers, link: Option<Link>) -> Vec<f64> {
    let run = loss_case(loss, target, prediction, link).evaluate::<f64>().unwrap();
    run.output("values").unwrap().to_f64()
}

/// The graph of a metric's sums.
pub fn metric_case(
    metric: &dyn Metric,
    target: &Numbers,
    prediction: &Numbers,
    weight: Option<&Numbers>,
) -> Result<Case, Error> {
    let builder = Builder::new();
    let (t, y) = (input(&builder, "t", target), input(&builder, "y", prediction));
    let w = weight.map(|w| input(&builder, "w", w));
    for (i, sum) in metric.lower(t, y.into(), w).into_iter().enumerate() {
        builder.output(&format!("{i:03}"), sum);
    }
    case(builder, target, prediction, weight)
}

/// The sums of a metric over one batch.
pub fn sums(
    metric: &dyn Metric,
    target: &Numbers,
    prediction: &Numbers,
    weight: Option<&Numbers>,
) -> Result<Vec<Vec<f64>>, Error> {
    let run = metric_case(metric, target, prediction, weight)?.evaluate::<f64>()?;
    Ok(run.outputs().map(|(_, sum)| sum.to_f64()).collect())
}

/// What a metric says of one batch: one number, or one a class.
pub fn score(
    metric: &dyn Metric,
    target: &Numbers,
    prediction: &Numbers,
    weight: Option<&Numbers>,
) -> Vec<f64> {
    let sums = sums(metric, target, prediction, weight).unwrap();
    metric.per_class(&sums).unwrap_or_else(|| vec![metric.result(&sums)])
}

#[track_caller]
pub fn near(received: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(received.len(), expected.len());
    for (r, e) in received.iter().zip(expected) {
        assert!(
            (r - e).abs() <= tolerance * e.abs().max(1.0),
            "expected {expected:?}, received {received:?}"
        );
    }
}

/// Numbers for an operand of a sample: probabilities, or class numbers below 3; the batch has `rows` rows.
pub fn operand(ty: &Type, rows: usize, salt: usize) -> Numbers {
    let shape: Vec<usize> = ty.shape.iter().map(|d| d.as_const().unwrap_or(rows)).collect();
    let value = |e: usize| match ty.dtype {
        DType::F32 => f64::from(0.07_f32 + 0.9 * ((e * 7 + salt * 5 + 3) % 13) as f32 / 13.0),
        _ => (e * 2 % 3) as f64,
    };
    let n = shape.iter().product();
    Numbers(ty.dtype, shape, (0..n).map(value).collect())
}

/// What a plan makes of a case, against the reference, to the rounding of sums in single precision.
pub fn plan_agrees(case: &Case) {
    let store = Store::new();
    let plan = Arc::new(Plan::compile(&case.graph, &case.bindings, &store).unwrap());
    let mut runner = Runner::new(plan);
    let name = |id| match &case.graph.node(id).op {
        Op::Input { name, .. } => name.clone(),
        other => panic!("{}", other.name()),
    };
    let inputs: Vec<_> = case.graph.inputs().iter().map(|&id| buffer(&case.inputs[&name(id)])).collect();
    let views: Vec<_> = inputs.iter().map(|b| b.view()).collect();
    runner.infer(&Threads::new(1), &store, &views).unwrap();
    for (i, (_, expected)) in case.evaluate::<f64>().unwrap().outputs().enumerate() {
        let received: Vec<f64> = runner.output(i).as_f32().unwrap().iter().map(|&x| x.into()).collect();
        near(&received, &expected.to_f64(), 1e-5);
    }
}
