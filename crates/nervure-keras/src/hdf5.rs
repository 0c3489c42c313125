//! The weights' file: a tree of groups with arrays at its leaves. All that is known of HDF5 here is in this module.

use std::collections::BTreeMap;

use hdf5_pure::{DType, Dataset, File, Group, Layout};
use nervure_exec::Buffer;

use crate::error::Fault;

/// Groups within one another, and groups and arrays in all.
const MOST_DEPTH: usize = 32;
const MOST_OBJECTS: usize = 1 << 20;
/// Axes of an array.
const MOST_AXES: usize = 16;

/// The arrays of a file by their paths: `layers/dense/vars/0`.
pub(crate) struct Arrays {
    member: String,
    /// Bytes of the whole file: an array that claims more is none.
    bytes: u64,
    arrays: BTreeMap<String, Dataset>,
}

impl Arrays {
    /// Finds the arrays; none is read yet.
    pub fn open(member: &str, bytes: &[u8]) -> Result<Arrays, Fault> {
        let fail = |e: hdf5_pure::Error| Fault::new(member, format!("broken HDF5 ({e})"));
        let file = File::from_bytes(bytes.to_vec()).map_err(fail)?;
        let mut found = Arrays { member: member.into(), bytes: bytes.len() as u64, arrays: BTreeMap::new() };
        let mut open = vec![(String::new(), file.root(), 0)];
        let mut objects = 0;
        while let Some((path, group, depth)) = open.pop() {
            let (groups, arrays) = (group.groups().map_err(fail)?, group.datasets().map_err(fail)?);
            objects += groups.len() + arrays.len();
            if depth > MOST_DEPTH || objects > MOST_OBJECTS {
                return Err(Fault::new(
                    member,
                    format!("more than {MOST_OBJECTS} groups and arrays, or {MOST_DEPTH} within one another"),
                ));
            }
            for name in groups {
                let inner: Group = group.group(&name).map_err(fail)?;
                open.push((format!("{path}{name}/"), inner, depth + 1));
            }
            for name in arrays {
                let array = group.dataset(&name).map_err(fail)?;
                found.arrays.insert(format!("{path}{name}"), array);
            }
        }
        Ok(found)
    }

    /// The paths of the arrays below a group: `kernel/0` of `layer/kernel/0`.
    pub fn below<'a>(&'a self, group: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let group = format!("{group}/");
        self.arrays.range(group.clone()..).map_while(move |(path, _)| path.strip_prefix(group.as_str()))
    }

    /// An array of floats.
    pub fn floats(&self, path: &str) -> Result<Buffer, Fault> {
        let (shape, array) = self.checked(path)?;
        let place = self.place(path);
        let values = match array.dtype().map_err(|e| Fault::new(&place, e))? {
            DType::F32 => array.read_f32(),
            DType::F64 => array.read_f64().map(|values| values.into_iter().map(|v| v as f32).collect()),
            other => return Err(Fault::expected(place, "32-bit floats", other)),
        };
        Buffer::from_f32(&shape, &values.map_err(|e| Fault::new(&place, e))?)
            .map_err(|e| Fault::new(&place, e))
    }

    /// A whole number.
    pub fn whole(&self, path: &str) -> Result<i64, Fault> {
        let (shape, array) = self.checked(path)?;
        let place = self.place(path);
        let values = match array.dtype().map_err(|e| Fault::new(&place, e))? {
            DType::I32 => array.read_i32().map(|values| values.into_iter().map(i64::from).collect()),
            DType::I64 => array.read_i64(),
            other => return Err(Fault::expected(place, "a whole number", other)),
        };
        match values.map_err(|e| Fault::new(&place, e))?[..] {
            [n] if shape.is_empty() => Ok(n),
            _ => Err(Fault::expected(place, "one number", format!("{shape:?}"))),
        }
    }

    /// Where an array stands, for messages.
    fn place(&self, path: &str) -> String {
        format!("{}: {path}", self.member)
    }

    /// An array with its shape, if it lies in the file as it is.
    fn checked(&self, path: &str) -> Result<(Vec<usize>, &Dataset), Fault> {
        let place = self.place(path);
        let array = self.arrays.get(path).ok_or_else(|| Fault::new(&place, "there is no such array"))?;
        let fail = |e: hdf5_pure::Error| Fault::new(&place, e);
        let (shape, size) = (array.shape().map_err(fail)?, array.element_size().map_err(fail)?);
        let bytes = shape.iter().try_fold(size, |n, &d| n.checked_mul(d));
        if shape.len() > MOST_AXES || bytes.is_none_or(|n| n > self.bytes) {
            return Err(Fault::new(
                place,
                format!("it claims a shape of {shape:?}, more than the file holds"),
            ));
        }
        match array.layout().map_err(fail)? {
            Layout::Compact { .. } | Layout::Contiguous { .. } => {}
            _ => {
                return Err(Fault::new(
                    place,
                    "it is in chunks, outside of the file or made of others, and not in one piece as Keras writes it",
                ));
            }
        }
        Ok((shape.into_iter().map(|d| d as usize).collect(), array))
    }
}
