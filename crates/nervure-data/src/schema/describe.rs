//! The schema in words.

use super::{Encoding, Schema, Usage};
use crate::scaling::Scaler;
use crate::target::Target;

impl Schema {
    /// A line for each raw column: its kind, and how it is encoded or why it is left out.
    pub fn describe(&self) -> Vec<String> {
        self.columns
            .iter()
            .map(|column| {
                let what = match &column.usage {
                    Usage::Feature(encoding) => encoding.describe(),
                    Usage::Target(place) => self.targets[*place].describe(),
                    Usage::LeftOut(reason) => format!("left out: {reason}"),
                };
                format!("{}: {}, {what}", column.name, column.kind)
            })
            .collect()
    }
}

impl Encoding {
    fn describe(&self) -> String {
        let missing = |indicator: bool| if indicator { ", and a column for missing" } else { "" };
        match self {
            Encoding::Number { scaler, median, indicator, min, max } => format!(
                "{} to {}, {}{}",
                short(*min),
                short(*max),
                scaler.describe(),
                if *indicator {
                    format!(", median {median} where missing, and a column for missing")
                } else {
                    String::new()
                }
            ),
            Encoding::Boolean { indicator } => format!("1 for true, -1 for false{}", missing(*indicator)),
            Encoding::TwoValues { values, indicator } => {
                format!("-1 for '{}', 1 for '{}'{}", values[0], values[1], missing(*indicator))
            }
            Encoding::OneHot { categories, other, indicator } => format!(
                "one-hot over {} categories{}{}",
                categories.len(),
                if *other { ", a column for rare ones" } else { "" },
                missing(*indicator)
            ),
            Encoding::Embedding { categories } => {
                format!("index of {} categories, rare and unseen ones, and missing", categories.len())
            }
            Encoding::DateTime { parts, indicator, .. } => {
                let parts: Vec<&str> = parts.iter().flat_map(|p| p.names()).copied().collect();
                format!("as {}{}", parts.join(", "), missing(*indicator))
            }
        }
    }
}

impl Scaler {
    fn describe(&self) -> String {
        match self {
            Scaler::Affine { center, factor } if (*center, *factor) == (0.0, 1.0) => "as it is".into(),
            Scaler::Affine { factor: 0.0, .. } => "scaled to 0".into(),
            Scaler::Affine { center, factor } => {
                format!("scaled as (x - {center:.6}) / {:.6}", 1.0 / factor)
            }
            Scaler::SmoothClip { center, factor } => {
                format!("scaled as z = {factor:.6} (x - {center:.6}), then z / sqrt(1 + (z/3)^2)")
            }
            Scaler::Quantiles { quantiles } => {
                format!("scaled to the normal distribution by {} quantiles", quantiles.len())
            }
        }
    }
}

impl Target {
    fn describe(&self) -> String {
        match self {
            Target::Binary { classes, .. } => {
                format!("target: 0 for '{}', 1 for '{}'", classes[0], classes[1])
            }
            Target::Multiclass { classes, .. } => format!("target: {} classes", classes.len()),
            Target::Regression { mean, scale, .. } => {
                format!("target: scaled as (x - {mean:.6}) / {scale:.6}")
            }
        }
    }
}

/// A number as a person reads it: whole numbers as they are, others to six digits, large and tiny ones with an exponent.
fn short(x: f64) -> String {
    let six = format!("{x:.5e}").parse().unwrap_or(x);
    match x.abs() {
        size if size == 0.0 || (size < 1e15 && x.fract() == 0.0) => x.to_string(),
        1e-4..1e15 => f64::to_string(&six),
        _ => format!("{six:e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn numbers_are_short() {
        let cases = [
            (-2.1928711930848155, "-2.19287"),
            (4.3, "4.3"),
            (1234567.0, "1234567"),
            (-0.0, "-0"),
            (1.5e-320, "1.5e-320"),
            (1e300, "1e300"),
        ];
        for (x, text) in cases {
            assert_eq!(short(x), text);
        }
    }
}
