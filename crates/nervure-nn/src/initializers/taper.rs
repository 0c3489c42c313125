use serde::{Deserialize, Serialize};

/// What a frame of a signal is multiplied by before its spectrum is taken, under the names of `scipy.signal.windows`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Taper {
    /// 1 everywhere.
    Boxcar,
    /// A triangle that does not come to 0 at its ends.
    Triang,
    /// A triangle from 0 to 0.
    Bartlett,
    /// Half a period of the sine, which does not come to 0 at its ends.
    Cosine,
    /// 0.5 − 0.5 cos.
    Hann,
    /// 0.54 − 0.46 cos.
    Hamming,
    /// Three cosines.
    Blackman,
    /// Four cosines, with the least lobes beside that Nuttall found (1981).
    Nuttall,
    /// Four cosines, with the least lobes beside (Harris 1978).
    #[serde(rename = "blackmanharris")]
    BlackmanHarris,
    /// Five cosines, flat at the top.
    #[serde(rename = "flattop")]
    FlatTop,
}

impl Taper {
    /// The values of a window of `size`, the same in both directions; a periodic one is as one of a sample more, without its last.
    pub fn values(self, size: usize, periodic: bool) -> Vec<f64> {
        if size <= 1 {
            return vec![1.0; size];
        }
        let all = if periodic { size + 1 } else { size };
        (0..size).map(|i| self.at(i as f64, all as f64)).collect()
    }

    /// Sample `i` of `n`.
    fn at(self, i: f64, n: f64) -> f64 {
        let last = n - 1.0;
        // Σ aₖ cos(k (2πx − π)).
        let cosines = |a: &[f64]| {
            let angle = std::f64::consts::PI * (2.0 * i / last - 1.0);
            a.iter().enumerate().map(|(k, a)| a * (k as f64 * angle).cos()).sum()
        };
        match self {
            Taper::Boxcar => 1.0,
            // For an even number the top lies between two samples, which are as far from it as the ends are from 0.
            Taper::Triang => 1.0 - (2.0 * i - last).abs() / if n % 2.0 == 0.0 { n } else { n + 1.0 },
            Taper::Bartlett => 1.0 - (2.0 * i / last - 1.0).abs(),
            Taper::Cosine => (std::f64::consts::PI * (i + 0.5) / n).sin(),
            Taper::Hann => cosines(&[0.5, 0.5]),
            Taper::Hamming => cosines(&[0.54, 0.46]),
            Taper::Blackman => cosines(&[0.42, 0.5, 0.08]),
            Taper::Nuttall => cosines(&[0.3635819, 0.4891775, 0.1365995, 0.0106411]),
            Taper::BlackmanHarris => cosines(&[0.35875, 0.48829, 0.14128, 0.01168]),
            Taper::FlatTop => cosines(&[0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368]),
        }
    }
}
