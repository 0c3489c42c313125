use std::collections::BTreeMap;

use nervure_graph::{DType, Dim, Tensor, Type};

use crate::Result;
use crate::activations::{Activation, Linear, Tanh};
use crate::initializers::{Fans, GlorotUniform, Zeros};
use crate::layers::{Layer, Sizes};
use crate::lower::Lower;
use crate::network::batch;
use crate::regularizers::L2;
use crate::settings::settings;
use crate::word::{Object, Sample, Samples, kind};

settings! {
    /// y = activation(Σ x · kernel + bias), with axes that letters name: `abc,cd->abd` is a [`Dense`](super::Dense) on `[a, b, c]`, summed over c, which is not in
    /// the result.
    ///
    /// The equation is `X,K->Y`: of x, whose first letter is the batch, of the kernel, and of the result, which begins with the batch as well. No letter stands
    /// twice in one of them. Three dots stand for any axes: `...x,xy->...y` for the first, `xy...,yz->xz...` for the last. Weights: `kernel`, with the
    /// sizes of its letters; `bias`, with those of `bias_axes`, and of size 1 along the axes between and behind them.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let heads = EinsumDense::new("abc,cde->abde", [None, Some(4), Some(8)]).bias_axes("de");
    /// let model = Sequential::new([32, 64]).add(heads).build(Seed(1))?;
    /// assert_eq!(model.graph().node(model.graph().outputs()[0].1).ty.to_string(), "f32[batch, 32, 4, 8]");
    /// assert_eq!(model.parameter_count(), 64 * 4 * 8 + 4 * 8);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct EinsumDense {
        /// Which axes are multiplied and summed over.
        equation: into String,
        /// Sizes of the result's letters, without the batch; `None` for those of x.
        output_shape: into Sizes,
        /// What is applied to the sum.
        activation: into Object<dyn Activation> = Linear,
        /// Letters of the result along which a bias is added.
        bias_axes: some String,
        /// the kernel
        kernel: weight GlorotUniform,
        /// the bias
        bias: weight Zeros,
    }
}
kind!(EinsumDense);

/// An equation for an input of a certain rank: a label for each axis, those behind dots included.
struct Axes {
    input: Vec<char>,
    kernel: Vec<char>,
    output: Vec<char>,
    /// How many axes dots stand for, and whether these are the first.
    elided: (usize, bool),
}

impl Axes {
    fn parse(equation: &str, rank: usize) -> Option<Axes> {
        let (operands, output) = equation.split_once("->")?;
        let (input, kernel) = operands.split_once(',')?;
        let (first, last) = (input.starts_with("..."), input.ends_with("..."));
        let bare = |side: &str| -> Option<Vec<char>> {
            let side = if first { side.strip_prefix("...")? } else { side };
            let side = if last { side.strip_suffix("...")? } else { side };
            let letters: Vec<char> = side.chars().collect();
            let once = letters.iter().enumerate().all(|(i, c)| !letters[..i].contains(c));
            (once && !letters.is_empty() && letters.iter().all(char::is_ascii_alphabetic)).then_some(letters)
        };
        let (mut input, mut output) = (bare(input)?, bare(output)?);
        let elided = rank.checked_sub(input.len())?;
        let letters: Vec<char> = kernel.chars().collect();
        let once = letters.iter().enumerate().all(|(i, c)| !letters[..i].contains(c));
        if first && last || elided > 0 && !first && !last || !once {
            return None;
        }
        // Of the private use area: no letters of an equation.
        let dots = |i: usize| char::from_u32(0xe000 + u32::try_from(i).ok()?);
        let dots: Vec<char> = (0..elided).map(dots).collect::<Option<_>>()?;
        for side in [&mut input, &mut output] {
            let at = if first { 0 } else { side.len() };
            side.splice(at..at, dots.iter().copied());
        }
        Some(Axes { input, kernel: letters, output, elided: (elided, first) })
    }
}

impl EinsumDense {
    /// The size of each label.
    fn sizes(&self, cx: &Lower<'_>, axes: &Axes, x: Tensor<'_>) -> Result<BTreeMap<char, Dim>> {
        let mut sizes: BTreeMap<char, Dim> = axes.input.iter().copied().zip(x.shape()).collect();
        let (elided, first) = axes.elided;
        // Those of the result that dots do not stand for, the batch apart.
        let named = match (elided, first) {
            (0, _) => &axes.output[1..],
            (n, true) => &axes.output[n..],
            (n, false) => &axes.output[1..axes.output.len() - n],
        };
        let given = &self.output_shape.0;
        if given.len() != named.len() {
            let expected = format!("an output_shape of {} sizes for `{}`", named.len(), self.equation);
            return Err(cx.error(self, expected, format!("{given:?}")));
        }
        for (label, size) in named.iter().zip(given) {
            match (size, sizes.get(label)) {
                (None, Some(_)) => {}
                (Some(n), None) => _ = sizes.insert(*label, (*n).into()),
                (Some(n), Some(d)) if d.is(*n) => {}
                (Some(n), Some(_)) => {
                    let expected = format!("an input whose axis `{label}` of `{}` has size {n}", self.equation);
                    return Err(cx.error(self, expected, x.ty()));
                }
                (None, None) => {
                    return Err(cx.error(self, format!("a size of the axis `{label}`"), format!("{given:?}")));
                }
            }
        }
        Ok(sizes)
    }

    /// The sizes of these labels, as numbers.
    fn fixed(&self, cx: &Lower<'_>, labels: &[char], sizes: &BTreeMap<char, Dim>) -> Result<Vec<usize>> {
        let fixed = |label: &char| match sizes.get(label).map(Dim::as_const) {
            Some(Some(n)) if n > 0 => Ok(n),
            _ => {
                let received = sizes.get(label).map_or("none".into(), Dim::to_string);
                let expected = format!("a fixed size of at least 1 for the axis `{label}` of `{}`", self.equation);
                Err(cx.error(self, expected, received))
            }
        };
        labels.iter().map(fixed).collect()
    }

