//! The lines that a program at the other end writes to its standard error.
//!
//! The serve protocol has no messages for what a builder prints: it comes beside the conversation,
//! and belongs to whatever is built at the time.

use std::io::Read;
use std::process::ChildStderr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use firn_events::{ActivityId, Event, SharedSink};

/// Hands on lines, each as one of a builder's, as long as the other end writes.
pub(crate) struct Overheard {
    errors: Arc<Mutex<ChildStderr>>,
}

impl Overheard {
    /// Begins to listen, on a thread that ends with the pipe.
    pub(crate) fn listen(errors: ChildStderr, events: SharedSink) -> std::io::Result<Overheard> {
        use std::os::fd::AsFd as _;
        let waited = errors.as_fd().try_clone_to_owned()?;
        let errors = Arc::new(Mutex::new(errors));
        let heard = Overheard {
            errors: Arc::clone(&errors),
        };
        thread::Builder::new()
            .name("other end's errors".to_owned())
            .spawn(move || {
                let mut lines = Lines::new(events);
                let mut buffer = [0; 4096];
                loop {
                    if firn_sys::pipe::wait_readable(&waited).is_err() {
                        return;
                    }
                    let mut errors = errors.lock().unwrap_or_else(PoisonError::into_inner);
                    match errors.read(&mut buffer) {
                        Ok(0) | Err(_) => return lines.end(),
                        Ok(n) => lines.take(&buffer[..n]),
                    }
                }
            })?;
        Ok(heard)
    }

    /// Waits until what the other end has written by now was handed on.
    pub(crate) fn catch_up(&self) {
        loop {
            let errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
            if firn_sys::pipe::n_waiting(&*errors).is_ok_and(|n| n > 0) {
                drop(errors);
                thread::sleep(Duration::from_millis(1));
            } else {
                return;
            }
        }
    }
}

/// Bytes become lines.
struct Lines {
    events: SharedSink,
    id: ActivityId,
    begun: Vec<u8>,
}

impl Lines {
    fn new(events: SharedSink) -> Lines {
        Lines {
            events,
            id: ActivityId::next(),
            begun: Vec::new(),
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let mut parts = bytes.split(|byte| *byte == b'\n');
        let mut part = parts.next();
        while let Some(text) = part {
            self.begun.extend_from_slice(text);
            part = parts.next();
            if part.is_some() {
                self.emit();
            }
        }
    }

    fn end(&mut self) {
        if !self.begun.is_empty() {
            self.emit();
        }
    }

    fn emit(&mut self) {
        self.events.emit(Event::BuildLogLine {
            id: self.id,
            line: std::mem::take(&mut self.begun),
        });
    }
}
