//! Making a user environment of packages, and a profile lead to it.
//!
//! The list of packages becomes a text in the store, the manifest, and that with their paths the
//! input of a derivation that our own builder of environments builds. Both are byte for byte what
//! the reference makes, so that either tool continues what the other began.
//!
//! The profile is not locked while packages are built. Whoever changes it takes a token first
//! ([`profile_token`]); if the profile leads elsewhere by the time it is to be switched, nothing is
//! done, and the caller begins anew with what is installed then.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use firn_eval::{ContextElement, Ctx, Fail, Symbol, Val};
use firn_events::{EventSink, Level};
use firn_instantiate::StoreHost;
use firn_source::SourcePath;
use firn_store::profile::Profile;
use firn_store::{BuildMode, Store};
use firn_store_model::{DerivedPath, OutputsSpec, SingleDerivedPath, StoreDir, StorePath};

use crate::element::Element;
use crate::error::ProfileError;

/// The expression that makes a derivation of packages.
const BUILDER: &[u8] = include_bytes!("buildenv.nix");

/// What is to be made, and for which profile.
pub struct BuildRequest<'a> {
    /// The profile.
    pub profile: &'a Profile,
    /// Whether the derivations of packages are kept together with these.
    pub keep_derivations: bool,
    /// Whether what is broken is repaired.
    pub mode: BuildMode,
    /// What [`profile_token`] said before anything was read.
    pub token: Option<&'a PathBuf>,
}

/// Where a profile leads now; nowhere if it does not exist.
pub fn profile_token(profile: &Profile) -> Option<PathBuf> {
    std::fs::read_link(profile.link()).ok()
}

/// Whether a package need not be built: it is there, or can be substituted.
pub fn is_prebuilt<'h>(
    ctx: &mut Ctx<'h>,
    store: &dyn Store,
    element: &Element<'h>,
) -> Result<bool, Fail> {
    let path = element.out_path(ctx, store.store_dir())?;
    let paths = BTreeSet::from([path.clone()]);
    let known = store.is_valid_path(&path).and_then(|is_valid| {
        Ok(is_valid || store.query_many_substitutable(&paths)?.contains(&path))
    });
    known.map_err(|error| ctx.error(firn_eval::ErrorKind::Host, error.to_string()))
}

/// Builds the packages and an environment of them, and switches the profile to it. Tells whether it
/// did: it does not if the profile has changed since the token was taken.
pub fn create_user_environment<'h>(
    ctx: &mut Ctx<'h>,
    host: &Arc<StoreHost>,
    elements: &[Element<'h>],
    request: &BuildRequest<'_>,
    events: &dyn EventSink,
) -> Result<bool, ProfileError> {
    let store = Arc::clone(host.store());
    let store_dir = store.store_dir().clone();
    let mut wanted = Vec::new();
    for element in elements {
        if let Some(drv) = element.drv_path(ctx, &store_dir)? {
            wanted.push(all_outputs(drv));
        }
    }
    host.flush()?;
    store.build_paths(&wanted, request.mode)?;
    let drv = environment_derivation(ctx, host, &store_dir, elements, request.keep_derivations)?;
    let (drv, out) = drv;
    host.flush()?;
    store.build_paths(&[all_outputs(drv)], request.mode)?;
    let _lock = request.profile.lock(events)?;
    if profile_token(request.profile).as_ref() != request.token {
        let text = format!(
            "profile \"{}\" changed while we were busy; restarting",
            request.profile.link().display()
        );
        events.message(Level::Info, &text);
        return Ok(false);
    }
    let generation = request.profile.create_generation(&*store, &out)?;
    request.profile.switch_to(&generation.link)?;
    Ok(true)
}

fn all_outputs(drv: StorePath) -> DerivedPath {
    DerivedPath::Built {
        drv: SingleDerivedPath::Opaque(drv).into(),
        outputs: OutputsSpec::All,
    }
}

/// Writes the manifest, and makes the derivation of the environment and its output's path.
fn environment_derivation<'h>(
    ctx: &mut Ctx<'h>,
    host: &Arc<StoreHost>,
    store_dir: &StoreDir,
    elements: &[Element<'h>],
    keep_derivations: bool,
) -> Result<(StorePath, StorePath), ProfileError> {
    let store = host.store();
    let mut references = BTreeSet::new();
    let mut entries = Vec::new();
    for element in elements {
        let (entry, paths, drv) = element.entry(ctx, store_dir, keep_derivations)?;
        entries.push(entry);
        // Paths that were named as such may still have to be fetched.
        store.add_temp_roots(&paths)?;
        for path in &paths {
            store.ensure_path(path)?;
        }
        references.extend(paths);
        references.extend(drv);
    }
    let list = ctx.new_list(&entries);
    ctx.pin(list);
    let mut text = Vec::new();
    ctx.print_whole(list, &mut text)?;
    let manifest = store.add_text("env-manifest.nix", &text, &references)?;
    Ok(instantiate(ctx, store_dir, list, &manifest)?)
}

fn instantiate<'h>(
    ctx: &mut Ctx<'h>,
    store_dir: &StoreDir,
    packages: Val<'h>,
    manifest: &StorePath,
) -> Result<(StorePath, StorePath), Fail> {
    let builder = ctx.eval_str(BUILDER, &SourcePath::host(b"/"))?;
    ctx.pin(builder);
    let manifest = store_dir.print(manifest).into_bytes();
    let element = ContextElement::Opaque(manifest[..].into());
    let context = ctx.heap().contexts().single(&element);
    let manifest = ctx.new_str_with(&manifest, context);
    let mut args = firn_eval::SetBuilder::default();
    args.push(Symbol::intern(b"derivations"), packages);
    args.push(Symbol::intern(b"manifest"), manifest);
    let args = ctx.new_set(args);
    let derivation = ctx.call(builder, &[args])?;
    ctx.pin(derivation);
    let element = Element::of_set(String::new(), String::new(), derivation);
    let drv = element.drv_path(ctx, store_dir)?;
    let drv = drv.expect("a derivation has a path");
    Ok((drv, element.out_path(ctx, store_dir)?))
}
