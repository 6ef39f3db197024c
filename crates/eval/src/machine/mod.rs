//! The machine: a walk over resolved nodes.
//!
//! [`Ctx::eval`] runs one expression until it has a value. Branches, bodies and calls in tail
//! position continue its loop instead of recursing: the arguments of a call are laid where the
//! frame of this run begins, over whatever its own body had there. Each call leaves a record, so
//! depth is counted and traces are complete even where no native frame is left.
//!
//! Delayed places are served by [`Ctx::delay`] (`delay.rs`), calls by `call.rs`, arithmetic and
//! comparison by `arith.rs`, selection by `select.rs`, sets by `sets.rs`.

mod arith;
mod call;
mod delay;
mod select;
mod sets;
mod strings;

pub(crate) use delay::field;

use std::sync::Arc;

use firn_heap::{Attempt, Slot, Unit};
use firn_ir::{Node, NodeId, Op, Pos};

use crate::code::{Code, location};
use crate::ctx::{Ctx, Res, Val, lock};
use crate::error::{ErrorKind, EvalError, Fail, Frame, FrameKind, Place};

/// The longest trace that is remembered.
const MAX_FRAMES: usize = 64;

/// Marks a unit that stands for a failure.
const FAILED: u8 = 2;
/// Marks a unit whose slot 0 is the number of the thunk in its row.
pub(crate) const NUMBERED: u8 = 4;

/// What a body runs with.
#[derive(Clone, Copy)]
pub(crate) struct Env<'h> {
    pub(crate) code: &'h Code<'h>,
    pub(crate) caps: &'h [Slot<'h, Code<'h>>],
    /// Where its slots begin on the value stack.
    pub(crate) base: usize,
}

impl<'h> Env<'h> {
    #[inline]
    pub(crate) fn node(&self, id: NodeId) -> &'h Node {
        &self.code.nodes[id as usize]
    }

    pub(crate) fn place(&self, pos: Pos) -> Option<Place> {
        self.code.place(pos)
    }
}

/// Whether evaluating a node may go on with another one in its place.
#[inline]
fn goes_on(op: Op) -> bool {
    matches!(
        op,
        Op::SelectPath
            | Op::Apply1
            | Op::Apply
            | Op::ApplyNth
            | Op::Let
            | Op::WithScope
            | Op::If
            | Op::Assert
    )
}

/// Unwraps inside the loop: a failure ends it.
macro_rules! tri {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(fail) => break Err(fail),
        }
    };
}

