//! `toFile`: a text that becomes a store object.

use std::collections::BTreeSet;

use firn_eval::{Builtin, ContextElement, Ctx, ErrorKind, Res, Val, context_text};
use firn_hash::Hasher;
use firn_store::DerivationText;
use firn_store_model::StorePath;

use crate::host::StoreHost;

pub(super) const BUILTINS: &[Builtin] =
    &[Builtin::new("__toFile", &["name", "text"], DOC, to_file)];

const DOC: &str = "\
Puts a text into the store under a name and gives its path. The text may refer to store paths, but not to anything that
has yet to be built.";

fn to_file<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let name = ctx.str_no_context(
        args[0],
        "while evaluating the first argument passed to builtins.toFile",
    )?;
    let name = String::from_utf8_lossy(name.bytes()).into_owned();
    let text = ctx.str(
        args[1],
        "while evaluating the second argument passed to builtins.toFile",
    )?;
    let host = StoreHost::of(ctx);
    let store_dir = host.store().store_dir().clone();
    let mut references: BTreeSet<StorePath> = BTreeSet::new();
    for element in ctx.heap().contexts().elements(text.context()) {
        let path = match &element {
            ContextElement::Opaque(path) => store_dir.parse(path).ok(),
            _ => None,
        };
        let Some(path) = path else {
            let message = format!(
                "files created by builtins.toFile may not reference derivations, but {name} references {}",
                context_text(&element)
            );
            return Err(ctx.error(ErrorKind::Eval, message));
        };
        references.insert(path);
    }
    let hash = Hasher::sha256(text.bytes());
    let path = store_dir.make_text_path(&name, &hash, &references);
    let path = path.map_err(|error| ctx.error(ErrorKind::Eval, error.to_string()))?;
    // The store takes texts with references in one batch with derivations.
    host.pending.derivation(DerivationText {
        path: path.clone(),
        contents: text.bytes().to_vec(),
        references: references.into_iter().collect(),
        outputs: Vec::new(),
    });
    Ok(host.new_store_path(ctx, &path))
}
