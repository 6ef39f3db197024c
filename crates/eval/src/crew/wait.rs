//! Waiting for a thunk that another task evaluates.
//!
//! Whoever waits looks at the thunk again and again, at first without pause and then less and less
//! often. So it costs the owner nothing to be waited for, and nothing can be missed. All the while
//! a helper looks whether it waits for itself: task by task, whom does the owner wait for? If so it
//! gives up, which makes each of its thunks what it was, and ends the circle. The main line does not
//! give up: in each circle that it is part of is a helper that will. A circle within one task is no
//! matter of waiting but an infinite recursion of the program. The answer may be out of date, since
//! tasks begin and end to wait meanwhile; a helper that gives up needlessly does no harm.

use std::sync::Arc;
use std::time::Duration;

use firn_heap::TaskId;

use super::State;
use crate::ctx::{Ctx, Val};
use crate::error::Fail;

/// Looks before the first pause; most waits are short.
const N_LOOKS: u32 = 2000;
const SHORTEST: Duration = Duration::from_micros(20);
const LONGEST: Duration = Duration::from_micros(500);

impl State<'_> {
    pub(super) fn set_wait(&mut self, task: TaskId, owner: u32) {
        let idx = task.0 as usize;
        if self.waits_for.len() <= idx {
            self.waits_for.resize(idx + 1, 0);
        }
        self.waits_for[idx] = owner;
    }

    /// Whether `owner` waits for `task`, by way of others or not.
    fn leads_to(&self, owner: TaskId, task: TaskId) -> bool {
        let mut at = owner.0;
        for _ in 0..=self.waits_for.len() {
            at = self.waits_for.get(at as usize).copied().unwrap_or(0);
            if at == task.0 {
                return true;
            }
            if at == 0 {
                return false;
            }
        }
        false
    }
}

impl<'h> Ctx<'h> {
    /// Waits until a thunk is no longer evaluated by `owner`, which is not this task.
    #[cold]
    #[inline(never)]
    pub(crate) fn wait_for(&mut self, word: Val<'h>, owner: TaskId) -> Result<(), Fail> {
        for look in 0..N_LOOKS {
            if word.owner() != Some(owner) {
                return Ok(());
            }
            if look % 64 == 63 {
                std::thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
        let shared = Arc::clone(&self.shared);
        let crew = &shared.crew;
        crew.pause();
        let result = self.wait_long(word, owner);
        crew.resume(self.task);
        result
    }

    fn wait_long(&mut self, word: Val<'h>, owner: TaskId) -> Result<(), Fail> {
        let shared = Arc::clone(&self.shared);
        let mut pause = SHORTEST;
        while word.owner() == Some(owner) {
            self.check_native_stack()?;
            self.pass_panic_on();
            let is_circle = {
                let mut state = shared.crew.lock();
                let is_circle = !self.is_main_line() && state.leads_to(owner, self.task);
                // Who gives up is no longer part of the circle that others may see.
                let waits_for = if is_circle { 0 } else { owner.0 };
                state.set_wait(self.task, waits_for);
                is_circle
            };
            if is_circle {
                return Err(self.give_up());
            }
            let in_use = self.in_use();
            self.alloc
                .while_halted(in_use, || std::thread::sleep(pause));
            pause = (pause * 2).min(LONGEST);
        }
        Ok(())
    }
}
