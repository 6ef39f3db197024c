//! Functions and calls.

use super::{Lower, Place};
use crate::ast::{AstId, Expr, Pos, Span32};
use crate::code::{FormalInfo, LambdaInfo, NONE, Node, NodeId, Op, UnitInfo};

/// Functions of plain parameters, one right inside the other, become one of at most this arity.
const MAX_ARITY: usize = 8;

impl Lower<'_> {
    /// A function. Even one that captures nothing is made anew each time: functions are equal only
    /// if they are the same object.
    pub(super) fn closure(&mut self, id: AstId) -> NodeId {
        let mut params = [(None, Pos::NONE); MAX_ARITY];
        let mut n_params = 0;
        let mut at = id;
        let mut name = None;
        let mut doc = None;
        let mut pattern = None;
        while let Expr::Lambda { lambda, body } = self.ast.expr(at) {
            let definition = self.ast.lambdas[lambda as usize];
            if n_params == MAX_ARITY || (definition.formals.is_some() && n_params > 0) {
                break;
            }
            if n_params == 0 {
                (name, doc) = (definition.name, definition.doc);
            }
            params[n_params] = (definition.arg, self.ast.pos(at));
            n_params += 1;
            at = body;
            if definition.formals.is_some() {
                pattern = definition.formals;
                break;
            }
        }
        let params = &params[..n_params];
        self.scopes.open(params.len() as u32);
        let n_bound = self.scopes.n_bound();
        for (slot, (param, _)) in params.iter().enumerate() {
            if let Some(param) = param {
                self.scopes.bind(*param, Place::Slot(slot as u32));
            }
        }
        let (formals, ellipsis) = match pattern {
            Some(pattern) => (self.formals(pattern.items), pattern.ellipsis),
            None => ((0, NONE), false),
        };
        let entry = self.strict(at);
        let last_pos = params.last().map_or(Pos::NONE, |it| it.1);
        let entry = self.stop_at_body(entry, name, last_pos);
        self.scopes.unbind_to(n_bound);
        let built = self.scopes.close(&mut self.code.extra);
        let cache = self.code.n_caches;
        if pattern.is_some() {
            self.code.n_caches += formals.1;
        }
        let lambda = self.code.lambdas.len() as u32;
        let list = self.pending.len();
        for &(param, pos) in params {
            let param = param.map_or(NONE, |param| self.symbol(param));
            self.pending.extend([param, pos.0]);
        }
        let info = LambdaInfo {
            name: name.map_or(NONE, |name| self.symbol(name)),
            params: self.list_from(list),
            n_params: n_params as u32,
            formals: formals.0,
            n_formals: formals.1,
            ellipsis: u32::from(ellipsis),
            cache,
            doc: doc.map_or([NONE; 2], |(start, end)| [start, end]),
        };
        let arity = n_params as u32;
        self.code.lambdas.push(info);
        let unit = self.code.units.len() as u32;
        self.code.units.push(UnitInfo {
            entry,
            lambda,
            n_caps: built.n_caps,
            n_slots: built.n_slots,
            arity,
        });
        let pos = self.ast.pos(id);
        self.node(Op::Closure, [unit, built.captures, 0], pos)
    }

    /// Lowers formals; returns where they begin among those of the code, and how many there are.
    fn formals(&mut self, items: Span32) -> (u32, u32) {
        let ast = self.ast;
        let items = ast.formals(items);
        let first = self.scopes.take_slots(items.len() as u32);
        let group = self.scopes.begin_group();
        for (idx, formal) in items.iter().enumerate() {
            let place = Place::Slot(first + idx as u32);
            let binding = self.scopes.in_group(place, group, idx as u32);
            self.scopes.push(formal.name, binding);
        }
        // Functions among the defaults have formals of their own.
        let defaults = self.pending.len();
        for formal in items {
            let default = formal
                .default
                .map_or(NONE, |default| self.delayed(default, false));
            self.pending.push(default);
            self.scopes.member_is_ready();
        }
        self.scopes.group_is_ready();
        let start = self.code.formals.len() as u32;
        for (idx, formal) in items.iter().enumerate() {
            let info = FormalInfo {
                name: self.symbol(formal.name),
                slot: first + idx as u32,
                default: self.pending[defaults + idx],
                pos: formal.pos,
            };
            self.code.formals.push(info);
        }
        self.pending.truncate(defaults);
        (start, items.len() as u32)
    }

    pub(super) fn apply(&mut self, function: AstId, args: Span32, pos: Pos) -> NodeId {
        let ast = self.ast;
        let args = ast.list(args);
        if let Some((op, left, right)) = self.operator(function, args) {
            return self.binary(op, left, right, pos);
        }
        let function = self.strict(function);
        let node = self.code.nodes[function as usize];
        if node.op == Op::Global
            && let Some(call) = self.globals.call(node.a)
            && (call.arity as usize) <= args.len()
        {
            let (own, rest) = args.split_at(call.arity as usize);
            let list = self.pending.len();
            for (idx, &arg) in own.iter().enumerate() {
                let arg = if call.strict & (1 << idx) == 0 {
                    self.delayed(arg, true)
                } else {
                    self.strict(arg)
                };
                self.pending.push(arg);
            }
            let list = self.list_from(list);
            let result = self.emit(Node {
                op: Op::CallBuiltin,
                k: 0,
                n: own.len() as u16,
                a: call.id,
                b: list,
                c: 0,
                pos,
            });
            return self.call(result, rest, pos);
        }
        self.call(function, args, pos)
    }

    fn call(&mut self, function: NodeId, args: &[AstId], pos: Pos) -> NodeId {
        match args {
            [] => function,
            [arg] => {
                let arg = self.delayed(*arg, true);
                self.node(Op::Apply1, [function, arg, 0], pos)
            }
            _ => {
                // More arguments than the count holds are passed in several calls.
                let (now, later) = args.split_at(args.len().min(usize::from(u16::MAX)));
                let list = self.pending.len();
                for &arg in now {
                    let arg = self.delayed(arg, true);
                    self.pending.push(arg);
                }
                let start = self.list_from(list);
                let result = self.emit(Node {
                    op: Op::Apply,
                    k: 0,
                    n: now.len() as u16,
                    a: function,
                    b: start,
                    c: 0,
                    pos,
                });
                self.call(result, later, pos)
            }
        }
    }

    /// The operator that a call stands for, unless a program gives its name another meaning.
    fn operator(&self, function: AstId, args: &[AstId]) -> Option<(Op, AstId, AstId)> {
        let (Expr::Var(name), &[left, right]) = (self.ast.expr(function), args) else {
            return None;
        };
        let op = match name.as_bytes() {
            b"__sub" => Op::Sub,
            b"__mul" => Op::Mul,
            b"__div" => Op::Div,
            b"__lessThan" => Op::Less,
            _ => return None,
        };
        self.global(name).map(|_| (op, left, right))
    }

    /// Wraps a thunk of simple arithmetic so that it is not made if the operands are known.
    pub(super) fn eager_binary(&mut self, id: AstId, thunk: NodeId) -> NodeId {
        if self.code.nodes[thunk as usize].op != Op::Thunk {
            return thunk;
        }
        let (op, left, right) = match self.ast.expr(id) {
            Expr::Apply { function, args } => match self.operator(function, self.ast.list(args)) {
                Some((Op::Div, ..)) | None => return thunk,
                Some(operator) => operator,
            },
            Expr::Strings { parts, .. } => match self.ast.parts(parts) {
                [left, right] => (Op::Add, left.value, right.value),
                _ => return thunk,
            },
            _ => return thunk,
        };
        let literals = [left, right].map(|it| matches!(self.ast.expr(it), Expr::Int(_)));
        // Two literals are rare, and a trace of the place shows whether it was evaluated.
        if !self.is_plain(left) || !self.is_plain(right) || literals == [true, true] {
            return thunk;
        }
        let left = self.strict(left);
        let right = self.strict(right);
        self.emit(Node {
            op: Op::EagerBinary,
            k: op as u8,
            n: 0,
            a: left,
            b: right,
            c: thunk,
            pos: self.ast.pos(id),
        })
    }

    /// Whether reading the expression takes no evaluation: an integer or a ready variable.
    fn is_plain(&self, id: AstId) -> bool {
        match self.ast.expr(id) {
            Expr::Int(_) => true,
            Expr::Var(name) => self.is_ready(name) && self.global(name).is_none(),
            _ => false,
        }
    }
}
