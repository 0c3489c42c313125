//! The core of attention, which its layers share: for each query, a mean of values, weighted by how their keys agree with it.

use nervure_graph::{Builder, DType, Tensor};

use crate::Result;
use crate::activations::{Activation, Softmax};
use crate::layers::softmax::softmax_of_seen;
use crate::layers::{Dropout, Layer};
use crate::lower::{Lower, Noise};

/// What a layer of attention is applied to.
#[derive(Clone, Copy)]
pub(super) struct Operands<'g> {
    /// `[batch, t, d]`.
    pub query: Tensor<'g>,
    /// `[batch, s, e]`.
    pub value: Tensor<'g>,
    /// `[batch, s, f]`.
    pub key: Tensor<'g>,
}

impl<'g> Operands<'g> {
    /// Query, value and key; the value stands for a key that is not given, and the query for a value.
    ///
    /// # Errors
    /// Another number of inputs, of another type, or keys that are not as many as values.
    pub fn of(cx: &Lower<'g>, layer: &dyn Layer, inputs: &[Tensor<'g>]) -> Result<Operands<'g>> {
        let (query, value, key) = match *inputs {
            [query] => (query, query, query),
            [query, value] => (query, value, value),
            [query, value, key] => (query, value, key),
            _ => return Err(cx.error(layer, "query, value and key, or the first of them", inputs.len())),
        };
        for x in [query, value, key] {
            if x.rank() != 3 || x.dtype() != DType::F32 {
                return Err(cx.error(layer, "inputs f32[batch, time, n]", x.ty()));
            }
        }
        if key.dim(1) != value.dim(1) {
            return Err(cx.error(
                layer,
                "as many keys as values",
                format!("{} and {}", key.ty(), value.ty()),
            ));
        }
        Ok(Operands { query, value, key })
    }

    /// The numbers of a query, which are those of a key.
    ///
    /// # Errors
    /// Others.
    pub fn of_one_width(&self, cx: &Lower<'g>, layer: &dyn Layer) -> Result<usize> {
        let n = cx.fixed(layer, self.query, -1)?;
        if !self.key.dim(-1).is(n) {
            let received = format!("{} and {}", self.query.ty(), self.key.ty());
            return Err(cx.error(layer, "as many numbers in a key as in a query", received));
        }
        Ok(n)
    }

    /// Attention in one head, of queries and keys that come from these and are compared as they are.
    ///
    /// # Errors
    /// A rate of dropout that is none.
    pub fn attend(
        self,
        cx: &mut Lower<'g>,
        compared: [Tensor<'g>; 2],
        scores: Scores<'g>,
        sight: Sight,
        rate: f64,
    ) -> Result<Tensor<'g>> {
        let [query, key, value] = [compared[0], compared[1], self.value].map(|x| x.expand(1));
        let [rows, columns] = [self.query, self.value].map(|x| cx.mask(x));
        let attend = Attend { query, key, value, scores, rows, columns, sight, first: None };
        let y = attend.lower(cx, &Dropout::new(rate))?;
        let y = y.reshape([query.dim(0), query.dim(2), value.dim(3)]);
        if let Some(mask) = rows {
            cx.set_mask(y, mask);
        }
        Ok(y)
    }
}

/// softmax(scores of q and k) · v.
#[derive(Clone, Copy)]
pub(super) struct Attend<'g> {
    /// `[…, t, n]`.
    pub query: Tensor<'g>,
    /// `[…, s, n]`.
    pub key: Tensor<'g>,
    /// `[…, s, m]`.
    pub value: Tensor<'g>,
    /// How queries and keys agree.
    pub scores: Scores<'g>,
    /// Queries that look at something, `[…, t]`, whose first axes broadcast to the query's; the others have zeros.
    pub rows: Option<Tensor<'g>>,
    /// Places that are looked at, `[…, s]`.
    pub columns: Option<Tensor<'g>>,
    /// Places that a query looks at for where it stands.
    pub sight: Sight,
    /// The place of the first query, an `i32` scalar, if it is not 0.
    pub first: Option<Tensor<'g>>,
}

/// How much a query q and a key k agree.
#[derive(Clone, Copy)]
pub(super) enum Scores<'g> {
    /// Σ qᵢ · kᵢ.
    Products,
    /// Σ wᵢ · tanh(qᵢ + kᵢ), with w `[n]`, or one number for all, or 1.
    Sums(Option<Tensor<'g>>),
}

