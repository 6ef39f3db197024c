//! `repl`: a prompt. Reads lines, evaluates expressions, binds names, runs `:` commands.
//!
//! What a line asks for and whether it is finished is decided by the prompt's own crate. Here are
//! the scope and the evaluator (`session.rs`), the lines and the terminal (`lines.rs`),
//! documentation (`doc.rs`), and what reaches for the store, an editor or other programs
//! (`packages.rs`). An error ends a line, never the prompt; an interrupt ends an evaluation and
//! loses nothing.

mod debugger;
mod doc;
mod lines;
mod packages;
mod session;

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};

use firn_events::Level;
use firn_repl::Names;

use crate::evaluation::{Stop, evaluate};
use crate::flakes::Role;
use crate::installables::Installables;
use crate::program::NIX_VERSION;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure, interruption, sources};
use lines::{Line, Lines, Reading};
use session::{Next, Session, Talk};

pub(crate) use debugger::PromptDebugger;

/// `repl [-f FILE | --expr EXPR] [ATTRIBUTE…]`.
pub static REPL: Verb = Verb {
    path: &["repl"],
    about: "evaluate expressions at a prompt",
    usage: "[-f FILE | --expr EXPR] [ATTRIBUTE…]",
    only_firn: false,
    run,
};

/// Runs the prompt.
pub fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut installables = Installables {
        role: Role::Prompt,
        ..Installables::default()
    };
    if !context.settings.is_overridden("pure-eval") {
        context.settings.eval.pure_eval = false;
    }
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) => installables.words.push(word),
            Arg::Flag(flag) => {
                if !installables.take(&flag, args, context)? {
                    context.take_common(&flag, args)?;
                }
            }
        }
    }
    context.settle();
    welcome(context, installables.eval.debugger);
    let store = context.open_store()?;
    let context = &*context;
    evaluate(context, &installables.eval, &store, |evaluation| {
        let mut session = Session::new(evaluation, &installables)?;
        session.load_all(evaluation)?;
        let talk = Talk {
            session,
            evaluation,
        };
        converse(talk)
    })?;
    Ok(0)
}

/// Says who speaks, before the first prompt of a process.
fn welcome(context: &Context, with_debugger: bool) {
    static SAID: AtomicBool = AtomicBool::new(false);
    if SAID.swap(true, Ordering::Relaxed) {
        return;
    }
    let version = if context.program.is_firn() {
        context.program.version()
    } else {
        format!("Nix {NIX_VERSION}")
    };
    let what = if with_debugger { " debugger" } else { "" };
    let text = format!("{version}{what}\nType :? for help.");
    context.console.log(Level::Notice, &text);
}

/// Reads lines and does what they ask for, until one asks to stop; gives what that one said, if
/// there was one.
fn converse(mut talk: Talk<'_, '_, '_, '_>) -> Result<Next, Stop> {
    let console = talk.evaluation.context.console;
    let prompt = interruption::at_prompt(talk.evaluation.ctx.interrupter());
    let reading = Reading {
        console,
        parse: sources::parse_options(&talk.evaluation.context.settings),
        prompt: if talk.evaluation.context.program.is_firn() {
            "firn> "
        } else {
            "nix-repl> "
        },
        in_debugger: talk.session.in_debugger(),
    };
    talk.session.note_names(talk.evaluation);
    let talk = RefCell::new(talk);
    let names: &RefCell<dyn Names + '_> = &talk;
    let mut lines = Lines::open(reading, names);
    loop {
        let line = match lines.next()? {
            Line::End => {
                console.print_line("")?;
                return Ok(Next::Quit);
            }
            Line::Dropped => continue,
            Line::Input(line) => line,
        };
        let mut talk = talk.borrow_mut();
        prompt.begin();
        let outcome = talk.line(&line);
        prompt.end();
        match outcome {
            Ok(Next::Prompt) => {}
            Ok(next) => return Ok(next),
            Err(stop) => talk.say(stop)?,
        }
        talk.keep_only_what_is_named();
        console.print_line("")?;
    }
}
