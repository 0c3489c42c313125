//! `nervure verify`: whether two models compute the same.

use std::path::{Path, PathBuf};

use clap::Args;
use nervure_artifact::Artifact;
use nervure_exec::Buffer;
use nervure_graph::{DType, Dim, Type};
use nervure_nn::initializers::Stream;
use serde_json::{Value, json};

use crate::failure::{Failure, Result};
use crate::style::{WIDTH, counted, cut, number, table};
use crate::{Common, model, output};

/// Run two models on the same inputs, and tell the largest difference of each output
#[derive(Debug, Args)]
#[command(after_help = "\
Inputs are the examples that the first model recorded, and rows drawn at random: normal numbers,
and whole numbers as large as the model takes them. An output y differs beyond the tolerance t
where the other is farther from it than t + 10 · t · |y|. The exit status is then 1.

Examples:
  nervure verify model.keras converted.nervure")]
pub struct VerifyArgs {
    /// A .nervure or .keras file
    model: PathBuf,

    /// Another one, with the same inputs and outputs
    other: PathBuf,

    /// How far apart outputs may be
    #[arg(long, value_name = "T", default_value_t = 1e-5, value_parser = tolerance)]
    tolerance: f64,

    /// Rows that are drawn at random
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    rows: u16,

    /// Of what is drawn
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    #[command(flatten)]
    common: Common,
}

fn tolerance(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(t) if (0.0..=1.0).contains(&t) => Ok(t),
        _ => Err("expected a number from 0 to 1".into()),
    }
}

/// The largest difference of an output.
struct Difference {
    output: String,
    largest: f64,
    /// The output of the first model there.
    at: f64,
    within: bool,
}

/// Whole numbers are drawn below the first of these that the model takes: an index has to be one of its table.
const BELOW: [u32; 5] = [1000, 100, 10, 2, 1];

impl VerifyArgs {
    /// Compares.
    pub fn run(self) -> Result<()> {
        let read = |path: &Path| Ok::<_, Failure>(model::load(path)?.with_threads(self.common.threads()));
        let (first, second) = (read(&self.model)?, read(&self.other)?);
        self.same(&first, &second)?;
        let recorded = first.recorded()?;
        let (drawn, expected) = self.drawn(&first, &recorded)?;
        let mut differences: Vec<Difference> = Vec::new();
        for (inputs, expected) in [(&recorded, first.network().run(&recorded)?), (&drawn, expected)] {
            let received = second.network().run(inputs)?;
            let names = first.network().outputs().map(|(name, _)| name);
            for (i, ((name, e), r)) in names.zip(&expected).zip(&received).enumerate() {
                if e.dtype() != r.dtype() || e.shape() != r.shape() {
                    let types = [e, r].map(|b| format!("{}{:?}", b.dtype(), b.shape()));
                    return Err(
                        self.other(format!("output `{name}`: expected {}, received {}", types[0], types[1]))
                    );
                }
                let found = difference(name, e, r, self.tolerance);
                match differences.get_mut(i) {
                    Some(d) if d.largest >= found.largest && (found.within || !d.within) => {}
                    Some(d) => *d = found,
                    None => differences.push(found),
                }
            }
        }
        self.tell(&differences)?;
        match differences.iter().find(|d| !d.within) {
            Some(d) => Err(self.other(format!(
                "output `{}` is {} away from that of {}",
                d.output,
                number(d.largest),
                self.model.display()
            ))),
            None => Ok(()),
        }
    }

    fn other(&self, what: String) -> Failure {
        Failure::new(
            format!("{}: {what}", self.other.display()),
            "they are different models, or --tolerance is too small",
        )
    }

    /// Fails unless both take and give arrays of the same types, in the same order.
    fn same(&self, first: &Artifact, second: &Artifact) -> Result<()> {
        let network = |a: &Artifact| {
            [
                a.network().inputs().map(|i| i.1.clone()).collect(),
                a.network().outputs().map(|o| o.1.clone()).collect(),
            ]
        };
        let (wanted, found): ([Vec<Type>; 2], [Vec<Type>; 2]) = (network(first), network(second));
        // Sizes that are free may have other names.
        let fits = |a: &Type, b: &Type| {
            let sizes = |ty: &Type| ty.shape.iter().map(Dim::as_const).collect::<Vec<_>>();
            a.dtype == b.dtype && sizes(a) == sizes(b)
        };
        for (what, (e, r)) in ["inputs", "outputs"].iter().zip(wanted.iter().zip(&found)) {
            if e.len() != r.len() || !e.iter().zip(r).all(|(e, r)| fits(e, r)) {
                let [e, r] =
                    [e, r].map(|types| types.iter().map(Type::to_string).collect::<Vec<_>>().join(", "));
                return Err(self.other(format!("expected {what} {e}, received {r}")));
            }
        }
        Ok(())
    }

