//! Structured attributes as the builder finds them: `.attrs.json`, and `.attrs.sh` for bash.
//!
//! The shell form has strings, integers, booleans and null, flat lists and flat sets of them;
//! everything else is only in the JSON. Keys are sorted, as the JSON writers of the field do.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// The JSON text, keys sorted at every level.
pub fn json_text(attrs: &Map<String, Value>) -> String {
    sorted(&Value::Object(attrs.clone())).to_string()
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(attrs) => {
            let mut keys: Vec<_> = attrs.keys().collect();
            keys.sort_unstable();
            Value::Object(
                keys.into_iter()
                    .map(|key| (key.clone(), sorted(&attrs[key])))
                    .collect(),
            )
        }
        Value::Array(values) => values.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

/// The text that bash sources.
pub fn shell_text(attrs: &Map<String, Value>) -> String {
    let mut keys: Vec<_> = attrs.keys().filter(|key| is_variable_name(key)).collect();
    keys.sort_unstable();
    let mut text = String::new();
    for key in keys {
        let value = &attrs[key];
        if let Some(word) = simple(value) {
            writeln!(text, "declare {key}={word}").expect("a string takes any text");
            continue;
        }
        let (option, words) = match value {
            Value::Array(values) => ("-a", values.iter().map(simple).collect::<Option<Vec<_>>>()),
            Value::Object(map) => {
                let mut names: Vec<_> = map.keys().collect();
                names.sort_unstable();
                let words = names
                    .into_iter()
                    .map(|name| simple(&map[name]).map(|word| format!("[{}]={word}", quoted(name))))
                    .collect();
                ("-A", words)
            }
            _ => continue,
        };
        if let Some(words) = words {
            let mut list = String::new();
            for word in words {
                list.push_str(&word);
                list.push(' ');
            }
            writeln!(text, "declare {option} {key}=({list})").expect("a string takes any text");
        }
    }
    text
}

fn simple(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(quoted(text)),
        Value::Number(number) => {
            if let Some(integer) = number.as_i64() {
                return Some(integer.to_string());
            }
            let float = number.as_f64()?;
            (float.fract() == 0.0).then(|| format!("{float:.0}"))
        }
        Value::Null => Some("''".to_owned()),
        Value::Bool(true) => Some("1".to_owned()),
        Value::Bool(false) => Some(String::new()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// A word that the shell takes as it is.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn is_variable_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_shell_can_hold_it_gets() {
        let attrs: Value = serde_json::from_str(
            r#"{"s": "it's", "n": 3, "f": 1.5, "t": true, "no": false, "nil": null,
                "list": ["a", 1], "deep": [["x"]], "set": {"b": "2", "a a": "1"}, "not-a-name": 1}"#,
        )
        .expect("JSON");
        let Value::Object(attrs) = attrs else {
            panic!("an object")
        };
        assert_eq!(
            shell_text(&attrs),
            "declare -a list=('a' 1 )\n\
             declare n=3\n\
             declare nil=''\n\
             declare no=\n\
             declare s='it'\\''s'\n\
             declare -A set=(['a a']='1' ['b']='2' )\n\
             declare t=1\n"
        );
        assert!(json_text(&attrs).starts_with(r#"{"deep":[["x"]],"f":1.5,"list":["a",1],"n":3"#));
    }
}
