//! Ctrl-C, and the other polite requests to end.
//!
//! While something is built, the first request ends the builds: builders are killed with all that
//! they started, their directories are removed, and the command then says that it was interrupted.
//! A second request, or the first when nothing is built, ends the process at once, the way the
//! signal would have ended it. Stores are safe against that at any moment.
//!
//! What has to be stopped with care ([`hold`]) gets the time for it; a second request kills it.
//!
//! A prompt goes on: there Ctrl-C ends what its line started, and only a second one, while that has
//! not ended yet, ends the process.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI32, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use firn_build::BuildingStore;
use firn_eval::Interrupter;
use rustix::process::{Pid, Signal};

use crate::failure::EXIT_ERROR;
use crate::{Console, Program, Report};

static SIGNAL: AtomicI32 = AtomicI32::new(0);
static LEFT_TO_OTHERS: AtomicUsize = AtomicUsize::new(0);
static HELD: AtomicUsize = AtomicUsize::new(0);
static BUILDING: Mutex<Vec<Weak<BuildingStore>>> = Mutex::new(Vec::new());
static SCRATCH: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

static GROUPS: Mutex<Vec<u32>> = Mutex::new(Vec::new());

static PROMPT: Mutex<Option<Interrupter>> = Mutex::new(None);
static PROMPT_STATE: AtomicU8 = AtomicU8::new(NO_PROMPT);

const NO_PROMPT: u8 = 0;
const WAITING: u8 = 1;
const WORKING: u8 = 2;
const ENDING: u8 = 3;

/// Pays attention from now on. To be called before there is a second thread.
pub fn watch() {
    // Without the thread, signals end the process as they always do.
    firn_sys::signals::on_request_to_end(on_signal).ok();
}

/// Has the builds of a store ended when the person asks for an end.
pub fn ends_builds_of(store: &Arc<BuildingStore>) {
    let mut stores = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    stores.retain(|it| it.strong_count() > 0);
    stores.push(Arc::downgrade(store));
}

/// Has a directory of no further use removed when a signal ends this process.
pub fn removes(directory: PathBuf) {
    let mut scratch = SCRATCH.lock().unwrap_or_else(PoisonError::into_inner);
    scratch.push(directory);
}

/// Pays no attention to Ctrl-C while another program has the terminal; until the value is dropped.
pub fn leave_to_others() -> LeftToOthers {
    LEFT_TO_OTHERS.fetch_add(1, Ordering::AcqRel);
    LeftToOthers(())
}

/// Has the first request to end noted only, because something has to be stopped before; until the
/// value is dropped. Whoever holds asks for [`signal`].
pub fn hold() -> Held {
    HELD.fetch_add(1, Ordering::AcqRel);
    Held(())
}

/// Has a group of processes killed when a signal ends this process before they could be stopped.
pub fn kills(group: u32) {
    let mut groups = GROUPS.lock().unwrap_or_else(PoisonError::into_inner);
    groups.push(group);
}

/// No longer does, because they have ended.
pub fn spares(group: u32) {
    let mut groups = GROUPS.lock().unwrap_or_else(PoisonError::into_inner);
    groups.retain(|it| *it != group);
}

/// See [`hold`].
pub struct Held(());

impl Drop for Held {
    fn drop(&mut self) {
        HELD.fetch_sub(1, Ordering::AcqRel);
    }
}

/// See [`leave_to_others`].
pub struct LeftToOthers(());

