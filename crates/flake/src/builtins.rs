//! The builtins that deal in flakes: `getFlake`, `parseFlakeRef`, `flakeRefToString`.

use firn_eval::{Builtin, Ctx, ErrorKind, Kind, Res, SetBuilder, Symbol, Val, name_text};
use firn_fetch::{Attr, Attrs};
use firn_instantiate::{StoreHost, fetch_failed};

use crate::call::call_flake;
use crate::lock::{LockFlags, lock_flake};
use crate::reference::{FlakeRef, RefOptions};

/// All of them.
pub const BUILTINS: &[Builtin] = &[
    Builtin::new("__getFlake", &["args"], GET_FLAKE_DOC, get_flake).feature("flakes"),
    Builtin::new(
        "__parseFlakeRef",
        &["flake-ref"],
        PARSE_DOC,
        parse_flake_ref,
    )
    .feature("flakes"),
    Builtin::new(
        "__flakeRefToString",
        &["attrs"],
        TO_STRING_DOC,
        flake_ref_to_string,
    )
    .feature("flakes"),
];

const GET_FLAKE_DOC: &str = "\
Fetches the flake that a reference names, and gives its outputs together with what is known of its source. In pure evaluation the
reference has to be locked: by a revision or a hash.";

const PARSE_DOC: &str = "\
Takes a flake reference apart: `\"github:NixOS/nixpkgs/23.05?dir=lib\"` gives `{ dir = \"lib\"; owner = \"NixOS\"; ref = \"23.05\"; repo =
\"nixpkgs\"; type = \"github\"; }`.";

const TO_STRING_DOC: &str =
    "Puts the parts of a flake reference together: the opposite of `parseFlakeRef`.";

const ANYWHERE: RefOptions<'_> = RefOptions {
    base: None,
    allow_missing: true,
    is_flake: true,
    keep_relative: false,
};

fn text_of<'h>(
    ctx: &mut Ctx<'h>,
    arg: Val<'h>,
    doing: &'static str,
) -> Result<String, firn_eval::Fail> {
    let text = ctx.str_no_context(arg, doing)?;
    Ok(String::from_utf8_lossy(text.bytes()).into_owned())
}

fn get_flake<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let doing = "while evaluating the argument passed to builtins.getFlake";
    let text = text_of(ctx, args[0], doing)?;
    ctx.in_order()?;
    let host = StoreHost::of(ctx);
    let fetcher = host.fetcher();
    let parsed = FlakeRef::parse(fetcher, &text, ANYWHERE);
    let reference = parsed.map_err(|error| fetch_failed(ctx, error))?;
    let is_pure = ctx.purity().pure_eval;
    if is_pure && !reference.input.is_locked(fetcher) {
        let message = format!(
            "cannot call 'getFlake' on unlocked flake reference '{text}' (use --impure to override)"
        );
        return Err(ctx.error(ErrorKind::Eval, message));
    }
    let flags = LockFlags {
        update: false,
        write: false,
        use_registries: Some(!is_pure && fetcher.settings().use_registries),
        allow_unlocked: !is_pure,
        ..LockFlags::default()
    };
    let locked = lock_flake(ctx, &host, &reference, &flags)?;
    call_flake(ctx, &host, &locked)
}

fn parse_flake_ref<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let doing = "while evaluating the argument passed to builtins.parseFlakeRef";
    let text = text_of(ctx, args[0], doing)?;
    let host = StoreHost::of(ctx);
    let parsed = FlakeRef::parse(host.fetcher(), &text, ANYWHERE);
    let parsed = parsed.map_err(|error| fetch_failed(ctx, error))?;
    let mut set = SetBuilder::default();
    for (name, attr) in parsed.to_attrs() {
        let value = match attr {
            Attr::Str(text) => ctx.new_str(text.as_bytes()),
            Attr::Int(number) => ctx.new_int(number as i64),
            Attr::Bool(value) => ctx.new_bool(value),
        };
        set.push(Symbol::intern(name.as_bytes()), value);
    }
    Ok(ctx.new_set(set))
}

fn flake_ref_to_string<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let doing = "while evaluating the argument passed to builtins.flakeRefToString";
    let set = ctx.attrs(args[0], doing)?;
    let mut attrs = Attrs::new();
    for (symbol, value) in ctx.attrs_by_name(set) {
        let value = ctx.force(value)?;
        let name = name_text(symbol);
        let attr = match value.kind() {
            Kind::Int => {
                let number = value.as_int().unwrap_or_default();
                let Ok(number) = u64::try_from(number) else {
                    let message =
                        format!("negative value given for flake ref attr {name}: {number}");
                    return Err(ctx.error(ErrorKind::Eval, message));
                };
                Attr::Int(number)
            }
            Kind::Bool => Attr::Bool(value.as_bool() == Some(true)),
            Kind::String => {
                let bytes = value
                    .as_str()
                    .map(|it| it.bytes().to_vec())
                    .unwrap_or_default();
                Attr::Str(String::from_utf8_lossy(&bytes).into_owned())
            }
            _ => {
                let message = format!(
                    "flake reference attribute sets may only contain integers, Booleans, and strings, but attribute '{name}' is {}",
                    ctx.type_name(value)
                );
                return Err(ctx.error(ErrorKind::Type, message));
            }
        };
        attrs.insert(
            String::from_utf8_lossy(symbol.as_bytes()).into_owned(),
            attr,
        );
    }
    let host = StoreHost::of(ctx);
    let made = FlakeRef::of_attrs(host.fetcher(), attrs).and_then(|it| it.to_url());
    let url = made.map_err(|error| fetch_failed(ctx, error))?;
    Ok(ctx.new_str(url.to_string().as_bytes()))
}
