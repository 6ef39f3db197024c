//! String contexts: seeing them, and making strings with others.

use std::collections::BTreeMap;

use firn_eval::{
    Builtin, ContextElement, ContextId, Ctx, ErrorKind, Fail, Place, Res, SetBuilder, Symbol, Val,
    name_text,
};
use firn_source::FileId;

use crate::strings::INTERPOLATION;

pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin::new(
        "__hasContext",
        &["s"],
        "Whether the string *s* refers to store paths.",
        has_context,
    )
    .strict(1),
    Builtin::new(
        "__getContext",
        &["s"],
        "The store paths that the string *s* refers to, as names of a set. Each value says how: \
         `path` for the path itself, `outputs` for the named outputs of a derivation, \
         `allOutputs` for a derivation with all that it needs.",
        get_context,
    )
    .strict(1),
    Builtin::new(
        "__appendContext",
        &["s", "context"],
        "The string *s* with further references, in the form that `getContext` gives them in.",
        append_context,
    )
    .strict(3),
    Builtin::new(
        "__unsafeDiscardStringContext",
        &["s"],
        "The string *s* without its references to store paths. What is built with it may not find \
         them.",
        unsafe_discard_string_context,
    )
    .strict(1),
    Builtin::new(
        "__unsafeDiscardOutputDependency",
        &["s"],
        "The string *s* with references to derivations and all they need turned into references \
         to the derivation files alone.",
        unsafe_discard_output_dependency,
    )
    .strict(1),
    Builtin::new(
        "__addDrvOutputDependencies",
        &["s"],
        "The string *s*, which refers to one derivation file, with that reference turned into one \
         to the derivation and all it needs.",
        add_drv_output_dependencies,
    )
    .strict(1),
];

fn has_context<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let text = ctx.str(
        args[0],
        "while evaluating the argument passed to builtins.hasContext",
    )?;
    Ok(Val::bool(!text.context().is_empty()))
}

fn unsafe_discard_string_context<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let value = ctx.coerce_value(
        args[0],
        INTERPOLATION,
        "while evaluating the argument passed to builtins.unsafeDiscardStringContext",
    )?;
    match value.as_str() {
        Some(text) if !text.context().is_empty() => Ok(ctx.new_str(text.bytes())),
        _ => Ok(value),
    }
}

fn unsafe_discard_output_dependency<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let (bytes, context) = ctx.coerce(
        args[0],
        INTERPOLATION,
        "while evaluating the argument passed to builtins.unsafeDiscardOutputDependency",
    )?;
    let mut elements = ctx.heap().contexts().elements(context);
    for element in &mut elements {
        if let ContextElement::DrvDeep(drv) = element {
            *element = ContextElement::Opaque(std::mem::take(drv));
        }
    }
    let context = ctx.heap().contexts().of(&elements);
    Ok(ctx.new_str_with(&bytes, context))
}

fn add_drv_output_dependencies<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let (bytes, context) = ctx.coerce(
        args[0],
        INTERPOLATION,
        "while evaluating the argument passed to builtins.addDrvOutputDependencies",
    )?;
    let elements = ctx.heap().contexts().elements(context);
    let message = match elements.as_slice() {
        [ContextElement::Opaque(path) | ContextElement::DrvDeep(path)] if is_derivation(path) => {
            let element = ContextElement::DrvDeep(path.clone());
            let context = ctx.heap().contexts().single(&element);
            return Ok(ctx.new_str_with(&bytes, context));
        }
        [ContextElement::Opaque(path) | ContextElement::DrvDeep(path)] => format!(
            "path '{}' is not a derivation",
            String::from_utf8_lossy(path)
        ),
        [ContextElement::Built { output, .. }] => format!(
            "`addDrvOutputDependencies` can only act on derivations, not on a derivation output \
             such as '{}'",
            String::from_utf8_lossy(output)
        ),
        _ => format!(
            "context of string '{}' must have exactly one element, but has {}",
            String::from_utf8_lossy(&bytes),
            elements.len()
        ),
    };
    Err(ctx.error(ErrorKind::Eval, message))
}

fn is_derivation(path: &[u8]) -> bool {
    path.ends_with(b".drv")
}

/// How a string refers to one store path.
#[derive(Default)]
struct Reference {
    path: bool,
    all_outputs: bool,
    outputs: Vec<Box<[u8]>>,
}

