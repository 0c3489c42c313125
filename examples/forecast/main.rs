//! An LSTM that forecasts next year's number of sunspots from the last thirty years,
//! beside the naive forecast that nothing changes.
//!
//! `cargo run --release --example forecast`

use ndarray::{Array2, Array3, s};
use nervure::prelude::*;

/// Yearly means from 1700 to 2008, of the National Geophysical Data Center; public domain.
const SUNSPOTS: &str = include_str!("sunspots.csv");

/// Years that a forecast is made from.
const PAST: usize = 30;
/// Years of the series' end that are forecast, each from the true ones before it, and that training does not see.
const TEST: usize = 60;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

pub(crate) fn main() -> Result<()> {
    let series: Vec<f32> = SUNSPOTS
        .lines()
        .skip(1)
        .map(|line| Ok(line.split_once(',').ok_or("a line has two columns")?.1.parse::<f32>()?))
        .collect::<Result<_>>()?;
    // A root evens out cycles of different height; what is written is in sunspots again.
    let scaled: Vec<f32> = series.iter().map(|n| (n / 100.0).sqrt()).collect();
    let windows = scaled.len() - PAST;
    let x = Array3::from_shape_fn((windows, PAST, 1), |(i, t, _)| scaled[i + t]);
    let y = Array2::from_shape_fn((windows, 1), |(i, _)| scaled[i + PAST]);
    let known = windows - TEST;
    let set = Dataset::new(x.slice(s![..known, .., ..]).to_owned(), y.slice(s![..known, ..]).to_owned());

    // The mean of a few networks that began with other weights: of 200 years one alone learns much by chance.
    let mut forecast = vec![0.0; TEST];
    for seed in 0..5 {
        let mut model = Sequential::new([PAST, 1]).add(LSTM::new(24)).add(Dense::new(1)).build(Seed(seed))?;
        let fit = Fit::new(MeanSquaredError, Adam::new().learning_rate(0.01)).epochs(60).batch_size(32);
        model.fit(&set, fit)?;
        let answers = model.predict(x.slice(s![known.., .., ..]).to_owned())?;
        for (sum, answer) in forecast.iter_mut().zip(answers.as_f32().ok_or("answers are numbers")?) {
            *sum += answer.powi(2) * 100.0 / 5.0;
        }
    }
    let truth = &series[series.len() - TEST..];
    let naive = &series[series.len() - TEST - 1..series.len() - 1];
    let error = |forecast: &[f32]| {
        let squares = forecast.iter().zip(truth).map(|(f, t)| f64::from(f - t).powi(2));
        (squares.sum::<f64>() / TEST as f64).sqrt()
    };
    let (lstm, naive) = (error(&forecast), error(naive));
    println!("root mean squared error of {TEST} years: LSTM {lstm:.1}, naive {naive:.1}");
    if lstm > 0.75 * naive {
        return Err(format!("LSTM {lstm}, expected at most three quarters of the naive {naive}").into());
    }
    Ok(())
}
