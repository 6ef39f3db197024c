//! The substituters of a store, in the order they are asked.
//!
//! Their order is theirs to tell, and telling takes asking each of them over a network. That happens
//! when the first path is wanted from any of them, all at once. One that cannot be reached then is
//! told of and left out; one that fails later is the business of the goal that asked.

use std::sync::{Arc, OnceLock};

use firn_events::{Level, SharedSink};
use firn_store::Store;

/// A list of substituters, sorted when it is first used.
pub(crate) struct Substituters {
    given: Vec<Arc<dyn Store>>,
    ordered: OnceLock<Arc<[Arc<dyn Store>]>>,
    events: SharedSink,
}

impl Substituters {
    /// Substituters as the settings list them.
    pub(crate) fn new(given: Vec<Arc<dyn Store>>, events: SharedSink) -> Substituters {
        Substituters {
            given,
            ordered: OnceLock::new(),
            events,
        }
    }

    /// Whether there are none at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// Those that can be reached, the lowest priority number first, then as they were listed.
    pub(crate) fn in_order(&self) -> Arc<[Arc<dyn Store>]> {
        Arc::clone(self.ordered.get_or_init(|| {
            let introductions = std::thread::scope(|scope| {
                let asked: Vec<_> = self
                    .given
                    .iter()
                    .map(|substituter| scope.spawn(|| substituter.introduce()))
                    .collect();
                asked
                    .into_iter()
                    .map(|asked| asked.join().expect("an introduction does not panic"))
                    .collect::<Vec<_>>()
            });
            let mut reachable = Vec::new();
            for (substituter, introduction) in self.given.iter().zip(introductions) {
                match introduction {
                    Ok(()) => reachable.push(Arc::clone(substituter)),
                    Err(error) => self
                        .events
                        .message(Level::Warn, &format!("warning: {error}")),
                }
            }
            reachable.sort_by_key(|substituter| substituter.traits().priority);
            reachable.into()
        }))
    }
}
