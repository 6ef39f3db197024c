//! Ctrl-C, and the other polite requests to end.
//!
//! While something is built, the first request ends the builds: builders are killed with all that
//! they started, their directories are removed, and the command then says that it was interrupted.
//! A second request, or the first when nothing is built, ends the process at once, the way the
//! signal would have ended it. Stores are safe against that at any moment.

use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use firn_build::BuildingStore;

use crate::failure::EXIT_ERROR;
use crate::{Console, Program, Report};

static SIGNAL: AtomicI32 = AtomicI32::new(0);
static LEFT_TO_OTHERS: AtomicUsize = AtomicUsize::new(0);
static BUILDING: Mutex<Vec<Weak<BuildingStore>>> = Mutex::new(Vec::new());

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

/// Pays no attention to Ctrl-C while another program has the terminal; until the value is dropped.
pub fn leave_to_others() -> LeftToOthers {
    LEFT_TO_OTHERS.fetch_add(1, Ordering::AcqRel);
    LeftToOthers(())
}

/// See [`leave_to_others`].
pub struct LeftToOthers(());

impl Drop for LeftToOthers {
    fn drop(&mut self) {
        LEFT_TO_OTHERS.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The signal that ended the builds of this command, if one did.
pub fn signal() -> Option<i32> {
    Some(SIGNAL.load(Ordering::Acquire)).filter(|it| *it != 0)
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
    let first = SIGNAL
        .compare_exchange(0, signal, Ordering::AcqRel, Ordering::Acquire)
        .is_ok();
    let stores = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    let cancelled = stores
        .iter()
        .filter_map(Weak::upgrade)
        .filter(|store| store.cancel())
        .count();
    drop(stores);
    if !first || cancelled == 0 {
        crate::voice::end();
        firn_sys::signals::die_of(signal);
    }
}
