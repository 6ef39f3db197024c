//! Sources as store objects: `path`, `filterSource`, `storePath`.

use firn_eval::{
    Builtin, ContextElement, ContextId, Ctx, ErrorKind, Fail, FileType, HostError, Res, Val,
    name_text,
};
use firn_hash::{Algorithm, Hash};
use firn_source::{CanonicalPath, SourcePath};
use firn_store::hash_tree::hash_tree;
use firn_store::tree::{FileKind, SourceTree};
use firn_store::types::AddOptions;
use firn_store::{StoreError, StorePathSet};
use firn_store_model::{ContentAddress, ContentAddressMethod, StorePath, StoreReferences};

use crate::host::{StoreHost, store_error};

pub(super) const BUILTINS: &[Builtin] = &[
    Builtin::new("__path", &["attrs"], PATH_DOC, path),
    Builtin::new(
        "__filterSource",
        &["keep", "path"],
        FILTER_SOURCE_DOC,
        filter_source,
    ),
    Builtin::new("__storePath", &["path"], STORE_PATH_DOC, store_path),
];

const PATH_DOC: &str = "\
Puts a file or a tree into the store. `path` says where it is; `name` what it is to be called; `filter` which parts belong
to it, asked with the path and its type; `recursive = false` takes a file by its contents alone; `sha256` is the hash it
must have.";

const FILTER_SOURCE_DOC: &str = "\
Puts those parts of a tree into the store for which a function of path and type says so.";

const STORE_PATH_DOC: &str = "\
A path that is in the store already, as a text that refers to it.";

fn path<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let set = ctx.attrs(
        args[0],
        "while evaluating the argument passed to 'builtins.path'",
    )?;
    let mut wanted = Wanted::default();
    for (symbol, value) in ctx.attrs_by_name(set) {
        match symbol.as_bytes() {
            b"path" => {
                let doing = "while evaluating the 'path' attribute passed to 'builtins.path'";
                let (path, context) = ctx.coerce_path(value, doing)?;
                wanted.path = Some(path);
                wanted.context = context;
            }
            b"name" => {
                let doing = "while evaluating the `name` attribute passed to builtins.path";
                wanted.name = ctx.str_no_context(value, doing)?.bytes().to_vec();
            }
            b"filter" => {
                let doing = "while evaluating the `filter` parameter passed to builtins.path";
                wanted.filter = Some(ctx.function(value, doing)?);
            }
            b"recursive" => {
                let doing = "while evaluating the `recursive` attribute passed to builtins.path";
                wanted.flat = !ctx.bool(value, doing)?;
            }
            b"sha256" => {
                let doing = "while evaluating the `sha256` attribute passed to builtins.path";
                let text = ctx.str_no_context(value, doing)?;
                let text = String::from_utf8_lossy(text.bytes());
                let hash = Hash::parse_any_or_empty(&text, Some(Algorithm::Sha256));
                let (hash, _) =
                    hash.map_err(|error| ctx.error(ErrorKind::Eval, error.to_string()))?;
                wanted.expected = Some(hash);
            }
            _ => {
                let message = format!(
                    "unsupported argument '{}' to 'builtins.path'",
                    name_text(symbol)
                );
                let place = Ctx::attr_place(set, symbol);
                return Err(ctx.error_at(place, ErrorKind::Eval, message));
            }
        }
    }
    let Some(path) = wanted.path.clone() else {
        let message = "missing required 'path' attribute in the first argument to 'builtins.path'";
        return Err(ctx.error(ErrorKind::Eval, message));
    };
    add(ctx, &path, &wanted)
}

fn filter_source<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let doing = "while evaluating the second argument (the path to filter) passed to 'builtins.filterSource'";
    let (path, context) = ctx.coerce_path(args[1], doing)?;
    let doing = "while evaluating the first argument passed to builtins.filterSource";
    let filter = Some(ctx.function(args[0], doing)?);
    add(
        ctx,
        &path,
        &Wanted {
            context,
            filter,
            ..Wanted::default()
        },
    )
}

/// What is to be added, and how.
#[derive(Default)]
struct Wanted<'h> {
    path: Option<SourcePath>,
    context: ContextId,
    name: Vec<u8>,
    filter: Option<Val<'h>>,
    flat: bool,
    expected: Option<Hash>,
}

fn add<'h>(ctx: &mut Ctx<'h>, path: &SourcePath, wanted: &Wanted<'h>) -> Res<'h> {
    let host = StoreHost::of(ctx);
    match add_inner(ctx, &host, path, wanted) {
        Ok(store_path) => Ok(host.new_store_path(ctx, &store_path)),
        Err(fail) => {
            let shown = String::from_utf8_lossy(&ctx.host().display_path(path)).into_owned();
            Err(ctx.trace(fail, None, format!("while adding path '{shown}'")))
        }
    }
}

