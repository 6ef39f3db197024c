//! The grammar of JSON, with the reference's messages.

use super::lex::{Lexer, Token};

/// Receives what [`parse`] reads, in order.
pub trait JsonBuilder {
    /// Why building stopped.
    type Error;

    /// `null`
    fn null(&mut self) -> Result<(), Self::Error>;
    /// `true` or `false`
    fn bool(&mut self, value: bool) -> Result<(), Self::Error>;
    /// A number without fraction and exponent that fits.
    fn int(&mut self, value: i64) -> Result<(), Self::Error>;
    /// Any other number.
    fn float(&mut self, value: f64) -> Result<(), Self::Error>;
    /// A string; it may contain zero bytes.
    fn string(&mut self, value: &[u8]) -> Result<(), Self::Error>;
    /// `[`
    fn begin_array(&mut self) -> Result<(), Self::Error>;
    /// `]`
    fn end_array(&mut self) -> Result<(), Self::Error>;
    /// `{`
    fn begin_object(&mut self) -> Result<(), Self::Error>;
    /// The key of the member whose value comes next.
    fn key(&mut self, name: &[u8]) -> Result<(), Self::Error>;
    /// `}`
    fn end_object(&mut self) -> Result<(), Self::Error>;
}

/// Why a text was refused.
#[derive(PartialEq, Eq, Debug)]
pub enum ParseError<E> {
    /// It is no JSON; the message is the reference's.
    Malformed(Vec<u8>),
    /// An integer is too large for the language, though not for JSON.
    BigInteger(u64),
    /// The builder refused.
    Builder(E),
}

impl<E> From<E> for ParseError<E> {
    fn from(error: E) -> Self {
        Self::Builder(error)
    }
}

/// Reads one JSON text.
pub fn parse<B: JsonBuilder>(text: &[u8], builder: &mut B) -> Result<(), ParseError<B::Error>> {
    let mut parser = Parser {
        lexer: Lexer::new(text),
        token: Token::End,
    };
    parser.advance();
    parser.value(builder)?;
    if parser.advance() != Token::End {
        return Err(parser.unexpected("value", "end of input"));
    }
    Ok(())
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    token: Token,
}

const VALUE: &str = "'[', '{', or a literal";

