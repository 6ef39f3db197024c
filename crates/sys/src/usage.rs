//! What the process has used so far.
#![allow(unsafe_code)]

use std::time::Duration;

/// The time that all threads of this process have run, in the program itself and in the kernel.
pub fn cpu_time() -> (Duration, Duration) {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the call fills the structure it is given, which is valid when zeroed as well.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    let duration = |time: libc::timeval| {
        let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
        let micros = u64::try_from(time.tv_usec).unwrap_or_default();
        Duration::from_secs(seconds) + Duration::from_micros(micros)
    };
    (duration(usage.ru_utime), duration(usage.ru_stime))
}

#[cfg(test)]
mod tests {
    #[test]
    fn time_passes() {
        let (user, system) = super::cpu_time();
        let mut total = 0_u64;
        while super::cpu_time().0 + super::cpu_time().1 == user + system {
            total = std::hint::black_box(total + 1);
        }
    }
}
