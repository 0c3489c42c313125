//! Data as networks take them: arrays whose first axis counts rows.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use ndarray::{ArrayBase, Data, Dimension};
use nervure_exec::{Buffer, Threads, View};
use nervure_graph::DType;

use crate::values::{Datum, IntoValues, Values};
use crate::{Error, Result};

/// What becomes an array of numbers: `ndarray` arrays and views of any rank, or a [`Buffer`]. `f64` is rounded to `f32`.
pub trait IntoArray: IntoValues {
    /// The array.
    fn into_array(self) -> Buffer;
}

impl IntoArray for Buffer {
    fn into_array(self) -> Buffer {
        self
    }
}

/// An element that arrays may have.
pub trait Element: Datum + Copy {
    /// An array of such elements.
    fn buffer(shape: &[usize], elements: &[Self]) -> Result<Buffer, nervure_exec::Error>;
}

macro_rules! elements {
    ($($ty:ty: $from:ident),*) => {$(
        impl Element for $ty {
            fn buffer(shape: &[usize], elements: &[Self]) -> Result<Buffer, nervure_exec::Error> {
                Buffer::$from(shape, elements)
            }
        }
    )*};
}
elements!(f32: from_f32, i32: from_i32, i64: from_i64, u8: from_u8, bool: from_bool);

impl Element for f64 {
    fn buffer(shape: &[usize], elements: &[Self]) -> Result<Buffer, nervure_exec::Error> {
        Buffer::from_f32(shape, &elements.iter().map(|&x| x as f32).collect::<Vec<_>>())
    }
}

impl<T: Element, S: Data<Elem = T>, D: Dimension> IntoArray for &ArrayBase<S, D> {
    fn into_array(self) -> Buffer {
        let contiguous = self.as_standard_layout();
        let elements = contiguous.as_slice().expect("the standard layout is contiguous");
        T::buffer(self.shape(), elements).expect("an array has as many elements as its shape says")
    }
}

impl<T: Element, S: Data<Elem = T>, D: Dimension> IntoArray for ArrayBase<S, D> {
    fn into_array(self) -> Buffer {
        (&self).into_array()
    }
}

/// A named array, or one that goes by its place.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub name: Option<String>,
    pub values: Values,
}

/// Rows to train on, or to predict: inputs, targets, weights of rows.
///
/// ```
/// use ndarray::array;
/// use nervure_nn::prelude::*;
/// let data = Dataset::new(&array![[0.0, 1.0], [2.0, 3.0]], &array![[0.0], [1.0]]);
/// assert_eq!(data.rows()?, 2);
/// # Ok::<(), nervure_nn::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Dataset {
    pub(crate) inputs: Vec<Column>,
    pub(crate) targets: Vec<Column>,
    pub(crate) weights: Option<Arc<Buffer>>,
    /// The rows that count, of all that the arrays hold.
    pub(crate) selection: Option<Arc<[u32]>>,
}

impl Dataset {
    /// Rows for a network of one input and one output.
    pub fn new(x: impl IntoValues, y: impl IntoValues) -> Dataset {
        Dataset::default().input_values(None, x.into_values()).target_values(None, y.into_values())
    }

    /// Rows without targets.
    pub fn of_inputs(x: impl IntoValues) -> Dataset {
        Dataset::default().input_values(None, x.into_values())
    }

    /// Adds an input by name.
    pub fn input(self, name: &str, x: impl IntoValues) -> Dataset {
        self.input_values(Some(name.into()), x.into_values())
    }

    /// Adds the target of an output by name.
    pub fn target(self, name: &str, y: impl IntoValues) -> Dataset {
        self.target_values(Some(name.into()), y.into_values())
    }

    /// Weighs each row's loss, `[rows]`.
    pub fn sample_weight(mut self, weights: impl IntoArray) -> Dataset {
        self.weights = Some(Arc::new(weights.into_array()));
        self
    }

