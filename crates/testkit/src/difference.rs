//! A difference that a person can read: the first line that differs with what stands around it.
//! Golden files here are short, so a full alignment of both texts would only hide the point.

use std::fmt::Write as _;

/// Lines shown on each side of the first difference.
const AROUND: usize = 3;

/// Describes where `actual` departs from `expected`; `None` where they are equal.
pub fn difference(expected: &[u8], actual: &[u8]) -> Option<String> {
    if expected == actual {
        return None;
    }
    let expected = String::from_utf8_lossy(expected);
    let actual = String::from_utf8_lossy(actual);
    let wanted: Vec<&str> = expected.split('\n').collect();
    let got: Vec<&str> = actual.split('\n').collect();
    let common = wanted.iter().zip(&got).take_while(|(a, b)| a == b).count();
    let mut text = format!("line {} differs\n", common + 1);
    for line in &wanted[common.saturating_sub(AROUND)..common] {
        writeln!(text, "    {line}").expect("writing to a string cannot fail");
    }
    for (sign, lines) in [('-', &wanted), ('+', &got)] {
        for line in lines.iter().skip(common).take(AROUND + 1) {
            writeln!(text, "  {sign} {line}").expect("writing to a string cannot fail");
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_have_none() {
        assert_eq!(difference(b"a\nb\n", b"a\nb\n"), None);
    }

    #[test]
    fn points_at_the_first_line() {
        let text = difference(b"a\nb\nc\n", b"a\nx\nc\n").expect("the texts differ");
        assert_eq!(
            text,
            "line 2 differs\n    a\n  - b\n  - c\n  - \n  + x\n  + c\n  + \n"
        );
    }
}
