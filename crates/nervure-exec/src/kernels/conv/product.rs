//! Convolutions and their gradients to the input: places times a packed kernel, block by block of places.

use std::ops::Range;

use super::super::Frame;
use super::super::tape::Tape;
use super::super::window::Geometry;
use super::pass::{Block, Blocks, Pass, Run};
use super::tile::{Places, cut, panels, rows, tile};
use super::{Operands, depthwise};
use crate::simd::{Kernel, Level, Simd};

/// Terms that are summed in one accumulator, at most. Longer sums are cut in blocks as equal as can be, a function of the length
/// alone, and the blocks' sums are added in ascending order.
const TERMS: usize = 512;
/// Multiplications below which a block of places is not worth being a part of its own.
const WORK: usize = 1 << 18;
/// Parts that even out what threads do.
const PARTS: usize = 32;

/// A result whose places are sums, over taps and channels, of a source's elements times a kernel's.
#[derive(Debug, Clone)]
pub(super) struct Products {
    passes: Vec<Weighted>,
    images: usize,
    groups: usize,
    /// Whether each channel has a kernel of its own; then all are one group.
    is_depthwise: bool,
    /// Whether the terms are the convolution's outputs: the kernel is turned about.
    is_turned: bool,
    /// Channels of the source and of the result, of one group.
    channels: (usize, usize),
    /// Spatial sizes of the source and of the result.
    sizes: ([usize; 3], [usize; 3]),
}

/// The places of a pass, and how their sums go.
#[derive(Debug, Clone)]
struct Weighted {
    blocks: Blocks,
    /// What a place meets, for each block of terms.
    terms: Vec<Vec<Run>>,
    /// The taps, where each channel has a kernel of its own.
    taps: Vec<(usize, usize)>,
    /// Length of the sums.
    len: usize,
    /// Terms of the passes before.
    before: usize,
}

impl Products {
    /// The convolution of an input of which a group has `inputs` channels.
    pub fn forward(g: &Geometry, groups: usize, (inputs, outputs): (usize, usize)) -> Products {
        let pass = Pass::forward(g);
        Products::new(vec![pass], g.images, groups, (inputs, outputs), (g.input, g.output), false)
    }

    /// Its gradient to the input.
    pub fn input_grad(g: &Geometry, groups: usize, (inputs, outputs): (usize, usize)) -> Products {
        let passes = Pass::input_grad(g);
        Products::new(passes, g.images, groups, (outputs, inputs), (g.output, g.input), true)
    }

    fn new(
        passes: Vec<Pass>,
        images: usize,
        groups: usize,
        channels: (usize, usize),
        sizes: ([usize; 3], [usize; 3]),
        is_turned: bool,
    ) -> Products {
        let is_depthwise = channels == (1, 1) && groups > 1;
        let (groups, channels) = if is_depthwise { (1, (groups, groups)) } else { (groups, channels) };
        let mut before = 0;
        let passes = passes
            .into_iter()
            .map(|pass| {
                let len = pass.taps().len() * if is_depthwise { 1 } else { channels.0 };
                let worth = WORK / (len * channels.1 * groups).max(1);
                let most = (images * pass.places()).div_ceil(PARTS).max(worth);
                let blocks = Blocks::new(pass, sizes.0, channels.0 * groups, channels.0, most);
                let terms = if is_depthwise { Vec::new() } else { cut_runs(&blocks.runs(), len) };
                let taps = blocks.taps().collect();
                before += len;
                Weighted { blocks, terms, taps, len, before: before - len }
            })
            .collect();
        Products { passes, images, groups, is_depthwise, is_turned, channels, sizes }
    }

    /// Whether one pass writes the whole result, block after block.
    pub fn is_whole(&self) -> bool {
        self.passes.len() == 1 && self.passes[0].blocks.pass.step == [1; 3]
    }

    /// Floats of the packed kernels.
    pub fn room(&self, level: Level) -> usize {
        self.groups * self.room_of_group(level)
    }

    fn room_of_group(&self, level: Level) -> usize {
        let terms: usize = self.passes.iter().map(|p| p.len).sum();
        if self.is_depthwise { 0 } else { terms * self.channels.1.next_multiple_of(level.lanes()) }
    }

    /// Floats of scratch of a worker.
    pub fn scratch(&self) -> usize {
        self.passes.iter().map(|p| p.blocks.scratch()).max().unwrap_or(0)
    }

    /// Where the kernel of a group is packed for a pass.
    fn packed(&self, level: Level, operands: &Operands, group: usize, pass: &Weighted) -> *mut f32 {
        let columns = self.channels.1.next_multiple_of(level.lanes());
        operands.room.add(group * self.room_of_group(level) + pass.before * columns)
    }