impl<'h> Ctx<'h> {
    /// The value of a word.
    #[inline]
    pub fn force(&mut self, word: Val<'h>) -> Res<'h> {
        match word.resolved() {
            Some(value) => Ok(value),
            None => self.force_thunk(word),
        }
    }

    /// The value of a word that is needed at a place, which an infinite recursion is reported at.
    pub(crate) fn force_at(&mut self, word: Val<'h>, place: Option<Place>) -> Res<'h> {
        match word.resolved() {
            Some(value) => Ok(value),
            None => self
                .force_thunk(word)
                .map_err(|fail| self.place_recursion(fail, place)),
        }
    }

    #[cold]
    pub(crate) fn place_recursion(&mut self, fail: Fail, place: Option<Place>) -> Fail {
        if let Some(error) = &mut self.error
            && error.kind == ErrorKind::InfiniteRecursion
            && error.place.is_none()
        {
            error.place = place;
        }
        fail
    }

    #[inline(never)]
    fn force_thunk(&mut self, word: Val<'h>) -> Res<'h> {
        match word.claim(self.task) {
            Attempt::Done(value) => Ok(value),
            Attempt::Owned(owner) if owner != self.task => {
                self.wait_for(word, owner)?;
                self.force(word)
            }
            Attempt::Owned(_) => Err(self.error(
                ErrorKind::InfiniteRecursion,
                "infinite recursion encountered",
            )),
            Attempt::Claimed(claim) => {
                if claim.unit.flags & FAILED != 0 {
                    let number = claim.unit.lambda as usize;
                    claim.abandon();
                    let error = lock(&self.shared.failures).get(number).cloned();
                    return Err(self.fail_again(error));
                }
                let base = self.stack.top();
                if !self.stack.extend_to(base, claim.unit.n_slots as usize) {
                    claim.abandon();
                    return Err(self.stack_overflow(None));
                }
                if claim.unit.flags & NUMBERED != 0
                    && let Some(number) = Val::small_int(claim.number().into())
                {
                    self.stack.set(base, 0, number);
                }
                let env = Env {
                    code: claim.unit.code(),
                    caps: claim.caps,
                    base,
                };
                let result = self.eval(&env, claim.unit.entry);
                self.stack.truncate(base);
                match result {
                    Ok(value) => {
                        claim.finish(value);
                        Ok(value)
                    }
                    Err(fail) => {
                        match self.remember_failure() {
                            Some(unit) => claim.suspend_as(unit),
                            None => claim.abandon(),
                        }
                        Err(fail)
                    }
                }
            }
        }
    }

    #[cold]
    fn fail_again(&mut self, error: Option<Arc<EvalError>>) -> Fail {
        let error = error.map_or_else(
            || EvalError::new(ErrorKind::Eval, "this value failed before"),
            |error| EvalError {
                number: None,
                ..(*error).clone()
            },
        );
        self.rethrow(Box::new(error))
    }

    /// Remembers the whole trace of an error that was caught: the thunks that it has passed fail with
    /// it from now on, as they do in the reference.
    #[cold]
    pub fn remember_trace(&mut self, error: &EvalError) {
        if let Some(number) = error.number
            && error.frames.len() <= MAX_FRAMES
            && let Some(known) = lock(&self.shared.failures).get_mut(number as usize)
        {
            *known = Arc::new(error.clone());
        }
    }

    /// A unit that fails with the error in flight, for a thunk that must not be evaluated twice.
    /// Nothing is remembered of errors that another attempt may not meet, and of those whose trace
    /// is already long: evaluating again gives them as well.
    #[cold]
    fn remember_failure(&mut self) -> Option<&'h Unit<'h, Code<'h>>> {
        let is_main_line = self.is_main_line();
        let error = self.error.as_deref_mut()?;
        let passing = matches!(
            error.kind,
            ErrorKind::StackOverflow
                | ErrorKind::Interrupted
                | ErrorKind::GaveUp
                | ErrorKind::Left
                | ErrorKind::Host
        );
        // What a helper meets depends on where it began.
        if passing || !is_main_line {
            return None;
        }
        let number = match error.number {
            Some(number) => number,
            None if error.frames.len() > MAX_FRAMES => return None,
            None => {
                let mut failures = lock(&self.shared.failures);
                let number = u32::try_from(failures.len()).ok()?;
                error.number = Some(number);
                failures.push(Arc::new(error.clone()));
                number
            }
        };
        let unit = self.alloc.value(Unit::new([0, number, 0, 0], 0, FAILED));
        unit.link(self.internal.rethrow.code());
        Some(unit)
    }

    #[cold]
    pub(crate) fn stack_overflow(&mut self, place: Option<Place>) -> Fail {
        self.error_at(
            place,
            ErrorKind::StackOverflow,
            "stack overflow; max-call-depth exceeded",
        )
    }

    /// Fails if the native stack is used up.
    #[inline]
    pub(crate) fn check_native_stack(&mut self) -> Result<(), Fail> {
        if self.stack_limit.is_passed() {
            return self.look_up();
        }
        Ok(())
    }

    /// The value of an operand. A variable or constant that has a value takes a few instructions.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "the common cases are a few instructions"
    )]
    pub(crate) fn operand(&mut self, env: &Env<'h>, id: NodeId) -> Res<'h> {
        let node = env.node(id);
        let word = match node.op {
            Op::Local => self.stack.get(env.base, node.a),
            Op::Capture => env.caps[node.a as usize].get(),
            Op::Const => env.code.consts[node.a as usize].get(),
            _ => return self.eval_node(env, id, node),
        };
        match word.resolved() {
            Some(value) => Ok(value),
            None => self.force_variable(env, node, word),
        }
    }

    /// The value of a variable, which was read and has none yet.
    #[inline(never)]
    fn force_variable(&mut self, env: &Env<'h>, node: &Node, word: Val<'h>) -> Res<'h> {
        match self.force_thunk(word) {
            Ok(value) => Ok(value),
            Err(fail) => Err(self.place_recursion(fail, env.place(node.pos))),
        }
    }

