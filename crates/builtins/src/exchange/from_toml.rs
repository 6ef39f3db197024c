//! `fromTOML`.

use firn_eval::{Ctx, ErrorKind, Fail, Res, SetBuilder, Symbol, Val};

use super::null_byte_message;
use crate::toml::{Table, Value, parse};

/// The feature that lets dates through.
const TIMESTAMPS: &str = "parse-toml-timestamps";

pub(super) fn from_toml<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let text = ctx.str_no_context(
        args[0],
        "while evaluating the argument passed to builtins.fromTOML",
    )?;
    match parse(text.bytes()) {
        Ok(table) => table_value(ctx, &table),
        Err(message) => Err(refuse(ctx, &String::from_utf8_lossy(&message))),
    }
}

fn refuse(ctx: &mut Ctx<'_>, reason: &str) -> Fail {
    // The reference colours the reason, so that its last line end does not end the message.
    let end = if reason.ends_with('\n') {
        "\u{1b}[0m"
    } else {
        ""
    };
    let message = format!("while parsing TOML: {reason}{end}");
    ctx.error(ErrorKind::Eval, message)
}

fn check(ctx: &mut Ctx<'_>, bytes: &[u8]) -> Result<(), Fail> {
    if bytes.contains(&0) {
        let reason = format!("error: {}", null_byte_message(bytes));
        return Err(refuse(ctx, &reason));
    }
    Ok(())
}

fn table_value<'h>(ctx: &mut Ctx<'h>, table: &Table) -> Res<'h> {
    let mut attrs = SetBuilder::with_capacity(table.entries.len());
    for (key, entry) in &table.entries {
        check(ctx, key)?;
        let value = value(ctx, &entry.value)?;
        attrs.push(Symbol::intern(key), value);
    }
    Ok(ctx.new_set(attrs))
}

fn value<'h>(ctx: &mut Ctx<'h>, toml: &Value) -> Res<'h> {
    Ok(match toml {
        Value::Bool(value) => Val::bool(*value),
        Value::Int(value) => ctx.new_int(*value),
        Value::Float(value) => ctx.new_float(*value),
        Value::String(value) => {
            check(ctx, value)?;
            ctx.new_str(value)
        }
        Value::Array(elements) => {
            let mut items = Vec::with_capacity(elements.len());
            for element in elements {
                items.push(value(ctx, element)?);
            }
            ctx.new_list(&items)
        }
        Value::Table(table) => return table_value(ctx, table),
        Value::Time(time) => {
            if !ctx.options().features.iter().any(|on| on == TIMESTAMPS) {
                return Err(refuse(ctx, "Dates and times are not supported"));
            }
            let mut attrs = SetBuilder::with_capacity(2);
            attrs.push(Symbol::intern(b"_type"), ctx.new_str(b"timestamp"));
            attrs.push(ctx.names().value, ctx.new_str(time.as_bytes()));
            ctx.new_set(attrs)
        }
    })
}
