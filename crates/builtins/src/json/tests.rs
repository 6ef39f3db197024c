//! Expectations are the results of CppNix 2.34.8.

use super::{JsonBuilder, ParseError, parse, write_float, write_string};

/// Writes down what it receives.
#[derive(Default)]
struct Transcript(String);

impl Transcript {
    fn add(&mut self, text: &str) {
        self.0 += text;
    }
}

impl JsonBuilder for Transcript {
    type Error = ();
    fn null(&mut self) -> Result<(), ()> {
        self.add("null ");
        Ok(())
    }
    fn bool(&mut self, value: bool) -> Result<(), ()> {
        self.add(if value { "true " } else { "false " });
        Ok(())
    }
    fn int(&mut self, value: i64) -> Result<(), ()> {
        self.add(&format!("{value} "));
        Ok(())
    }
    fn float(&mut self, value: f64) -> Result<(), ()> {
        self.add(&format!("{value:?}f "));
        Ok(())
    }
    fn string(&mut self, value: &[u8]) -> Result<(), ()> {
        self.add(&format!("{:?} ", String::from_utf8_lossy(value)));
        Ok(())
    }
    fn begin_array(&mut self) -> Result<(), ()> {
        self.add("[ ");
        Ok(())
    }
    fn end_array(&mut self) -> Result<(), ()> {
        self.add("] ");
        Ok(())
    }
    fn begin_object(&mut self) -> Result<(), ()> {
        self.add("{ ");
        Ok(())
    }
    fn key(&mut self, name: &[u8]) -> Result<(), ()> {
        self.add(&format!("{}= ", String::from_utf8_lossy(name)));
        Ok(())
    }
    fn end_object(&mut self) -> Result<(), ()> {
        self.add("} ");
        Ok(())
    }
}

fn check(text: &str, expected: &str) {
    let mut transcript = Transcript::default();
    assert_eq!(parse(text.as_bytes(), &mut transcript), Ok(()), "{text:?}");
    assert_eq!(transcript.0.trim_end(), expected, "{text:?}");
}

fn check_error(text: &[u8], expected: &str) {
    let mut transcript = Transcript::default();
    let shown = match parse(text, &mut transcript) {
        Err(ParseError::Malformed(message)) => String::from_utf8_lossy(&message).into_owned(),
        other => format!("{other:?}"),
    };
    let short = shown.replace("[json.exception.parse_error.101] parse error at ", "");
    assert_eq!(short, expected, "{:?}", String::from_utf8_lossy(text));
}

#[test]
fn values() {
    check(" null ", "null");
    check("[true, false]", "[ true false ]");
    check("{\"a\": {}, \"b\": [[]]}", "{ a= { } b= [ [ ] ] }");
    check(
        "[0, -0, 12, -9223372036854775808]",
        "[ 0 0 12 -9223372036854775808 ]",
    );
    check(
        "[1.0, -0.0, 1.5e3, 1E+2, 1e-2]",
        "[ 1.0f -0.0f 1500.0f 100.0f 0.01f ]",
    );
    check("18446744073709551616", "1.8446744073709552e19f");
    check("-9223372036854775809", "-9.223372036854776e18f");
    check(
        r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é""#,
        r#""\"\\/\u{8}\u{c}\n\r\té😀é""#,
    );
    check("\u{feff}1", "1");
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let mut transcript = Transcript::default();
    assert_eq!(parse(deep.as_bytes(), &mut transcript), Ok(()));
}

#[test]
fn malformed_structure() {
    check_error(
        b"",
        "line 1, column 1: attempting to parse an empty input; check that your input string or stream contains the expected JSON",
    );
    check_error(
        b"{",
        "line 1, column 2: syntax error while parsing object key - unexpected end of input; expected string literal",
    );
    check_error(
        b"[1,",
        "line 1, column 4: syntax error while parsing value - unexpected end of input; expected '[', '{', or a literal",
    );
    check_error(
        b"[1,]",
        "line 1, column 4: syntax error while parsing value - unexpected ']'; expected '[', '{', or a literal",
    );
    check_error(
        b"[1 2]",
        "line 1, column 4: syntax error while parsing array - unexpected number literal; expected ']'",
    );
    check_error(
        b"{\"a\"}",
        "line 1, column 5: syntax error while parsing object separator - unexpected '}'; expected ':'",
    );
    check_error(
        b"{\"a\":1,}",
        "line 1, column 8: syntax error while parsing object key - unexpected '}'; expected string literal",
    );
    check_error(
        b"{\"a\":1 \"b\":2}",
        "line 1, column 10: syntax error while parsing object - unexpected string literal; expected '}'",
    );
    check_error(
        b"1 2",
        "line 1, column 3: syntax error while parsing value - unexpected number literal; expected end of input",
    );
    check_error(
        b"{a:1}",
        "line 1, column 2: syntax error while parsing object key - invalid literal; last read: '{a'; expected string literal",
    );
    check_error(
        b"[nulll]",
        "line 1, column 6: syntax error while parsing array - invalid literal; last read: '[nulll'; expected ']'",
    );
    check_error(
        b"[1,\n\n 2 x",
        "line 3, column 4: syntax error while parsing array - invalid literal; last read: '2 x'; expected ']'",
    );
    check_error(
        b"18446744073709551615",
        "Err(BigInteger(18446744073709551615))",
    );
}

