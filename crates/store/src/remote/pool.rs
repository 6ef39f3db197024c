//! Conversations that are kept open between requests, a bounded number of them.
//!
//! A request takes one and gives it back. One that broke is not given back; a new one is begun when
//! the next request needs it. Whoever holds one and asks for another while all are taken would wait
//! for itself, so nothing in this crate asks the same store for something while it holds one.

use std::sync::{Condvar, Mutex, PoisonError};

use crate::error::StoreError;

/// Open conversations.
pub(super) struct Pool<C> {
    state: Mutex<State<C>>,
    returned: Condvar,
    limit: usize,
}

struct State<C> {
    idle: Vec<C>,
    n_open: usize,
}

/// A conversation that is in use.
pub(super) struct Taken<'a, C> {
    pool: &'a Pool<C>,
    connection: Option<C>,
    is_broken: bool,
}

impl<C> Pool<C> {
    pub(super) fn new(limit: usize) -> Pool<C> {
        Pool {
            state: Mutex::new(State {
                idle: Vec::new(),
                n_open: 0,
            }),
            returned: Condvar::new(),
            limit: limit.max(1),
        }
    }

    /// Takes an idle one, or opens one, or waits for one.
    pub(super) fn take(
        &self,
        open: impl FnOnce() -> Result<C, StoreError>,
    ) -> Result<Taken<'_, C>, StoreError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(connection) = state.idle.pop() {
                return Ok(self.taken(Some(connection)));
            }
            if state.n_open < self.limit {
                state.n_open += 1;
                break;
            }
            state = self
                .returned
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        // One that cannot be opened is counted out again when this is dropped.
        let mut taken = self.taken(None);
        taken.connection = Some(open()?);
        Ok(taken)
    }

    fn taken(&self, connection: Option<C>) -> Taken<'_, C> {
        Taken {
            pool: self,
            connection,
            is_broken: false,
        }
    }
}

impl<C> Taken<'_, C> {
    pub(super) fn get(&mut self) -> &mut C {
        self.connection
            .as_mut()
            .expect("there is one until it is given back")
    }

    /// It is of no further use.
    pub(super) fn give_up(&mut self) {
        self.is_broken = true;
    }
}

impl<C> Drop for Taken<'_, C> {
    fn drop(&mut self) {
        let connection = self.connection.take().filter(|_| !self.is_broken);
        let mut state = self
            .pool
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match connection {
            Some(connection) => state.idle.push(connection),
            None => state.n_open -= 1,
        }
        drop(state);
        self.pool.returned.notify_one();
    }
}
