//! Sizes in bytes as people read and write them.

/// `1.2 MiB`: one decimal and the largest unit that keeps the number at one or more.
pub fn render_size(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB"];
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A difference of sizes; one that is no growth has a minus before it.
pub fn render_growth(bytes: i64) -> String {
    let sign = if bytes < 0 { "-" } else { "" };
    format!("{sign}{}", render_size(bytes.unsigned_abs()))
}

/// A number with an optional unit: `16K`, `2G`.
pub fn parse_size(text: &str) -> Option<u64> {
    let (digits, shift) = match text.bytes().last()?.to_ascii_uppercase() {
        b'K' => (&text[..text.len() - 1], 10),
        b'M' => (&text[..text.len() - 1], 20),
        b'G' => (&text[..text.len() - 1], 30),
        b'T' => (&text[..text.len() - 1], 40),
        _ => (text, 0),
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_one_decimal() {
        assert_eq!(render_size(0), "0.0 KiB");
        assert_eq!(render_size(1536), "1.5 KiB");
        assert_eq!(render_size(5 << 20), "5.0 MiB");
        assert_eq!(render_growth(-1536), "-1.5 KiB");
    }

    #[test]
    fn numbers_may_have_units() {
        assert_eq!(parse_size("2K"), Some(2048));
        assert_eq!(parse_size("7"), Some(7));
        assert_eq!(parse_size("x"), None);
        assert_eq!(parse_size("99999999999T"), None);
    }
}
