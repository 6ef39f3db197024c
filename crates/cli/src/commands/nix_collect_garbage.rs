//! `nix-collect-garbage`: deletes old generations of profiles if asked to, then what nobody needs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use firn_events::Level;
use firn_store::profile::find_profiles;
use firn_store::{GcAction, GcOptions};

use super::nix_store::{parse_max_freed, print_freed};
use crate::log_sink::ConsoleSink;
use crate::profiles::{default_profile, profiles_directory};
use crate::{Arg, Args, Context, Failure};

/// Runs `nix-collect-garbage`.
pub fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut delete_old = false;
    let mut older_than = None;
    let mut dry_run = false;
    let mut max_freed = None;
    while let Some(arg) = args.next() {
        let flag = match arg {
            Arg::Word(word) => return Err(Failure::unexpected(&word)),
            Arg::Flag(flag) => flag,
        };
        match flag.as_str() {
            "--delete-old" | "-d" => delete_old = true,
            "--delete-older-than" => {
                delete_old = true;
                older_than = Some(args.plain_value(&flag)?);
            }
            "--dry-run" => dry_run = true,
            "--max-freed" => max_freed = Some(parse_max_freed(&args.plain_value(&flag)?)?),
            _ if context.took_version(&flag)? => return Ok(0),
            _ => context.take_common(&flag, args)?,
        }
    }
    context.settle();
    if max_freed.is_some() && dry_run {
        return Err(Failure::usage(
            "options --max-freed and --dry-run cannot be combined",
        ));
    }
    let store = context.open_store()?;
    if delete_old {
        let before = older_than
            .map(|spec| crate::profiles::older_than(&spec))
            .transpose()?;
        let events = ConsoleSink::shared(context);
        for directory in profile_directories(context)? {
            for profile in find_profiles(&directory)? {
                let link = profile.link().display();
                let text = format!("removing old generations of profile {link}");
                events.message(Level::Info, &text);
                match before {
                    Some(time) => {
                        profile.delete_generations_older_than(time, dry_run, events.as_ref())?;
                    }
                    None => profile.delete_old_generations(dry_run, events.as_ref())?,
                }
            }
        }
    }
    let action = if dry_run {
        GcAction::ReturnDead
    } else {
        GcAction::DeleteDead
    };
    let options = GcOptions {
        max_freed: max_freed.unwrap_or(u64::MAX),
        ..GcOptions::new(action)
    };
    let result = store.collect_garbage(&options)?;
    print_freed(context.console, &result, dry_run)?;
    Ok(0)
}

/// Where this user's profiles, and everyone's, may be.
fn profile_directories(context: &Context) -> Result<BTreeSet<PathBuf>, Failure> {
    let mut directories = BTreeSet::from([
        profiles_directory(context)?,
        context.state_dir().join("profiles"),
    ]);
    let default = default_profile(context);
    directories.extend(default.link().parent().map(Path::to_owned));
    Ok(directories)
}
