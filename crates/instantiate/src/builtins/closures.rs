//! `fetchClosure`: a store path and what it refers to, from a binary cache.
//!
//! What comes of it must be the same wherever it is evaluated. So the path has to follow from its
//! contents, or is made to, unless the text says plainly that it trusts whoever signed it.

use std::sync::Arc;

use firn_eval::{Builtin, Ctx, ErrorKind, Fail, HostError, Kind, Res, Symbol, Val};
use firn_events::NullSink;
use firn_store::closure::{ClosureOptions, closure, path_info};
use firn_store::{CopyOptions, Store, StoreError, copy_closure, make_content_addressed};
use firn_store_model::StorePath;

use crate::StoreHost;

pub(super) const BUILTINS: &[Builtin] = &[Builtin::new(
    "__fetchClosure",
    &["args"],
    FETCH_CLOSURE_DOC,
    fetch_closure,
)
.feature("fetch-closure")];

const FETCH_CLOSURE_DOC: &str = "\
Fetches a store path with everything it refers to. `fromStore` is the address of a binary cache and `fromPath` the path
there, which has to follow from its contents. With `toPath` it is made to: that is the path which then comes of it (an empty
text asks for it). `inputAddressed = true` takes a path as it is, if a trusted key signed it.";

/// How many paths are fetched at once.
const N_JOBS: usize = 16;

/// The arguments.
#[derive(Default)]
struct Wanted {
    from_store: Option<String>,
    from_path: Option<StorePath>,
    /// The inner one is missing where the text asks for it.
    #[allow(clippy::option_option, reason = "not given, given as empty, given")]
    to_path: Option<Option<StorePath>>,
    input_addressed: bool,
}

fn fetch_closure<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let host = StoreHost::of(ctx);
    let wanted = read(ctx, &host, args[0])?;
    let missing = |name: &str| format!("attribute '{name}' is missing in call to 'fetchClosure'");
    let Some(from_path) = &wanted.from_path else {
        return Err(ctx.error(ErrorKind::Eval, missing("fromPath")));
    };
    if wanted.input_addressed && wanted.to_path.is_some() {
        let message = "attribute 'inputAddressed' is set to true, but 'toPath' is also set. Please \
                       remove one of them";
        return Err(ctx.error(ErrorKind::Eval, message));
    }
    let Some(url) = &wanted.from_store else {
        return Err(ctx.error(ErrorKind::Eval, missing("fromStore")));
    };
    ctx.in_order()?;
    let fetched = match &wanted.to_path {
        Some(to_path) => rewrite(&host, url, from_path, to_path.as_ref()),
        None => fetch(&host, url, from_path, wanted.input_addressed),
    };
    let path = fetched.map_err(|error| ctx.error(ErrorKind::Host, error.to_string()))?;
    let all = closure(&**host.store(), [path.clone()], ClosureOptions::default())
        .map_err(|error| HostError::new(error.to_string()));
    for path in ctx.host_result(|_| all)? {
        host.allow_store_path(&path);
    }
    Ok(host.new_store_path(ctx, &path))
}

fn read<'h>(ctx: &mut Ctx<'h>, host: &StoreHost, arguments: Val<'h>) -> Result<Wanted, Fail> {
    let doing = "while evaluating the argument passed to builtins.fetchClosure";
    let set = ctx.attrs(arguments, doing)?;
    let mut wanted = Wanted::default();
    for (symbol, value) in ctx.attrs_by_name(set) {
        match symbol.as_bytes() {
            b"fromPath" => wanted.from_path = Some(store_path(ctx, host, value)?),
            b"toPath" => wanted.to_path = Some(gap_or_path(ctx, host, value)?),
            b"fromStore" => {
                let doing =
                    "while evaluating the attribute 'fromStore' passed to builtins.fetchClosure";
                let text = ctx.str_no_context(value, doing)?;
                wanted.from_store = Some(String::from_utf8_lossy(text.bytes()).into_owned());
            }
            b"inputAddressed" => {
                let doing = "while evaluating the attribute 'inputAddressed' passed to \
                             builtins.fetchClosure";
                wanted.input_addressed = ctx.bool(value, doing)?;
            }
            _ => return Err(unknown(ctx, symbol)),
        }
    }
    Ok(wanted)
}

fn unknown(ctx: &mut Ctx<'_>, symbol: Symbol) -> Fail {
    let name = String::from_utf8_lossy(symbol.as_bytes()).into_owned();
    let message = format!("attribute '{name}' isn't supported in call to 'fetchClosure'");
    ctx.error(ErrorKind::Eval, message)
}

