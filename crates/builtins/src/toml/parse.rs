//! Keys, tables and values.

use std::ops::Range;

use super::report::Problem;
use super::table::{Key, Table, Value};

/// How deep arrays and inline tables may nest; reading them recurses.
const MAX_DEPTH: usize = 256;

/// A reader of one text.
pub(super) struct Reader<'t> {
    pub(super) text: &'t [u8],
    pub(super) at: usize,
}

pub(super) type Outcome<T> = Result<T, Problem>;

/// Reads a TOML text; the error is the whole message.
pub fn parse(text: &[u8]) -> Result<Table, Vec<u8>> {
    let mut reader = Reader { text, at: 0 };
    if text.starts_with(b"\xef\xbb\xbf") {
        reader.at = 3;
    }
    reader.document().map_err(|problem| problem.render(text))
}

const BAD_KEY: &str = "toml::parse_simple_key: invalid key: key must be \"quoted\", \
                       'quoted-literal', or bare key.";

impl Reader<'_> {
    fn document(&mut self) -> Outcome<Table> {
        let mut root = Table::default();
        let mut current = &mut root;
        loop {
            self.skip_blank_lines()?;
            match self.peek() {
                None => return Ok(root),
                Some(b'[') => {
                    let (key, is_element) = self.header()?;
                    current = if is_element {
                        root.open_element(key)?
                    } else {
                        root.open(key)?
                    };
                }
                Some(_) => {
                    let (key, value, place) = self.key_value(0)?;
                    current.insert(key, value, place)?;
                }
            }
            self.end_of_line()?;
        }
    }

    /// Reads `[key]` or `[[key]]`.
    fn header(&mut self) -> Outcome<(Key, bool)> {
        let start = self.at;
        self.at += 1;
        let is_element = self.eat(b'[');
        self.skip_blanks();
        let mut key = self.key()?;
        self.skip_blanks();
        let is_closed = self.eat(b']') && (!is_element || self.eat(b']'));
        if !is_closed {
            let here = self.at;
            return Err(Problem::at(
                "toml::parse_file: invalid table key",
                here..here + 1,
                if is_element {
                    "expected ]]"
                } else {
                    "expected ]"
                },
            ));
        }
        key.place = start..self.at;
        Ok((key, is_element))
    }

    /// Reads `key = value`; also gives the place of the value.
    fn key_value(&mut self, depth: usize) -> Outcome<(Key, Value, Range<usize>)> {
        let key = self.key()?;
        self.skip_blanks();
        if !self.eat(b'=') {
            let here = self.at;
            return Err(Problem::at(
                "toml::parse_key_value_pair: invalid key value separator `=`",
                here..here + 1,
                "expected =",
            ));
        }
        self.skip_blanks();
        let start = self.at;
        let value = self.value(depth)?;
        Ok((key, value, start..self.at))
    }

    fn key(&mut self) -> Outcome<Key> {
        let start = self.at;
        let mut parts = Vec::new();
        loop {
            parts.push(self.simple_key()?);
            let end = self.at;
            self.skip_blanks();
            if !self.eat(b'.') {
                self.at = end;
                return Ok(Key {
                    parts,
                    place: start..end,
                });
            }
            self.skip_blanks();
        }
    }

    fn simple_key(&mut self) -> Outcome<Vec<u8>> {
        match self.peek() {
            Some(b'"') => self.basic_string(),
            Some(b'\'') => self.literal_string(),
            _ => {
                let rest = &self.text[self.at..];
                let n = rest
                    .iter()
                    .position(|&byte| {
                        !(byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
                    })
                    .unwrap_or(rest.len());
                if n == 0 {
                    let here = self.at;
                    return Err(Problem::at(
                        BAD_KEY,
                        here..here + 1,
                        "expected alpha [a-zA-Z], digit [0-9], -, or _",
                    )
                    .hint(&["non-ASCII scripts are allowed in toml v1.1.0, but not in v1.0.0."]));
                }
                self.at += n;
                Ok(rest[..n].to_vec())
            }
        }
    }

    fn value(&mut self, depth: usize) -> Outcome<Value> {
        match self.peek() {
            Some(b'[') => self.array(depth + 1),
            Some(b'{') => self.inline_table(depth + 1),
            Some(b'"') if self.starts_with(b"\"\"\"") => {
                self.long_basic_string().map(Value::String)
            }
            Some(b'"') => self.basic_string().map(Value::String),
            Some(b'\'') if self.starts_with(b"'''") => {
                self.long_literal_string().map(Value::String)
            }
            Some(b'\'') => self.literal_string().map(Value::String),
            Some(b't' | b'f') => self.boolean(),
            _ => self.number_or_time(),
        }
    }

    fn check_depth(&self, depth: usize) -> Outcome<()> {
        if depth > MAX_DEPTH {
            let here = self.at;
            return Err(Problem::at("nested too deeply", here..here + 1, "here"));
        }
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Outcome<Value> {
        self.check_depth(depth)?;
        self.at += 1;
        let mut elements = Vec::new();
        loop {
            self.skip_blank_lines()?;
            if self.eat(b']') {
                return Ok(Value::Array(elements));
            }
            elements.push(self.value(depth)?);
            self.skip_blank_lines()?;
            if !self.eat(b',') && self.peek() != Some(b']') {
                let here = self.at;
                return Err(Problem::at(
                    "toml::parse_array: expected value-separator `,` or closing `]`",
                    here..here + 1,
                    "here",
                ));
            }
        }
    }

    fn inline_table(&mut self, depth: usize) -> Outcome<Value> {
        self.check_depth(depth)?;
        self.at += 1;
        let mut table = Table::default();
        self.skip_blanks();
        if self.eat(b'}') {
            return Ok(Value::Table(Table::inline()));
        }
        loop {
            let (key, value, place) = self.key_value(depth)?;
            table.insert(key, value, place)?;
            self.skip_blanks();
            if self.eat(b'}') {
                table.seal();
                return Ok(Value::Table(table));
            }
            let here = self.at;
            if !self.eat(b',') {
                return Err(Problem::at(
                    "toml::parse_inline_table: expected value-separator `,` or closing `}`",
                    here..here + 1,
                    "here",
                ));
            }
            self.skip_blanks();
            if self.peek() == Some(b'}') {
                return Err(Problem::at(
                    "toml::parse_inline_table: trailing comma is not allowed in TOML-v1.0.0)",
                    self.at..self.at + 1,
                    "here",
                ));
            }
        }
    }

    fn boolean(&mut self) -> Outcome<Value> {
        for (word, value) in [(b"true".as_slice(), true), (b"false", false)] {
            if self.starts_with(word) {
                self.at += word.len();
                return Ok(Value::Bool(value));
            }
        }
        let here = self.at;
        Err(Problem::at(
            "toml::parse_boolean: invalid boolean: boolean must be `true` or `false`, in \
             lowercase. string must be surrounded by `\"`",
            here..here + 1,
            "expected true or false",
        ))
    }

    /// Goes to the next line, over blanks and a comment.
    fn end_of_line(&mut self) -> Outcome<()> {
        self.skip_blanks();
        let here = self.at;
        self.comment()?;
        if self.peek().is_none() || self.eat(b'\n') {
            return Ok(());
        }
        if self.starts_with(b"\r\n") {
            self.at += 2;
            return Ok(());
        }
        Err(Problem::at(
            "toml::parse_table: newline (LF / CRLF) or EOF is expected",
            here..here + 1,
            "here",
        ))
    }

    fn skip_blank_lines(&mut self) -> Outcome<()> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n') => self.at += 1,
                Some(b'\r') if self.starts_with(b"\r\n") => self.at += 2,
                Some(b'#') => self.comment()?,
                _ => return Ok(()),
            }
        }
    }

    fn comment(&mut self) -> Outcome<()> {
        if !self.eat(b'#') {
            return Ok(());
        }
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' => break,
                b'\r' if self.starts_with(b"\r\n") => break,
                b'\t' | 0x20..=0x7e | 0x80.. => self.at += 1,
                _ => {
                    let here = self.at;
                    return Err(Problem::at(
                        "toml::parse_comment_line: newline (LF / CRLF) or EOF is expected",
                        here..here + 1,
                        "but got this",
                    )
                    .hint(&["most of the control characters are not allowed in comments"]));
                }
            }
        }
        Ok(())
    }

    pub(super) fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub(super) fn starts_with(&self, prefix: &[u8]) -> bool {
        self.text[self.at..].starts_with(prefix)
    }

    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let is_here = self.peek() == Some(byte);
        self.at += usize::from(is_here);
        is_here
    }
}
