use serde::{Deserialize, Serialize};

use crate::Result;
use crate::schedules::{Schedule, half_cosine, size, some};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// Up from η / `div_factor` to η over the first `pct_start` of all steps, then down to η / `div_factor` / `final_div_factor` at the last of them, where it stays; each way along half a cosine
    /// or a straight line. With `three_phase` it goes down as fast as it went up, to where it began, and from there to its end.
    ///
    /// Smith and Topin 2018, "Super-convergence: very fast training of neural networks using large learning rates", with the names and numbers of PyTorch's `OneCycleLR`. The
    /// momentum stays as it is.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let optimizer = SGD::new().learning_rate(OneCycle::new(0.1, 1000).pct_start(0.4).anneal_strategy(Anneal::Linear).three_phase(true));
    /// ```
    pub struct OneCycle {
        /// η, the greatest rate.
        max_lr: f64,
        /// Steps of the whole.
        total_steps: u64,
        /// Share of the steps in which the rate rises.
        pct_start: f64 = 0.3,
        /// Along what the rate goes.
        anneal_strategy: Anneal = Anneal::Cos,
        /// What η is divided by at the beginning.
        div_factor: f64 = 25.0,
        /// What the first rate is divided by at the end.
        final_div_factor: f64 = 1e4,
        /// Whether the way down has two parts.
        three_phase: bool = false,
    }
}
kind!(OneCycle | "OneCycleLR");

impl Schedule for OneCycle {
    fn rate(&self, step: u64) -> f64 {
        let first = self.max_lr / self.div_factor;
        let last = first / self.final_div_factor;
        let total = self.total_steps as f64;
        let (top, end) = (self.pct_start * total - 1.0, total - 1.0);
        let phases: &[(f64, f64, f64)] = if self.three_phase {
            &[(top, first, self.max_lr), (2.0 * self.pct_start * total - 2.0, self.max_lr, first), (end, first, last)]
        } else {
            &[(top, first, self.max_lr), (end, self.max_lr, last)]
        };
        let step = step as f64;
        let mut begin = 0.0;
        for &(until, from, to) in phases {
            if step <= until && until > begin {
                return self.anneal_strategy.between(from, to, (step - begin) / (until - begin));
            }
            begin = until;
        }
        last
    }

    fn check(&self) -> Result<(), String> {
        size("max_lr", self.max_lr)?;
        some("total_steps", self.total_steps)?;
        let most = if self.three_phase { 0.5 } else { 1.0 };
        if !(0.0..=most).contains(&self.pct_start) {
            return Err(format!("expected a pct_start of 0 to {most}, received {}", self.pct_start));
        }
        for (name, factor) in [("div_factor", self.div_factor), ("final_div_factor", self.final_div_factor)] {
            if !(factor.is_finite() && factor > 0.0) {
                return Err(format!("expected a {name} above 0, received {factor}"));
            }
        }
        Ok(())
    }
}

/// Along what a rate goes from one value to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anneal {
    /// Half a cosine.
    Cos,
    /// A straight line.
    Linear,
}

impl Anneal {
    /// What lies at `share` of the way.
    fn between(self, from: f64, to: f64, share: f64) -> f64 {
        match self {
            Anneal::Cos => to + (from - to) * half_cosine(share),
            Anneal::Linear => from + (to - from) * share,
        }
    }
}

impl Samples<dyn Schedule> for OneCycle {
    fn samples() -> Vec<Sample<dyn Schedule>> {
        vec![
            Sample::new(OneCycle::new(0.1, 1000), []),
            Sample::new(OneCycle::new(0.1, 1000).pct_start(0.4).anneal_strategy(Anneal::Linear).three_phase(true), []),
        ]
    }
}
