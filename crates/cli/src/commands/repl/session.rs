//! What a prompt remembers between lines, and what it does for each.

use std::io::Write as _;
use std::time::Instant;

use firn_eval::{PrintErrors, PrintOptions, Scope, Symbol, Val};
use firn_events::Level;
use firn_parser::ParseOptions;
use firn_repl::{Command, Input, Names, classify, help};
use firn_source::FileOrigin;

use crate::evaluation::{AutoArgs, Evaluation, Stop, failure_of};
use crate::installables::Installables;
use crate::size::render_size;
use crate::{Failure, sources};

/// What is remembered between lines.
pub(super) struct Session<'a, 'h> {
    scope: Scope<'h>,
    args: AutoArgs<'h>,
    files: Vec<String>,
    last_loaded: Vec<Symbol>,
    installables: &'a Installables,
    pub(super) parse: ParseOptions,
    pub(super) show_trace: bool,
    /// Names of the base environment.
    base_names: Vec<String>,
    /// The frame that is looked at, in a debugger.
    frame: Option<usize>,
}

/// What is to happen after a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Another line.
    Prompt,
    /// The end.
    Quit,
    /// What was stopped goes on.
    Continue,
    /// It goes on for a step.
    Step,
}

/// A session with the evaluator that serves it.
pub(super) struct Talk<'a, 'e, 'c, 'h> {
    pub(super) session: Session<'a, 'h>,
    pub(super) evaluation: &'e mut Evaluation<'c, 'h>,
}

impl Names for Talk<'_, '_, '_, '_> {
    fn variables(&mut self) -> Vec<String> {
        let own = self.session.scope.names().iter();
        let own = own.map(|it| firn_eval::name_text(*it));
        own.chain(self.session.base_names.iter().cloned()).collect()
    }

    fn attributes(&mut self, expression: &str) -> Vec<String> {
        let ctx_error = |evaluation: &mut Evaluation<'_, '_>, stop: Stop| {
            if let Stop::Evaluation(fail) = stop {
                evaluation.ctx.take_error(fail);
            }
            Vec::new()
        };
        match self.session.value(self.evaluation, expression) {
            Ok(value) => match value.as_set() {
                Some(set) => {
                    let attrs = self.evaluation.ctx.attrs_by_name(set).into_iter();
                    attrs.map(|it| firn_eval::name_text(it.0)).collect()
                }
                None => Vec::new(),
            },
            Err(stop) => ctx_error(self.evaluation, stop),
        }
    }
}

impl Talk<'_, '_, '_, '_> {
    /// Lets go of the values of earlier lines that have no name.
    pub(super) fn keep_only_what_is_named(&self) {
        let ctx = &self.evaluation.ctx;
        if self.session.in_debugger() {
            // Whatever was pinned belongs to the evaluation that has stopped.
            ctx.pin_scope(&self.session.scope);
            return;
        }
        ctx.keep_only(&self.session.scope);
        ctx.pin(self.session.args.word());
    }

    /// Does what a line asks for.
    pub(super) fn line(&mut self, line: &str) -> Result<Next, Stop> {
        self.session.line(self.evaluation, line)
    }

    /// Tells of an error; only one of the terminal itself ends the prompt.
    pub(super) fn say(&mut self, stop: Stop) -> Result<(), Stop> {
        let evaluation = &mut *self.evaluation;
        let failure = match stop {
            Stop::Evaluation(fail) => {
                let error = evaluation.ctx.take_error(fail);
                failure_of(&error, evaluation.ctx, self.session.show_trace)
            }
            Stop::Failed(failure) => *failure,
        };
        if matches!(failure, Failure::Output(_)) {
            return Err(Stop::Failed(Box::new(failure)));
        }
        let console = evaluation.context.console;
        console.set_show_trace(self.session.show_trace);
        failure.show(&console, &evaluation.context.called_as);
        Ok(())
    }
}

impl<'a, 'h> Session<'a, 'h> {
    pub(super) fn new(
        evaluation: &mut Evaluation<'_, 'h>,
        installables: &'a Installables,
    ) -> Result<Self, Stop> {
        let settings = &evaluation.context.settings;
        let (parse, show_trace) = (
            sources::parse_options(settings),
            settings.interface.show_trace,
        );
        Ok(Self {
            scope: Scope::new(),
            args: evaluation.auto_args()?,
            files: Vec::new(),
            last_loaded: Vec::new(),
            installables,
            parse,
            show_trace,
            base_names: Vec::new(),
            frame: None,
        })
    }

    /// Whether this is the prompt of a debugger.
    pub(super) fn in_debugger(&self) -> bool {
        self.frame.is_some()
    }

    /// Looks at a frame of what has stopped: its names are those of the prompt.
    pub(super) fn look_at(&mut self, evaluation: &Evaluation<'_, 'h>, frame: usize) {
        self.scope = evaluation.ctx.debug_scope(frame);
        self.frame = Some(frame);
    }

