//! Names of signals.
#![allow(unsafe_code)]

use std::ffi::CStr;

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
