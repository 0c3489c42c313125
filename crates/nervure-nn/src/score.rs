//! Losses and metrics of arrays, without a network.

use std::sync::Arc;

use nervure_exec::{Plan, Runner, Store, Threads, View};
use nervure_graph::{Bindings, Builder, DType, Dim, Type};

use crate::data::{convert, floats};
use crate::losses::Loss;
use crate::lower::reason;
use crate::metrics::Metric;
use crate::{Buffer, Error, Result};

/// What [`Loss::values`] gives.
pub(crate) fn values(loss: &dyn Loss, target: Buffer, prediction: Buffer) -> Result<Vec<f32>> {
    let what = || format!("loss `{}`", loss.kind());
    let prediction = convert("prediction", &Arc::new(prediction), DType::F32)?;
    let expected = loss.target(&ty(&prediction)).map_err(|reason| Error::Compile { what: what(), reason })?;
    let target = convert("target", &Arc::new(target), expected.dtype)?;
    if ty(&target) != expected {
        let reason = format!("expected a target {expected}, received {}", ty(&target));
        return Err(Error::Compile { what: what(), reason });
    }
    let builder = Builder::new();
    let [t, y] = [("target", &target), ("prediction", &prediction)]
        .map(|(name, array)| builder.input(name, array.dtype(), ty(array).shape));
    builder.output("values", loss.lower(t, y.into()));
    let mut values = run(what, builder, &[target.view(), prediction.view()])?;
    Ok(values.remove(0).into_iter().map(|v| v as f32).collect())
}

/// What [`Metric::score`] gives.
pub(crate) fn score(
    metric: &dyn Metric,
    target: Buffer,
    prediction: Buffer,
    weights: Option<&[f32]>,
) -> Result<Vec<f64>> {
    let what = || format!("metric `{}`", metric.kind());
    let prediction = convert("prediction", &Arc::new(prediction), DType::F32)?;
    let rows = prediction.shape().first().copied().unwrap_or(1);
    for (name, received) in
        [("target", target.shape().first().copied()), ("weight", weights.map(<[f32]>::len))]
    {
        if let Some(received) = received.filter(|&n| n != rows) {
            return Err(Error::Data(format!(
                "expected a {name} for each of {rows} rows, received {received}"
            )));
        }
    }
    let builder = Builder::new();
    let t = builder.input("target", target.dtype(), ty(&target).shape);
    let y = builder.input("prediction", DType::F32, ty(&prediction).shape);
    let w = weights.map(|w| builder.input("weight", DType::F32, [w.len().into()]));
    for (i, sum) in metric.lower(t, y.into(), w).into_iter().enumerate() {
        builder.output(&format!("{i}"), sum);
    }
    let views: Vec<View<'_>> =
        [target.view(), prediction.view()].into_iter().chain(weights.map(View::F32)).collect();
    let sums = run(what, builder, &views)?;
    Ok(metric.per_class(&sums).unwrap_or_else(|| vec![metric.result(&sums)]))
}

fn ty(array: &Buffer) -> Type {
    Type::new(array.dtype(), array.shape().iter().map(|&n| Dim::from(n)).collect::<Vec<_>>())
}

/// The outputs of a graph for these inputs.
fn run(what: impl FnOnce() -> String, builder: Builder, inputs: &[View<'_>]) -> Result<Vec<Vec<f64>>> {
    let graph = builder.finish().map_err(|e| Error::Compile { what: what(), reason: reason(e) })?;
    let store = Store::new();
    let plan = Plan::compile(&graph, &Bindings::new(), &store)?;
    let mut runner = Runner::new(Arc::new(plan));
    runner.infer(&Threads::new(1), &store, inputs)?;
    Ok((0..graph.outputs().len()).map(|i| floats(runner.output(i))).collect())
}