fn get_context<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let text = ctx.str(
        args[0],
        "while evaluating the argument passed to builtins.getContext",
    )?;
    let mut references: BTreeMap<Box<[u8]>, Reference> = BTreeMap::new();
    for element in ctx.heap().contexts().elements(text.context()) {
        match element {
            ContextElement::Opaque(path) => references.entry(path).or_default().path = true,
            ContextElement::DrvDeep(drv) => references.entry(drv).or_default().all_outputs = true,
            ContextElement::Built { drv, output } => {
                references.entry(drv).or_default().outputs.push(output);
            }
        }
    }
    let mut attrs = SetBuilder::with_capacity(references.len());
    for (path, reference) in references {
        let mut info = SetBuilder::with_capacity(3);
        if reference.path {
            info.push(Symbol::intern(b"path"), Val::bool(true));
        }
        if reference.all_outputs {
            info.push(Symbol::intern(b"allOutputs"), Val::bool(true));
        }
        if !reference.outputs.is_empty() {
            let outputs: Vec<Val<'h>> = reference
                .outputs
                .iter()
                .map(|output| ctx.new_str(output))
                .collect();
            info.push(Symbol::intern(b"outputs"), ctx.new_list(&outputs));
        }
        attrs.push(Symbol::intern(&path), ctx.new_set(info));
    }
    Ok(ctx.new_set(attrs))
}

fn append_context<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let text = ctx.str(
        args[0],
        "while evaluating the first argument passed to builtins.appendContext",
    )?;
    let set = ctx.attrs(
        args[1],
        "while evaluating the second argument passed to builtins.appendContext",
    )?;
    let mut elements = ctx.heap().contexts().elements(text.context());
    for (name, info) in ctx.attrs_by_name(set) {
        let path = name.as_bytes();
        let place = set.position(name).get().map(|(file, offset)| Place {
            file: FileId(file),
            offset,
        });
        if !is_store_path(&ctx.host().store_dir(), path) {
            let message = format!("context key '{}' is not a store path", name_text(name));
            return Err(ctx.error_at(place, ErrorKind::Eval, message));
        }
        read_reference(ctx, name, place, info, &mut elements)?;
    }
    let context: ContextId = ctx.heap().contexts().of(&elements);
    Ok(ctx.new_str_with(text.bytes(), context))
}

/// Adds what `info` says about the path `name`, written at `place`, to the elements of a context.
fn read_reference<'h>(
    ctx: &mut Ctx<'h>,
    name: Symbol,
    place: Option<Place>,
    info: Val<'h>,
    elements: &mut Vec<ContextElement>,
) -> Result<(), Fail> {
    let path = name.as_bytes();
    let shown = name_text(name);
    let info = ctx.attrs(info, "while evaluating the value of a string context")?;
    if let Some(flag) = info.get(Symbol::intern(b"path")) {
        let text = "while evaluating the `path` attribute of a string context";
        if ctx.bool(flag, text)? {
            elements.push(ContextElement::Opaque(path.into()));
        }
    }
    if let Some(flag) = info.get(Symbol::intern(b"allOutputs")) {
        let text = "while evaluating the `allOutputs` attribute of a string context";
        if ctx.bool(flag, text)? {
            if !is_derivation(path) {
                let message = format!(
                    "tried to add all-outputs context of {shown}, which is not a derivation, to a \
                     string"
                );
                return Err(ctx.error_at(place, ErrorKind::Eval, message));
            }
            elements.push(ContextElement::DrvDeep(path.into()));
        }
    }
    if let Some(outputs) = info.get(Symbol::intern(b"outputs")) {
        let outputs = ctx.list(
            outputs,
            "while evaluating the `outputs` attribute of a string context",
        )?;
        if !outputs.is_empty() && !is_derivation(path) {
            let message = format!(
                "tried to add derivation output context of {shown}, which is not a derivation, to \
                 a string"
            );
            return Err(ctx.error_at(place, ErrorKind::Eval, message));
        }
        for &output in outputs {
            let output = ctx.str_no_context(
                output,
                "while evaluating an output name within a string context",
            )?;
            elements.push(ContextElement::Built {
                drv: path.into(),
                output: output.bytes().into(),
            });
        }
    }
    Ok(())
}

/// Whether this is the path of a store object itself: the store directory, a digest, a dash, and a
/// name.
fn is_store_path(store_dir: &[u8], path: &[u8]) -> bool {
    const DIGEST_LEN: usize = 32;
    let Some(base) = path
        .strip_prefix(store_dir)
        .and_then(|rest| rest.strip_prefix(b"/"))
    else {
        return false;
    };
    let is_name_byte = |&byte: &u8| byte.is_ascii_alphanumeric() || b"+-._?=".contains(&byte);
    match (base.get(..DIGEST_LEN), base.get(DIGEST_LEN..)) {
        (Some(digest), Some([b'-', name @ ..])) => {
            digest.iter().all(|&byte| firn_hash::base32::is_digit(byte))
                && (1..=211).contains(&name.len())
                && name.iter().all(is_name_byte)
        }
        _ => false,
    }
}
