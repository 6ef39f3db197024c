//! What values and words could become: files, registry entries, inputs and outputs of flakes,
//! attributes of files, settings.

use std::path::Path;

use firn_eval::Symbol;
use firn_fetch::{RegistryKind, UseRegistries};
use firn_flake::{LockFlags, get_flake, lock_flake};
use firn_settings::{Feature, Settings};

use super::usage::Takes;
use super::{Answers, Kind, Line};
use crate::eval_flags::EvalFlags;
use crate::evaluation::{Evaluation, Stop, evaluate};
use crate::flakes::{Role, parse_here, parse_with_fragment};
use crate::installables::Installables;
use crate::verbs::Verb;
use crate::{Context, Failure, surroundings};

/// Finds what a word could become. Where something fails, that is left out.
pub(super) fn complete(
    context: &mut Context,
    verb: Option<&Verb>,
    line: &Line,
    takes: &Takes,
    prefix: &str,
    answers: &mut Answers,
) {
    context.settings.eval.pure_eval = line.file.is_none() && !line.impure;
    let found = match takes {
        Takes::Text => Ok(()),
        Takes::File => {
            files(prefix, false, answers);
            Ok(())
        }
        Takes::Directory => {
            files(prefix, true, answers);
            Ok(())
        }
        Takes::Setting => {
            for row in Settings::rows() {
                if row.name.starts_with(prefix) {
                    answers.add(row.name, &row.description());
                }
            }
            Ok(())
        }
        Takes::Choice(words) => {
            for word in words.iter().filter(|it| it.starts_with(prefix)) {
                answers.add(word, "");
            }
            Ok(())
        }
        Takes::Flake => references(context, prefix, answers),
        Takes::Input => inputs(context, &line.flakes(verb), prefix, answers),
        Takes::Installable if line.file.is_some() || line.expression.is_some() => {
            attributes(context, line, prefix, answers)
        }
        Takes::Installable => installables(context, verb, prefix, answers),
    };
    // Whoever asks for completions can do nothing about what is wrong with a file.
    drop(found);
}

fn expanded(word: &str) -> String {
    match word.strip_prefix("~/") {
        Some(rest) => surroundings::home().join(rest).display().to_string(),
        None => word.to_owned(),
    }
}

/// Files, or directories only, that begin like this.
fn files(prefix: &str, only_directories: bool, answers: &mut Answers) {
    answers.kind = Kind::Filenames;
    let prefix = expanded(prefix);
    let (directory, start) = match prefix.rsplit_once('/') {
        Some((directory, start)) => (format!("{directory}/"), start),
        None => (String::new(), prefix.as_str()),
    };
    let place = if directory.is_empty() {
        "."
    } else {
        &directory
    };
    for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let is_hidden = name.starts_with('.') && !start.starts_with('.');
        let is_wanted = !only_directories || Path::new(&entry.path()).is_dir();
        if name.starts_with(start) && !is_hidden && is_wanted {
            answers.add(format!("{directory}{name}"), "");
        }
    }
}

/// Directories and names of registries.
fn references(context: &Context, prefix: &str, answers: &mut Answers) -> Result<(), Failure> {
    if context.require(Feature::Flakes).is_err() {
        return Ok(());
    }
    if prefix.is_empty() {
        answers.add(".", "");
    }
    files(prefix, true, answers);
    let store = context.open_store()?;
    let fetcher = context.fetcher(&store);
    for kind in [
        RegistryKind::User,
        RegistryKind::System,
        RegistryKind::Global,
    ] {
        let Ok(registry) = fetcher.registry(kind) else {
            continue;
        };
        for entry in &registry.entries {
            let name = entry.from.show();
            let short = name.strip_prefix("flake:");
            let shown = match short {
                Some(short) if !prefix.starts_with("flake:") => short,
                _ => &name,
            };
            if shown.starts_with(prefix) {
                answers.add(shown, "");
            }
        }
    }
    Ok(())
}

/// Inputs of flakes.
fn inputs(
    context: &Context,
    flakes: &[String],
    prefix: &str,
    answers: &mut Answers,
) -> Result<(), Failure> {
    let store = context.open_store()?;
    let flags = EvalFlags::default();
    let names = evaluate(context, &flags, &store, |evaluation| {
        let mut names = Vec::new();
        for flake in flakes.iter().filter(|it| !it.is_empty()) {
            let host = (**evaluation.host).clone();
            let (reference, _) = parse_with_fragment(host.fetcher(), &expanded(flake), true)?;
            let flake = get_flake(evaluation.ctx, &host, &reference, UseRegistries::All, &[])?;
            names.extend(flake.inputs.into_keys());
        }
        Ok(names)
    })?;
    for name in names.iter().filter(|it| it.starts_with(prefix)) {
        answers.add(name, "");
    }
    Ok(())
}