    /// Weighs each row's loss by the class that its (only) target names: class number → weight, 1 for others. Multiplies weights that are there.
    ///
    /// # Errors
    /// Several targets, or one that is not a class number a row (or one-hot); a weight that is not finite; a class with two weights.
    pub fn class_weight(mut self, classes: &[(i64, f32)]) -> Result<Dataset> {
        let [target] = &self.targets[..] else {
            return Err(Error::Data("class weights need exactly one target".into()));
        };
        if let Some((class, weight)) = classes.iter().find(|c| !c.1.is_finite()) {
            let wrong = format!("class weight of class {class}: expected a finite number, received {weight}");
            return Err(Error::Data(wrong));
        }
        let mut named = BTreeSet::new();
        if let Some((class, _)) = classes.iter().find(|c| !named.insert(c.0)) {
            return Err(Error::Data(format!("expected one weight for class {class}, received several")));
        }
        let numbers = class_of_rows(target.values.numbers("class weights")?)?;
        let factor = |class: i64| classes.iter().find(|c| c.0 == class).map_or(1.0, |c| c.1);
        let mut weights: Vec<f32> = numbers.into_iter().map(factor).collect();
        if let Some(own) = &self.weights {
            weights.iter_mut().zip(floats(own.view())).for_each(|(w, o)| *w = (f64::from(*w) * o) as f32);
        }
        self.weights = Some(Arc::new(Buffer::from_f32(&[weights.len()], &weights)?));
        Ok(self)
    }

    /// Number of rows.
    ///
    /// # Errors
    /// Arrays of different lengths, or no array.
    pub fn rows(&self) -> Result<usize> {
        let columns = self.inputs.iter().chain(&self.targets).map(|c| c.values.shape());
        let mut rows = None;
        for shape in columns.chain(self.weights.iter().map(|w| w.shape())) {
            let Some(&n) = shape.first() else {
                return Err(Error::Data(
                    "data need a first axis that counts rows, received a single value".into(),
                ));
            };
            if *rows.get_or_insert(n) != n {
                return Err(Error::Data(format!(
                    "data of {} rows beside data of {n} rows",
                    rows.unwrap_or(0)
                )));
            }
        }
        let rows = rows.ok_or_else(|| Error::Data("data without an array".into()))?;
        Ok(self.selection.as_ref().map_or(rows, |s| s.len()))
    }

    /// Some of the rows, in this order; the arrays are shared.
    ///
    /// # Errors
    /// A row that is not there.
    pub fn select(&self, rows: &[usize]) -> Result<Dataset> {
        let n = self.rows()?;
        if let Some(bad) = rows.iter().find(|&&r| r >= n || r > u32::MAX as usize) {
            return Err(Error::Data(format!("row {bad} of {n}")));
        }
        let pick = |&r: &usize| self.selection.as_ref().map_or(r as u32, |s| s[r]);
        Ok(Dataset { selection: Some(rows.iter().map(pick).collect()), ..self.clone() })
    }

    /// The rows before the last `share`, and these: Keras's `validation_split`.
    ///
    /// # Errors
    /// A share that is not in [0, 1), or that leaves no row.
    pub fn split_tail(&self, share: f64) -> Result<(Dataset, Dataset)> {
        let n = self.rows()?;
        if !(0.0..1.0).contains(&share) {
            return Err(Error::Data(format!(
                "validation_split: expected at least 0 and below 1, received {share}"
            )));
        }
        let head = (n as f64 * (1.0 - share)) as usize;
        if head == 0 {
            return Err(Error::Data(format!("validation_split {share} of {n} rows leaves none to train on")));
        }
        let range = |r: Range<usize>| self.select(&r.collect::<Vec<_>>());
        Ok((range(0..head)?, range(head..n)?))
    }

    fn input_values(mut self, name: Option<String>, values: Values) -> Dataset {
        self.inputs.push(Column { name, values });
        self
    }

    fn target_values(mut self, name: Option<String>, values: Values) -> Dataset {
        self.targets.push(Column { name, values });
        self
    }
}

/// The class of each row: the number that is there, or the place of the greatest of several.
fn class_of_rows(target: &Buffer) -> Result<Vec<i64>> {
    let width = match *target.shape() {
        [_] => 1,
        [_, n] => n,
        ref shape => {
            let wrong = format!("class weights need class numbers or one-hot rows, received shape {shape:?}");
            return Err(Error::Data(wrong));
        }
    };
    let class = |row: &[f64]| {
        let fits = |x: &f64| if width == 1 { x.fract() == 0.0 } else { (0.0..=1.0).contains(x) };
        if let Some(x) = row.iter().find(|x| !fits(x)) {
            let wrong = format!("class weights need class numbers or one-hot rows, received {x}");
            return Err(Error::Data(wrong));
        }
        let greatest = (0..width).fold(0, |best, i| if row[i] > row[best] { i } else { best });
        Ok(if width == 1 { row[0] as i64 } else { greatest as i64 })
    };
    floats(target.view()).chunks(width.max(1)).map(class).collect()
}

