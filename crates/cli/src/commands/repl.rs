//! `repl`: a prompt. Reads lines, evaluates expressions, binds names, runs `:` commands.
//!
//! What a line asks for and whether it is finished is decided by the prompt's own crate; here are
//! the scope, the evaluator, the store and the terminal. An error ends a line, never the prompt.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::time::Instant;

use firn_eval::{ErrorKind, PrintErrors, PrintOptions, Scope, Symbol, Val};
use firn_events::Level;
use firn_parser::ParseOptions;
use firn_repl::{Command, Input, classify, help, is_unfinished};
use firn_source::FileOrigin;
use firn_store::BuildMode;
use firn_store_model::{DerivedPath, OutputsSpec, SingleDerivedPath, StorePath};

use crate::evaluation::{AutoArgs, Evaluation, Stop, evaluate, failure_of};
use crate::installables::Installables;
use crate::packages::Package;
use crate::program::NIX_VERSION;
use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure, sources, surroundings};

/// `repl [-f FILE | --expr EXPR] [ATTRIBUTE…]`.
pub static REPL: Verb = Verb {
    path: &["repl"],
    about: "evaluate expressions at a prompt",
    usage: "[-f FILE | --expr EXPR] [ATTRIBUTE…]",
    only_firn: false,
    run,
};

fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut installables = Installables::default();
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
    let version = if context.program.is_firn() {
        context.program.version()
    } else {
        format!("Nix {NIX_VERSION}")
    };
    context
        .console
        .log(Level::Notice, &format!("{version}\nType :? for help."));
    let store = context.open_store()?;
    let context = &*context;
    let parse = sources::parse_options(&context.settings);
    evaluate(context, &installables.eval, &store, |evaluation| {
        let args = evaluation.auto_args()?;
        let mut session = Session {
            scope: Scope::new(),
            args,
            files: Vec::new(),
            last_loaded: Vec::new(),
            installables: &installables,
            parse,
            show_trace: context.settings.interface.show_trace,
        };
        session.load_all(evaluation)?;
        session.talk(evaluation)
    })?;
    Ok(0)
}

/// What is remembered between lines.
struct Session<'a, 'h> {
    scope: Scope<'h>,
    args: AutoArgs<'h>,
    files: Vec<String>,
    last_loaded: Vec<String>,
    installables: &'a Installables,
    parse: ParseOptions,
    show_trace: bool,
}

/// What is to happen after a line.
enum Next {
    /// Another line.
    Prompt,
    /// The end.
    Quit,
}

