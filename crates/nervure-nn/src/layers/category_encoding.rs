use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::layers::encode::{OutputMode, encode};
use crate::layers::Layer;
use crate::lower::Lower;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// Categories 0 … num_tokens − 1 as vectors of `num_tokens` floats, in the form that `output_mode` says: see [`OutputMode`].
    ///
    /// Whole numbers, or floats that are cut to these; what is beyond is nowhere. With `count` a second input of the same shape may say what each place
    /// counts.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// use nervure_nn::layers::OutputMode;
    /// let words = input_of("words", DType::I32, [12]);
    /// let bag = CategoryEncoding::new(1000).output_mode(OutputMode::Count).on(&words);
    /// let model = Model::new(&words, &Dense::new(1).on(&bag)).build(Seed(1))?;
    /// assert_eq!(model.parameter_count(), 1000 + 1);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct CategoryEncoding {
        /// How many categories there are.
        num_tokens: usize,
        /// How they are given; not `int`.
        output_mode: OutputMode = OutputMode::MultiHot,
    }
}
kind!(CategoryEncoding);

impl Layer for CategoryEncoding {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let (x, weights) = match *inputs {
            [x] => (x, None),
            [x, weights] if self.output_mode == OutputMode::Count => (x, Some(weights)),
            _ => {
                let expected = "categories, and with output_mode `count` perhaps their weights";
                return Err(cx.error(self, expected, format!("{} inputs", inputs.len())));
            }
        };
        if self.num_tokens == 0 {
            return Err(cx.error(self, "num_tokens of at least 1", self.num_tokens));
        }
        if self.output_mode == OutputMode::Int {
            return Err(cx.error(self, "output_mode `one_hot`, `multi_hot` or `count`", "`int`"));
        }
        let numbers = x.cast(DType::I32);
        Ok(vec![encode(cx, self, numbers, (self.output_mode, self.num_tokens), weights)?])
    }

    fn arity(&self) -> Option<usize> {
        None
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl Samples<dyn Layer> for CategoryEncoding {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let of = |dtype, n: usize| Type::new(dtype, [batch(), n.into()]);
        let in_mode = |mode| CategoryEncoding::new(4).output_mode(mode);
        vec![
            Sample::new(CategoryEncoding::new(3), [of(DType::I32, 3)]),
            Sample::new(in_mode(OutputMode::OneHot), [of(DType::U8, 2)]),
            Sample::new(in_mode(OutputMode::OneHot), [of(DType::I64, 1)]),
            Sample::new(in_mode(OutputMode::Count), [of(DType::I32, 3), of(DType::F32, 3)]),
        ]
    }
}
