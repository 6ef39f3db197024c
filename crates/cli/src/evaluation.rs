//! An evaluator for a command: host, registry, options and stack made from the context, and errors
//! of evaluation turned into reports.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use firn_eval::{
    Ctx, DebugOptions, ErrorKind, EvalError, EvalOptions, Fail, Forms, Frame as EvalFrame,
    FrameKind, Heap, HostError, Message, Place, Purity, Registry, Scope, SearchPathEntry, Set,
    SetBuilder, Symbol, Val, on_large_stack,
};
use firn_events::Level;
use firn_fetch::{FetchListener, Fetched, Input, UseRegistries};
use firn_instantiate::{Library, Observer, OpenCache, StoreHost, Surroundings, search_path};
use firn_memo::FormCache;
use firn_settings::Feature;
use firn_source::{FileOrigin, FileTable, Severity, SourcePath, Span};
use firn_store::Store;

use crate::commands::repl::PromptDebugger;
use crate::eval_flags::{AutoArg, EvalFlags};
use crate::focus::{self, Libraries};
use crate::profiles::channels_on_search_path;
use crate::remembering::own_identity;
use crate::sources::{self, Text};
use crate::stores::StoreUrl;
use crate::watching::Watching;
use crate::{Console, Context, Failure, Frame, Report, surroundings};
use crate::{fetching, flakes};

/// What an evaluation works with.
pub struct Evaluation<'a, 'h> {
    /// The evaluator.
    pub ctx: &'a mut Ctx<'h>,
    /// The host, for what is not the language's business.
    pub host: &'a Arc<StoreHost>,
    /// The command.
    pub context: &'a Context,
    /// What the command line says about evaluation.
    pub flags: &'a EvalFlags,
}

/// The set of arguments of the command line.
pub type AutoArgs<'h> = Set<'h, firn_eval::Code<'h>>;

/// Runs `work` with an evaluator over a store. Its failures become those of the command.
pub fn evaluate<R: Send>(
    context: &Context,
    flags: &EvalFlags,
    store: &Arc<dyn Store>,
    work: impl FnOnce(&mut Evaluation<'_, '_>) -> Result<R, Stop> + Send,
) -> Result<R, Failure> {
    evaluate_observed(context, flags, store, None, work)
}

/// The same, while an observer is told what the evaluation depends on.
pub fn evaluate_observed<R: Send>(
    context: &Context,
    flags: &EvalFlags,
    store: &Arc<dyn Store>,
    observer: Option<Arc<dyn Observer>>,
    work: impl FnOnce(&mut Evaluation<'_, '_>) -> Result<R, Stop> + Send,
) -> Result<R, Failure> {
    let eval_store = context.eval_store()?;
    let forms = forms_of(context);
    let host = Arc::new(StoreHost::new(
        Arc::clone(eval_store.as_ref().unwrap_or(store)),
        Surroundings {
            build_store: eval_store.is_some().then(|| Arc::clone(store)),
            forms: forms.clone().map(|it| it as Arc<dyn Forms>),
            ..surroundings_of(
                context,
                flags,
                eval_store.as_ref().unwrap_or(store),
                observer,
            )
        },
    ));
    let files = Arc::new(FileTable::new());
    let show_trace = context.settings.interface.show_trace;
    let result = on_large_stack(|| {
        let heap = Heap::new();
        let registry = Registry::new()
            .with(firn_builtins::all())
            .with(&firn_instantiate::builtins())
            .with(firn_flake::BUILTINS);
        let mut ctx = Ctx::with_files(
            &heap,
            Arc::clone(&host) as Arc<dyn firn_eval::Host>,
            &registry,
            EvalOptions {
                debug: flags.debugger.then(|| debugging(context)),
                ..options_of(context)
            },
            Arc::clone(&files),
        );
        if flags.debugger {
            let host = Arc::clone(&host);
            ctx.debug(Box::new(PromptDebugger::new(host, context, flags)));
        }
        let watching = Watching::wanted(context);
        watching.begin(&mut ctx);
        let result = ctx.with_helpers(|ctx| {
            let mut evaluation = Evaluation {
                ctx,
                host: &host,
                context,
                flags,
            };
            flakes::prepare(&mut evaluation)?;
            work(&mut evaluation)
        });
        let result = match result {
            Ok(result) => Ok(result),
            Err(Stop::Failed(failure)) => Err(*failure),
            Err(Stop::Evaluation(fail)) => {
                let error = ctx.take_error(fail);
                if error.kind == ErrorKind::Left {
                    Err(Failure::Exit(error.exit_status.unwrap_or_default()))
                } else {
                    Err(failure_of(&error, &ctx, show_trace))
                }
            }
        };
        let shown = watching.end(&ctx, context);
        result.and_then(|result| shown.map(|()| result))
    });
    let flushed = host.flush();
    if let Some(forms) = forms {
        forms.save();
    }
    let result = result?;
    flushed?;
    Ok(result)
}

