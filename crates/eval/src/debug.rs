//! What a debugger sees, and where it stops.
//!
//! Code for a debugger ([`EvalOptions::debug`](crate::EvalOptions)) has marks around calls,
//! selections and bodies. While the machine is inside of one, a [`Stop`] says where it is and what
//! its names are. The debugger is asked when an error is made, at `builtins.break`, and, if it asked
//! for steps, at each mark; while it has the word, nothing stops again.

use firn_ir::{LEVEL_WORDS, Level, NodeId};
use firn_source::FileOrigin;
use firn_symbol::Symbol;

use crate::ctx::{Ctx, Res, Val};
use crate::error::{ErrorKind, EvalError, Fail, Place};
use crate::machine::{Env, field};
use crate::source::Scope;

/// Why evaluation has stopped.
#[derive(Clone, Copy, Debug)]
pub enum Stopped<'a> {
    /// Something fails.
    Error {
        /// The error, without a trace.
        error: &'a EvalError,
        /// Whether this is inside of `builtins.tryEval`, which may catch it.
        in_try: bool,
    },
    /// `builtins.break`.
    Break,
    /// `builtins.trace` or `builtins.warn` has said something.
    Said,
    /// The step that was asked for is done.
    Step,
}

/// How evaluation goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoOn {
    /// To the next error or `builtins.break`.
    Freely,
    /// To the next mark.
    OneStep,
    /// Not at all.
    End,
}

/// Whom the machine asks where it stops.
pub trait Debugger<'h> {
    /// Evaluation has stopped. The context can evaluate and answers [`Ctx::debug_frames`] and the
    /// like.
    fn stopped(&mut self, ctx: &mut Ctx<'h>, why: Stopped<'_>) -> GoOn;
}

/// A step of what is being evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebugFrame {
    /// What is being done, or what went wrong.
    pub text: String,
    /// Where.
    pub place: Option<Place>,
    /// Whether it is the error that evaluation has stopped at.
    pub is_error: bool,
}

/// Names that came into scope together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebugLevel {
    /// Variables.
    pub names: Vec<Symbol>,
    /// The attributes of the set of a `with`, if that has been evaluated.
    pub with: Option<Vec<Symbol>>,
}

/// A mark that the machine is inside of.
#[derive(Clone, Copy)]
struct Stop<'h> {
    env: Env<'h>,
    node: NodeId,
}

/// A debugger and what it is told of.
pub(crate) struct Debug<'h> {
    /// Absent while it has the word.
    debugger: Option<Box<dyn Debugger<'h> + 'h>>,
    stops: Vec<Stop<'h>>,
    is_stepping: bool,
    /// How many `builtins.tryEval` are around.
    n_tries: usize,
    /// What evaluation has stopped at, if it is not a mark.
    at: Option<DebugFrame>,
    /// Whether the evaluation under way is to end without a further stop.
    is_ending: bool,
}

impl Debug<'_> {
    fn can_stop(&self) -> bool {
        self.debugger.is_some() && !self.stops.is_empty() && !self.is_ending
    }
}

impl<'h> Ctx<'h> {
    /// Evaluates with a debugger from now on. The options have to say so.
    pub fn debug(&mut self, debugger: Box<dyn Debugger<'h> + 'h>) {
        self.debug = Some(Box::new(Debug {
            debugger: Some(debugger),
            stops: Vec::new(),
            is_stepping: false,
            n_tries: 0,
            at: None,
            is_ending: false,
        }));
    }

