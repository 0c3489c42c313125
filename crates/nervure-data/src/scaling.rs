//! Scaling of numbers, fitted on training rows.

use serde::{Deserialize, Serialize};

/// How numbers are scaled.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scaling {
    /// (x − mean) / standard deviation (of the training values, divided by their number).
    #[default]
    Standard,
    /// z = (x − median) / interquartile range (half the range where that is 0), then z / √(1 + (z/3)²), which stays
    /// within ±3 (RealMLP: Holzmüller, Grinsztajn, Steinwart 2024).
    RobustSmooth,
    /// (x − min) / (max − min), so that training values lie in 0..1.
    MinMax,
    /// The normal distribution's quantile at the value's rank among the training values (1000 quantiles), within ±5.2.
    QuantileNormal,
    /// scale · x + offset with constants, as Keras's `Rescaling`: for images and other columns of one known range.
    Rescale {
        /// The factor.
        scale: f64,
        /// What is added.
        offset: f64,
    },
    /// x itself.
    None,
}

/// A fitted [`Scaling`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Scaler {
    /// factor · (x − center).
    Affine {
        /// What is taken off.
        center: f64,
        /// The factor; 0 where all training values are one.
        factor: f64,
    },
    /// z / √(1 + (z/3)²) with z = factor · (x − center).
    SmoothClip {
        /// The median.
        center: f64,
        /// One over the spread; 0 where all training values are one.
        factor: f64,
    },
    /// Φ⁻¹ of the rank among the quantiles.
    Quantiles {
        /// Training quantiles at even probabilities from 0 to 1, ascending.
        quantiles: Vec<f64>,
    },
}

impl Scaling {
    /// Fits on training values, of which there is at least one. `None` where their spread passes what 64 bits can hold.
    pub(crate) fn fit(self, values: &[f64]) -> Option<Scaler> {
        let sorted = || {
            let mut sorted = values.to_vec();
            sorted.sort_unstable_by(f64::total_cmp);
            sorted
        };
        let scaler = match self {
            Scaling::Standard => {
                let (center, std) = mean_std(values);
                Scaler::Affine { center, factor: inverse(std) }
            }
            Scaling::MinMax => {
                let (low, high) = range(values);
                Scaler::Affine { center: low, factor: inverse(high - low) }
            }
            Scaling::Rescale { scale, offset } => {
                // factor · (x − center); a scale of 0 would lose the offset, and every value with it.
                let center = if scale == 0.0 { 0.0 } else { -offset / scale };
                Scaler::Affine { center, factor: scale }
            }
            Scaling::None => Scaler::Affine { center: 0.0, factor: 1.0 },
            Scaling::RobustSmooth => {
                let sorted = sorted();
                let iqr = quantile(&sorted, 0.75) - quantile(&sorted, 0.25);
                let spread = if iqr > 0.0 { iqr } else { (sorted[sorted.len() - 1] - sorted[0]) / 2.0 };
                Scaler::SmoothClip { center: quantile(&sorted, 0.5), factor: inverse(spread) }
            }
            Scaling::QuantileNormal => {
                let sorted = sorted();
                let count = sorted.len().clamp(2, 1000);
                let quantiles =
                    (0..count).map(|i| quantile(&sorted, i as f64 / (count - 1) as f64)).collect();
                Scaler::Quantiles { quantiles }
            }
        };
        scaler.is_valid().then_some(scaler)
    }
}

impl Scaler {
    /// The scaled value; it may be infinite where a value lies beyond all measure.
    pub fn apply(&self, x: f64) -> f64 {
        match self {
            Scaler::Affine { center, factor } => factor * (x - center),
            Scaler::SmoothClip { center, factor } => {
                let z = factor * (x - center);
                // Beyond 1e100 the quotient is ±3 to the last bit, while z² would overflow.
                if z.abs() > 1e100 { 3.0 * z.signum() } else { z / (1.0 + (z / 3.0).powi(2)).sqrt() }
            }
            Scaler::Quantiles { quantiles } => normal_quantile(rank(quantiles, x)),
        }
    }

    /// Whether all numbers are finite and quantiles ascend: fitted scalers are, stored ones may not be.
    pub(crate) fn is_valid(&self) -> bool {
        match self {
            Scaler::Affine { center, factor } | Scaler::SmoothClip { center, factor } => {
                center.is_finite() && factor.is_finite()
            }
            Scaler::Quantiles { quantiles } => {
                quantiles.len() >= 2
                    && quantiles.iter().all(|q| q.is_finite())
                    && quantiles.windows(2).all(|w| w[0] <= w[1])
            }
        }
    }
}

/// The mean and the population's standard deviation, by Welford's recurrence, which loses nothing to cancellation.
pub(crate) fn mean_std(values: &[f64]) -> (f64, f64) {
    let (mut mean, mut squares) = (0.0, 0.0);
    for (n, &x) in values.iter().enumerate() {
        let delta = x - mean;
        mean += delta / (n + 1) as f64;
        squares += delta * (x - mean);
    }
    (mean, (squares / values.len().max(1) as f64).sqrt())
}

/// The quantile of sorted values at probability `p`, interpolated linearly.
pub(crate) fn quantile(sorted: &[f64], p: f64) -> f64 {
    let at = p * (sorted.len() - 1) as f64;
    let below = at.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    let share = at - below as f64;
    if share == 0.0 || sorted[below] == sorted[above] {
        sorted[below]
    } else {
        sorted[below] * (1.0 - share) + sorted[above] * share
    }
}