/// Why work with an evaluator stopped.
pub enum Stop {
    /// Evaluation failed; the error waits in the evaluator.
    Evaluation(Fail),
    /// Anything else failed.
    Failed(Box<Failure>),
}

impl From<Fail> for Stop {
    fn from(fail: Fail) -> Self {
        Self::Evaluation(fail)
    }
}

impl<E: Into<Failure>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(Box::new(error.into()))
    }
}

/// The failure of a command whose evaluation failed.
pub fn failure_of(error: &EvalError, ctx: &Ctx<'_>, show_trace: bool) -> Failure {
    Failure::Reported {
        report: Box::new(report_of(error, ctx, show_trace)),
        files: Arc::clone(ctx.files()),
        code: error.exit_status.unwrap_or(crate::failure::EXIT_ERROR),
    }
}

/// An error of evaluation as a report.
pub fn report_of(error: &EvalError, ctx: &Ctx<'_>, show_trace: bool) -> Report {
    if error.kind == ErrorKind::Interrupted {
        // Where it happened to be says nothing.
        return Report::error(error.message.clone());
    }
    let span = |place: Place| Span::at(place.file, place.offset);
    let mut report = match &error.diagnostic {
        Some(diagnostic) => Report {
            further: error.further.clone(),
            ..Report::from((**diagnostic).clone())
        },
        None => Report {
            code: Some(error.kind.code()),
            focus: focus::focus(error, ctx.files()),
            help: error.help.clone().or_else(|| focus::advice(error)),
            ..Report::error(error.message.clone())
        },
    };
    report.severity = Severity::Error;
    report.span = report.span.or_else(|| error.place.map(span));
    report.labels.extend(focus::call_site(error, ctx.files()));
    report.suggestions.clone_from(&error.suggestions);
    let libraries = Libraries::of(ctx);
    let in_library = |place: Place| libraries.has(&ctx.files().file(place.file).origin);
    report.is_in_library = error.place.is_some_and(in_library);
    let is_shown = |it: &&EvalFrame| show_trace || it.kind != FrameKind::Call;
    report.frames = error
        .frames
        .iter()
        .rev()
        .filter(is_shown)
        .map(|it| Frame {
            text: it.text.clone().into_owned(),
            span: it.place.map(span),
            always: it.kind == FrameKind::Custom,
            in_library: it.place.is_some_and(in_library),
        })
        .collect();
    report
}

fn options_of(context: &Context) -> EvalOptions {
    let settings = &context.settings;
    EvalOptions {
        max_call_depth: settings.eval.max_call_depth as usize,
        parse: sources::parse_options(settings),
        features: feature_names(context),
        trace_verbose: settings.eval.trace_verbose,
        abort_on_warn: settings.eval.abort_on_warn,
        debug: None,
        collect_from: number("FIRN_COLLECT_FROM").unwrap_or(EvalOptions::default().collect_from),
        collect_every: number("FIRN_COLLECT_EVERY"),
        eval_cores: eval_cores(settings.firn.eval_cores),
        patience: number("FIRN_PATIENCE_MS")
            .map_or(EvalOptions::default().patience, Duration::from_millis),
    }
}

/// Where a debugger stops.
fn debugging(context: &Context) -> DebugOptions {
    let settings = &context.settings.eval;
    DebugOptions {
        ignore_try: settings.ignore_try,
        on_trace: settings.debugger_on_trace,
        on_warn: settings.debugger_on_warn,
    }
}

/// How many threads evaluate.
fn eval_cores(setting: u32) -> usize {
    match setting {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        n => n as usize,
    }
}

/// A number from the environment, for those who test or tune the collector and helpers.
fn number<T: std::str::FromStr>(name: &str) -> Option<T> {
    surroundings::filled(name)?.parse().ok()
}

fn feature_names(context: &Context) -> Vec<String> {
    let features = context.settings.features().sorted();
    features
        .into_iter()
        .map(|it| it.name().to_owned())
        .collect()
}

/// Tells an observer what its evaluation's fetcher does.
struct Listener(Arc<dyn Observer>);

impl FetchListener for Listener {
    fn fetched(&self, asked: &Input, registries: UseRegistries, fetched: &Fetched) {
        self.0.fetches(asked, registries, fetched);
    }

    fn warned(&self, text: &str) {
        self.0.said(&Message::Remark(text.as_bytes().to_vec()));
    }
}

