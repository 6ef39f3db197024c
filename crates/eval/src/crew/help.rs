//! What a helper does: it takes parts on offer and evaluates them, until the crew closes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::Scope;

use firn_heap::{Heap, Kind, TaskId};

use super::{Errand, Job};
use crate::ctx::{Ctx, Shared, Val};
use crate::error::{ErrorKind, Fail};
use crate::host::Message;
use crate::interrupt::StackLimit;

/// The native stack of a helper; one that needs more gives up.
const STACK: usize = 512 << 20;

/// Starts helper number `idx`; gives by what it is made to give up.
pub(super) fn start<'scope, 'h: 'scope>(
    scope: &'scope Scope<'scope, '_>,
    heap: &'h Heap,
    shared: &'scope Arc<Shared<'h>>,
    idx: usize,
) -> std::io::Result<StackLimit> {
    let limit = StackLimit::unknown();
    let its_limit = limit.clone();
    let body = move || {
        let crew = &shared.crew;
        let work = || {
            its_limit.is_of_this_thread();
            let task = TaskId(idx as u32 + 2);
            let mut ctx = Ctx::helper(heap, Arc::clone(shared), task, its_limit);
            ctx.help(idx);
        };
        let outcome = catch_unwind(AssertUnwindSafe(work));
        let mut state = crew.lock();
        if let Err(panic) = outcome {
            state.panic.get_or_insert(panic);
            crew.is_broken.store(true, Ordering::Release);
        }
        state.n_threads -= 1;
        drop(state);
        crew.changed.notify_all();
    };
    crate::stack::spawn(scope, "helper", STACK, body)?;
    Ok(limit)
}

impl<'h> Ctx<'h> {
    fn help(&mut self, idx: usize) {
        let shared = Arc::clone(&self.shared);
        let crew = &shared.crew;
        while self.alloc.while_halted(self.in_use(), || crew.rest()) {
            while let Some(job) = crew.take(idx) {
                self.run_errand(&job);
                crew.put_down(idx);
            }
        }
    }

    fn run_errand(&mut self, job: &Job<'h>) {
        let options = &self.shared.options;
        // As deep as the walker is: what is too deep for it is so here.
        self.max_calls = options.max_call_depth.saturating_sub(job.depth);
        if self.stack.push(job.word) {
            let result = match job.errand {
                Errand::Value => self.force(job.word).map(|_| ()),
                // What the walker would refuse as too deep is not to be evaluated here either: how
                // it complains may depend on that.
                Errand::Deep if self.max_calls < 2 => Ok(()),
                Errand::Deep => self.force_deep(job.word).map(|_| ()),
                Errand::Text => self.force_for_text(job.word),
                Errand::Json => self.force_for_json(job.word),
            };
            if let Err(fail) = result {
                drop(self.take_error(fail));
            }
        }
        self.stack.truncate(0);
        self.calls.clear();
        self.error = None;
        self.stashed = None;
    }

    fn force_for_text(&mut self, word: Val<'h>) -> Result<(), Fail> {
        self.check_native_stack()?;
        let value = self.force(word)?;
        if let Some(items) = value.as_list() {
            for &item in items {
                self.force_for_text(item)?;
            }
        } else if let Some(set) = value.as_set()
            && set.get(self.names.to_string).is_none()
            && let Some(path) = set.get(self.names.out_path)
        {
            self.force_for_text(path)?;
        }
        Ok(())
    }

    fn force_for_json(&mut self, word: Val<'h>) -> Result<(), Fail> {
        self.check_depth(0)?;
        let value = self.force(word)?;
        match value.kind() {
            Kind::List => {
                let items = value.as_list().unwrap_or_default();
                let mut ahead = super::Ahead::new(Errand::Json);
                for (idx, &item) in items.iter().enumerate() {
                    ahead.reach(self, idx, items.len(), |from| items[from..].into());
                    self.nested(|ctx| ctx.force_for_json(item))?;
                }
            }
            Kind::Set => {
                let Some(set) = value.as_set() else {
                    return Ok(());
                };
                if set.get(self.names.to_string).is_some() {
                    return Ok(());
                }
                if let Some(path) = set.get(self.names.out_path) {
                    return self.nested(|ctx| ctx.force_for_json(path));
                }
                let values: Vec<Val<'h>> = (set.flat(&self.alloc).by_name(&self.alloc))
                    .map(|(_, value)| value)
                    .collect();
                let mut ahead = super::Ahead::new(Errand::Json);
                for (idx, &item) in values.iter().enumerate() {
                    ahead.reach(self, idx, values.len(), |from| {
                        values[from..].to_vec().into()
                    });
                    self.nested(|ctx| ctx.force_for_json(item))?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Says that what comes next is to happen in the order of the program, and can be noticed: a
    /// message, a fetch, a build. A helper gives up here, and the main line does it when it comes to
    /// it.
    pub fn in_order(&mut self) -> Result<(), Fail> {
        if self.is_main_line() {
            return Ok(());
        }
        Err(self.give_up())
    }

    /// Tells the user something, in the order of the program.
    pub fn emit(&mut self, message: Message) -> Result<(), Fail> {
        self.in_order()?;
        self.shared.host.emit(message);
        Ok(())
    }

    /// Makes a helper end what it does as if it had never begun.
    #[cold]
    pub(crate) fn give_up(&mut self) -> Fail {
        // Whoever swallows this failure meets it again at once.
        self.stack_limit.interrupt();
        self.error(ErrorKind::GaveUp, "left to the main line")
    }
}
