//! Calls.
//!
//! The arguments of a call are on top of the value stack. [`Ctx::enter`] either prepares the frame
//! of a lambda, so that the caller's loop can go on with its body, or gives the value: of a
//! builtin, or of a function that still lacks arguments.

use firn_heap::{Closure, Function};
use firn_ir::{NONE, Node, NodeId, Op};

use super::Env;
use crate::ctx::{CallRecord, Ctx, Res, Val};
use crate::error::{ErrorKind, EvalError, Fail, Place};
use crate::internal::{IMPORT, RETHROW};
use crate::registry::{Builtin, MAX_ARITY};
use crate::suggest::suggestions;

/// What a call leads to.
pub(super) enum Entered<'h> {
    /// The body of a lambda, whose frame is ready.
    Body(NodeId),
    /// A value.
    Value(Val<'h>),
}

/// The node that a call stands at.
type Site<'h> = Option<(&'h crate::code::Code<'h>, NodeId)>;

/// Where a call was written; asked for only when something fails.
fn place_of(site: Site<'_>) -> Option<Place> {
    let (code, node) = site?;
    code.place(code.nodes[node as usize].pos)
}

impl<'h> Ctx<'h> {
    /// Calls `function` with the `n` topmost words of the stack, at the node `site`. A frame is made
    /// at `frame`, which is not above the arguments.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a lambda with all its arguments is the common case"
    )]
    pub(super) fn enter(
        &mut self,
        env: &mut Env<'h>,
        function: Val<'h>,
        n: usize,
        frame: usize,
        site: NodeId,
    ) -> Result<Entered<'h>, Fail> {
        if let Some(closure) = function.as_closure()
            && n == closure.unit.arity as usize
            && self.watch.is_none()
        {
            let site = Some((env.code, site));
            return self.begin(env, closure, n, frame, site);
        }
        self.enter_any(env, function, n, frame, Some(site))
    }

    /// Makes the frame of a lambda that has all its arguments, and goes over to its body.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a part of each call of a lambda")]
    fn begin(
        &mut self,
        env: &mut Env<'h>,
        closure: Closure<'h, crate::code::Code<'h>>,
        n: usize,
        frame: usize,
        site: Site<'h>,
    ) -> Result<Entered<'h>, Fail> {
        self.make_frame(closure, n, frame, site)?;
        *env = Env {
            code: closure.unit.code(),
            caps: closure.caps,
            base: frame,
        };
        Ok(Entered::Body(closure.unit.entry))
    }

    #[inline(never)]
    fn enter_any(
        &mut self,
        env: &mut Env<'h>,
        function: Val<'h>,
        n: usize,
        frame: usize,
        site: Option<NodeId>,
    ) -> Result<Entered<'h>, Fail> {
        if self.watch.is_some() {
            return self.enter_watched(env, function, n, frame, site);
        }
        self.enter_unwatched(env, function, n, frame, site)
    }

    #[cold]
    #[inline(never)]
    fn enter_watched(
        &mut self,
        env: &mut Env<'h>,
        function: Val<'h>,
        n: usize,
        frame: usize,
        site: Option<NodeId>,
    ) -> Result<Entered<'h>, Fail> {
        let top = self.stack.top();
        let args = self.stack.slots(top - n, top).iter();
        let args: Vec<Val<'h>> = args.map(firn_heap::Slot::get).collect();
        self.watch_enter(function, &args, place_of(site.map(|it| (env.code, it))));
        let entered = self.enter_unwatched(env, function, n, frame, site);
        match entered {
            Ok(Entered::Body(_)) => self.watch_body(),
            _ => self.watch_exit(),
        }
        entered
    }

    #[inline]
    fn enter_unwatched(
        &mut self,
        env: &mut Env<'h>,
        function: Val<'h>,
        n: usize,
        frame: usize,
        site: Option<NodeId>,
    ) -> Result<Entered<'h>, Fail> {
        let mut function = function;
        let mut n = n;
        let site = site.map(|site| (env.code, site));
        loop {
            match function.as_function() {
                Some(Function::Closure(closure)) => {
                    let arity = closure.unit.arity as usize;
                    if n == arity {
                        return self.begin(env, closure, n, frame, site);
                    }
                    if n < arity {
                        return Ok(Entered::Value(self.partial(function, n)));
                    }
                    let first = self.stack.top() - n;
                    function = self.run_closure(closure, first, site)?;
                    n -= arity;
                }
                Some(Function::Builtin(id)) => {
                    let arity = self.builtins[id as usize].arity();
                    if n < arity {
                        return Ok(Entered::Value(self.partial(function, n)));
                    }
                    let mut args = [Val::null(); MAX_ARITY];
                    let first = self.stack.top() - n;
                    for (idx, arg) in args[..arity].iter_mut().enumerate() {
                        *arg = self.stack.get(first, idx as u32);
                    }
                    let value = self.run_builtin(id, &args[..arity], site)?;
                    n -= arity;
                    if n == 0 {
                        return Ok(Entered::Value(value));
                    }
                    function = value;
                }
                Some(Function::Partial(partial)) => {
                    self.insert_args(n, partial.args, place_of(site))?;
                    n += partial.args.len();
                    function = partial.function;
                }
                None => {
                    function = self.call_functor(function, n, place_of(site))?;
                    n -= 1;
                    if n == 0 {
                        return Ok(Entered::Value(function));
                    }
                }
            }
        }
    }

    /// Pushes the arguments of one application of a row; how many, if the stack has room for them.
    pub(super) fn push_nth(&mut self, env: &Env<'h>) -> Option<usize> {
        let number = self.stack.get(env.base, 0);
        let source = env.caps[1].get();
        let idx = number.as_small_int().map_or(0, |idx| idx as usize);
        if let Some(items) = source.as_list() {
            return self.stack.push(items[idx]).then_some(1);
        }
        let Some(set) = source.as_set() else {
            return self.stack.push(number).then_some(1);
        };
        let attrs = set.flat(&self.alloc);
        let name = self.symbol_str(attrs.shape.keys()[idx]);
        (self.stack.push(name) && self.stack.push(attrs.values[idx])).then_some(2)
    }

    /// The function with the `n` topmost words as its first arguments.
    fn partial(&mut self, function: Val<'h>, n: usize) -> Val<'h> {
        let top = self.stack.top();
        Val::partial(&self.alloc, function, self.stack.slots(top - n, top))
    }

    /// Puts words below the `n` topmost ones.
    fn insert_args(
        &mut self,
        n: usize,
        args: &[Val<'h>],
        place: Option<Place>,
    ) -> Result<(), Fail> {
        let first = self.stack.top() - n;
        if !self.stack.extend_to(first, n + args.len()) {
            return Err(self.stack_overflow(place));
        }
        for idx in (0..n as u32).rev() {
            let word = self.stack.get(first, idx);
            self.stack.set(first, idx + args.len() as u32, word);
        }
        for (idx, arg) in args.iter().enumerate() {
            self.stack.set(first, idx as u32, *arg);
        }
        Ok(())
    }

    /// Moves the `n` topmost words to the frame, makes room for the rest of it, records the call,
    /// and takes the argument apart if the lambda wants that.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a part of each call of a lambda")]
    fn make_frame(
        &mut self,
        closure: Closure<'h, crate::code::Code<'h>>,
        n: usize,
        frame: usize,
        site: Site<'h>,
    ) -> Result<(), Fail> {
        let unit = closure.unit;
        let first = self.stack.top() - n;
        if first != frame {
            for idx in 0..n as u32 {
                let word = self.stack.get(first, idx);
                self.stack.set(frame, idx, word);
            }
        }
        if self.calls.len() > self.max_calls || !self.stack.extend_to(frame, unit.n_slots as usize)
        {
            return Err(self.stack_overflow(place_of(site)));
        }
        if unit.flags != 0 {
            self.bind_formals(closure, frame, site)?;
        }
        self.calls.push(CallRecord { site, callee: unit });
        Ok(())
    }

    /// Runs a lambda with as many words at `first` as it has parameters, and leaves the stack.
    fn run_closure(
        &mut self,
        closure: Closure<'h, crate::code::Code<'h>>,
        first: usize,
        site: Site<'h>,
    ) -> Res<'h> {
        let top = self.stack.top();
        let n_calls = self.calls.len();
        let arity = closure.unit.arity as usize;
        for idx in 0..arity as u32 {
            let word = self.stack.get(first, idx);
            if !self.stack.push(word) {
                return Err(self.stack_overflow(place_of(site)));
            }
        }
        self.make_frame(closure, arity, top, site)?;
        let env = Env {
            code: closure.unit.code(),
            caps: closure.caps,
            base: top,
        };
        let result = self.eval(&env, closure.unit.entry);
        if result.is_err() {
            self.trace_calls(n_calls);
        }
        self.leave_calls(n_calls);
        self.stack.truncate(top);
        result
    }

    /// Calls a set by way of its `__functor`, with the first of the `n` topmost words.
    fn call_functor(&mut self, set: Val<'h>, n: usize, place: Option<Place>) -> Res<'h> {
        let functor = set.as_set().and_then(|attrs| attrs.get(self.names.functor));
        let Some(functor) = functor else {
            let message = format!(
                "attempt to call something which is not a function but {}",
                self.describe(set)
            );
            return Err(self.error_at(place, ErrorKind::Type, message));
        };
        let first = self.stack.top() - n;
        let arg = self.stack.get(first, 0);
        if self.watch.is_some() {
            let attr = set
                .as_set()
                .and_then(|it| Self::attr_place(it, self.names.functor));
            self.watch_functor(attr);
        }
        let functor = self.force_at(functor, place)?;
        match self.call(functor, &[set, arg]) {
            Ok(value) => Ok(value),
            Err(fail) => Err(self.trace(
                fail,
                place,
                "while calling a functor (an attribute set with a '__functor' attribute)",
            )),
        }
    }

    /// Calls a function with arguments, as builtins do.
    pub fn call(&mut self, function: Val<'h>, args: &[Val<'h>]) -> Res<'h> {
        let function = self.force(function)?;
        let top = self.stack.top();
        for arg in args {
            if !self.stack.push(*arg) {
                self.stack.truncate(top);
                return Err(self.stack_overflow(None));
            }
        }
        self.check_native_stack()?;
        let n_calls = self.calls.len();
        let mut env = Env {
            code: self.internal.rethrow.code(),
            caps: &[],
            base: top,
        };
        let result = match self.enter_any(&mut env, function, args.len(), top, None) {
            Ok(Entered::Body(body)) => self.eval(&env, body),
            Ok(Entered::Value(value)) => Ok(value),
            Err(fail) => Err(fail),
        };
        if result.is_err() {
            self.trace_calls(n_calls);
        }
        self.leave_calls(n_calls);
        self.stack.truncate(top);
        result
    }

    #[inline]
    fn run_builtin(&mut self, id: u32, args: &[Val<'h>], site: Site<'h>) -> Res<'h> {
        self.check_native_stack()?;
        let builtin: &'h Builtin = &self.builtins[id as usize];
        let top = self.stack.top();
        let mut result = (builtin.run)(self, args);
        if let Ok(value) = result {
            result = match value.resolved() {
                Some(value) => Ok(value),
                None => self.force_at(value, place_of(site)),
            };
        }
        self.stack.truncate(top);
        match result {
            Ok(value) => Ok(value),
            Err(fail) => Err(self.failed_in(fail, builtin, site)),
        }
    }

    #[cold]
    #[inline(never)]
    fn failed_in(&mut self, fail: Fail, builtin: &Builtin, site: Site<'h>) -> Fail {
        if !builtin.trace {
            return fail;
        }
        let text = format!("while calling the '{}' builtin", builtin.plain_name());
        self.trace(fail, place_of(site), text)
    }

    /// A call of a builtin whose arguments are all there.
    #[inline(never)]
    pub(super) fn call_builtin_node(&mut self, env: &Env<'h>, id: NodeId, node: &Node) -> Res<'h> {
        if node.a >= IMPORT {
            return self.call_internal(env, node.a);
        }
        if self.watch.is_some() && node.n > 0 {
            return self.call_builtin_watched(env, id, node);
        }
        self.call_builtin_unwatched(env, id, node)
    }

    #[cold]
    #[inline(never)]
    fn call_builtin_watched(&mut self, env: &Env<'h>, id: NodeId, node: &Node) -> Res<'h> {
        let function = Val::builtin(&self.alloc, node.a);
        let args = env.code.list(node.b, node.n as usize);
        let args: Vec<Val<'h>> = match self.builtins[node.a as usize].plain_name() {
            "derivationStrict" => args.iter().map(|&arg| self.delay(env, arg)).collect(),
            _ => Vec::new(),
        };
        self.watch_enter(function, &args, env.place(node.pos));
        let result = self.call_builtin_unwatched(env, id, node);
        self.watch_exit();
        result
    }

    /// What internal code calls that is no builtin.
    #[cold]
    fn call_internal(&mut self, env: &Env<'h>, what: u32) -> Res<'h> {
        if what == RETHROW {
            let error = self.stashed.clone().unwrap_or_else(|| {
                Box::new(EvalError::new(ErrorKind::Eval, "this value failed before"))
            });
            return Err(self.rethrow(error));
        }
        let path = Self::path_of(env.caps[0].get());
        self.import_now(&path)
    }

    #[inline]
    fn call_builtin_unwatched(&mut self, env: &Env<'h>, id: NodeId, node: &Node) -> Res<'h> {
        let strict = self.builtins[node.a as usize].strict;
        let nodes = env.code.list(node.b, node.n as usize);
        let mut args = [Val::null(); MAX_ARITY];
        for (idx, (place, &arg)) in args.iter_mut().zip(nodes).enumerate() {
            *place = if strict & (1 << idx) == 0 {
                self.delay(env, arg)
            } else if let Ok(value) = self.operand(env, arg) {
                value
            } else {
                self.stash_argument(env, strict, nodes, idx, &mut args);
                break;
            };
        }
        self.run_builtin(node.a, &args[..nodes.len()], Some((env.code, id)))
    }

    /// Evaluating argument `failed` of a builtin has failed. The builtin forces it first and says
    /// so in its own words, so it gets a thunk that fails the same way.
    #[cold]
    #[inline(never)]
    fn stash_argument(
        &mut self,
        env: &Env<'h>,
        strict: u32,
        nodes: &[NodeId],
        failed: usize,
        args: &mut [Val<'h>],
    ) {
        self.stashed = self.error.take();
        args[failed] = Val::thunk(&self.alloc, self.internal.rethrow).0;
        for (idx, &arg) in nodes.iter().enumerate().skip(failed + 1) {
            args[idx] = match strict & (1 << idx) {
                0 => self.delay(env, arg),
                _ => Val::thunk(&self.alloc, self.internal.rethrow).0,
            };
        }
    }

    /// Takes the argument in slot 0 apart into the slots of the formals.
    #[inline(never)]
    fn bind_formals(
        &mut self,
        closure: Closure<'h, crate::code::Code<'h>>,
        frame: usize,
        site: Site<'h>,
    ) -> Result<(), Fail> {
        let unit = closure.unit;
        let code = unit.code();
        let lambda = &code.lambdas[unit.lambda as usize];
        let lambda_place = || code.param_place(unit.lambda, 0);
        let env = Env {
            code,
            caps: closure.caps,
            base: frame,
        };
        let arg = self.stack.get(frame, 0);
        let value = match self.force(arg) {
            Ok(value) => value,
            Err(fail) => {
                let fail = self.place_recursion(fail, lambda_place());
                return Err(self.called_from(fail, place_of(site)));
            }
        };
        let Some(set) = value.as_set() else {
            let fail = self.expected("a set", value, None);
            let text = "while evaluating the value passed for the lambda argument";
            let fail = self.trace(fail, lambda_place(), text);
            return Err(self.called_from(fail, place_of(site)));
        };
        let Some(formals) = code.formals(lambda) else {
            return Ok(());
        };
        let mut n_used = 0;
        let mut n_cells = 0;
        for (idx, formal) in formals.iter().enumerate() {
            let cache = &code.caches[lambda.cache as usize + idx];
            let word = match set.get_cached(code.symbol(formal.name), cache, &self.alloc) {
                Some(word) => {
                    n_used += 1;
                    word
                }
                None if formal.default == NONE => {
                    let message = format!(
                        "function '{}' called without required argument '{}'",
                        Self::function_name(code, unit.lambda),
                        crate::print::name_text(code.symbol(formal.name))
                    );
                    let fail = self.error_at(lambda_place(), ErrorKind::Type, message);
                    return Err(self.called_from(fail, place_of(site)));
                }
                None => {
                    let node = env.node(formal.default);
                    match node.op {
                        Op::Thunk => {
                            n_cells += 1;
                            Val::thunk(&self.alloc, &code.units[node.a as usize]).0
                        }
                        Op::Closure => {
                            n_cells += 1;
                            Val::closure(&self.alloc, &code.units[node.a as usize]).0
                        }
                        _ => self.delay(&env, formal.default),
                    }
                }
            };
            self.stack.set(frame, formal.slot, word);
        }
        if n_cells > 0 {
            for (idx, formal) in formals.iter().enumerate() {
                let cache = &code.caches[lambda.cache as usize + idx];
                if formal.default == NONE
                    || set
                        .get_cached(code.symbol(formal.name), cache, &self.alloc)
                        .is_some()
                {
                    continue;
                }
                let node = env.node(formal.default);
                if matches!(node.op, Op::Thunk | Op::Closure) {
                    let cell = self.stack.get(frame, formal.slot);
                    self.fill_cell(&env, node, cell);
                }
            }
        }
        if lambda.ellipsis == 0 && n_used != set.len(&self.alloc) {
            let known: Vec<_> = formals
                .iter()
                .map(|formal| code.symbol(formal.name))
                .collect();
            let flat = set.flat(&self.alloc);
            let unexpected = flat
                .by_name(&self.alloc)
                .map(|(name, _)| name)
                .find(|name| !known.contains(name));
            if let Some(unexpected) = unexpected {
                let mut error = EvalError::new(
                    ErrorKind::Type,
                    format!(
                        "function '{}' called with unexpected argument '{}'",
                        Self::function_name(code, unit.lambda),
                        crate::print::name_text(unexpected)
                    ),
                );
                error.place = lambda_place();
                error.suggestions = suggestions(
                    known.iter().map(|name| name.as_bytes()),
                    unexpected.as_bytes(),
                );
                let fail = self.fail(error);
                return Err(self.called_from(fail, place_of(site)));
            }
        }
        Ok(())
    }

    /// Sets the captures of a thunk or closure that was made before its surroundings were.
    pub(super) fn fill_cell(&mut self, env: &Env<'h>, node: &Node, cell: Val<'h>) {
        let caps = match cell.suspended() {
            Some((_, caps)) => Some(caps),
            None => cell.as_closure().map(|closure| closure.caps),
        };
        if let Some(caps) = caps {
            self.fill(env, node.b, caps);
        }
    }

    fn function_name(code: &crate::code::Code<'h>, lambda: u32) -> String {
        code.lambda_name(lambda)
            .map_or_else(|| "anonymous lambda".to_owned(), crate::print::name_text)
    }

    #[cold]
    fn called_from(&mut self, fail: Fail, place: Option<Place>) -> Fail {
        if place.is_some() {
            self.trace(fail, place, "from call site")
        } else {
            fail
        }
    }
}
