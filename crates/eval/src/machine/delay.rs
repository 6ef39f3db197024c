//! What is passed on unevaluated: reading variables, making functions and thunks, and the little
//! that may be computed at once because it can neither fail nor diverge.

use firn_heap::{Kind, Slot};
use firn_ir::{Node, NodeId, Op};

use super::Env;
use crate::code::Code;
use crate::ctx::{Ctx, Val};

impl<'h> Ctx<'h> {
    /// The word of a variable or constant.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "compared in order of frequency, without a table"
    )]
    pub(super) fn read(&self, env: &Env<'h>, node: &Node) -> Val<'h> {
        if node.op == Op::Local {
            self.stack.get(env.base, node.a)
        } else if node.op == Op::Capture {
            env.caps[node.a as usize].get()
        } else if node.op == Op::Const {
            env.code.consts[node.a as usize].get()
        } else {
            self.read_far(env, node)
        }
    }

    #[inline(never)]
    fn read_far(&self, env: &Env<'h>, node: &Node) -> Val<'h> {
        match node.op {
            Op::Global => self.globals[node.a as usize].get(),
            Op::LocalFrame => field(self.stack.get(env.base, node.a), node.b),
            _ => field(env.caps[node.a as usize].get(), node.b),
        }
    }

    /// The word of an expression in a delayed place.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a variable takes a few instructions; the rest is elsewhere"
    )]
    pub(super) fn delay(&self, env: &Env<'h>, id: NodeId) -> Val<'h> {
        let node = env.node(id);
        if node.op == Op::Thunk {
            return self.make_thunk(env, node);
        }
        if node.op == Op::Local {
            return self.stack.get(env.base, node.a);
        }
        if node.op == Op::Capture {
            return env.caps[node.a as usize].get();
        }
        self.delay_other(env, node)
    }

    /// A table of functions.
    #[inline(never)]
    fn delay_other(&self, env: &Env<'h>, node: &'h Node) -> Val<'h> {
        match node.op {
            Op::Closure => self.make_closure(env, node),
            Op::EagerBinary => self.eager_binary(env, node),
            Op::EagerSelect => self.eager_select(env, node),
            Op::Const | Op::Global | Op::LocalFrame | Op::CaptureFrame => self.read(env, node),
            other => unreachable!("delayed places hold no {other:?}"),
        }
    }

    #[inline(never)]
    fn make_thunk(&self, env: &Env<'h>, node: &Node) -> Val<'h> {
        let unit = &env.code.units[node.a as usize];
        let locations = env.code.list(node.b, unit.n_caps as usize);
        Val::thunk_of(
            &self.alloc,
            unit,
            locations.iter().map(|&it| self.at(env, it)),
        )
    }

    #[inline(never)]
    pub(super) fn make_closure(&self, env: &Env<'h>, node: &Node) -> Val<'h> {
        let unit = &env.code.units[node.a as usize];
        let locations = env.code.list(node.b, unit.n_caps as usize);
        Val::closure_of(
            &self.alloc,
            unit,
            locations.iter().map(|&it| self.at(env, it)),
        )
    }

    /// Sets captures from the locations listed at `list`.
    #[inline]
    pub(super) fn fill(&self, env: &Env<'h>, list: u32, caps: &[Slot<'h, Code<'h>>]) {
        let locations = env.code.list(list, caps.len());
        for (slot, &location) in caps.iter().zip(locations) {
            slot.set(self.at(env, location));
        }
    }

    #[inline(never)]
    fn eager_binary(&self, env: &Env<'h>, node: &Node) -> Val<'h> {
        match self.eager_number(env, node) {
            Some(value) => value,
            None => self.make_thunk(env, env.node(node.c)),
        }
    }

    #[inline]
    fn eager_number(&self, env: &Env<'h>, node: &Node) -> Option<Val<'h>> {
        let left = self
            .read(env, env.node(node.a))
            .resolved()?
            .as_small_int()?;
        let right = self
            .read(env, env.node(node.b))
            .resolved()?
            .as_small_int()?;
        if node.k == Op::Add as u8 {
            Val::small_int(left.checked_add(right)?)
        } else if node.k == Op::Sub as u8 {
            Val::small_int(left.checked_sub(right)?)
        } else if node.k == Op::Mul as u8 {
            Val::small_int(left.checked_mul(right)?)
        } else {
            Some(Val::bool(left < right))
        }
    }

    #[inline(never)]
    fn eager_select(&self, env: &Env<'h>, node: &Node) -> Val<'h> {
        match self.eager_field(env, node) {
            Some(value) => value,
            None => self.make_thunk(env, env.node(node.c)),
        }
    }

    /// A field that has a value already. Functions are left alone: which object they are can be
    /// seen by comparing them.
    #[inline]
    fn eager_field(&self, env: &Env<'h>, node: &Node) -> Option<Val<'h>> {
        let select = env.node(node.a);
        let base = self.read(env, env.node(select.a)).resolved()?.as_set()?;
        let cache = &env.code.caches[select.c as usize];
        let value = base
            .get_cached(env.code.symbol(select.b), cache, &self.alloc)?
            .resolved()?;
        (value.kind() != Kind::Function).then_some(value)
    }
}

/// A field of a shared frame.
#[inline]
pub(crate) fn field(frame: Val<'_>, idx: u32) -> Val<'_> {
    frame
        .as_frame()
        .expect("a frame is where resolution put one")[idx as usize]
        .get()
}