pub(crate) fn range(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)))
}

/// One over the spread; 0 where there is none, and no number where it is infinite.
fn inverse(spread: f64) -> f64 {
    if spread == 0.0 {
        0.0
    } else if spread.is_infinite() {
        f64::NAN
    } else {
        1.0 / spread
    }
}

/// The share of training values below `x`, interpolated between quantiles; in the middle of a run of equal ones.
fn rank(quantiles: &[f64], x: f64) -> f64 {
    let last = (quantiles.len() - 1) as f64;
    let below = quantiles.partition_point(|&q| q < x);
    let through = quantiles.partition_point(|&q| q <= x);
    if through > below {
        return (below + through - 1) as f64 / 2.0 / last;
    }
    if below == 0 {
        return 0.0;
    }
    if below == quantiles.len() {
        return 1.0;
    }
    let (low, high) = (quantiles[below - 1], quantiles[below]);
    ((below - 1) as f64 + (x / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0)) / last
}

/// The standard normal distribution's quantile at `p`, bounded to ±5.2 (p = 1e-7).
///
/// Acklam's rational approximation, relative error below 1.2e-9: beyond what 32 bits show.
fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969683028665376e1,
        2.209460984245205e2,
        -2.759285104469687e2,
        1.38357751867269e2,
        -3.066479806614716e1,
        2.506628277459239,
    ];
    const B: [f64; 5] = [
        -5.447609879822406e1,
        1.615858368580409e2,
        -1.556989798598866e2,
        6.680131188771972e1,
        -1.328068155288572e1,
    ];
    const C: [f64; 6] = [
        -7.784894002430293e-3,
        -3.223964580411365e-1,
        -2.400758277161838,
        -2.549732539343734,
        4.374664141464968,
        2.938163982698783,
    ];
    const D: [f64; 4] = [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416];
    let horner = |c: &[f64], x: f64| c.iter().fold(0.0, |sum, &c| sum * x + c);
    let p = p.clamp(1e-7, 1.0 - 1e-7);
    let tail = |p: f64| {
        let q = (-2.0 * p.ln()).sqrt();
        horner(&C, q) / (horner(&D, q) * q + 1.0)
    };
    const LOW: f64 = 0.02425;
    if p < LOW {
        tail(p)
    } else if p > 1.0 - LOW {
        -tail(1.0 - p)
    } else {
        let q = p - 0.5;
        let r = q * q;
        horner(&A, r) * q / (horner(&B, r) * r + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64, tolerance: f64) {
        assert!((a - b).abs() <= tolerance, "{a} is not {b} to {tolerance}");
    }

    /// Values of Φ⁻¹ from published tables.
    #[test]
    fn normal_quantiles() {
        for (p, z) in [(0.5, 0.0), (0.975, 1.959963985), (0.01, -2.326347874), (0.999, 3.090232306)] {
            close(normal_quantile(p), z, 1e-8);
        }
    }

    #[test]
    fn standard_is_stable_far_from_zero() {
        let values: Vec<f64> = [1.0, 2.0, 3.0, 4.0].iter().map(|x| x + 1e9).collect();
        let scaler = Scaling::Standard.fit(&values).unwrap();
        // Standard deviation of 1..4 is √1.25.
        close(scaler.apply(1e9 + 4.0), 1.5 / 1.25f64.sqrt(), 1e-9);
    }

    #[test]
    fn robust_smooth_by_hand() {
        // Median 3, quartiles 2 and 4: z(11) = 4, 4/√(1 + 16/9) = 2.4.
        let scaler = Scaling::RobustSmooth.fit(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        close(scaler.apply(11.0), 2.4, 1e-12);
        // No interquartile range: half the range 10 stands in for it.
        let scaler = Scaling::RobustSmooth.fit(&[0.0, 0.0, 0.0, 0.0, 10.0]).unwrap();
        close(scaler.apply(5.0), 1.0 / (1.0 + 1.0 / 9.0f64).sqrt(), 1e-12);
        close(scaler.apply(1e308), 3.0, 1e-12);
    }

    #[test]
    fn min_max_and_constants() {
        let scaler = Scaling::MinMax.fit(&[2.0, 6.0]).unwrap();
        close(scaler.apply(3.0), 0.25, 0.0);
        assert_eq!(Scaling::Standard.fit(&[5.0, 5.0]).unwrap().apply(7.0), 0.0);
        let scaler = Scaling::Rescale { scale: 1.0 / 8.0, offset: -1.0 }.fit(&[0.0]).unwrap();
        close(scaler.apply(16.0), 1.0, 1e-12);
        assert_eq!(Scaling::MinMax.fit(&[-1.7e308, 1.7e308]), None);
    }

    #[test]
    fn quantiles_follow_ranks() {
        let values: Vec<f64> = (0..=100).map(f64::from).map(|x| x.powi(3)).collect();
        let scaler = Scaling::QuantileNormal.fit(&values).unwrap();
        close(scaler.apply(50.0f64.powi(3)), 0.0, 1e-9);
        close(scaler.apply(97.5f64.powi(3)), 1.96, 0.01);
        close(scaler.apply(1e300), 5.199, 1e-3);
        // A run of equal values takes its middle rank.
        let scaler = Scaling::QuantileNormal.fit(&[0.0, 0.0, 0.0, 1.0, 2.0]).unwrap();
        close(scaler.apply(0.0), normal_quantile(0.25), 1e-12);
    }
}