    /// Rows like those that are recorded, with what the model answers.
    fn drawn(&self, model: &Artifact, recorded: &[Buffer]) -> Result<(Vec<Buffer>, Vec<Buffer>)> {
        let mut failed = None;
        for below in BELOW {
            let inputs = model.network().inputs().zip(recorded).map(|((name, ty), like)| {
                let mut shape = like.shape().to_vec();
                if let (Some(rows), Some(symbol)) = (shape.first_mut(), ty.shape.first())
                    && symbol.as_symbol().is_some()
                {
                    *rows = self.rows.into();
                }
                draw(like.dtype(), &shape, below, &mut Stream::new(self.seed, name))
            });
            let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
            match model.network().run(&inputs) {
                Ok(outputs) => return Ok((inputs, outputs)),
                Err(e) => failed = Some(e),
            }
        }
        Err(failed.map_or_else(|| self.other("nothing was drawn".into()), Into::into))
    }

    fn tell(&self, differences: &[Difference]) -> Result<()> {
        if self.common.json {
            let output = |d: &Difference| json!({"name": d.output, "largest": d.largest, "at": d.at, "within": d.within});
            let outputs: Value = differences.iter().map(output).collect();
            return output::line(
                &json!({"rows": self.rows, "tolerance": self.tolerance, "outputs": outputs}).to_string(),
            );
        }
        let head = ["output", "largest difference", "where it is"].map(String::from).to_vec();
        let rows =
            differences.iter().map(|d| vec![cut(&d.output, WIDTH / 2), number(d.largest), number(d.at)]);
        let text = table(&[head].into_iter().chain(rows).collect::<Vec<_>>());
        output::text(&format!(
            "{text}\nover {} at random and the recorded ones\n",
            counted(self.rows.into(), "row")
        ))
    }
}

fn draw(
    dtype: DType,
    shape: &[usize],
    below: u32,
    random: &mut Stream,
) -> Result<Buffer, nervure_exec::Error> {
    let count = shape.iter().product();
    let mut whole = || (0..count).map(|_| random.below(below)).collect::<Vec<u32>>();
    match dtype {
        DType::F32 => {
            let values: Vec<f32> = (0..count).map(|_| random.normal() as f32).collect();
            Buffer::from_f32(shape, &values)
        }
        DType::I32 => Buffer::from_i32(shape, &whole().iter().map(|&n| n as i32).collect::<Vec<_>>()),
        DType::I64 => Buffer::from_i64(shape, &whole().iter().map(|&n| n.into()).collect::<Vec<_>>()),
        DType::U8 => Buffer::from_u8(shape, &whole().iter().map(|&n| n as u8).collect::<Vec<_>>()),
        DType::Bool => Buffer::from_bool(shape, &whole().iter().map(|&n| n % 2 == 1).collect::<Vec<_>>()),
    }
}

/// Numbers that are not floats have to be the same; a NaN is like another.
fn difference(output: &str, expected: &Buffer, received: &Buffer, tolerance: f64) -> Difference {
    let mut found = Difference { output: output.into(), largest: 0.0, at: 0.0, within: true };
    let (Some(expected), Some(values)) = (expected.as_f32(), received.as_f32()) else {
        found.within = expected == received;
        found.largest = if found.within { 0.0 } else { f64::INFINITY };
        return found;
    };
    for (&e, &r) in expected.iter().zip(values) {
        let (e, r) = (f64::from(e), f64::from(r));
        let apart = if e == r || e.is_nan() && r.is_nan() { 0.0 } else { (e - r).abs() };
        let apart = if apart.is_nan() { f64::INFINITY } else { apart };
        found.within &= apart <= tolerance + 10.0 * tolerance * e.abs();
        if apart > found.largest {
            (found.largest, found.at) = (apart, e);
        }
    }
    found
}
