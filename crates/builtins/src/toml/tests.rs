//! Expectations are the results of CppNix 2.34.8.

use super::{Value, parse};

fn show(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => format!("{value:?}"),
        Value::String(value) => format!("{:?}", String::from_utf8_lossy(value)),
        Value::Time(value) => format!("<{value}>"),
        Value::Array(elements) => {
            let shown: Vec<String> = elements.iter().map(show).collect();
            format!("[{}]", shown.join(","))
        }
        Value::Table(table) => {
            let shown: Vec<String> = table
                .entries
                .iter()
                .map(|(key, entry)| {
                    format!("{}={}", String::from_utf8_lossy(key), show(&entry.value))
                })
                .collect();
            format!("{{{}}}", shown.join(","))
        }
    }
}

fn check(text: &str, expected: &str) {
    match parse(text.as_bytes()) {
        Ok(table) => assert_eq!(show(&Value::Table(table)), expected, "{text:?}"),
        Err(message) => panic!("{text:?}: {}", String::from_utf8_lossy(&message)),
    }
}

fn check_error(text: &str, expected: &[&str]) {
    let message = parse(text.as_bytes()).expect_err(text);
    let expected = expected.join("\n") + "\n";
    assert_eq!(String::from_utf8_lossy(&message), expected, "{text:?}");
}

#[test]
fn tables() {
    check("", "{}");
    check(
        "a = 1 # c\r\n\n[b]\nc.d = 2\n[b.e]\n",
        "{a=1,b={c={d=2},e={}}}",
    );
    check("[[a]]\nx=1\n[[a]]\ny=2\n[a.z]", "{a=[{x=1},{y=2,z={}}]}");
    check("[a.b]\nx=1\n[a]\ny=1", "{a={b={x=1},y=1}}");
    check("[a]\nb.c=1\n[a.b.d]", "{a={b={c=1,d={}}}}");
    check("a.\"b c\".'d' = 1", "{a={b c={d=1}}}");
    check("a={b=1, c={}}", "{a={b=1,c={}}}");
    check("a = [1, # c\n2,\n]", "{a=[1,2]}");
}

#[test]
fn scalars() {
    check(
        "a=+1\nb=0xFF\nc=0o17\nd=0b1_0\ne=1_000",
        "{a=1,b=255,c=15,d=2,e=1000}",
    );
    check("a=-9223372036854775808", "{a=-9223372036854775808}");
    check(
        "a=1.5_0\nb=0.1e+5\nc=-inf\nd=nan",
        "{a=1.5,b=10000.0,c=-inf,d=NaN}",
    );
    check(r#"a = "é\u00e9\U0001F600\t""#, r#"{a="éé😀\t"}"#);
    check("a = '''\nx'y'''''", r#"{a="x'y''"}"#);
    check("a = \"\"\"\nx\\\n  y\"\"\"", r#"{a="xy"}"#);
}

#[test]
fn times() {
    check(
        "a = 1979-05-27T07:32:00.5Z",
        "{a=<1979-05-27T07:32:00.500Z>}",
    );
    check(
        "a = 1979-05-27 07:32:00.123456+01:00",
        "{a=<1979-05-27T07:32:00.123456+01:00>}",
    );
    check("a = 07:32:00.1234567891", "{a=<07:32:00.123456789>}");
    check("a = 1979-05-27", "{a=<1979-05-27>}");
    check(
        "a = 1979-05-27T07:32:00+00:00",
        "{a=<1979-05-27T07:32:00Z>}",
    );
}

#[test]
fn conflicts() {
    check_error(
        "a = 1\na = 2",
        &[
            "[error] toml::insert_value: failed to insert a value, value already exists",
            " --> fromTOML",
            "   |",
            " 2 | a = 2",
            "   | ^-- inserting this",
            "   | ...",
            "   |",
            " 1 | a = 1",
            "   |     ^-- but value already exists",
        ],
    );
    check_error(
        "[a]\n[a]",
        &[
            "[error] toml::insert_value: failed to insert a table, table already defined",
            " --> fromTOML",
            "   |",
            " 2 | [a]",
            "   | ^^^-- inserting this",
            "   | ...",
            "   |",
            " 1 | [a]",
            "   | ^^^-- this table is explicitly defined",
        ],
    );
    for text in [
        "a.b = 1\n[a]",
        "[a]\nb.c=1\n[a.b]",
        "a=1\n[a.b]",
        "a=[]\n[[a]]",
        "a={b=1}\na.c=2",
        "a={}\n[a]",
        "a.b=1\na.b.c=2",
        "a={b=1,b=2}",
    ] {
        assert!(parse(text.as_bytes()).is_err(), "{text:?}");
    }
}

#[test]
fn malformed() {
    let one = |text: &str, title: &str, marks: &str| {
        let shown = [" 1 | ", text].concat();
        let marks = ["   | ", marks].concat();
        let title = ["[error] ", title].concat();
        check_error(text, &[&title, " --> fromTOML", "   |", &shown, &marks]);
    };
    one("a =", "bad format: unknown value appeared", "   ^-- here");
    one(
        "a = \"x",
        "toml::parse_basic_string: invalid string format",
        "      ^-- expected \"",
    );
    one(
        "a = 9223372036854775808",
        "toml::parse_dec_integer: too large integer: current max digits = 2^63",
        "                       ^-- must be < 2^63",
    );
    one(
        "x",
        "toml::parse_key_value_pair: invalid key value separator `=`",
        " ^-- expected =",
    );
    one(
        "a=1 b=2",
        "toml::parse_table: newline (LF / CRLF) or EOF is expected",
        "    ^-- here",
    );
    for text in [
        "a=01",
        "a=1__0",
        "a=_1",
        "a=1_",
        "a=+0x1",
        "a=1.",
        "a=.5",
        "[a",
        "a=07:32",
        "a = 2020-13-01",
        "a = 24:00:00",
        "= 1",
        "a = [1,,2]",
        "a = {b=1,}",
        "a={b=1\n}",
        "a = \"\\q\"",
        "a = \"\\ud800\"",
        "a = 'x",
        "a = \"\"\"x",
        "# \u{1}",
        "a = 1e400",
        "a = tru",
    ] {
        assert!(parse(text.as_bytes()).is_err(), "{text:?}");
    }
    assert!(parse(&[b"a=".as_slice(), &b"[".repeat(100_000)].concat()).is_err());
}