    /// Evaluates what is behind a mark.
    #[cold]
    #[inline(never)]
    pub(crate) fn stop_node(&mut self, env: &Env<'h>, id: NodeId) -> Res<'h> {
        let body = env.node(id).a;
        let Some(debug) = &mut self.debug else {
            return self.eval(env, body);
        };
        let n_stops = debug.stops.len();
        // Another evaluation begins, at a prompt perhaps.
        debug.is_ending &= n_stops > 0;
        debug.stops.push(Stop {
            env: *env,
            node: id,
        });
        let result = if debug.is_stepping {
            self.stop(Stopped::Step)
        } else {
            Ok(())
        };
        let result = result.and_then(|()| self.eval(env, body));
        if let Some(debug) = &mut self.debug {
            debug.stops.truncate(n_stops);
        }
        result
    }

    /// Asks the debugger about the error in flight.
    #[cold]
    pub(crate) fn stop_at_failure(&mut self) {
        let (Some(debug), Some(error)) = (&mut self.debug, &self.error) else {
            return;
        };
        let in_try = debug.n_tries > 0;
        let is_private = matches!(
            error.kind,
            ErrorKind::GaveUp | ErrorKind::Interrupted | ErrorKind::Left
        );
        let is_passed = in_try && self.shared.options.debug.is_some_and(|it| it.ignore_try);
        if is_private || is_passed || !debug.can_stop() {
            return;
        }
        let Some(mut error) = self.error.take() else {
            return;
        };
        debug.at = Some(DebugFrame {
            text: error.message.clone(),
            place: error.place,
            is_error: true,
        });
        let why = Stopped::Error {
            error: &error,
            in_try,
        };
        let goes_on = self.ask(why);
        if !goes_on && error.kind.is_catchable() {
            // Who wants to end does not want it caught.
            error.kind = ErrorKind::Eval;
        }
        self.error = Some(error);
    }

    /// Stops at `builtins.break`.
    pub fn stop_at_break(&mut self) -> Result<(), Fail> {
        let place = self.stop_place();
        let Some(debug) = &mut self.debug else {
            return Ok(());
        };
        debug.at = Some(DebugFrame {
            text: "breakpoint reached".to_owned(),
            place,
            is_error: true,
        });
        self.stop(Stopped::Break)
    }

    /// Stops after `builtins.trace`, or `builtins.warn` if that is what `warns` says, where this is
    /// wanted.
    pub fn stop_at_message(&mut self, warns: bool) -> Result<(), Fail> {
        let options = self.shared.options.debug.unwrap_or_default();
        if options.on_trace || (warns && options.on_warn) {
            return self.stop(Stopped::Said);
        }
        Ok(())
    }

    /// Does what `builtins.tryEval` does while the debugger knows that an error may be caught.
    pub fn trying<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        if let Some(debug) = &mut self.debug {
            debug.n_tries += 1;
        }
        let result = work(self);
        if let Some(debug) = &mut self.debug {
            debug.n_tries -= 1;
        }
        result
    }

    #[cold]
    fn stop(&mut self, why: Stopped<'_>) -> Result<(), Fail> {
        if !self.debug.as_deref().is_some_and(Debug::can_stop) || self.ask(why) {
            return Ok(());
        }
        let mut error = EvalError::new(ErrorKind::Left, "evaluation was ended in the debugger");
        error.exit_status = Some(0);
        Err(self.fail(error))
    }

    /// Gives the debugger the word; whether evaluation goes on.
    fn ask(&mut self, why: Stopped<'_>) -> bool {
        /// So that something can still be called where there were too many calls.
        const MORE_CALLS: usize = 1_000;
        let Some(mut debugger) = self.debug.as_mut().and_then(|it| it.debugger.take()) else {
            return true;
        };
        let stashed = self.stashed.take();
        let max_calls = self.max_calls;
        self.max_calls = max_calls.saturating_add(MORE_CALLS);
        let go_on = debugger.stopped(self, why);
        self.max_calls = max_calls;
        self.stashed = stashed;
        if let Some(debug) = &mut self.debug {
            debug.at = None;
            debug.is_stepping = go_on == GoOn::OneStep;
            debug.is_ending = go_on == GoOn::End;
            debug.debugger = Some(debugger);
        }
        go_on != GoOn::End
    }

    fn stop_place(&self) -> Option<Place> {
        let stop = self.debug.as_ref()?.stops.last()?;
        stop.env.place(stop.env.node(stop.node).pos)
    }

