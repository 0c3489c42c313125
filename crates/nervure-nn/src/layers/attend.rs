//! The core of attention, which its layers share: for each query, a mean of values, weighted by how their keys agree with it.

use nervure_graph::{Builder, DType, Tensor};

use crate::Result;
use crate::activations::{Activation, Softmax};
use crate::layers::Dropout;
use crate::lower::{Lower, Noise};

/// softmax(q · kᵀ) · v.
#[derive(Clone, Copy)]
pub(super) struct Attend<'g> {
    /// `[…, t, n]`, scaled.
    pub query: Tensor<'g>,
    /// `[…, s, n]`.
    pub key: Tensor<'g>,
    /// `[…, s, m]`.
    pub value: Tensor<'g>,
    /// Queries that look at something, `[…, t]`, whose first axes broadcast to the query's; the others have zeros.
    pub rows: Option<Tensor<'g>>,
    /// Places that are looked at, `[…, s]`.
    pub columns: Option<Tensor<'g>>,
    /// The place of the first query, an `i32` scalar, if queries look only at places up to their own.
    pub first: Option<Tensor<'g>>,
}

/// Scores of places that are not looked at: e to this, less any score, is 0.
const UNSEEN: f64 = -1e9;
/// Scores of a head beyond which they are made for a block of queries at a time, so that memory grows with t + s instead of t · s.
const LONG: usize = 512 * 512;
/// Queries of a block: their scores with some thousands of keys stay in the second cache.
const BLOCK: usize = 128;