/// Which places a query looks at for where it stands.
#[derive(Clone, Copy)]
pub(super) struct Sight {
    /// None behind its own.
    pub causal: bool,
    /// Only those that are less than so far from its own.
    pub window: Option<usize>,
}

/// Numbers of a head, of which its scores are made, beyond which they are made for a block of queries at a time, so that memory grows with t + s instead of t · s.
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
            && t.saturating_mul(s).saturating_mul(self.terms()) > LONG
        {
            return Ok(self.in_blocks(cx.builder(), t, dropout, noise));
        }
        Ok(self.whole(|scores| cx.activate(&Softmax.into(), scores), dropout, noise))
    }

    /// Numbers that are held for each score.
    fn terms(&self) -> usize {
        match self.scores {
            Scores::Products => 1,
            Scores::Sums(_) => self.query.dim(-1).as_const().unwrap_or(1).max(1),
        }
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
                scores: self.scores.with(|w| head.whole(w)),
                rows: rows.map(|mask| head.slice(mask)),
                columns: columns.map(|mask| head.slice(mask)),
                sight: self.sight,
                first: self.first.map(|first| head.whole(first)),
            };
            let noise = noise.map(|noise| noise.within(head).after(head.index() * number(head.index(), t)));
            vec![of_head.by_blocks(t, dropout, noise)]
        });
        y[0].reshape([batch, heads, t.into(), self.value.dim(-1)])
    }

    /// Of one head. The noise's times from its own on are the head's.
    fn by_blocks(self, t: usize, dropout: &Dropout, noise: Option<Noise<'g>>) -> Tensor<'g> {
        let size = (BLOCK / self.terms()).max(1);
        let (g, blocks) = (self.query.builder(), t / size);
        if blocks == 0 {
            return self.mean(softmax, dropout, noise);
        }
        let cut = |x: Tensor<'g>| {
            let shape = [&[blocks.into(), size.into()], &x.shape()[1..]].concat();
            x.narrow(0, 0, blocks * size).reshape(shape)
        };
        let (query, rows) = (cut(self.query), self.rows.map(cut));
        let y = g.map(blocks.into(), |block| {
            let start = block.index() * number(block.index(), size);
            let noise = noise.map(|noise| noise.within(block).after(block.index()));
            let of_block = Attend {
                query: block.slice(query),
                key: block.whole(self.key),
                value: block.whole(self.value),
                scores: self.scores.with(|w| block.whole(w)),
                rows: rows.map(|mask| block.slice(mask)),
                columns: self.columns.map(|mask| block.whole(mask)),
                sight: self.sight,
                first: Some(self.first.map_or(start, |first| block.whole(first) + start)),
            };
            vec![of_block.mean(softmax, dropout, noise)]
        });
        let y = y[0].reshape([(blocks * size).into(), self.value.dim(-1)]);
        if t.is_multiple_of(size) {
            return y;
        }
        let rest = |x: Tensor<'g>| x.narrow(0, blocks * size, t - blocks * size);
        let start = number(self.query, blocks * size);
        let last = Attend {
            query: rest(self.query),
            rows: self.rows.map(rest),
            first: Some(self.first.map_or(start, |first| first + start)),
            ..self
        };
        let noise = noise.map(|noise| noise.after(number(self.query, blocks)));
        g.concat(&[y, last.mean(softmax, dropout, noise)], 0)
    }

    fn mean(
        self,
        softmax: impl FnOnce(Tensor<'g>) -> Tensor<'g>,
        dropout: &Dropout,
        noise: Option<Noise<'g>>,
    ) -> Tensor<'g> {
        let weights = softmax_of_seen(self.scores.of(self.query, self.key), self.seen(), softmax);
        let weights = noise.map_or(weights, |noise| dropout.drop(weights, noise.uniform(weights.shape())));
        weights.matmul(self.value)
    }

    /// Which places each query looks at: what broadcasts to `[…, t, s]`.
    fn seen(&self) -> Option<Tensor<'g>> {
        let sizes = [self.query.dim(-2), self.key.dim(-2)];
        let shape = [vec![1.into(); self.query.rank() - 2], sizes.to_vec()].concat();
        let place = |axis| self.query.builder().iota(DType::I32, shape.clone(), axis);
        let places = || {
            let query = place(shape.len() - 2);
            (self.first.map_or(query, |first| query + first), place(shape.len() - 1))
        };
        let causal = self.sight.causal.then(places).map(|(query, key)| query.greater_equal(key));
        let near = self.sight.window.map(|window| {
            let (query, key) = places();
            // No two places are as far apart.
            (query - key).abs().less(number(query, window.min(i32::MAX as usize)))
        });
        let masks =
            [causal, near, self.rows.map(|mask| mask.expand(-1)), self.columns.map(|mask| mask.expand(-2))];
        let all = |a: Tensor<'g>, b: Tensor<'g>| {
            let outer = [a, b].into_iter().map(|mask| mask.shape()[..mask.rank() - 2].to_vec());
            let outer = outer.max_by_key(|shape| shape.iter().filter(|dim| !dim.is(1)).count());
            let shape = [&outer.unwrap_or_default(), &sizes[..]].concat();
            a.broadcast_to(shape.clone()) & b.broadcast_to(shape)
        };
        masks.into_iter().flatten().reduce(all)
    }
}

