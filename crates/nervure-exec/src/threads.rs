use std::cell::UnsafeCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a thread spins for the next region before it sleeps: regions of one step follow each other faster than that, steps of a
/// waiting server do not.
const SPIN: Duration = Duration::from_micros(50);

/// Threads that stay and share the work of a run.
///
/// Work comes in numbered parts. What a part computes depends on its number alone, never on who does it or on how many there are, so that
/// results are the same bits for any number of threads.
pub struct Threads {
    shared: Arc<Shared>,
    handles: Vec<JoinHandle<()>>,
}

impl Threads {
    /// A pool in which `count` threads work, the calling one among them: with 1 (or 0) none is started. If the system refuses a thread,
    /// the pool has fewer.
    pub fn new(count: usize) -> Threads {
        let shared = Arc::new(Shared {
            state: AtomicU64::new(0),
            next: AtomicUsize::new(0),
            job: UnsafeCell::new(None),
            busy: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            sleepers: AtomicUsize::new(0),
            lock: Mutex::new(()),
            wake: Condvar::new(),
        });
        let handles = (1..count)
            .map_while(|worker| {
                let shared = Arc::clone(&shared);
                std::thread::Builder::new()
                    .name(format!("nervure-{worker}"))
                    .spawn(move || shared.serve(worker))
                    .ok()
            })
            .collect();
        Threads { shared, handles }
    }

    /// As many threads as the system says that it can run at once.
    pub fn all() -> Threads {
        Threads::new(std::thread::available_parallelism().map_or(1, |n| n.get()))
    }

    /// Number of threads that work, the calling one among them.
    pub fn count(&self) -> usize {
        self.handles.len() + 1
    }

    /// Calls `work(i, chunk)` for the chunks of `length` elements of `items`, the last of which may be shorter: for `i` from 0, in any order.
    ///
    /// # Panics
    /// A length of 0.
    pub fn for_each_chunk<T: Send>(
        &self,
        items: &mut [T],
        length: usize,
        work: impl Fn(usize, &mut [T]) + Sync,
    ) {
        let (parts, items) = (items.len().div_ceil(length), Chunks { items, length });
        // SAFETY: each part is done once.
        self.run(parts, &|part, _| work(part, unsafe { items.get(part) }));
    }

    /// Calls `work(part, worker)` once for each part below `parts`, and returns when all are done. `worker` is below [`Threads::count`]
    /// and no two calls at one time have the same. A second region that comes while one runs is done by its caller alone.
    pub(crate) fn run(&self, parts: usize, work: &(dyn Fn(usize, usize) + Sync)) {
        let s = &*self.shared;
        let alone = parts <= 1 || self.handles.is_empty();
        if alone || s.busy.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
            return (0..parts).for_each(|part| work(part, 0));
        }
        // SAFETY: the region is closed (nobody has entered since the last was closed and left), so that nobody reads the job. The lifetime
        // is extended only until this function returns: it waits for all who entered.
        unsafe {
            let work: *const (dyn Fn(usize, usize) + Sync) = work;
            *s.job.get() = Some(Job { work: std::mem::transmute::<*const _, *const _>(work), parts });
        }
        s.next.store(0, Ordering::Relaxed);
        let region = Region { shared: s };
        s.state.fetch_add(EPOCH | OPEN, Ordering::SeqCst);
        if s.sleepers.load(Ordering::SeqCst) > 0 {
            drop(s.guard());
            s.wake.notify_all();
        }
        s.work(work, parts, 0);
        drop(region);
        if s.failed.swap(false, Ordering::Relaxed) {
            panic!("a kernel failed on another thread");
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        drop(self.shared.guard());
        self.shared.wake.notify_all();
        for handle in self.handles.drain(..) {
            // A worker catches what its work throws, so that it ends only when told.
            let _ = handle.join();
        }
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Threads({})", self.count())
    }
}

/// A slice whose chunks go to several threads.
struct Chunks<T> {
    items: *mut [T],
    length: usize,
}

// SAFETY: elements go to other threads, as `T: Send` allows; the pointer itself is shared as a number.
unsafe impl<T: Send> Sync for Chunks<T> {}

impl<T> Chunks<T> {
    /// # Safety
    /// No chunk is asked for twice while the slice is lent.
    #[allow(clippy::mut_from_ref)]
    unsafe fn get(&self, i: usize) -> &mut [T] {
        let start = i * self.length;
        // SAFETY: within the slice, and of nobody else.
        unsafe {
            let count = self.length.min(self.items.len() - start);
            std::slice::from_raw_parts_mut(self.items.cast::<T>().add(start), count)
        }
    }
}

struct Shared {
    /// Epoch of the region in the upper half, whether it is open, and how many workers are in it.
    state: AtomicU64,
    /// The next part that nobody has taken.
    next: AtomicUsize,
    job: UnsafeCell<Option<Job>>,
    /// Whether a caller has a region.
    busy: AtomicBool,
    failed: AtomicBool,
    stop: AtomicBool,
    sleepers: AtomicUsize,
    lock: Mutex<()>,
    wake: Condvar,
}

// SAFETY: the job is written only while no region is open and nobody is in one, read only by those who entered an open one; `Job` holds a
// pointer to work that is `Sync`.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

#[derive(Clone, Copy)]
struct Job {
    work: *const (dyn Fn(usize, usize) + Sync),
    parts: usize,
}

