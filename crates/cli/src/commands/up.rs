//! `up`: runs the services of a project until they are no longer wanted.

use super::develop::Wanted;
use crate::services::Services;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

/// `up [INSTALLABLE]`.
pub static UP: Verb = Verb {
    path: &["up"],
    about: "run the services of a development shell until Ctrl-C",
    usage: "[-f FILE | --expr EXPR] [INSTALLABLE]",
    only_firn: true,
    run,
};

fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut wanted = Wanted::default();
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => wanted.word(word)?,
            Arg::Flag(flag) => wanted.take(&flag, args, context)?,
        }
    }
    context.settle();
    let context = &*context;
    let store = context.open_store()?;
    let captured = wanted.captured(context, &store)?;
    let mut services = Services::start(context, store.as_ref(), &captured.environment)?;
    for (name, value) in &services.variables {
        context.console.print_line(format!("{name}={value}"))?;
    }
    let outcome = services.watch();
    services.stop(context);
    outcome.map(|()| 0)
}
