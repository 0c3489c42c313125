//! The gradient of a scan: a scan in the other direction.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Builder, DType, NodeId, Scan, Tensor, Type, inline};

use super::flow::{active_results, live_operands};
use super::pullback;

/// Cotangents of the operands that `wants` names, given those of some results, by number.
///
/// Each step of the new scan makes the step's values anew from the carries that it began with, which the scan is extended to stack, and pulls
/// the cotangents of the new carries and of what was stacked back to the old carries, the slices and the invariants. The first are carried
/// on, the second stacked, the third summed up.
pub(super) fn rule<'g>(
    builder: &'g Builder,
    id: NodeId,
    scan: &Scan,
    x: &[Tensor<'g>],
    results: &BTreeMap<usize, Tensor<'g>>,
    wants: &[bool],
) -> Vec<Option<Tensor<'g>>> {
    let (carries, sliced) = (scan.carries, scan.carries + scan.slices);
    let given: Vec<bool> = (0..scan.body.outputs().len()).map(|i| results.contains_key(&i)).collect();
    let (active, live) = (active_results(scan, wants), live_operands(scan, &given));
    let moving: Vec<usize> = (0..carries).filter(|&i| active[i] && live[i]).collect();
    let wanted = |range: std::ops::Range<usize>| range.filter(|&i| wants[i]).collect::<Vec<_>>();
    let (slices, invariants) = (wanted(carries..sliced), wanted(sliced..x.len()));
    let stacks: Vec<usize> = results.keys().copied().filter(|&j| j >= carries).collect();

    let body = match backward(scan, &moving, &invariants, &slices, &stacks) {
        Ok(body) => body,
        Err(e) => {
            builder.record(e);
            return vec![None; x.len()];
        }
    };
    let saved = save_carries(builder, id, scan);
    let scan_node = builder.tensor(id);
    let mut operands: Vec<Tensor<'g>> = Vec::new();
    operands.extend(moving.iter().map(|i| results.get(i).copied().unwrap_or_else(|| x[*i].zeros_like())));
    operands.extend(invariants.iter().map(|&i| x[i].zeros_like()));
    operands.extend(saved.iter().map(|&j| scan_node.project(j)));
    operands.extend(&x[carries..sliced]);
    operands.extend(stacks.iter().map(|j| results[j]));
    operands.extend(&x[sliced..]);
    let back = builder.scan(
        Scan {
            body,
            carries: moving.len() + invariants.len(),
            slices: sliced + stacks.len(),
            length: scan.length.clone(),
            reverse: !scan.reverse,
        },
        &operands,
    );
    let mut dx = vec![None; x.len()];
    for (j, &i) in moving.iter().chain(&invariants).chain(&slices).enumerate() {
        if wants[i] {
            dx[i] = Some(back.project(j));
        }
    }
    dx
}

/// The body of the gradient. Its carries are the cotangents of the `moving` carries and the sums of those of the `invariants`; its slices the old
/// carries, the old slices, and the cotangents of the results `stacks`; its invariants the old ones. It stacks the cotangents of `slices`.
fn backward(
    scan: &Scan,
    moving: &[usize],
    invariants: &[usize],
    slices: &[usize],
    stacks: &[usize],
) -> Result<crate::Graph, crate::Error> {
    let (old, g) = (&scan.body, &Builder::new());
    let operand = |i: usize| &old.node(old.inputs()[i]).ty;
    let declare = |name: String, ty: &Type| g.input(&name, ty.dtype, ty.shape.clone());
    let cotangents: Vec<Tensor> = moving
        .iter()
        .chain(invariants)
        .map(|&i| declare(format!("operand {i} cotangent"), operand(i)))
        .collect();
    let sliced = scan.carries + scan.slices;
    let mut x: Vec<Tensor> = (0..sliced).map(|i| declare(format!("operand {i}"), operand(i))).collect();
    let of_stacks: Vec<Tensor> = stacks
        .iter()
        .map(|&j| declare(format!("result {j} cotangent"), &old.node(old.outputs()[j].1).ty))
        .collect();
    x.extend((sliced..old.inputs().len() - 1).map(|i| declare(format!("operand {i}"), operand(i))));
    x.push(g.input("time", DType::I32, []));

    let y = inline(g, old, &x);
    let seeds: Vec<(Tensor, Tensor)> = moving
        .iter()
        .map(|&i| y[i])
        .zip(cotangents.iter().copied())
        .chain(stacks.iter().map(|&j| y[j]).zip(of_stacks))
        .collect();
    let wrt: Vec<Tensor> = [moving, invariants, slices].concat().into_iter().map(|i| x[i]).collect();
    let pulled = pullback(g, &seeds, &wrt);
    for (j, (pulled, x)) in pulled.into_iter().zip(&wrt).enumerate() {
        let dx = pulled.unwrap_or_else(|| x.zeros_like());
        let is_invariant = (moving.len()..moving.len() + invariants.len()).contains(&j);
        g.output(&format!("cotangent {j}"), if is_invariant { cotangents[j] + dx } else { dx });
    }
    g.take()
}

/// Extends the scan to stack the carries that each step begins with; the numbers of those results.
fn save_carries(builder: &Builder, id: NodeId, scan: &Scan) -> Vec<usize> {
    let mut extended = scan.clone();
    let body = &mut extended.body;
    let mut saved = Vec::new();
    for i in 0..scan.carries {
        let carry = body.inputs()[i];
        let known = body.outputs().iter().skip(scan.carries).position(|(_, id)| *id == carry);
        saved.push(known.map_or(body.outputs().len(), |j| scan.carries + j));
        if known.is_none() {
            let mut name = format!("carry {i} before the step");
            while body.outputs().iter().any(|(other, _)| *other == name) {
                name.push('\'');
            }
            body.push_output(name, carry);
        }
    }
    if extended.body.outputs().len() > scan.body.outputs().len() {
        builder.extend_scan(id, Arc::new(extended));
    }
    saved
}
