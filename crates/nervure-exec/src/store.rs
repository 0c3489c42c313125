use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use nervure_graph::DType;

use crate::Buffer;

/// The state that plans share, by name: weights, optimizer slots, moving statistics, counters.
///
/// Each name has a slot, whose number never changes, so that plans find it without its name. A clone is a copy of everything, with the
/// same slots: plans compiled for the one run on the other.
#[derive(Debug, Clone)]
pub struct Store {
    slots: Vec<(String, Buffer)>,
    index: BTreeMap<String, usize>,
    // Unequal for stores whose slots may differ in type or number: what spares a run the look at each.
    layout: u64,
    // Equal for stores of the same elements alone.
    version: u64,
}

impl Store {
    /// A store of nothing.
    pub fn new() -> Store {
        Store { slots: Vec::new(), index: BTreeMap::new(), layout: fresh(), version: fresh() }
    }

    /// Sets what a name stands for; what it stood for before comes back.
    pub fn insert(&mut self, name: impl Into<String>, value: Buffer) -> Option<Buffer> {
        let name = name.into();
        self.layout = fresh();
        self.version = fresh();
        match self.index.get(&name) {
            Some(&slot) => Some(std::mem::replace(&mut self.slots[slot].1, value)),
            None => {
                self.index.insert(name.clone(), self.slots.len());
                self.slots.push((name, value));
                None
            }
        }
    }

    /// What a name stands for.
    pub fn get(&self, name: &str) -> Option<&Buffer> {
        self.slot(name).map(|s| &self.slots[s].1)
    }

    /// What a name stands for, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Buffer> {
        let slot = self.slot(name)?;
        // The buffer may be replaced by one of another type.
        self.layout = fresh();
        self.version = fresh();
        Some(&mut self.slots[slot].1)
    }

    /// The names and what they stand for, in the order in which they came in.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Buffer)> {
        self.slots.iter().map(|(name, b)| (name.as_str(), b))
    }

    /// The names, in the order in which they came in.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.slots.iter().map(|(name, _)| name.as_str())
    }

    /// Number of names.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The slot of a name.
    pub(crate) fn slot(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    pub(crate) fn layout(&self) -> u64 {
        self.layout
    }

    /// A number that no store of other elements has.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// To be called by whoever writes through [`Store::pointer`].
    pub(crate) fn elements_change(&mut self) {
        self.version = fresh();
    }

    /// The first element of a slot, if that has this type.
    pub(crate) fn pointer(&self, slot: usize) -> *mut u8 {
        self.slots[slot].1.pointer()
    }

    /// Type of what a slot holds.
    pub(crate) fn slot_type(&self, slot: usize) -> Option<(DType, &[usize])> {
        self.slots.get(slot).map(|(_, b)| (b.dtype(), b.shape()))
    }
}

impl Default for Store {
    fn default() -> Store {
        Store::new()
    }
}

fn fresh() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_stable_and_clones_apart() {
        let mut s = Store::new();
        s.insert("b", Buffer::from_f32(&[1], &[1.0]).unwrap());
        s.insert("a", Buffer::from_i32(&[2], &[1, 2]).unwrap());
        assert_eq!(s.names().collect::<Vec<_>>(), ["b", "a"]);
        let mut other = s.clone();
        assert_eq!(other.layout(), s.layout());
        other.get_mut("b").unwrap().as_f32_mut().unwrap()[0] = 5.0;
        assert_ne!(other.layout(), s.layout());
        assert_eq!(s.get("b").unwrap().as_f32().unwrap(), [1.0]);
        assert!(s.insert("b", Buffer::zeros(DType::F32, &[3])).is_some());
        assert_eq!((s.slot("b"), s.slot("a"), s.slot("c")), (Some(0), Some(1), None));
    }
}
