//! Collecting the heap: when the machine does it, and what it knows to be in use.
//!
//! The machine collects where it begins to evaluate something, if the allocator has asked for it
//! (`interrupt`). The rule that follows for everyone else is in the documentation of
//! [`Ctx::keep`].

use firn_heap::InUse;

use crate::ctx::{Ctx, Val, lock};
use crate::error::Fail;
use crate::source::Scope;

impl<'h> Ctx<'h> {
    /// Collects, as the allocator asked for, or halts for another thread; in tests collects every so
    /// often.
    pub(crate) fn collect_if_due(&mut self) {
        let Some(every) = self.shared.options.collect_every else {
            self.collect_now(false);
            return;
        };
        self.n_looks += 1;
        if self.n_looks.is_multiple_of(every) {
            self.collect_now(true);
        } else if self.heap().must_halt() {
            self.collect_now(false);
        }
        self.stack_limit.ask_to_collect();
    }

    /// Frees what cannot be reached any more.
    pub fn collect(&mut self) {
        self.collect_now(true);
    }

    fn collect_now(&mut self, force: bool) {
        self.stack_limit.no_longer_ask();
        let shared = &self.shared;
        let base = &shared.base;
        let own = [base.empty_set, base.empty_list, base.empty_str];
        self.alloc.collect(self.in_use(), force, &mut |marker| {
            for &word in &own {
                marker.word(word);
            }
            lock(&shared.imports)
                .values()
                .for_each(|&word| marker.word(word));
        });
        self.stack.forget_finished();
    }

    /// What this worker has in use besides its native stack.
    pub(crate) fn in_use(&self) -> InUse<'_> {
        InUse::new(&self.stack, &self.symbol_strings)
    }

    /// Keeps a word until the builtin that runs returns.
    ///
    /// Whatever is evaluated may free what is no longer in use. Words in local variables and in
    /// arguments are in use, and so is what they lead to: elements of a list, attributes of a set,
    /// values of thunks. A word that is only in a `Vec`, a `SetBuilder` or another container with
    /// memory of its own is not; if something is evaluated while it waits there, it is to be kept.
    pub fn keep(&mut self, word: Val<'h>) -> Result<(), Fail> {
        if word.is_immediate() || self.stack.push(word) {
            return Ok(());
        }
        Err(self.stack_overflow(None))
    }

    /// Pins what a front end gets, which is not on any stack once the machine has returned.
    pub(crate) fn keep_for_front_end(&self, word: Val<'h>) {
        if self.calls.is_empty() && self.is_main_line() {
            self.pin(word);
        }
    }

    /// Unpins everything but the values of a scope: a prompt does so between its lines.
    pub fn keep_only(&self, scope: &Scope<'h>) {
        self.heap().unpin_all();
        self.pin_scope(scope);
    }

    /// Pins the values of a scope.
    pub fn pin_scope(&self, scope: &Scope<'h>) {
        scope.values().for_each(|word| self.pin(word));
    }

    /// Keeps a word as long as the heap lives: for front ends, whose containers nobody looks into.
    pub fn pin(&self, word: Val<'h>) {
        self.heap().pin(word);
    }
}
