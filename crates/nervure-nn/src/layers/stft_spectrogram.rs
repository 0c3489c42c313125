use std::f64::consts::{FRAC_PI_2, PI};

use nervure_graph::{DType, Tensor, Type};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::initializers::{STFT, Scaling, Side, Taper};
use crate::layers::window::{ChannelsLast, window};
use crate::layers::{Layer, Padding};
use crate::lower::{Lower, Weight};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

/// The least power, and the least magnitude, of which root and logarithm are taken.
const LEAST: f64 = 1e-7;

/// Samples of a frame, at most.
const LONGEST: usize = 1 << 16;

settings! {
    /// The spectrum of frames of signals by the short-time Fourier transform: `[batch, time, c]` → `[batch, frames, c · n]`, each channel by itself, with
    /// n = ⌊`fft_length` / 2⌋ + 1 frequencies (2 n with `mode` `stft`).
    ///
    /// Frame f begins at f · `frame_step`; its part of frequency k is Σ xₜ · window(t) · e^(−2πi t k / (2 n − 2)) over the window's size (see [`STFT`]).
    /// Weights, which are trained unless the layer is frozen: `real_kernel` and `imag_kernel`, `[frame_length, 1, n]`, as far as the mode needs them.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let layer = STFTSpectrogram::new().frame_length(64).frame_step(32).expand_dims(true);
    /// let model = Sequential::new([1000, 1]).add(layer).build(Seed(1))?;
    /// assert_eq!(model.graph().node(model.graph().outputs()[0].1).ty.to_string(), "f32[batch, 30, 33, 1]");
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct STFTSpectrogram {
        /// What is given of the spectrum.
        mode: Spectrum = Spectrum::Log,
        /// Samples of a frame, at least 2.
        frame_length: usize = 256,
        /// Samples from a frame to the next, at most `frame_length`; half of it where nothing is said.
        frame_step: just usize,
        /// Samples of a period of frequency 1, an odd one counted as one less, at least `frame_length`; the next power of two where nothing is said.
        fft_length: just usize,
        /// What frames are multiplied by; where there is nothing, they are taken as they are, without a size to divide by.
        window: Option<Taper> = Some(Taper::Hann),
        /// Whether the window is a period of one that goes on, instead of the same in both directions.
        periodic: bool = false,
        /// What counts as the window's size; where there is nothing, 1.
        scaling: Option<Scaling> = Some(Scaling::Density),
        /// What is put around the signal, zeros.
        padding: Padding = Padding::Valid,
        /// Whether the frequencies have an axis of their own: `[batch, frames, n, c]`, as an image.
        expand_dims: bool = false,
        /// Where the channels stand.
        data_format: fixed ChannelsLast = ChannelsLast,
    }
}
kind!(STFTSpectrogram);

/// What is given of a spectrum with the parts `re` and `im`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spectrum {
    /// ln max(magnitude, 1e-7).
    Log,
    /// √max(re² + im², 1e-7).
    Magnitude,
    /// The power, re² + im², twice that for all but the first and last frequency, which stand for two.
    Psd,
    /// re.
    Real,
    /// im.
    Imag,
    /// The angle of (re, im), from −π to π.
    Angle,
    /// All re, then all im.
    Stft,
}

impl STFTSpectrogram {
    /// The part of the spectrum that one of the kernels takes: `[signals, frames, n]`.
    fn part<'g>(&self, cx: &mut Lower<'g>, x: Tensor<'g>, side: Side) -> Result<Tensor<'g>> {
        let step = self.frame_step.unwrap_or(self.frame_length / 2);
        let fft = self.fft_length.unwrap_or(self.frame_length.checked_next_power_of_two().unwrap_or(0));
        let in_order = 2 <= self.frame_length && self.frame_length <= fft && fft <= LONGEST;
        if !in_order || !(1..=self.frame_length).contains(&step) {
            let expected =
                "2 ≤ frame_length ≤ fft_length ≤ 65536 and 1 ≤ frame_step ≤ frame_length";
            let received = format!("frame_length {}, frame_step {step}, fft_length {fft}", self.frame_length);
            return Err(cx.error(self, expected, received));
        }
        let extents = [self.frame_length, step, 1].map(Into::into);
        let window = window::<1>(cx, self, x, extents, self.padding)?;
        let name = match side {
            Side::Real => "real_kernel",
            Side::Imag => "imag_kernel",
        };
        let waves = STFT::new().side(side).window(self.window).scaling(self.scaling).periodic(self.periodic);
        let kernel = cx.weight(Weight::new(name, [self.frame_length, 1, fft / 2 + 1], waves));
        Ok(x.conv(kernel, window, 1))
    }
}

