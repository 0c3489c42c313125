use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::buffer::Memory;
use crate::compile::Place;
use crate::kernels::Frame;
use crate::plan::PlanStep;
use crate::{Error, Plan, Store, Threads, View};

/// What one run of a plan at a time needs: the arena, and room for its outputs. Runners of one plan run independently of each other.
pub struct Runner {
    plan: Arc<Plan>,
    arena: Memory,
    scratch: Memory,
    table: Vec<*mut u8>,
    /// The layout of the store that was found to fit.
    fits: Option<u64>,
    /// The version of the store of which kernels keep what they made.
    kept: Option<u64>,
    has_run: bool,
    /// What each kernel of the last run took, if that is wanted.
    times: Option<Vec<Duration>>,
}

// SAFETY: the pointers are into memory that the runner owns, or are set anew at each run from what that borrows.
unsafe impl Send for Runner {}
// SAFETY: through a shared reference only outputs are read.
unsafe impl Sync for Runner {}

impl Runner {
    /// A runner of `plan`. Its memory is asked for by the first run.
    pub fn new(plan: Arc<Plan>) -> Runner {
        let [arena, scratch] = [0; 2].map(Memory::new);
        let pointer = |&(place, _): &(Place, usize)| match place {
            // Where there is no byte to point to, a pointer is still aligned and not null.
            Place::Arena => arena.pointer(),
            Place::Constant(at) => plan.constants.pointer().wrapping_add(at),
            Place::Input(_) | Place::Slot(_) | Place::Output(_) | Place::Kept(_) | Place::Same(_) => {
                std::ptr::null_mut()
            }
        };
        let table = plan.places.iter().map(pointer).collect();
        Runner { plan, arena, scratch, table, fits: None, kept: None, has_run: false, times: None }
    }

    /// The plan.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Bytes that the runner holds: none before the first run, then those that [`Plan::memory`] foretold.
    pub fn bytes(&self) -> usize {
        self.arena.bytes() + self.scratch.bytes()
    }

    /// Times each kernel of the runs from now on: see [`Runner::kernel_times`]. Runs without it read no clock.
    pub fn time_kernels(&mut self) {
        self.times = Some(vec![Duration::ZERO; self.plan.steps.len()]);
    }

    /// What each kernel of the last run took, in the order of [`Plan::listing`]; nothing unless [`Runner::time_kernels`] was called. The
    /// clock's own few dozen nanoseconds are in each.
    pub fn kernel_times(&self) -> &[Duration] {
        self.times.as_deref().unwrap_or(&[])
    }

    /// Runs the plan and applies its updates.
    ///
    /// # Errors
    /// Inputs or a store that do not fit, or memory that the system does not give, before anything is done; an index out of range. State that the failed run would have changed is
    /// then as it was before.
    pub fn run(&mut self, threads: &Threads, store: &mut Store, inputs: &[View]) -> Result<(), Error> {
        self.start(store, inputs)?;
        if !self.plan.updated.is_empty() {
            store.elements_change();
        }
        self.go(threads, store.version())
    }

    /// Runs a plan that changes no state.
    ///
    /// # Errors
    /// As [`Runner::run`]; [`Error::Updates`] if the plan has updates.
    pub fn infer(&mut self, threads: &Threads, store: &Store, inputs: &[View]) -> Result<(), Error> {
        if let Some(name) = self.plan.updated.first() {
            return Err(Error::Updates { name: name.clone() });
        }
        self.start(store, inputs)?;
        self.go(threads, store.version())
    }

    /// Runs the plan, and applies its updates, if it has any, to a copy that takes the place of a store which is not one yet.
    ///
    /// # Errors
    /// As [`Runner::run`].
    pub fn run_apart(
        &mut self,
        threads: &Threads,
        store: &mut Cow<'_, Store>,
        inputs: &[View],
    ) -> Result<(), Error> {
        if self.plan.updated.is_empty() {
            self.infer(threads, store, inputs)
        } else {
            self.run(threads, store.to_mut(), inputs)
        }
    }