impl<'g> Attend<'g> {
    /// `[batch, heads, t, m]`, of queries, keys and values `[batch, heads, …]` and masks `[batch, …]`; `dropout` drops weights of values.
    ///
    /// # Errors
    /// A rate of dropout that is none.
    pub fn lower(self, cx: &mut Lower<'g>, dropout: &Dropout) -> Result<Tensor<'g>> {
        let noise = dropout.noise(cx)?;
        let lengths = [self.query, self.key].map(|x| x.dim(2).as_const());
        if let [Some(t), Some(s)] = lengths
            && t.saturating_mul(s) > LONG
        {
            return Ok(self.in_blocks(cx.builder(), t, dropout, noise));
        }
        Ok(self.whole(|scores| cx.activate(&Softmax.into(), scores), dropout, noise))
    }

    fn whole(
        self,
        softmax: impl FnOnce(Tensor<'g>) -> Tensor<'g>,
        dropout: &Dropout,
        noise: Option<Noise<'g>>,
    ) -> Tensor<'g> {
        let of_heads = |mask: Tensor<'g>| mask.expand(1);
        Attend { rows: self.rows.map(of_heads), columns: self.columns.map(of_heads), ..self }
            .mean(softmax, dropout, noise)
    }

    /// A map over heads, and within each over blocks of its queries: threads take heads or blocks each, a block's scores stay in cache, and the gradient
    /// makes them anew.
    fn in_blocks(self, g: &'g Builder, t: usize, dropout: &Dropout, noise: Option<Noise<'g>>) -> Tensor<'g> {
        let (batch, heads) = (self.query.dim(0), self.query.dim(1));
        let by_head = |x: Tensor<'g>| x.reshape([&[&batch * &heads][..], &x.shape()[2..]].concat());
        let of_heads = |mask: Tensor<'g>| {
            by_head(mask.expand(1).broadcast_to([batch.clone(), heads.clone(), mask.dim(1)]))
        };
        let [query, key, value] = [self.query, self.key, self.value].map(by_head);
        let (rows, columns) = (self.rows.map(of_heads), self.columns.map(of_heads));
        let y = g.map(&batch * &heads, |head| {
            let of_head = Attend {
                query: head.slice(query),
                key: head.slice(key),
                value: head.slice(value),
                rows: rows.map(|mask| head.slice(mask)),
                columns: columns.map(|mask| head.slice(mask)),
                first: self.first.map(|first| head.whole(first)),
            };
            let noise = noise.map(|noise| noise.within(head).after(head.index() * number(head.index(), t)));
            vec![of_head.by_blocks(t, dropout, noise)]
        });
        y[0].reshape([batch, heads, t.into(), self.value.dim(-1)])
    }

    /// Of one head. The noise's times from its own on are the head's.
    fn by_blocks(self, t: usize, dropout: &Dropout, noise: Option<Noise<'g>>) -> Tensor<'g> {
        let (g, blocks) = (self.query.builder(), t / BLOCK);
        let cut = |x: Tensor<'g>| {
            let shape = [&[blocks.into(), BLOCK.into()], &x.shape()[1..]].concat();
            x.narrow(0, 0, blocks * BLOCK).reshape(shape)
        };
        let (query, rows) = (cut(self.query), self.rows.map(cut));
        let y = g.map(blocks.into(), |block| {
            let start = block.index() * number(block.index(), BLOCK);
            let noise = noise.map(|noise| noise.within(block).after(block.index()));
            let of_block = Attend {
                query: block.slice(query),
                key: block.whole(self.key),
                value: block.whole(self.value),
                rows: rows.map(|mask| block.slice(mask)),
                columns: self.columns.map(|mask| block.whole(mask)),
                first: self.first.map(|first| block.whole(first) + start),
            };
            vec![of_block.mean(softmax, dropout, noise)]
        });
        let y = y[0].reshape([(blocks * BLOCK).into(), self.value.dim(-1)]);
        let rest = |x: Tensor<'g>| x.narrow(0, blocks * BLOCK, t - blocks * BLOCK);
        let last = Attend {
            query: rest(self.query),
            rows: self.rows.map(rest),
            first: self.first.map(|first| first + number(first, blocks * BLOCK)),
            ..self
        };
        let noise = noise.map(|noise| noise.after(number(self.query, blocks)));
        match (blocks, t % BLOCK) {
            (_, 0) => y,
            (0, _) => last.mean(softmax, dropout, noise),
            _ => g.concat(&[y, last.mean(softmax, dropout, noise)], 0),
        }
    }

    fn mean(
        self,
        softmax: impl FnOnce(Tensor<'g>) -> Tensor<'g>,
        dropout: &Dropout,
        noise: Option<Noise<'g>>,
    ) -> Tensor<'g> {
        let (scores, seen) = (self.query.matmul_with(self.key, false, true), self.seen());
        let masked = |x: Tensor<'g>, unseen: f64| seen.map_or(x, |seen| seen.select(x, x.constant(unseen)));
        let weights = masked(softmax(masked(scores, UNSEEN)), 0.0);
        let weights = noise.map_or(weights, |noise| dropout.drop(weights, noise.uniform(weights.shape())));
        weights.matmul(self.value)
    }

    /// Which places each query looks at: what broadcasts to `[…, t, s]`.
    fn seen(&self) -> Option<Tensor<'g>> {
        let sizes = [self.query.dim(-2), self.key.dim(-2)];
        let causal = self.first.map(|first| {
            let shape = [vec![1.into(); self.query.rank() - 2], sizes.to_vec()].concat();
            let place = |axis| first.builder().iota(DType::I32, shape.clone(), axis);
            (place(shape.len() - 2) + first).greater_equal(place(shape.len() - 1))
        });
        let masks = [causal, self.rows.map(|mask| mask.expand(-1)), self.columns.map(|mask| mask.expand(-2))];
        let all = |a: Tensor<'g>, b: Tensor<'g>| {
            let outer = [a, b].into_iter().map(|mask| mask.shape()[..mask.rank() - 2].to_vec());
            let outer = outer.max_by_key(|shape| shape.iter().filter(|dim| !dim.is(1)).count());
            let shape = [&outer.unwrap_or_default(), &sizes[..]].concat();
            a.broadcast_to(shape.clone()) & b.broadcast_to(shape)
        };
        masks.into_iter().flatten().reduce(all)
    }
}

