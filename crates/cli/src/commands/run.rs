//! `run` and `shell`: programs of packages, without installing them.

use std::collections::{HashSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use firn_eval::{ContextElement, Symbol};
use firn_store::Store;
use firn_store_model::{
    DerivedPath, OutputName, OutputsSpec, SingleDerivedPath, StorePath, downstream_placeholder,
};
use serde_json::{Value, json};

use super::build::{build, outputs_of};
use crate::entering::{EnvironmentFlags, replace, viewed, with_environment};
use crate::evaluation::{Evaluation, Stop, evaluate};
use crate::flakes::Role;
use crate::installables::{Installables, built_by, store_installable};
use crate::packages::derivations_in;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

/// `run INSTALLABLE ARGUMENT…`.
pub static RUN: Verb = Verb {
    path: &["run"],
    about: "run a program of a package",
    usage: "[-f FILE | --expr EXPR] [INSTALLABLE] [-- ARGUMENT…]",
    only_firn: false,
    run,
};

/// `shell INSTALLABLE… -c COMMAND…`.
pub static SHELL: Verb = Verb {
    path: &["shell"],
    about: "start a shell, or a command, with packages on the search path",
    usage: "[-f FILE | --expr EXPR] [-i] [-k NAME] [-s NAME VALUE] [-u NAME] [INSTALLABLE…] [-c COMMAND ARGUMENT…]",
    only_firn: false,
    run: shell,
};

/// `env shell`, the longer name of `shell`.
pub static ENV_SHELL: Verb = Verb {
    path: &["env", "shell"],
    about: SHELL.about,
    usage: SHELL.usage,
    only_firn: false,
    run: shell,
};

fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut installables = Installables::default();
    let mut rest = Vec::new();
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) if installables.words.is_empty() => installables.words.push(word),
            Arg::Word(word) => {
                rest.push(word);
                rest.extend(args.rest());
            }
            Arg::Flag(flag) => take(&flag, &mut installables, context, args)?,
        }
    }
    context.settle();
    context.take_flake_settings(&installables)?;
    let context = &*context;
    let store = context.open_store()?;
    if !installables.are_evaluated(context) {
        let word = installables.words.first().map_or(".", String::as_str);
        if store_installable(context, store.as_ref(), word)?.is_none() {
            let installables = Installables {
                role: Role::App,
                ..installables
            };
            let app = App::named_by(context, &installables, &store)?;
            return app.start(context, store.as_ref(), &rest, |_| {});
        }
        let paths = installables.derived_paths(context, &store)?;
        let outputs = realise(context, store.as_ref(), &paths)?;
        let [only] = outputs.as_slice() else {
            return Err(Failure::message("'run' takes one store path"));
        };
        let name = program_name(only.name());
        return start(store.as_ref(), only, &name, &rest);
    }
    let (paths, name) = evaluate(context, &installables.eval, &store, |evaluation| {
        let args = evaluation.auto_args()?;
        let values = installables.values(evaluation)?;
        let value = *values.first().expect("no words stand for the root value");
        let packages = derivations_in(evaluation.ctx, value, args)?;
        let [package] = packages.as_slice() else {
            return Err(
                Failure::message("'run' takes one package; name an attribute of this set").into(),
            );
        };
        let name = package.main_program(evaluation.ctx)?;
        Ok((built_by(evaluation, value, args, None)?, name))
    })?;
    let outputs = realise(context, store.as_ref(), &paths)?;
    let has_program = |output: &&StorePath| {
        let physical = store.physical_path(output);
        physical.is_some_and(|path| path.join("bin").join(&name).exists())
    };
    let Some(output) = outputs.iter().find(has_program).or(outputs.first()) else {
        return Err(Failure::message("the package has no output"));
    };
    start(store.as_ref(), output, &name, &rest)
}

fn shell(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut installables = Installables::default();
    let mut flags = EnvironmentFlags::default();
    let mut command = Vec::new();
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => installables.words.push(word),
            Arg::Flag(flag) if flag == "-c" || flag == "--command" => command = args.rest(),
            Arg::Flag(flag) if flags.take(&flag, args)? => {}
            Arg::Flag(flag) => take(&flag, &mut installables, context, args)?,
        }
    }
    context.settle();
    flags.check()?;
    context.take_flake_settings(&installables)?;
    let context = &*context;
    let store = context.open_store()?;
    let paths = installables.derived_paths(context, &store)?;
    let outputs = realise(context, store.as_ref(), &paths)?;
    let mut environment = flags.apply();
    let mut folders = program_folders(store.as_ref(), outputs)?;
    folders.extend(environment.get(OsStr::new("PATH")).cloned());
    environment.insert("PATH".into(), folders.join(OsStr::new(":")));
    let program = match command.first() {
        Some(_) => OsString::from(command.remove(0)),
        None => std::env::var_os("SHELL").unwrap_or_else(|| "bash".into()),
    };
    let mut program = viewed(store.as_ref(), program);
    program.args(&command);
    with_environment(&mut program, environment);
    replace(program)
}

