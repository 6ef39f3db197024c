//! Values as JSON, XML and text, for every command that prints one.

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

/// A value as JSON on one line.
pub fn json<'h>(ctx: &mut Ctx<'h>, value: Val<'h>, strict: bool) -> Result<Vec<u8>, Fail> {
    let value = if strict {
        ctx.force_deep(value)?
    } else {
        value
    };
    by_builtin(ctx, "__toJSON", value)
}

/// A value as XML.
pub fn xml<'h>(
    ctx: &mut Ctx<'h>,
    value: Val<'h>,
    strict: bool,
    with_places: bool,
) -> Result<Vec<u8>, Fail> {
    if with_places {
        return Err(ctx.error(
            ErrorKind::Eval,
            "XML with places is not there yet; '--no-location' leaves them out",
        ));
    }
    let value = if strict {
        ctx.force_deep(value)?
    } else {
        value
    };
    by_builtin(ctx, "__toXML", value)
}

fn by_builtin<'h>(ctx: &mut Ctx<'h>, name: &str, value: Val<'h>) -> Result<Vec<u8>, Fail> {
    let Some(function) = ctx.builtin(name) else {
        return Err(ctx.error(ErrorKind::Eval, format!("there is no builtin '{name}'")));
    };
    let shown = ctx.call(function, &[value])?;
    Ok(ctx.str(shown, "while printing a value")?.bytes().to_vec())
}
