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
    refused(Lion::new().beta_1(0.0).into(), "expected a beta_1 above 0 and at most 1, received 0");
    refused(
        Muon::new().adam_beta_2(1.0).into(),
        "expected an adam_beta_2 of at least 0 and below 1, received 1",
    );
    refused(Ftrl::new().learning_rate_power(0.5).into(), "learning_rate_power");
    let once = SGD::new().gradient_accumulation_steps(1);
    refused(once.into(), "expected gradient_accumulation_steps of at least 2, received 1");
    refused(
        SGD::new().use_ema(true).ema_momentum(1.5).into(),
        "expected an ema_momentum of 0 to 1, received 1.5",
    );
    refused(SGD::new().ema_overwrite_frequency(0).into(), "ema_overwrite_frequency of at least 1");
    refused(SGD::new().loss_scale_factor(0.0).into(), "expected a loss_scale_factor above 0, received 0");
    refused(
        SGD::new().learning_rate(CosineDecay::new(0.1, 0)).into(),
        "optimizer `sgd`: schedule `CosineDecay`: expected a decay_steps of at least 1, received 0",
    );
    let short = PiecewiseConstantDecay::new([5], [0.1]);
    refused(SGD::new().learning_rate(short).into(), "expected 2 values for 1 boundaries, received 1");
    refused(
        SGD::new().learning_rate(OneCycle::new(0.1, 10).pct_start(1.5)).into(),
        "pct_start of 0 to 1, received 1.5",
    );
}

#[test]
fn defaults_and_names_are_those_of_keras() {
    let config = |name: &str| Object::<dyn Optimizer>::named(name).unwrap().config();
    assert_eq!(config("AdamW")["weight_decay"], 0.004);
    assert_eq!(config("adam")["weight_decay"], serde_json::Value::Null);
    assert_eq!(config("Adam")["epsilon"], 1e-7);
    assert_eq!(config("RMSprop")["rho"], 0.9);
    assert_eq!(config("SGD")["learning_rate"], 0.01);
    assert_eq!(config("Muon")["weight_decay"], 0.004);
    assert_eq!(config("ScheduleFreeAdamW")["learning_rate"], 0.0025);
    let none = serde_json::json!({"weight_decay": null});
    let adamw = Object::<dyn Optimizer>::from_config("adamw", none).unwrap();
    assert_eq!(adamw.options().weight_decay, None, "what is said is not overridden");
}

/// One weight.
fn line() -> nervure_nn::Model {
    let dense = Dense::new(1).use_bias(false).kernel_initializer(Constant::new(1.0));
    Sequential::new([1]).add(dense).build(Seed(1)).unwrap()
}

fn weight(model: &nervure_nn::Model) -> f32 {
    model.weight("dense/kernel").unwrap().as_f32().unwrap()[0]
}

/// Rows of which the mean absolute error has the gradient 1.
fn ones(rows: usize) -> Dataset {
    Dataset::new(ndarray::Array2::from_elem((rows, 1), 1.0), ndarray::Array2::from_elem((rows, 1), -100.0))
}

#[test]
fn averages_take_the_place_of_weights_when_training_ends() {
    let sgd = || SGD::new().learning_rate(0.125);
    let fit = |optimizer: SGD| Fit::new(MeanAbsoluteError, optimizer).epochs(2).batch_size(1);
    let mut model = line();
    model.fit(&ones(2), fit(sgd().use_ema(true).ema_momentum(0.5))).unwrap();
    // Weights 0.875, 0.75, 0.625, 0.5; their average, μ = ½, begins at the first.
    let average = [0.75, 0.625, 0.5].iter().fold(0.875, |a, w| 0.5 * a + 0.5 * w);
    assert_eq!(weight(&model), average);
    let mut plain = line();
    plain.fit(&ones(2), fit(sgd())).unwrap();
    assert_eq!(weight(&plain), 0.5);
}

#[test]
fn a_schedule_gives_the_rate_of_every_step_and_of_a_run_that_goes_on() {
    let schedule = || PiecewiseConstantDecay::new([0, 2], [0.5, 0.25, 0.125]);
    let fit = |seen: std::sync::Arc<std::sync::Mutex<Vec<f64>>>| {
        let look = LambdaCallback::new().on_batch_end(move |_, cx| {
            seen.lock().unwrap().push(cx.learning_rate());
            Ok(())
        });
        Fit::new(MeanAbsoluteError, SGD::new().learning_rate(schedule())).batch_size(1).callback(look)
    };
    let seen = std::sync::Arc::default();
    let mut model = line();
    model.fit(&ones(2), fit(std::sync::Arc::clone(&seen))).unwrap();
    assert_eq!(weight(&model), 1.0 - 0.5 - 0.25);
    // The optimizer is the same: its steps go on.
    model.fit(&ones(2), fit(std::sync::Arc::clone(&seen))).unwrap();
    assert_eq!(weight(&model), 1.0 - 0.5 - 0.25 - 0.25 - 0.125);
    // After each step, the rate of the next.
    assert_eq!(*seen.lock().unwrap(), [0.25, 0.25, 0.125, 0.125]);

    let halved = LearningRateScheduler::new(|_, rate| rate / 2.0);
    let error = model.fit(&ones(2), fit(seen).callback(halved)).unwrap_err().to_string();
    assert!(error.starts_with("the learning rate follows the schedule `PiecewiseConstantDecay`"), "{error}");
}

#[test]
fn a_rate_is_written_and_read_as_a_number_or_a_schedule() {
    let written = serde_json::json!(Object::<dyn Optimizer>::from(SGD::new().learning_rate(0.5)));
    assert_eq!(written["config"]["learning_rate"], 0.5);
    let scheduled: Object<dyn Optimizer> =
        Adam::new().learning_rate(ExponentialDecay::new(0.1, 100, 0.9)).into();
    let written = serde_json::json!(scheduled);
    assert_eq!(written["config"]["learning_rate"]["class_name"], "ExponentialDecay");
    assert_eq!(serde_json::from_value::<Object<dyn Optimizer>>(written).unwrap(), scheduled);
    let wrong = serde_json::json!({"learning_rate": true});
    let error = Object::<dyn Optimizer>::from_config("adam", wrong).unwrap_err().to_string();
    assert!(error.contains("learning_rate: expected the name of one schedule"), "{error}");
}
