//! Hashes of strings and files, and their notations.

use firn_eval::{Builtin, Ctx, ErrorKind, Fail, Message, Res, Symbol, Val};
use firn_hash::{Algorithm, Hash, HashError, HashFormat, Hasher};

pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin::new(
        "__hashString",
        &["type", "s"],
        "The hash of the string *s* in base 16. *type* is `\"md5\"`, `\"sha1\"`, `\"sha256\"`, \
         `\"sha512\"`, or, as an experimental feature, `\"blake3\"`.",
        hash_string,
    )
    .strict(1),
    Builtin::new(
        "__hashFile",
        &["type", "p"],
        "The hash of the contents of the file *p* in base 16; *type* as for `hashString`.",
        hash_file,
    )
    .strict(1),
    Builtin::new(
        "__convertHash",
        &["args"],
        "The hash `hash` written in the notation `toHashFormat`, one of `\"base16\"`, `\"nix32\"`, \
         `\"base64\"` and `\"sri\"`. The attribute `hashAlgo` may be left out if `hash` itself \
         names its algorithm.",
        convert_hash,
    )
    .strict(1),
];

fn checked<T>(ctx: &mut Ctx<'_>, result: Result<T, HashError>) -> Result<T, Fail> {
    result.map_err(|error| ctx.error(ErrorKind::Eval, error.to_string()))
}

/// The algorithm of this name, if it exists and is enabled.
fn algorithm(ctx: &mut Ctx<'_>, name: &[u8]) -> Result<Algorithm, Fail> {
    let algorithm = Algorithm::parse(&String::from_utf8_lossy(name));
    let algorithm = checked(ctx, algorithm)?;
    match algorithm.feature() {
        Some(feature) if !ctx.options().features.iter().any(|on| on == feature) => {
            let message = format!(
                "experimental Nix feature '{feature}' is disabled; add \
                 '--extra-experimental-features {feature}' to enable it"
            );
            Err(ctx.error(ErrorKind::Eval, message))
        }
        _ => Ok(algorithm),
    }
}

fn hash_string<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let name = ctx.str_no_context(
        args[0],
        "while evaluating the first argument passed to builtins.hashString",
    )?;
    let algorithm = algorithm(ctx, name.bytes())?;
    let text = ctx.str(
        args[1],
        "while evaluating the second argument passed to builtins.hashString",
    )?;
    let digits = Hasher::hash(algorithm, text.bytes()).to_base16();
    Ok(ctx.new_str(digits.as_bytes()))
}

fn hash_file<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let name = ctx.str_no_context(
        args[0],
        "while evaluating the first argument passed to builtins.hashFile",
    )?;
    let algorithm = algorithm(ctx, name.bytes())?;
    let path = ctx.realise_path(args[1], "while realising the context of a path")?;
    let contents = ctx.host_result(|host| {
        host.check_access(&path)?;
        host.read_file(&path)
    })?;
    let digits = Hasher::hash(algorithm, &contents).to_base16();
    Ok(ctx.new_str(digits.as_bytes()))
}

fn convert_hash<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let set = ctx.attrs(
        args[0],
        "while evaluating the first argument passed to builtins.convertHash",
    )?;
    let hash = ctx.attr(
        set,
        Symbol::intern(b"hash"),
        "while locating the attribute 'hash'",
    )?;
    let hash = ctx.str_no_context(hash, "while evaluating the attribute 'hash'")?;
    let stated = match set.get(Symbol::intern(b"hashAlgo")) {
        Some(name) => {
            let name = ctx.str_no_context(name, "while evaluating the attribute 'hashAlgo'")?;
            Some(algorithm(ctx, name.bytes())?)
        }
        None => None,
    };
    let format = ctx.attr(
        set,
        Symbol::intern(b"toHashFormat"),
        "while locating the attribute 'toHashFormat'",
    )?;
    let format = ctx.str_no_context(format, "while evaluating the attribute 'toHashFormat'")?;
    if format.bytes() == b"base32" {
        let remark = b"\"base32\" is a deprecated alias for hash format \"nix32\".";
        ctx.emit(Message::Remark(remark.to_vec()))?;
    }
    let format = HashFormat::parse(&String::from_utf8_lossy(format.bytes()));
    let format = checked(ctx, format)?;
    let parsed = Hash::parse_any(&String::from_utf8_lossy(hash.bytes()), stated);
    let parsed = checked(ctx, parsed)?;
    let text = parsed.format(format, format == HashFormat::Sri);
    Ok(ctx.new_str(text.as_bytes()))
}
