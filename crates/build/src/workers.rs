//! Threads for work that takes time of its own, such as reading outputs.
//!
//! They sleep while there is nothing to do; threads that look for work instead cost processor time
//! that builders want. They start with the first piece of work and end with the value.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

type Work = Box<dyn FnOnce() + Send>;

/// A few threads.
#[derive(Default)]
pub(crate) struct Workers {
    sender: Option<Sender<Work>>,
}

impl Workers {
    /// Does a piece of work as soon as a thread is free.
    pub(crate) fn spawn(&mut self, work: impl FnOnce() + Send + 'static) {
        let sender = self.sender.get_or_insert_with(start);
        if let Err(unsent) = sender.send(Box::new(work)) {
            // All threads are gone, which takes a panic in each.
            (unsent.0)();
        }
    }
}

fn start() -> Sender<Work> {
    let (sender, receiver) = channel::<Work>();
    let receiver = Arc::new(Mutex::new(receiver));
    for _ in 0..firn_sys::support::n_cores().max(2) {
        let receiver = Arc::clone(&receiver);
        std::thread::spawn(move || {
            while let Some(work) = next(&receiver) {
                work();
            }
        });
    }
    sender
}

fn next(receiver: &Mutex<Receiver<Work>>) -> Option<Work> {
    let receiver = receiver.lock().unwrap_or_else(PoisonError::into_inner);
    receiver.recv().ok()
}
