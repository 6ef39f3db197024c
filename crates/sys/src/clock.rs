//! Times as the people at this machine write them.
#![allow(unsafe_code)]

/// A time of day on a date, in the time zone of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    /// The year.
    pub year: i32,
    /// The month, from 1.
    pub month: i32,
    /// The day of the month, from 1.
    pub day: i32,
    /// The hour, from 0.
    pub hour: i32,
    /// The minute, from 0.
    pub minute: i32,
    /// The second, from 0.
    pub second: i32,
}

/// What clocks here show at a time in seconds since 1970; `None` for times out of any calendar.
pub fn local_time(seconds: i64) -> Option<LocalTime> {
    let seconds: libc::time_t = seconds;
    // SAFETY: all-zero is a valid `tm`; it is filled in below before it is read.
    let mut time: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers go to live local values.
    let filled = unsafe { libc::localtime_r(&raw const seconds, &raw mut time) };
    (!filled.is_null()).then_some(LocalTime {
        year: time.tm_year + 1900,
        month: time.tm_mon + 1,
        day: time.tm_mday,
        hour: time.tm_hour,
        minute: time.tm_min,
        second: time.tm_sec,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_differ_from_greenwich_by_less_than_two_days() {
        let time = local_time(1_000_000_000).expect("in the calendar");
        assert_eq!((time.year, time.month), (2001, 9));
        assert!((8..=10).contains(&time.day), "{time:?}");
        assert_eq!(local_time(i64::MAX), None);
    }
}