/// What the process lets an evaluation know.
fn surroundings_of(
    context: &Context,
    flags: &EvalFlags,
    store: &Arc<dyn Store>,
    observer: Option<Arc<dyn Observer>>,
) -> Surroundings {
    let fetcher = context.fetcher(store);
    if let Some(observer) = &observer {
        fetcher.tell(Box::new(Listener(Arc::clone(observer))));
    }
    let settings = &context.settings;
    let console = context.console;
    let variables = context.variables.clone();
    let current_time = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |it| it.as_secs() as i64);
    let channels = if settings.eval.restrict_eval || settings.eval.pure_eval {
        Vec::new()
    } else {
        channels_on_search_path(context)
    };
    let entries = flags.search_path.iter().chain(&settings.eval.nix_path);
    let entries = entries.chain(&channels);
    let system = settings.eval.current_system(&settings.build.system);
    Surroundings {
        environment: Box::new(move |name| variable_of(&variables, name)),
        home: surroundings::filled("HOME").map(String::into_bytes),
        current_time,
        current_system: system.as_bytes().to_vec(),
        purity: Purity {
            pure_eval: settings.eval.pure_eval,
            restricted: settings.eval.restrict_eval,
        },
        search_path: entries
            .map(|it| {
                let entry = search_path::Entry::parse(it.as_bytes());
                SearchPathEntry {
                    prefix: entry.prefix,
                    path: from_here(entry.place),
                }
            })
            .collect(),
        library: library_of(context),
        build_store: None,
        read_only: context.read_only,
        allow_import_from_derivation: settings.eval.allow_import_from_derivation,
        trace_import_from_derivation: settings.eval.trace_import_from_derivation,
        features: feature_names(context),
        messages: Box::new(move |message| say(console, &message)),
        observer,
        open_cache: cache_opener(context),
        fetch_place: fetching::place_fetcher(&fetcher),
        fetcher: Some(fetcher),
        allowed_uris: settings.eval.allowed_uris.clone(),
        interrupted: Arc::new(AtomicBool::new(false)),
        forms: None,
    }
}

/// Where parsed texts are kept between runs, unless a setting says that they are not.
fn forms_of(context: &Context) -> Option<Arc<FormCache>> {
    let directory = surroundings::firn_cache_dir().join("parsed");
    let is_wanted = context.settings.firn.parse_cache;
    is_wanted.then(|| Arc::new(FormCache::new(directory, &own_identity())))
}

/// What opens binary caches for expressions. They may not choose how a cache is treated, so an
/// address has no parameters, and files of this machine are no binary cache.
fn cache_opener(context: &Context) -> OpenCache {
    let openers = context.cache_openers();
    Box::new(move |url| {
        let parsed = StoreUrl::parse(url);
        let may_be_files = surroundings::variable("_NIX_IN_TEST").is_some();
        let is_fit = matches!(parsed.scheme.as_str(), "http" | "https")
            || (parsed.scheme == "file" && may_be_files);
        if !is_fit {
            return Err(HostError::new(
                "'fetchClosure' only supports http:// and https:// stores",
            ));
        }
        if !parsed.params.is_empty() {
            return Err(HostError::new(format!(
                "'fetchClosure' does not support URL query parameters (in '{url}')"
            )));
        }
        openers(&parsed).map_err(|failure| HostError::new(failure.to_string()))
    })
}

/// A variable as evaluations see it: those that the command sets, then the environment's.
fn variable_of(set: &BTreeMap<&'static str, String>, name: &[u8]) -> Option<Vec<u8>> {
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    if let Some((_, value)) = set.iter().find(|it| it.0.as_bytes() == name) {
        return Some(value.clone().into_bytes());
    }
    let name = std::ffi::OsStr::from_bytes(name);
    std::env::var_os(name).map(std::ffi::OsString::into_vec)
}

impl Context {
    /// A variable as evaluations see it.
    pub fn variable(&self, name: &[u8]) -> Option<Vec<u8>> {
        variable_of(&self.variables, name)
    }
}

/// The standard library. Only our own name knows it: under the others, names mean what they mean
/// to the reference.
fn library_of(context: &Context) -> Library {
    if !context.program.is_firn() {
        return Library::Absent;
    }
    match &context.settings.firn.stdlib {
        None => Library::Embedded(firn_stdlib::FILES, firn_stdlib::ROOT),
        Some(directory) => {
            let place = sources::absolute(&directory.to_string_lossy());
            Library::Directory(place.path.as_bytes().to_vec())
        }
    }
}

/// A place of the search path, seen from the working directory unless it is an address.
fn from_here(place: Vec<u8>) -> Vec<u8> {
    let is_address = search_path::is_address(&place) || place.starts_with(b"flake:");
    if is_address || place.starts_with(b"/") || place.is_empty() {
        return place;
    }
    sources::here().join(&place).path.as_bytes().to_vec()
}