const EPOCH: u64 = 1 << 32;
const OPEN: u64 = 1 << 31;
const INSIDE: u64 = OPEN - 1;

/// Closes the region and waits for those within, also when the caller's own part unwinds.
struct Region<'a> {
    shared: &'a Shared,
}

impl Drop for Region<'_> {
    fn drop(&mut self) {
        let s = self.shared;
        s.state.fetch_and(!OPEN, Ordering::AcqRel);
        let mut spins = 0u32;
        while s.state.load(Ordering::Acquire) & INSIDE != 0 {
            spins += 1;
            if spins < 10_000 { std::hint::spin_loop() } else { std::thread::yield_now() }
        }
        s.busy.store(false, Ordering::Release);
    }
}

impl Shared {
    fn serve(&self, worker: usize) {
        let mut seen = 0;
        loop {
            let Some(epoch) = self.wait(seen) else { return };
            seen = epoch;
            if !self.enter(epoch) {
                continue;
            }
            // SAFETY: an open region was entered, so that the job is set and stays until all have left.
            let job = unsafe { *self.job.get() };
            if let Some(Job { work, parts }) = job {
                // SAFETY: as above.
                let work = unsafe { &*work };
                if catch_unwind(AssertUnwindSafe(|| self.work(work, parts, worker))).is_err() {
                    self.failed.store(true, Ordering::Relaxed);
                }
            }
            self.state.fetch_sub(1, Ordering::Release);
        }
    }

    fn work(&self, work: &(dyn Fn(usize, usize) + Sync), parts: usize, worker: usize) {
        loop {
            let part = self.next.fetch_add(1, Ordering::Relaxed);
            if part >= parts {
                return;
            }
            work(part, worker);
        }
    }

    /// Counts this worker in, unless the region of `epoch` has closed.
    fn enter(&self, epoch: u64) -> bool {
        let enter = |s: u64| (s >> 32 == epoch && s & OPEN != 0).then_some(s + 1);
        self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, enter).is_ok()
    }

    /// The epoch of an open region other than `seen`; none when the pool ends.
    fn wait(&self, seen: u64) -> Option<u64> {
        let open = || {
            let s = self.state.load(Ordering::SeqCst);
            (s & OPEN != 0 && s >> 32 != seen).then_some(s >> 32)
        };
        let start = Instant::now();
        loop {
            for _ in 0..64 {
                if let Some(epoch) = open() {
                    return Some(epoch);
                }
                std::hint::spin_loop();
            }
            if self.stop.load(Ordering::Relaxed) {
                return None;
            }
            if start.elapsed() > SPIN {
                break;
            }
        }
        let mut guard = self.guard();
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        let found = loop {
            if self.stop.load(Ordering::SeqCst) {
                break None;
            }
            if let Some(epoch) = open() {
                break Some(epoch);
            }
            guard = self.wake.wait(guard).unwrap_or_else(PoisonError::into_inner);
        };
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
        found
    }

    fn guard(&self) -> MutexGuard<'_, ()> {
        // The lock guards no data, so that a panic while it was held broke nothing.
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_done_once() {
        for count in [1, 2, 5] {
            let threads = Threads::new(count);
            for parts in [0, 1, 2, 3, 100, 1000] {
                let done: Vec<AtomicUsize> = (0..parts).map(|_| AtomicUsize::new(0)).collect();
                threads.run(parts, &|part, worker| {
                    assert!(worker < threads.count());
                    done[part].fetch_add(1, Ordering::Relaxed);
                });
                assert!(done.iter().all(|d| d.load(Ordering::Relaxed) == 1));
            }
        }
    }

    #[test]
    fn every_chunk_is_given_once() {
        for count in [1, 3] {
            let threads = Threads::new(count);
            for (length, chunk) in [(0, 4), (1, 4), (8, 4), (103, 5)] {
                let mut items = vec![0; length];
                threads.for_each_chunk(&mut items, chunk, |i, items| {
                    items.iter_mut().enumerate().for_each(|(j, x)| *x += i * chunk + j);
                });
                assert_eq!(items, (0..length).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn regions_may_follow_fast_or_after_a_sleep_and_nest() {
        let threads = Threads::new(3);
        let sum = AtomicUsize::new(0);
        for i in 0..2000 {
            if i % 500 == 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
            threads.run(4, &|part, _| {
                sum.fetch_add(part, Ordering::Relaxed);
            });
        }
        assert_eq!(sum.load(Ordering::Relaxed), 2000 * 6);
        let inner = AtomicUsize::new(0);
        threads.run(3, &|_, _| {
            threads.run(5, &|_, _| {
                inner.fetch_add(1, Ordering::Relaxed);
            })
        });
        assert_eq!(inner.load(Ordering::Relaxed), 15);
    }

    #[test]
    fn a_failing_part_ends_the_region_and_not_the_pool() {
        let threads = Threads::new(2);
        for _ in 0..20 {
            let run = || {
                threads.run(8, &|part, _| {
                    std::thread::sleep(Duration::from_micros(50));
                    assert!(part != 5);
                })
            };
            assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
        }
        let done = AtomicUsize::new(0);
        threads.run(8, &|_, _| {
            done.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(done.load(Ordering::Relaxed), 8);
    }
}
