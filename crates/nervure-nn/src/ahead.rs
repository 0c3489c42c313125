//! Batches that are gathered on a thread of their own while the one before is at work.

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use nervure_exec::Buffer;

use crate::feed::Feed;

/// Bytes of a batch from which on it is gathered ahead: handing it over takes some microseconds, in which a core copies about as much.
const WORTH: usize = 64 << 10;

/// A thread that gathers the next batch. Two sets of buffers go to and fro.
#[derive(Debug)]
pub(crate) struct Ahead {
    /// None when it ends.
    jobs: Option<SyncSender<Job>>,
    ready: Receiver<Vec<Buffer>>,
    thread: Option<JoinHandle<()>>,
    /// Buffers of no batch.
    spare: Vec<Buffer>,
}

/// Places of an order whose rows are to be gathered.
struct Job {
    order: Arc<[u32]>,
    places: Range<usize>,
    buffers: Vec<Buffer>,
}

impl Ahead {
    /// For batches of `rows` rows; none where a thread is not worth its while, or the system refuses one.
    pub fn new(feed: &Arc<Feed>, rows: usize) -> Option<Ahead> {
        let spare = feed.buffers(rows);
        let bytes: usize = spare.iter().map(|b| b.len() * b.dtype().size()).sum();
        if bytes < WORTH {
            return None;
        }
        let (jobs, taken) = sync_channel::<Job>(1);
        let (done, ready) = sync_channel(1);
        let feed = Arc::clone(feed);
        let gather = move || {
            let mut picked = Vec::new();
            for Job { order, places, mut buffers } in taken {
                feed.fill(&order[places], &mut buffers, &mut picked);
                drop(order);
                if done.send(buffers).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("nervure-feed".into()).spawn(gather).ok()?;
        Some(Ahead { jobs: Some(jobs), ready, thread: Some(thread), spare })
    }

    /// Begins to gather the rows at these places of the order.
    pub fn begin(&mut self, order: &Arc<[u32]>, places: Range<usize>) {
        let job = Job { order: Arc::clone(order), places, buffers: std::mem::take(&mut self.spare) };
        let jobs = self.jobs.as_ref().expect("the channel is closed by `drop` alone");
        jobs.send(job).expect("the thread ends when the channel is closed");
    }

    /// Puts the batch that was begun in the place of `inputs`.
    pub fn take(&mut self, inputs: &mut Vec<Buffer>) {
        let batch = self.ready.recv().expect("a batch was begun");
        self.spare = std::mem::replace(inputs, batch);
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // What it panicked with, the receiver has met.
            let _ = thread.join();
        }
    }
}
