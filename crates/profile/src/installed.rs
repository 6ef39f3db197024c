//! What a user environment says is installed in it.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use firn_eval::{Ctx, Fail, Scope};
use firn_source::{FileOrigin, SourcePath};
use firn_store::Store;

use crate::element::Element;
use crate::error::{ProfileError, io_error};
use crate::search::{Found, derivations_in};

/// How many links are followed before a circle is assumed.
const MAX_LINKS: usize = 64;

/// Where something in an environment lies on this machine: links are followed, and where one leads
/// into the store, to where the store's files really are.
pub fn in_environment(store: &dyn Store, environment: &Path, name: &str) -> Option<PathBuf> {
    let directory = follow(store, environment)?;
    follow(store, &directory.join(name))
}

/// What is at the end of a path's links, if something is.
fn follow(store: &dyn Store, path: &Path) -> Option<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        path = physical(store, path);
        let metadata = std::fs::symlink_metadata(&path).ok()?;
        if !metadata.is_symlink() {
            return Some(path);
        }
        let target = std::fs::read_link(&path).ok()?;
        path = path.parent().unwrap_or(&path).join(target);
    }
    None
}

/// Where a path lies that may begin with the store directory.
pub(crate) fn physical(store: &dyn Store, path: PathBuf) -> PathBuf {
    let bytes = path.as_os_str().as_bytes();
    let Ok((object, inside)) = store.store_dir().split(bytes) else {
        return path;
    };
    let Some(place) = store.physical_path(&object) else {
        return path;
    };
    if inside.is_empty() {
        return place;
    }
    let inside = inside.strip_prefix(b"/").unwrap_or(inside);
    place.join(OsString::from_vec(inside.to_vec()))
}

/// What is installed in an environment; nothing if it is none, or not there.
pub fn installed<'h>(
    ctx: &mut Ctx<'h>,
    store: &dyn Store,
    environment: &Path,
) -> Result<Vec<Element<'h>>, ProfileError> {
    if in_environment(store, environment, "manifest.json").is_some() {
        return Err(ProfileError::other(format!(
            "profile \"{}\" is incompatible with 'nix-env'; please use 'nix profile' instead",
            environment.display()
        )));
    }
    let Some(manifest) = in_environment(store, environment, "manifest.nix") else {
        return Ok(Vec::new());
    };
    let text = std::fs::read(&manifest).map_err(io_error("reading", &manifest))?;
    Ok(elements_of(ctx, &manifest, text)?)
}

/// The packages of the text of a manifest.
fn elements_of<'h>(
    ctx: &mut Ctx<'h>,
    place: &Path,
    text: Vec<u8>,
) -> Result<Vec<Element<'h>>, Fail> {
    let path = SourcePath::host(place.as_os_str().as_bytes());
    let directory = path.parent().unwrap_or_else(|| path.clone());
    let file = ctx.add_source(FileOrigin::Path(path), text.into());
    let list = ctx.eval_source(file, &directory, &Scope::new())?;
    ctx.pin(list);
    let args = ctx.new_empty_set();
    let args = args.as_set().expect("a set was made");
    let found = derivations_in(ctx, list, "", args, false)?;
    Ok(found.into_iter().map(Found::into_element).collect())
}