    /// Packs the kernel in the room.
    ///
    /// # Safety
    /// As [`Products::run`].
    pub unsafe fn pack(&self, level: Level, frame: &Frame, operands: &Operands) {
        let (n, lanes) = (self.channels.1, level.lanes());
        let count = if self.is_depthwise { 0 } else { panels(n, lanes).count() };
        frame.share(self.groups * self.passes.len() * count, self.room(level), |part, _| {
            let (group, pass) =
                (part / count / self.passes.len(), &self.passes[part / count % self.passes.len()]);
            if let Some((first, columns)) = panels(n, lanes).nth(part % count) {
                let to = self.packed(level, operands, group, pass);
                // SAFETY: the panel's stretch of the room is this call's alone.
                unsafe { self.pack_columns(operands.b.0, group, pass, (first, columns), lanes, to) };
            }
        });
    }

    /// # Safety
    /// The operands are as compiled: a source, a kernel, a result that nobody else reads or writes, and room with the packed kernel; of a result
    /// that is whole the tape goes over as many elements, and has its scratch after that many bytes.
    pub unsafe fn run(&self, level: Level, frame: &Frame, operands: &Operands, tail: Option<(&Tape, usize)>) {
        let (c, n) = self.channels;
        let pixels = |sizes: [usize; 3]| sizes.iter().product::<usize>();
        let (source, result) =
            (pixels(self.sizes.0) * c * self.groups, pixels(self.sizes.1) * n * self.groups);
        let met: usize = self.passes.iter().map(|p| p.blocks.pass.places()).sum();
        if met < pixels(self.sizes.1) {
            // Strides step over elements of the input.
            frame.share_range(self.images * result, 16, 1, |start, end, _| {
                // SAFETY: this stretch of the result is this call's alone.
                unsafe { operands.to.add(start).write_bytes(0, end - start) };
            });
        }
        let parts: usize = self.passes.iter().map(|p| self.images * p.blocks.count()).sum();
        let cost: usize = self.passes.iter().map(|p| p.blocks.pass.places() * p.len * n).sum();
        frame.share(parts, self.images * self.groups * cost / 8, |mut part, scratch| {
            for pass in &self.passes {
                let count = pass.blocks.count();
                if part >= self.images * count {
                    part -= self.images * count;
                    continue;
                }
                let (image, block) = (part / count, pass.blocks.block(part % count));
                for group in 0..self.groups {
                    let x = operands.a.add(image * source + group * c);
                    let c = operands.to.add(image * result + group * n);
                    // SAFETY: the image is within the source; the block's results are this call's alone.
                    let x = unsafe { pass.blocks.read(x, &block, scratch.cast()) };
                    let b = match self.is_depthwise {
                        true => operands.b.0,
                        false => self.packed(level, operands, group, pass),
                    };
                    level.run(self.part(pass, &block, x, b, c));
                }
                if let Some((tape, before)) = tail {
                    for range in self.written(image, &block) {
                        // SAFETY: these elements of the result are done, and this call's alone.
                        unsafe { tape.run_range(frame, scratch.wrapping_add(before), range) };
                    }
                }
                return;
            }
        });
    }

    /// Elements of a block of a result that is whole: as few stretches as there are.
    fn written(&self, image: usize, block: &Block) -> impl Iterator<Item = Range<usize>> {
        let [planes, rows, columns] = self.sizes.1;
        let pixel = self.channels.1 * self.groups;
        let Block { first, counts } = *block;
        let across = if counts[2] == columns { (1, counts[1] * columns) } else { (counts[1], counts[2]) };
        (0..counts[0]).flat_map(move |d| {
            (0..across.0).map(move |h| {
                let plane = image * planes + first[0] + d;
                let start = ((plane * rows + first[1] + h) * columns + first[2]) * pixel;
                start..start + across.1 * pixel
            })
        })
    }