/// Any elements as `f64`.
pub(crate) fn floats(view: View<'_>) -> Vec<f64> {
    match view {
        View::F32(v) => v.iter().map(|&x| f64::from(x)).collect(),
        View::I32(v) => v.iter().map(|&x| f64::from(x)).collect(),
        View::I64(v) => v.iter().map(|&x| x as f64).collect(),
        View::U8(v) => v.iter().map(|&x| f64::from(x)).collect(),
        View::Bool(v) => v.iter().map(|&x| f64::from(u8::from(x))).collect(),
    }
}

/// `array` with elements of type `dtype`, if each has a place there.
pub(crate) fn convert(what: &str, array: &Arc<Buffer>, dtype: DType) -> Result<Arc<Buffer>> {
    if array.dtype() == dtype {
        return Ok(Arc::clone(array));
    }
    let values = floats(array.view());
    let whole =
        |low: f64, high: f64| match values.iter().find(|x| x.fract() != 0.0 || **x < low || **x > high) {
            Some(x) => Err(Error::Data(format!("{what}: expected {dtype}, received {x}"))),
            None => Ok(()),
        };
    let shape = array.shape();
    let converted = match dtype {
        DType::F32 => Buffer::from_f32(shape, &values.iter().map(|&x| x as f32).collect::<Vec<_>>()),
        DType::I32 => {
            whole(f64::from(i32::MIN), f64::from(i32::MAX))?;
            Buffer::from_i32(shape, &values.iter().map(|&x| x as i32).collect::<Vec<_>>())
        }
        DType::I64 => {
            whole(-9.0e15, 9.0e15)?;
            Buffer::from_i64(shape, &values.iter().map(|&x| x as i64).collect::<Vec<_>>())
        }
        DType::U8 => {
            whole(0.0, 255.0)?;
            Buffer::from_u8(shape, &values.iter().map(|&x| x as u8).collect::<Vec<_>>())
        }
        DType::Bool => {
            whole(0.0, 1.0)?;
            Buffer::from_bool(shape, &values.iter().map(|&x| x != 0.0).collect::<Vec<_>>())
        }
    };
    Ok(Arc::new(converted?))
}

/// Elements `range` of a view.
pub(crate) fn slice(view: View<'_>, range: Range<usize>) -> View<'_> {
    match view {
        View::F32(v) => View::F32(&v[range]),
        View::I32(v) => View::I32(&v[range]),
        View::I64(v) => View::I64(&v[range]),
        View::U8(v) => View::U8(&v[range]),
        View::Bool(v) => View::Bool(&v[range]),
    }
}

/// Bytes that a thread copies at a time: some microseconds, so that handing them out is little.
const PART: usize = 32 << 10;

/// Copies rows of `from`, `width` elements each, one after the other to the start of `to`, which has the same type.
pub(crate) fn gather_rows(threads: &Threads, from: &Buffer, width: usize, rows: &[u32], to: &mut Buffer) {
    fn copy<T: Copy + Send + Sync>(threads: &Threads, from: &[T], width: usize, rows: &[u32], to: &mut [T]) {
        // A row without elements has nothing to copy.
        let width = width.max(1);
        let together = (PART / (width * size_of::<T>())).max(1);
        threads.for_each_chunk(to, together * width, |i, to| {
            for (to, &r) in to.chunks_exact_mut(width).zip(&rows[i * together..]) {
                to.copy_from_slice(&from[r as usize * width..][..width]);
            }
        });
    }
    macro_rules! typed {
        ($($dtype:ident $get:ident $get_mut:ident),*) => {
            match from.dtype() {
                $(DType::$dtype => if let (Some(from), Some(to)) = (from.$get(), to.$get_mut()) {
                    copy(threads, from, width, rows, to);
                })*
            }
        };
    }
    typed!(F32 as_f32 as_f32_mut, I32 as_i32 as_i32_mut, I64 as_i64 as_i64_mut, U8 as_u8 as_u8_mut, Bool as_bool as_bool_mut);
}
