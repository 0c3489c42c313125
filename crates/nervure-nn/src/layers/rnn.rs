use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::layers::recurrent::walks;
use crate::layers::{GRUCell, LSTMCell, Layer, SimpleRNNCell, StackedRNNCells};
use crate::lower::Lower;
use crate::network::batch;
use crate::word::{Object, Sample, Samples, kind};

walks! {
    /// A cell along time: [`SimpleRNNCell`], [`GRUCell`], [`LSTMCell`], [`StackedRNNCells`], or a program's own [`Cell`](super::Cell).
    ///
    /// From states of zeros, or those that are its further inputs, the cell is applied to each step of `[batch, time, n]`. Output: `[batch, size]`, the last
    /// output of the cell; with `return_sequences` `[batch, time, size]`, every output in the order in which they are computed; with `return_state` also the
    /// last states. Weights: the cell's. A step that is masked keeps the states, and repeats the output before.
    ///
    /// A `stateful` layer begins each training step with the states that the one before ended with: row i goes on where row i stopped. They are weights of the
    /// layer that no optimizer changes: `rnn_state`, `rnn_state_1`, …, one row for each of the batch, whose size has therefore to be a number in the graph; a
    /// [`Model`](crate::Model) takes batches of any size, and refuses such a layer. To reset them is to set these weights to 0. A prediction begins with them
    /// and leaves them as they are. What wants states from one call to the next gives them out (`return_state`) and takes them in as inputs.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let cells = StackedRNNCells::new([LSTMCell::new(8).into(), GRUCell::new(4).into()]);
    /// let model = Sequential::new([16, 4]).add(RNN::new(cells).return_sequences(true)).build(Seed(1))?;
    /// assert_eq!(model.graph().node(model.graph().outputs()[0].1).ty.to_string(), "f32[batch, 16, 4]");
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct RNN {
        /// What is applied to each step.
        cell: into Object<dyn Layer>,
    }
}
kind!(RNN);

impl Layer for RNN {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let Some(cell) = self.cell.cell() else {
            return Err(cx.error(self, "a cell, as LSTMCell is one", self.cell.kind()));
        };
        self.walk().along(cx, self, cell, inputs)
    }

    fn arity(&self) -> Option<usize> {
        None
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl Samples<dyn Layer> for RNN {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let x = Type::new(DType::F32, [batch(), 3.into(), 2.into()]);
        let state = Type::new(DType::F32, [batch(), 2.into()]);
        let stack = StackedRNNCells::new([LSTMCell::new(2).into(), GRUCell::new(3).into()]);
        vec![
            Sample::new(RNN::new(LSTMCell::new(3)).return_sequences(true), [x.clone()]),
            Sample::new(RNN::new(SimpleRNNCell::new(2)).return_state(true).go_backwards(true), [x.clone(), state]),
            Sample::new(RNN::new(stack), [x]),
        ]
    }
}
