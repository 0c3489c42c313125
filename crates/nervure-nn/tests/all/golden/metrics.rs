//! Metrics: what two batches come to.

use std::collections::BTreeMap;

use nervure_nn::metrics::Metric;
use nervure_nn::word::Object;
use serde::Deserialize;
use serde_json::Value;

use super::{BOUND, Numbers, agree, read};
use crate::score;

#[derive(Deserialize)]
struct Golden {
    /// Rows of the first batch; the rest are the second.
    first: usize,
    /// Targets, predictions and weights, by name.
    data: BTreeMap<String, Numbers>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    class_name: String,
    config: Value,
    target: String,
    prediction: String,
    weight: Option<String>,
    /// The deviation that is allowed, where Keras guards denominators.
    bound: Option<f64>,
    /// One number, or one a class.
    result: Vec<f64>,
}

#[test]
fn metrics_compute_what_keras_does() {
    let golden: Golden = read("metrics");
    for case in &golden.cases {
        let what = format!("{} {} of {}, {:?}", case.class_name, case.config, case.prediction, case.weight);
        let metric = Object::<dyn Metric>::from_config(&case.class_name, case.config.clone()).unwrap();
        let all = golden.data[&case.target].shape[0];
        let batches = [0..golden.first, golden.first..all].map(|rows| {
            let of = |name: &str| {
                let all = &golden.data[name];
                let width: usize = all.shape[1..].iter().product();
                let values = all.values[rows.start * width..rows.end * width].to_vec();
                score::Numbers(all.dtype(), [&[rows.len()], &all.shape[1..]].concat(), values)
            };
            let weight = case.weight.as_ref().map(|w| of(w));
            score::sums(&*metric, &of(&case.target), &of(&case.prediction), weight.as_ref())
                .unwrap_or_else(|e| panic!("{what}: {e}"))
        });
        let [mut sums, more] = batches;
        for (sum, more) in sums.iter_mut().zip(more) {
            sum.iter_mut().zip(more).for_each(|(s, m)| *s += m);
        }
        let result = metric.per_class(&sums).unwrap_or_else(|| vec![metric.result(&sums)]);
        agree(&what, &case.result, &result, case.bound.unwrap_or(BOUND));
    }
}