fn add_inner<'h>(
    ctx: &mut Ctx<'h>,
    host: &StoreHost,
    path: &SourcePath,
    wanted: &Wanted<'h>,
) -> Result<StorePath, Fail> {
    let mut path = path.clone();
    let mut references = StorePathSet::new();
    let store_dir = host.store().store_dir().clone();
    if !wanted.context.is_empty() && store_dir.contains(path.path.as_bytes()) {
        path.path = CanonicalPath::new(&ctx.realise(path.path.as_bytes(), wanted.context)?);
        if let Ok((object, _)) = store_dir.split(path.path.as_bytes()) {
            let info = host.store().query_path_info(&object);
            let info = ctx.host_result(|_| info.map_err(|error| store_error(&error)))?;
            references = info
                .map(|info| info.info.references.clone())
                .unwrap_or_default();
        }
    }
    ctx.host_result(|host| host.check_access(&path))?;
    let name = if wanted.name.is_empty() {
        path.path.file_name().unwrap_or(b"source").to_vec()
    } else {
        wanted.name.clone()
    };
    let name = firn_store_model::check_name(&name).map(ToOwned::to_owned);
    let name = name.map_err(|error| ctx.error(ErrorKind::Eval, error.to_string()))?;
    let method = if wanted.flat {
        ContentAddressMethod::Flat
    } else {
        ContentAddressMethod::Nar
    };
    let options = AddOptions {
        method,
        references,
        ..AddOptions::default()
    };
    let expected = wanted.expected.map(|hash| {
        let references = StoreReferences {
            others: options.references.clone(),
            itself: false,
        };
        let address = ContentAddress { method, hash };
        store_dir.make_content_addressed_path(&name, &address, &references)
    });
    let expected = expected.transpose();
    let expected = expected.map_err(|error| ctx.error(ErrorKind::Eval, error.to_string()))?;
    if let Some(expected) = &expected
        && host.store().is_valid_path(expected).unwrap_or(false)
    {
        if let Some(observer) = &host.surroundings.observer {
            observer.uses(expected);
        }
        return Ok(expected.clone());
    }
    let resolved = ctx.host_result(|host| host.resolve_symlinks(&path, true))?;
    if ctx.host_result(|host| host.file_type(&resolved))?.is_none() {
        return ctx.host_result(|_| Err(crate::files::missing(&path)));
    }
    if !host.pending.is_read_only() {
        // The store is written to.
        ctx.in_order()?;
    }
    let source = host.source(&resolved);
    let added = source
        .with_tree(|tree| add_tree(ctx, host, &path, &name, tree, &options, wanted.filter))?;
    if let Some(expected) = expected
        && expected != added
    {
        let shown = String::from_utf8_lossy(&ctx.host().display_path(&path)).into_owned();
        let message =
            format!("store path mismatch in (possibly filtered) path added from '{shown}'");
        return Err(ctx.error(ErrorKind::Eval, message));
    }
    Ok(added)
}

/// Adds a tree, or only names it where nothing may be written.
fn add_tree<'h>(
    ctx: &mut Ctx<'h>,
    host: &StoreHost,
    path: &SourcePath,
    name: &str,
    tree: &dyn SourceTree,
    options: &AddOptions,
    filter: Option<Val<'h>>,
) -> Result<StorePath, Fail> {
    let mut failed: Option<Fail> = None;
    let mut keep = |relative: &[u8], kind: FileKind| {
        let Some(function) = filter else {
            return Ok(true);
        };
        asks(ctx, function, &path.join(relative), kind).map_err(|fail| {
            failed = Some(fail);
            StoreError::other("the filter failed")
        })
    };
    let filter: Option<firn_store::tree::Filter<'_>> = if filter.is_some() {
        Some(&mut keep)
    } else {
        None
    };
    let result = if host.pending.is_read_only() {
        hash_tree(host.store().store_dir(), name, tree, filter, options).map(|(_, path)| path)
    } else {
        host.store().add_tree(name, tree, filter, options)
    };
    if let (Ok(path), Some(observer)) = (&result, &host.surroundings.observer) {
        observer.adds(path);
    }
    match (failed, result) {
        (Some(fail), _) => Err(fail),
        (None, result) => ctx.host_result(|_| result.map_err(|error| store_error(&error))),
    }
}

/// Asks the function whether a path belongs to the tree.
fn asks<'h>(
    ctx: &mut Ctx<'h>,
    function: Val<'h>,
    path: &SourcePath,
    kind: FileKind,
) -> Result<bool, Fail> {
    let kind = match kind {
        FileKind::Regular => FileType::Regular,
        FileKind::Directory => FileType::Directory,
        FileKind::Symlink => FileType::Symlink,
        FileKind::Special => FileType::Unknown,
    };
    let path = ctx.new_str(path.path.as_bytes());
    let kind = ctx.new_str(kind.name().as_bytes());
    let answer = ctx.call(function, &[path, kind])?;
    ctx.bool(
        answer,
        "while evaluating the return value of the path filter function",
    )
}

fn store_path<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    if ctx.purity().pure_eval {
        let message = "'builtins.storePath' is not allowed in pure evaluation mode";
        return Err(ctx.error(ErrorKind::Eval, message));
    }
    let doing = "while evaluating the first argument passed to 'builtins.storePath'";
    let (mut path, context) = ctx.coerce_path(args[0], doing)?;
    let host = StoreHost::of(ctx);
    let store_dir = host.store().store_dir().clone();
    // A link that is a store object itself is meant as such; any other link is followed.
    if store_dir.parse(path.path.as_bytes()).is_err() {
        path = ctx.host_result(|host| host.resolve_symlinks(&path, true))?;
    }
    let Ok((object, _)) = store_dir.split(path.path.as_bytes()) else {
        let message = format!("path '{}' is not in the Nix store", path.path);
        return Err(ctx.error(ErrorKind::Eval, message));
    };
    if let Some(observer) = &host.surroundings.observer {
        observer.uses(&object);
    }
    if !host.pending.is_read_only() {
        ctx.in_order()?;
        let ensured = host.store().ensure_path(&object);
        let ensured = ensured.map_err(|error| HostError::new(error.to_string()));
        ctx.host_result(|_| ensured)?;
    }
    let element = ContextElement::Opaque(store_dir.print(&object).into_bytes().into());
    let contexts = ctx.heap().contexts();
    let context = contexts.union(context, contexts.single(&element));
    Ok(ctx.new_str_with(path.path.as_bytes(), context))
}
