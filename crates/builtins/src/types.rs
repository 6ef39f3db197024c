//! What a value is: `typeOf`, the `is…` family, and what a function takes.

use firn_eval::{AttrPos, Builtin, Ctx, ErrorKind, Kind, Res, SetBuilder, Val};

pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin::new(
        "__typeOf",
        &["e"],
        "The kind of the value *e* as a string: `\"int\"`, `\"bool\"`, `\"string\"`, `\"path\"`, \
         `\"null\"`, `\"set\"`, `\"list\"`, `\"lambda\"` or `\"float\"`.",
        type_of,
    )
    .strict(1),
    Builtin::new("isNull", &["e"], "Whether *e* is `null`.", is_null).strict(1),
    Builtin::new(
        "__isFunction",
        &["e"],
        "Whether *e* is a function.",
        is_function,
    )
    .strict(1),
    Builtin::new("__isInt", &["e"], "Whether *e* is an integer.", is_int).strict(1),
    Builtin::new(
        "__isFloat",
        &["e"],
        "Whether *e* is a floating-point number.",
        is_float,
    )
    .strict(1),
    Builtin::new("__isString", &["e"], "Whether *e* is a string.", is_string).strict(1),
    Builtin::new(
        "__isBool",
        &["e"],
        "Whether *e* is `true` or `false`.",
        is_bool,
    )
    .strict(1),
    Builtin::new("__isPath", &["e"], "Whether *e* is a path.", is_path).strict(1),
    Builtin::new(
        "__isAttrs",
        &["e"],
        "Whether *e* is an attribute set.",
        is_attrs,
    )
    .strict(1),
    Builtin::new("__isList", &["e"], "Whether *e* is a list.", is_list).strict(1),
    Builtin::new(
        "__functionArgs",
        &["f"],
        "The attributes that the function *f* takes apart its argument into, as a set of names; \
         each value tells whether the attribute has a default. Empty for a function that takes \
         its argument whole.",
        function_args,
    )
    .strict(1),
];

fn type_of<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let name = match ctx.force(args[0])?.kind() {
        Kind::Int => "int",
        Kind::Bool => "bool",
        Kind::String => "string",
        Kind::Path => "path",
        Kind::Null => "null",
        Kind::Set => "set",
        Kind::List => "list",
        Kind::Float => "float",
        Kind::Function | Kind::Frame | Kind::Thunk => "lambda",
    };
    Ok(ctx.symbol_str(firn_eval::Symbol::intern(name.as_bytes())))
}

fn has_kind<'h>(ctx: &mut Ctx<'h>, arg: Val<'h>, kind: Kind) -> Res<'h> {
    Ok(Val::bool(ctx.force(arg)?.kind() == kind))
}

fn is_null<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    has_kind(ctx, args[0], Kind::Null)
}

fn is_function<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    has_kind(ctx, args[0], Kind::Function)
}

fn is_int<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    has_kind(ctx, args[0], Kind::Int)
}

fn is_float<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    has_kind(ctx, args[0], Kind::Float)
}

fn is_string<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    has_kind(ctx, args[0], Kind::String)
}

fn is_bool<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    has_kind(ctx, args[0], Kind::Bool)
}

fn is_path<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    has_kind(ctx, args[0], Kind::Path)
}

fn is_attrs<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    has_kind(ctx, args[0], Kind::Set)
}

fn is_list<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    has_kind(ctx, args[0], Kind::List)
}

fn function_args<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let value = ctx.force(args[0])?;
    if value.kind() != Kind::Function {
        return Err(ctx.error(ErrorKind::Type, "'functionArgs' requires a function"));
    }
    let Some(formals) = ctx.lambda_view(value).and_then(|view| view.formals) else {
        return Ok(ctx.new_empty_set());
    };
    let mut attrs = SetBuilder::with_capacity(formals.len());
    for formal in formals {
        let position = formal.place.map_or_else(AttrPos::default, |place| {
            AttrPos::new(place.file.0, place.offset)
        });
        attrs.push_at(formal.name, Val::bool(formal.has_default), position);
    }
    Ok(ctx.new_set(attrs))
}
