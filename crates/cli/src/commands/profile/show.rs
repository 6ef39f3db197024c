//! What is in a profile, and how its versions differ: `profile list`, `history`, `diff-closures`;
//! `store diff-closures`.

use std::collections::BTreeSet;
use std::sync::Arc;

use firn_fetch::date_of;
use firn_profile::closure_difference::closure_difference;
use firn_profile::manifest::{Manifest, Package};
use firn_store::Store;
use firn_store_model::StorePath;

use super::{manifest_at, profile_of};
use crate::commands::build::{build, outputs_of};
use crate::installables::{Installables, follow_links};
use crate::size::render_growth;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

/// `profile list`.
pub static LIST: Verb = Verb {
    path: &["profile", "list"],
    about: "list the packages of a profile",
    usage: "[--profile PATH] [--json]",
    only_firn: false,
    run: list,
};

/// `profile history`.
pub static HISTORY: Verb = Verb {
    path: &["profile", "history"],
    about: "show what each version of a profile brought and took",
    usage: "[--profile PATH]",
    only_firn: false,
    run: history,
};

/// `profile diff-closures`.
pub static DIFF_CLOSURES: Verb = Verb {
    path: &["profile", "diff-closures"],
    about: "show how the closures of the versions of a profile differ",
    usage: "[--profile PATH]",
    only_firn: false,
    run: profile_closures,
};

/// `store diff-closures BEFORE AFTER`.
pub static STORE_DIFF_CLOSURES: Verb = Verb {
    path: &["store", "diff-closures"],
    about: "show which versions of which packages two closures differ in",
    usage: "[-f FILE | --expr EXPR] BEFORE AFTER",
    only_firn: false,
    run: store_closures,
};

#[derive(Default)]
struct Wanted {
    profile: Option<String>,
    as_json: bool,
}

impl Wanted {
    fn read(context: &mut Context, args: &mut Args) -> Result<Self, Failure> {
        let mut wanted = Self::default();
        let mut eval = crate::eval_flags::EvalFlags::default();
        while let Some(arg) = args.next() {
            match arg {
                Arg::Word(word) => return Err(Failure::unexpected(&word)),
                Arg::Flag(flag) => match flag.as_str() {
                    "--profile" => wanted.profile = Some(args.value(&flag)?),
                    "--json" => wanted.as_json = true,
                    _ if eval.take(&flag, args, context)? => {}
                    _ => context.take_common(&flag, args)?,
                },
            }
        }
        context.settle();
        Ok(wanted)
    }
}

fn list(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let wanted = Wanted::read(context, args)?;
    let context = &*context;
    let store = context.open_store()?;
    let profile = profile_of(context, wanted.profile.as_ref());
    let manifest = manifest_at(context, &store, profile.link())?;
    if wanted.as_json {
        let json = manifest.to_json(store.store_dir()).to_string();
        context.console.print_line(json)?;
    } else if context.program.is_firn() {
        list_in_columns(context, &manifest)?;
    } else {
        for (number, (name, package)) in manifest.packages.iter().enumerate() {
            if number > 0 {
                context.console.print_line("")?;
            }
            list_one(context, store.as_ref(), name, package)?;
        }
    }
    Ok(0)
}

fn list_one(
    context: &Context,
    store: &dyn Store,
    name: &str,
    package: &Package,
) -> Result<(), Failure> {
    let mark = if package.active {
        ""
    } else {
        " \x1b[31;1m(inactive)\x1b[0m"
    };
    let mut text = format!("Name:               \x1b[1m{name}\x1b[0m{mark}\n");
    if let Some(source) = &package.source {
        let outputs = source.outputs_text();
        text.push_str(&format!(
            "Flake attribute:    {}{outputs}\nOriginal flake URL: {}\nLocked flake URL:   {}\n",
            source.attr_path, source.original_url, source.url
        ));
    }
    let paths = package.store_paths.iter();
    let paths: Vec<_> = paths.map(|it| store.store_dir().print(it)).collect();
    text.push_str(&format!("Store paths:        {}", paths.join(" ")));
    context.console.print_line(text)?;
    Ok(())
}