/// A store path, or an empty text.
fn gap_or_path<'h>(
    ctx: &mut Ctx<'h>,
    host: &StoreHost,
    value: Val<'h>,
) -> Result<Option<StorePath>, Fail> {
    let value = ctx.force(value)?;
    if value.kind() == Kind::String {
        let doing = "while evaluating the attribute 'toPath' passed to builtins.fetchClosure";
        if ctx
            .str_no_context(value, doing)
            .is_ok_and(|text| text.bytes().is_empty())
        {
            return Ok(None);
        }
    }
    store_path(ctx, host, value).map(Some)
}

fn store_path<'h>(ctx: &mut Ctx<'h>, host: &StoreHost, value: Val<'h>) -> Result<StorePath, Fail> {
    let doing = "while evaluating an attribute passed to builtins.fetchClosure";
    let (path, _) = ctx.coerce_path(value, doing)?;
    let parsed = host.store().store_dir().parse(path.path.as_bytes());
    parsed.map_err(|_| {
        let message = format!("path '{}' is not in the Nix store", path.path);
        ctx.error(ErrorKind::Eval, message)
    })
}

fn open(host: &StoreHost, url: &str) -> Result<Arc<dyn Store>, StoreError> {
    let store = (host.surroundings.open_cache)(url);
    store.map_err(|error| StoreError::other(error.to_string()))
}

/// Fetches a path as it is.
fn fetch(
    host: &StoreHost,
    url: &str,
    path: &StorePath,
    input_addressed: bool,
) -> Result<StorePath, StoreError> {
    let store = host.store();
    let from = open(host, url)?;
    if !store.is_valid_path(path)? {
        let options = CopyOptions {
            repair: false,
            check_signatures: true,
            substitute: false,
            n_jobs: N_JOBS,
            events: NullSink::shared(),
        };
        copy_closure(&*from, &**store, &[path.clone()].into(), &options)?;
    }
    let info = path_info(&**store, path)?;
    let shown = store.store_dir().print(path);
    match (
        info.is_content_addressed(store.store_dir()),
        input_addressed,
    ) {
        (true, false) | (false, true) => Ok(path.clone()),
        (true, true) => Err(StoreError::other(format!(
            "The store object referred to by 'fromPath' at '{shown}' is not input-addressed, but \
             'inputAddressed' is set to 'true'.\n\nRemove the 'inputAddressed' attribute (it \
             defaults to 'false') to expect 'fromPath' to be content-addressed"
        ))),
        (false, false) => Err(StoreError::other(format!(
            "The 'fromPath' value '{shown}' is input-addressed, but 'inputAddressed' is set to \
             'false' (default).\n\nIf you do intend to fetch an input-addressed store path, \
             add\n\n    inputAddressed = true;\n\nto the 'fetchClosure' arguments.\n\nNote that to \
             ensure authenticity input-addressed store paths, users must configure a trusted binary \
             cache public key on their systems. This is not needed for content-addressed paths."
        ))),
    }
}

/// Makes a path content-addressed on its way.
fn rewrite(
    host: &StoreHost,
    url: &str,
    from_path: &StorePath,
    to_path: Option<&StorePath>,
) -> Result<StorePath, StoreError> {
    let store = host.store();
    let store_dir = store.store_dir();
    let is_there = match to_path {
        Some(path) => store.is_valid_path(path)?,
        None => false,
    };
    if !is_there {
        let from = open(host, url)?;
        let renamed = make_content_addressed(&*from, &**store, &[from_path.clone()].into())?;
        let rewritten = &renamed[from_path];
        let yielded = format!(
            "rewriting '{}' to content-addressed form yielded '{}'",
            store_dir.print(from_path),
            store_dir.print(rewritten)
        );
        match to_path {
            None => {
                return Err(StoreError::other(format!(
                    "{yielded}\nUse this value for the 'toPath' attribute passed to 'fetchClosure'"
                )));
            }
            Some(path) if path != rewritten => {
                return Err(StoreError::other(format!(
                    "{yielded}, while '{}' was expected",
                    store_dir.print(path)
                )));
            }
            Some(_) => {}
        }
    }
    let path = to_path.unwrap_or(from_path);
    if !path_info(&**store, path)?.is_content_addressed(store_dir) {
        return Err(StoreError::other(format!(
            "The 'toPath' value '{}' is input-addressed, so it can't possibly be the result of \
             rewriting to a content-addressed path.\n\nSet 'toPath' to an empty string to make Nix \
             report the correct content-addressed path.",
            store_dir.print(path)
        )));
    }
    Ok(path.clone())
}
