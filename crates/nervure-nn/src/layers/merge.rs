use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::layers::Layer;
use crate::lower::Lower;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

/// Layers that merge inputs elementwise, pair by pair from the left.
macro_rules! merges {
    ($($(#[doc = $doc:literal])* $word:ident $arity:expr, $merge:expr;)*) => {$(
        settings! {
            $(#[doc = $doc])*
            ///
            /// The inputs broadcast to one shape: those of fewer axes get axes of size 1 behind the batch, and axes of size 1 are repeated. The
            /// result is masked where all inputs are, if all have a mask.
            pub struct $word;
        }
        kind!($word);

        impl Layer for $word {
            fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
                merge(cx, self, inputs, $merge)
            }

            fn arity(&self) -> Option<usize> {
                $arity
            }

            fn passes_mask(&self) -> bool {
                false
            }
        }

        impl Samples<dyn Layer> for $word {
            fn samples() -> Vec<Sample<dyn Layer>> {
                samples($word)
            }
        }
    )*};
}

merges! {
    /// y = a + b + ….
    Add None, |terms| fold(terms, |a, b| a + b);
    /// y = a − b.
    Subtract Some(2), |terms| fold(terms, |a, b| a - b);
    /// y = a · b · ….
    Multiply None, |terms| fold(terms, |a, b| a * b);
    /// y = (a + b + …) / number of inputs.
    Average None, |terms| fold(terms, |a, b| a + b) / terms.len() as f64;
    /// y = max(a, b, …). Where two are equal the gradient goes to both halves.
    Maximum None, |terms| fold(terms, Tensor::max);
    /// y = min(a, b, …). Where two are equal the gradient goes to both halves.
    Minimum None, |terms| fold(terms, Tensor::min);
}

fn merge<'g>(
    cx: &mut Lower<'g>,
    layer: &dyn Layer,
    inputs: &[Tensor<'g>],
    merge: impl Fn(&[Tensor<'g>]) -> Tensor<'g>,
) -> Result<Vec<Tensor<'g>>> {
    let rank = inputs.iter().map(|x| x.rank()).max();
    let Some(rank) = rank.filter(|_| inputs.iter().all(|x| x.rank() > 0)) else {
        return Err(cx.error(layer, "at least one input, each [batch, …]", format!("{} inputs", inputs.len())));
    };
    let aligned: Vec<_> = inputs.iter().map(|&x| behind_batch(x, rank)).collect();
    let y = merge(&aligned);
    let masks: Option<Vec<_>> = inputs.iter().map(|&x| cx.mask(x)).collect();
    if let Some(masks) = masks {
        let rank = masks.iter().map(|m| m.rank()).max().unwrap_or(0);
        let aligned: Vec<_> = masks.into_iter().map(|m| behind_batch(m, rank)).collect();
        cx.set_mask(y, fold(&aligned, |a, b| a | b));
    }
    Ok(vec![y])
}

/// With as many axes of size 1 behind the first as make `rank`.
fn behind_batch(x: Tensor<'_>, rank: usize) -> Tensor<'_> {
    let mut shape = x.shape();
    let missing = rank - shape.len();
    shape.splice(1..1, std::iter::repeat_n(1.into(), missing));
    x.reshape(shape)
}

fn fold<'g>(terms: &[Tensor<'g>], f: impl Fn(Tensor<'g>, Tensor<'g>) -> Tensor<'g>) -> Tensor<'g> {
    let (first, rest) = terms.split_first().expect("the caller has seen that there is a term");
    rest.iter().fold(*first, |a, b| f(a, *b))
}

fn samples(layer: impl Layer + Copy) -> Vec<Sample<dyn Layer>> {
    let ty = |shape: &[usize]| {
        Type::new(DType::F32, [batch()].into_iter().chain(shape.iter().map(|&n| n.into())).collect::<Vec<_>>())
    };
    let mut samples = vec![
        Sample::new(layer, [ty(&[2, 3]), ty(&[2, 3])]),
        Sample::new(layer, [ty(&[3]), ty(&[2, 1])]),
    ];
    if layer.arity().is_none() {
        samples.push(Sample::new(layer, [ty(&[3]), ty(&[1]), ty(&[3])]));
    }
    samples
}
