//! `system build`: builds a system and touches nothing; with `--vm` it is the variant of it that
//! `system vm` starts, to be switched to from within.

use firn_events::Level;
use serde_json::{Value, json};

use super::Target;
use crate::commands::build::planned;
use crate::verbs::Verb;
use crate::{Args, Context, Failure, sources};

/// `system build [CONFIGURATION]`.
pub static BUILD: Verb = Verb {
    path: &["system", "build"],
    about: "build a system, and touch nothing",
    usage: "[-f FILE | --expr EXPR] [--host NAME] [-o LINK | --no-link] [--dry-run] [--json] [--print-out-paths] [--vm] [CONFIGURATION]",
    only_firn: true,
    run,
};

fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut target = Target::default();
    let mut link = Some("result".to_owned());
    let (mut dry_run, mut as_json, mut print_paths) = (false, false, false);
    let mut attribute = "toplevel";
    target.take_all(args, context, |flag, args| {
        match flag {
            "-o" | "--out-link" => link = Some(args.value(flag)?),
            "--no-link" => link = None,
            "--dry-run" => dry_run = true,
            "--json" => as_json = true,
            "--print-out-paths" => print_paths = true,
            "--vm" => attribute = "vmToplevel",
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let context = &*context;
    let store = context.open_store()?;
    if dry_run {
        let paths = target.instantiate(context, &store, attribute)?;
        context.say_missing(store.as_ref(), &paths, Level::Error)?;
        if as_json {
            let shown: Result<Vec<_>, _> =
                paths.iter().map(|it| planned(store.as_ref(), it)).collect();
            context
                .console
                .print_line(Value::from(shown?).to_string())?;
        }
        return Ok(0);
    }
    let path = target.build(context, &store, attribute)?;
    let shown = store.store_dir().print(&path);
    if let Some(link) = link {
        store.add_perm_root(&path, &sources::on_disk(&sources::absolute(&link)))?;
    }
    if as_json {
        context
            .console
            .print_line(json!({"path": shown}).to_string())?;
    } else if print_paths {
        context.console.print_line(shown)?;
    }
    Ok(0)
}
