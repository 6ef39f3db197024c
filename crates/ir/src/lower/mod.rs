//! Name resolution: from [`Ast`] to [`Code`].
//!
//! One pass with a stack of *units* (a unit is the body of a function or of a thunk). A name is a
//! local slot, a field of a shared frame, or comes from outside the unit; then it is added to the
//! captures of every unit in between, once for each. A group of more than [`FRAME_FROM`] bindings
//! becomes one frame on the heap that is captured as one word. A name that no scope, no global and
//! no `with` can give is an error of the text, whether it is ever evaluated or not.
//!
//! Expressions are lowered in two ways: [`Lower::strict`] where the value is needed,
//! [`Lower::delayed`] where it is passed on. Nothing here evaluates anything; the few shortcuts
//! taken (constants, direct calls of builtins) change neither what is evaluated nor in which order.

mod bindings;
mod call;
mod debug;
mod scope;

use firn_symbol::{FastMap, Symbol};

use crate::ast::{Ast, AstId, Attr, Expr, Name, Pos, Span32};
use crate::code::{Bytes, Code, Const, NONE, Node, NodeId, Op, UnitInfo};
use crate::globals::Globals;
use crate::show::ResolvePath;
use debug::Stops;
use scope::{Binding, Place, Scopes};

/// Groups with more bindings than this share a frame.
const FRAME_FROM: usize = 12;

/// What is wrong with the names of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing defines this name.
    Undefined {
        /// The name.
        name: Symbol,
        /// Where it is used.
        pos: Pos,
        /// What is in scope there, in no particular order.
        in_scope: Vec<Symbol>,
    },
}

impl std::fmt::Display for NameError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Undefined { name, .. } => write!(f, "undefined variable '{name}'"),
        }
    }
}

impl std::error::Error for NameError {}

/// Resolves the names of a text. `scope` are the names of a frame that the whole text captures, in
/// the order of its fields; of two equal names the later one counts. `resolve` is for paths in the
/// texts of assertions.
pub fn lower(
    ast: &Ast,
    root: AstId,
    globals: &Globals,
    scope: &[Symbol],
    resolve: ResolvePath<'_>,
) -> Result<Code, NameError> {
    lower_for(None, ast, root, globals, scope, resolve)
}

/// The same for a debugger: the code says where one may stop and which names there are.
pub fn lower_for_debugger(
    ast: &Ast,
    root: AstId,
    globals: &Globals,
    scope: &[Symbol],
    resolve: ResolvePath<'_>,
) -> Result<Code, NameError> {
    let stops = Some(Box::default());
    lower_for(stops, ast, root, globals, scope, resolve)
}

fn lower_for(
    stops: Option<Box<Stops>>,
    ast: &Ast,
    root: AstId,
    globals: &Globals,
    scope: &[Symbol],
    resolve: ResolvePath<'_>,
) -> Result<Code, NameError> {
    let mut lower = Lower {
        ast,
        globals,
        code: Code {
            nodes: Vec::with_capacity(ast.exprs.len() + ast.exprs.len() / 2),
            extra: Vec::with_capacity(ast.exprs.len() * 2),
            units: Vec::with_capacity(ast.exprs.len() / 4),
            bytes: Vec::with_capacity(ast.bytes.len()),
            ..Code::default()
        },
        symbol_ids: FastMap::default(),
        pending: Vec::new(),
        scopes: Scopes::default(),
        resolve,
        error: None,
        stops,
    };
    // Level 0 is the environment of the text: its slot 0 is the frame of the given scope.
    lower.scopes.open(1);
    for (idx, &name) in scope.iter().enumerate() {
        let place = Place::Frame {
            slot: 0,
            idx: idx as u32,
        };
        lower.scopes.bind(name, place);
    }
    lower.scopes.open(0);
    let entry = lower.strict(root);
    let entry = lower.stop_at_root(entry, ast.pos(root));
    let unit = lower.scopes.close(&mut lower.code.extra);
    lower.code.root = lower.code.units.len() as u32;
    lower.code.units.push(UnitInfo {
        entry,
        lambda: NONE,
        n_caps: unit.n_caps,
        n_slots: unit.n_slots,
        arity: 0,
    });
    lower.code.is_set = ast.is_set(root);
    match lower.error {
        Some(error) => Err(error),
        None => Ok(lower.code),
    }
}

