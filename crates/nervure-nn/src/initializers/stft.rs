use serde::{Deserialize, Serialize};

use crate::initializers::{Fans, Initializer, Stream, Taper};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// A convolution kernel `[frame, 1, frequencies]` that takes the spectrum of frames: sample t of frequency k is window(t) · cos(−2π t k / n), or sin, over the
    /// window's size, with n = 2 (frequencies − 1).
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// use nervure_nn::initializers::{STFT, Side};
    /// let imaginary = Conv1D::new(65, 128).use_bias(false).kernel_initializer(STFT::new().side(Side::Imag));
    /// ```
    #[derive(Copy)]
    pub struct STFT {
        /// Which part of the spectrum, the cosines or the sines.
        side: Side = Side::Real,
        /// What frames are multiplied by; where there is nothing, they are taken as they are, without a size to divide by.
        window: Option<Taper> = Some(Taper::Hann),
        /// What counts as the window's size; where there is nothing, 1.
        scaling: Option<Scaling> = Some(Scaling::Density),
        /// Whether the window is a period of one that goes on, instead of the same in both directions.
        periodic: bool = false,
    }
}
kind!(STFT | "stft" | "STFTInitializer");

/// A part of a spectrum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The real one.
    Real,
    /// The imaginary one.
    Imag,
}

/// What a spectrum is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scaling {
    /// √Σ window².
    Density,
    /// Σ |window|.
    Spectrum,
}

impl Initializer for STFT {
    fn values(&self, shape: &[usize], _: Fans, _: &mut Stream) -> Vec<f32> {
        let [frame, _, frequencies] = *shape else { return Vec::new() };
        let window = self.window.map_or(vec![1.0; frame], |w| w.values(frame, self.periodic));
        let size = match self.scaling.filter(|_| self.window.is_some()) {
            None => 1.0,
            Some(Scaling::Density) => window.iter().map(|w| w * w).sum::<f64>().sqrt(),
            Some(Scaling::Spectrum) => window.iter().map(|w| w.abs()).sum(),
        };
        let period = 2.0 * (frequencies as f64 - 1.0);
        let mut values = Vec::with_capacity(frame * frequencies);
        for (t, w) in window.iter().enumerate() {
            for k in 0..frequencies {
                let angle = -std::f64::consts::TAU * (t as f64 * k as f64 / period);
                let wave = match self.side {
                    Side::Real => angle.cos(),
                    Side::Imag => angle.sin(),
                };
                values.push((w * wave / size) as f32);
            }
        }
        values
    }

    fn accepts(&self, shape: &[usize]) -> Result<(), &'static str> {
        match *shape {
            [_, 1, frequencies] if frequencies >= 2 => Ok(()),
            _ => Err("a weight [frame, 1, at least 2 frequencies]"),
        }
    }
}

impl Samples<dyn Initializer> for STFT {
    fn samples() -> Vec<Sample<dyn Initializer>> {
        let other = STFT::new().side(Side::Imag).window(None).scaling(Some(Scaling::Spectrum)).periodic(true);
        vec![Sample::new(STFT::new(), []), Sample::new(other, [])]
    }
}
