//! Rates of steps.

use nervure_nn::schedules::Schedule;
use nervure_nn::word::Object;
use serde::Deserialize;
use serde_json::Value;

use super::{BOUND, agree, cases};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    class_name: String,
    config: Value,
    steps: Vec<u64>,
    rates: Vec<f64>,
}

#[test]
fn schedules_give_the_rates_of_keras() {
    for case in cases::<Case>("schedules") {
        let schedule = Object::<dyn Schedule>::from_config(&case.class_name, case.config.clone()).unwrap();
        schedule.check().unwrap();
        let rates: Vec<f64> = case.steps.iter().map(|&step| schedule.rate(step)).collect();
        agree(&format!("{} {}", case.class_name, case.config), &case.rates, &rates, BOUND);
    }
}