    /// The frame that is looked at.
    pub(super) fn frame(&self) -> usize {
        self.frame.unwrap_or(0)
    }

    /// Remembers the names of the base environment, for completion.
    pub(super) fn note_names(&mut self, evaluation: &Evaluation<'_, 'h>) {
        self.base_names = evaluation.ctx.global_names();
    }

    fn line(&mut self, evaluation: &mut Evaluation<'_, 'h>, line: &str) -> Result<Next, Stop> {
        let console = evaluation.context.console;
        let (command, argument) = Command::parse(line, self.in_debugger())
            .map_err(|it| Failure::message(it.to_string()))?;
        match command {
            Command::Evaluate => self.evaluate_or_bind(evaluation, argument)?,
            Command::Print => {
                let value = self.value(evaluation, argument)?;
                match value.as_str() {
                    Some(text) => console.print_line(text.bytes())?,
                    None => print(evaluation, value, usize::MAX)?,
                }
            }
            Command::Time => self.time(evaluation, argument)?,
            Command::Add => {
                let value = self.value(evaluation, argument)?;
                self.add(evaluation, value)?;
            }
            Command::Load => {
                evaluation.ctx.reset_imports();
                let file = argument.to_owned();
                self.files.retain(|it| *it != file);
                self.files.push(file.clone());
                self.load(evaluation, &file)?;
            }
            Command::LoadFlake => self.load_flake(evaluation, argument)?,
            Command::Reload => self.reload(evaluation)?,
            Command::LastLoaded => {
                if self.last_loaded.is_empty() {
                    return Err(Failure::message("nothing has been loaded yet").into());
                }
                for name in &self.last_loaded {
                    console.print_line(name.as_bytes())?;
                }
            }
            Command::Type => {
                let value = self.value(evaluation, argument)?;
                console.print_line(evaluation.ctx.type_name(value))?;
            }
            Command::Doc => self.doc(evaluation, argument)?,
            Command::TraceEnable => self.trace_enable(evaluation, argument)?,
            Command::Help => console.print(help(self.in_debugger()))?,
            Command::Quit => return Ok(Next::Quit),
            Command::Build => self.build(evaluation, argument, false)?,
            Command::BuildAndLink => self.build(evaluation, argument, true)?,
            Command::Log => self.log(evaluation, argument)?,
            Command::Install => self.install(evaluation, argument)?,
            Command::Shell => self.shell(evaluation, argument)?,
            Command::Use => self.use_package(evaluation, argument)?,
            Command::Edit => {
                self.edit(evaluation, argument)?;
                self.reload(evaluation)?;
            }
            Command::Environment => self.show_environment(evaluation)?,
            Command::Backtrace => Self::show_frames(evaluation)?,
            Command::Frame => self.choose_frame(evaluation, argument)?,
            Command::Continue => return Ok(Next::Continue),
            Command::Step => return Ok(Next::Step),
        }
        Ok(Next::Prompt)
    }

    fn evaluate_or_bind(
        &mut self,
        evaluation: &mut Evaluation<'_, 'h>,
        text: &str,
    ) -> Result<(), Stop> {
        match classify(text, &self.parse) {
            Input::Empty => Ok(()),
            Input::Bindings(bindings) => {
                let ctx = &mut *evaluation.ctx;
                let file = ctx.add_source(FileOrigin::String, bindings.as_bytes().into());
                let set = ctx.eval_bindings(file, &sources::here(), &self.scope)?;
                let set = ctx.attrs(set, "while binding names at the prompt")?;
                for (name, value) in ctx.attrs_by_name(set) {
                    self.scope.add(name, value);
                }
                Ok(())
            }
            Input::Expression | Input::Unfinished => {
                let value = self.value(evaluation, text)?;
                print(evaluation, value, 1)
            }
        }
    }

