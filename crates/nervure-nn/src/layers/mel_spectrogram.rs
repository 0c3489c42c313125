use std::f64::consts::{LN_10, TAU};

use nervure_graph::{Builder, DType, Dim, Tensor, Type};

use crate::Result;
use crate::initializers::Taper;
use crate::layers::Layer;
use crate::lower::Lower;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// The spectrum of frames of a signal over bands that are as wide as they sound: `[batch, samples]` → `[batch, num_mel_bins, frames]`, with
    /// ⌊`samples` / `sequence_stride`⌋ + 1 frames for an even `fft_length`. The number of samples has to be known.
    ///
    /// The signal is mirrored at its ends by ⌊`fft_length` / 2⌋ samples. The magnitude of each frequency of a frame, to the power of `mag_exp`, counts for
    /// a band by a triangle on the scale mel(f) = 1127 ln(1 + f / 700), from the middle of the band before to the middle of the one behind; the frequency 0
    /// counts nowhere. With `power_to_db` a band's power S becomes 10 log₁₀(max(S, `min_power`) / max(|`ref_power`|, `min_power`)), and at least `top_db`
    /// less than the greatest of the signal. Keras takes the greatest of all signals of a batch, so that an answer depends on its company.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let layer = MelSpectrogram::new().num_mel_bins(64).sampling_rate(8000).sequence_stride(256);
    /// let model = Sequential::new([16000]).add(layer).build(Seed(1))?;
    /// assert_eq!(model.graph().node(model.graph().outputs()[0].1).ty.to_string(), "f32[batch, 64, 63]");
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct MelSpectrogram {
        /// Samples of a frame, with what is put around its window.
        fft_length: usize = 2048,
        /// Samples from a frame to the next.
        sequence_stride: usize = 512,
        /// Samples of the window, which stands in the middle of the frame; `fft_length` where nothing is said.
        sequence_length: just usize,
        /// What frames are multiplied by, a period of it; where there is nothing, they are taken as they are.
        window: Option<Taper> = Some(Taper::Hann),
        /// Samples in a second.
        sampling_rate: usize = 16000,
        /// Number of bands.
        num_mel_bins: usize = 128,
        /// Where the first band begins, in Hz.
        min_freq: f64 = 20.0,
        /// Where the last band ends, in Hz; half the sampling rate, rounded down, where nothing is said.
        max_freq: just f64,
        /// Whether powers become decibels.
        power_to_db: bool = true,
        /// How far a band may be below the greatest one, in decibels.
        top_db: f64 = 80.0,
        /// The power to which magnitudes are taken.
        mag_exp: f64 = 2.0,
        /// The least power.
        min_power: f64 = 1e-10,
        /// The power of 0 decibels.
        ref_power: f64 = 1.0,
    }
}
kind!(MelSpectrogram);

/// Samples of a frame, at most.
const LONGEST: usize = 1 << 16;
/// Bands, at most.
const MOST: usize = 1 << 16;

impl MelSpectrogram {
    fn window_length(&self) -> usize {
        self.sequence_length.unwrap_or(self.fft_length)
    }

    fn highest(&self) -> f64 {
        self.max_freq.unwrap_or((self.sampling_rate / 2) as f64)
    }

