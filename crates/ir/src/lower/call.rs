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
        let mut params = Vec::new();
        let mut positions = Vec::new();
        let mut at = id;
        let mut name = None;
        let mut doc = None;
        let mut pattern = None;
        while let Expr::Lambda { lambda, body } = self.ast.expr(at) {
            let definition = self.ast.lambdas[lambda as usize];
            if definition.formals.is_some() {
                if params.is_empty() {
                    pattern = definition.formals;
                    params.push(definition.arg);
                    positions.push(self.ast.pos(at));
                    (name, doc) = (definition.name, definition.doc);
                    at = body;
                }
                break;
            }
            if params.len() == MAX_ARITY {
                break;
            }
            if params.is_empty() {
                (name, doc) = (definition.name, definition.doc);
            }
            params.push(definition.arg);
            positions.push(self.ast.pos(at));
            at = body;
        }
        self.scopes.open(params.len() as u32);
        for (slot, param) in params.iter().enumerate() {
            if let Some(param) = param {
                self.scopes.bind(*param, Place::Slot(slot as u32));
            }
        }
        let (formals, ellipsis) = match pattern {
            Some(pattern) => (Some(self.formals(pattern.items)), pattern.ellipsis),
            None => (None, false),
        };
        let entry = self.strict(at);
        if let Some(pattern) = pattern {
            for formal in self.ast.formals(pattern.items) {
                self.scopes.unbind(formal.name);
            }
        }
        for param in params.iter().flatten() {
            self.scopes.unbind(*param);
        }
        let built = self.scopes.close();
        let cache = self.code.n_caches;
        self.code.n_caches += formals.as_ref().map_or(0, Vec::len) as u32;
        let lambda = self.code.lambdas.len() as u32;
        let info = LambdaInfo {
            name: name.map_or(NONE, |name| self.symbol(name)),
            params: params
                .iter()
                .map(|param| param.map_or(NONE, |param| self.symbol(param)))
                .collect(),
            positions,
            formals,
            ellipsis,
            cache,
            doc,
        };
        let arity = info.params.len() as u8;
        self.code.lambdas.push(info);
        let unit = self.code.units.len() as u32;
        self.code.units.push(UnitInfo {
            entry,
            lambda,
            n_caps: built.captures.len() as u32,
            n_slots: built.n_slots,
            arity,
        });
        let pos = self.ast.pos(id);
        let captures = self.extra(&built.captures);
        self.node(Op::Closure, [unit, captures, 0], pos)
    }

    fn formals(&mut self, items: Span32) -> Vec<FormalInfo> {
        let ast = self.ast;
        let items = ast.formals(items);
        let first = self.scopes.take_slots(items.len() as u32);
        let group = self.scopes.begin_group();
        for (idx, formal) in items.iter().enumerate() {
            let place = Place::Slot(first + idx as u32);
            let binding = self.scopes.in_group(place, group, idx as u32);
            self.scopes.push(formal.name, binding);
        }
        let mut infos = Vec::with_capacity(items.len());
        for (idx, formal) in items.iter().enumerate() {
            infos.push(FormalInfo {
                name: self.symbol(formal.name),
                slot: first + idx as u32,
                default: formal
                    .default
                    .map_or(NONE, |default| self.delayed(default, false)),
                pos: formal.pos,
            });
            self.scopes.member_is_ready();
        }
        self.scopes.group_is_ready();
        infos
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
            let own: Vec<u32> = own
                .iter()
                .enumerate()
                .map(|(idx, &arg)| {
                    if call.strict & (1 << idx) == 0 {
                        self.delayed(arg, true)
                    } else {
                        self.strict(arg)
                    }
                })
                .collect();
            let list = self.extra(&own);
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
                let list: Vec<u32> = now.iter().map(|&arg| self.delayed(arg, true)).collect();
                let start = self.extra(&list);
                let result = self.emit(Node {
                    op: Op::Apply,
                    k: 0,
                    n: list.len() as u16,
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
