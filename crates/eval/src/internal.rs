//! Code that no text stands for: thunks of applications made by builtins, constants of the base
//! environment, and the thunk that fails again.

use std::sync::OnceLock;

use firn_heap::{Alloc, InlineCache, Unit};
use firn_ir::{Node, Op, Pos};

use crate::code::{Code, Site};
use crate::ctx::Internal;
use crate::machine::NUMBERED;

/// The number of no builtin: a call of it fails with the stashed error.
pub(crate) const RETHROW: u32 = u32::MAX;
/// Another one: a call of it imports the file whose path is capture 0.
pub(crate) const IMPORT: u32 = u32::MAX - 1;

pub(crate) struct InternalUnits<'h> {
    pub(crate) units: Internal<'h>,
    /// For each builtin, a thunk body that calls it without arguments; after them, one that gives
    /// its first capture.
    pub(crate) constants: &'h [Unit<'h, Code<'h>>],
}

fn node(op: Op, n: u16, a: u32, b: u32) -> Node {
    Node {
        op,
        k: 0,
        n,
        a,
        b,
        c: 0,
        pos: Pos::NONE,
    }
}

pub(crate) fn units<'h>(alloc: &Alloc<'h>, n_builtins: usize) -> InternalUnits<'h> {
    // Captures 0 to 4 come first, so that node i reads capture i.
    let mut nodes: Vec<Node> = (0..5).map(|idx| node(Op::Capture, 0, idx, 0)).collect();
    let extra: Vec<u32> = vec![1, 2, 3, 4];
    let mut units = Vec::new();
    for n in 1..=4_u16 {
        units.push(Unit::new(
            [nodes.len() as u32, u32::MAX, u32::from(n) + 1, 0],
            0,
            0,
        ));
        nodes.push(node(Op::Apply, n, 0, 0));
    }
    units.push(Unit::new([nodes.len() as u32, u32::MAX, 0, 0], 0, 0));
    nodes.push(node(Op::CallBuiltin, 0, RETHROW, 0));
    units.push(Unit::new([nodes.len() as u32, u32::MAX, 1, 0], 0, 0));
    nodes.push(node(Op::CallBuiltin, 0, IMPORT, 0));
    for id in 0..n_builtins as u32 {
        units.push(Unit::new([nodes.len() as u32, u32::MAX, 0, 0], 0, 0));
        nodes.push(node(Op::CallBuiltin, 0, id, 0));
    }
    units.push(Unit::new([0, u32::MAX, 1, 0], 0, 0));
    units.push(Unit::new([nodes.len() as u32, u32::MAX, 2, 1], 0, NUMBERED));
    nodes.push(node(Op::ApplyNth, 0, 0, 0));
    let rows = units.len() - 1;
    let units: &'h [Unit<'h, Code<'h>>] = alloc.values(units.into_iter());
    let caches: &'h [InlineCache] = &[];
    let sites: &'h [OnceLock<Site<'h>>] = &[];
    let code = alloc.value(Code {
        nodes: alloc.slice(&nodes),
        extra: alloc.slice(&extra),
        symbols: &[],
        consts: &[],
        units,
        lambdas: &[],
        formals: &[],
        caches,
        sites,
        file: None,
    });
    for unit in units {
        unit.link(code);
    }
    InternalUnits {
        units: Internal {
            apply: [&units[0], &units[1], &units[2], &units[3]],
            rethrow: &units[4],
            import: &units[5],
            apply_nth: &units[rows],
        },
        constants: &units[6..],
    }
}
