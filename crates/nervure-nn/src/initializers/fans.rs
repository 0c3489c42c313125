/// Inputs and outputs of a unit of a weight, on which the variance of what it starts from depends.
///
/// Of a weight `[size…, in, out]` they are size · in and size · out, as for the kernel of a convolution; one of a single axis has as many of both, and a number has
/// one. Layers say so where it is otherwise: [`EinsumDense`](crate::layers::EinsumDense) and the layers of attention in heads have the sizes that they sum
/// over as inputs, and those of the result as outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fans {
    /// Numbers that a unit sees.
    pub inputs: usize,
    /// Units that see a number.
    pub outputs: usize,
}

impl Fans {
    /// Those of a weight of this shape, if its layer says nothing else.
    pub fn of(shape: &[usize]) -> Fans {
        match *shape {
            [] => Fans { inputs: 1, outputs: 1 },
            [n] => Fans { inputs: n, outputs: n },
            [ref size @ .., inputs, outputs] => {
                let with = |n| size.iter().fold(n, |product: usize, &d| product.saturating_mul(d));
                Fans { inputs: with(inputs), outputs: with(outputs) }
            }
        }
    }

    /// Those of a weight that sums over axes of the sizes `inputs` and gives axes of the sizes `outputs`.
    pub(crate) fn between(inputs: &[usize], outputs: &[usize]) -> Fans {
        let product = |sizes: &[usize]| sizes.iter().fold(1, |product: usize, &d| product.saturating_mul(d));
        Fans { inputs: product(inputs), outputs: product(outputs) }
    }
}
