//! `copy`: paths and what they refer to, from one store to another.

use std::path::Path;
use std::sync::Arc;

use firn_settings::Feature;
use firn_store::{BuildMode, CopyOptions, Store, copy_closure, copy_paths};
use firn_store_model::DerivedPath;

use super::nix_build::link_name;
use super::profile::switch_to_only;
use crate::installables::PathSelection;
use crate::log_sink::ConsoleSink;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

/// Where paths come from and where they go.
type Stores = (Arc<dyn Store>, Arc<dyn Store>);

/// `copy [--from STORE] [--to STORE] PATH…`.
pub static COPY: Verb = Verb {
    path: &["copy"],
    about: "copy paths between stores",
    usage: "[--from STORE] [--to STORE] [--no-check-sigs] [--no-recursive] [--substitute-on-destination] [--profile LINK] [-o LINK] [--all] PATH…",
    only_firn: false,
    run,
};

fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut selection = PathSelection {
        recursive: true,
        ..PathSelection::default()
    };
    let (mut from, mut to, mut check_signatures, mut substitute) = (None, None, true, false);
    let (mut profile, mut out_link) = (None, None);
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => selection.installables.words.push(word),
            Arg::Flag(flag) => match flag.as_str() {
                "--from" => from = Some(args.value(&flag)?),
                "--to" => to = Some(args.value(&flag)?),
                "--profile" => profile = Some(args.value(&flag)?),
                "-o" | "--out-link" => out_link = Some(args.value(&flag)?),
                "--no-check-sigs" => check_signatures = false,
                "-s" | "--substitute-on-destination" => substitute = true,
                _ => {
                    if !selection.take(&flag, args, context)? {
                        context.take_common(&flag, args)?;
                    }
                }
            },
        }
    }
    context.settle();
    let (source, target) = context.open_two(from.as_deref(), to.as_deref())?;
    let recursive = std::mem::replace(&mut selection.recursive, false);
    let mut realisations = Vec::new();
    if !selection.all && !selection.derivation {
        let wanted = selection.installables.derived_paths(context, &source)?;
        let built: Vec<DerivedPath> = wanted
            .into_iter()
            .filter(|it| matches!(it, DerivedPath::Built { .. }))
            .collect();
        if !built.is_empty() {
            let results = source.build_paths_with_results(&built, BuildMode::Normal)?;
            if let Some(failed) = results.iter().find(|it| !it.status.is_success()) {
                return Err(Failure::message(failed.error.clone()));
            }
            if context.settings.is_enabled(Feature::CaDerivations) {
                let outputs = results.into_iter().flat_map(|it| it.outputs.into_values());
                realisations.extend(outputs);
            }
        }
    }
    let tops = selection.store_paths(context, &source)?;
    let paths = tops.iter().cloned().collect();
    let options = CopyOptions {
        repair: false,
        check_signatures,
        substitute,
        n_jobs: usize::try_from(context.settings.transfer.http_connections)
            .unwrap_or(0)
            .clamp(1, 32),
        events: ConsoleSink::shared(context),
    };
    if recursive {
        copy_closure(source.as_ref(), target.as_ref(), &paths, &options)?;
    } else {
        copy_paths(source.as_ref(), target.as_ref(), &paths, &options)?;
    }
    if let Some(link) = &profile {
        switch_to_only(context, target.as_ref(), link, &tops)?;
    }
    for (number, path) in tops.iter().enumerate() {
        if let Some(link) = &out_link {
            let link = link_name(link, number, "out");
            target.add_perm_root(path, Path::new(&link))?;
        }
    }
    for realisation in realisations {
        // The one that the store keeps may be signed.
        let kept = source.query_realisation(&realisation.id)?;
        target.register_realisation(&kept.unwrap_or(realisation), check_signatures)?;
    }
    Ok(0)
}

impl Context {
    /// Opens where something is copied from and where it goes; the store of the settings where one of
    /// them is not given.
    pub fn open_two(&self, from: Option<&str>, to: Option<&str>) -> Result<Stores, Failure> {
        if from.is_none() && to.is_none() {
            return Err(Failure::usage("you must pass '--from' and/or '--to'"));
        }
        let open = |url: Option<&str>| match url {
            Some(url) => self.open_store_url(url),
            None => self.open_store(),
        };
        Ok((open(from)?, open(to)?))
    }
}
