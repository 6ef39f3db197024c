//! The operations of `nix-env` that are about generations alone.

use std::collections::BTreeSet;

use firn_sys::clock::local_time;

use super::{Operation, Request, no_flags};
use crate::log_sink::ConsoleSink;
use crate::profiles::{older_than, profile_at, profile_link};
use crate::{Context, Failure};

pub(super) fn run(context: &Context, request: &Request) -> Result<(), Failure> {
    no_flags(request)?;
    let events = ConsoleSink::shared(context);
    let (profile, is_dry_run) = (&request.profile, request.is_dry_run);
    match (request.operation, request.words.as_slice()) {
        (Operation::SwitchProfile, [word]) => {
            let target = profile_at(word);
            let link = firn_store::profile::Profile::new(profile_link(context));
            link.switch_to(target.link())?;
        }
        (Operation::SwitchGeneration, [word]) => {
            let number = word
                .parse()
                .map_err(|_| Failure::usage("expected a generation number"))?;
            profile.switch_generation(Some(number), is_dry_run, &*events)?;
        }
        (Operation::SwitchProfile | Operation::SwitchGeneration, _) => {
            return Err(Failure::usage("exactly one argument expected"));
        }
        (Operation::DeleteGenerations, words) => delete(context, request, words)?,
        (_, [_, ..]) => return Err(Failure::usage("no arguments expected")),
        (Operation::Rollback, []) => profile.switch_generation(None, is_dry_run, &*events)?,
        (_, []) => list(context, request)?,
    }
    Ok(())
}

fn list(context: &Context, request: &Request) -> Result<(), Failure> {
    let _lock = request.profile.lock(&*ConsoleSink::shared(context))?;
    let (generations, current) = request.profile.generations()?;
    let mut text = String::new();
    for generation in generations {
        let time = local_time(generation.created)
            .ok_or_else(|| Failure::message("cannot convert time"))?;
        let mark = if Some(generation.number) == current {
            "(current)"
        } else {
            ""
        };
        text.push_str(&format!(
            "{:>4}   {:>4}-{:02}-{:02} {:02}:{:02}:{:02}   {mark}\n",
            generation.number, time.year, time.month, time.day, time.hour, time.minute, time.second
        ));
    }
    context.console.print(text)?;
    Ok(())
}

fn delete(context: &Context, request: &Request, words: &[String]) -> Result<(), Failure> {
    let events = ConsoleSink::shared(context);
    let (profile, is_dry_run) = (&request.profile, request.is_dry_run);
    match words {
        [word] if word == "old" => profile.delete_old_generations(is_dry_run, &*events)?,
        [word] if word.contains('d') => {
            let time = older_than(word)?;
            profile.delete_generations_older_than(time, is_dry_run, &*events)?;
        }
        [word] if word.contains('+') => {
            if word.len() < 2 {
                let message = format!("invalid number of generations '{word}'");
                return Err(Failure::message(message));
            }
            let keep = word[1..].parse().map_err(|_| {
                Failure::message(format!(
                    "invalid number of generations to keep '{}'",
                    &word[1..]
                ))
            })?;
            profile.delete_generations_beyond(keep, is_dry_run, &*events)?;
        }
        words => {
            let mut numbers = BTreeSet::new();
            for word in words {
                let number: u64 = word
                    .parse()
                    .map_err(|_| Failure::usage(format!("invalid generation number '{word}'")))?;
                numbers.insert(number);
            }
            let numbers: Vec<u64> = numbers.into_iter().collect();
            profile.delete_generations(&numbers, is_dry_run, &*events)?;
        }
    }
    Ok(())
}