    fn add_bias<'g>(
        &self,
        cx: &mut Lower<'g>,
        axes: &Axes,
        sizes: &BTreeMap<char, Dim>,
        y: Tensor<'g>,
    ) -> Result<Tensor<'g>> {
        let Some(letters) = self.bias_axes.as_ref() else { return Ok(y) };
        let first = axes.output.iter().position(|&c| letters.contains(c));
        let (Some(first), true) = (first, letters.chars().all(|c| axes.output.contains(&c))) else {
            let expected = format!("bias_axes among the result's of `{}`", self.equation);
            return Err(cx.error(self, expected, letters));
        };
        let size = |&c: &char| if letters.contains(c) { self.fixed(cx, &[c], sizes).map(|n| n[0]) } else { Ok(1) };
        let shape: Vec<usize> = axes.output[first..].iter().map(size).collect::<Result<_>>()?;
        Ok(y + cx.weight(self.bias.weight("bias", shape)))
    }
}

impl Layer for EinsumDense {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        let Some(axes) = Axes::parse(&self.equation, x.rank()).filter(|a| a.input[0] == a.output[0]) else {
            let expected = "an equation `X,K->Y`, `...X,K->...Y` or `X...,K->Y...` of letters, X with one for each axis and Y \
                            with the same first, each letter once in each";
            return Err(cx.error(self, expected, format!("`{}` for {}", self.equation, x.ty())));
        };
        let sizes = self.sizes(cx, &axes, x)?;
        let of_kernel = self.fixed(cx, &axes.kernel, &sizes)?;
        let (input, kernel, output) = (&axes.input, &axes.kernel, &axes.output);
        if let Some(lost) = output.iter().find(|c| !input.contains(c) && !kernel.contains(c)) {
            return Err(cx.error(self, format!("an axis `{lost}` of x or the kernel"), format!("`{}`", self.equation)));
        }
        // Each label by where it stands: in all three, in x and the result, in x and the kernel, in the kernel and the result, in x alone.
        let where_in = |from: &[char], in_input: bool, in_kernel: bool, in_output: bool| -> Vec<char> {
            let there = |c: &char| (input.contains(c), kernel.contains(c), output.contains(c));
            from.iter().copied().filter(|c| there(c) == (in_input, in_kernel, in_output)).collect()
        };
        let each = where_in(input, true, true, true);
        let rows = where_in(input, true, false, true);
        let summed = where_in(input, true, true, false);
        let columns = where_in(kernel, false, true, true);
        let alone: Vec<isize> = (0..).zip(input).filter(|(_, c)| !kernel.contains(c) && !output.contains(c)).map(|a| a.0).collect();

        let kept: Vec<char> = input.iter().copied().filter(|c| kernel.contains(c) || output.contains(c)).collect();
        let sizes_of = |labels: &[char]| -> Vec<Dim> { labels.iter().map(|c| sizes[c].clone()).collect() };
        let product = |labels: &[char]| sizes_of(labels).iter().fold(Dim::from(1), |n, d| n * d);
        let arranged = |t: Tensor<'g>, from: &[char], to: &[char]| {
            let at = |c: &char| from.iter().position(|f| f == c).unwrap_or(0);
            t.transpose(&to.iter().map(at).collect::<Vec<usize>>())
        };
        let along = |given: bool| -> Vec<usize> {
            let labels = kernel.iter().zip(&of_kernel).filter(|(c, _)| output.contains(c) == given);
            labels.map(|(_, &n)| n).collect()
        };
        let fans = Fans::between(&along(false), &along(true));
        let w = cx.weight(self.kernel.weight("kernel", of_kernel).fans(fans));
        let left = arranged(x.sum(&alone), &kept, &[&each[..], &rows, &summed].concat());
        let right = arranged(w, kernel, &[&each[..], &summed, &columns].concat());
        let matrix = |t: Tensor<'g>, a: &[char], b: &[char]| {
            t.reshape([&sizes_of(&each)[..], &[product(a), product(b)]].concat())
        };
        let y = matrix(left, &rows, &summed).matmul(matrix(right, &summed, &columns));
        let labels = [&each[..], &rows, &columns].concat();
        let y = arranged(y.reshape(sizes_of(&labels)), &labels, output);
        let y = self.add_bias(cx, &axes, &sizes, y)?;
        Ok(vec![cx.activate(&self.activation, y)])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl Samples<dyn Layer> for EinsumDense {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let x = |sizes: &[usize]| {
            let sizes = sizes.iter().map(|&n| Dim::from(n));
            [Type::new(DType::F32, [batch()].into_iter().chain(sizes).collect::<Vec<_>>())]
        };
        let named = |equation: &str, sizes: &[usize]| {
            EinsumDense::new(equation, Sizes(sizes.iter().map(|&n| Some(n)).collect()))
        };
        vec![
            Sample::new(named("ab,bc->ac", &[3]).bias_axes("c"), x(&[2])),
            Sample::new(named("...x,xy->...y", &[2]).bias_axes("y").activation(Tanh), x(&[3, 2])),
            Sample::new(named("abc,cde->aebd", &[2, 3, 2]).bias_axes("ed"), x(&[3, 2])),
            Sample::new(named("abc,bcd->abd", &[3, 2]).kernel_regularizer(L2::new(0.1)), x(&[3, 2])),
            Sample::new(named("ab...,bc->ac...", &[2]).bias_axes("c"), x(&[3, 2])),
            Sample::new(named("abc,bd->ad", &[2]), x(&[3, 2])),
        ]
    }
}
