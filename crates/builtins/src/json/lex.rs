//! Tokens of JSON.
//!
//! Positions and the "last read" text of messages follow the reference's reader, which remembers
//! what it has read since the last string or number began and counts bytes per line as it reads.
//! Here that is recomputed from offsets when a message is needed.

/// A token, its value being with the [`Lexer`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Token {
    True,
    False,
    Null,
    String,
    Int(i64),
    /// An integer that only fits without a sign.
    BigUnsigned(u64),
    /// The bits of a float.
    Float(u64),
    BeginArray,
    BeginObject,
    EndArray,
    EndObject,
    Colon,
    Comma,
    End,
    /// Not a token; the message says why.
    Bad(&'static str),
    /// A control character inside a string.
    BadControl(u8),
}

/// Reads tokens from bytes.
pub(super) struct Lexer<'t> {
    text: &'t [u8],
    /// How many bytes have been read, the end counting as one.
    at: usize,
    /// Where the text shown as last read begins.
    mark: usize,
    /// The value of the last string token.
    pub(super) string: Vec<u8>,
}

const ILL_FORMED: &str = "invalid string: ill-formed UTF-8 byte";
const FOUR_DIGITS: &str = "invalid string: '\\u' must be followed by 4 hex digits";
const NO_LOW: &str = "invalid string: surrogate U+D800..U+DBFF must be followed by U+DC00..U+DFFF";
const NO_HIGH: &str = "invalid string: surrogate U+DC00..U+DFFF must follow U+D800..U+DBFF";

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self {
            text,
            at: 0,
            mark: 0,
            string: Vec::new(),
        }
    }

    pub(super) fn next(&mut self) -> Token {
        if self.at == 0 && self.text.first() == Some(&0xef) {
            for byte in [0xef, 0xbb, 0xbf] {
                if self.read() != Some(byte) {
                    return Token::Bad("invalid BOM; must be 0xEF 0xBB 0xBF if given");
                }
            }
        }
        let byte = loop {
            match self.read() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => {}
                byte => break byte,
            }
        };
        match byte {
            Some(b'[') => Token::BeginArray,
            Some(b']') => Token::EndArray,
            Some(b'{') => Token::BeginObject,
            Some(b'}') => Token::EndObject,
            Some(b':') => Token::Colon,
            Some(b',') => Token::Comma,
            Some(b't') => self.literal(b"rue", Token::True),
            Some(b'f') => self.literal(b"alse", Token::False),
            Some(b'n') => self.literal(b"ull", Token::Null),
            Some(b'"') => {
                self.mark = self.at - 1;
                self.scan_string()
            }
            Some(byte @ (b'-' | b'0'..=b'9')) => {
                self.mark = self.at - 1;
                self.scan_number(byte)
            }
            // The reference takes a zero byte for the end.
            None | Some(0) => Token::End,
            Some(_) => Token::Bad("invalid literal"),
        }
    }

    fn read(&mut self) -> Option<u8> {
        let byte = self.text.get(self.at).copied();
        self.at += 1;
        byte
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn literal(&mut self, rest: &[u8], token: Token) -> Token {
        for &wanted in rest {
            if self.read() != Some(wanted) {
                return Token::Bad("invalid literal");
            }
        }
        token
    }

    fn scan_string(&mut self) -> Token {
        self.string.clear();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let n_plain = rest
                .iter()
                .position(|&byte| byte == b'"' || byte == b'\\' || !(0x20..0x80).contains(&byte))
                .unwrap_or(rest.len());
            self.string.extend_from_slice(&rest[..n_plain]);
            self.at += n_plain;
            match self.read() {
                None => return Token::Bad("invalid string: missing closing quote"),
                Some(b'"') => return Token::String,
                Some(b'\\') => {
                    if let Err(message) = self.escape() {
                        return Token::Bad(message);
                    }
                }
                Some(byte @ 0..0x20) => return Token::BadControl(byte),
                Some(first) => {
                    if !self.multi_byte(first) {
                        return Token::Bad(ILL_FORMED);
                    }
                }
            }
        }
    }

    fn multi_byte(&mut self, first: u8) -> bool {
        let start = self.at - 1;
        let (second, n_more) = match first {
            0xc2..=0xdf => (0x80..=0xbf, 0),
            0xe0 => (0xa0..=0xbf, 1),
            0xe1..=0xec | 0xee | 0xef => (0x80..=0xbf, 1),
            0xed => (0x80..=0x9f, 1),
            0xf0 => (0x90..=0xbf, 2),
            0xf1..=0xf3 => (0x80..=0xbf, 2),
            0xf4 => (0x80..=0x8f, 2),
            _ => return false,
        };
        if !self.read().is_some_and(|byte| second.contains(&byte)) {
            return false;
        }
        for _ in 0..n_more {
            if !self
                .read()
                .is_some_and(|byte| (0x80..=0xbf).contains(&byte))
            {
                return false;
            }
        }
        self.string.extend_from_slice(&self.text[start..self.at]);
        true
    }

    fn escape(&mut self) -> Result<(), &'static str> {
        let plain = match self.read() {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err("invalid string: forbidden character after backslash"),
        };
        self.string.push(plain);
        Ok(())
    }

    fn unicode_escape(&mut self) -> Result<(), &'static str> {
        let mut code = self.four_digits().ok_or(FOUR_DIGITS)?;
        match code {
            0xd800..=0xdbff => {
                if self.read() != Some(b'\\') || self.read() != Some(b'u') {
                    return Err(NO_LOW);
                }
                let low = self.four_digits().ok_or(FOUR_DIGITS)?;
                if !(0xdc00..=0xdfff).contains(&low) {
                    return Err(NO_LOW);
                }
                code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            }
            0xdc00..=0xdfff => return Err(NO_HIGH),
            _ => {}
        }
        let character = char::from_u32(code).expect("surrogates have been combined");
        let mut buffer = [0; 4];
        self.string
            .extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
        Ok(())
    }

    fn four_digits(&mut self) -> Option<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = char::from(self.read()?).to_digit(16)?;
            code = code * 16 + digit;
        }
        Some(code)
    }

    fn scan_number(&mut self, first: u8) -> Token {
        let start = self.at - 1;
        let mut is_float = false;
        let mut first = first;
        if first == b'-' {
            match self.read() {
                Some(digit @ b'0'..=b'9') => first = digit,
                _ => return Token::Bad("invalid number; expected digit after '-'"),
            }
        }
        if first != b'0' {
            self.digits();
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            is_float = true;
            if !self.read().is_some_and(|byte| byte.is_ascii_digit()) {
                return Token::Bad("invalid number; expected digit after '.'");
            }
            self.digits();
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            is_float = true;
            match self.read() {
                Some(b'+' | b'-') => {
                    if !self.read().is_some_and(|byte| byte.is_ascii_digit()) {
                        return Token::Bad("invalid number; expected digit after exponent sign");
                    }
                }
                Some(b'0'..=b'9') => {}
                _ => {
                    return Token::Bad(
                        "invalid number; expected '+', '-', or digit after exponent",
                    );
                }
            }
            self.digits();
        }
        let digits = std::str::from_utf8(&self.text[start..self.at]).expect("digits are ASCII");
        if !is_float {
            if let Ok(value) = digits.parse::<i64>() {
                return Token::Int(value);
            }
            if let Ok(value) = digits.parse::<u64>() {
                return Token::BigUnsigned(value);
            }
        }
        let value: f64 = digits.parse().expect("the digits have been checked");
        Token::Float(value.to_bits())
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    /// Whether nothing but the end has been read.
    pub(super) fn is_empty(&self) -> bool {
        self.at == 1
    }

    /// Line and column of what was read last, as messages give them.
    pub(super) fn position(&self) -> (usize, usize) {
        let read = &self.text[..self.at.min(self.text.len())];
        let line_start = read
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |idx| idx + 1);
        let n_lines = read.split(|&byte| byte == b'\n').count();
        (n_lines, self.at - line_start)
    }

    /// What was read since the last string or number began, as messages show it.
    pub(super) fn last_read(&self) -> Vec<u8> {
        let read = &self.text[self.mark..self.at.min(self.text.len())];
        let mut shown = Vec::with_capacity(read.len());
        for &byte in read {
            if byte < 0x20 {
                shown.extend_from_slice(format!("<U+{byte:04X}>").as_bytes());
            } else {
                shown.push(byte);
            }
        }
        shown
    }
}
