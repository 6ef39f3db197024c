//! `profile rollback`, `profile wipe-history`.

use crate::log_sink::ConsoleSink;
use crate::profiles::older_than;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

use super::{manifest_at, profile_of, show};

/// `profile rollback`.
pub static ROLLBACK: Verb = Verb {
    path: &["profile", "rollback"],
    about: "go back to an earlier version of a profile",
    usage: "[--profile PATH] [--to VERSION] [--dry-run]",
    only_firn: false,
    run: rollback,
};

/// `profile wipe-history`.
pub static WIPE_HISTORY: Verb = Verb {
    path: &["profile", "wipe-history"],
    about: "delete the versions of a profile that are not current",
    usage: "[--profile PATH] [--older-than DAYSd] [--dry-run]",
    only_firn: false,
    run: wipe_history,
};

#[derive(Default)]
struct Wanted {
    profile: Option<String>,
    value: Option<String>,
    is_dry_run: bool,
}

impl Wanted {
    /// Reads a command line with one more flag, which has a value.
    fn read(context: &mut Context, args: &mut Args, name: &str) -> Result<Self, Failure> {
        let mut wanted = Self::default();
        while let Some(arg) = args.next() {
            match arg {
                Arg::Word(word) => return Err(Failure::unexpected(&word)),
                Arg::Flag(flag) => match flag.as_str() {
                    "--profile" => wanted.profile = Some(args.value(&flag)?),
                    "--dry-run" => wanted.is_dry_run = true,
                    other if other == name => wanted.value = Some(args.value(&flag)?),
                    _ => context.take_common(&flag, args)?,
                },
            }
        }
        context.settle();
        Ok(wanted)
    }
}

fn rollback(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let wanted = Wanted::read(context, args, "--to")?;
    let number = wanted.value.map(|it| {
        let number = it.parse::<u64>();
        number.map_err(|_| Failure::usage(format!("'{it}' is not the number of a version")))
    });
    let number = number.transpose()?;
    let profile = profile_of(context, wanted.profile.as_ref());
    let shows_changes = context.program.is_firn() && !wanted.is_dry_run;
    let before = if shows_changes {
        let store = context.open_store()?;
        Some(manifest_at(context, &store, profile.link())?)
    } else {
        None
    };
    profile.switch_generation(number, wanted.is_dry_run, &*ConsoleSink::shared(context))?;
    if let Some(before) = before {
        let store = context.open_store()?;
        let after = manifest_at(context, &store, profile.link())?;
        show::changes(context, &before, &after)?;
    }
    Ok(0)
}

fn wipe_history(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let wanted = Wanted::read(context, args, "--older-than")?;
    let profile = profile_of(context, wanted.profile.as_ref());
    let events = ConsoleSink::shared(context);
    match &wanted.value {
        Some(age) => {
            let time = older_than(age)?;
            profile.delete_generations_older_than(time, wanted.is_dry_run, &*events)?;
        }
        None => profile.delete_old_generations(wanted.is_dry_run, &*events)?,
    }
    Ok(0)
}
