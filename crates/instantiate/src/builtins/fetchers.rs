//! The builtins that fetch. Their names exist, so that texts that mention them can be evaluated;
//! calling one says plainly that this version of Firn cannot fetch during evaluation.

use firn_eval::{Builtin, Ctx, ErrorKind, Res, Val};

/// A row for each: all of them take one argument.
macro_rules! absent {
    ($($function:ident = $name:literal ($argument:literal): $doc:literal;)*) => {
        pub(super) const BUILTINS: &[Builtin] = &[
            $(Builtin::new($name, &[$argument], $doc, $function),)*
        ];
        $(fn $function<'h>(ctx: &mut Ctx<'h>, _: &[Val<'h>]) -> Res<'h> {
            Err(ctx.error(ErrorKind::Host, message($name)))
        })*
    };
}

absent! {
    fetchurl = "__fetchurl" ("args"): "Downloads a file. Not available in this version.";
    fetch_tarball = "fetchTarball" ("args"): "Downloads and unpacks an archive. Not available in this version.";
    fetch_git = "fetchGit" ("args"): "Fetches a Git repository. Not available in this version.";
    fetch_mercurial = "fetchMercurial" ("args"): "Fetches a Mercurial repository. Not available in this version.";
    fetch_tree = "fetchTree" ("input"): "Fetches a tree of files. Not available in this version.";
    get_flake = "__getFlake" ("args"): "Fetches a flake and gives its outputs. Not available in this version.";
    parse_flake_ref = "__parseFlakeRef" ("flake-ref"): "Takes a flake reference apart. Not available in this version.";
    flake_ref_to_string = "__flakeRefToString" ("attrs"): "Puts a flake reference together. Not available in this version.";
}

fn message(name: &str) -> String {
    let name = name.trim_start_matches("__");
    format!("'builtins.{name}' is not available in this version of Firn")
}
