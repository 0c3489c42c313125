use std::fmt;

use nervure_graph::{Bindings, DType, Graph, simplify};

use crate::buffer::Memory;
use crate::compile::{self, Place, Results, RowBlocks};
use crate::kernels::columns::FusedColumns;
use crate::kernels::conv::Conv;
use crate::kernels::index::{ArgSort, Check, Gather, ScatterAdd};
use crate::kernels::matmul::MatMul;
use crate::kernels::movement::{Assemble, Copy};
use crate::kernels::pool::Pool;
use crate::kernels::reduce::{Columns, Extent, Fused};
use crate::kernels::row_block::ByRows;
use crate::kernels::rows::{self, Rows};
use crate::kernels::scan::Scan;
use crate::kernels::{BufferId, Frame};
use crate::simd::Level;
use crate::{Error, Store};

/// Name, element type and shape of an input or output.
pub type Argument = (String, DType, Vec<usize>);

/// A graph compiled for one set of sizes: a list of kernels over buffers whose places are settled. It is never changed, so that any number
/// of [`Runner`](crate::Runner)s can run it at one time.
///
/// ```
/// use std::sync::Arc;
/// use nervure_exec::{Buffer, Plan, Runner, Store, Threads, View};
/// use nervure_graph::{Bindings, Builder, DType, Dim};
///
/// let g = Builder::new();
/// let x = g.input("x", DType::F32, [Dim::symbol("batch"), 2.into()]);
/// let w = g.parameter("w", DType::F32, [2.into(), 1.into()]);
/// g.output("y", x.matmul(w));
/// let graph = g.finish()?;
///
/// let mut store = Store::new();
/// store.insert("w", Buffer::from_f32(&[2, 1], &[10.0, 1.0])?);
/// let plan = Plan::compile(&graph, &Bindings::from([("batch".into(), 2)]), &store)?;
/// let mut runner = Runner::new(Arc::new(plan));
/// runner.infer(&Threads::new(1), &store, &[View::F32(&[1.0, 2.0, 3.0, 4.0])])?;
/// assert_eq!(runner.output(0), View::F32(&[12.0, 34.0]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Plan {
    pub(crate) level: Level,
    pub(crate) steps: Vec<PlanStep>,
    pub(crate) places: Vec<(Place, usize)>,
    pub(crate) constants: Memory,
    pub(crate) arena: usize,
    /// Bytes of the room for what the body of a scan keeps.
    pub(crate) kept: usize,
    /// How the body of a scan is done in blocks of rows, if it can be; the arena is for one block then.
    pub(crate) row_blocks: Option<RowBlocks>,
    largest: usize,
    /// Bytes of scratch of one worker.
    pub(crate) scratch: usize,
    /// Work of all kernels, in the time of a floating-point operation.
    pub(crate) work: usize,
    /// Whether kernels keep what they make of parameters, or of what the steps of a scan share.
    pub(crate) keeps: bool,
    /// Whether the work is worth more than one thread.
    pub(crate) is_shared: bool,
    inputs: Vec<Argument>,
    outputs: Vec<Argument>,
    pub(crate) output_buffers: Vec<BufferId>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) updated: Vec<String>,
}

/// A kernel as listings show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelLine {
    /// What it does, over how much, in one line.
    pub what: String,
    /// Path of the scope from which it comes.
    pub path: String,
    /// Floating-point operations, of matrix products and convolutions alone.
    pub flops: u64,
}

/// A kernel of a plan.
pub(crate) struct PlanStep {
    /// Path of the scope from which it comes.
    pub path: String,
    pub kernel: Kernel,
    pub flops: u64,
}

/// A parameter of a plan.
pub(crate) struct Slot {
    pub slot: usize,
    pub name: String,
    pub dtype: DType,
    pub shape: Vec<usize>,
}

/// Where the buffers of a plan lie.
pub(crate) struct Buffers {
    pub places: Vec<(Place, usize)>,
    pub constants: Vec<u8>,
    pub arena: usize,
    pub largest: usize,
    pub kept: usize,
    pub row_blocks: Option<RowBlocks>,
}

/// What a step of a plan does.
pub(crate) enum Kernel {
    Fused(Fused),
    FusedColumns(FusedColumns),
    Columns(Columns),
    MatMul(MatMul),
    Copy(Copy),
    Assemble(Assemble),
    Rows(Rows),
    Conv(Box<Conv>),
    Pool(Pool),
    Check(Check),
    Gather(Gather),
    ScatterAdd(ScatterAdd),
    ArgSort(ArgSort),
    Scan(Box<Scan>),
}

