//! Dates of times in seconds, in Greenwich.
//!
//! What is fetched carries the time of its last change; messages and attributes show it as a date.

/// Year, month and day of a time in seconds since 1970.
pub fn date_of(seconds: u64) -> (u64, u64, u64) {
    // Counted from the first of March of the year 0, so that the odd day is a year's last.
    let days = seconds / 86_400 + 719_468;
    let era = days / 146_097;
    let day = days % 146_097;
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (
        era * 400 + year + u64::from(month <= 2),
        month,
        day_of_month,
    )
}

#[cfg(test)]
mod tests {
    use super::date_of;

    #[test]
    fn days_are_counted_in_leap_years_too() {
        assert_eq!(date_of(0), (1970, 1, 1));
        assert_eq!(date_of(951_782_400), (2000, 2, 29));
        assert_eq!(date_of(1_782_864_000), (2026, 7, 1));
    }
}
