//! `fetchurl` and `fetchTarball`: a file or an archive behind an address.

use firn_eval::{Builtin, Ctx, ErrorKind, EvalError, Fail, HostError, Kind, Res, Val, name_text};
use firn_fetch::{FetchError, HASH_MISMATCH};
use firn_hash::{Algorithm, Hash};
use firn_store_model::{
    ContentAddress, ContentAddressMethod, StorePath, StoreReferences, check_name,
};

use crate::host::StoreHost;

pub(super) const BUILTINS: &[Builtin] = &[
    Builtin::new("__fetchurl", &["arg"], FETCHURL_DOC, fetchurl),
    Builtin::new("fetchTarball", &["args"], FETCH_TARBALL_DOC, fetch_tarball),
];

const FETCHURL_DOC: &str = "\
Downloads a file and gives its path in the store. The argument is an address, or a set of `url`, `name` (by default the last
part of the address) and `sha256`, the hash that the file must have. In pure evaluation the hash is required.";

const FETCH_TARBALL_DOC: &str = "\
Downloads an archive (tar in any compression, or zip), unpacks it, and gives the path of its tree in the store. A single directory
at the top is left out. The argument is an address, or a set of `url`, `name` (by default `source`) and `sha256`, the hash that the
tree must have. In pure evaluation the hash is required. What was downloaded counts as fresh for `tarball-ttl` seconds.";

/// An error of fetching as a failure of evaluation.
pub fn fetch_failed(ctx: &mut Ctx<'_>, error: FetchError) -> Fail {
    let mut failure = EvalError::new(ErrorKind::Host, error.message);
    failure.exit_status = error.exit_status;
    let mut fail = ctx.fail(failure);
    for text in error.context {
        fail = ctx.trace(fail, None, text);
    }
    fail
}

fn fetchurl<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    fetch(ctx, args[0], "fetchurl", false)
}

fn fetch_tarball<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    fetch(ctx, args[0], "fetchTarball", true)
}

/// What is to be fetched.
#[derive(Default)]
struct Wanted {
    url: Option<String>,
    name: Option<String>,
    hash: Option<Hash>,
    is_set: bool,
}

fn wanted<'h>(ctx: &mut Ctx<'h>, arg: Val<'h>, who: &str) -> Result<Wanted, Fail> {
    let mut wanted = Wanted::default();
    let arg = ctx.force(arg)?;
    let text = |ctx: &mut Ctx<'h>, value, doing| -> Result<String, Fail> {
        let text = ctx.str_no_context(value, doing)?;
        Ok(String::from_utf8_lossy(text.bytes()).into_owned())
    };
    let Some(set) = arg.as_set().filter(|_| arg.kind() == Kind::Set) else {
        wanted.url = Some(text(ctx, arg, "while evaluating the url we should fetch")?);
        return Ok(wanted);
    };
    wanted.is_set = true;
    for (symbol, value) in ctx.attrs_by_name(set) {
        match symbol.as_bytes() {
            b"url" => {
                wanted.url = Some(text(
                    ctx,
                    value,
                    "while evaluating the url we should fetch",
                )?);
            }
            b"sha256" => {
                let doing = "while evaluating the sha256 of the content we should fetch";
                let hash = text(ctx, value, doing)?;
                let (hash, was_empty) = Hash::parse_any_or_empty(&hash, Some(Algorithm::Sha256))
                    .map_err(|error| ctx.error(ErrorKind::Eval, error.to_string()))?;
                if was_empty {
                    let message = format!("found empty hash, assuming '{}'", hash.to_sri());
                    let remark = format!("warning: {message}").into_bytes();
                    ctx.emit(firn_eval::Message::Remark(remark))?;
                }
                wanted.hash = Some(hash);
            }
            b"name" => {
                let doing = "while evaluating the name of the content we should fetch";
                wanted.name = Some(text(ctx, value, doing)?);
            }
            _ => {
                let message = format!("unsupported argument '{}' to '{who}'", name_text(symbol));
                return Err(ctx.error(ErrorKind::Eval, message));
            }
        }
    }
    if wanted.url.is_none() {
        return Err(ctx.error(ErrorKind::Eval, "'url' argument required"));
    }
    Ok(wanted)
}

/// The name that an address gives: what stands behind its last slash.
fn base_name(url: &str) -> &str {
    let url = url.trim_end_matches('/');
    url.rsplit('/').next().unwrap_or(url)
}

