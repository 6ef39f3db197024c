//! `run` and `shell`: programs of packages, without installing them.
//!
//! What is built lies in a store whose files need not be where the paths say. Then the program is
//! started by a copy of this one that first moves into a namespace in which they are
//! ([`firn_sys::store_view`]). That has to be a fresh process: only one with a single thread may.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use firn_store::Store;
use firn_store_model::{DerivedPath, StorePath};

use super::build::{build, outputs_of};
use crate::evaluation::evaluate;
use crate::installables::{Installables, built_by};
use crate::packages::derivations_in;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

/// The first argument of the process that moves into the view of a store.
pub const IN_STORE_VIEW: &str = "__in-store-view";

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
    usage: "[-f FILE | --expr EXPR] [INSTALLABLE…] [-c COMMAND ARGUMENT…]",
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
    let mut command = Vec::new();
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => installables.words.push(word),
            Arg::Flag(flag) if flag == "-c" || flag == "--command" => command = args.rest(),
            Arg::Flag(flag) => take(&flag, &mut installables, context, args)?,
        }
    }
    context.settle();
    let context = &*context;
    let store = context.open_store()?;
    let paths = installables.derived_paths(context, &store)?;
    let outputs = realise(context, store.as_ref(), &paths)?;
    let store_dir = store.store_dir();
    let mut folders: Vec<OsString> = outputs
        .iter()
        .map(|output| format!("{}/bin", store_dir.print(output)).into())
        .collect();
    folders.extend(std::env::var_os("PATH"));
    let search = folders.join(std::ffi::OsStr::new(":"));
    if command.is_empty() {
        let own = std::env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into());
        command.push(own.to_string_lossy().into_owned());
    }
    let mut program = viewed(store.as_ref(), Path::new("/usr/bin/env"));
    program.args(&command).env("PATH", search);
    replace(program)
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

/// A command that runs `program` where the store's paths are what they say.
pub(crate) fn viewed(store: &dyn Store, program: &Path) -> Command {
    let logical = PathBuf::from(store.store_dir().as_str());
    let probe = StorePath::parse("00000000000000000000000000000000-x").ok();
    let physical = probe
        .and_then(|path| store.physical_path(&path))
        .and_then(|path| path.parent().map(Path::to_path_buf));
    match (physical, std::env::current_exe()) {
        (Some(physical), Ok(this)) if physical != logical => {
            let mut command = Command::new(this);
            command
                .arg(IN_STORE_VIEW)
                .args([&physical, &logical])
                .arg(program);
            command
        }
        _ => Command::new(program),
    }
}

/// Becomes the command.
pub(crate) fn replace(mut command: Command) -> Result<u8, Failure> {
    let error = command.exec();
    Err(Failure::message(format!(
        "unable to execute '{}': {error}",
        command.get_program().display()
    )))
}

/// Runs as the process that shows the store and then becomes a program: physical and logical store
/// directory, program, arguments.
pub fn serve_in_store_view(words: &[OsString]) -> ExitCode {
    let [physical, logical, program, rest @ ..] = words else {
        return ExitCode::FAILURE;
    };
    let entered = firn_sys::store_view::enter(Path::new(physical), Path::new(logical));
    let error = match entered {
        Ok(()) => Command::new(program).args(rest).exec(),
        Err(error) => error,
    };
    let console = crate::Console::new(crate::Program::Firn);
    let program = Path::new(program).display();
    let failure = Failure::message(format!("unable to execute '{program}': {error}"));
    ExitCode::from(failure.show(&console, "firn"))
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