/// Floating-point operations, or what takes as long, below which a plan runs on the calling thread alone: what two threads
/// gain there, waking and waiting for each other costs.
const SHARED: usize = 150_000;

impl Plan {
    /// Compiles `graph` for the sizes that `bindings` give its symbols, and for the parameters of `store`.
    ///
    /// # Errors
    /// A symbol without a value, sizes with which an operation is not defined, arrays too large; a parameter that the store has not, or
    /// has of another type.
    pub fn compile(graph: &Graph, bindings: &Bindings, store: &Store) -> Result<Plan, Error> {
        Plan::compile_for(graph, bindings, store, Level::best())
    }

    pub(crate) fn compile_for(
        graph: &Graph,
        bindings: &Bindings,
        store: &Store,
        level: Level,
    ) -> Result<Plan, Error> {
        compile::compile(&simplify(graph).graph, bindings, store, level, Results::Arena)
    }

    pub(crate) fn new(
        level: Level,
        steps: Vec<PlanStep>,
        buffers: Buffers,
        inputs: Vec<Argument>,
        (outputs, output_buffers): (Vec<Argument>, Vec<BufferId>),
        (slots, updated): (Vec<Slot>, Vec<String>),
    ) -> Plan {
        let constants = Memory::new(buffers.constants.len());
        // SAFETY: the memory is new and has room.
        unsafe {
            std::ptr::copy_nonoverlapping(
                buffers.constants.as_ptr(),
                constants.pointer(),
                buffers.constants.len(),
            );
        }
        let scratch = steps.iter().map(|s| s.kernel.scratch()).max().unwrap_or(0).next_multiple_of(64);
        let work = steps.iter().fold(0usize, |sum, s| sum.saturating_add(s.kernel.work()));
        let keeps = steps.iter().any(|s| {
            matches!(&s.kernel, Kernel::MatMul(k) if k.kept.is_some())
                || matches!(&s.kernel, Kernel::Conv(k) if k.is_kept)
        });
        Plan {
            keeps,
            level,
            steps,
            places: buffers.places,
            constants,
            arena: buffers.arena,
            kept: buffers.kept,
            row_blocks: buffers.row_blocks,
            largest: buffers.largest,
            scratch,
            work,
            is_shared: work > SHARED,
            inputs,
            outputs,
            output_buffers,
            slots,
            updated,
        }
    }

    /// Lets kernels make what they keep.
    ///
    /// # Safety
    /// The frame's buffers are those that the plan was compiled for.
    pub(crate) unsafe fn keep(&self, frame: &Frame) {
        for step in self.steps.iter().filter(|_| self.keeps) {
            // SAFETY: the caller's promise.
            unsafe {
                if let Kernel::MatMul(k) = &step.kernel {
                    k.keep(frame);
                } else if let Kernel::Conv(k) = &step.kernel {
                    k.keep(frame);
                }
            }
        }
    }

    /// The inputs, in the order in which a run takes them.
    pub fn inputs(&self) -> &[Argument] {
        &self.inputs
    }

    /// The outputs, in the order in which a runner numbers them.
    pub fn outputs(&self) -> &[Argument] {
        &self.outputs
    }

    /// Bytes of the arena that each runner has.
    pub fn arena_bytes(&self) -> usize {
        self.arena
    }

    /// Bytes that a run on so many threads takes beside parameters and inputs: the arena, and scratch for each thread that has a part in it.
    pub fn memory(&self, threads: usize) -> usize {
        self.arena + self.scratch * if self.is_shared { threads } else { 1 }
    }

    /// Bytes of the largest set of arrays that live at one time: what no arena can be smaller than.
    pub fn live_bytes(&self) -> usize {
        self.largest
    }

    /// Floating-point operations of the matrix products and convolutions of a run; a product and a sum are two.
    pub fn flops(&self) -> u64 {
        self.steps.iter().map(|s| s.flops).sum()
    }

    /// Number of kernels.
    pub fn kernels(&self) -> usize {
        self.steps.len()
    }

    /// The kernels, in the order in which they run.
    pub fn listing(&self) -> impl ExactSizeIterator<Item = KernelLine> {
        let line =
            |s: &PlanStep| KernelLine { what: s.kernel.to_string(), path: s.path.clone(), flops: s.flops };
        self.steps.iter().map(line)
    }