impl Drop for LeftToOthers {
    fn drop(&mut self) {
        LEFT_TO_OTHERS.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A prompt, at which an interrupt ends no more than what a line started; until it is dropped.
pub struct AtPrompt(Option<(Interrupter, u8)>);

/// Begins a prompt whose evaluations are ended through `interrupter`. Prompts may be nested.
pub fn at_prompt(interrupter: Interrupter) -> AtPrompt {
    let mut prompt = PROMPT.lock().unwrap_or_else(PoisonError::into_inner);
    let outer = prompt.replace(interrupter);
    let state = PROMPT_STATE.swap(WAITING, Ordering::SeqCst);
    AtPrompt(outer.map(|it| (it, state)))
}

impl AtPrompt {
    /// A line starts something.
    pub fn begin(&self) {
        PROMPT_STATE.store(WORKING, Ordering::SeqCst);
    }

    /// That is over.
    pub fn end(&self) {
        PROMPT_STATE.store(WAITING, Ordering::SeqCst);
        SIGNAL.store(0, Ordering::Release);
        let stores = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
        for store in stores.iter().filter_map(Weak::upgrade) {
            store.resume();
        }
        drop(stores);
        let prompt = PROMPT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(interrupter) = &*prompt {
            interrupter.clear();
        }
    }
}

impl Drop for AtPrompt {
    fn drop(&mut self) {
        let mut prompt = PROMPT.lock().unwrap_or_else(PoisonError::into_inner);
        let (interrupter, state) = match self.0.take() {
            Some((interrupter, state)) => (Some(interrupter), state),
            None => (None, NO_PROMPT),
        };
        *prompt = interrupter;
        PROMPT_STATE.store(state, Ordering::SeqCst);
    }
}

/// The signal that ended the builds of this command, if one did.
pub fn signal() -> Option<i32> {
    Some(SIGNAL.load(Ordering::Acquire)).filter(|it| *it != 0)
}

/// Asks a program that was started to end, as a terminal does that goes away.
pub fn hang_up(child: &std::process::Child) {
    let process = i32::try_from(child.id()).ok();
    if let Some(process) = process.and_then(Pid::from_raw) {
        // It may have ended.
        rustix::process::kill_process(process, Signal::HUP).ok();
    }
}

/// Says that the command was interrupted; gives the exit code.
pub fn show(console: &Console, program: Program, signal: i32) -> u8 {
    let report = Report::error("interrupted by the user");
    console.report(&report, &firn_source::FileTable::new());
    if program.is_firn() {
        128 + signal as u8
    } else {
        EXIT_ERROR
    }
}

fn on_signal(signal: i32) {
    if signal == firn_sys::signals::INTERRUPT && LEFT_TO_OTHERS.load(Ordering::Acquire) > 0 {
        return;
    }
    if signal == firn_sys::signals::INTERRUPT {
        match PROMPT_STATE.load(Ordering::SeqCst) {
            WAITING => return,
            WORKING => {
                PROMPT_STATE.store(ENDING, Ordering::SeqCst);
                end_line();
                return;
            }
            _ => {}
        }
    }
    let first = SIGNAL
        .compare_exchange(0, signal, Ordering::AcqRel, Ordering::Acquire)
        .is_ok();
    let cancelled = cancel_builds();
    let is_held = HELD.load(Ordering::Acquire) > 0;
    if !first || (cancelled == 0 && !is_held) {
        crate::voice::end();
        let groups = GROUPS.lock().unwrap_or_else(PoisonError::into_inner);
        for &group in &*groups {
            let group = i32::try_from(group).ok().and_then(Pid::from_raw);
            if let Some(group) = group {
                // It may have ended.
                rustix::process::kill_process_group(group, Signal::KILL).ok();
            }
        }
        let scratch = SCRATCH.lock().unwrap_or_else(PoisonError::into_inner);
        for directory in &*scratch {
            // It may not be there yet, or no longer.
            firn_sys::file::remove_tree(directory).ok();
        }
        firn_sys::signals::die_of(signal);
    }
}

/// Ends what a line at a prompt started: its evaluation and its builds.
fn end_line() {
    let prompt = PROMPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(interrupter) = &*prompt {
        interrupter.interrupt();
    }
    drop(prompt);
    cancel_builds();
}

fn cancel_builds() -> usize {
    let stores = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    stores
        .iter()
        .filter_map(Weak::upgrade)
        .filter(|store| store.cancel())
        .count()
}
