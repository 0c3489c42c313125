use crate::optimizers::within;

/// Settings that are an optimizer's own, and after them those that every optimizer of this crate offers.
macro_rules! with_options {
    ($(#[$($meta:tt)*])* $word:ident [$($v:tt)*] [$($decay:tt)*] { $($own:tt)* }) => {
        $crate::settings::settings! {
            $(#[$($meta)*])*
            pub struct $word {
                $($own)*
                /// λ: before its step each weight is w ← w − η λ w (Loshchilov and Hutter 2019, "Decoupled weight decay regularization").
                $($v)* weight_decay: just f64 $($decay)*,
                /// Weights whose path contains one of these do not decay: `bias`, `embedding/`.
                $($v)* exclude_from_weight_decay: each String,
                /// Each weight's gradient is scaled down to this Euclidean norm.
                $($v)* clipnorm: just f64,
                /// Each element of a gradient is held within ±this.
                $($v)* clipvalue: just f64,
                /// All gradients together are scaled down to this Euclidean norm.
                $($v)* global_clipnorm: just f64,
                /// Whether an average of the weights over the steps is kept, which takes their place when training ends.
                $($v)* use_ema: bool = false,
                /// μ of that average: a ← μ a + (1 − μ) w after each step, a ← w after the first.
                $($v)* ema_momentum: f64 = 0.99,
                /// After so many steps, again and again, the average takes the place of the weights.
                $($v)* ema_overwrite_frequency: just usize,
                /// The loss is multiplied by this before it is differentiated, and gradients are divided by it: so that small ones do not underflow.
                $($v)* loss_scale_factor: just f64,
                /// Weights change only at every so many steps, by the mean of the gradients since; the others count no iteration but for a schedule.
                $($v)* gradient_accumulation_steps: just usize,
            }
        }
    };
}
pub(super) use with_options;

/// Declares an optimizer's settings: `Word(learning rate)`, or `Word(learning rate, weight decay)` where weights decay by default.
macro_rules! optimizer {
    ($(#[doc = $doc:literal])* pub struct $word:ident($rate:expr $(, $decay:expr)?) { $($own:tt)* }) => {
        $crate::optimizers::options::with_options! {
            $(#[doc = $doc])* $word [] [$(= $decay)?] {
                /// η, a number or a schedule.
                learning_rate: into $crate::schedules::LearningRate = $rate,
                $($own)*
            }
        }

        impl $word {
            fn common(&self) -> $crate::optimizers::Options {
                $crate::optimizers::Options {
                    weight_decay: self.weight_decay,
                    exclude_from_weight_decay: self.exclude_from_weight_decay.clone(),
                    clipnorm: self.clipnorm,
                    clipvalue: self.clipvalue,
                    global_clipnorm: self.global_clipnorm,
                    use_ema: self.use_ema,
                    ema_momentum: self.ema_momentum,
                    ema_overwrite_frequency: self.ema_overwrite_frequency,
                    loss_scale_factor: self.loss_scale_factor,
                    gradient_accumulation_steps: self.gradient_accumulation_steps,
                }
            }
        }
    };
}
pub(super) use optimizer;

/// Within the implementation of [`Optimizer`](crate::optimizers::Optimizer): what the settings of all say.
macro_rules! common {
    () => {
        fn learning_rate(&self) -> f64 {
            self.learning_rate.at(0)
        }

        fn schedule(&self) -> Option<&$crate::word::Object<dyn $crate::schedules::Schedule>> {
            self.learning_rate.schedule()
        }

        fn options(&self) -> $crate::optimizers::Options {
            self.common()
        }
    };
}
pub(super) use common;

with_options! {
    /// What every optimizer of this crate offers beside its own settings, under Keras's names: decay of weights, clipping of gradients, their scale and
    /// accumulation, averages of the weights.
    #[derive(PartialEq)]
    Options [pub] [] {}
}

impl Options {
    /// The rate at which the weight at `path` decays.
    pub(crate) fn decay(&self, path: &str) -> Option<f64> {
        self.weight_decay.filter(|_| !self.spares(path))
    }

    /// Whether the weight at `path` does not decay.
    pub(super) fn spares(&self, path: &str) -> bool {
        self.exclude_from_weight_decay.iter().any(|part| path.contains(part))
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        let bounds = [
            ("clipnorm", self.clipnorm),
            ("clipvalue", self.clipvalue),
            ("global_clipnorm", self.global_clipnorm),
        ];
        let given: Vec<_> = bounds.iter().filter_map(|(name, b)| Some((name, (*b)?))).collect();
        if given.len() > 1 {
            let names = given.iter().map(|(name, _)| **name).collect::<Vec<_>>().join(" and ");
            return Err(format!(
                "expected at most one of clipnorm, clipvalue, global_clipnorm, received {names}"
            ));
        }
        for (name, bound) in given {
            within(name, bound, |b| b > 0.0, "above 0")?;
        }
        within("weight_decay", self.weight_decay.unwrap_or(0.0), |d| d >= 0.0, "of at least 0")?;
        within("ema_momentum", self.ema_momentum, |m| (0.0..=1.0).contains(&m), "of 0 to 1")?;
        within("loss_scale_factor", self.loss_scale_factor.unwrap_or(1.0), |f| f > 0.0, "above 0")?;
        if self.ema_overwrite_frequency == Some(0) {
            return Err("expected an ema_overwrite_frequency of at least 1, received 0".into());
        }
        match self.gradient_accumulation_steps {
            Some(n @ (0 | 1)) => {
                Err(format!("expected gradient_accumulation_steps of at least 2, received {n}"))
            }
            Some(_) | None => Ok(()),
        }
    }
}
