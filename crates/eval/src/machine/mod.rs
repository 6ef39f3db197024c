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
                let result = self.run(claim.unit.code(), claim.caps, base, claim.unit.entry);
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

    /// The value of an operand; variables, constants and arithmetic without a run of their own.
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
            _ => return self.operand_slow(env, id, node),
        };
        match word.resolved() {
            Some(value) => Ok(value),
            None => self.eval(env, id),
        }
    }

    #[inline(never)]
    fn operand_slow(&mut self, env: &Env<'h>, id: NodeId, node: &Node) -> Res<'h> {
        match node.op {
            Op::Sub | Op::Mul | Op::Div | Op::Less => {
                self.check_native_stack()?;
                self.arithmetic(env, node)
            }
            Op::Add => {
                self.check_native_stack()?;
                self.add(env, node)
            }
            Op::Select => {
                self.check_native_stack()?;
                let base = self.operand_of_select(env, node.a)?;
                self.select_fast(env, node, base)
            }
            Op::Global => {
                let word = self.globals[node.a as usize].get();
                self.force_at(word, None)
            }
            _ => self.eval(env, id),
        }
    }

    /// An operand, without unfolding the common cases again.
    #[inline(never)]
    fn operand_of_select(&mut self, env: &Env<'h>, id: NodeId) -> Res<'h> {
        self.operand(env, id)
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
        self.run(env.code, env.caps, env.base, start)
    }

    /// Evaluates an expression. What it runs with comes in registers.
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
                Op::Const => {
                    let word = env.code.consts[node.a as usize].get();
                    break self.force(word);
                }
                Op::Local | Op::Capture | Op::LocalFrame | Op::CaptureFrame | Op::Global => {
                    let word = self.read(&env, node);
                    if let Some(value) = word.resolved() {
                        break Ok(value);
                    }
                    let place = env.place(node.pos);
                    break self.force_at(word, place);
                }
                Op::With => break self.with_variable(&env, node),
                Op::Select => {
                    let base = tri!(self.operand(&env, node.a));
                    break self.select_fast(&env, node, base);
                }
                Op::SelectPath => match self.select_path(&env, node) {
                    Ok(select::Selected::Value(value)) => break Ok(value),
                    Ok(select::Selected::Default(default)) => id = default,
                    Err(fail) => break Err(fail),
                },
                Op::HasAttr => break self.has_attr(&env, node),
                Op::Apply1 => {
                    let function = tri!(self.operand(&env, node.a));
                    let arg = self.delay(&env, node.b);
                    if !self.stack.push(arg) {
                        break Err(self.stack_overflow(env.place(node.pos)));
                    }
                    match tri!(self.enter(&mut env, function, 1, entry_top, Some(id))) {
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
                    match tri!(self.enter(&mut env, function, n, entry_top, Some(id))) {
                        call::Entered::Body(body) => id = body,
                        call::Entered::Value(value) => break Ok(value),
                    }
                }
                Op::ApplyNth => {
                    let function = tri!(self.operand(&env, node.a));
                    let Some(n) = self.push_nth(&env) else {
                        break Err(self.stack_overflow(None));
                    };
                    match tri!(self.enter(&mut env, function, n, entry_top, Some(id))) {
                        call::Entered::Body(body) => id = body,
                        call::Entered::Value(value) => break Ok(value),
                    }
                }
                Op::CallBuiltin => break self.call_builtin_node(&env, node),
                Op::Sub | Op::Mul | Op::Div | Op::Less => break self.arithmetic(&env, node),
                Op::Add => break self.add(&env, node),
                Op::Strings => break self.strings(&env, node),
                Op::Equal | Op::NotEqual => {
                    let left = tri!(self.operand(&env, node.a));
                    let right = tri!(self.operand(&env, node.b));
                    let equal = tri!(self.equal_values(left, right));
                    break Ok(Val::bool(equal == (node.op == Op::Equal)));
                }
                Op::And => {
                    let left = tri!(self.condition(
                        &env,
                        node.a,
                        node.pos,
                        "in the left operand of the AND (&&) operator"
                    ));
                    if !left {
                        break Ok(Val::bool(false));
                    }
                    let right = self.condition(
                        &env,
                        node.b,
                        node.pos,
                        "in the right operand of the AND (&&) operator",
                    );
                    break right.map(Val::bool);
                }
                Op::Or => {
                    let left = tri!(self.condition(
                        &env,
                        node.a,
                        node.pos,
                        "in the left operand of the OR (||) operator"
                    ));
                    if left {
                        break Ok(Val::bool(true));
                    }
                    let right = self.condition(
                        &env,
                        node.b,
                        node.pos,
                        "in the right operand of the OR (||) operator",
                    );
                    break right.map(Val::bool);
                }
                Op::Implication => {
                    let left = tri!(self.condition(
                        &env,
                        node.a,
                        node.pos,
                        "in the left operand of the IMPL (->) operator"
                    ));
                    if !left {
                        break Ok(Val::bool(true));
                    }
                    let right = self.condition(
                        &env,
                        node.b,
                        node.pos,
                        "in the right operand of the IMPL (->) operator",
                    );
                    break right.map(Val::bool);
                }
                Op::Not => {
                    let text = "in the argument of the not operator";
                    let operand = self.condition(&env, node.a, node.pos, text);
                    break operand.map(|operand| Val::bool(!operand));
                }
                Op::Update => break self.update(&env, node),
                Op::Concat => break self.concat(&env, node),
                Op::Closure => break Ok(self.make_closure(&env, node)),
                Op::Thunk | Op::EagerBinary | Op::EagerSelect => {
                    let word = self.delay(&env, id);
                    break self.force(word);
                }
                Op::List => {
                    let top = self.stack.top();
                    let mut full = false;
                    for &item in env.code.list(node.a, node.b as usize) {
                        let item = self.delay(&env, item);
                        full |= !self.stack.push(item);
                    }
                    if full {
                        break Err(self.stack_overflow(env.place(node.pos)));
                    }
                    let slots = self.stack.slots(top, self.stack.top());
                    let list = Val::list_of_slots(&self.alloc, slots);
                    self.stack.truncate(top);
                    break Ok(list);
                }
                Op::Set => break Ok(self.set_literal(&env, node)),
                Op::DynamicSet => break self.dynamic_set(&env, node, None),
                Op::OverrideSet => break self.override_set(&env, node),
                Op::Let => {
                    self.bind_group(&env, node);
                    id = node.c;
                }
                Op::WithScope => {
                    let scope = self.delay(&env, node.a);
                    self.stack.set(env.base, node.c, scope);
                    id = node.b;
                }
                Op::If => {
                    let text = "while evaluating a branch condition";
                    let condition = tri!(self.condition(&env, node.a, node.pos, text));
                    id = if condition { node.b } else { node.c };
                }
                Op::Assert => {
                    let text = "in the condition of the assert statement";
                    if !tri!(self.condition(&env, node.a, node.pos, text)) {
                        break Err(self.failed_assertion(&env, node));
                    }
                    id = node.b;
                }
                Op::CurPos => {
                    let place = env.place(node.pos);
                    break Ok(self.place_value(place));
                }
                Op::Stop => break self.stop_node(&env, id),
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
        let fail = match self.operand(env, id) {
            Ok(value) => {
                if let Some(value) = value.as_bool() {
                    return Ok(value);
                }
                let place = env.place(pos);
                self.expected("a Boolean", value, place)
            }
            Err(fail) => fail,
        };
        let place = env.place(pos);
        Err(self.trace(fail, place, text))
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