    /// An output of the last run.
    ///
    /// # Panics
    /// If there is no such output, or no run yet.
    pub fn output(&self, index: usize) -> View<'_> {
        assert!(self.has_run, "an output was asked for before a run");
        let (_, dtype, shape) = &self.plan.outputs()[index];
        let buffer = self.plan.output_buffers[index];
        // SAFETY: the buffer lies in the arena, on a boundary of 64 bytes, has the elements of this type and shape, was written by the last
        // run, and is written again only through `&mut self`.
        unsafe { View::from_raw(*dtype, self.table[buffer as usize], shape.iter().product()) }
    }

    /// Checks what the run is given, and finds where it lies.
    fn start(&mut self, store: &Store, inputs: &[View]) -> Result<(), Error> {
        let plan = &*self.plan;
        if inputs.len() != plan.inputs().len() {
            return Err(Error::Inputs { expected: plan.inputs().len(), received: inputs.len() });
        }
        for ((name, dtype, shape), view) in plan.inputs().iter().zip(inputs) {
            if view.dtype() != *dtype || view.len() != shape.iter().product::<usize>() {
                return Err(Error::Input {
                    name: name.clone(),
                    expected: format!("{dtype}{shape:?}"),
                    received: format!("{} elements of {}", view.len(), view.dtype()),
                });
            }
        }
        if self.fits != Some(store.layout()) {
            for slot in &plan.slots {
                // By name, for another store may hold other things in its slots.
                let found =
                    store.slot(&slot.name).filter(|&s| s == slot.slot).and_then(|s| store.slot_type(s));
                if found != Some((slot.dtype, &slot.shape)) {
                    return Err(Error::Parameter {
                        name: slot.name.clone(),
                        expected: format!("{}{:?}", slot.dtype, slot.shape),
                        received: found
                            .map_or("none of that name in its place".into(), |(d, s)| format!("{d}{s:?}")),
                    });
                }
            }
            self.fits = Some(store.layout());
        }
        if self.arena.bytes() < plan.arena {
            self.arena = Memory::try_new(plan.arena)?;
            self.kept = None;
            for (pointer, &(place, at)) in self.table.iter_mut().zip(&plan.places) {
                if matches!(place, Place::Arena) {
                    *pointer = self.arena.pointer().wrapping_add(at);
                }
            }
        }
        for (pointer, &(place, _)) in self.table.iter_mut().zip(&plan.places) {
            match place {
                Place::Input(i) => *pointer = inputs[i].pointer().cast_mut(),
                Place::Slot(s) => *pointer = store.pointer(s),
                Place::Arena | Place::Constant(_) | Place::Output(_) | Place::Kept(_) | Place::Same(_) => {}
            }
        }
        Ok(())
    }

    fn go(&mut self, threads: &Threads, version: u64) -> Result<(), Error> {
        let plan = &*self.plan;
        let threads = Some(threads).filter(|t| plan.is_shared && t.count() > 1);
        let needed = plan.scratch * threads.map_or(1, |t| t.count());
        if self.scratch.bytes() < needed {
            self.scratch = Memory::try_new(needed)?;
        }
        let frame =
            Frame { table: &self.table, scratch: self.scratch.pointer(), stride: plan.scratch, threads };
        if plan.keeps && self.kept != Some(version) {
            // SAFETY: as below, and what is kept is in the arena, where nothing else lies.
            unsafe { plan.keep(&frame) };
            self.kept = Some(version);
        }
        self.has_run = true;
        let run = |step: &PlanStep, frame: &Frame| {
            // SAFETY: the table holds what the plan was compiled for: constants from the beginning, the arena, inputs and
            // slots since `start`, which has checked their types. Inputs are not written; slots are, by plans with updates, which `run` alone starts,
            // with the store borrowed for itself.
            unsafe { step.kernel.run(frame) }
        };
        let Some(times) = &mut self.times else {
            return plan.steps.iter().try_for_each(|step| run(step, &frame));
        };
        let mut start = Instant::now();
        for (step, time) in plan.steps.iter().zip(times) {
            run(step, &frame)?;
            let end = Instant::now();
            *time = end - start;
            start = end;
        }
        Ok(())
    }
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Runner({} bytes)", self.bytes())
    }
}