impl<'g> Scores<'g> {
    /// `[…, t, s]`, of queries `[…, t, n]` and keys `[…, s, n]`.
    fn of(self, query: Tensor<'g>, key: Tensor<'g>) -> Tensor<'g> {
        match self {
            Scores::Products => query.matmul_with(key, false, true),
            Scores::Sums(weights) => {
                let terms = (query.expand(-2) + key.expand(-3)).tanh();
                weights.map_or(terms, |w| terms * w).sum(&[-1])
            }
        }
    }

    /// The same with weights as they are seen elsewhere.
    fn with<'b>(self, weights: impl FnOnce(Tensor<'g>) -> Tensor<'b>) -> Scores<'b> {
        match self {
            Scores::Products => Scores::Products,
            Scores::Sums(w) => Scores::Sums(w.map(weights)),
        }
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

    /// Attention and its gradients to queries, keys and values, and to the weights of sums.
    fn graph([batch, heads, t, s]: [usize; 4], sums: bool, masks: bool, rate: f64, in_blocks: bool) -> Graph {
        let g = Builder::new();
        let mut cx = Lower::new(&g, true);
        let input = |name: &str, dtype, sizes: &[usize]| {
            g.input(name, dtype, sizes.iter().map(|&n| n.into()).collect::<Vec<Dim>>())
        };
        let float = |name: &str, time: usize, n: usize| input(name, DType::F32, &[batch, heads, time, n]);
        let mask = |name: &str, time: usize| masks.then(|| input(name, DType::Bool, &[batch, time]));
        let weights = input("weights", DType::F32, &[3]);
        let attend = Attend {
            query: float("query", t, 3),
            key: float("key", s, 3),
            value: float("value", s, 2),
            scores: if sums { Scores::Sums(Some(weights)) } else { Scores::Products },
            rows: mask("rows", t),
            columns: mask("columns", s),
            sight: Sight { causal: masks, window: masks.then_some(100) },
            first: None,
        };
        let dropout = Dropout::new(rate);
        let noise = dropout.noise(&mut cx).unwrap();
        let y = match in_blocks {
            true => attend.in_blocks(&g, t, &dropout, noise),
            false => attend.whole(softmax, &dropout, noise),
        };
        g.output("y", y);
        let to = [attend.query, attend.key, attend.value, weights];
        for (name, d) in ["query", "key", "value", "weights"].iter().zip(gradient(&g, y.sin().sum_all(), &to))
        {
            let Some(d) = d else { continue };
            g.output(&format!("gradient of {name}"), d);
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
            for (sums, masks) in [(false, false), (false, true), (true, false), (true, true)] {
                let [whole, cut] =
                    [false, true].map(|cut| outputs(&graph([2, 2, t, s], sums, masks, 0.0, cut)));
                assert_eq!(whole.len(), if sums { 5 } else { 4 });
                for (name, expected) in whole {
                    for (e, r) in expected.iter().zip(&cut[&name]) {
                        let what = format!("{t} × {s}, {sums}, {masks}: {name}");
                        assert!((e - r).abs() < 1e-12, "{what}: whole {e}, blocks {r}");
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
            scores: Scores::Products,
            rows: None,
            columns: None,
            sight: Sight { causal: false, window: None },
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
            let graph = graph([1, 2, time, time], false, true, 0.1, true);
            let plan = Plan::compile(&graph, &Bindings::new(), &store).unwrap();
            assert!(plan.memory(2) < 2 * time * time * 4, "{time}: more than scores take: {plan}");
            plan.memory(2)
        });
        assert!(memory.windows(2).all(|pair| pair[1] < 23 * pair[0] / 10), "{memory:?}");
    }
}
