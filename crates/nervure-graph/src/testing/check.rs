use crate::inline::unused_name;
use crate::{Array, Bindings, Builder, Evaluation, Op, Tensor, evaluate, gradient};

use super::{Case, Rng};

/// Steps of the finite differences. Where one step crosses a kink, a smaller one does not; where one drowns in rounding, a greater one does not.
const STEPS: [f64; 3] = [1e-3, 1e-4, 1e-5];
/// Deviation from the difference, relative to it and to the sum of the outputs. Richardson's extrapolation leaves an error of the order of
/// step⁴, and rounding one of 2⁻⁵³ / step: both are well below this for functions of the size of 1.
const RELATIVE: f64 = 1e-6;
const ABSOLUTE: f64 = 1e-9;
/// Elements of one input that are moved. Of more, so many are taken at equal distances.
const ELEMENTS: usize = 64;

/// Compares the gradient of the case's float outputs, summed with fixed random weights, to each of [`Case::wrt`] with central finite differences
/// in `f64`.
///
/// What passes through [`Op::StopGradient`] is held fixed (outside of scans).
///
/// # Errors
/// What deviates: case, the primitive that takes the value, element, expected, received.
pub fn check_gradients(case: &Case) -> Result<(), String> {
    let failed = |e: crate::Error| format!("{}: {e}", case.name);
    let frozen = freeze(case).map_err(failed)?;
    let loss = with_loss(&frozen).map_err(failed)?;
    let exact = gradients_of(case)?;
    let values = exact.evaluate::<f64>().map_err(failed)?;
    for name in &case.wrt {
        let received = values.output(&gradient_name(name)).map(Array::to_f64);
        let n = loss.inputs.get(name).or(loss.parameters.get(name)).map_or(0, Array::len);
        for element in (0..n).step_by(n.div_ceil(ELEMENTS).max(1)) {
            // Without a gradient the loss does not depend on the value.
            let received = received.as_ref().map_or(0.0, |r| r[element]);
            compare(&loss, name, element, received)?;
        }
    }
    Ok(())
}

/// The case whose outputs are the gradients that [`check_gradients`] compares: checked in its turn, it tells of second derivatives. An input on
/// which nothing depends has no output.
///
/// # Errors
/// If the graph cannot be differentiated.
pub fn gradients_of(case: &Case) -> Result<Case, String> {
    let failed = |e: crate::Error| format!("{}: {e}", case.name);
    let mut with = with_loss(case).map_err(failed)?;
    let g = Builder::from_graph(with.graph);
    let (loss, wrt) = g.read(|graph| {
        let named = |name: &String| graph.ids().find(|&id| graph.name(id) == name);
        (graph.outputs()[0].1, case.wrt.iter().map(named).collect::<Option<Vec<_>>>())
    });
    let wrt = wrt.ok_or_else(|| format!("{}: `wrt` names what is no input or parameter", case.name))?;
    let wrt: Vec<Tensor> = wrt.into_iter().map(|id| g.tensor(id)).collect();
    let gradients: Vec<Option<_>> =
        gradient(&g, g.tensor(loss), &wrt).into_iter().map(|d| d.map(Tensor::id)).collect();
    let mut graph = g.finish().map_err(failed)?;
    graph.outputs.clear();
    for (name, d) in case.wrt.iter().zip(gradients) {
        if let Some(d) = d {
            graph.push_output(gradient_name(name), d);
        }
    }
    with.graph = graph;
    with.name = format!("gradient of {}", case.name);
    Ok(with)
}

fn gradient_name(of: &str) -> String {
    format!("gradient of {of}")
}

/// The case with one output: the sum of its float outputs with fixed random weights.
fn with_loss(case: &Case) -> Result<Case, crate::Error> {
    let mut with = case.clone();
    let shapes = case.evaluate::<f64>()?;
    let g = Builder::from_graph(with.graph);
    let rng = Rng::new(0x1055);
    let mut loss = g.scalar(crate::DType::F32, 0.0);
    let outputs = g.read(|graph| graph.outputs().to_vec());
    for (i, (_, id)) in outputs.into_iter().enumerate() {
        let (y, value) = (g.tensor(id), shapes.value(id));
        if value.as_floats().is_none() {
            continue;
        }
        let name = unused_name(&format!("weights of output {i}"), |name| with.inputs.contains_key(name));
        let weights: Vec<f64> = (0..value.len()).map(|_| rng.within(0.5, 1.5)).collect();
        let w = g.input(&name, y.dtype(), y.shape());
        with.inputs.insert(name, Array::floats(value.shape(), weights));
        loss = loss + (y * w).sum_all();
    }
    let loss = loss.id();
    let mut graph = g.finish()?;
    graph.outputs = vec![("loss".into(), loss)];
    with.graph = graph;
    Ok(with)
}

/// The case with its values at each [`Op::StopGradient`] in the place of those nodes.
fn freeze(case: &Case) -> Result<Case, crate::Error> {
    let mut frozen = case.clone();
    let values = case.evaluate::<f64>()?;
    for id in case.graph.ids() {
        if case.graph.node(id).op == Op::StopGradient {
            let name = format!("value of {id}");
            frozen.inputs.insert(name.clone(), values.value(id).clone());
            let node = &mut frozen.graph.nodes[id.index()];
            (node.op, node.inputs) = (Op::Input { name, ty: node.ty.clone() }, Vec::new());
            frozen.graph.inputs.push(id);
        }
    }
    frozen.graph.inputs.sort_unstable();
    Ok(frozen)
}

fn compare(loss: &Case, name: &str, element: usize, received: f64) -> Result<(), String> {
    let mut differences = Vec::new();
    for step in STEPS {
        let at = |by: f64| -> Result<f64, String> {
            let (mut inputs, mut parameters) = (loss.inputs.clone(), loss.parameters.clone());
            let array = inputs.get_mut(name).or(parameters.get_mut(name)).and_then(Array::as_floats_mut);
            if let Some(values) = array {
                values[element] += by;
            }
            let run: Evaluation<f64> =
                evaluate(&loss.graph, &Bindings::clone(&loss.bindings), &inputs, &parameters)
                    .map_err(|e| format!("{}: {e}", loss.name))?;
            Ok(run.output("loss").map_or(f64::NAN, |l| l.to_f64()[0]))
        };
        let slope = |h: f64| -> Result<f64, String> { Ok((at(h)? - at(-h)?) / (2.0 * h)) };
        let difference = (4.0 * slope(step / 2.0)? - slope(step)?) / 3.0;
        let bound = RELATIVE * difference.abs().max(received.abs()) + ABSOLUTE * (1.0 + at(0.0)?.abs());
        if (difference - received).abs() <= bound {
            return Ok(());
        }
        differences.push(difference);
    }
    let users = loss.graph.nodes().iter().filter(|n| n.inputs.iter().any(|&i| loss.graph.name(i) == name));
    let ops: Vec<String> =
        users.map(|n| format!("{} in `{}`", n.op.name(), loss.graph.path(n.scope))).collect();
    Err(format!(
        "{}: gradient to element {element} of `{name}`, taken by {}: expected {differences:?} (differences of steps {STEPS:?}), \
         received {received}",
        loss.name,
        ops.join(", "),
    ))
}
