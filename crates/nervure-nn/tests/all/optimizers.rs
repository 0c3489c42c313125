//! Optimizers: what is refused, and what they are named. Their steps are in the golden files.

use nervure_nn::Error;
use nervure_nn::optimizers::*;
use nervure_nn::prelude::*;
use nervure_nn::word::Object;

#[test]
fn settings_that_make_no_sense_are_refused_in_words() {
    let refused = |optimizer: Object<dyn Optimizer>, words: &str| {
        let mut model = Sequential::new([2]).add(Dense::new(1)).build(Seed(1)).unwrap();
        let error = model.trainer(Training::new(MeanSquaredError, optimizer)).unwrap_err();
        assert!(matches!(error, Error::Compile { .. }), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    };
    refused(
        SGD::new().learning_rate(-1.0).into(),
        "optimizer `sgd`: expected a learning_rate of at least 0, received -1",
    );
    refused(SGD::new().learning_rate(f64::NAN).into(), "received NaN");
    refused(SGD::new().momentum(1.5).into(), "expected a momentum of 0 to 1, received 1.5");
    refused(Adam::new().beta_1(1.0).into(), "expected a beta_1 of at least 0 and below 1, received 1");
    refused(RMSprop::new().epsilon(-1.0).into(), "epsilon");
    refused(Adam::new().clipnorm(1.0).clipvalue(1.0).into(), "received clipnorm and clipvalue");
    refused(Adam::new().clipnorm(0.0).into(), "expected a clipnorm above 0, received 0");
    refused(AdamW::new().weight_decay(-0.1).into(), "weight_decay");
}

#[test]
fn defaults_and_names_are_those_of_keras() {
    let config = |name: &str| Object::<dyn Optimizer>::named(name).unwrap().config();
    assert_eq!(config("AdamW")["weight_decay"], 0.004);
    assert_eq!(config("adam")["weight_decay"], serde_json::Value::Null);
    assert_eq!(config("Adam")["epsilon"], 1e-7);
    assert_eq!(config("RMSprop")["rho"], 0.9);
    assert_eq!(config("SGD")["learning_rate"], 0.01);
    let none = serde_json::json!({"weight_decay": null});
    let adamw = Object::<dyn Optimizer>::from_config("adamw", none).unwrap();
    assert_eq!(adamw.options().weight_decay, None, "what is said is not overridden");
}