impl Layer for STFTSpectrogram {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        if x.rank() != 3 || x.dtype() != DType::F32 {
            return Err(cx.error(self, "an input f32[batch, time, channels]", x.ty()));
        }
        let (batch, time, channels) = (x.dim(0), x.dim(1), x.dim(2));
        let signals = x.transpose(&[0, 2, 1]).reshape([&batch * &channels, time, 1.into()]);
        let y = match self.mode {
            Spectrum::Real => self.part(cx, signals, Side::Real)?,
            Spectrum::Imag => self.part(cx, signals, Side::Imag)?,
            mode => {
                let re = self.part(cx, signals, Side::Real)?;
                let im = self.part(cx, signals, Side::Imag)?;
                let power = re.square() + im.square();
                let magnitude = power.max(power.constant(LEAST)).sqrt();
                match mode {
                    Spectrum::Angle => angle(im, re),
                    Spectrum::Stft => cx.builder().concat(&[re, im], -1),
                    Spectrum::Psd => {
                        let between = power.narrow(-1, 1, power.dim(-1) - 2);
                        power + between.pad(&[(0, 0), (0, 0), (1, 1)], 0.0)
                    }
                    Spectrum::Magnitude => magnitude,
                    _ => magnitude.max(magnitude.constant(LEAST)).log(),
                }
            }
        };
        let (frames, n) = (y.dim(1), y.dim(2));
        let y = y.reshape([batch.clone(), channels.clone(), frames.clone(), n.clone()]);
        Ok(vec![match self.expand_dims {
            true => y.transpose(&[0, 2, 3, 1]),
            false => y.transpose(&[0, 2, 1, 3]).reshape([batch, frames, channels * n]),
        }])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

/// The angle of (x, y), from −π to π: by the quotient of the two that is at most 1; 0 where both are 0.
fn angle<'g>(y: Tensor<'g>, x: Tensor<'g>) -> Tensor<'g> {
    let (zero, one) = (x.constant(0.0), x.constant(1.0));
    let steep = y.abs().greater(x.abs());
    let (small, large) = (steep.select(x, y), steep.select(y, x));
    let part = (small / large.equal(zero).select(one, large)).atan();
    let side = y.less(zero).select(-one, one);
    let turn = x.less(zero).select(side * PI, zero);
    steep.select(side * FRAC_PI_2 - part, part + turn)
}

impl Samples<dyn Layer> for STFTSpectrogram {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let x = |time: usize, channels: usize| [Type::new(DType::F32, [batch(), time.into(), channels.into()])];
        let of = |mode| STFTSpectrogram::new().mode(mode).frame_length(4);
        vec![
            Sample::new(of(Spectrum::Log), x(9, 1)),
            Sample::new(of(Spectrum::Magnitude).frame_step(3).expand_dims(true), x(8, 2)),
            Sample::new(of(Spectrum::Psd).fft_length(6).padding(Padding::Same).window(Some(Taper::Hamming)), x(6, 2)),
            Sample::new(of(Spectrum::Psd).frame_length(2).window(None), x(5, 1)),
            Sample::new(of(Spectrum::Real).periodic(true), x(5, 1)),
            Sample::new(of(Spectrum::Imag).scaling(None), x(5, 1)),
            Sample::new(of(Spectrum::Angle).window(None).fft_length(5), x(6, 1)),
            Sample::new(of(Spectrum::Stft).scaling(Some(Scaling::Spectrum)), x(6, 2)),
        ]
    }
}
