//! Builtins about version strings; the rules are in [`crate::version`].

use std::cmp::Ordering;

use firn_eval::{Builtin, Ctx, Res, SetBuilder, Symbol, Val};

use crate::version;

pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin::new(
        "__compareVersions",
        &["s1", "s2"],
        "-1, 0 or 1 as the version *s1* is older than, the same as, or newer than *s2*, by the \
         rules that `nix-env -u` goes by.",
        compare_versions,
    )
    .strict(3),
    Builtin::new(
        "__splitVersion",
        &["s"],
        "The components of the version *s* that `compareVersions` looks at, as a list.",
        split_version,
    )
    .strict(1),
    Builtin::new(
        "__parseDrvName",
        &["s"],
        "The `name` and `version` of the package name *s*: the version follows the first dash \
         that no letter follows.",
        parse_drv_name,
    )
    .strict(1),
];

fn compare_versions<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let left = ctx.str_no_context(
        args[0],
        "while evaluating the first argument passed to builtins.compareVersions",
    )?;
    let right = ctx.str_no_context(
        args[1],
        "while evaluating the second argument passed to builtins.compareVersions",
    )?;
    let order = match version::compare_versions(left.bytes(), right.bytes()) {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    };
    Ok(ctx.new_int(order))
}

fn split_version<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let text = ctx.str_no_context(
        args[0],
        "while evaluating the first argument passed to builtins.splitVersion",
    )?;
    let parts: Vec<Val<'h>> = version::components(text.bytes())
        .map(|component| ctx.new_str(component))
        .collect();
    Ok(ctx.new_list(&parts))
}

fn parse_drv_name<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let text = ctx.str_no_context(
        args[0],
        "while evaluating the first argument passed to builtins.parseDrvName",
    )?;
    let (name, version) = version::parse_drv_name(text.bytes());
    let mut attrs = SetBuilder::with_capacity(2);
    attrs.push(ctx.names().name, ctx.new_str(name));
    attrs.push(Symbol::intern(b"version"), ctx.new_str(version));
    Ok(ctx.new_set(attrs))
}
