//! Running on a large native stack.
//!
//! Evaluation, lowering and printing recurse as deep as the program does. The stack is reserved, not
//! committed: only what is touched takes memory. The machine checks the remaining room itself and
//! turns its end into an ordinary error.

use firn_heap::stack_pointer;

/// Sizes tried in turn; an address-space limit may refuse the larger ones.
const SIZES: [usize; 6] = [16 << 30, 4 << 30, 1 << 30, 256 << 20, 64 << 20, 16 << 20];

/// What the machine keeps free for builtins and for unwinding.
const RESERVE: usize = 512 << 10;

thread_local! {
    static LIMIT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// The address below which this thread must not let its stack grow; 0 if unknown.
pub(crate) fn limit() -> usize {
    LIMIT.get()
}

/// Runs `work` on a thread with a stack as large as the system permits, and waits for it.
///
/// # Panics
/// If `work` does, or if not even a small thread can be started.
pub fn on_large_stack<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    let mut work = Some(work);
    let work = std::sync::Mutex::new(&mut work);
    for size in SIZES {
        let result = std::thread::scope(|scope| {
            let body = || {
                let top = stack_pointer();
                LIMIT.set(top.saturating_sub(size) + RESERVE);
                let work = work
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner)
                    .take()
                    .expect("the work is done once");
                work()
            };
            let thread = std::thread::Builder::new()
                .name("eval".to_owned())
                .stack_size(size)
                .spawn_scoped(scope, body);
            thread.ok().map(|thread| match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
        });
        if let Some(result) = result {
            return result;
        }
    }
    panic!("a thread can be started");
}

/// Starts a thread of a scope with a stack of this size, whose end the machine will know.
pub(crate) fn spawn<'scope>(
    scope: &'scope std::thread::Scope<'scope, '_>,
    name: &str,
    size: usize,
    work: impl FnOnce() + Send + 'scope,
) -> std::io::Result<()> {
    let body = move || {
        LIMIT.set(stack_pointer().saturating_sub(size) + RESERVE);
        work();
    };
    let thread = std::thread::Builder::new().name(name.to_owned());
    thread.stack_size(size).spawn_scoped(scope, body).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_deep() {
        fn depth(n: u64) -> u64 {
            if n == 0 {
                0
            } else {
                1 + std::hint::black_box(depth(n - 1))
            }
        }
        assert_eq!(on_large_stack(|| depth(1_000_000)), 1_000_000);
        assert!(on_large_stack(|| limit() < stack_pointer()));
    }
}
