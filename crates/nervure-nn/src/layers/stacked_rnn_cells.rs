use std::collections::BTreeMap;

use nervure_graph::{DType, Dim, Tensor, Type};

use crate::Result;
use crate::layers::cell::{Cell, CellWeights, apply_cell};
use crate::layers::{GRUCell, LSTMCell, Layer, SimpleRNNCell};
use crate::lower::Lower;
use crate::expr::{snake_case, unique};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Object, Sample, Samples, kind};

settings! {
    /// Cells of which each is given the output of the one before, as one [`Cell`]: `RNN::new(StackedRNNCells::new([…]))` is a stack of recurrent layers that
    /// goes along time once.
    ///
    /// Inputs x `[batch, n]` and the states of all cells; outputs that of the last cell, and all new states. Weights: those of the cells, under their kind's name:
    /// `lstm_cell/kernel`, `lstm_cell_1/kernel`, ….
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let cells = StackedRNNCells::new([LSTMCell::new(8).into(), LSTMCell::new(4).into()]);
    /// let model = Sequential::new([16, 4]).add(RNN::new(cells)).build(Seed(1))?;
    /// assert_eq!(model.parameter_count(), (4 + 8 + 1) * 4 * 8 + (8 + 4 + 1) * 4 * 4);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct StackedRNNCells {
        /// The cells, the one that is given the input first.
        cells: into Vec<Object<dyn Layer>>,
    }
}
kind!(StackedRNNCells);

impl StackedRNNCells {
    fn cells(&self) -> impl Iterator<Item = &dyn Cell> {
        self.cells.iter().filter_map(|layer| layer.cell())
    }
}

impl Cell for StackedRNNCells {
    fn state_sizes(&self) -> Vec<usize> {
        self.cells().flat_map(|cell| cell.state_sizes()).collect()
    }

    fn output_state(&self) -> usize {
        let counts: Vec<usize> = self.cells().map(|cell| cell.state_sizes().len()).collect();
        let before: usize = counts.split_last().map_or(0, |(_, before)| before.iter().sum());
        before + self.cells().last().map_or(0, |cell| cell.output_state())
    }

    /// The first cell's weights of inputs are those of the stack: what it sees is computed of all steps at once.
    fn weights<'g>(&self, cx: &mut Lower<'g>, rows: &Dim, n: usize) -> Result<CellWeights<'g>> {
        if let Some(other) = self.cells.iter().find(|layer| layer.cell().is_none()) {
            return Err(cx.error(self, "cells, as LSTMCell is one", other.kind()));
        }
        let (mut names, mut all, mut n) = (BTreeMap::new(), CellWeights::default(), n);
        for (cell, layer) in self.cells().zip(&self.cells) {
            let name = unique(&mut names, &snake_case(layer.kind()));
            all.inner.push(cx.part(&name, &**layer, |cx| cell.weights(cx, rows, n))?);
            n = cell.state_sizes().get(cell.output_state()).copied().unwrap_or(0);
        }
        let Some(first) = all.inner.first_mut() else {
            return Err(cx.error(self, "at least 1 cell", 0));
        };
        all.input = std::mem::take(&mut first.input);
        Ok(all)
    }

    fn see<'b>(&self, x: Tensor<'b>, weights: &CellWeights<'b>) -> Tensor<'b> {
        self.cells().next().map_or(x, |cell| cell.see(x, weights))
    }

    fn step<'b>(
        &self,
        states: &[Tensor<'b>],
        seen: Tensor<'b>,
        weights: &CellWeights<'b>,
    ) -> (Tensor<'b>, Vec<Tensor<'b>>) {
        let (mut y, mut rest, mut new) = (seen, states, Vec::new());
        for (i, (cell, weights)) in self.cells().zip(&weights.inner).enumerate() {
            let (own, others) = rest.split_at(cell.state_sizes().len());
            let seen = if i == 0 { y } else { cell.see(y, weights) };
            let (output, states) = cell.step(own, seen, weights);
            y = output;
            rest = others;
            new.extend(states);
        }
        (y, new)
    }
}

impl Layer for StackedRNNCells {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        apply_cell(cx, self, self, inputs)
    }

    fn cell(&self) -> Option<&dyn Cell> {
        Some(self)
    }

    fn arity(&self) -> Option<usize> {
        None
    }
}

impl Samples<dyn Layer> for StackedRNNCells {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let ty = |n: usize| Type::new(DType::F32, [batch(), n.into()]);
        let nested = StackedRNNCells::new([SimpleRNNCell::new(2).into(), SimpleRNNCell::new(1).into()]);
        vec![
            Sample::new(
                StackedRNNCells::new([LSTMCell::new(2).into(), GRUCell::new(3).into()]),
                [ty(2), ty(2), ty(2), ty(3)],
            ),
            Sample::new(
                StackedRNNCells::new([nested.into(), SimpleRNNCell::new(3).dropout(0.2).into()]),
                [ty(2), ty(2), ty(1), ty(3)],
            ),
        ]
    }
}