/// Our own layout: a line for each package.
fn list_in_columns(context: &Context, manifest: &Manifest) -> Result<(), Failure> {
    if manifest.packages.is_empty() {
        let text = "the profile is empty; 'firn profile add NAME' installs something";
        context.console.log(firn_events::Level::Notice, text);
        return Ok(());
    }
    let heading = ["Name", "Version", "Priority", "From"].map(str::to_owned);
    let mut rows = vec![heading.to_vec()];
    for (name, package) in &manifest.packages {
        let mark = if package.active { "" } else { " (inactive)" };
        rows.push(vec![
            format!("{name}{mark}"),
            package.versions(),
            package.priority.to_string(),
            origin(package),
        ]);
    }
    let mut lines = in_columns(&rows).into_iter();
    let heading = lines.next().unwrap_or_default();
    let mut text = context.console.styled(&format!("\x1b[1m{heading}\x1b[0m"));
    for line in lines {
        text.push('\n');
        text.push_str(&line);
    }
    context.console.print_line(text)?;
    Ok(())
}

/// Where a package is from, in a few words.
fn origin(package: &Package) -> String {
    match &package.source {
        Some(source) if source.original_url == crate::named::LIBRARY => {
            format!("stdlib#{}{}", source.attr_path, source.outputs_text())
        }
        Some(source) => source.to_string(),
        None => "a store path".to_owned(),
    }
}

/// Rows as lines; every column but the last is as wide as its widest cell.
fn in_columns(rows: &[Vec<String>]) -> Vec<String> {
    let n_columns = rows.first().map_or(0, Vec::len);
    let length = |cell: &String| cell.chars().count();
    let width = |column: usize| rows.iter().map(|row| length(&row[column])).max();
    let widths: Vec<usize> = (0..n_columns).map(|it| width(it).unwrap_or(0)).collect();
    let lines = rows.iter().map(|row| {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width - length(cell) + 2));
        }
        line.trim_end().to_owned()
    });
    lines.collect()
}

/// What an operation changed, in our own layout: `+` for what came, `-` for what went, `~` for what
/// has another version or place now.
pub(super) fn changes(
    context: &Context,
    before: &Manifest,
    after: &Manifest,
) -> Result<(), Failure> {
    let names: BTreeSet<_> = before
        .packages
        .keys()
        .chain(after.packages.keys())
        .collect();
    let mut rows = Vec::new();
    for name in names {
        let row = match (before.packages.get(name), after.packages.get(name)) {
            (None, Some(new)) => ["+", name, &new.versions(), &origin(new)].map(str::to_owned),
            (Some(old), None) => ["-", name, &old.versions(), ""].map(str::to_owned),
            (Some(old), Some(new)) if old != new => {
                let (from, to) = (old.versions(), new.versions());
                let versions = if from == to {
                    to
                } else {
                    format!("{from} → {to}")
                };
                ["~", name, &versions, &difference(old, new)].map(str::to_owned)
            }
            _ => continue,
        };
        rows.push(row.to_vec());
    }
    if rows.is_empty() {
        context.console.print_line("nothing changed")?;
        return Ok(());
    }
    for line in in_columns(&rows) {
        let colour = match line.as_bytes().first() {
            Some(b'+') => "32",
            Some(b'-') => "31",
            _ => "33",
        };
        let (sign, rest) = line.split_at(1);
        let line = format!("\x1b[{colour};1m{sign}\x1b[0m{rest}");
        context.console.print_line(context.console.styled(&line))?;
    }
    Ok(())
}

/// What else differs between two states of a package than its version.
fn difference(old: &Package, new: &Package) -> String {
    if old.priority != new.priority {
        return format!("priority {} → {}", old.priority, new.priority);
    }
    if old.store_paths == new.store_paths {
        return "the same contents".to_owned();
    }
    String::new()
}

fn history(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let wanted = Wanted::read(context, args)?;
    let context = &*context;
    let store = context.open_store()?;
    let profile = profile_of(context, wanted.profile.as_ref());
    let (generations, current) = profile.generations()?;
    let mut previous: Option<(u64, Manifest)> = None;
    for generation in generations {
        let manifest = manifest_at(context, &store, &generation.link)?;
        let seconds = u64::try_from(generation.created).unwrap_or(0);
        let (year, month, day) = date_of(seconds);
        let style = if Some(generation.number) == current {
            "\x1b[32;1m"
        } else {
            "\x1b[1m"
        };
        let mut text = String::new();
        if previous.is_some() {
            text.push('\n');
        }
        text.push_str(&format!(
            "Version {style}{}\x1b[0m ({year:04}-{month:02}-{day:02})",
            generation.number
        ));
        if let Some((number, _)) = &previous {
            text.push_str(&format!(" <- {number}"));
        }
        text.push_str(":\n");
        let nothing = Manifest::default();
        let before = previous.as_ref().map_or(&nothing, |it| &it.1);
        text.push_str(&differences(before, &manifest));
        context.console.print(context.console.styled(&text))?;
        previous = Some((generation.number, manifest));
    }
    Ok(0)
}

