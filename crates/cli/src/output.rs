//! Values as JSON, XML and text, for every command that prints one.

use firn_builtins::{JsonWriter, XmlOptions, write_xml};
use firn_eval::{Ctx, ErrorKind, Fail, Val};

/// How a value is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// As an expression.
    #[default]
    Plain,
    /// A string as it is.
    Raw,
    /// As XML.
    Xml,
    /// As JSON.
    Json,
}

/// A value as JSON on one line, with paths as they are: nothing is copied to the store.
pub fn json_in_place<'h>(ctx: &mut Ctx<'h>, value: Val<'h>) -> Result<Vec<u8>, Fail> {
    let mut writer = JsonWriter::new(false);
    writer.write(ctx, value)?;
    Ok(writer.finish(ctx)?.0)
}

/// A value as JSON on one line, with paths copied to the store.
pub fn json<'h>(ctx: &mut Ctx<'h>, value: Val<'h>, strict: bool) -> Result<Vec<u8>, Fail> {
    let value = if strict {
        ctx.force_deep(value)?
    } else {
        value
    };
    by_builtin(ctx, "__toJSON", value)
}

/// JSON on one line with a line for each member and element, two blanks a level.
pub fn pretty_json(json: &[u8]) -> Vec<u8> {
    let mut shown = Vec::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    let line = |shown: &mut Vec<u8>, depth: usize| {
        shown.push(b'\n');
        shown.extend(std::iter::repeat_n(b' ', depth * 2));
    };
    for (idx, &byte) in json.iter().enumerate() {
        if in_string {
            shown.push(byte);
            in_string = escaped || byte != b'"';
            escaped = byte == b'\\' && !escaped;
            continue;
        }
        match byte {
            b'{' | b'[' => {
                shown.push(byte);
                if !matches!(json.get(idx + 1), Some(b'}' | b']')) {
                    depth += 1;
                    line(&mut shown, depth);
                }
            }
            b'}' | b']' => {
                if !matches!(json.get(idx.wrapping_sub(1)), Some(b'{' | b'[')) {
                    depth = depth.saturating_sub(1);
                    line(&mut shown, depth);
                }
                shown.push(byte);
            }
            b',' => {
                shown.push(byte);
                line(&mut shown, depth);
            }
            b':' => shown.extend_from_slice(b": "),
            _ => {
                in_string = byte == b'"';
                shown.push(byte);
            }
        }
    }
    shown
}

/// A value as XML.
pub fn xml<'h>(
    ctx: &mut Ctx<'h>,
    value: Val<'h>,
    strict: bool,
    with_places: bool,
) -> Result<Vec<u8>, Fail> {
    let options = XmlOptions {
        strict,
        places: with_places,
    };
    Ok(write_xml(ctx, value, options)?.0)
}

fn by_builtin<'h>(ctx: &mut Ctx<'h>, name: &str, value: Val<'h>) -> Result<Vec<u8>, Fail> {
    let Some(function) = ctx.builtin(name) else {
        return Err(ctx.error(ErrorKind::Eval, format!("there is no builtin '{name}'")));
    };
    let shown = ctx.call(function, &[value])?;
    ctx.pin(shown);
    Ok(ctx.str(shown, "while printing a value")?.bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_laid_out() {
        let check = |json: &str, expected: &str| {
            assert_eq!(pretty_json(json.as_bytes()), expected.as_bytes());
        };
        check("{}", "{}");
        check("[1,[]]", "[\n  1,\n  []\n]");
        check(
            r#"{"a\"{,":{"b":":"}}"#,
            "{\n  \"a\\\"{,\": {\n    \"b\": \":\"\n  }\n}",
        );
    }
}
