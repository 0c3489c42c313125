use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::fmt;
use std::ops::Range;

use nervure_graph::DType;

use crate::Error;

/// An array that is read where it lies: row-major elements, whose shape the plan knows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum View<'a> {
    /// Of [`DType::F32`].
    F32(&'a [f32]),
    /// Of [`DType::I32`].
    I32(&'a [i32]),
    /// Of [`DType::I64`].
    I64(&'a [i64]),
    /// Of [`DType::U8`].
    U8(&'a [u8]),
    /// Of [`DType::Bool`].
    Bool(&'a [bool]),
}

impl<'a> View<'a> {
    /// Type of the elements.
    pub fn dtype(self) -> DType {
        match self {
            View::F32(_) => DType::F32,
            View::I32(_) => DType::I32,
            View::I64(_) => DType::I64,
            View::U8(_) => DType::U8,
            View::Bool(_) => DType::Bool,
        }
    }

    /// Number of elements.
    pub fn len(self) -> usize {
        match self {
            View::F32(v) => v.len(),
            View::I32(v) => v.len(),
            View::I64(v) => v.len(),
            View::U8(v) => v.len(),
            View::Bool(v) => v.len(),
        }
    }

    /// Whether there is no element.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The elements, if they are floats.
    pub fn as_f32(self) -> Option<&'a [f32]> {
        if let View::F32(v) = self { Some(v) } else { None }
    }

    /// The elements, if they are of `i32`.
    pub fn as_i32(self) -> Option<&'a [i32]> {
        if let View::I32(v) = self { Some(v) } else { None }
    }

    /// The elements, if they are of `i64`.
    pub fn as_i64(self) -> Option<&'a [i64]> {
        if let View::I64(v) = self { Some(v) } else { None }
    }

    /// The elements, if they are of `u8`.
    pub fn as_u8(self) -> Option<&'a [u8]> {
        if let View::U8(v) = self { Some(v) } else { None }
    }

    /// The elements, if they are truth values.
    pub fn as_bool(self) -> Option<&'a [bool]> {
        if let View::Bool(v) = self { Some(v) } else { None }
    }

    /// The elements of a range of places.
    ///
    /// # Panics
    /// If the range goes beyond the last.
    pub fn slice(self, range: Range<usize>) -> View<'a> {
        match self {
            View::F32(v) => View::F32(&v[range]),
            View::I32(v) => View::I32(&v[range]),
            View::I64(v) => View::I64(&v[range]),
            View::U8(v) => View::U8(&v[range]),
            View::Bool(v) => View::Bool(&v[range]),
        }
    }

    pub(crate) fn pointer(self) -> *const u8 {
        match self {
            View::F32(v) => v.as_ptr().cast(),
            View::I32(v) => v.as_ptr().cast(),
            View::I64(v) => v.as_ptr().cast(),
            View::U8(v) => v.as_ptr(),
            View::Bool(v) => v.as_ptr().cast(),
        }
    }

    /// # Safety
    /// `pointer` is aligned for `dtype` and holds `len` of its elements, of valid values, which nobody writes during `'a`.
    pub(crate) unsafe fn from_raw(dtype: DType, pointer: *const u8, len: usize) -> View<'a> {
        // SAFETY: the caller's promise, for each type of element.
        unsafe {
            match dtype {
                DType::F32 => View::F32(std::slice::from_raw_parts(pointer.cast(), len)),
                DType::I32 => View::I32(std::slice::from_raw_parts(pointer.cast(), len)),
                DType::I64 => View::I64(std::slice::from_raw_parts(pointer.cast(), len)),
                DType::U8 => View::U8(std::slice::from_raw_parts(pointer, len)),
                DType::Bool => View::Bool(std::slice::from_raw_parts(pointer.cast(), len)),
            }
        }
    }
}

/// An owned array, whose first element lies on a boundary of 64 bytes.
#[derive(Clone)]
pub struct Buffer {
    memory: Memory,
    dtype: DType,
    shape: Vec<usize>,
    len: usize,
}

