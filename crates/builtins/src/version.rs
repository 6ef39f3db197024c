//! Version strings and derivation names.
//!
//! A version is a sequence of components: runs of digits, and runs of anything else but `.` and
//! `-`, which only separate. The order of components is the reference's: numbers by value (where
//! they fit 32 bits), `pre` before everything, a missing component before a number, numbers after
//! words, words by bytes.

use std::cmp::Ordering;

/// The components of a version, in order.
pub fn components(version: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = version;
    std::iter::from_fn(move || next_component(&mut rest))
}

fn next_component<'v>(rest: &mut &'v [u8]) -> Option<&'v [u8]> {
    let start = rest
        .iter()
        .position(|&byte| byte != b'.' && byte != b'-')
        .unwrap_or(rest.len());
    let text = &rest[start..];
    let is_number = text.first()?.is_ascii_digit();
    let end = text
        .iter()
        .position(|&byte| {
            byte.is_ascii_digit() != is_number || (!is_number && (byte == b'.' || byte == b'-'))
        })
        .unwrap_or(text.len());
    *rest = &text[end..];
    Some(&text[..end])
}

/// Compares two versions.
pub fn compare_versions(left: &[u8], right: &[u8]) -> Ordering {
    let (mut left, mut right) = (left, right);
    while !left.is_empty() || !right.is_empty() {
        let first = next_component(&mut left).unwrap_or_else(|| {
            left = b"";
            b""
        });
        let second = next_component(&mut right).unwrap_or_else(|| {
            right = b"";
            b""
        });
        if is_older(first, second) {
            return Ordering::Less;
        }
        if is_older(second, first) {
            return Ordering::Greater;
        }
    }
    Ordering::Equal
}

fn is_older(left: &[u8], right: &[u8]) -> bool {
    match (number(left), number(right)) {
        (Some(left), Some(right)) => left < right,
        (None, Some(_)) if left.is_empty() => true,
        _ if left == b"pre" && right != b"pre" => true,
        _ if right == b"pre" => false,
        (_, Some(_)) => true,
        (Some(_), None) => false,
        (None, None) => left < right,
    }
}

fn number(component: &[u8]) -> Option<i32> {
    std::str::from_utf8(component).ok()?.parse().ok()
}

/// Splits a derivation name at the first dash that no letter follows.
pub fn parse_drv_name(name: &[u8]) -> (&[u8], &[u8]) {
    let split = name
        .windows(2)
        .position(|pair| pair[0] == b'-' && !pair[1].is_ascii_alphabetic());
    match split {
        Some(at) => (&name[..at], &name[at + 1..]),
        None => (name, b""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_compare(left: &str, right: &str, expected: Ordering) {
        let forth = compare_versions(left.as_bytes(), right.as_bytes());
        let back = compare_versions(right.as_bytes(), left.as_bytes());
        assert_eq!(
            (forth, back),
            (expected, expected.reverse()),
            "{left} {right}"
        );
    }

    #[test]
    fn versions_compare() {
        check_compare("1.0", "2.3", Ordering::Less);
        check_compare("2.1", "2.3", Ordering::Less);
        check_compare("2.3", "2.3", Ordering::Equal);
        check_compare("2.3.1", "2.3", Ordering::Greater);
        check_compare("2.3.1", "2.3a", Ordering::Greater);
        check_compare("2.3pre1", "2.3", Ordering::Less);
        check_compare("2.3pre3", "2.3pre12", Ordering::Less);
        check_compare("2.3a", "2.3c", Ordering::Less);
        check_compare("2.3pre1", "2.3c", Ordering::Less);
        check_compare("", "", Ordering::Equal);
        check_compare("", "1", Ordering::Less);
        check_compare("", "a", Ordering::Less);
        check_compare("1.", "1", Ordering::Equal);
        check_compare("01", "1", Ordering::Equal);
        // Past 32 bits numbers are words.
        check_compare("2147483648", "3", Ordering::Less);
    }

    #[test]
    fn versions_split() {
        let check = |version: &str, expected: &[&str]| {
            let parts: Vec<_> = components(version.as_bytes())
                .map(String::from_utf8_lossy)
                .collect();
            assert_eq!(parts, expected, "{version}");
        };
        check("1.2.3", &["1", "2", "3"]);
        check("7.0-pre12x", &["7", "0", "pre", "12", "x"]);
        check("", &[]);
        check("--.", &[]);
    }

    #[test]
    fn names_split() {
        let check = |full: &str, name: &str, version: &str| {
            let parsed = parse_drv_name(full.as_bytes());
            assert_eq!(parsed, (name.as_bytes(), version.as_bytes()), "{full}");
        };
        check("nix-0.12pre12876", "nix", "0.12pre12876");
        check("apache-httpd-2.0.48", "apache-httpd", "2.0.48");
        check("foo", "foo", "");
        check("foo-", "foo-", "");
        check("-1", "", "1");
        check("a-b--c", "a-b", "-c");
    }
}
