//! `derivation` itself, which is written in the language, and texts that stand for outputs.

use std::sync::Arc;

use firn_eval::{Builtin, Ctx, DERIVATION_INTERNAL, ErrorKind, Res, Scope, Val};
use firn_heap::ContextElement;
use firn_source::{FileOrigin, SourcePath};
use firn_store::Store;
use firn_store_model::{OutputName, SingleDerivedPath, downstream_placeholder, output_placeholder};

use crate::derived::{element_of, single_path_of};
use crate::host::StoreHost;

pub(super) const BUILTINS: &[Builtin] = &[
    Builtin::new("derivation", &[], DERIVATION_DOC, derivation),
    Builtin::new("placeholder", &["output"], PLACEHOLDER_DOC, placeholder),
    Builtin::new(
        "__outputOf",
        &["derivation-reference", "output-name"],
        OUTPUT_OF_DOC,
        output_of,
    )
    .feature("dynamic-derivations"),
];

const DERIVATION_DOC: &str = "\
Describes something that can be built. Takes a set with at least `name`, `system` and `builder`, and gives it back with
attributes that stand for what will be built: one per output, `outPath`, and `drvPath`.";

const PLACEHOLDER_DOC: &str = "\
A text that stands for the path of an output inside its own derivation. When the derivation is built, the builder sees the
path in its place.";

const OUTPUT_OF_DOC: &str = "\
A text that stands for an output of a derivation. The derivation is given by a text that refers to it: its path, or an output
of another derivation that makes it.";

fn output_of<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let doing = "while evaluating the first argument to builtins.outputOf";
    let text = ctx.str(args[0], doing)?;
    let output = ctx.str_no_context(
        args[1],
        "while evaluating the second argument to builtins.outputOf",
    )?;
    let host = StoreHost::of(ctx);
    ctx.in_order()?;
    let elements = ctx.heap().contexts().elements(text.context());
    let made = host
        .flush()
        .map_err(|error| error.to_string())
        .and_then(|()| made_by(&host, text.bytes(), &elements, output.bytes()));
    match made {
        Ok((text, element)) => {
            let context = ctx.heap().contexts().single(&element);
            Ok(ctx.new_str_with(&text, context))
        }
        Err(message) => {
            let fail = ctx.error(ErrorKind::Eval, message);
            Err(ctx.trace(fail, None, doing.to_owned()))
        }
    }
}

/// The text and context that stand for an output of what another text and context name.
fn made_by(
    host: &StoreHost,
    text: &[u8],
    elements: &[ContextElement],
    output: &[u8],
) -> Result<(Vec<u8>, ContextElement), String> {
    let store = host.store().as_ref();
    let store_dir = store.store_dir();
    let shown = String::from_utf8_lossy(text);
    let [element] = elements else {
        return Err(format!(
            "string '{shown}' has {} entries in its context. It should only have exactly one entry",
            elements.len()
        ));
    };
    let drv = single_path_of(store_dir, element).map_err(|error| error.to_string())?;
    let Some(drv) = drv else {
        return Err(format!(
            "string '{shown}' has a context which refers to a complete source and binary closure. \
             This is not supported at this time"
        ));
    };
    let expected = text_of(store, &drv)?;
    if text != expected.as_bytes() {
        return Err(match &drv {
            SingleDerivedPath::Opaque(_) => {
                format!("path string '{shown}' has context with the different path '{expected}'")
            }
            SingleDerivedPath::Built { drv, output } => format!(
                "string '{shown}' has context with the output '{output}' from derivation '{}', but \
                 the string is not the right placeholder for this derivation output. It should be \
                 '{expected}'",
                drv.print(store_dir)
            ),
        });
    }
    let output = OutputName::parse(output).map_err(|error| error.to_string())?;
    let element = element_of(store_dir, &drv, &output);
    let made = SingleDerivedPath::Built {
        drv: Arc::new(drv),
        output,
    };
    Ok((text_of(store, &made)?.into_bytes(), element))
}

/// What a text that stands for a path reads: the path where it follows from the derivation, and a
/// placeholder otherwise.
fn text_of(store: &dyn Store, path: &SingleDerivedPath) -> Result<String, String> {
    let store_dir = store.store_dir();
    let (drv, output) = match path {
        SingleDerivedPath::Opaque(path) => return Ok(store_dir.print(path)),
        SingleDerivedPath::Built { drv, output } => (drv, output),
    };
    if let SingleDerivedPath::Opaque(drv_path) = &**drv {
        let derivation = store
            .read_derivation(drv_path)
            .map_err(|error| error.to_string())?;
        let Some(kind) = derivation.outputs.get(output) else {
            return Err(format!(
                "derivation '{}' does not have output '{output}'",
                store_dir.print(drv_path)
            ));
        };
        let known = kind
            .path(store_dir, &derivation.name, output)
            .map_err(|error| error.to_string())?;
        if let Some(known) = known {
            return Ok(store_dir.print(&known));
        }
    }
    downstream_placeholder(drv, output.as_str()).map_err(|error| error.to_string())
}

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