#[test]
fn malformed_tokens() {
    check_error(
        b"x",
        "line 1, column 1: syntax error while parsing value - invalid literal; last read: 'x'",
    );
    check_error(
        b"tru",
        "line 1, column 4: syntax error while parsing value - invalid literal; last read: 'tru'",
    );
    check_error(
        b"01",
        "line 1, column 2: syntax error while parsing value - unexpected number literal; expected end of input",
    );
    check_error(
        b"1.",
        "line 1, column 3: syntax error while parsing value - invalid number; expected digit after '.'; last read: '1.'",
    );
    check_error(
        b"1e",
        "line 1, column 3: syntax error while parsing value - invalid number; expected '+', '-', or digit after exponent; last read: '1e'",
    );
    check_error(
        b"-",
        "line 1, column 2: syntax error while parsing value - invalid number; expected digit after '-'; last read: '-'",
    );
    check_error(
        b"1e400",
        "[json.exception.out_of_range.406] number overflow parsing '1e400'",
    );
    check_error(
        b"\"abc",
        "line 1, column 5: syntax error while parsing value - invalid string: missing closing quote; last read: '\"abc'",
    );
    check_error(
        b"\"a\\q\"",
        "line 1, column 4: syntax error while parsing value - invalid string: forbidden character after backslash; last read: '\"a\\q'",
    );
    check_error(
        b"\"\\u12\"",
        "line 1, column 6: syntax error while parsing value - invalid string: '\\u' must be followed by 4 hex digits; last read: '\"\\u12\"'",
    );
    check_error(
        b"\"\\ud800\"",
        "line 1, column 8: syntax error while parsing value - invalid string: surrogate U+D800..U+DBFF must be followed by U+DC00..U+DFFF; last read: '\"\\ud800\"'",
    );
    check_error(
        b"\"\\udc00\"",
        "line 1, column 7: syntax error while parsing value - invalid string: surrogate U+DC00..U+DFFF must follow U+D800..U+DBFF; last read: '\"\\udc00'",
    );
    check_error(
        b"\"a\tb\"",
        "line 1, column 3: syntax error while parsing value - invalid string: control character U+0009 (HT) must be escaped to \\u0009 or \\t; last read: '\"a<U+0009>'",
    );
    check_error(
        b"\"a\xff\"",
        "line 1, column 3: syntax error while parsing value - invalid string: ill-formed UTF-8 byte; last read: '\"a\u{fffd}'",
    );
}

#[test]
fn strings_are_written() {
    let check = |text: &[u8], expected: &str| {
        let mut out = Vec::new();
        let shown = match write_string(text, &mut out) {
            Ok(()) => String::from_utf8(out).expect("JSON is UTF-8"),
            Err(error) => error.0.replace("[json.exception.type_error.316] ", ""),
        };
        assert_eq!(shown, expected);
    };
    check(b"", r#""""#);
    check(b"a\"\\/\n\t\x01\x7f", "\"a\\\"\\\\/\\n\\t\\u0001\x7f\"");
    check("é😀".as_bytes(), "\"é😀\"");
    check(b"ab\xff", "invalid UTF-8 byte at index 2: 0xFF");
    check(b"ab\xc3", "incomplete UTF-8 string; last byte: 0xC3");
    check(b"ab\xc3 ", "invalid UTF-8 byte at index 3: 0x20");
    check(b"ab\xe2\x82", "incomplete UTF-8 string; last byte: 0x82");
    check(b"ab\xe2\x82 cd", "invalid UTF-8 byte at index 4: 0x20");
    check(b"ab\xed\xa0\x80", "invalid UTF-8 byte at index 3: 0xA0");
    check(b"ab\xc0\x80", "invalid UTF-8 byte at index 2: 0xC0");
}

#[test]
fn floats_are_written() {
    let check = |value: f64, expected: &str| {
        let mut out = Vec::new();
        write_float(value, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), expected);
    };
    check(0.0, "0.0");
    check(-0.0, "-0.0");
    check(1.0, "1.0");
    check(-1.5, "-1.5");
    check(0.1, "0.1");
    check(0.0001, "0.0001");
    check(0.00001, "1e-05");
    check(1e15, "1e+15");
    check(123_456_789_012_345.0, "123456789012345.0");
    check(1e100, "1e+100");
    check(1.0 / 3.0, "0.3333333333333333");
    check(5e-324, "5e-324");
    check(f64::MAX, "1.7976931348623157e+308");
    check(f64::INFINITY, "null");
}
