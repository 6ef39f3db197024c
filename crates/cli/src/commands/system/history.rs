//! `system generations`: what this machine was, is, and can be again.

use firn_store::profile::Profile;
use firn_system::generations::{Generation, date, generations};
use serde_json::Value;

use super::Target;
use super::switch::{Switching, profile_of};
use crate::verbs::Verb;
use crate::{Args, Context, Failure};

/// `system generations`.
pub static GENERATIONS: Verb = Verb {
    path: &["system", "generations"],
    about: "list what this machine was and can be again",
    usage: "[--profile-name NAME] [--json]",
    only_firn: true,
    run,
};

fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut switching = Switching::new(firn_system::switch::Action::Check);
    let mut as_json = false;
    Target::default().take_all(args, context, |flag, args| match flag {
        "--json" => {
            as_json = true;
            Ok(true)
        }
        _ => switching.take(flag, args),
    })?;
    list(context, &switching.profile, as_json)
}

/// Lists the generations of a profile.
pub fn list(context: &Context, profile: &str, as_json: bool) -> Result<u8, Failure> {
    let store = context.open_local_store()?;
    list_profile(context, &profile_of(&store, profile), as_json)
}

/// Lists the generations of whatever has some.
pub fn list_profile(context: &Context, profile: &Profile, as_json: bool) -> Result<u8, Failure> {
    let mut found = generations(profile)?;
    found.reverse();
    if as_json {
        let shown: Vec<_> = found.iter().map(Generation::to_json).collect();
        context.console.print_line(Value::from(shown).to_string())?;
    } else {
        context.console.print(table(&found))?;
    }
    Ok(0)
}

fn table(generations: &[Generation]) -> String {
    let mut rows = vec![
        [
            "Generation",
            "Date",
            "Version",
            "Kernel",
            "Revision",
            "Variants",
            "Message",
        ]
        .map(str::to_owned),
    ];
    for it in generations {
        let mark = if it.is_current { " (current)" } else { "" };
        rows.push([
            format!("{}{mark}", it.number),
            date(it.created),
            it.version.clone(),
            it.kernel.clone().unwrap_or_default(),
            it.revision.clone().unwrap_or_default(),
            it.specialisations.join(" "),
            it.message.clone().unwrap_or_default(),
        ]);
    }
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..7).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths);
        let cells: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}
