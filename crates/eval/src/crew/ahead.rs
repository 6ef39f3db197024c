//! Putting parts on offer while walking over them.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use firn_heap::Attempt;

use super::{Errand, Offer, is_worth_while};
use crate::ctx::{Ctx, Res, Shared, Val};

/// A walk over parts all of which are going to be evaluated, in order. It offers the parts that lie
/// ahead to helpers once there are any who have nothing to do.
pub struct Ahead<'h> {
    errand: Errand,
    /// Levels that the parts lie below the calls in progress, as far as they count as calls do.
    level: usize,
    offered: Option<Offered<'h>>,
}

struct Offered<'h> {
    shared: Arc<Shared<'h>>,
    offer: Offer,
    /// The part that the offer begins with.
    first: usize,
}

impl<'h> Ahead<'h> {
    /// A walk that nothing was offered of yet.
    pub fn new(errand: Errand) -> Self {
        Self::at_level(errand, 0)
    }

    /// The same for a walk that counts its levels itself.
    pub(crate) fn at_level(errand: Errand, level: usize) -> Self {
        Self {
            errand,
            level,
            offered: None,
        }
    }

    /// Tells that the walk is at part `idx` of `len`. `parts` gives all from one on; they have to be
    /// kept by something that the walker keeps.
    #[inline]
    pub fn reach(
        &mut self,
        ctx: &Ctx<'h>,
        idx: usize,
        len: usize,
        parts: impl FnOnce(usize) -> Cow<'h, [Val<'h>]>,
    ) {
        if let Some(offered) = &self.offered {
            let at = idx - offered.first;
            offered.offer.front.store(at, Ordering::Relaxed);
        } else if ctx.shared.crew.is_hungry() && len - idx > 1 {
            self.offer(ctx, idx, parts(idx));
        }
    }

    #[cold]
    fn offer(&mut self, ctx: &Ctx<'h>, first: usize, parts: Cow<'h, [Val<'h>]>) {
        let errand = self.errand;
        let mut worth_while = parts[1..].iter().filter(|&&it| is_worth_while(it, errand));
        if worth_while.next().is_none() {
            return;
        }
        let outer = ctx.shared.options.max_call_depth - ctx.max_calls;
        let depth = outer + ctx.calls.len() + self.level;
        self.offered = Some(Offered {
            shared: Arc::clone(&ctx.shared),
            offer: ctx.shared.crew.offer(parts, errand, depth),
            first,
        });
    }
}

impl Drop for Ahead<'_> {
    fn drop(&mut self) {
        if let Some(offered) = &self.offered {
            offered.shared.crew.withdraw(offered.offer.id);
        }
    }
}

/// Calls of one function with each of some arguments, in order; helpers may make some of them
/// ahead.
pub struct Calls<'h> {
    function: Val<'h>,
    args: &'h [Val<'h>],
    /// A thunk for each call from this one on.
    cells: Option<(usize, &'h [Val<'h>])>,
    ahead: Ahead<'h>,
}

impl<'h> Calls<'h> {
    /// Calls of a function with these arguments, which have to be kept by something that the
    /// caller keeps.
    pub fn new(function: Val<'h>, args: &'h [Val<'h>]) -> Self {
        Self {
            function,
            args,
            cells: None,
            ahead: Ahead::new(Errand::Value),
        }
    }

    /// The result of call `idx`. Indices come in order.
    #[inline]
    pub fn call(&mut self, ctx: &mut Ctx<'h>, idx: usize) -> Res<'h> {
        if self.cells.is_some() || (ctx.shared.crew.is_hungry() && self.args.len() - idx > 1) {
            return self.call_in_cell(ctx, idx);
        }
        ctx.call(self.function, &[self.args[idx]])
    }

    #[inline(never)]
    fn call_in_cell(&mut self, ctx: &mut Ctx<'h>, idx: usize) -> Res<'h> {
        let (first, cells) = if let Some(known) = self.cells {
            known
        } else {
            let args = &self.args[idx..];
            let list = Val::list_from(&ctx.alloc, args.len(), |idx| {
                ctx.lazy_apply(self.function, &[args[idx]])
            });
            ctx.keep(list)?;
            let cells = (idx, list.as_list().unwrap_or_default());
            self.cells = Some(cells);
            cells
        };
        self.ahead
            .reach(ctx, idx - first, cells.len(), |from| cells[from..].into());
        let cell = cells[idx - first];
        loop {
            match cell.claim(ctx.task) {
                Attempt::Done(value) => return Ok(value),
                Attempt::Owned(owner) if owner != ctx.task => ctx.wait_for(cell, owner)?,
                Attempt::Owned(_) => return ctx.call(self.function, &[self.args[idx]]),
                Attempt::Claimed(claim) => {
                    // The call is made here and not by the thunk, so that its trace is the same as
                    // without helpers.
                    let result = ctx.call(self.function, &[self.args[idx]]);
                    match &result {
                        Ok(value) => claim.finish(*value),
                        Err(_) => claim.abandon(),
                    }
                    return result;
                }
            }
        }
    }
}