/// What evaluation tells the user while it runs.
pub fn say(console: Console, message: &Message) {
    match message {
        Message::Trace(text) => {
            console.log(
                Level::Error,
                &format!("trace: {}", String::from_utf8_lossy(text)),
            );
        }
        Message::Warning(text) => console.evaluation_warning(&String::from_utf8_lossy(text)),
        Message::Remark(text) => console.say(Level::Warn, &String::from_utf8_lossy(text)),
        Message::Info(text) => console.log(Level::Info, &String::from_utf8_lossy(text)),
    }
}

impl<'h> Evaluation<'_, 'h> {
    /// The arguments of the command line as a set of values.
    pub fn auto_args(&mut self) -> Result<AutoArgs<'h>, Stop> {
        let mut args = SetBuilder::default();
        for (name, arg) in &self.flags.auto_args {
            let value = match arg {
                AutoArg::Expression(text) => self.delayed(text)?,
                AutoArg::Text(text) => self.ctx.new_str(text.as_bytes()),
                AutoArg::File(name) => {
                    let text = Text::read(&sources::absolute(name))?;
                    self.ctx.new_str(&text)
                }
                AutoArg::Stdin => {
                    let text = Text::of_stdin()?;
                    self.ctx.new_str(&text.bytes)
                }
            };
            args.push(Symbol::intern(name.as_bytes()), value);
        }
        let args = self.ctx.new_set(args);
        Ok(args.as_set().expect("a set was made"))
    }

    /// An expression of the command line, evaluated when it is needed; it is parsed now.
    fn delayed(&mut self, text: &str) -> Result<Val<'h>, Stop> {
        let here = self.flags.base.clone().unwrap_or_else(sources::here);
        let file = self
            .ctx
            .add_source(FileOrigin::String, text.as_bytes().into());
        Ok(self.ctx.delay_source(file, &here, &Scope::new())?)
    }

    /// The value of a text.
    pub fn value_of_text(&mut self, text: &Text) -> Result<Val<'h>, Stop> {
        let file = self
            .ctx
            .add_source(text.origin.clone(), Arc::clone(&text.bytes));
        Ok(self.ctx.eval_source(file, &text.base, &Scope::new())?)
    }

    /// The value of a file, `<name>` or directory given on the command line.
    pub fn value_of_file(&mut self, word: &str) -> Result<Val<'h>, Stop> {
        let text = self.text_of_file(word)?;
        self.value_of_text(&text)
    }

    /// The text of a file, `<name>` or directory given on the command line.
    pub fn text_of_file(&mut self, word: &str) -> Result<Text, Stop> {
        let path = self.lookup_file(word)?;
        let path = self.ctx.resolve_import(&path)?;
        let bytes = self.ctx.host_result(|host| host.read_file(&path))?;
        Ok(Text {
            base: path.parent().unwrap_or_else(sources::here),
            origin: FileOrigin::Path(path),
            bytes,
        })
    }

    /// The path that a word of the command line means.
    pub fn lookup_file(&mut self, word: &str) -> Result<SourcePath, Stop> {
        if let Some(name) = word
            .strip_prefix('<')
            .and_then(|it| it.strip_suffix('>'))
            .filter(|it| !it.is_empty())
        {
            return self.find_file(name);
        }
        let is_flake = word.starts_with("flake:");
        if is_flake {
            self.context.require(Feature::Flakes)?;
        }
        if is_flake || search_path::is_address(word.as_bytes()) {
            let fetched = fetching::fetch_place(self.host.fetcher(), word)?;
            self.host.mount(&fetched);
            let path = self.host.store().store_dir().print(&fetched.path);
            return Ok(SourcePath::host(path.as_bytes()));
        }
        Ok(sources::absolute(word))
    }

    /// Where the standard library lies.
    ///
    /// # Panics
    /// Under the reference's names, which know no library.
    pub fn library(&self) -> SourcePath {
        let place = library_of(self.context).place();
        place.expect("only our own name asks for the library")
    }

    /// The path that `<name>` means.
    pub fn find_file(&mut self, name: &str) -> Result<SourcePath, Stop> {
        let found = self
            .ctx
            .host_result(|host| host.find_file(&host.search_path(), name.as_bytes()))?;
        found.ok_or_else(|| {
            let hint = if self.context.settings.eval.pure_eval {
                format!("cannot look up '<{name}>' in pure evaluation mode (use '--impure' to override)")
            } else {
                format!(
                    "file '{name}' was not found in the Nix search path (add it using $NIX_PATH or -I)"
                )
            };
            Failure::message(hint).into()
        })
    }
}
