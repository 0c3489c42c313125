//! Arrays by name, as safetensors.

use std::borrow::Cow;

use nervure_exec::{Buffer, View};
use nervure_graph::DType;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::container::Archive;
use crate::error::{Error, Result};

/// The most arrays of a member.
const MOST_ARRAYS: usize = 1 << 20;

/// The arrays as bytes. Their order in the file follows from type and name.
pub(crate) fn write<'a>(arrays: impl IntoIterator<Item = (&'a str, &'a Buffer)>) -> Result<Vec<u8>> {
    safetensors::serialize(arrays.into_iter().map(|(name, b)| (name, Array(b))), None)
        .map_err(|e| Error::Parts(format!("the arrays cannot be written: {e}")))
}

/// The arrays of a member.
pub(crate) fn read(reader: &Archive, member: &str) -> Result<Vec<(String, Buffer)>> {
    let fail = |reason: String| Error::member(reader.file(), member, reason);
    let arrays = SafeTensors::deserialize(reader.need(member)?).map_err(|e| fail(e.to_string()))?;
    if arrays.len() > MOST_ARRAYS {
        return Err(fail(format!("arrays are limited to {MOST_ARRAYS}, received {}", arrays.len())));
    }
    let mut names = arrays.names();
    names.sort_unstable();
    names
        .into_iter()
        .map(|name| {
            let view = arrays.tensor(name).map_err(|e| fail(e.to_string()))?;
            let buffer = buffer(&view).map_err(|e| fail(format!("array `{}`: {e}", name.escape_debug())))?;
            Ok((name.to_owned(), buffer))
        })
        .collect()
}

/// A copy of an array whose sizes safetensors has checked against its bytes.
fn buffer(view: &TensorView<'_>) -> Result<Buffer, String> {
    let (shape, bytes) = (view.shape(), view.data());
    macro_rules! typed {
        ($ty:ty, $from:ident) => {{
            let chunks = bytes.chunks_exact(size_of::<$ty>());
            let elements: Vec<$ty> =
                chunks.map(|c| <$ty>::from_le_bytes(c.try_into().unwrap_or_default())).collect();
            Buffer::$from(shape, &elements)
        }};
    }
    let buffer = match view.dtype() {
        Dtype::F32 => typed!(f32, from_f32),
        Dtype::I32 => typed!(i32, from_i32),
        Dtype::I64 => typed!(i64, from_i64),
        Dtype::U8 => Buffer::from_u8(shape, bytes),
        Dtype::BOOL => {
            if let Some(b) = bytes.iter().find(|b| **b > 1) {
                return Err(format!("expected bool, received the byte {b}"));
            }
            Buffer::from_bool(shape, &bytes.iter().map(|&b| b == 1).collect::<Vec<_>>())
        }
        other => return Err(format!("expected f32, i32, i64, u8 or bool, received {other}")),
    };
    buffer.map_err(|e| e.to_string())
}

struct Array<'a>(&'a Buffer);

impl safetensors::View for Array<'_> {
    fn dtype(&self) -> Dtype {
        match self.0.dtype() {
            DType::F32 => Dtype::F32,
            DType::I32 => Dtype::I32,
            DType::I64 => Dtype::I64,
            DType::U8 => Dtype::U8,
            DType::Bool => Dtype::BOOL,
        }
    }

    fn shape(&self) -> &[usize] {
        self.0.shape()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match self.0.view() {
            View::F32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>().into(),
            View::I32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>().into(),
            View::I64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>().into(),
            View::U8(v) => v.into(),
            View::Bool(v) => v.iter().map(|&x| u8::from(x)).collect::<Vec<_>>().into(),
        }
    }

    fn data_len(&self) -> usize {
        self.0.len() * self.0.dtype().size()
    }
}