/// The folders of programs in outputs and in what these want beside them, outputs first in order.
fn program_folders(store: &dyn Store, outputs: Vec<StorePath>) -> Result<Vec<OsString>, Failure> {
    let store_dir = store.store_dir();
    let mut todo: VecDeque<StorePath> = outputs.into();
    let mut done = HashSet::new();
    let mut folders = Vec::new();
    while let Some(output) = todo.pop_front() {
        if !done.insert(output.clone()) {
            continue;
        }
        let logical = PathBuf::from(store_dir.print(&output));
        folders.push(logical.join("bin").into_os_string());
        let Some(physical) = store.physical_path(&output) else {
            continue;
        };
        if let Ok(target) = std::fs::read_link(&physical)
            && !store_dir.contains(
                logical
                    .parent()
                    .unwrap_or(&logical)
                    .join(&target)
                    .as_os_str()
                    .as_encoded_bytes(),
            )
        {
            return Err(Failure::message(format!(
                "path '{}' is not in the Nix store",
                target.join("bin").display()
            )));
        }
        let propagated = physical.join("nix-support/propagated-user-env-packages");
        if let Ok(text) = std::fs::read_to_string(propagated) {
            for word in text.split_whitespace() {
                let path = store_dir.parse(word);
                todo.push_back(path.map_err(|it| Failure::message(it.to_string()))?);
            }
        }
    }
    Ok(folders)
}

/// A program, and what has to be built for it.
pub struct App {
    program: String,
    paths: Vec<DerivedPath>,
    /// The working tree of the flake that it comes from.
    pub source: Option<PathBuf>,
}

impl App {
    /// The app that the one word of a command names; remembered.
    pub fn named_by(
        context: &Context,
        installables: &Installables,
        store: &Arc<dyn Store>,
    ) -> Result<Self, Failure> {
        let store_dir = store.store_dir().clone();
        let word = installables.words.first().map_or(".", String::as_str);
        let work = |evaluation: &mut Evaluation<'_, '_>| {
            let app = app_of(evaluation, word, installables.role)?;
            let paths = app.paths.iter().map(|it| it.print(&store_dir));
            let shown = json!({
                "program": app.program,
                "paths": paths.collect::<Vec<_>>(),
                "source": app.source.map(|it| it.to_string_lossy().into_owned()),
            });
            Ok(shown.to_string().into_bytes())
        };
        let shown = match installables.question(context, store, "app") {
            Some(question) => question.answer(context, store, work)?,
            None => evaluate(context, &installables.eval, store, work)?,
        };
        let shown: Value = serde_json::from_slice(&shown)
            .map_err(|error| Failure::message(format!("reading what was remembered: {error}")))?;
        let paths = shown["paths"].as_array().into_iter().flatten();
        let paths = paths.map(|it| {
            let path = DerivedPath::parse(&store_dir, it.as_str().unwrap_or_default());
            path.map_err(|error| Failure::message(error.to_string()))
        });
        Ok(Self {
            program: shown["program"].as_str().unwrap_or_default().to_owned(),
            paths: paths.collect::<Result<_, _>>()?,
            source: shown["source"].as_str().map(PathBuf::from),
        })
    }

    /// Builds what the program needs, and says where it is.
    pub fn build(&self, context: &Context, store: &dyn Store) -> Result<String, Failure> {
        let mut program = self.program.clone();
        for result in &build(context, store, &self.paths, firn_store::BuildMode::Normal)? {
            let DerivedPath::Built { drv, .. } = &result.path else {
                continue;
            };
            // Before the build, a placeholder stands for an output whose path follows from contents.
            for (name, path) in outputs_of(result) {
                if let Ok(placeholder) = downstream_placeholder(drv, name) {
                    program = program.replace(&placeholder, &store.store_dir().print(path));
                }
            }
        }
        if store.store_dir().split(program.as_bytes()).is_err() {
            return Err(Failure::message(format!(
                "app program '{program}' is not in the Nix store"
            )));
        }
        Ok(program)
    }

    /// Becomes the program.
    pub fn start(
        &self,
        context: &Context,
        store: &dyn Store,
        rest: &[String],
        change: impl FnOnce(&mut std::process::Command),
    ) -> Result<u8, Failure> {
        let program = self.build(context, store)?;
        let mut command = viewed(store, program);
        command.args(rest);
        change(&mut command);
        replace(command)
    }
}

