//! Answers in the terms of the raw columns.

use nervure_data::{Schema, Target};
use nervure_exec::Buffer;

use crate::error::{Error, Result};

/// What a model says of rows, target by target.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    /// In the order of the schema's targets.
    pub targets: Vec<TargetPrediction>,
}

/// What a model says of one target.
#[derive(Debug, Clone, PartialEq)]
pub enum TargetPrediction {
    /// A class.
    Class {
        /// The target's column.
        name: String,
        /// The classes' names, and whether they are numbers.
        classes: Vec<String>,
        /// For each row the place of the likeliest class.
        chosen: Vec<usize>,
        /// For each row the probability of each class, one row after the other.
        probabilities: Vec<f32>,
    },
    /// A number.
    Number {
        /// The target's column.
        name: String,
        /// For each row the value, in the target's own unit.
        values: Vec<f64>,
        /// Decimals beyond which 32 bits say nothing.
        decimals: usize,
    },
}

/// A column of answers.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictionColumn {
    /// `prediction` or `probability_<class>`; with several targets `prediction_<target>` and `probability_<target>_<class>`.
    pub name: String,
    /// Its cells.
    pub cells: Cells,
}

/// The cells of a column of answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Cells {
    /// Names of classes.
    Text(Vec<String>),
    /// Numbers as they are written: short and without loss.
    Number(Vec<String>),
}

impl Cells {
    /// The cells as text.
    pub fn text(&self) -> &[String] {
        match self {
            Cells::Text(cells) | Cells::Number(cells) => cells,
        }
    }
}

impl Predictions {
    /// From the outputs of a network that was trained by this schema.
    pub(crate) fn new(schema: &Schema, outputs: &[Buffer]) -> Result<Predictions> {
        let mut targets = Vec::with_capacity(schema.targets().len());
        for (output, array) in schema.outputs().into_iter().zip(outputs) {
            let values = array.as_f32().ok_or_else(|| {
                Error::Parts(format!("expected an output of floats, received {}", array.dtype()))
            })?;
            for (place, target) in schema.targets()[output.targets].iter().enumerate() {
                targets.push(TargetPrediction::new(target, values, output.width, place));
            }
        }
        Ok(Predictions { targets })
    }

    /// The columns of answers: for each target its prediction, then the probability of each class.
    pub fn columns(&self) -> Vec<PredictionColumn> {
        let several = self.targets.len() > 1;
        let mut columns = Vec::new();
        for target in &self.targets {
            let of =
                |what: &str, name: &str| if several { format!("{what}_{name}") } else { what.to_owned() };
            match target {
                TargetPrediction::Class { name, classes, chosen, probabilities } => {
                    let cells = chosen.iter().map(|&c| classes[c].clone()).collect();
                    let numbers = classes.iter().all(|c| c.parse::<f64>().is_ok_and(f64::is_finite));
                    let cells = if numbers { Cells::Number(cells) } else { Cells::Text(cells) };
                    columns.push(PredictionColumn { name: of("prediction", name), cells });
                    for (i, class) in classes.iter().enumerate() {
                        let of_class = probabilities.iter().skip(i).step_by(classes.len());
                        columns.push(PredictionColumn {
                            name: format!("{}_{class}", of("probability", name)),
                            cells: Cells::Number(of_class.map(f32::to_string).collect()),
                        });
                    }
                }
                TargetPrediction::Number { name, values, decimals } => columns.push(PredictionColumn {
                    name: of("prediction", name),
                    cells: Cells::Number(values.iter().map(|v| rounded(*v, *decimals)).collect()),
                }),
            }
        }
        columns
    }
}

impl TargetPrediction {
    /// From the numbers of an output, `width` a row; a target of one number has it at `place`.
    fn new(target: &Target, values: &[f32], width: usize, place: usize) -> TargetPrediction {
        let name = target.name().to_owned();
        let own = values.iter().skip(place).step_by(width);
        match target {
            Target::Binary { classes, .. } => TargetPrediction::Class {
                name,
                classes: classes.to_vec(),
                chosen: own.clone().map(|&p| usize::from(p > 0.5)).collect(),
                probabilities: own.flat_map(|&p| [1.0 - p, p]).collect(),
            },
            Target::Multiclass { classes, .. } => TargetPrediction::Class {
                name,
                classes: classes.clone(),
                chosen: values.chunks_exact(width).map(greatest).collect(),
                probabilities: values.to_vec(),
            },
            Target::Regression { scale, .. } => TargetPrediction::Number {
                name,
                values: own.map(|&v| target.inverse(v)).collect(),
                // 32 bits tell standardised values apart at about 1e-7.
                decimals: (7.0 - scale.log10()).ceil().clamp(0.0, 300.0) as usize,
            },
        }
    }
}

/// The first of the greatest.
fn greatest(values: &[f32]) -> usize {
    (0..values.len()).fold(0, |best, i| if values[i] > values[best] { i } else { best })
}

/// A number with at most so many decimals, without zeros at its end.
fn rounded(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(rounded(5.6361487304312, 8), "5.63614873");
        assert_eq!(rounded(5.5, 8), "5.5");
        assert_eq!(rounded(-1e-12, 8), "0");
        assert_eq!(rounded(1200.0, 0), "1200");
        assert_eq!(rounded(f64::NAN, 3), "NaN");
    }
}