macro_rules! typed {
    ($($dtype:ident $ty:ty, $from:ident $get:ident $get_mut:ident;)*) => {
        impl Buffer {
            /// Writes elements of the same type from place `at` on.
            ///
            /// # Panics
            /// If they are of another type, or go beyond the last place.
            pub fn write(&mut self, at: usize, from: View) {
                let (expected, received) = (self.dtype, from.dtype());
                match from {
                    $(View::$dtype(v) => {
                        let to = self.$get_mut();
                        let to = to.unwrap_or_else(|| panic!("expected elements of {expected}, received {received}"));
                        to[at..at + v.len()].copy_from_slice(v);
                    })*
                }
            }

            $(
                /// An array of these elements, row-major.
                ///
                /// # Errors
                /// [`Error::Elements`] if their number is not that of the shape.
                pub fn $from(shape: &[usize], elements: &[$ty]) -> Result<Buffer, Error> {
                    let mut buffer = Buffer::sized(DType::$dtype, shape, elements.len())?;
                    if let Some(to) = buffer.$get_mut() {
                        to.copy_from_slice(elements);
                    }
                    Ok(buffer)
                }

                /// The elements, if they are of this type.
                pub fn $get(&self) -> Option<&[$ty]> {
                    self.view().$get()
                }

                /// The elements, if they are of this type.
                pub fn $get_mut(&mut self) -> Option<&mut [$ty]> {
                    if self.dtype != DType::$dtype {
                        return None;
                    }
                    // SAFETY: the memory is aligned to 64 bytes and holds `len` elements of this type, all initialized (zeros at first, of
                    // which every type has a value, then elements of this type alone); the borrow is unique.
                    Some(unsafe { std::slice::from_raw_parts_mut(self.memory.pointer().cast(), self.len) })
                }
            )*
        }
    };
}
typed! {
    F32 f32, from_f32 as_f32 as_f32_mut;
    I32 i32, from_i32 as_i32 as_i32_mut;
    I64 i64, from_i64 as_i64 as_i64_mut;
    U8 u8, from_u8 as_u8 as_u8_mut;
    Bool bool, from_bool as_bool as_bool_mut;
}

impl Buffer {
    /// Zeros (`false` for truth values). Where the shape is not bounded already there is [`Buffer::try_zeros`].
    pub fn zeros(dtype: DType, shape: &[usize]) -> Buffer {
        let len = shape.iter().product();
        Buffer { memory: Memory::new(len * dtype.size()), dtype, shape: shape.into(), len }
    }

    /// [`Buffer::zeros`] of a size that may be too much for the machine.
    ///
    /// # Errors
    /// [`Error::Memory`] if the system does not give it.
    pub fn try_zeros(dtype: DType, shape: &[usize]) -> Result<Buffer, Error> {
        let len = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        let bytes = len.and_then(|n| n.checked_mul(dtype.size())).unwrap_or(usize::MAX);
        Ok(Buffer { memory: Memory::try_new(bytes)?, dtype, shape: shape.into(), len: len.unwrap_or(0) })
    }

    /// A copy of an array.
    ///
    /// # Errors
    /// [`Error::Elements`] if the number of elements is not that of the shape.
    pub fn from_view(shape: &[usize], view: View) -> Result<Buffer, Error> {
        match view {
            View::F32(v) => Buffer::from_f32(shape, v),
            View::I32(v) => Buffer::from_i32(shape, v),
            View::I64(v) => Buffer::from_i64(shape, v),
            View::U8(v) => Buffer::from_u8(shape, v),
            View::Bool(v) => Buffer::from_bool(shape, v),
        }
    }

    /// Type of the elements.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Sizes of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The elements.
    pub fn view(&self) -> View<'_> {
        // SAFETY: the memory is aligned to 64 bytes and holds `len` initialized elements of `dtype`; it is borrowed with `self`.
        unsafe { View::from_raw(self.dtype, self.memory.pointer(), self.len) }
    }

    /// The first element, of which a run may write the whole array.
    pub(crate) fn pointer(&self) -> *mut u8 {
        self.memory.pointer()
    }

    fn sized(dtype: DType, shape: &[usize], received: usize) -> Result<Buffer, Error> {
        let expected = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).unwrap_or(usize::MAX);
        if expected != received {
            return Err(Error::Elements { shape: shape.into(), expected, received });
        }
        Buffer::try_zeros(dtype, shape)
    }
}

impl PartialEq for Buffer {
    fn eq(&self, other: &Buffer) -> bool {
        self.shape == other.shape && self.view() == other.view()
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:?} {:?}", self.dtype, self.shape, self.view())
    }
}

/// Bytes of a huge page.
const HUGE: usize = 2 << 20;

