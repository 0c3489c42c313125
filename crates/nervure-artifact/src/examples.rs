//! Recorded inputs and outputs, with which a load proves that it computes what the trainer computed.

use nervure_data::{Delimiter, Table, TableReader};
use nervure_exec::Buffer;

use crate::container::{Archive, Writer};
use crate::error::{Error, Result};
use crate::inference::Inference;
use crate::tensors;

/// How far apart recorded and recomputed outputs may be, relative to the size of the output: other processors sum in another order.
const TOLERANCE: f32 = 1e-4;

const ROWS: &str = "examples.csv";
const ARRAYS: &str = "examples.safetensors";
const EXPECTED: &str = "expected.safetensors";
/// What the members of examples are called.
pub(crate) const MEMBERS: [&str; 3] = [ROWS, ARRAYS, EXPECTED];

/// Recorded inputs.
#[derive(Debug, Clone, PartialEq)]
pub enum Examples {
    /// Raw rows.
    Rows(Table),
    /// Arrays, by the name of the input.
    Arrays(Vec<(String, Buffer)>),
}

impl Examples {
    pub(crate) fn read(reader: &Archive) -> Result<Examples> {
        if reader.get(ROWS).is_none() {
            return tensors::read(reader, ARRAYS).map(Examples::Arrays);
        }
        let text = reader.text(ROWS)?;
        let source = format!("{}: {ROWS}", reader.file());
        let (table, _) = TableReader::new()
            .from_reader(&source, text.as_bytes(), Delimiter::Comma)
            .map_err(|e| Error::member(reader.file(), ROWS, e))?;
        Ok(Examples::Rows(table))
    }

    pub(crate) fn write(&self, expected: &[(String, Buffer)], to: &mut Writer) -> Result<()> {
        match self {
            Examples::Rows(table) => {
                let mut text = Vec::new();
                table
                    .write(&mut text, Delimiter::Comma)
                    .map_err(|cause| Error::Io { file: ROWS.into(), cause })?;
                to.add(ROWS, text);
            }
            Examples::Arrays(arrays) => {
                to.add(ARRAYS, tensors::write(arrays.iter().map(|(n, b)| (n.as_str(), b)))?);
            }
        }
        to.add(EXPECTED, tensors::write(expected.iter().map(|(n, b)| (n.as_str(), b)))?);
        Ok(())
    }
}

pub(crate) fn read_expected(reader: &Archive) -> Result<Vec<(String, Buffer)>> {
    tensors::read(reader, EXPECTED)
}

/// Fails unless the network gives what is recorded. Both lists stand in the order of the graph's outputs.
pub(crate) fn compare(
    file: &str,
    network: &Inference,
    expected: &[(String, Buffer)],
    received: &[Buffer],
) -> Result<()> {
    for ((name, _), new) in network.outputs().zip(received) {
        let Some((_, old)) = expected.iter().find(|(n, _)| n == name) else {
            return Err(Error::member(file, EXPECTED, format!("output `{name}` is absent")));
        };
        let (Some(old_values), Some(new_values)) = (old.as_f32(), new.as_f32()) else {
            if old == new {
                continue;
            }
            return Err(Error::member(file, EXPECTED, format!("output `{name}` is another")));
        };
        if old.shape() != new.shape() || old.is_empty() {
            let reason =
                format!("output `{name}`: expected shape {:?}, received {:?}", new.shape(), old.shape());
            return Err(Error::member(file, EXPECTED, reason));
        }
        // An output near 0 is as exact as its neighbours let it be.
        let squares: f64 = old_values.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
        let size = (squares / old_values.len() as f64).sqrt() as f32;
        let width = old.len() / old.shape().first().copied().unwrap_or(1).max(1);
        for (i, (&expected, &received)) in old_values.iter().zip(new_values).enumerate() {
            let near = (expected - received).abs() <= TOLERANCE * expected.abs().max(size);
            if !near && expected.to_bits() != received.to_bits() {
                let (output, row) = (name.to_owned(), i / width.max(1) + 1);
                return Err(Error::Mismatch { file: file.into(), output, row, expected, received });
            }
        }
    }
    Ok(())
}