    /// What is being evaluated where it has stopped, innermost first.
    pub fn debug_frames(&self) -> Vec<DebugFrame> {
        let Some(debug) = &self.debug else {
            return Vec::new();
        };
        let marks = debug.stops.iter().rev().map(|stop| {
            let node = stop.env.node(stop.node);
            let text = stop.env.code.consts[node.c as usize].get();
            let text = text.as_str().map(firn_heap::Str::bytes).unwrap_or_default();
            let file = stop.env.code.file.filter(|_| node.k == 1);
            let origin = file.map(|it| self.shared.files.file(it).origin.clone());
            let text = match &origin {
                Some(origin @ FileOrigin::Path(_)) => {
                    format!("while evaluating the file '{}':", self.file_text(origin))
                }
                _ => String::from_utf8_lossy(text).into_owned(),
            };
            DebugFrame {
                text,
                place: stop.env.place(node.pos),
                is_error: false,
            }
        });
        debug.at.iter().cloned().chain(marks).collect()
    }

    /// The mark behind a frame of [`Ctx::debug_frames`].
    fn stop_of(&self, frame: usize) -> Option<Stop<'h>> {
        let debug = self.debug.as_ref()?;
        let from_end = match debug.at {
            Some(_) => frame.saturating_sub(1),
            None => frame,
        };
        let idx = debug.stops.len().checked_sub(from_end + 1)?;
        Some(debug.stops[idx])
    }

    /// The names in scope at a frame, innermost first.
    pub fn debug_levels(&self, frame: usize) -> Vec<DebugLevel> {
        let levels = self.levels_of(frame).into_iter();
        levels
            .map(|level| match level {
                Known::Names(names) => DebugLevel {
                    names: names.into_iter().map(|it| it.0).collect(),
                    with: None,
                },
                Known::With(set) => DebugLevel {
                    names: Vec::new(),
                    with: set
                        .resolved()
                        .and_then(Val::as_set)
                        .map(|set| self.attrs_by_name(set).iter().map(|it| it.0).collect()),
                },
            })
            .collect()
    }

    /// The names in scope at a frame with their values. What a `with` gives is among them if its
    /// set has been evaluated, as far as no variable hides it.
    pub fn debug_scope(&self, frame: usize) -> Scope<'h> {
        let levels = self.levels_of(frame);
        let mut scope = Scope::new();
        for level in levels.iter().rev() {
            if let Known::With(set) = level
                && let Some(set) = set.resolved().and_then(Val::as_set)
            {
                for (name, value) in self.attrs_by_name(set) {
                    scope.add(name, value);
                }
            }
        }
        for level in levels.into_iter().rev() {
            if let Known::Names(names) = level {
                for (name, value) in names {
                    scope.add(name, value);
                }
            }
        }
        scope
    }

    fn levels_of(&self, frame: usize) -> Vec<Known<'h>> {
        let Some(Stop { env, node }) = self.stop_of(frame) else {
            return Vec::new();
        };
        let node = env.node(node);
        let words = env.code.list(node.b, usize::from(node.n) * LEVEL_WORDS);
        let levels = words.chunks_exact(LEVEL_WORDS).map(|it| {
            let mut words = [0; LEVEL_WORDS];
            words.copy_from_slice(it);
            Level::from_words(words)
        });
        let pairs = |list, n| env.code.list(list, n as usize * 2).chunks_exact(2);
        levels
            .map(|level| match level {
                Level::Variables { list, n } => Known::Names(
                    pairs(list, n)
                        .map(|it| (env.code.symbol(it[0]), self.at(&env, it[1])))
                        .collect(),
                ),
                Level::Frame { location, list, n } => {
                    let frame = self.at(&env, location);
                    Known::Names(
                        pairs(list, n)
                            .map(|it| (env.code.symbol(it[0]), field(frame, it[1])))
                            .collect(),
                    )
                }
                Level::With { location } => Known::With(self.at(&env, location)),
            })
            .collect()
    }
}

/// A level of names with their values.
enum Known<'h> {
    Names(Vec<(Symbol, Val<'h>)>),
    With(Val<'h>),
}