impl Parser<'_> {
    fn advance(&mut self) -> Token {
        self.token = self.lexer.next();
        self.token
    }

    fn value<B: JsonBuilder>(&mut self, builder: &mut B) -> Result<(), ParseError<B::Error>> {
        // For each open bracket, whether it is that of an array.
        let mut open: Vec<bool> = Vec::new();
        loop {
            match self.token {
                Token::BeginObject => {
                    builder.begin_object()?;
                    if self.advance() == Token::EndObject {
                        builder.end_object()?;
                    } else {
                        self.member(builder)?;
                        open.push(false);
                        continue;
                    }
                }
                Token::BeginArray => {
                    builder.begin_array()?;
                    if self.advance() == Token::EndArray {
                        builder.end_array()?;
                    } else {
                        open.push(true);
                        continue;
                    }
                }
                Token::Null => builder.null()?,
                Token::True => builder.bool(true)?,
                Token::False => builder.bool(false)?,
                Token::Int(value) => builder.int(value)?,
                Token::BigUnsigned(value) => return Err(ParseError::BigInteger(value)),
                Token::Float(bits) => self.float(f64::from_bits(bits), builder)?,
                Token::String => builder.string(&self.lexer.string)?,
                Token::Bad(_) | Token::BadControl(_) => return Err(self.unexpected("value", "")),
                Token::End if self.lexer.is_empty() => {
                    return Err(self.malformed(
                        b"attempting to parse an empty input; check that your input string or \
                          stream contains the expected JSON",
                    ));
                }
                _ => return Err(self.unexpected("value", VALUE)),
            }
            // Close what ends here, up to the next value.
            loop {
                let Some(&is_array) = open.last() else {
                    return Ok(());
                };
                match (self.advance(), is_array) {
                    (Token::Comma, true) => {
                        self.advance();
                        break;
                    }
                    (Token::Comma, false) => {
                        self.advance();
                        self.member(builder)?;
                        break;
                    }
                    (Token::EndArray, true) => builder.end_array()?,
                    (Token::EndObject, false) => builder.end_object()?,
                    (_, true) => return Err(self.unexpected("array", "']'")),
                    (_, false) => return Err(self.unexpected("object", "'}'")),
                }
                open.pop();
            }
        }
    }

    /// Reads a key and the colon behind it, up to the first token of the value.
    fn member<B: JsonBuilder>(&mut self, builder: &mut B) -> Result<(), ParseError<B::Error>> {
        if self.token != Token::String {
            return Err(self.unexpected("object key", "string literal"));
        }
        builder.key(&self.lexer.string)?;
        if self.advance() != Token::Colon {
            return Err(self.unexpected("object separator", "':'"));
        }
        self.advance();
        Ok(())
    }

    fn float<B: JsonBuilder>(
        &self,
        value: f64,
        builder: &mut B,
    ) -> Result<(), ParseError<B::Error>> {
        if value.is_finite() {
            builder.float(value)?;
            return Ok(());
        }
        let shown = self.lexer.last_read();
        let message = [
            b"[json.exception.out_of_range.406] number overflow parsing '".as_slice(),
            &shown,
            b"'",
        ];
        Err(ParseError::Malformed(message.concat()))
    }

    fn unexpected<E>(&self, context: &str, expected: &str) -> ParseError<E> {
        let mut reason = format!("syntax error while parsing {context} - ").into_bytes();
        match self.token {
            Token::Bad(message) => {
                reason.extend_from_slice(message.as_bytes());
                self.push_last_read(&mut reason);
            }
            Token::BadControl(byte) => {
                reason.extend_from_slice(control_message(byte).as_bytes());
                self.push_last_read(&mut reason);
            }
            token => {
                reason.extend_from_slice(b"unexpected ");
                reason.extend_from_slice(token_name(token).as_bytes());
            }
        }
        if !expected.is_empty() {
            reason.extend_from_slice(b"; expected ");
            reason.extend_from_slice(expected.as_bytes());
        }
        self.malformed(&reason)
    }

    fn push_last_read(&self, reason: &mut Vec<u8>) {
        reason.extend_from_slice(b"; last read: '");
        reason.extend_from_slice(&self.lexer.last_read());
        reason.push(b'\'');
    }

    fn malformed<E>(&self, reason: &[u8]) -> ParseError<E> {
        let (line, column) = self.lexer.position();
        let mut message = format!(
            "[json.exception.parse_error.101] parse error at line {line}, column {column}: "
        )
        .into_bytes();
        message.extend_from_slice(reason);
        ParseError::Malformed(message)
    }
}

fn token_name(token: Token) -> &'static str {
    match token {
        Token::True => "true literal",
        Token::False => "false literal",
        Token::Null => "null literal",
        Token::String => "string literal",
        Token::Int(_) | Token::BigUnsigned(_) | Token::Float(_) => "number literal",
        Token::BeginArray => "'['",
        Token::BeginObject => "'{'",
        Token::EndArray => "']'",
        Token::EndObject => "'}'",
        Token::Colon => "':'",
        Token::Comma => "','",
        Token::End => "end of input",
        Token::Bad(_) | Token::BadControl(_) => "<parse error>",
    }
}

fn control_message(byte: u8) -> String {
    const NAMES: [&str; 32] = [
        "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL", "BS", "HT", "LF", "VT", "FF", "CR",
        "SO", "SI", "DLE", "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB",
        "ESC", "FS", "GS", "RS", "US",
    ];
    let short = match byte {
        8 => " or \\b",
        9 => " or \\t",
        10 => " or \\n",
        12 => " or \\f",
        13 => " or \\r",
        _ => "",
    };
    format!(
        "invalid string: control character U+{byte:04X} ({}) must be escaped to \\u{byte:04X}{short}",
        NAMES[usize::from(byte)]
    )
}