    /// The value of any variable or constant.
    #[inline(never)]
    fn variable(&mut self, env: &Env<'h>, node: &Node) -> Res<'h> {
        let word = self.read(env, node);
        match word.resolved() {
            Some(value) => Ok(value),
            None => self.force_variable(env, node, word),
        }
    }

    #[inline(never)]
    fn select_node(&mut self, env: &Env<'h>, node: &Node) -> Res<'h> {
        let base = self.operand(env, node.a)?;
        self.select_fast(env, node, base)
    }

    #[inline]
    fn select_fast(&mut self, env: &Env<'h>, node: &Node, base: Val<'h>) -> Res<'h> {
        let cache = &env.code.caches[node.c as usize];
        if let Some(set) = base.as_set()
            && let Some(word) = set.get_cached(env.code.symbol(node.b), cache, &self.alloc)
            && let Some(value) = word.resolved()
        {
            return Ok(value);
        }
        self.select(env, node, base)
    }

    /// The word that a location holds.
    #[inline]
    pub(crate) fn at(&self, env: &Env<'h>, encoded: u32) -> Val<'h> {
        match location(encoded) {
            (true, capture) => env.caps[capture as usize].get(),
            (false, slot) => self.stack.get(env.base, slot),
        }
    }

    /// Evaluates an expression.
    #[inline]
    pub(crate) fn eval(&mut self, env: &Env<'h>, start: NodeId) -> Res<'h> {
        self.eval_node(env, start, env.node(start))
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a test and one of two calls")]
    fn eval_node(&mut self, env: &Env<'h>, id: NodeId, node: &'h Node) -> Res<'h> {
        if goes_on(node.op) {
            self.run(env.code, env.caps, env.base, id)
        } else {
            self.leaf(env, id, node)
        }
    }

    /// Evaluates a node that does not go on with another one: no more than a table of functions,
    /// so that nothing is saved and restored on the way.
    #[inline(never)]
    fn leaf(&mut self, env: &Env<'h>, id: NodeId, node: &'h Node) -> Res<'h> {
        if self.stack_limit.is_passed() {
            return self.leaf_after_looking_up(env, id, node);
        }
        self.leaf_here(env, id, node)
    }

    #[cold]
    #[inline(never)]
    fn leaf_after_looking_up(&mut self, env: &Env<'h>, id: NodeId, node: &'h Node) -> Res<'h> {
        self.look_up()?;
        self.leaf_here(env, id, node)
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "the body of a function that calls nothing else"
    )]
    fn leaf_here(&mut self, env: &Env<'h>, id: NodeId, node: &'h Node) -> Res<'h> {
        match node.op {
            Op::Const
            | Op::Local
            | Op::Capture
            | Op::LocalFrame
            | Op::CaptureFrame
            | Op::Global => self.variable(env, node),
            Op::With => self.with_variable(env, node),
            Op::Select => self.select_node(env, node),
            Op::HasAttr => self.has_attr(env, node),
            Op::CallBuiltin => self.call_builtin_node(env, id, node),
            Op::Sub | Op::Mul | Op::Div | Op::Less => self.arithmetic(env, node),
            Op::Add => self.add(env, node),
            Op::Strings => self.strings(env, node),
            Op::Equal | Op::NotEqual => self.equality(env, node),
            Op::And | Op::Or | Op::Implication => self.connective(env, node),
            Op::Not => self.not(env, node),
            Op::Update => self.update(env, node),
            Op::Concat => self.concat(env, node),
            Op::Closure => Ok(self.make_closure(env, node)),
            Op::Thunk | Op::EagerBinary | Op::EagerSelect => self.forced_delay(env, id),
            Op::List => Ok(self.list_literal(env, node)),
            Op::Set => Ok(self.set_literal(env, node)),
            Op::DynamicSet => self.dynamic_set(env, node, None),
            Op::OverrideSet => self.override_set(env, node),
            Op::CurPos => Ok(self.current_place(env, node)),
            Op::Stop => self.stop_node(env, id),
            Op::SelectPath
            | Op::Apply1
            | Op::Apply
            | Op::ApplyNth
            | Op::Let
            | Op::WithScope
            | Op::If
            | Op::Assert => self.run(env.code, env.caps, env.base, id),
        }
    }

    #[inline(never)]
    fn forced_delay(&mut self, env: &Env<'h>, id: NodeId) -> Res<'h> {
        let word = self.delay(env, id);
        self.force(word)
    }

    #[inline(never)]
    fn current_place(&mut self, env: &Env<'h>, node: &Node) -> Val<'h> {
        let place = env.place(node.pos);
        self.place_value(place)
    }

    #[inline(never)]
    fn equality(&mut self, env: &Env<'h>, node: &Node) -> Res<'h> {
        let left = self.operand(env, node.a)?;
        let right = self.operand(env, node.b)?;
        let equal = self.equal_values(left, right)?;
        Ok(Val::bool(equal == (node.op == Op::Equal)))
    }

    /// `&&`, `||` and `->`: the left operand may decide, otherwise the right one does.
    #[inline(never)]
    fn connective(&mut self, env: &Env<'h>, node: &Node) -> Res<'h> {
        let (deciding, result, left, right) = match node.op {
            Op::And => (
                false,
                false,
                "in the left operand of the AND (&&) operator",
                "in the right operand of the AND (&&) operator",
            ),
            Op::Or => (
                true,
                true,
                "in the left operand of the OR (||) operator",
                "in the right operand of the OR (||) operator",
            ),
            _ => (
                false,
                true,
                "in the left operand of the IMPL (->) operator",
                "in the right operand of the IMPL (->) operator",
            ),
        };
        if self.condition(env, node.a, node.pos, left)? == deciding {
            return Ok(Val::bool(result));
        }
        self.condition(env, node.b, node.pos, right).map(Val::bool)
    }

    #[inline(never)]
    fn not(&mut self, env: &Env<'h>, node: &Node) -> Res<'h> {
        let text = "in the argument of the not operator";
        let operand = self.condition(env, node.a, node.pos, text)?;
        Ok(Val::bool(!operand))
    }

    /// Evaluates an expression as long as it goes on: branches, bodies and calls in tail position.
    /// What it runs with comes in registers.
    #[inline(never)]
    fn run(
        &mut self,
        code: &'h Code<'h>,
        caps: &'h [Slot<'h, Code<'h>>],
        base: usize,
        start: NodeId,
    ) -> Res<'h> {
        self.check_native_stack()?;
        let entry_top = self.stack.top();
        let n_calls = self.calls.len();
        let mut env = Env { code, caps, base };
        let mut id = start;
        let result = loop {
            let node = env.node(id);
            match node.op {
                Op::If => {
                    let text = "while evaluating a branch condition";
                    let condition = tri!(self.condition(&env, node.a, node.pos, text));
                    id = if condition { node.b } else { node.c };
                }
                Op::Apply1 => {
                    let function = tri!(self.operand(&env, node.a));
                    let arg = self.delay(&env, node.b);
                    if !self.stack.push(arg) {
                        break Err(self.stack_overflow(env.place(node.pos)));
                    }
                    match tri!(self.enter(&mut env, function, 1, entry_top, id)) {
                        call::Entered::Body(body) => id = body,
                        call::Entered::Value(value) => break Ok(value),
                    }
                }
                Op::Apply => {
                    let function = tri!(self.operand(&env, node.a));
                    let n = node.n as usize;
                    let mut full = false;
                    for &arg in env.code.list(node.b, n) {
                        let arg = self.delay(&env, arg);
                        full |= !self.stack.push(arg);
                    }
                    if full {
                        break Err(self.stack_overflow(env.place(node.pos)));
                    }
                    match tri!(self.enter(&mut env, function, n, entry_top, id)) {
                        call::Entered::Body(body) => id = body,
                        call::Entered::Value(value) => break Ok(value),
                    }
                }
                Op::Let => {
                    self.bind_group(&env, node);
                    id = node.c;
                }
                Op::SelectPath => match tri!(self.select_path(&env, node)) {
                    Some(value) => break Ok(value),
                    None => id = node.c,
                },
                Op::ApplyNth => {
                    let function = tri!(self.operand(&env, node.a));
                    let Some(n) = self.push_nth(&env) else {
                        break Err(self.stack_overflow(None));
                    };
                    match tri!(self.enter(&mut env, function, n, entry_top, id)) {
                        call::Entered::Body(body) => id = body,
                        call::Entered::Value(value) => break Ok(value),
                    }
                }
                Op::WithScope => {
                    let scope = self.delay(&env, node.a);
                    self.stack.set(env.base, node.c, scope);
                    id = node.b;
                }
                Op::Assert => {
                    let text = "in the condition of the assert statement";
                    if !tri!(self.condition(&env, node.a, node.pos, text)) {
                        break Err(self.failed_assertion(&env, node));
                    }
                    id = node.b;
                }
                _ => break self.leaf(&env, id, node),
            }
        };
        self.stack.truncate(entry_top);
        if self.calls.len() > n_calls {
            if result.is_err() {
                self.trace_calls(n_calls);
            }
            self.leave_calls(n_calls);
        }
        result
    }

    /// Takes the records of calls from `n` on away.
    #[inline]
    fn leave_calls(&mut self, n: usize) {
        if self.watch.is_some() {
            self.watch_leave(n);
        }
        self.calls.truncate(n);
    }

    /// The value of a condition.
    #[inline]
    fn condition(
        &mut self,
        env: &Env<'h>,
        id: NodeId,
        pos: Pos,
        text: &'static str,
    ) -> Result<bool, Fail> {
        let value = self.operand(env, id);
        if let Ok(value) = value
            && let Some(value) = value.as_bool()
        {
            return Ok(value);
        }
        Err(self.failed_condition(value, env.place(pos), text))
    }

    #[cold]
    #[inline(never)]
    fn failed_condition(
        &mut self,
        value: Res<'h>,
        place: Option<Place>,
        text: &'static str,
    ) -> Fail {
        let fail = match value {
            Ok(value) => self.expected("a Boolean", value, place),
            Err(fail) => fail,
        };
        self.trace(fail, place, text)
    }

    /// Adds a frame for each call since `n_calls`, innermost first.
    #[cold]
    fn trace_calls(&mut self, n_calls: usize) {
        for idx in (n_calls..self.calls.len()).rev() {
            let record = self.calls[idx];
            let unit = record.callee;
            let code = unit.code();
            let text = match code.lambda_name(unit.lambda) {
                Some(name) => format!("while calling '{name}'"),
                None => "while calling anonymous lambda".to_owned(),
            };
            let place = code.param_place(unit.lambda, usize::from(unit.arity) - 1);
            self.push_frame(Frame {
                place,
                text: text.into(),
                kind: FrameKind::Call,
            });
            if let Some((code, node)) = record.site
                && let Some(place) = code.place(code.nodes[node as usize].pos)
            {
                self.push_frame(Frame {
                    place: Some(place),
                    text: "from call site".into(),
                    kind: FrameKind::Call,
                });
            }
        }
    }

    #[inline(never)]
    fn with_variable(&mut self, env: &Env<'h>, node: &Node) -> Res<'h> {
        let symbol = env.code.symbol(node.a);
        let place = env.place(node.pos);
        for scope in env.code.list(node.b, node.n as usize * 3).chunks_exact(3) {
            let with_place = env.place(Pos(scope[2]));
            let word = self.at(env, scope[0]);
            let value = self.force_at(word, with_place)?;
            let Some(set) = value.as_set() else {
                let fail = self.expected("a set", value, None);
                return Err(self.trace_with(fail, with_place));
            };
            let cache = &env.code.caches[scope[1] as usize];
            if let Some(word) = set.get_cached(symbol, cache, &self.alloc) {
                return self.force_at(word, place);
            }
        }
        Err(self.undefined_in_scopes(env, node))
    }

    #[cold]
    fn undefined_in_scopes(&mut self, env: &Env<'h>, node: &Node) -> Fail {
        let symbol = env.code.symbol(node.a);
        let mut in_scope = Vec::new();
        for scope in env.code.list(node.b, node.n as usize * 3).chunks_exact(3) {
            let set = self.at(env, scope[0]).resolved().and_then(Val::as_set);
            in_scope.extend(
                set.into_iter()
                    .flat_map(|it| it.flat(&self.alloc).shape.keys()),
            );
        }
        let message = format!("undefined variable '{}'", crate::print::name_text(symbol));
        let mut error = EvalError::new(ErrorKind::UndefinedVariable, message);
        error.place = env.place(node.pos);
        error.help = crate::suggest::help_for_variable(symbol, &in_scope);
        self.fail(error)
    }

    #[cold]
    fn trace_with(&mut self, fail: Fail, place: Option<Place>) -> Fail {
        self.trace(
            fail,
            place,
            "while evaluating the first subexpression of a with expression",
        )
    }
}
