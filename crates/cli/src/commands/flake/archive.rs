//! `flake archive`, `flake prefetch` and `flake prefetch-inputs`: sources of flakes in the store.

use std::collections::BTreeSet;

use firn_events::Level;
use firn_fetch::{FINAL, Fetcher, UseRegistries, attrs};
use firn_flake::{Edge, LockFile};
use firn_store::{CopyOptions, copy_paths};
use firn_store_model::StorePath;
use serde_json::{Map, Value, json};

use super::FlakeArgs;
use crate::evaluation::Stop;
use crate::flakes::parse_here;
use crate::log_sink::ConsoleSink;
use crate::verbs::Verb;
use crate::{Args, Context, Failure, sources};

/// `flake archive [--json] [--dry-run] [--to STORE] [FLAKE]`.
pub static ARCHIVE: Verb = Verb {
    path: &["flake", "archive"],
    about: "copy a flake and all its inputs to a store",
    usage: "[--json] [--dry-run] [--to STORE] [--no-check-sigs] [FLAKE]",
    only_firn: false,
    run: archive,
};

/// `flake prefetch [--json] [-o LINK] [FLAKE]`.
pub static PREFETCH: Verb = Verb {
    path: &["flake", "prefetch"],
    about: "fetch the source of a flake",
    usage: "[--json] [-o LINK] [FLAKE]",
    only_firn: false,
    run: prefetch,
};

/// `flake prefetch-inputs [FLAKE]`.
pub static PREFETCH_INPUTS: Verb = Verb {
    path: &["flake", "prefetch-inputs"],
    about: "fetch the inputs of a flake",
    usage: "[FLAKE]",
    only_firn: false,
    run: prefetch_inputs,
};

fn archive(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let (mut as_json, mut dry_run, mut check_signatures, mut to) = (false, false, true, None);
    let wanted = FlakeArgs::parse(context, args, |flag, args, _| {
        match flag {
            "--json" => as_json = true,
            "--dry-run" => dry_run = true,
            "--no-check-sigs" => check_signatures = false,
            "--to" => to = Some(args.value(flag)?),
            "--pretty" | "--no-pretty" => {}
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let context = &*context;
    let store = context.open_store()?;
    let (own, inputs, paths) = wanted.with_locked(context, &store, |evaluation, locked| {
        let fetcher = evaluation.host.fetcher();
        let mut paths: BTreeSet<StorePath> = locked.flake.tree.iter().cloned().collect();
        let inputs = collect(fetcher, &locked.lock_file, 0, dry_run, &mut paths)?;
        Ok((locked.flake.tree, inputs, paths))
    })?;
    if as_json {
        let own = own.map(|it| store.store_dir().print(&it));
        let shown = json!({"inputs": inputs, "path": own});
        context.console.print_line(shown.to_string())?;
    }
    if let Some(to) = to.filter(|_| !dry_run) {
        let target = context.open_store_url(&to)?;
        let options = CopyOptions {
            repair: false,
            check_signatures,
            substitute: false,
            n_jobs: 8,
            events: ConsoleSink::shared(context),
        };
        copy_paths(store.as_ref(), target.as_ref(), &paths, &options)?;
    }
    Ok(0)
}

/// Fetches the inputs of a node, or only says where they would be.
fn collect(
    fetcher: &Fetcher,
    file: &LockFile,
    node: usize,
    dry_run: bool,
    paths: &mut BTreeSet<StorePath>,
) -> Result<Value, Stop> {
    let mut shown = Map::new();
    for (name, edge) in &file.nodes[node].inputs {
        let Edge::Node(child) = edge else {
            continue;
        };
        let mut entry = Map::new();
        let input = file.nodes[*child]
            .locked
            .as_ref()
            .map(|it| &it.locked.input);
        let inputs = collect(fetcher, file, *child, dry_run, paths)?;
        entry.insert("inputs".to_owned(), inputs);
        if let Some(input) = input.filter(|it| it.relative_path().is_none()) {
            let store_dir = fetcher.store().store_dir();
            let path = if dry_run {
                input.store_path(store_dir).map_err(Failure::from)?
            } else {
                let fetched = fetcher.fetch(input, UseRegistries::No);
                fetched.map_err(Failure::from)?.path
            };
            entry.insert("path".to_owned(), store_dir.print(&path).into());
            paths.insert(path);
        }
        shown.insert(name.clone(), entry.into());
    }
    Ok(shown.into())
}

fn prefetch(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let (mut as_json, mut link) = (false, None);
    let wanted = FlakeArgs::parse(context, args, |flag, args, _| {
        match flag {
            "--json" => as_json = true,
            "-o" | "--out-link" => link = Some(args.value(flag)?),
            "--pretty" | "--no-pretty" => {}
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let context = &*context;
    let store = context.open_store()?;
    let fetcher = context.fetcher(&store);
    let reference = parse_here(&fetcher, wanted.word(), false)?;
    let resolved = reference.resolve(&fetcher, UseRegistries::All)?;
    let fetched = fetcher.fetch(&resolved.input, UseRegistries::No)?;
    let path = store.store_dir().print(&fetched.path);
    let hash = fetched
        .input
        .nar_hash()?
        .map_or_else(String::new, |it| it.to_sri());
    let mut locked = firn_flake::FlakeRef {
        input: fetched.input,
        subdir: resolved.subdir.clone(),
    };
    // What is not stated by the input itself is given beside it.
    if resolved.input.nar_hash()?.is_none() && !matches!(locked.input.kind()?, "file" | "tarball") {
        locked.input.attrs.remove("narHash");
    }
    if as_json {
        let mut attributes = locked.to_attrs();
        attributes.remove(FINAL);
        let shown = json!({
            "hash": hash,
            "locked": attrs::to_json(&attributes),
            "original": attrs::to_json(&resolved.to_attrs()),
            "storePath": path,
        });
        context.console.print_line(shown.to_string())?;
    } else {
        context.console.log(
            Level::Notice,
            &format!("Downloaded '{locked}' to '{path}' (hash '{hash}')."),
        );
    }
    if let Some(link) = link {
        let link = sources::on_disk(&sources::absolute(&link));
        store.add_perm_root(&fetched.path, &link)?;
    }
    Ok(0)
}

fn prefetch_inputs(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let wanted = FlakeArgs::parse(context, args, |_, _, _| Ok(false))?;
    let context = &*context;
    let store = context.open_store()?;
    let n_failed = wanted.with_locked(context, &store, |evaluation, locked| {
        let fetcher = evaluation.host.fetcher();
        let inputs: Vec<_> = locked
            .lock_file
            .nodes
            .iter()
            .filter_map(|it| Some(&it.locked.as_ref()?.locked.input))
            .filter(|it| it.relative_path().is_none())
            .collect();
        let failed = std::thread::scope(|scope| {
            let fetches: Vec<_> = inputs
                .iter()
                .map(|input| scope.spawn(|| fetcher.fetch(input, UseRegistries::No).err()))
                .collect();
            let errors = fetches
                .into_iter()
                .filter_map(|it| it.join().ok().flatten());
            errors.collect::<Vec<_>>()
        });
        for error in &failed {
            context.console.say(Level::Error, &error.to_string());
        }
        Ok(failed.len())
    })?;
    Ok(u8::from(n_failed > 0))
}
