//! Floats as the language prints them.

/// A float with six significant digits, like `%g` of C: what values and expressions print.
pub fn float_with_six_digits(value: f64) -> String {
    if value.is_nan() {
        return if value.is_sign_negative() {
            "-nan"
        } else {
            "nan"
        }
        .to_owned();
    }
    if value.is_infinite() {
        return if value < 0.0 { "-inf" } else { "inf" }.to_owned();
    }
    if value == 0.0 {
        return if value.is_sign_negative() { "-0" } else { "0" }.to_owned();
    }
    // Scientific form first: its exponent decides which form is printed.
    let scientific = format!("{value:.5e}");
    let (mantissa, exponent) = scientific
        .split_once('e')
        .expect("the scientific form has an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is a number");
    if (-4..6).contains(&exponent) {
        let decimals = usize::try_from(5 - exponent).expect("the exponent is below six");
        return trim_zeros(&format!("{value:.decimals$}")).to_owned();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trim_zeros(mantissa), exponent.abs())
}

fn trim_zeros(digits: &str) -> &str {
    if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits
    }
}

#[cfg(test)]
mod tests {
    use super::float_with_six_digits;

    fn check(value: f64, expected: &str) {
        assert_eq!(float_with_six_digits(value), expected);
    }

    #[test]
    fn prints_like_c() {
        check(0.5, "0.5");
        check(-1.0, "-1");
        check(100_000.0, "100000");
        check(1_000_000.0, "1e+06");
        check(1_234_567.0, "1.23457e+06");
        check(0.0001, "0.0001");
        check(0.000_01, "1e-05");
        check(1e100, "1e+100");
        check(999_999.5, "1e+06");
        check(2.345_678_9, "2.34568");
        check(-0.0, "-0");
        check(f64::INFINITY, "inf");
    }
}