    pub(super) fn value(
        &self,
        evaluation: &mut Evaluation<'_, 'h>,
        text: &str,
    ) -> Result<Val<'h>, Stop> {
        let ctx = &mut *evaluation.ctx;
        let file = ctx.add_source(FileOrigin::String, text.as_bytes().into());
        let value = ctx.eval_source(file, &sources::here(), &self.scope)?;
        Ok(ctx.force(value)?)
    }

    fn time(&self, evaluation: &mut Evaluation<'_, 'h>, text: &str) -> Result<(), Stop> {
        let start = Instant::now();
        let before = evaluation.ctx.alloc().allocated_bytes();
        let value = self.value(evaluation, text)?;
        print(evaluation, value, 1)?;
        let seconds = start.elapsed().as_secs_f64();
        let bytes = evaluation.ctx.alloc().allocated_bytes() - before;
        let text = format!("{seconds:.3} s, {} allocated", render_size(bytes).trim());
        evaluation.context.console.print_line(text)?;
        Ok(())
    }

    fn reload(&mut self, evaluation: &mut Evaluation<'_, 'h>) -> Result<(), Stop> {
        evaluation.ctx.reset_imports();
        evaluation.host.forget_files();
        self.scope = Scope::new();
        self.load_all(evaluation)
    }

    pub(super) fn load_all(&mut self, evaluation: &mut Evaluation<'_, 'h>) -> Result<(), Stop> {
        let console = evaluation.context.console;
        for file in self.files.clone() {
            console.log(Level::Notice, &format!("Loading \"{file}\"..."));
            self.load(evaluation, &file)?;
        }
        if self.installables.are_attributes() || !self.installables.words.is_empty() {
            for value in self.installables.values(evaluation)? {
                console.log(Level::Notice, "Loading installable ''...");
                let value = evaluation.ctx.auto_call(value, self.args)?;
                self.add(evaluation, value)?;
            }
        }
        Ok(())
    }

    fn load(&mut self, evaluation: &mut Evaluation<'_, 'h>, file: &str) -> Result<(), Stop> {
        let path = evaluation.lookup_file(file)?;
        let value = evaluation.ctx.eval_file(&path)?;
        let value = evaluation.ctx.auto_call(value, self.args)?;
        self.add(evaluation, value)
    }

    /// Adds the outputs of a flake to the scope, and what is known of its source.
    fn load_flake(&mut self, evaluation: &mut Evaluation<'_, 'h>, word: &str) -> Result<(), Stop> {
        if word.is_empty() {
            return Err(Failure::message(
                "cannot use ':load-flake' without a path specified. (Use '.' for the current working directory.)",
            )
            .into());
        }
        let host = (**evaluation.host).clone();
        let reference = crate::flakes::parse_here(host.fetcher(), word, true)?;
        let is_pure = evaluation.context.settings.eval.pure_eval;
        if is_pure && !reference.input.is_locked(host.fetcher()) {
            return Err(Failure::message(format!(
                "cannot use ':load-flake' on locked flake reference '{word}' (use --impure to override)"
            ))
            .into());
        }
        let flags = firn_flake::LockFlags {
            update: false,
            use_registries: is_pure.then_some(false),
            allow_unlocked: !is_pure,
            ..firn_flake::LockFlags::default()
        };
        let locked = firn_flake::lock_flake(evaluation.ctx, &host, &reference, &flags)?;
        let value = evaluation.flake_value(&locked)?;
        self.add(evaluation, value)
    }

    /// Adds the attributes of a set to the scope.
    fn add(&mut self, evaluation: &mut Evaluation<'_, 'h>, value: Val<'h>) -> Result<(), Stop> {
        const MOST: usize = 20;
        let doing = "while evaluating an attribute set to be merged in the global scope";
        let set = evaluation.ctx.attrs(value, doing)?;
        let attrs = evaluation.ctx.attrs_by_name(set);
        self.last_loaded.clear();
        for (name, value) in &attrs {
            self.scope.add(*name, *value);
            self.last_loaded.push(*name);
        }
        let shown: Vec<_> = attrs
            .iter()
            .take(MOST)
            .map(|it| firn_eval::name_text(it.0))
            .collect();
        let console = evaluation.context.console;
        console.log(Level::Notice, &format!("Added {} variables.", attrs.len()));
        console.log(Level::Notice, &shown.join(", "));
        if attrs.len() > MOST {
            let more = attrs.len() - MOST;
            console.log(
                Level::Notice,
                &format!("... and {more} more; view with :ll"),
            );
        }
        Ok(())
    }

    fn trace_enable(
        &mut self,
        evaluation: &Evaluation<'_, 'h>,
        argument: &str,
    ) -> Result<(), Stop> {
        self.show_trace = match argument {
            "true" => true,
            "false" => false,
            "" => !self.show_trace,
            _ => {
                let text = format!("unexpected argument '{argument}' to :te");
                return Err(Failure::message(text).into());
            }
        };
        let text = if self.show_trace {
            "showing error traces"
        } else {
            "not showing error traces"
        };
        evaluation.context.console.print_line(text)?;
        Ok(())
    }
}

/// Prints a value, down to a depth.
fn print<'h>(
    evaluation: &mut Evaluation<'_, 'h>,
    value: Val<'h>,
    max_depth: usize,
) -> Result<(), Stop> {
    let options = PrintOptions {
        force: true,
        derivation_paths: true,
        max_depth,
        indent: 2,
        errors: PrintErrors::ThrowTopLevel,
        ..PrintOptions::default()
    };
    let mut shown = Vec::new();
    evaluation.ctx.print(value, options, &mut shown)?;
    evaluation.context.console.print_line(shown)?;
    std::io::stdout().flush()?;
    Ok(())
}
