//! `build`: builds installables, links to the outputs and prints them.

use std::path::Path;

use firn_build::ExitFlags;
use firn_events::Level;
use firn_source::FileTable;
use firn_store::{BuildMode, BuildResult, BuildStatus, Store};
use firn_store_model::DerivedPath;
use serde_json::{Map, Value, json};

use super::nix_build::link_name;
use super::profile::switch_to_only;
use crate::failure::EXIT_ERROR;
use crate::installables::Installables;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure, Report};

/// `build INSTALLABLE…`.
pub static BUILD: Verb = Verb {
    path: &["build"],
    about: "build derivations or fetch store paths",
    usage: "[-f FILE | --expr EXPR] [-o LINK | --no-link] [--profile PATH] [--json] [--print-out-paths] [--dry-run] [--rebuild] [--debug-on-failure] [-k] [-K] [-L] [INSTALLABLE…]",
    only_firn: false,
    run,
};

struct Wanted {
    installables: Installables,
    out_link: Option<String>,
    as_json: bool,
    print_paths: bool,
    dry_run: bool,
    mode: BuildMode,
    profile: Option<String>,
}

fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut wanted = Wanted {
        installables: Installables::default(),
        out_link: Some("result".to_owned()),
        as_json: false,
        print_paths: false,
        dry_run: false,
        mode: BuildMode::Normal,
        profile: None,
    };
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => wanted.installables.words.push(word),
            Arg::Flag(flag) => match flag.as_str() {
                "-o" | "--out-link" => wanted.out_link = Some(args.value(&flag)?),
                "--no-link" => wanted.out_link = None,
                "--profile" => wanted.profile = Some(args.value(&flag)?),
                "--json" => wanted.as_json = true,
                "--pretty" | "--no-pretty" => {}
                "--print-out-paths" => wanted.print_paths = true,
                "--dry-run" => wanted.dry_run = true,
                "--rebuild" => wanted.mode = BuildMode::Check,
                "--repair" => wanted.mode = BuildMode::Repair,
                "-k" => context.settings.build.keep_going = true,
                "-K" => context.settings.build.keep_failed = true,
                "--debug-on-failure" if context.program.is_firn() => {
                    context.debug_on_failure = true;
                }
                _ => {
                    if !wanted.installables.take(&flag, args, context)? {
                        context.take_common(&flag, args)?;
                    }
                }
            },
        }
    }
    context.settle();
    context.take_flake_settings(&wanted.installables)?;
    let context = &*context;
    let store = context.open_store()?;
    let paths = wanted.installables.derived_paths(context, &store)?;
    if wanted.dry_run {
        if context.program.is_firn() {
            context.explain_missing(store.as_ref(), &paths)?;
        } else {
            context.say_missing(store.as_ref(), &paths, Level::Error)?;
        }
        if wanted.as_json {
            let shown: Result<Vec<_>, _> =
                paths.iter().map(|it| planned(store.as_ref(), it)).collect();
            context
                .console
                .print_line(Value::from(shown?).to_string())?;
        }
        return Ok(0);
    }
    if context.settings.interface.print_missing {
        context.say_missing(store.as_ref(), &paths, Level::Info)?;
    }
    let results = build(context, store.as_ref(), &paths, wanted.mode)?;
    if wanted.as_json {
        let shown: Vec<_> = results.iter().map(|it| built(store.as_ref(), it)).collect();
        context.console.print_line(Value::from(shown).to_string())?;
    }
    for (number, result) in results.iter().enumerate() {
        for (output, path) in outputs_of(result) {
            if let Some(link) = &wanted.out_link {
                let link = link_name(link, number, output);
                store.add_perm_root(path, Path::new(&link))?;
            }
            if wanted.print_paths {
                context.console.print_line(store.store_dir().print(path))?;
            }
        }
    }
    if let Some(profile) = &wanted.profile {
        let paths = results.iter().flat_map(outputs_of);
        let paths: Vec<_> = paths.map(|it| it.1.clone()).collect();
        switch_to_only(context, store.as_ref(), profile, &paths)?;
    }
    Ok(0)
}

/// Builds, and fails with what failed.
pub fn build(
    context: &Context,
    store: &dyn Store,
    paths: &[DerivedPath],
    mode: BuildMode,
) -> Result<Vec<BuildResult>, Failure> {
    let results = store.build_paths_with_results(paths, mode)?;
    let failed: Vec<_> = results
        .iter()
        .filter(|it| !it.status.is_success() && it.status != BuildStatus::Cancelled)
        .collect();
    if let (true, Some(ended)) = (
        failed.is_empty(),
        results.iter().find(|it| !it.status.is_success()),
    ) {
        return Err(Failure::message(ended.error.clone()));
    }
    let mut flags = ExitFlags::default();
    for result in &failed {
        flags.note(result.status);
    }
    // The reference's verb has no words for how a build failed.
    let code = if context.program.is_firn() {
        flags.exit_status()
    } else {
        EXIT_ERROR
    };
    match failed.as_slice() {
        [] => Ok(results),
        [only] => Err(Failure::with_code(code, only.error.clone())),
        several => {
            let mut names = Vec::new();
            for result in several {
                let report = Report::error(result.error.clone());
                context.console.report(&report, &FileTable::new());
                names.push(format!("'{}'", result.path.print(store.store_dir())));
            }
            let names = names.join(", ");
            Err(Failure::with_code(code, format!("build of {names} failed")))
        }
    }
}

/// Outputs by name; the name of a path that is no output is that of the main one.
pub fn outputs_of(
    result: &BuildResult,
) -> impl Iterator<Item = (&str, &firn_store_model::StorePath)> {
    let opaque = match &result.path {
        DerivedPath::Opaque(path) => Some(("out", path)),
        DerivedPath::Built { .. } => None,
    };
    let outputs = result
        .outputs
        .iter()
        .map(|(name, realisation)| (name.as_str(), &realisation.out_path));
    opaque.into_iter().chain(outputs)
}

/// What a request comes to, before it is built.
pub fn planned(store: &dyn Store, path: &DerivedPath) -> Result<Value, Failure> {
    let store_dir = store.store_dir();
    let DerivedPath::Built { outputs, .. } = path else {
        return Ok(store_dir.print(path.base_path()).into());
    };
    let mut shown = Map::new();
    for (name, path) in store.query_derivation_output_map(path.base_path())? {
        if outputs.contains(name.as_str()) {
            let path = path.map_or(Value::Null, |it| store_dir.print(&it).into());
            shown.insert(name.to_string(), path);
        }
    }
    Ok(json!({"drvPath": store_dir.print(path.base_path()), "outputs": shown}))
}

fn built(store: &dyn Store, result: &BuildResult) -> Value {
    let store_dir = store.store_dir();
    let DerivedPath::Built { .. } = &result.path else {
        return store_dir.print(result.path.base_path()).into();
    };
    let outputs: Map<_, _> = outputs_of(result)
        .map(|(name, path)| (name.to_owned(), store_dir.print(path).into()))
        .collect();
    let mut shown = json!({
        "drvPath": store_dir.print(result.path.base_path()),
        "outputs": outputs,
    });
    if let Some((user, system)) = result.cpu_time {
        shown["cpuSystem"] = json!(system as f64 / 1e6);
        shown["cpuUser"] = json!(user as f64 / 1e6);
    }
    let (start, stop) = result.time;
    if start != 0 {
        shown["startTime"] = start.into();
    }
    if stop != 0 {
        shown["stopTime"] = stop.into();
    }
    shown.sort_all_objects();
    shown
}