impl<'h> Session<'_, 'h> {
    fn talk(&mut self, evaluation: &mut Evaluation<'_, 'h>) -> Result<(), Stop> {
        let console = evaluation.context.console;
        let is_terminal = std::io::stdin().is_terminal();
        let echo = surroundings::variable("_NIX_TEST_REPL_ECHO").as_deref() == Some("1");
        let mut input = String::new();
        loop {
            let prompt = if input.is_empty() {
                "nix-repl> "
            } else {
                "        > "
            };
            if is_terminal {
                console.print(prompt)?;
            }
            let mut line = String::new();
            if std::io::stdin().lock().read_line(&mut line)? == 0 {
                console.print_line("")?;
                return Ok(());
            }
            if echo {
                console.print(format!("{prompt}{line}"))?;
            }
            input.push_str(&line);
            if self.goes_on(&input) {
                continue;
            }
            let text = std::mem::take(&mut input);
            match self.line(evaluation, &text) {
                Ok(Next::Quit) => return Ok(()),
                Ok(Next::Prompt) => {}
                Err(stop) => self.say(evaluation, stop)?,
            }
            console.print_line("")?;
        }
    }

    /// Whether what has been typed goes on in the next line.
    fn goes_on(&self, input: &str) -> bool {
        match Command::parse(input, false) {
            Ok((Command::Evaluate, text)) => classify(text, &self.parse) == Input::Unfinished,
            Ok((Command::Load | Command::LoadFlake | Command::TraceEnable, _)) | Err(_) => false,
            Ok((_, argument)) => !argument.is_empty() && is_unfinished(argument, &self.parse),
        }
    }

    /// Tells of an error; only one of the terminal itself ends the prompt.
    fn say(&self, evaluation: &mut Evaluation<'_, 'h>, stop: Stop) -> Result<(), Stop> {
        let failure = match stop {
            Stop::Evaluation(fail) => {
                let error = evaluation.ctx.take_error(fail);
                failure_of(&error, evaluation.ctx.files(), self.show_trace)
            }
            Stop::Failed(failure) => *failure,
        };
        if matches!(failure, Failure::Output(_)) {
            return Err(Stop::Failed(Box::new(failure)));
        }
        let console = evaluation.context.console;
        console.set_show_trace(self.show_trace);
        failure.show(&console, &evaluation.context.called_as);
        Ok(())
    }

    fn line(&mut self, evaluation: &mut Evaluation<'_, 'h>, line: &str) -> Result<Next, Stop> {
        let console = evaluation.context.console;
        let (command, argument) =
            Command::parse(line, false).map_err(|it| Failure::message(it.to_string()))?;
        match command {
            Command::Evaluate => self.evaluate_or_bind(evaluation, argument)?,
            Command::Print => {
                let value = self.value(evaluation, argument)?;
                match value.as_str() {
                    Some(text) => console.print_line(text.bytes())?,
                    None => print(evaluation, value, usize::MAX)?,
                }
            }
            Command::Time => {
                let start = Instant::now();
                let value = self.value(evaluation, argument)?;
                print(evaluation, value, 1)?;
                let text = format!("{:.3} s", start.elapsed().as_secs_f64());
                console.print_line(text)?;
            }
            Command::Add => {
                let value = self.value(evaluation, argument)?;
                self.add(evaluation, value)?;
            }
            Command::Load => {
                let file = argument.to_owned();
                self.files.retain(|it| *it != file);
                self.files.push(file.clone());
                self.load(evaluation, &file)?;
            }
            Command::Reload => {
                evaluation.ctx.reset_imports();
                self.scope = Scope::new();
                self.load_all(evaluation)?;
            }
            Command::LastLoaded => {
                if self.last_loaded.is_empty() {
                    return Err(Failure::message("nothing has been loaded yet").into());
                }
                for name in &self.last_loaded {
                    console.print_line(name)?;
                }
            }
            Command::Type => {
                let value = self.value(evaluation, argument)?;
                console.print_line(evaluation.ctx.type_name(value))?;
            }
            Command::Doc => self.doc(evaluation, argument)?,
            Command::TraceEnable => self.trace_enable(evaluation, argument)?,
            Command::Help => console.print(help(false))?,
            Command::Quit => return Ok(Next::Quit),
            Command::Build | Command::BuildAndLink => {
                self.build(evaluation, argument, command == Command::BuildAndLink)?;
            }
            Command::Log => {
                let path = self.derivation(evaluation, argument)?;
                let store = evaluation.host.store();
                let log = store.build_log(&path)?.ok_or_else(|| {
                    let path = store.store_dir().print(&path);
                    Failure::message(format!("build log of '{path}' is not available"))
                })?;
                console.print(log)?;
            }
            other => {
                let text = format!("this prompt cannot do '{other:?}' yet");
                return Err(Failure::message(text).into());
            }
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

    fn value(&self, evaluation: &mut Evaluation<'_, 'h>, text: &str) -> Result<Val<'h>, Stop> {
        let ctx = &mut *evaluation.ctx;
        let file = ctx.add_source(FileOrigin::String, text.as_bytes().into());
        let value = ctx.eval_source(file, &sources::here(), &self.scope)?;
        Ok(ctx.force(value)?)
    }

    fn load_all(&mut self, evaluation: &mut Evaluation<'_, 'h>) -> Result<(), Stop> {
        let console = evaluation.context.console;
        for file in self.files.clone() {
            console.log(Level::Notice, &format!("Loading \"{file}\"..."));
            self.load(evaluation, &file)?;
        }
        if self.installables.are_attributes() {
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

    /// Adds the attributes of a set to the scope.
    fn add(&mut self, evaluation: &mut Evaluation<'_, 'h>, value: Val<'h>) -> Result<(), Stop> {
        const MOST: usize = 20;
        let doing = "while evaluating an attribute set to be merged in the global scope";
        let set = evaluation.ctx.attrs(value, doing)?;
        let attrs = evaluation.ctx.attrs_by_name(set);
        self.last_loaded.clear();
        let mut shown = Vec::new();
        for (name, value) in &attrs {
            self.scope.add(*name, *value);
            let name = String::from_utf8_lossy(name.as_bytes()).into_owned();
            self.last_loaded.push(name);
        }
        for (name, _) in attrs.iter().take(MOST) {
            shown.push(firn_eval::name_text(*name));
        }
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

    fn doc(&self, evaluation: &mut Evaluation<'_, 'h>, text: &str) -> Result<(), Stop> {
        let value = self.value(evaluation, text)?;
        let console = evaluation.context.console;
        let mut function = value;
        if let Some(functor) = value
            .as_set()
            .and_then(|it| it.get(Symbol::intern(b"__functor")))
        {
            function = evaluation.ctx.force(functor)?;
        }
        if let Some(view) = evaluation.ctx.lambda_view(function) {
            let doc = view.doc.unwrap_or_default();
            let doc = String::from_utf8_lossy(&doc).into_owned();
            let name = view
                .name
                .map_or_else(|| "…".to_owned(), firn_eval::name_text);
            let place = view.place.map(|it| evaluation.ctx.place_text(it));
            let mut shown = format!("Function `{name}`");
            if let Some(place) = place {
                shown.push_str(&format!("\n  … defined at {place}"));
            }
            shown.push_str("\n\n");
            shown.push_str(if doc.is_empty() {
                "No documentation found."
            } else {
                doc.trim()
            });
            console.print_line(shown)?;
            return Ok(());
        }
        let builtin = firn_builtins::all()
            .iter()
            .chain(&firn_instantiate::builtins())
            .find(|it| {
                evaluation
                    .ctx
                    .builtin(it.name)
                    .is_some_and(|known| known.same(value))
            })
            .copied();
        let Some(builtin) = builtin.filter(|it| !it.doc.is_empty()) else {
            let error = evaluation
                .ctx
                .error(ErrorKind::Eval, "value does not have documentation");
            return Err(error.into());
        };
        let arguments: Vec<_> = builtin.args.iter().map(|it| format!("*{it}*")).collect();
        let shown = format!(
            "**Synopsis:** `builtins.{}` {}\n\n{}",
            builtin.plain_name(),
            arguments.join(" "),
            builtin.doc.trim()
        );
        console.print_line(shown)?;
        Ok(())
    }

    /// The derivation that an expression is, written to the store.
    fn derivation(
        &self,
        evaluation: &mut Evaluation<'_, 'h>,
        text: &str,
    ) -> Result<StorePath, Stop> {
        let value = self.value(evaluation, text)?;
        if !evaluation.ctx.is_derivation(value)? {
            let text = "expression does not evaluate to a derivation, so I can't build it";
            return Err(Failure::message(text).into());
        }
        let path = Package { value }.required_drv_path(evaluation.ctx)?;
        evaluation.host.flush()?;
        let store_dir = evaluation.host.store().store_dir();
        let path = store_dir.parse(&path);
        Ok(path.map_err(|it| Failure::message(it.to_string()))?)
    }

    fn build(
        &self,
        evaluation: &mut Evaluation<'_, 'h>,
        text: &str,
        with_links: bool,
    ) -> Result<(), Stop> {
        let drv = self.derivation(evaluation, text)?;
        let store = evaluation.host.store();
        let wanted = DerivedPath::Built {
            drv: SingleDerivedPath::Opaque(drv.clone()).into(),
            outputs: OutputsSpec::All,
        };
        store.build_paths(&[wanted], BuildMode::Normal)?;
        let console = evaluation.context.console;
        console.print_line("\nThis derivation produced the following outputs:")?;
        for (name, path) in store.query_derivation_output_map(&drv)? {
            let Some(path) = path else { continue };
            let shown = store.store_dir().print(&path);
            if with_links {
                let link = format!("repl-result-{name}");
                let place = sources::absolute(&link).path.to_string();
                store.add_perm_root(&path, Path::new(&place))?;
                console.print_line(format!("  ./{link} -> {shown}"))?;
            } else {
                console.print_line(format!("  {name} -> {shown}"))?;
            }
        }
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