fn differences(before: &Manifest, after: &Manifest) -> String {
    let names: BTreeSet<_> = before
        .packages
        .keys()
        .chain(after.packages.keys())
        .collect();
    let mut text = String::new();
    for name in names {
        let (old, new) = (before.packages.get(name), after.packages.get(name));
        let Some(named) = old.or(new) else {
            continue;
        };
        let versions = |it: Option<&Package>| it.map_or("∅".to_owned(), Package::versions);
        let (from, to) = (versions(old), versions(new));
        if from != to || old.is_none() || new.is_none() {
            text.push_str(&format!("  {}: {from} -> {to}\n", named.identifier()));
        }
    }
    if text.is_empty() {
        text.push_str("  No changes.\n");
    }
    text
}

fn profile_closures(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let wanted = Wanted::read(context, args)?;
    let context = &*context;
    let store = context.open_store()?;
    let profile = profile_of(context, wanted.profile.as_ref());
    let (generations, _) = profile.generations()?;
    for (number, pair) in generations.windows(2).enumerate() {
        if number > 0 {
            context.console.print_line("")?;
        }
        let title = format!("Version {} -> {}:", pair[0].number, pair[1].number);
        context.console.print_line(title)?;
        let path = |link: &std::path::Path| -> Result<StorePath, Failure> {
            // Where links name the place of the files, the name of the object is all there is.
            let word = link.to_string_lossy();
            if let Some(path) = follow_links(store.as_ref(), &word)? {
                return Ok(path);
            }
            let target = std::fs::read_link(link)?;
            let name = target.file_name().unwrap_or_default();
            let path = StorePath::parse(name.as_encoded_bytes());
            path.map_err(|it| Failure::message(it.to_string()))
        };
        let (before, after) = (path(&pair[0].link)?, path(&pair[1].link)?);
        show_difference(context, store.as_ref(), &before, &after, "  ")?;
    }
    Ok(0)
}

/// Prints what is different between two closures.
pub(crate) fn show_difference(
    context: &Context,
    store: &dyn Store,
    before: &StorePath,
    after: &StorePath,
    indent: &str,
) -> Result<(), Failure> {
    for package in closure_difference(store, before, after)? {
        let mut items: Vec<String> = package.versions().into_iter().collect();
        if package.growth != 0 {
            let colour = if package.growth > 0 { "31;1" } else { "32;1" };
            let growth = render_growth(package.growth);
            items.push(format!("\x1b[{colour}m{growth}\x1b[0m"));
        }
        let line = format!("{indent}{}: {}", package.name, items.join(", "));
        context.console.print_line(context.console.styled(&line))?;
    }
    Ok(())
}

fn store_closures(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut installables = Installables::default();
    let mut of_derivations = false;
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) if installables.words.len() < 2 => installables.words.push(word),
            Arg::Word(word) => return Err(Failure::unexpected(&word)),
            Arg::Flag(flag) if flag == "--derivation" => of_derivations = true,
            Arg::Flag(flag) => {
                if !installables.take(&flag, args, context)? {
                    context.take_common(&flag, args)?;
                }
            }
        }
    }
    context.settle();
    if installables.words.len() < 2 {
        return Err(Failure::usage("more arguments are required"));
    }
    let context = &*context;
    let store = context.open_store()?;
    let mut paths = Vec::new();
    for named in installables.each(context, &store)? {
        paths.push(only_path(context, &store, &named.paths, of_derivations)?);
    }
    let [before, after] = paths.as_slice() else {
        return Err(Failure::message("two paths are needed"));
    };
    show_difference(context, store.as_ref(), before, after, "")?;
    Ok(0)
}

/// The one store path that something comes to, built if need be.
fn only_path(
    context: &Context,
    store: &Arc<dyn Store>,
    paths: &[firn_store_model::DerivedPath],
    of_derivation: bool,
) -> Result<StorePath, Failure> {
    let mut found = Vec::new();
    if of_derivation {
        found.extend(paths.iter().map(|it| it.base_path().clone()));
    } else {
        let results = build(
            context,
            store.as_ref(),
            paths,
            firn_store::BuildMode::Normal,
        )?;
        for result in &results {
            found.extend(outputs_of(result).map(|it| it.1.clone()));
        }
    }
    match found.as_slice() {
        [path] => Ok(path.clone()),
        several => Err(Failure::message(format!(
            "each argument has to be one store path, but one is {}",
            several.len()
        ))),
    }
}
