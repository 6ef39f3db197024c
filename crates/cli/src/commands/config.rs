//! `config show`: the settings and their values.

use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

/// `config show [--json] [NAME]`.
pub static SHOW: Verb = Verb {
    path: &["config", "show"],
    about: "show all settings, or the value of one",
    usage: "[--json] [NAME]",
    only_firn: false,
    run: show,
};

fn show(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut json = false;
    let mut name = None;
    while let Some(arg) = args.next() {
        match arg {
            Arg::Flag(flag) if flag == "--json" => json = true,
            Arg::Flag(flag) => context.take_common(&flag, args)?,
            Arg::Word(word) if name.is_none() => name = Some(word),
            Arg::Word(word) => return Err(Failure::unexpected(&word)),
        }
    }
    context.settle();
    let settings = &context.settings;
    let all = context.program.is_firn();
    let text = match name {
        Some(_) if json => {
            return Err(Failure::usage(
                "'--json' is not supported when specifying a setting name",
            ));
        }
        Some(name) => {
            let value = settings.render(&name);
            value.ok_or_else(|| Failure::message(format!("could not find setting '{name}'")))?
                + "\n"
        }
        None if json => settings.show_json(all).to_string() + "\n",
        None => settings.show_text(all),
    };
    context.console.print(text)?;
    Ok(0)
}
