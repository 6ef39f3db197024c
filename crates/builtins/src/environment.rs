//! What a program can know about its surroundings: constants, variables, the search path.

use firn_eval::{Builtin, Ctx, Res, SetBuilder, Symbol, Val};

/// The version of the language and builtins that this is equal to.
const NIX_VERSION: &str = "2.34.8";

/// Counts changes of the language itself; it has long stood still.
const LANG_VERSION: i64 = 6;

pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin::new(
        "__nixVersion",
        &[],
        "The version of Nix whose language this is.",
        nix_version,
    ),
    Builtin::new(
        "__langVersion",
        &[],
        "The version of the language.",
        lang_version,
    ),
    Builtin::new(
        "__storeDir",
        &[],
        "The store directory, usually `/nix/store`.",
        store_dir,
    ),
    Builtin::new(
        "__currentSystem",
        &[],
        "The system that is built for unless something else is asked for, such as \
         `\"x86_64-linux\"`.",
        current_system,
    )
    .impure(),
    Builtin::new(
        "__currentTime",
        &[],
        "The time when evaluation began, in seconds since the start of 1970.",
        current_time,
    )
    .impure(),
    Builtin::new(
        "__nixPath",
        &[],
        "The search path that `<name>` looks names up in, as a list of sets of `path` and \
         `prefix`.",
        nix_path,
    ),
    Builtin::new(
        "__getEnv",
        &["s"],
        "The value of the environment variable *s*; the empty string if it is not set, and in \
         pure or restricted evaluation.",
        get_env,
    )
    .strict(1),
];

fn nix_version<'h>(ctx: &mut Ctx<'h>, _: &[Val<'h>]) -> Res<'h> {
    Ok(ctx.new_str(NIX_VERSION.as_bytes()))
}

fn lang_version<'h>(ctx: &mut Ctx<'h>, _: &[Val<'h>]) -> Res<'h> {
    Ok(ctx.new_int(LANG_VERSION))
}

fn store_dir<'h>(ctx: &mut Ctx<'h>, _: &[Val<'h>]) -> Res<'h> {
    let dir = ctx.host().store_dir();
    Ok(ctx.new_str(&dir))
}

fn current_system<'h>(ctx: &mut Ctx<'h>, _: &[Val<'h>]) -> Res<'h> {
    let system = ctx.host().current_system();
    Ok(ctx.new_str(&system))
}

fn current_time<'h>(ctx: &mut Ctx<'h>, _: &[Val<'h>]) -> Res<'h> {
    let time = ctx.host().current_time();
    Ok(ctx.new_int(time))
}

fn nix_path<'h>(ctx: &mut Ctx<'h>, _: &[Val<'h>]) -> Res<'h> {
    let entries = ctx.host().search_path();
    let mut items = Vec::with_capacity(entries.len());
    for entry in entries {
        let mut attrs = SetBuilder::with_capacity(2);
        attrs.push(Symbol::intern(b"path"), ctx.new_str(&entry.path));
        attrs.push(Symbol::intern(b"prefix"), ctx.new_str(&entry.prefix));
        items.push(ctx.new_set(attrs));
    }
    Ok(ctx.new_list(&items))
}

fn get_env<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let name = ctx.str_no_context(
        args[0],
        "while evaluating the first argument passed to builtins.getEnv",
    )?;
    let purity = ctx.purity();
    if purity.pure_eval || purity.restricted {
        return Ok(ctx.new_str(b""));
    }
    let value = ctx.host().env_var(name.bytes()).unwrap_or_default();
    Ok(ctx.new_str(&value))
}
