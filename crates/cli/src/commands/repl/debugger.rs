//! The debugger: a prompt where evaluation fails, where `builtins.break` says so, and after each
//! step. The names at the place where it stopped are those of the prompt.

use std::sync::Arc;

use firn_eval::{Ctx, DebugFrame, Debugger, GoOn, Stopped, Symbol, name_text};
use firn_events::Level;
use firn_instantiate::StoreHost;
use firn_source::Span;

use super::session::{Next, Session, Talk};
use super::{converse, welcome};
use crate::eval_flags::EvalFlags;
use crate::evaluation::{Evaluation, Stop, failure_of};
use crate::installables::Installables;
use crate::{Context, Failure};

const BLUE: &str = "34;1";
const RED: &str = "31;1";
const MAGENTA: &str = "35;1";

/// Opens a prompt whenever evaluation stops.
pub(crate) struct PromptDebugger<'c> {
    host: Arc<StoreHost>,
    context: &'c Context,
    flags: &'c EvalFlags,
    installables: Installables,
}

impl<'c> PromptDebugger<'c> {
    /// A debugger of the evaluations of a command.
    pub(crate) fn new(host: Arc<StoreHost>, context: &'c Context, flags: &'c EvalFlags) -> Self {
        Self {
            host,
            context,
            flags,
            installables: Installables::default(),
        }
    }

    fn say_why(&self, ctx: &Ctx<'_>, why: Stopped<'_>) {
        let console = self.context.console;
        match why {
            Stopped::Error { error, in_try } => {
                failure_of(error, ctx, false).show(&console, &self.context.called_as);
                console.line("");
                if in_try {
                    console.line(
                        "This exception occurred in a 'tryEval' call. Use --ignore-try to skip these.\n",
                    );
                }
            }
            Stopped::Break => console.log(Level::Error, "info: breakpoint reached\n"),
            Stopped::Said | Stopped::Step => {}
        }
    }

    fn talk(&self, ctx: &mut Ctx<'_>) -> Result<Next, Stop> {
        let mut evaluation = Evaluation {
            ctx,
            host: &self.host,
            context: self.context,
            flags: self.flags,
        };
        welcome(self.context, true);
        let mut session = Session::new(&mut evaluation, &self.installables)?;
        session.look_at(&evaluation, 0);
        converse(Talk {
            session,
            evaluation: &mut evaluation,
        })
    }
}

impl<'h> Debugger<'h> for PromptDebugger<'_> {
    fn stopped(&mut self, ctx: &mut Ctx<'h>, why: Stopped<'_>) -> GoOn {
        self.say_why(ctx, why);
        match self.talk(ctx) {
            Ok(Next::Continue | Next::Prompt) => GoOn::Freely,
            Ok(Next::Step) => GoOn::OneStep,
            Ok(Next::Quit) => GoOn::End,
            Err(Stop::Evaluation(fail)) => {
                let error = ctx.take_error(fail);
                failure_of(&error, ctx, true).show(&self.context.console, &self.context.called_as);
                GoOn::End
            }
            Err(Stop::Failed(failure)) => {
                failure.show(&self.context.console, &self.context.called_as);
                GoOn::End
            }
        }
    }
}

impl<'h> Session<'_, 'h> {
    /// `:bt`.
    pub(super) fn show_frames(evaluation: &Evaluation<'_, 'h>) -> Result<(), Stop> {
        let frames = evaluation.ctx.debug_frames();
        for (number, frame) in frames.iter().enumerate() {
            show_frame(evaluation, number, frame)?;
        }
        Ok(())
    }

    /// `:env`.
    pub(super) fn show_environment(&self, evaluation: &Evaluation<'_, 'h>) -> Result<(), Stop> {
        let console = evaluation.context.console;
        let names = |names: &[Symbol]| {
            let names: Vec<String> = names.iter().map(|it| name_text(*it)).collect();
            console.paint(MAGENTA, &format!("{} ", names.join(" ")))
        };
        let levels = evaluation.ctx.debug_levels(self.frame());
        let n_levels = levels.len();
        for (number, level) in levels.into_iter().enumerate() {
            console.print_line(format!("Env level {number}"))?;
            console.print_line(format!("static: {}", names(&level.names)))?;
            if let Some(with) = &level.with {
                console.print_line(format!("with: {}", names(with)))?;
            }
            console.print_line("")?;
        }
        // The others are in `builtins`.
        let base = evaluation.ctx.global_names();
        let base: Vec<String> = base
            .into_iter()
            .filter(|it| !it.starts_with("__"))
            .collect();
        console.print_line(format!("Env level {n_levels}"))?;
        console.print_line(console.paint(MAGENTA, &base.join(" ")))?;
        console.print_line("")?;
        Ok(())
    }

    /// `:st`.
    pub(super) fn choose_frame(
        &mut self,
        evaluation: &Evaluation<'_, 'h>,
        argument: &str,
    ) -> Result<(), Stop> {
        let number = match argument {
            "" => self.frame(),
            text => text
                .parse()
                .map_err(|_| Failure::message(format!("'{text}' is not the number of a frame")))?,
        };
        let frames = evaluation.ctx.debug_frames();
        let Some(frame) = frames.get(number) else {
            let text = match frames.len() {
                0 => "there are no frames".to_owned(),
                n => format!("there is no frame {number}; the last one is {}", n - 1),
            };
            return Err(Failure::message(text).into());
        };
        show_frame(evaluation, number, frame)?;
        evaluation.context.console.print_line("")?;
        self.look_at(evaluation, number);
        self.show_environment(evaluation)
    }
}

fn show_frame(
    evaluation: &Evaluation<'_, '_>,
    number: usize,
    frame: &DebugFrame,
) -> Result<(), Stop> {
    let console = evaluation.context.console;
    let word = if frame.is_error {
        console.paint(RED, "error: ")
    } else {
        String::new()
    };
    let number = console.paint(BLUE, &number.to_string());
    console.print_line(format!("\n{number}: {word}{}", frame.text))?;
    if let Some(place) = frame.place {
        let span = Span::at(place.file, place.offset);
        console.print_line(console.quoted(span, evaluation.ctx.files()))?;
    }
    Ok(())
}