fn softmax(scores: Tensor<'_>) -> Tensor<'_> {
    Softmax.lower(scores)
}

/// An `i32` where x is.
fn number(x: Tensor<'_>, n: usize) -> Tensor<'_> {
    x.builder().scalar(DType::I32, n as f64)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use nervure_exec::{Buffer, Plan, Store};
    use nervure_graph::{Array, Bindings, Dim, Graph, evaluate, gradient};

    use super::*;
    use crate::lower::{SEED, STEP};

    /// Attention and its gradients to queries, keys and values.
    fn graph([batch, heads, t, s]: [usize; 4], masks: bool, rate: f64, in_blocks: bool) -> Graph {
        let g = Builder::new();
        let mut cx = Lower::new(&g, true);
        let input = |name: &str, dtype, sizes: &[usize]| {
            g.input(name, dtype, sizes.iter().map(|&n| n.into()).collect::<Vec<Dim>>())
        };
        let float = |name: &str, time: usize, n: usize| input(name, DType::F32, &[batch, heads, time, n]);
        let mask = |name: &str, time: usize| masks.then(|| input(name, DType::Bool, &[batch, time]));
        let attend = Attend {
            query: float("query", t, 3),
            key: float("key", s, 3),
            value: float("value", s, 2),
            rows: mask("rows", t),
            columns: mask("columns", s),
            first: masks.then(|| g.scalar(DType::I32, 0.0)),
        };
        let dropout = Dropout::new(rate);
        let noise = dropout.noise(&mut cx).unwrap();
        let y = match in_blocks {
            true => attend.in_blocks(&g, t, &dropout, noise),
            false => attend.whole(softmax, &dropout, noise),
        };
        g.output("y", y);
        let to = [attend.query, attend.key, attend.value];
        for (name, d) in ["query", "key", "value"].iter().zip(gradient(&g, y.sin().sum_all(), &to)) {
            g.output(&format!("gradient of {name}"), d.unwrap());
        }
        g.finish().unwrap()
    }

    fn outputs(graph: &Graph) -> BTreeMap<String, Vec<f64>> {
        let value = |i: usize| (i * 37 % 101) as f64 / 50.0 - 1.0;
        let inputs = graph.inputs().iter().map(|&id| {
            let node = graph.node(id);
            let shape = node.ty.resolve(&Bindings::new()).unwrap();
            let count = shape.iter().product::<usize>();
            let values: Vec<f64> = match node.ty.dtype {
                DType::Bool => (0..count).map(|i| f64::from(u8::from(i % 7 != 3))).collect(),
                _ => (0..count).map(value).collect(),
            };
            (graph.name(id).to_string(), Array::of(node.ty.dtype, &shape, &values))
        });
        let keys = [SEED, STEP].map(|name| (name.to_string(), Array::of(DType::I64, &[], &[3.0])));
        let run = evaluate::<f64>(graph, &Bindings::new(), &inputs.collect(), &keys.into()).unwrap();
        run.outputs().map(|(name, y)| (name.to_string(), y.to_f64())).collect()
    }

    /// Sums have the same terms; in f64 they differ by some 2⁻⁵³ a term at most.
    #[test]
    fn blocks_compute_what_the_whole_does() {
        // An even number of blocks; a rest; a rest alone.
        for (t, s) in [(2 * BLOCK, 9), (BLOCK + 5, 150), (7, 40)] {
            for masks in [false, true] {
                let [whole, cut] = [false, true].map(|cut| outputs(&graph([2, 2, t, s], masks, 0.0, cut)));
                for (name, expected) in whole {
                    for (e, r) in expected.iter().zip(&cut[&name]) {
                        assert!((e - r).abs() < 1e-12, "{t} × {s}, {masks}: {name}: whole {e}, blocks {r}");
                    }
                }
            }
        }
    }

    /// Without scores to tell keys apart, an output is the share of values that are left, of the same mean for all.
    #[test]
    fn every_block_of_every_head_drops_its_own() {
        let g = Builder::new();
        let (t, s) = (2 * BLOCK + 9, 200);
        let constant =
            |time: usize, value: f64| g.full(DType::F32, [2.into(), 2.into(), time.into(), 1.into()], value);
        let attend = Attend {
            query: constant(t, 0.0),
            key: constant(s, 0.0),
            value: constant(s, 1.0),
            rows: None,
            columns: None,
            first: None,
        };
        let dropout = Dropout::new(0.25);
        let noise = dropout.noise(&mut Lower::new(&g, true)).unwrap();
        g.output("y", attend.in_blocks(&g, t, &dropout, noise));
        let y = &outputs(&g.finish().unwrap())["y"];
        // 4 · t · s draws: the mean is within four times 1 / √(3 · 4 · t · s).
        let mean = y.iter().sum::<f64>() / y.len() as f64;
        assert!((mean - 1.0).abs() < 4.0 / (12.0 * (t * s) as f64).sqrt(), "{mean}");
        let blocks: Vec<&[f64]> = y.chunks(t).flat_map(|head| head.chunks(BLOCK)).collect();
        for (i, a) in blocks.iter().enumerate() {
            assert!(blocks[..i].iter().all(|b| a[..9] != b[..9]), "block {i} drops what another does");
        }
    }

    #[test]
    fn memory_of_long_sequences_is_linear() {
        let mut store = Store::new();
        for name in [SEED, STEP] {
            store.insert(name, Buffer::from_i64(&[], &[3]).unwrap());
        }
        let memory = [1024, 2048, 4096].map(|time| {
            let graph = graph([1, 2, time, time], true, 0.1, true);
            let plan = Plan::compile(&graph, &Bindings::new(), &store).unwrap();
            assert!(plan.memory(2) < 2 * time * time * 4, "{time}: more than scores take: {plan}");
            plan.memory(2)
        });
        assert!(memory.windows(2).all(|pair| pair[1] < 23 * pair[0] / 10), "{memory:?}");
    }
}
