//! A table of a network's layers.

use std::fmt::Write;

use nervure_graph::{DType, Type};

use crate::lower::{LayerCall, ParameterSpec};
use crate::network::{InputSpec, Network, Source};
use crate::values::{Elements, HostType};

/// Columns of a terminal.
const WIDTH: usize = 80;

/// Layers, output shapes, numbers of weights, and what a layer is applied to where that is not the layer before it.
pub(crate) fn summary(network: &Network, calls: &[LayerCall], parameters: &[ParameterSpec]) -> String {
    let chain = is_chain(network);
    let mut rows: Vec<Vec<String>> = Vec::new();
    if !chain {
        let of = |(input, ty): (&InputSpec, HostType)| {
            vec![format!("{} (input)", input.name), of_inputs(&ty), "0".into(), "-".into()]
        };
        rows.extend(network.inputs().iter().zip(network.input_types()).map(of));
    }
    let mut seen = std::collections::BTreeSet::new();
    // A layer that is applied twice has its weights once.
    for call in calls.iter().filter(|c| seen.insert(&c.path)) {
        let depth = call.path.len() - 1;
        let outputs = call.outputs.iter().map(shape).collect::<Vec<_>>().join(", ");
        let within = format!("{}/", call.path.join("/"));
        let weights = parameters.iter().filter(|p| p.path.starts_with(&within)).map(size).sum();
        let name = format!("{}{} ({})", "  ".repeat(depth), call.path[depth], call.kind);
        let mut row = vec![name, outputs, count(weights)];
        if !chain {
            row.push(if depth == 0 { connected(network, &call.path[0]) } else { String::new() });
        }
        rows.push(row);
    }
    let heads = ["Layer (type)", "Output Shape", "Param #", "Connected to"];
    let mut out = table(&heads[..if chain { 3 } else { 4 }], &rows);
    let sum = |trainable| parameters.iter().filter(|p| p.trainable == trainable).map(size).sum::<usize>();
    for (what, n) in
        [("Total", sum(true) + sum(false)), ("Trainable", sum(true)), ("Non-trainable", sum(false))]
    {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{what} params: {} ({})", count(n), bytes(4 * n));
    }
    out.truncate(out.trim_end().len());
    out
}

/// Whether each layer is applied once, to what comes before it.
fn is_chain(network: &Network) -> bool {
    let before = |at: usize| if at == 0 { Source::Input(0) } else { Source::Call(at - 1, 0) };
    let mut calls = network.calls().iter().enumerate();
    network.inputs().len() == 1
        && network.outputs().len() == 1
        && network.layers().len() == network.calls().len()
        && calls.all(|(at, call)| call.inputs == [before(at)])
}

/// What a layer of the network is applied to.
fn connected(network: &Network, layer: &str) -> String {
    let name = |s: &Source| match *s {
        Source::Input(i) => network.inputs()[i].name.clone(),
        Source::Call(c, output) => {
            let name = &network.layers()[network.calls()[c].layer].name;
            if output == 0 { name.clone() } else { format!("{name}[{output}]") }
        }
    };
    let calls = network.calls().iter().filter(|c| network.layers()[c.layer].name == layer);
    calls.flat_map(|c| &c.inputs).map(name).collect::<Vec<_>>().join(", ")
}

fn shape(ty: &Type) -> String {
    of_inputs(&ty.clone().into())
}

fn of_inputs(ty: &HostType) -> String {
    let dims = ty.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match ty.elements {
        Elements::Numbers(DType::F32) => format!("({dims})"),
        elements => format!("({dims}) {elements}"),
    }
}

fn size(p: &ParameterSpec) -> usize {
    p.shape.iter().product()
}

/// `1234567` as `1,234,567`.
fn count(n: usize) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|g| std::str::from_utf8(g).ok()).collect();
    groups.join(",")
}

fn bytes(n: usize) -> String {
    let units = ["B", "KB", "MB", "GB", "TB"];
    let power = (n.max(1).ilog2() / 10).min(units.len() as u32 - 1);
    format!("{:.2} {}", n as f64 / 1024f64.powi(power as i32), units[power as usize])
}

/// A table that fits the terminal: cells that are too wide go on in the next line.
fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = heads.iter().map(|h| h.chars().count()).collect();
    for row in rows {
        for (w, cell) in widths.iter_mut().zip(row) {
            *w = (*w).max(cell.chars().count());
        }
    }
    let room = WIDTH - 3 * heads.len() - 1;
    while widths.iter().sum::<usize>() > room {
        if let Some(widest) = widths.iter_mut().max() {
            *widest -= 1;
        }
    }
    let rule = |ends: [&str; 3]| {
        let lines: Vec<String> = widths.iter().map(|w| "─".repeat(w + 2)).collect();
        format!("{}{}{}\n", ends[0], lines.join(ends[1]), ends[2])
    };
    let heads: Vec<String> = heads.iter().map(ToString::to_string).collect();
    let mut out = rule(["┌", "┬", "┐"]);
    for (i, row) in std::iter::once(&heads).chain(rows).enumerate() {
        let cells: Vec<Vec<String>> = row.iter().zip(&widths).map(|(cell, w)| wrap(cell, *w)).collect();
        for line in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
            for (column, (cell, &w)) in cells.iter().zip(&widths).enumerate() {
                let text = cell.get(line).map_or("", String::as_str);
                // Writing to a string cannot fail.
                let _ =
                    if column == 2 { write!(out, "│ {text:>w$} ") } else { write!(out, "│ {text:<w$} ") };
            }
            out.push_str("│\n");
        }
        if i == 0 {
            out += &rule(["├", "┼", "┤"]);
        }
    }
    out + &rule(["└", "┴", "┘"])
}

/// Pieces of at most so many characters, cut after a space where there is one.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest: Vec<char> = text.chars().collect();
    while rest.len() > width {
        let cut =
            rest[..width].iter().rposition(|&c| c == ' ').filter(|&at| at > 0).map_or(width, |at| at + 1);
        let tail = rest.split_off(cut);
        lines.push(rest.iter().collect::<String>().trim_end().to_string());
        rest = tail;
    }
    lines.push(rest.iter().collect());
    lines
}