    /// Packs columns of the kernel of a group, vectors term by term.
    ///
    /// # Safety
    /// As [`Products::run`]; nobody else writes these columns.
    unsafe fn pack_columns(
        &self,
        kernel: *const f32,
        group: usize,
        pass: &Weighted,
        (first, columns): (usize, usize),
        lanes: usize,
        to: *mut f32,
    ) {
        let (c, n) = self.channels;
        let width = columns.next_multiple_of(lanes);
        let mut to = to.wrapping_add(first * pass.len);
        for tap in pass.blocks.pass.taps() {
            // SAFETY: the caller's promise; taps and channels are within the kernel.
            unsafe {
                if self.is_turned {
                    // The kernel has the result's channels before the source's.
                    let row = c * self.groups;
                    let from = kernel.add((tap * n + first) * row + group * c);
                    for j in 0..columns {
                        for k in 0..c {
                            *to.add(k * width + j) = *from.add(j * row + k);
                        }
                    }
                } else {
                    let row = n * self.groups;
                    let from = kernel.add(tap * c * row + group * n + first);
                    for k in 0..c {
                        to.add(k * width).copy_from_nonoverlapping(from.add(k * row), columns);
                    }
                }
                for k in 0..c {
                    to.add(k * width + columns).write_bytes(0, width - columns);
                }
            }
            to = to.wrapping_add(c * width);
        }
    }

    fn part<'a>(
        &self,
        pass: &'a Weighted,
        block: &Block,
        x: *const f32,
        b: *const f32,
        image: *mut f32,
    ) -> Part<'a> {
        let p = &pass.blocks.pass;
        let columns = self.channels.1;
        let pixel = columns * self.groups;
        let [_, rows, across] = self.sizes.1;
        let pitch = [rows * across * pixel, across * pixel, pixel];
        let first: usize = (0..3).map(|i| (p.origin[i] + block.first[i] * p.step[i]) * pitch[i]).sum();
        Part {
            pass,
            is_depthwise: self.is_depthwise,
            counts: block.counts,
            x,
            steps: pass.blocks.strides(),
            b,
            columns,
            c: image.wrapping_add(first),
            c_steps: [0, 1, 2].map(|i| p.step[i] * pitch[i]),
        }
    }
}

/// Cuts what a place meets, `len` floats, in blocks of terms; without any, the one block of a sum of nothing.
fn cut_runs(runs: &[Run], len: usize) -> Vec<Vec<Run>> {
    let mut blocks: Vec<Vec<Run>> = cut(len, TERMS).map(|_| Vec::new()).collect();
    if len == 0 {
        return vec![Vec::new()];
    }
    let mut runs = runs.iter().copied();
    let mut run = Run { offset: 0, len: 0 };
    for (block, (_, mut wanted)) in blocks.iter_mut().zip(cut(len, TERMS)) {
        while wanted > 0 {
            if run.len == 0 {
                let Some(next) = runs.next() else { return blocks };
                run = next;
            }
            let taken = run.len.min(wanted);
            block.push(Run { len: taken, ..run });
            run = Run { offset: run.offset + taken, len: run.len - taken };
            wanted -= taken;
        }
    }
    blocks
}

/// A block of places of one group.
struct Part<'a> {
    pass: &'a Weighted,
    is_depthwise: bool,
    counts: [usize; 3],
    /// The first place's corner, and from a place's to the next's.
    x: *const f32,
    steps: [usize; 3],
    /// The kernel, packed or by channel.
    b: *const f32,
    columns: usize,
    /// The first place's result, and from a place's to the next's.
    c: *mut f32,
    c_steps: [usize; 3],
}

impl Kernel for Part<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        if self.is_depthwise {
            let places = depthwise::Places {
                counts: self.counts,
                taps: &self.pass.taps,
                channels: self.columns,
                x: self.x,
                steps: self.steps,
                kernel: self.b,
                c: self.c,
                c_steps: self.c_steps,
            };
            // SAFETY: the part's places have their elements in the source, and their results are the part's alone.
            return unsafe { places.run(s) };
        }
        let mut term = 0;
        for (block, runs) in self.pass.terms.iter().enumerate() {
            for (j, n) in panels(self.columns, S::LANES) {
                let width = n.next_multiple_of(S::LANES);
                let b = self.b.wrapping_add(j * self.pass.len + term * width);
                for d in 0..self.counts[0] {
                    for h in 0..self.counts[1] {
                        let row = |steps: [usize; 3]| d * steps[0] + h * steps[1];
                        for (first, count) in cut(self.counts[2], rows::<S>()) {
                            let x = row(self.steps) + first * self.steps[2];
                            let c = row(self.c_steps) + first * self.c_steps[2] + j;
                            let tile = Places {
                                runs,
                                x: self.x.wrapping_add(x),
                                lane: self.steps[2],
                                b,
                                c: self.c.wrapping_add(c),
                                row: self.c_steps[2],
                                add: block > 0,
                            };
                            // SAFETY: the part's places have their runs in the source, and their results are the part's alone.
                            unsafe { tile!(s: S, count, n, tile.multiply) };
                        }
                    }
                }
            }
            term += runs.iter().map(|r| r.len).sum::<usize>();
        }
    }
}
