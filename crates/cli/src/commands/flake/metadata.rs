//! `flake metadata`: what is known of a flake's source, and the tree of its inputs.

use std::collections::BTreeSet;

use firn_fetch::{attrs, date_of};
use firn_flake::{Edge, LockFile, LockedFlake, show_path};
use firn_instantiate::StoreHost;
use serde_json::{Map, Value};

use super::FlakeArgs;
use crate::verbs::Verb;
use crate::{Args, Console, Context, Failure};

/// `flake metadata [--json] [FLAKE]`.
pub static METADATA: Verb = Verb {
    path: &["flake", "metadata"],
    about: "show where a flake comes from and what its inputs are",
    usage: "[--json] [FLAKE]",
    only_firn: false,
    run: metadata,
};

/// The old name.
pub static INFO: Verb = Verb {
    path: &["flake", "info"],
    about: "old name of 'flake metadata'",
    usage: "[--json] [FLAKE]",
    only_firn: false,
    run: info,
};

fn info(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    context
        .console
        .warn("'nix flake info' is a deprecated alias for 'nix flake metadata'");
    metadata(context, args)
}

fn metadata(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut as_json = false;
    let wanted = FlakeArgs::parse(context, args, |flag, _, _| {
        as_json |= flag == "--json";
        Ok(matches!(flag, "--json" | "--pretty" | "--no-pretty"))
    })?;
    let context = &*context;
    let store = context.open_store()?;
    wanted.with_locked(context, &store, |evaluation, locked| {
        let host = evaluation.host;
        if as_json {
            context
                .console
                .print_line(as_value(host, &locked).to_string())?;
        } else {
            print(context.console, host, &locked)?;
        }
        Ok(())
    })?;
    Ok(0)
}

/// What stands for everything that evaluating the flake depends on, if that is fixed.
pub fn fingerprint(host: &StoreHost, locked: &LockedFlake) -> Option<String> {
    let fetcher = host.fetcher();
    let input = &locked.flake.locked.input;
    if locked.lock_file.unlocked(fetcher).is_some() {
        return None;
    }
    let tree = match input.rev_text() {
        Some(rev) => rev,
        None => input.nar_hash().ok()??.to_sri(),
    };
    let mut text = format!(
        "{tree};{};{}",
        locked.flake.locked.subdir,
        locked.lock_file.to_text()
    );
    if let Some(count) = input.rev_count() {
        text.push_str(&format!(";revCount={count}"));
    }
    if let Some(time) = input.last_modified() {
        text.push_str(&format!(";lastModified={time}"));
    }
    Some(firn_hash::Hasher::sha256(text.as_bytes()).to_base16())
}

fn store_path(host: &StoreHost, locked: &LockedFlake) -> String {
    let path = locked.flake.tree.as_ref();
    path.map_or_else(String::new, |it| host.store().store_dir().print(it))
}

fn as_value(host: &StoreHost, locked: &LockedFlake) -> Value {
    let flake = &locked.flake;
    let input = &flake.locked.input;
    let mut shown = Map::new();
    let mut set = |name: &str, value: Value| {
        shown.insert(name.to_owned(), value);
    };
    if let Some(description) = &flake.description {
        set("description", description.as_str().into());
    }
    set("originalUrl", flake.original.to_string().into());
    set("original", attrs::to_json(&flake.original.to_attrs()));
    set("resolvedUrl", flake.resolved.to_string().into());
    set("resolved", attrs::to_json(&flake.resolved.to_attrs()));
    set("url", flake.locked.to_string().into());
    set("locked", attrs::to_json(&flake.locked.to_attrs()));
    if let Some(rev) = input.rev_text() {
        set("revision", rev.into());
    }
    if let Ok(Some(rev)) = attrs::maybe_str(&input.attrs, "dirtyRev") {
        set("dirtyRevision", rev.into());
    }
    if let Some(count) = input.rev_count() {
        set("revCount", count.into());
    }
    if let Some(time) = input.last_modified() {
        set("lastModified", time.into());
    }
    set("path", store_path(host, locked).into());
    set("locks", locked.lock_file.to_json().0);
    if let Some(fingerprint) = fingerprint(host, locked) {
        set("fingerprint", fingerprint.into());
    }
    let mut shown = Value::Object(shown);
    shown.sort_all_objects();
    shown
}

/// A time of Greenwich as people write it.
fn time_text(seconds: u64) -> String {
    let (year, month, day) = date_of(seconds);
    let (hour, minute) = (seconds / 3600 % 24, seconds / 60 % 60);
    format!(
        "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{:02}",
        seconds % 60
    )
}

fn print(console: Console, host: &StoreHost, locked: &LockedFlake) -> Result<(), Failure> {
    let flake = &locked.flake;
    let input = &flake.locked.input;
    let line = |name: &str, value: &str| {
        let label = format!("{name}:");
        console.print_line(console.styled(&format!(
            "\x1b[1m{label}\x1b[0m{}{value}",
            " ".repeat(15 - label.len())
        )))
    };
    line("Resolved URL", &flake.resolved.to_string())?;
    if input.is_locked(host.fetcher()) {
        line("Locked URL", &flake.locked.to_string())?;
    }
    if let Some(description) = &flake.description {
        line("Description", description)?;
    }
    line("Path", &store_path(host, locked))?;
    if let Some(rev) = input.rev_text() {
        line("Revision", &rev)?;
    }
    if let Ok(Some(rev)) = attrs::maybe_str(&input.attrs, "dirtyRev") {
        line("Revision", rev)?;
    }
    if let Some(count) = input.rev_count() {
        line("Revisions", &count.to_string())?;
    }
    if let Some(time) = input.last_modified() {
        line("Last modified", &time_text(time))?;
    }
    if let Some(fingerprint) = fingerprint(host, locked) {
        line("Fingerprint", &fingerprint)?;
    }
    if !locked.lock_file.nodes[0].inputs.is_empty() {
        console.print_line(console.styled("\x1b[1mInputs:\x1b[0m"))?;
    }
    print_inputs(console, &locked.lock_file, 0, "", &mut BTreeSet::from([0]))
}

fn print_inputs(
    console: Console,
    file: &LockFile,
    node: usize,
    prefix: &str,
    seen: &mut BTreeSet<usize>,
) -> Result<(), Failure> {
    let inputs = &file.nodes[node].inputs;
    for (number, (name, edge)) in inputs.iter().enumerate() {
        let is_last = number + 1 == inputs.len();
        let branch = if is_last {
            "└───"
        } else {
            "├───"
        };
        let text = match edge {
            Edge::Follows(path) => {
                format!("\x1b[1m{name}\x1b[0m follows input '{}'", show_path(path))
            }
            Edge::Node(child) => {
                let locked = file.nodes[*child].locked.as_ref().map(|it| &it.locked);
                let time = locked.and_then(|it| it.input.last_modified());
                let time = time.map_or_else(String::new, |it| format!(" ({})", time_text(it)));
                let shown = locked.map_or_else(String::new, ToString::to_string);
                format!("\x1b[1m{name}\x1b[0m: {shown}{time}")
            }
        };
        console.print_line(console.styled(&format!("{prefix}{branch}{text}")))?;
        if let Edge::Node(child) = edge
            && seen.insert(*child)
        {
            let rest = if is_last { "    " } else { "│   " };
            print_inputs(console, file, *child, &format!("{prefix}{rest}"), seen)?;
        }
    }
    Ok(())
}
