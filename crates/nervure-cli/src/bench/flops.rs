//! What a training step takes to compute at least by the direct algorithm.

use nervure_graph::{Bindings, Error, Graph, Op, cost};

/// Floating-point operations of the matrix products and convolutions of a step that trains a graph's parameters: each product once forward,
/// and once more for the gradient of each operand that a parameter is behind. What a plan computes again, or by other algorithms, does not
/// count.
pub fn step_flops(graph: &Graph, bindings: &Bindings) -> Result<u64, Error> {
    Ok(walk(graph, bindings, &vec![false; graph.inputs().len()])?.flops)
}

/// A graph, or a body of a scan.
struct Walked {
    flops: u64,
    /// Whether a parameter is behind each output.
    outputs: Vec<bool>,
}

/// `behind` says behind which inputs there is a parameter.
fn walk(graph: &Graph, bindings: &Bindings, behind: &[bool]) -> Result<Walked, Error> {
    let nodes = cost(graph, bindings)?.nodes;
    let mut trained: Vec<bool> = Vec::with_capacity(nodes.len());
    let mut flops = 0u64;
    for (id, work) in graph.ids().zip(nodes) {
        let node = graph.node(id);
        let operands: Vec<bool> = node.inputs.iter().map(|i| trained[i.index()]).collect();
        let number = graph.inputs().iter().position(|input| *input == id);
        let gradients = operands.iter().filter(|&&t| t).count() as u64;
        flops += if let Op::Scan(scan) = &node.op {
            scan.length.resolve(bindings)? as u64 * body(&scan.body, bindings, &operands, scan.carries)?
        } else {
            work.products * (1 + gradients)
        };
        trained.push(
            matches!(node.op, Op::Parameter { .. }) || gradients > 0 || number.is_some_and(|n| behind[n]),
        );
    }
    let outputs = graph.outputs().iter().map(|(_, id)| trained[id.index()]).collect();
    Ok(Walked { flops, outputs })
}

/// One step of a scan. What a carry takes up on the way is behind it from the second step on: that counts for all.
fn body(body: &Graph, bindings: &Bindings, operands: &[bool], carries: usize) -> Result<u64, Error> {
    // The time is the last input.
    let mut behind = operands.to_vec();
    behind.resize(body.inputs().len(), false);
    loop {
        let walked = walk(body, bindings, &behind)?;
        let before = behind.clone();
        (0..carries).for_each(|carry| behind[carry] |= walked.outputs[carry]);
        if behind == before {
            return Ok(walked.flops);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::workloads::WORKLOADS;

    fn check(name: &str, products: u64) {
        let workload = WORKLOADS.iter().find(|w| w.name == name).unwrap();
        let model = workload.model().unwrap();
        let bindings = Bindings::from([("batch".into(), workload.batch)]);
        assert_eq!(step_flops(model.graph(), &bindings).unwrap(), 2 * products, "{name}");
    }

    /// By hand: what takes in the network's input has no gradient of it.
    #[test]
    fn products_are_those_of_the_direct_algorithm() {
        check("seed_mlp", 32 * (2 * 8 * 10 + 3 * 10 * 8 + 3 * 8));
        let (first, second) = (26 * 26 * 9 * 32, 24 * 24 * 9 * 32 * 64);
        check("mnist_cnn", 128 * (2 * first + 3 * second + 3 * 9216 * 128 + 3 * 128 * 10));
        check("lstm", 64 * (64 * (2 * 32 * 512 + 3 * 128 * 512) + 3 * 128));
        let (projections, scores, dense) = (4 * 128 * 128, 2 * 64 * 128, 2 * 128 * 256);
        let inner = 3 * 64 * (projections + scores + dense);
        check("transformer", 32 * (2 * inner + 3 * 128 * 10));
    }
}
