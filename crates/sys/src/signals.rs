//! Names of signals, and taking notice of those that ask a program to end.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// What Ctrl-C sends.
pub const INTERRUPT: i32 = libc::SIGINT;

/// Calls back, on a thread of its own, for each SIGINT, SIGTERM and SIGHUP from now on, instead of
/// letting them end the process. Call it while there is only one thread: later ones inherit that
/// they are left alone.
pub fn on_request_to_end(mut callback: impl FnMut(i32) + Send + 'static) -> io::Result<()> {
    let mut set = std::mem::MaybeUninit::uninit();
    // SAFETY: `sigemptyset` initialises the set before anything else looks at it; the old mask is
    // not asked for.
    let set = unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            libc::sigaddset(set.as_mut_ptr(), signal);
        }
        let set = set.assume_init();
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
        set
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            loop {
                let mut signal = 0;
                // SAFETY: the set is initialised and the result goes to a local value.
                if unsafe { libc::sigwait(&raw const set, &raw mut signal) } == 0 {
                    callback(signal);
                }
            }
        })
        .map(drop)
}

/// Lets a program that is started receive the signals that this process keeps for its own thread
/// ([`on_request_to_end`]): which signals are held back is inherited.
pub fn are_received_by(command: &mut Command) -> &mut Command {
    let unblock = || {
        // SAFETY: the set is initialised before it is used, and both calls may be made between fork
        // and exec: they touch nothing but the set and this thread's mask.
        unsafe {
            let mut set = std::mem::MaybeUninit::uninit();
            libc::sigemptyset(set.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, set.as_ptr(), std::ptr::null_mut());
        }
        Ok(())
    };
    // SAFETY: the closure allocates nothing, takes no lock and makes only calls that are allowed
    // after a fork of a process with several threads.
    unsafe { command.pre_exec(unblock) }
}

/// Ends this process the way a signal ends one that pays no attention to it.
pub fn die_of(signal: i32) -> ! {
    // SAFETY: sets the default action of a signal of this process, lets it through, and sends it; the
    // set is initialised before it is used. `_exit` is for a signal that does not end processes.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        let mut set = std::mem::MaybeUninit::uninit();
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), std::ptr::null_mut());
        libc::raise(signal);
        libc::_exit(128 + signal)
    }
}

/// What a signal is called, as the C library puts it (`Killed`, `Segmentation fault`).
pub fn describe(signal: i32) -> String {
    // SAFETY: the call answers for any number with a string that stays until the next call on
    // this thread, and it is copied at once.
    unsafe {
        let text = libc::strsignal(signal);
        if text.is_null() {
            return format!("signal {signal}");
        }
        CStr::from_ptr(text).to_string_lossy().into_owned()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn well_known_signals_have_names() {
        assert_eq!(super::describe(9), "Killed");
    }
}