/// Splits `a.b.c` into the way to a set and the beginning of a name in it.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('.').unwrap_or(("", path))
}

/// Attributes of a file or an expression.
fn attributes(
    context: &Context,
    line: &Line,
    prefix: &str,
    answers: &mut Answers,
) -> Result<(), Failure> {
    answers.kind = Kind::Attrs;
    let (way, start) = split(prefix);
    let installables = Installables {
        words: vec![way.to_owned()],
        file: line.file.clone(),
        expression: line.expression.clone(),
        ..Installables::default()
    };
    let store = context.open_store()?;
    let names = evaluate(context, &installables.eval, &store, |evaluation| {
        let value = installables.values(evaluation)?.into_iter().next();
        Ok(value.map_or_else(Vec::new, |it| names_in(evaluation, it)))
    })?;
    let way = if way.is_empty() {
        String::new()
    } else {
        format!("{way}.")
    };
    for name in names.iter().filter(|it| it.starts_with(start)) {
        answers.add(format!("{way}{name}"), "");
    }
    Ok(())
}

fn names_in<'h>(evaluation: &mut Evaluation<'_, 'h>, value: firn_eval::Val<'h>) -> Vec<String> {
    let Some(set) = value.as_set() else {
        return Vec::new();
    };
    let names = evaluation.ctx.attrs_by_name(set).into_iter();
    let lossy = |name: Symbol| String::from_utf8_lossy(name.as_bytes()).into_owned();
    names.map(|it| lossy(it.0)).collect()
}

/// References to flakes, or outputs of one.
fn installables(
    context: &Context,
    verb: Option<&Verb>,
    prefix: &str,
    answers: &mut Answers,
) -> Result<(), Failure> {
    let Some((reference, fragment)) = prefix.split_once('#') else {
        references(context, prefix, answers)?;
        return library(context, prefix, answers);
    };
    answers.kind = Kind::Attrs;
    let role = match verb.map(|it| it.path) {
        Some(["run"]) => Role::App,
        Some(["develop" | "print-dev-env"]) => Role::DevShell,
        _ => Role::Package,
    };
    let (dot, fragment) = match fragment.strip_prefix('.') {
        Some(fragment) => (".", fragment),
        None => ("", fragment),
    };
    let (defaults, mut prefixes) = role.outputs(&context.settings.build.system);
    if dot == "." {
        prefixes.clear();
    }
    prefixes.push(String::new());
    let (way, start) = split(fragment);
    let shown_way = if way.is_empty() {
        String::new()
    } else {
        format!("{way}.")
    };
    let flags = EvalFlags::default();
    let store = context.open_store()?;
    let found = evaluate(context, &flags, &store, |evaluation| {
        let outputs = outputs(evaluation, &expanded(reference))?;
        let mut found = Vec::new();
        for place in &prefixes {
            let place = format!("{place}{way}");
            let place = place.trim_end_matches('.');
            if let Ok(Ok(set)) = evaluation.along(outputs, place) {
                found.extend(names_in(evaluation, set));
            }
        }
        let has_default = defaults
            .iter()
            .any(|it| matches!(evaluation.along(outputs, it), Ok(Ok(_))));
        Ok((found, has_default))
    })?;
    for name in found.0.iter().filter(|it| it.starts_with(start)) {
        answers.add(format!("{reference}#{dot}{shown_way}{name}"), "");
    }
    if fragment.is_empty() && found.1 {
        answers.add(format!("{reference}#{dot}"), "");
    }
    Ok(())
}

fn outputs<'h>(
    evaluation: &mut Evaluation<'_, 'h>,
    reference: &str,
) -> Result<firn_eval::Val<'h>, Stop> {
    let host = (**evaluation.host).clone();
    let reference = parse_here(host.fetcher(), reference, false)?;
    let flags = LockFlags {
        write: false,
        ..LockFlags::default()
    };
    let locked = lock_flake(evaluation.ctx, &host, &reference, &flags)?;
    evaluation.outputs(&locked)
}

/// Names of the embedded library, which stand for themselves under our own name.
fn library(context: &Context, prefix: &str, answers: &mut Answers) -> Result<(), Failure> {
    let is_name = !prefix.is_empty() && !prefix.contains(['/', ':', '.']);
    if !context.program.is_firn() || !is_name {
        return Ok(());
    }
    let store = context.open_store()?;
    let flags = EvalFlags::default();
    let names = evaluate(context, &flags, &store, |evaluation| {
        let place = evaluation.library();
        let value = evaluation.ctx.eval_file(&place)?;
        let args = evaluation.auto_args()?;
        let (value, _) = evaluation.ctx.find_along_path(b"", args, value)?;
        let value = evaluation.ctx.force(value)?;
        Ok(names_in(evaluation, value))
    })?;
    for name in names.iter().filter(|it| it.starts_with(prefix)) {
        answers.add(name, "");
    }
    Ok(())
}