    /// What is wrong with the settings for a signal of so many samples: what is expected, and what is there.
    fn wrong(&self, samples: usize) -> Option<(&'static str, String)> {
        let (n, length) = (self.fft_length, self.window_length());
        let (low, high) = (self.min_freq, self.highest());
        if !(1..=LONGEST).contains(&n) || !(1..=n).contains(&length) {
            let expected = "1 ≤ sequence_length ≤ fft_length ≤ 65536";
            return Some((expected, format!("sequence_length {length}, fft_length {n}")));
        }
        if samples <= n / 2 || samples > i32::MAX as usize / 2 {
            return Some(("more samples than half of fft_length", format!("{samples} samples, fft_length {n}")));
        }
        if !(1..=MOST).contains(&self.num_mel_bins) {
            return Some(("num_mel_bins from 1 to 65536", self.num_mel_bins.to_string()));
        }
        if self.sequence_stride == 0 || self.sequence_stride > i32::MAX as usize / 2 {
            return Some(("a sequence_stride of at least 1", self.sequence_stride.to_string()));
        }
        if self.sampling_rate == 0 {
            return Some(("a sampling_rate of at least 1", self.sampling_rate.to_string()));
        }
        // NaN is not between them either.
        if !(low >= 0.0 && low < high && high < f64::INFINITY) {
            return Some(("0 ≤ min_freq < max_freq", format!("min_freq {low}, max_freq {high}")));
        }
        let positive = |v: f64| v > 0.0 && v < f64::INFINITY;
        if !positive(self.mag_exp) || !positive(self.min_power) {
            let received = format!("mag_exp {}, min_power {}", self.mag_exp, self.min_power);
            return Some(("mag_exp and min_power above 0", received));
        }
        if self.top_db.is_nan() || !self.ref_power.is_finite() {
            let received = format!("top_db {}, ref_power {}", self.top_db, self.ref_power);
            return Some(("numbers for top_db and ref_power", received));
        }
        None
    }

    /// The window in the middle of `fft_length` zeros.
    fn frame(&self) -> Vec<f64> {
        let (n, length) = (self.fft_length, self.window_length());
        let Some(taper) = self.window else { return vec![1.0; n] };
        let mut frame = vec![0.0; n];
        let before = (n - length) / 2;
        frame[before..before + length].copy_from_slice(&taper.values(length, true));
        frame
    }

    /// How much each frequency counts for each band: `[⌊fft_length / 2⌋ + 1, bands]`.
    fn bands<'g>(&self, g: &'g Builder) -> Tensor<'g> {
        let (frequencies, bands) = (self.fft_length / 2 + 1, self.num_mel_bins);
        let mel = |hertz: f64| 1127.0 * (hertz / 700.0).ln_1p();
        let rate = self.sampling_rate as f64 / 2.0;
        let places = (0..frequencies).map(|k| mel(rate * k as f64 / (frequencies - 1).max(1) as f64));
        let (first, last) = (mel(self.min_freq), mel(self.highest()));
        let edges: Vec<f64> =
            (0..bands + 2).map(|i| first + (last - first) * i as f64 / (bands + 1) as f64).collect();
        let row = |from: usize| g.floats(&[1, bands], &edges[from..from + bands]);
        let width = (last - first) / (bands + 1) as f64;
        let place = g.floats(&[frequencies, 1], &places.collect::<Vec<_>>());
        let (up, down) = ((place - row(0)) / width, (row(2) - place) / width);
        let triangle = up.min(down);
        let counts = g.floats(&[frequencies, 1], &(0..frequencies).map(|k| k.min(1) as f64).collect::<Vec<_>>());
        triangle.max(triangle.constant(0.0)) * counts
    }

    /// Frames of a signal that is mirrored at its ends: `[batch, samples]` → `[batch, frames, fft_length]`.
    fn frames<'g>(&self, x: Tensor<'g>, samples: usize) -> Tensor<'g> {
        let (g, n) = (x.builder(), self.fft_length);
        let frames = (samples + n / 2 * 2 - n) / self.sequence_stride + 1;
        let shape = [x.dim(0), frames.into(), n.into()];
        let place = |axis| g.iota(DType::I32, shape.clone(), axis);
        let whole = |k: usize| place(1).constant(k as f64);
        let at = (place(1) * whole(self.sequence_stride) + place(2) - whole(n / 2)).abs();
        let last = whole(samples - 1);
        x.gather(last - (last - at).abs(), 1)
    }
}