    /// Names of the parameters that a run changes.
    pub fn updates(&self) -> &[String] {
        &self.updated
    }
}

impl fmt::Display for Plan {
    /// A line for each kernel, those of loops within: what it does, over how much, and whence it comes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = if self.is_shared { "all threads" } else { "one thread" };
        writeln!(
            f,
            "plan {}, {} kernels, arena {} bytes (live {}), {} flops, {shared}",
            self.level.name(),
            self.steps.len(),
            self.arena,
            self.largest,
            self.flops()
        )?;
        for (i, step) in self.steps.iter().enumerate() {
            writeln!(f, "{i:4}  {:#}  {}", step.kernel, step.path)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Kernel {
    /// Whether it can stop the run.
    pub fn can_fail(&self) -> bool {
        match self {
            Kernel::Check(_) => true,
            Kernel::Scan(k) => k.body.steps.iter().any(|s| s.kernel.can_fail()),
            Kernel::Fused(_)
            | Kernel::FusedColumns(_)
            | Kernel::Columns(_)
            | Kernel::MatMul(_)
            | Kernel::Copy(_)
            | Kernel::Assemble(_)
            | Kernel::Rows(_)
            | Kernel::Conv(_)
            | Kernel::Pool(_)
            | Kernel::Gather(_)
            | Kernel::ScatterAdd(_)
            | Kernel::ArgSort(_) => false,
        }
    }

    /// Bytes of scratch that a worker needs.
    fn scratch(&self) -> usize {
        match self {
            Kernel::Fused(k) => k.tape.scratch,
            Kernel::FusedColumns(k) => k.scratch(),
            Kernel::MatMul(k) => k.scratch(),
            Kernel::Conv(k) => k.scratch(),
            Kernel::Pool(k) => k.scratch(),
            Kernel::Rows(_) => rows::SCRATCH,
            Kernel::Scan(k) => k.scratch(),
            Kernel::Columns(_)
            | Kernel::Copy(_)
            | Kernel::Assemble(_)
            | Kernel::Check(_)
            | Kernel::Gather(_)
            | Kernel::ScatterAdd(_)
            | Kernel::ArgSort(_) => 0,
        }
    }

    /// Itself, if its rows can be done each apart from the others.
    pub fn by_rows(&self) -> Option<&dyn ByRows> {
        match self {
            Kernel::Fused(k) => Some(k),
            Kernel::MatMul(k) => Some(k),
            Kernel::Copy(k) => Some(k),
            Kernel::Assemble(k) => Some(k),
            Kernel::Rows(k) => Some(k),
            Kernel::FusedColumns(_)
            | Kernel::Columns(_)
            | Kernel::Conv(_)
            | Kernel::Pool(_)
            | Kernel::Check(_)
            | Kernel::Gather(_)
            | Kernel::ScatterAdd(_)
            | Kernel::ArgSort(_)
            | Kernel::Scan(_) => None,
        }
    }

    /// Floating-point operations, or what takes as long.
    pub fn work(&self) -> usize {
        match self {
            Kernel::Fused(k) => k.rows.saturating_mul(k.row).saturating_mul(k.tape.cost + k.sinks.len()),
            Kernel::FusedColumns(k) => {
                k.extent.outer * k.extent.k * k.extent.inner * (k.tape.cost + k.sinks.len())
            }
            Kernel::Columns(k) => k.outer * k.k * k.inner,
            Kernel::MatMul(k) => k.cost(),
            Kernel::Copy(k) => k.axes.iter().map(|a| a.0).product(),
            Kernel::Assemble(k) => {
                k.copies.iter().map(|c| c.axes.iter().map(|a| a.0).product::<usize>()).sum()
            }
            Kernel::Rows(k) => k.rows.saturating_mul(k.row).saturating_mul(8),
            Kernel::Conv(k) => k.cost(),
            Kernel::Pool(k) => {
                k.geometry.images * k.geometry.windows() * k.geometry.taps().saturating_mul(k.channels)
            }
            Kernel::Check(k) => k.count,
            Kernel::Gather(k) => k.sizes.0 * k.sizes.1 * (k.slice / 16 + 2),
            Kernel::ScatterAdd(k) => k.sizes.0 * (k.sizes.1 + k.sizes.2) * k.slice,
            Kernel::ArgSort(k) => k.rows.saturating_mul(k.row).saturating_mul(64),
            Kernel::Scan(k) => k.cost,
        }
    }

    /// # Safety
    /// The frame's buffers are those that the plan was compiled for.
    pub unsafe fn run(&self, frame: &Frame) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe {
            match self {
                Kernel::Fused(k) => k.run(frame),
                Kernel::FusedColumns(k) => k.run(frame),
                Kernel::Columns(k) => k.run(frame),
                Kernel::MatMul(k) => k.run(frame),
                Kernel::Copy(k) => k.run(frame),
                Kernel::Assemble(k) => k.run(frame),
                Kernel::Rows(k) => k.run(frame),
                Kernel::Conv(k) => k.run(frame),
                Kernel::Pool(k) => k.run(frame),
                Kernel::Check(k) => k.run(frame)?,
                Kernel::Gather(k) => k.run(frame),
                Kernel::ScatterAdd(k) => k.run(frame),
                Kernel::ArgSort(k) => k.run(frame),
                Kernel::Scan(k) => k.run(frame)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Kernel {
    /// In one line; the alternate form of a loop has its kernels' lines too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kernel::Fused(k) => {
                write!(f, "map {} × {}, {} steps", k.rows, k.row, k.tape.steps.len())?;
                for sink in &k.sinks {
                    write!(f, ", row {:?}", sink.kind)?;
                }
                Ok(())
            }
            Kernel::FusedColumns(k) => {
                let Extent { outer, k: terms, inner } = k.extent;
                write!(f, "map {outer} × {terms} × {inner}, {} steps", k.tape.steps.len())?;
                k.sinks.iter().try_for_each(|sink| write!(f, ", column {:?}", sink.kind))
            }
            Kernel::Columns(k) => write!(f, "column {:?} {} × {} × {}", k.kind, k.outer, k.k, k.inner),
            Kernel::MatMul(k) => {
                let how = match (k.is_direct, k.kept) {
                    (true, _) => "direct",
                    (false, None) => "packed",
                    (false, Some(_)) => "packed once",
                };
                write!(f, "matmul {} × ({} × {} × {}), {how}", k.count(), k.sizes.m, k.sizes.k, k.sizes.n)?;
                k.tail.iter().try_for_each(|t| write!(f, ", tail of {} steps", t.steps.len()))
            }
            Kernel::Copy(k) => write!(f, "copy {:?}", k.axes.iter().map(|a| a.0).collect::<Vec<_>>()),
            Kernel::Assemble(k) => {
                let fill = if k.fill.is_some() { "fill and " } else { "" };
                write!(f, "{fill}copy {} parts", k.copies.len())
            }
            Kernel::Rows(k) => write!(f, "row {:?} {} × {}", k.kind, k.rows, k.row),
            Kernel::Conv(k) => {
                let s = k.sizes;
                let tiles = if k.is_winograd() { "Winograd " } else { "" };
                let kept = if k.is_kept { ", packed once" } else { "" };
                write!(
                    f,
                    "{tiles}convolution {:?} {} × ({} × {} × {}){kept}",
                    k.kind, k.groups, s.m, s.k, s.n
                )?;
                k.tail.iter().try_for_each(|t| write!(f, ", tail of {} steps", t.steps.len()))
            }
            Kernel::Pool(k) => {
                let g = &k.geometry;
                write!(f, "pool {:?} {} × {:?} of {:?} × {}", k.step, g.images, g.output, g.size, k.channels)
            }
            Kernel::Check(k) => write!(f, "check {} indices below {}", k.count, k.size),
            Kernel::Gather(k) => write!(f, "gather {} × {} of {}", k.sizes.0, k.sizes.1, k.sizes.2),
            Kernel::ScatterAdd(k) => write!(f, "scatter {} × {} to {}", k.sizes.0, k.sizes.1, k.sizes.2),
            Kernel::ArgSort(k) => write!(f, "sort {} × {}", k.rows, k.row),
            Kernel::Scan(k) => {
                write!(f, "scan {} steps", k.length)?;
                if let Some(r) = &k.body.row_blocks {
                    write!(f, " for {} rows in blocks of {}", r.rows, r.block)?;
                }
                if k.is_apart {
                    write!(f, ", apart")?;
                }
                if !f.alternate() {
                    return write!(f, " of {} kernels", k.body.steps.len());
                }
                writeln!(f, " of")?;
                for step in &k.body.steps {
                    writeln!(f, "        {:#}  {}", step.kernel, step.path)?;
                }
                write!(f, "      end of scan")
            }
        }
    }
}