pub(crate) struct Lower<'a> {
    ast: &'a Ast,
    globals: &'a Globals,
    code: Code,
    symbol_ids: FastMap<Symbol, u32>,
    /// Lists under construction, the innermost on top.
    pending: Vec<u32>,
    scopes: Scopes,
    resolve: ResolvePath<'a>,
    error: Option<NameError>,
    /// What is needed where a debugger may stop, if there is one.
    stops: Option<Box<Stops>>,
}

impl Lower<'_> {
    fn emit(&mut self, node: Node) -> NodeId {
        self.code.nodes.push(node);
        self.code.nodes.len() as u32 - 1
    }

    fn node(&mut self, op: Op, [a, b, c]: [u32; 3], pos: Pos) -> NodeId {
        self.emit(Node {
            op,
            k: 0,
            n: 0,
            a,
            b,
            c,
            pos,
        })
    }

    /// Ends the list that begins at this place of [`Lower::pending`].
    fn list_from(&mut self, first: usize) -> u32 {
        let start = self.code.extra.len() as u32;
        self.code.extra.extend_from_slice(&self.pending[first..]);
        self.pending.truncate(first);
        start
    }

    fn symbol(&mut self, symbol: Symbol) -> u32 {
        let symbols = &mut self.code.symbols;
        *self.symbol_ids.entry(symbol).or_insert_with(|| {
            symbols.push(symbol);
            symbols.len() as u32 - 1
        })
    }

    fn cache(&mut self) -> u32 {
        self.code.n_caches += 1;
        self.code.n_caches - 1
    }

    fn constant(&mut self, value: Const, pos: Pos) -> NodeId {
        let idx = self.code.consts.len() as u32;
        self.code.consts.push(value);
        self.node(Op::Const, [idx, 0, 0], pos)
    }

    /// Whether an expression is a constant.
    fn is_literal(&self, id: AstId) -> bool {
        match self.ast.expr(id) {
            Expr::Int(_) | Expr::Float(_) | Expr::Str(_) | Expr::Path(_) => true,
            Expr::List(items) => items.len == 0,
            _ => false,
        }
    }

    /// The constant that an expression is, if it is one.
    fn literal(&mut self, id: AstId) -> Option<Const> {
        let ast = self.ast;
        match ast.expr(id) {
            Expr::Int(value) => Some(Const::Int(value)),
            Expr::Float(value) => Some(Const::Float(value)),
            Expr::Str(bytes) => Some(Const::Str(self.text(ast.bytes(bytes)))),
            Expr::Path(bytes) => Some(Const::Path(self.text(ast.bytes(bytes)))),
            Expr::List(items) if items.len == 0 => Some(Const::EmptyList),
            _ => None,
        }
    }

    /// Keeps bytes with the code.
    fn text(&mut self, bytes: &[u8]) -> Bytes {
        let start = self.code.bytes.len() as u32;
        self.code.bytes.extend_from_slice(bytes);
        Bytes {
            start,
            len: bytes.len() as u32,
        }
    }

    fn text_constant(&mut self, bytes: &[u8]) -> u32 {
        let text = self.text(bytes);
        self.code.consts.push(Const::Str(text));
        self.code.consts.len() as u32 - 1
    }

    /// An expression whose value is needed.
    fn strict(&mut self, id: AstId) -> NodeId {
        let pos = self.ast.pos(id);
        if let Some(value) = self.literal(id) {
            return self.constant(value, pos);
        }
        match self.ast.expr(id) {
            Expr::Error | Expr::Int(_) | Expr::Float(_) | Expr::Str(_) | Expr::Path(_) => {
                self.constant(Const::EmptySet, pos)
            }
            Expr::Var(name) => self.variable(name, pos),
            Expr::CurPos => self.node(Op::CurPos, [0; 3], pos),
            Expr::Select {
                base,
                path,
                default,
            } => {
                let node = self.select(base, path, default, pos);
                self.stop_at_selection(node, path, pos)
            }
            Expr::HasAttr { base, path } => {
                let base = self.strict(base);
                let (list, n) = self.path(path);
                self.emit(Node {
                    op: Op::HasAttr,
                    k: 0,
                    n,
                    a: base,
                    b: list,
                    c: 0,
                    pos,
                })
            }
            Expr::Apply { function, args } => {
                let node = self.apply(function, args, pos);
                self.stop_at_call(node, pos)
            }
            Expr::Lambda { .. } => self.closure(id),
            Expr::Set(set) => self.set(set, pos),
            Expr::Let { set, body } => self.let_in(set, body, pos),
            Expr::List(items) => {
                let list = self.pending.len();
                for &item in self.ast.list(items) {
                    let item = self.delayed(item, true);
                    self.pending.push(item);
                }
                let list = self.list_from(list);
                self.node(Op::List, [list, items.len, 0], pos)
            }
            Expr::With { scope, body } => {
                let scope = self.delayed(scope, true);
                let slot = self.scopes.slot();
                self.scopes.push_with(slot, pos);
                let body = self.strict(body);
                self.scopes.pop_with();
                self.scopes.free_slots(slot);
                self.node(Op::WithScope, [scope, body, slot], pos)
            }
            Expr::If {
                condition,
                then,
                otherwise,
            } => {
                let condition = self.strict(condition);
                let then = self.strict(then);
                let otherwise = self.strict(otherwise);
                self.node(Op::If, [condition, then, otherwise], pos)
            }
            Expr::Assert { condition, body } => {
                let text = self.ast.show(condition, self.resolve);
                let text_idx = self.text_constant(&text);
                let condition = self.strict(condition);
                let body = self.strict(body);
                self.node(Op::Assert, [condition, body, text_idx], pos)
            }
            Expr::Not(operand) => {
                let operand = self.strict(operand);
                self.node(Op::Not, [operand, 0, 0], pos)
            }
            Expr::Equal(left, right) => self.binary(Op::Equal, left, right, pos),
            Expr::NotEqual(left, right) => self.binary(Op::NotEqual, left, right, pos),
            Expr::And(left, right) => self.binary(Op::And, left, right, pos),
            Expr::Or(left, right) => self.binary(Op::Or, left, right, pos),
            Expr::Implication(left, right) => self.binary(Op::Implication, left, right, pos),
            Expr::Update(left, right) => self.binary(Op::Update, left, right, pos),
            Expr::Concat(left, right) => self.binary(Op::Concat, left, right, pos),
            Expr::Strings { force, parts } => self.strings(force, parts, pos),
        }
    }

    fn binary(&mut self, op: Op, left: AstId, right: AstId, pos: Pos) -> NodeId {
        let left = self.strict(left);
        let right = self.strict(right);
        self.node(op, [left, right, 0], pos)
    }

    fn strings(&mut self, force: bool, parts: Span32, pos: Pos) -> NodeId {
        let ast = self.ast;
        if let ([left, right], false) = (ast.parts(parts), force) {
            let left_node = self.strict(left.value);
            let right_node = self.strict(right.value);
            // How far the left operand starts before the operator fits the small fields, unless
            // the expression is longer than 16 MiB.
            let back = pos.0.wrapping_sub(left.pos.0).min(0x00ff_ffff);
            return self.emit(Node {
                op: Op::Add,
                k: (back >> 16) as u8,
                n: back as u16,
                a: left_node,
                b: right_node,
                c: right.pos.0,
                pos,
            });
        }
        let parts = ast.parts(parts);
        let list = self.pending.len();
        let mut done = 0;
        while let Some(part) = parts.get(done) {
            // Escapes split the text of an indented string; neighbours become one constant.
            let texts = parts[done..]
                .iter()
                .map_while(|part| match ast.expr(part.value) {
                    Expr::Str(bytes) if force => Some(ast.bytes(bytes)),
                    _ => None,
                });
            let n_texts = texts.clone().count();
            let node = if n_texts > 1 {
                let start = self.code.bytes.len() as u32;
                texts.for_each(|text| self.code.bytes.extend_from_slice(text));
                let len = self.code.bytes.len() as u32 - start;
                self.constant(Const::Str(Bytes { start, len }), part.pos)
            } else {
                self.strict(part.value)
            };
            if n_texts == parts.len() {
                return node;
            }
            self.pending.extend([node, part.pos.0]);
            done += n_texts.max(1);
        }
        let n_parts = (self.pending.len() - list) as u32 / 2;
        let start = self.list_from(list);
        self.emit(Node {
            op: Op::Strings,
            k: u8::from(force),
            n: 0,
            a: start,
            b: n_parts,
            c: 0,
            pos,
        })
    }

    /// Lowers an attribute path to triples.
    fn path(&mut self, path: Span32) -> (u32, u16) {
        let ast = self.ast;
        let list = self.pending.len();
        for Attr { name, .. } in ast.path(path) {
            match *name {
                Name::Static(symbol) => {
                    let triple = [1, self.symbol(symbol), self.cache()];
                    self.pending.extend(triple);
                }
                Name::Dynamic(value) => {
                    let mut text = b"\"${".to_vec();
                    text.extend(self.ast.show(value, self.resolve));
                    text.extend(b"}\"");
                    let text_idx = self.text_constant(&text);
                    let value = self.strict(value);
                    self.pending.extend([0, value, text_idx]);
                }
            }
        }
        let n = u16::try_from(path.len).unwrap_or(u16::MAX);
        (self.list_from(list), n)
    }

    fn select(&mut self, base: AstId, path: Span32, default: Option<AstId>, pos: Pos) -> NodeId {
        if let ([Attr { name, .. }], None) = (self.ast.path(path), default)
            && let Name::Static(name) = *name
        {
            if let Expr::Var(variable) = self.ast.expr(base)
                && let Some(global) = self.global(variable)
                && let Some(member) = self.globals.member_function(global, name)
            {
                return self.node(Op::Global, [member, 0, 0], pos);
            }
            let base = self.strict(base);
            let symbol = self.symbol(name);
            let cache = self.cache();
            return self.node(Op::Select, [base, symbol, cache], pos);
        }
        let base = self.strict(base);
        let (list, n) = self.path(path);
        let default = default.map_or(NONE, |default| self.strict(default));
        self.emit(Node {
            op: Op::SelectPath,
            k: 0,
            n,
            a: base,
            b: list,
            c: default,
            pos,
        })
    }

    /// The global that a name means where we are, if no scope hides it.
    fn global(&self, name: Symbol) -> Option<u32> {
        match self.scopes.find(name) {
            Some(_) => None,
            None => self.globals.find(name),
        }
    }

    /// The node that reads a variable.
    fn variable(&mut self, name: Symbol, pos: Pos) -> NodeId {
        if let Some(binding) = self.scopes.find(name) {
            return self.read(binding, pos);
        }
        if let Some(global) = self.globals.find(name) {
            return self.node(Op::Global, [global, 0, 0], pos);
        }
        let n_withs = self.scopes.n_withs();
        if n_withs == 0 {
            if self.error.is_none() {
                let in_scope = self.scopes.names().chain(self.globals.names());
                self.error = Some(NameError::Undefined {
                    name,
                    pos,
                    in_scope: in_scope.collect(),
                });
            }
            return self.node(Op::Global, [NONE, 0, 0], pos);
        }
        let list = self.code.extra.len() as u32;
        for idx in (0..n_withs).rev() {
            let (location, with_pos) = self.scopes.with(idx);
            let triple = [location, self.cache(), with_pos.0];
            self.code.extra.extend(triple);
        }
        let n = u16::try_from(n_withs).unwrap_or(u16::MAX);
        let symbol = self.symbol(name);
        self.emit(Node {
            op: Op::With,
            k: 0,
            n,
            a: symbol,
            b: list,
            c: 0,
            pos,
        })
    }

    fn read(&mut self, binding: Binding, pos: Pos) -> NodeId {
        let (op, a, b) = match binding.place {
            Place::Slot(slot) => match self.scopes.location(binding.level, slot) {
                (false, slot) => (Op::Local, slot, 0),
                (true, capture) => (Op::Capture, capture, 0),
            },
            Place::Frame { slot, idx } => match self.scopes.location(binding.level, slot) {
                (false, slot) => (Op::LocalFrame, slot, idx),
                (true, capture) => (Op::CaptureFrame, capture, idx),
            },
        };
        self.node(op, [a, b, 0], pos)
    }

    /// Whether a name is a variable that can be passed on as it is.
    fn is_ready(&self, name: Symbol) -> bool {
        match self.scopes.find(name) {
            Some(binding) => !self.scopes.is_pending(binding),
            None => self.globals.find(name).is_some(),
        }
    }

    /// An expression that is passed on unevaluated. `eager` allows what can neither fail nor
    /// diverge to be done at once if the operands happen to be values already.
    fn delayed(&mut self, id: AstId, eager: bool) -> NodeId {
        let pos = self.ast.pos(id);
        if let Some(value) = self.literal(id) {
            return self.constant(value, pos);
        }
        match self.ast.expr(id) {
            Expr::Var(name) if self.is_ready(name) => self.variable(name, pos),
            Expr::Lambda { .. } => self.closure(id),
            Expr::Select {
                base,
                path,
                default: None,
            } if eager => self.delayed_select(id, base, path),
            Expr::Select {
                base,
                path,
                default: None,
            } if self.is_builtin_member(base, path) => self.select(base, path, None, pos),
            Expr::Apply { .. } | Expr::Strings { force: false, .. } if eager => {
                let thunk = self.thunk(id);
                self.eager_binary(id, thunk)
            }
            _ => self.thunk(id),
        }
    }

    fn is_builtin_member(&self, base: AstId, path: Span32) -> bool {
        if let (Expr::Var(variable), [attr]) = (self.ast.expr(base), self.ast.path(path))
            && let Name::Static(name) = attr.name
            && let Some(global) = self.global(variable)
        {
            return self.globals.member_function(global, name).is_some();
        }
        false
    }

    fn delayed_select(&mut self, id: AstId, base: AstId, path: Span32) -> NodeId {
        let pos = self.ast.pos(id);
        if self.is_builtin_member(base, path) {
            return self.select(base, path, None, pos);
        }
        let simple = path.len == 1
            && matches!(self.ast.path(path)[0].name, Name::Static(_))
            && matches!(self.ast.expr(base), Expr::Var(name) if self.is_ready(name));
        let thunk = self.thunk(id);
        if !simple || self.code.nodes[thunk as usize].op != Op::Thunk {
            return thunk;
        }
        let select = self.select(base, path, None, pos);
        self.node(Op::EagerSelect, [select, 0, thunk], pos)
    }

    /// A thunk for an expression; a constant one if it only puts constants together.
    fn thunk(&mut self, id: AstId) -> NodeId {
        self.thunk_of(self.ast.pos(id), self.is_constant(id), |lower| {
            lower.strict(id)
        })
    }

    /// A thunk whose body `build` emits.
    fn thunk_of(
        &mut self,
        pos: Pos,
        constant: bool,
        build: impl FnOnce(&mut Self) -> NodeId,
    ) -> NodeId {
        self.scopes.open(0);
        let entry = build(self);
        let built = self.scopes.close(&mut self.code.extra);
        let unit = self.code.units.len() as u32;
        self.code.units.push(UnitInfo {
            entry,
            lambda: NONE,
            n_caps: built.n_caps,
            n_slots: built.n_slots,
            arity: 0,
        });
        if constant && built.n_caps == 0 {
            return self.constant(Const::Thunk(unit), pos);
        }
        self.node(Op::Thunk, [unit, built.captures, 0], pos)
    }

    /// Whether an expression is a list or set literal of constants: making its value has no
    /// effect that could be seen, so it can be made once.
    fn is_constant(&self, id: AstId) -> bool {
        match self.ast.expr(id) {
            Expr::List(items) => self
                .ast
                .list(items)
                .iter()
                .all(|&item| self.is_literal(item)),
            Expr::Set(set) => {
                let set = &self.ast.sets[set as usize];
                !set.recursive
                    && set.dynamic.is_empty()
                    && set.sources.is_empty()
                    && set.attrs.iter().all(|attr| self.is_literal(attr.value))
            }
            _ => false,
        }
    }
}