/// The program that an output of a flake is or has.
pub fn app_of(evaluation: &mut Evaluation<'_, '_>, word: &str, role: Role) -> Result<App, Stop> {
    let output = evaluation.flake_output(word, role)?;
    let host = (**evaluation.host).clone();
    let source = output
        .reference
        .input
        .source_path(host.fetcher())
        .map_err(Failure::from)?;
    let ctx = &mut *evaluation.ctx;
    let path = &output.attr_path;
    let doing = "while evaluating a flake app";
    let wanted = if path.starts_with("apps.") || path.starts_with("defaultApp.") {
        "app"
    } else {
        "derivation"
    };
    let set = ctx.attrs(output.value, doing)?;
    let kind = match set.get(Symbol::intern(b"type")) {
        Some(kind) => {
            String::from_utf8_lossy(ctx.str_no_context(kind, doing)?.bytes()).into_owned()
        }
        None => String::new(),
    };
    if kind != wanted {
        let message = format!("attribute '{path}' should have type '{wanted}'");
        return Err(Failure::message(message).into());
    }
    let store_dir = host.store().store_dir().clone();
    if kind == "derivation" {
        let args = evaluation.auto_args()?;
        let packages = derivations_in(evaluation.ctx, output.value, args)?;
        let [package] = packages.as_slice() else {
            return Err(Failure::message(format!("attribute '{path}' is no package")).into());
        };
        let name = package.main_program(evaluation.ctx)?;
        let out = set.get(Symbol::intern(b"outPath"));
        let out =
            out.ok_or_else(|| Failure::message(format!("attribute '{path}' has no output")))?;
        let (out, _) = evaluation
            .ctx
            .coerce(out, firn_eval::Coercion::default(), doing)?;
        let paths = built_by(evaluation, output.value, args, None)?;
        return Ok(App {
            program: format!("{}/bin/{name}", String::from_utf8_lossy(&out)),
            paths,
            source,
        });
    }
    let program = ctx.attr(set, Symbol::intern(b"program"), doing)?;
    let (program, context) = ctx.coerce(program, firn_eval::Coercion::default(), doing)?;
    let mut paths = Vec::new();
    for element in ctx.heap().contexts().elements(context) {
        let parse = |text: &[u8]| {
            let parsed = store_dir.parse(text);
            parsed.map_err(|error| Failure::message(error.to_string()))
        };
        paths.push(match &element {
            ContextElement::Opaque(path) => DerivedPath::Opaque(parse(path)?),
            ContextElement::DrvDeep(drv) => DerivedPath::Built {
                drv: Arc::new(SingleDerivedPath::Opaque(parse(drv)?)),
                outputs: OutputsSpec::All,
            },
            ContextElement::Built { drv, output } => {
                let name = OutputName::parse(output)
                    .map_err(|error| Failure::message(error.to_string()))?;
                DerivedPath::Built {
                    drv: Arc::new(SingleDerivedPath::Opaque(parse(drv)?)),
                    outputs: OutputsSpec::one(name),
                }
            }
        });
    }
    let program = String::from_utf8_lossy(&program).into_owned();
    Ok(App {
        program,
        paths,
        source,
    })
}

fn take(
    flag: &str,
    installables: &mut Installables,
    context: &mut Context,
    args: &mut Args,
) -> Result<(), Failure> {
    if installables.take(flag, args, context)? {
        return Ok(());
    }
    context.take_common(flag, args)
}

/// Builds, and gives the outputs in order.
fn realise(
    context: &Context,
    store: &dyn Store,
    paths: &[DerivedPath],
) -> Result<Vec<StorePath>, Failure> {
    let results = build(context, store, paths, firn_store::BuildMode::Normal)?;
    let outputs = results
        .iter()
        .flat_map(|result| outputs_of(result).map(|(_, path)| path.clone()));
    Ok(outputs.collect())
}

/// A package's name without its version: what its program is called if nothing says otherwise.
pub fn program_name(name: &str) -> String {
    let version = name
        .match_indices('-')
        .find(|(at, _)| !name[at + 1..].starts_with(|first: char| first.is_ascii_alphabetic()));
    version.map_or(name, |(at, _)| &name[..at]).to_owned()
}

fn start(
    store: &dyn Store,
    output: &StorePath,
    name: &str,
    rest: &[String],
) -> Result<u8, Failure> {
    let inside = PathBuf::from("bin").join(name);
    let exists = store
        .physical_path(output)
        .is_some_and(|physical| physical.join(&inside).exists());
    let program = Path::new(&store.store_dir().print(output)).join(inside);
    if !exists {
        return Err(Failure::message(format!(
            "unable to execute '{}': the package has no such program; 'firn shell … -c PROGRAM' runs one by its name",
            program.display()
        )));
    }
    let mut command = viewed(store, &program);
    command.args(rest);
    replace(command)
}

#[cfg(test)]
mod tests {
    use super::program_name;

    #[test]
    fn a_version_begins_after_a_dash_that_no_letter_follows() {
        assert_eq!(program_name("hello-2.10"), "hello");
        assert_eq!(program_name("python3-minimal-3.11"), "python3-minimal");
        assert_eq!(program_name("tool"), "tool");
    }
}
