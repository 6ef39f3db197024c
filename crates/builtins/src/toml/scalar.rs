//! Strings, numbers, and dates.

use super::parse::{Outcome, Reader};
use super::report::Problem;
use super::table::Value;

const INT_HINTS: &[&str] = &[
    "valid  : -42, 1_000, 1_2_3_4_5, 0xC0FFEE, 0b0010, 0o755",
    "invalid: _42, 1__000, 0123",
];
const FLOAT_HINTS: &[&str] = &[
    "valid  : +1.0, -2e-2, 3.141_592_653_589, inf, nan",
    "invalid: .0, 1., _1.0, 1.0_, 1_.0, 1.0__0",
];

impl Reader<'_> {
    pub(super) fn basic_string(&mut self) -> Outcome<Vec<u8>> {
        self.at += 1;
        let mut value = Vec::new();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(value);
                }
                Some(b'\\') => {
                    if !self.escape(&mut value)? {
                        return Err(self.bad_string("parse_basic_string", "expected \""));
                    }
                }
                _ => {
                    if !self.string_character(&mut value) {
                        return Err(self.bad_string("parse_basic_string", "expected \""));
                    }
                }
            }
        }
    }

    pub(super) fn literal_string(&mut self) -> Outcome<Vec<u8>> {
        self.at += 1;
        let mut value = Vec::new();
        loop {
            if self.eat(b'\'') {
                return Ok(value);
            }
            if !self.string_character(&mut value) {
                return Err(self.bad_string("parse_literal_string", "expected '"));
            }
        }
    }

    pub(super) fn long_basic_string(&mut self) -> Outcome<Vec<u8>> {
        self.at += 3;
        self.eat_newline();
        let mut value = Vec::new();
        loop {
            if self.starts_with(b"\"\"\"") {
                self.close_long_string(b'"', &mut value);
                return Ok(value);
            }
            let is_kept = match self.peek() {
                Some(b'\\') => self.folded_lines() || self.escape(&mut value)?,
                Some(b'\n') => {
                    self.at += 1;
                    value.push(b'\n');
                    true
                }
                Some(b'\r') if self.starts_with(b"\r\n") => {
                    self.at += 2;
                    value.extend_from_slice(b"\r\n");
                    true
                }
                _ => self.string_character(&mut value),
            };
            if !is_kept {
                return Err(self.bad_string("parse_ml_basic_string", "expected \"\"\""));
            }
        }
    }

    pub(super) fn long_literal_string(&mut self) -> Outcome<Vec<u8>> {
        self.at += 3;
        self.eat_newline();
        let mut value = Vec::new();
        loop {
            if self.starts_with(b"'''") {
                self.close_long_string(b'\'', &mut value);
                return Ok(value);
            }
            let is_kept = match self.peek() {
                Some(b'\n') => {
                    self.at += 1;
                    value.push(b'\n');
                    true
                }
                Some(b'\r') if self.starts_with(b"\r\n") => {
                    self.at += 2;
                    value.extend_from_slice(b"\r\n");
                    true
                }
                _ => self.string_character(&mut value),
            };
            if !is_kept {
                return Err(self.bad_string("parse_ml_literal_string", "expected '''"));
            }
        }
    }

    /// Up to two quotes may stand right before the closing three.
    fn close_long_string(&mut self, quote: u8, value: &mut Vec<u8>) {
        self.at += 3;
        for _ in 0..2 {
            if self.eat(quote) {
                value.push(quote);
            }
        }
    }

    fn eat_newline(&mut self) {
        if self.starts_with(b"\r\n") {
            self.at += 2;
        } else {
            self.eat(b'\n');
        }
    }

    /// Skips a backslash at the end of a line and all white space after it.
    fn folded_lines(&mut self) -> bool {
        let rest = &self.text[self.at + 1..];
        let n_blanks = rest
            .iter()
            .position(|byte| !matches!(byte, b' ' | b'\t'))
            .unwrap_or(rest.len());
        let is_fold =
            matches!(rest.get(n_blanks), Some(b'\n')) || rest[n_blanks..].starts_with(b"\r\n");
        if is_fold {
            let n_white = rest
                .iter()
                .position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
                .unwrap_or(rest.len());
            self.at += 1 + n_white;
        }
        is_fold
    }

    /// Takes one character; `false` for a control character, bad UTF-8, or the end.
    fn string_character(&mut self, value: &mut Vec<u8>) -> bool {
        let rest = &self.text[self.at..];
        let n = match rest.first() {
            None | Some(0..=8 | 0x0a..=0x1f | 0x7f) => return false,
            Some(0..=0x7f) => 1,
            Some(0..=0xdf) => 2,
            Some(0..=0xef) => 3,
            Some(_) => 4,
        };
        match rest.get(..n).map(std::str::from_utf8) {
            Some(Ok(character)) => {
                value.extend_from_slice(character.as_bytes());
                self.at += n;
                true
            }
            _ => false,
        }
    }

    /// Takes an escape; `false` if there is none of that name.
    fn escape(&mut self, value: &mut Vec<u8>) -> Outcome<bool> {
        let n_digits = match self.text.get(self.at + 1) {
            Some(b'u') => 4,
            Some(b'U') => 8,
            other => {
                value.push(match other {
                    Some(b'b') => 8,
                    Some(b't') => b'\t',
                    Some(b'n') => b'\n',
                    Some(b'f') => 12,
                    Some(b'r') => b'\r',
                    Some(b'"') => b'"',
                    Some(b'\\') => b'\\',
                    _ => return Ok(false),
                });
                self.at += 2;
                return Ok(true);
            }
        };
        let digits = self.text.get(self.at + 2..self.at + 2 + n_digits);
        let Some(digits) = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit)) else {
            return Ok(false);
        };
        let code = digits.iter().fold(0u32, |code, &digit| {
            code << 4 | char::from(digit).to_digit(16).unwrap_or(0)
        });
        let Some(character) = char::from_u32(code) else {
            let place = self.at + 1..self.at + 2 + n_digits;
            let title = if (0xd800..=0xdfff).contains(&code) {
                "toml::parse_utf8_codepoint: [0xD800, 0xDFFF] is not a valid UTF-8"
            } else {
                "toml::parse_utf8_codepoint: input codepoint is too large"
            };
            return Err(Problem::at(title, place, "here"));
        };
        value.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        self.at += 2 + n_digits;
        Ok(true)
    }

    fn bad_string(&self, reader: &str, expected: &'static str) -> Problem {
        let title = format!("toml::{reader}: invalid string format");
        Problem::at(title, self.at..self.at + 1, expected)
    }

    pub(super) fn number_or_time(&mut self) -> Outcome<Value> {
        let start = self.at;
        if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            if let Some(value) = self.time()? {
                return Ok(value);
            }
            self.at = start;
        }
        let is_negative = self.peek() == Some(b'-');
        let has_sign = is_negative || self.peek() == Some(b'+');
        self.at += usize::from(has_sign);
        for (word, value) in [(b"inf", f64::INFINITY), (b"nan", f64::NAN)] {
            if self.starts_with(word) {
                self.at += 3;
                return Ok(Value::Float(if is_negative { -value } else { value }));
            }
        }
        match self.peek() {
            Some(b'0') => {
                for (prefix, radix) in [(b"0x", 16), (b"0o", 8), (b"0b", 2)] {
                    if self.starts_with(prefix) {
                        return self.prefixed_integer(start, has_sign, radix);
                    }
                }
                self.decimal(start)
            }
            Some(b'1'..=b'9') => self.decimal(start),
            Some(b'_') => Err(Problem::at(
                "bad number: `_` must be surrounded by digits",
                self.at..self.at + 1,
                "digits required before `_`",
            )
            .hint(INT_HINTS)),
            Some(b'.') => Err(Problem::at(
                "bad float: integer part is required before decimal point",
                self.at..self.at + 1,
                "missing integer part",
            )
            .hint(FLOAT_HINTS)),
            _ => {
                let place = if has_sign { start } else { self.at };
                Err(Problem::at(
                    "bad format: unknown value appeared",
                    place..place + 1,
                    "here",
                ))
            }
        }
    }

    fn prefixed_integer(&mut self, start: usize, has_sign: bool, radix: u32) -> Outcome<Value> {
        let (name, example, expected) = match radix {
            16 => ("hex", "0xC0FFEE, 0xdead_beef", "expected 0x"),
            8 => ("oct", "0o775, 0o04_44", "expected 0o"),
            _ => ("bin", "0b1011, 0b1010_1010", "expected 0b"),
        };
        if has_sign {
            let title = format!(
                "toml::parse_{name}_integer: invalid integer: {name}_int must be like: {example}"
            );
            return Err(Problem::at(title, start..start + 1, expected));
        }
        self.at += 2;
        let digits = self.digits(|byte| char::from(byte).is_digit(radix))?;
        let digits = std::str::from_utf8(&digits).expect("digits are ASCII");
        match i64::from_str_radix(digits, radix) {
            Ok(value) => Ok(Value::Int(value)),
            Err(_) => Err(Problem::at(
                format!("toml::parse_{name}_integer: too large integer: current max value = 2^63"),
                self.at..self.at + 1,
                "must be < 2^63",
            )),
        }
    }

    fn decimal(&mut self, start: usize) -> Outcome<Value> {
        let first = self.at;
        let whole = self.digits(|byte| byte.is_ascii_digit())?;
        if whole.len() > 1 && whole[0] == b'0' {
            return Err(bad_integer(first + 1));
        }
        let is_float = matches!(self.peek(), Some(b'.' | b'e' | b'E'));
        if !is_float {
            if matches!(self.peek(), Some(b'0'..=b'9' | b':' | b'-')) {
                return Err(bad_integer(first + 1));
            }
            let text = self.plain_text(start);
            return text.parse().map(Value::Int).map_err(|_| {
                Problem::at(
                    "toml::parse_dec_integer: too large integer: current max digits = 2^63",
                    self.at..self.at + 1,
                    "must be < 2^63",
                )
            });
        }
        let here = self.at;
        let bad_float = move || {
            Problem::at("bad float: invalid format", here..here + 1, "here").hint(FLOAT_HINTS)
        };
        if self.eat(b'.') {
            if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                return Err(bad_float());
            }
            self.digits(|byte| byte.is_ascii_digit())?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                return Err(bad_float());
            }
            self.digits(|byte| byte.is_ascii_digit())?;
        }
        let value: f64 = self.plain_text(start).parse().map_err(|_| bad_float())?;
        if value.is_infinite() {
            return Err(Problem::at(
                "toml::parse_floating: failed to read floating point value from stream",
                self.at..self.at + 1,
                "here",
            ));
        }
        Ok(Value::Float(value))
    }

    /// Digits with single underscores between them, which are left out.
    fn digits(&mut self, is_digit: impl Fn(u8) -> bool) -> Outcome<Vec<u8>> {
        let mut digits = Vec::new();
        loop {
            match self.peek() {
                Some(byte) if is_digit(byte) => digits.push(byte),
                Some(b'_') => {
                    let next = self.text.get(self.at + 1).copied();
                    if digits.is_empty() || !next.is_some_and(&is_digit) {
                        return Err(Problem::at(
                            "bad integer: `_` must be surrounded by digits",
                            self.at..self.at + 1,
                            "invalid underscore",
                        )
                        .hint(INT_HINTS));
                    }
                }
                _ => return Ok(digits),
            }
            self.at += 1;
        }
    }

    /// What was read since `start`, without underscores.
    fn plain_text(&self, start: usize) -> String {
        self.text[start..self.at]
            .iter()
            .filter(|&&byte| byte != b'_')
            .map(|&byte| char::from(byte))
            .collect()
    }

    /// A date, a time of day, or both; `None` if there is neither.
    fn time(&mut self) -> Outcome<Option<Value>> {
        let start = self.at;
        let Some(date) = self.fixed_digits(&[4, 2, 2], b'-') else {
            self.at = start;
            let Some(time) = self.time_of_day(start)? else {
                return Ok(None);
            };
            return Ok(Some(Value::Time(time)));
        };
        let (year, month, day) = (date[0], date[1], date[2]);
        if !(1..=12).contains(&month) || !(1..=days_in_month(year, month)).contains(&day) {
            return Err(Problem::at(
                "toml::parse_local_date: invalid date.",
                start..start + 1,
                "month must be 01-12, day must be any of 01-28,29,30,31 depending on the \
                 month/year.",
            ));
        }
        let mut shown = format!("{year:04}-{month:02}-{day:02}");
        let end = self.at;
        let has_time = match self.peek() {
            Some(b'T' | b't') => true,
            Some(b' ') => self.text.get(self.at + 1).is_some_and(u8::is_ascii_digit),
            _ => false,
        };
        if !has_time {
            return Ok(Some(Value::Time(shown)));
        }
        self.at += 1;
        let Some(time) = self.time_of_day(start)? else {
            return Err(Problem::at(
                "toml::parse_local_datetime: invalid datetime format",
                end..end + 1,
                "here",
            ));
        };
        shown.push('T');
        shown.push_str(&time);
        shown.push_str(&self.offset(start)?);
        Ok(Some(Value::Time(shown)))
    }

    fn time_of_day(&mut self, start: usize) -> Outcome<Option<String>> {
        let Some(time) = self.fixed_digits(&[2, 2, 2], b':') else {
            return Ok(None);
        };
        let (hour, minute, second) = (time[0], time[1], time[2]);
        let bad = |note| {
            Err(Problem::at(
                "toml::parse_local_time: invalid time.",
                start..start + 1,
                note,
            ))
        };
        if hour > 23 || minute > 59 {
            return bad("hour must be 00-23, minute must be 00-59.");
        }
        if second > 60 {
            return bad("second must be 00-60.");
        }
        let mut shown = format!("{hour:02}:{minute:02}:{second:02}");
        if self.peek() == Some(b'.') && self.text.get(self.at + 1).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
            let mut fraction = String::new();
            while let Some(byte @ b'0'..=b'9') = self.peek() {
                fraction.push(char::from(byte));
                self.at += 1;
            }
            // Nanoseconds at most, in the fewest groups of three digits that show them.
            let nanoseconds = format!("{fraction:0<9}");
            let groups = nanoseconds[..9].trim_end_matches('0').len().div_ceil(3);
            if groups > 0 {
                shown.push('.');
                shown.push_str(&nanoseconds[..groups * 3]);
            }
        }
        Ok(Some(shown))
    }

    fn offset(&mut self, start: usize) -> Outcome<String> {
        match self.peek() {
            Some(b'Z' | b'z') => {
                self.at += 1;
                Ok("Z".to_owned())
            }
            Some(sign @ (b'+' | b'-')) => {
                self.at += 1;
                match self.fixed_digits(&[2, 2], b':').as_deref() {
                    Some(&[hour, minute]) if hour < 24 && minute < 60 => {
                        Ok(if hour == 0 && minute == 0 {
                            "Z".to_owned()
                        } else {
                            format!("{}{hour:02}:{minute:02}", char::from(sign))
                        })
                    }
                    _ => Err(Problem::at(
                        "toml::parse_offset_datetime: invalid offset: offset must be like: \
                         \"+01:00\" or \"-09:30\"",
                        start..start + 1,
                        "here",
                    )),
                }
            }
            _ => Ok(String::new()),
        }
    }

    /// Numbers of fixed width with a separator between them.
    fn fixed_digits(&mut self, widths: &[usize], separator: u8) -> Option<Vec<u32>> {
        let mut numbers = Vec::new();
        for (idx, &width) in widths.iter().enumerate() {
            if idx > 0 && !self.eat(separator) {
                return None;
            }
            let digits = self.text.get(self.at..self.at + width)?;
            if !digits.iter().all(u8::is_ascii_digit) {
                return None;
            }
            numbers.push(
                digits
                    .iter()
                    .fold(0, |number, digit| number * 10 + u32::from(digit - b'0')),
            );
            self.at += width;
        }
        Some(numbers)
    }
}

fn days_in_month(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn bad_integer(at: usize) -> Problem {
    Problem::at(
        "bad integer: invalid digit after an integer",
        at..at + 1,
        "this digit is not allowed",
    )
    .hint(INT_HINTS)
}
