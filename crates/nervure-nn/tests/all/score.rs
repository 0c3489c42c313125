//! Losses and metrics on numbers, without a network.

use std::collections::BTreeMap;

use nervure_graph::testing::Case;
use nervure_graph::{Array, Bindings, Builder, DType, Error, Tensor, Type};
use nervure_nn::activations::Link;
use nervure_nn::losses::{Loss, Prediction};
use nervure_nn::metrics::Metric;

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

/// The sums of a metric over one batch.
pub fn sums(
    metric: &dyn Metric,
    target: &Numbers,
    prediction: &Numbers,
    weight: Option<&Numbers>,
) -> Result<Vec<Vec<f64>>, Error> {
    let builder = Builder::new();
    let (t, y) = (input(&builder, "t", target), input(&builder, "y", prediction));
    let w = weight.map(|w| input(&builder, "w", w));
    for (i, sum) in metric.lower(t, y.into(), w).into_iter().enumerate() {
        builder.output(&format!("{i:03}"), sum);
    }
    let run = case(builder, target, prediction, weight)?.evaluate::<f64>()?;
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