fn fetch<'h>(ctx: &mut Ctx<'h>, arg: Val<'h>, who: &str, unpack: bool) -> Res<'h> {
    let wanted = wanted(ctx, arg, who)?;
    ctx.in_order()?;
    let mut url = wanted.url.unwrap_or_default();
    if unpack && let Some(channel) = url.strip_prefix("channel:") {
        url = format!("https://channels.nixos.org/{channel}/nixexprs.tar.xz");
    }
    let host = StoreHost::of(ctx);
    ctx.host_result(|_| host.check_uri(&url))?;
    let name = match &wanted.name {
        Some(name) if !name.is_empty() => name.clone(),
        _ if unpack => "source".to_owned(),
        _ => base_name(&url).to_owned(),
    };
    if let Err(error) = check_name(name.as_bytes()) {
        let advice = if wanted.name.is_some() {
            format!(
                "Please change the value for the 'name' attribute passed to '{who}', so that it can create a valid store path."
            )
        } else if wanted.is_set {
            format!(
                "Please add a valid 'name' attribute to the argument for '{who}', so that it can create a valid store path."
            )
        } else {
            format!(
                "Please pass an attribute set with 'url' and 'name' attributes to '{who}',  so that it can create a valid store path."
            )
        };
        let message =
            format!("invalid store path name when fetching URL '{url}': {error}. {advice}");
        return Err(ctx.error(ErrorKind::Eval, message));
    }
    if ctx.purity().pure_eval && wanted.hash.is_none() {
        let message = format!("in pure evaluation mode, '{who}' requires a 'sha256' argument");
        return Err(ctx.error(ErrorKind::Eval, message));
    }
    if let Some(hash) = &wanted.hash {
        let expected = expected_path(ctx, &host, &name, hash, unpack)?;
        if host.store().ensure_path(&expected).is_ok() {
            return Ok(host.new_store_path(ctx, &expected));
        }
    }
    host.depends_on_change();
    let fetcher = host.fetcher();
    let fetched = if unpack {
        fetcher.download_tree(&url, &name, &[]).map(|it| it.path)
    } else {
        fetcher.download_file(&url, &name, &[]).map(|it| it.path)
    };
    let path = fetched.map_err(|error| fetch_failed(ctx, error))?;
    if let Some(expected) = &wanted.hash {
        let got = hash_of(ctx, &host, &path, unpack)?;
        if got != *expected {
            let mut error = EvalError::new(
                ErrorKind::Eval,
                format!(
                    "hash mismatch in file downloaded from '{url}':\n  specified: sha256:{}\n  got:       sha256:{}",
                    expected.to_nix32(),
                    got.to_nix32()
                ),
            );
            error.exit_status = Some(HASH_MISMATCH);
            return Err(ctx.fail(error));
        }
    }
    Ok(host.new_store_path(ctx, &path))
}

fn expected_path(
    ctx: &mut Ctx<'_>,
    host: &StoreHost,
    name: &str,
    hash: &Hash,
    unpack: bool,
) -> Result<StorePath, Fail> {
    let method = if unpack {
        ContentAddressMethod::Nar
    } else {
        ContentAddressMethod::Flat
    };
    let address = ContentAddress {
        method,
        hash: *hash,
    };
    let store_dir = host.store().store_dir();
    let path = store_dir.make_content_addressed_path(name, &address, &StoreReferences::default());
    path.map_err(|error| ctx.error(ErrorKind::Eval, error.to_string()))
}

/// The hash of what was fetched: of the tree's archive, or of the file's contents.
fn hash_of(
    ctx: &mut Ctx<'_>,
    host: &StoreHost,
    path: &StorePath,
    unpack: bool,
) -> Result<Hash, Fail> {
    let store = host.store();
    let found = || -> Result<Hash, HostError> {
        let failed = |error: &dyn std::fmt::Display| HostError::new(error.to_string());
        if unpack {
            let info = store.query_path_info(path).map_err(|it| failed(&it))?;
            return info
                .map(|it| it.info.nar_hash)
                .ok_or_else(|| HostError::new("what was fetched is gone"));
        }
        let place = store
            .physical_path(path)
            .ok_or_else(|| HostError::new("the store has no files here"))?;
        let mut file = std::fs::File::open(place).map_err(|it| failed(&it))?;
        let hashed = firn_hash::Hasher::hash_reader(Algorithm::Sha256, &mut file);
        Ok(hashed.map_err(|it| failed(&it))?.0)
    };
    let found = found();
    ctx.host_result(|_| found)
}
