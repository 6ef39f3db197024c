//! `run` and `shell`: programs of packages, without installing them.

use std::collections::{HashSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use firn_store::Store;
use firn_store_model::{DerivedPath, StorePath};

use super::build::{build, outputs_of};
use crate::entering::{EnvironmentFlags, replace, viewed, with_environment};
use crate::evaluation::evaluate;
use crate::installables::{Installables, built_by};
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
    let context = &*context;
    let store = context.open_store()?;
    if !installables.are_evaluated(context) {
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