/// Lets the whole huge pages of new memory be such: arrays of many small pages are read at half the speed or less, for each page has to be looked
/// up. It is a wish; a system that cannot grant it keeps small pages.
fn ask_for_huge_pages(memory: *mut u8, layout: Layout) {
    let whole = layout.size() / HUGE * HUGE;
    #[cfg(target_os = "linux")]
    if whole > 0 {
        // SAFETY: the range is part of the memory and begins with a page; advice changes no content.
        unsafe { libc::madvise(memory.cast(), whole, libc::MADV_HUGEPAGE) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (memory, whole);
}

/// Bytes on a boundary of 64, zeros at first.
pub(crate) struct Memory {
    lines: *mut Line,
    count: usize,
}

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

impl Memory {
    pub(crate) fn new(bytes: usize) -> Memory {
        Memory::try_new(bytes).unwrap_or_else(|_| {
            let layout = Memory::layout(bytes.div_ceil(64));
            handle_alloc_error(layout.expect("memory is bounded before it is asked for"))
        })
    }

    pub(crate) fn try_new(bytes: usize) -> Result<Memory, Error> {
        let count = bytes.div_ceil(64);
        if count == 0 {
            return Ok(Memory { lines: std::ptr::dangling_mut(), count });
        }
        let layout = Memory::layout(count).ok_or(Error::Memory { bytes })?;
        // SAFETY: the layout is not of size 0.
        let lines = unsafe { alloc(layout) };
        if lines.is_null() {
            return Err(Error::Memory { bytes });
        }
        ask_for_huge_pages(lines, layout);
        // SAFETY: the memory is new and has these bytes.
        unsafe { lines.write_bytes(0, layout.size()) };
        Ok(Memory { lines: lines.cast(), count })
    }

    /// The first byte. Writing through it while a reference to the content lives is the caller's fault.
    pub(crate) fn pointer(&self) -> *mut u8 {
        self.lines.cast()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.count * 64
    }

    /// Large memory begins with a huge page.
    fn layout(count: usize) -> Option<Layout> {
        let layout = Layout::array::<Line>(count).ok()?;
        if layout.size() < HUGE { Some(layout) } else { layout.align_to(HUGE).ok() }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if self.count > 0 {
            let layout = Memory::layout(self.count).expect("the memory was allocated with this layout");
            // SAFETY: `try_new` allocated it with this layout.
            unsafe { dealloc(self.lines.cast(), layout) };
        }
    }
}

impl Clone for Memory {
    fn clone(&self) -> Memory {
        let copy = Memory::new(self.bytes());
        // SAFETY: both hold `count` lines, and the copy is new.
        unsafe { std::ptr::copy_nonoverlapping(self.lines, copy.lines, self.count) };
        copy
    }
}

// SAFETY: the memory is owned, as a box's is.
unsafe impl Send for Memory {}
// SAFETY: through a shared reference only the address is given.
unsafe impl Sync for Memory {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_keep_their_type_and_place() {
        let mut b = Buffer::from_f32(&[2, 3], &[1., 2., 3., 4., 5., 6.]).unwrap();
        assert_eq!(b.pointer() as usize % 64, 0);
        b.as_f32_mut().unwrap()[4] = 9.0;
        assert_eq!(b.as_f32().unwrap(), [1., 2., 3., 4., 9., 6.]);
        assert_eq!(b.as_i32(), None);
        let copy = b.clone();
        assert_eq!(copy, b);
        assert_ne!(copy.pointer(), b.pointer());
        assert_eq!(Buffer::from_bool(&[2], &[true, false]).unwrap().as_bool(), Some(&[true, false][..]));
        assert_eq!(Buffer::zeros(DType::I64, &[0, 5]).view(), View::I64(&[]));
    }

    #[test]
    fn a_wrong_number_of_elements_is_named() {
        let error = Buffer::from_u8(&[2, 2], &[1, 2, 3]).unwrap_err();
        assert_eq!(error.to_string(), "expected 4 elements for shape [2, 2], received 3");
    }

    #[test]
    fn memory_that_no_machine_has_is_an_error() {
        for shape in [&[usize::MAX][..], &[usize::MAX, usize::MAX], &[1 << 60], &[1 << 56, 16]] {
            let made = Buffer::try_zeros(DType::F32, shape);
            assert!(matches!(made, Err(Error::Memory { .. })), "{shape:?}");
        }
        assert_eq!(Buffer::try_zeros(DType::U8, &[2]).unwrap(), Buffer::zeros(DType::U8, &[2]));
    }
}
