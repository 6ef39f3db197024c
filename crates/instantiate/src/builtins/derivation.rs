//! `derivation` itself, which is written in the language, and texts that stand for outputs.

use firn_eval::{Builtin, Ctx, DERIVATION_INTERNAL, Res, Scope, Val};
use firn_source::{FileOrigin, SourcePath};
use firn_store_model::output_placeholder;

pub(super) const BUILTINS: &[Builtin] = &[
    Builtin::new("derivation", &[], DERIVATION_DOC, derivation),
    Builtin::new("placeholder", &["output"], PLACEHOLDER_DOC, placeholder),
];

const DERIVATION_DOC: &str = "\
Describes something that can be built. Takes a set with at least `name`, `system` and `builder`, and gives it back with
attributes that stand for what will be built: one per output, `outPath`, and `drvPath`.";

const PLACEHOLDER_DOC: &str = "\
A text that stands for the path of an output inside its own derivation. When the derivation is built, the builder sees the
path in its place.";

fn derivation<'h>(ctx: &mut Ctx<'h>, _: &[Val<'h>]) -> Res<'h> {
    let text: &[u8] = include_bytes!("../derivation-internal.nix");
    let file = ctx.add_source(FileOrigin::Internal(DERIVATION_INTERNAL), text.into());
    ctx.eval_source(file, &SourcePath::host(b"/"), &Scope::new())
}

fn placeholder<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let doing = "while evaluating the first argument passed to builtins.placeholder";
    let output = ctx.str_no_context(args[0], doing)?;
    let output = String::from_utf8_lossy(output.bytes());
    Ok(ctx.new_str(output_placeholder(&output).as_bytes()))
}