/// Real and imaginary part of the discrete Fourier transform over the last axis, of n = p · q numbers: Xₖ = Σ xₜ e^(−2πi t k / n).
///
/// With t = q t₁ + t₂ and k = k₁ + p k₂, the sum over t₁ is one over p numbers for each t₂, and after a turn by t₂ k₁ / n the sum over t₂ is one over q
/// numbers (Cooley and Tukey 1965): p + q products for each number instead of n. A prime n is one sum.
fn fourier<'g>(x: Tensor<'g>, n: usize) -> (Tensor<'g>, Tensor<'g>) {
    let g = x.builder();
    let p = (1..=n.isqrt()).rev().find(|&p| n.is_multiple_of(p)).unwrap_or(1);
    let q = n / p;
    // cos and sin of 2π i j / period, whose numerators stay below the period so that angles are exact.
    let waves = |rows: usize, columns: usize, period: usize| {
        let table = |wave: fn(f64) -> f64| {
            let at = |i: usize, j: usize| wave(TAU * (i * j % period) as f64 / period as f64);
            let all: Vec<f64> = (0..rows).flat_map(|i| (0..columns).map(move |j| at(i, j))).collect();
            g.floats(&[rows, columns], &all)
        };
        (table(f64::cos), table(f64::sin))
    };
    let outer: Vec<Dim> = x.shape()[..x.rank() - 1].to_vec();
    let rows = x.reshape([&outer[..], &[p.into(), q.into()]].concat());
    let whole = |w: Tensor<'g>| w.broadcast_to([&outer[..], &w.shape()].concat());
    let (cos, sin) = waves(p, p, p);
    let (re, im) = (whole(cos).matmul(rows), -whole(sin).matmul(rows));
    let (cos, sin) = waves(p, q, n);
    let (re, im) = (re * cos + im * sin, im * cos - re * sin);
    let (cos, sin) = waves(q, q, q);
    let (re, im) = (re.matmul(cos) + im.matmul(sin), im.matmul(cos) - re.matmul(sin));
    let in_order = |x: Tensor<'g>| {
        let mut axes: Vec<usize> = (0..x.rank()).collect();
        axes.swap(outer.len(), outer.len() + 1);
        x.transpose(&axes).reshape([&outer[..], &[n.into()]].concat())
    };
    (in_order(re), in_order(im))
}

impl Layer for MelSpectrogram {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        if x.rank() != 2 || x.dtype() != DType::F32 {
            return Err(cx.error(self, "an input f32[batch, samples]", x.ty()));
        }
        let samples = cx.fixed(self, x, 1)?;
        if let Some((expected, received)) = self.wrong(samples) {
            return Err(cx.error(self, expected, received));
        }
        let (g, n) = (cx.builder(), self.fft_length);
        let frames = self.frames(x, samples) * g.floats(&[n], &self.frame());
        let (re, im) = fourier(frames, n);
        let seen = |x: Tensor<'g>| x.narrow(-1, 0, n / 2 + 1);
        let (re, im) = (seen(re), seen(im));
        let power = re.square() + im.square();
        let power = match self.mag_exp {
            2.0 => power,
            e => {
                // Silence has a gradient of 0, where that of a root is infinite.
                let silent = power.equal(power.constant(0.0));
                let heard = silent.select(power.constant(1.0), power).pow(power.constant(e / 2.0));
                silent.select(power.constant(0.0), heard)
            }
        };
        let mut y = power.matmul(self.bands(g));
        if self.power_to_db {
            let decibels = |x: Tensor<'g>| x.max(x.constant(self.min_power)).log() * (10.0 / LN_10);
            let reference = self.ref_power.abs().max(self.min_power).log10();
            y = decibels(y) - 10.0 * reference;
            let greatest = y.reduce(nervure_graph::Reduction::Max, &[1, 2]).keep_axes(y, &[1, 2]);
            y = y.max((greatest - self.top_db).broadcast_to(y.shape()));
        }
        Ok(vec![y.transpose(&[0, 2, 1])])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl Samples<dyn Layer> for MelSpectrogram {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let x = |samples: usize| [Type::new(DType::F32, [batch(), samples.into()])];
        let of = |n| MelSpectrogram::new().fft_length(n).sequence_stride(3).sampling_rate(8000).num_mel_bins(3);
        vec![
            Sample::new(of(8), x(12)),
            Sample::new(of(12).sequence_length(9).window(None).power_to_db(false).mag_exp(1.0), x(10)),
            Sample::new(of(7).min_freq(500.0).max_freq(3000.0).top_db(10.0).window(Some(Taper::Hamming)), x(9)),
            Sample::new(of(8).ref_power(0.5).min_power(1e-3).sequence_stride(8), x(20)),
        ]
    }
}
