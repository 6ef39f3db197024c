//! What every command has at hand: who was called, the settings, the console.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use firn_events::{Level, SharedSink};
use firn_settings::{Feature, FeatureSet, Machine, Settings, Sources};
use firn_source::SourcePath;

use crate::log_sink::BuildLog;
use crate::progress::Tree;
use crate::stores::EvalStore;
use crate::voice::{self, Display};
use crate::{Console, Failure, Program, surroundings};

/// How what happens is shown, as `--log-format` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines, without those of builders.
    Raw,
    /// Lines.
    RawWithLogs,
    /// JSON for a program to read.
    InternalJson,
    /// On a terminal a picture of the work, without the lines of builders.
    Bar,
    /// On a terminal a picture of the work.
    BarWithLogs,
}

impl LogFormat {
    /// The format with a name.
    pub fn parse(name: &str) -> Result<Self, Failure> {
        Ok(match name {
            "raw" => Self::Raw,
            "raw-with-logs" => Self::RawWithLogs,
            "internal-json" => Self::InternalJson,
            "bar" => Self::Bar,
            "bar-with-logs" => Self::BarWithLogs,
            other => {
                let message = format!("option 'log-format' has an invalid value '{other}'");
                return Err(Failure::usage(message));
            }
        })
    }
}

/// The surroundings of one command.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct Context {
    /// What was called.
    pub program: Program,
    /// The words it was called by.
    pub called_as: String,
    /// The settings, flags included once the command line has been read.
    pub settings: Settings,
    /// Where to write.
    pub console: Console,
    /// Whether the store must not be written.
    pub read_only: bool,
    /// Whether logs of builds are shown as they come.
    pub print_build_logs: bool,
    /// The store of evaluations, if it is another one.
    pub eval_store: EvalStore,
    /// How progress is shown, if the command line says.
    pub log_format: Option<LogFormat>,
    /// Whether the user wants to know why something was evaluated.
    pub explain_cache: bool,
    /// Whether a shell is opened where a build fails.
    pub debug_on_failure: bool,
    /// Variables that evaluations and children see besides the environment.
    pub variables: BTreeMap<&'static str, String>,
    /// The directory of the script that this program interprets.
    pub script_directory: Option<SourcePath>,
    /// Who is told what happens, if not the console.
    pub events: Option<SharedSink>,
    /// Whether nothing more is to be said of results without a root.
    pub no_gc_warning: AtomicBool,
}

impl Context {
    /// Reads the configuration.
    pub fn new(program: Program, called_as: &str, console: Console) -> Result<Self, Failure> {
        let env: firn_settings::Environment<'_> = &surroundings::variable;
        let mut settings = Settings::new(&Machine::detect(env));
        if program.is_firn() {
            settings.enable_by_default(FeatureSet::of(&[
                Feature::NixCommand,
                Feature::Flakes,
                Feature::FetchTree,
            ]));
        }
        let sources = Sources::locate(env, &surroundings::home());
        let loaded = settings.load(&sources);
        let context = Self::with_settings(program, called_as, console, settings);
        loaded?;
        if program.has_verbs() && console.is_terminal() {
            console.set_level(Level::Notice);
        }
        Ok(context)
    }

    /// The surroundings of a command with these settings.
    pub fn with_settings(
        program: Program,
        called_as: &str,
        console: Console,
        settings: Settings,
    ) -> Self {
        Self {
            program,
            called_as: called_as.to_owned(),
            settings,
            console,
            read_only: false,
            print_build_logs: false,
            eval_store: EvalStore::default(),
            log_format: None,
            explain_cache: false,
            debug_on_failure: false,
            variables: BTreeMap::new(),
            script_directory: None,
            events: None,
            no_gc_warning: AtomicBool::new(false),
        }
    }

    /// To be called when the command line has been read: what is odd in the settings is said, and
    /// what the console needs to know is passed on.
    pub fn settle(&mut self) {
        self.settings.warn_of_unknown();
        if self.settings.sandbox.use_cgroups && firn_sys::support::writable_cgroup().is_none() {
            self.settings.warn(
                "'use-cgroups' has no effect: there is no group of the unified hierarchy that this process may make groups in",
            );
        }
        self.say_warnings();
        self.console
            .set_show_trace(self.settings.interface.show_trace);
        self.choose_voice();
    }

    /// How what happens is shown.
    pub fn log_format(&self) -> LogFormat {
        self.log_format.unwrap_or(if self.program.has_verbs() {
            LogFormat::Bar
        } else {
            LogFormat::RawWithLogs
        })
    }

    /// What becomes of the lines of builders.
    pub fn build_log(&self) -> BuildLog {
        match (self.log_format(), self.print_build_logs) {
            (LogFormat::Raw | LogFormat::Bar, false) => BuildLog::Hidden,
            (LogFormat::BarWithLogs | LogFormat::Bar, _) => BuildLog::Named,
            (LogFormat::Raw | LogFormat::RawWithLogs | LogFormat::InternalJson, _) => {
                BuildLog::Bare
            }
        }
    }

    fn choose_voice(&self) {
        let console = self.console;
        let display = match self.log_format() {
            LogFormat::InternalJson => Display::Json,
            LogFormat::Bar | LogFormat::BarWithLogs
                if console.can_redraw() && console.level() >= Level::Notice =>
            {
                Display::Tree(Tree::new(console.has_colour()))
            }
            _ => Display::Lines,
        };
        let path = self.settings.interface.json_log_path.as_deref();
        let record = path.and_then(|path| match voice::open_record(path) {
            Ok(record) => Some(record),
            Err(error) => {
                console.say(
                    Level::Error,
                    &format!("opening log file \"{}\": {error}", path.display()),
                );
                None
            }
        });
        voice::choose(display, record);
    }

    /// Answers `--version` of an older command; tells whether it was that.
    pub fn took_version(&self, flag: &str) -> Result<bool, Failure> {
        if flag == "--version" {
            self.print_version()?;
        }
        Ok(flag == "--version")
    }

    /// Prints the version and, where more is wanted than the least, what this installation is like.
    pub fn print_version(&self) -> Result<(), Failure> {
        let mut text = self.program.version();
        if self.console.level() > Level::Info {
            let joined = |words: &mut dyn Iterator<Item = String>, by: &str| {
                words.collect::<Vec<_>>().join(by)
            };
            let build = &self.settings.build;
            let sources = Sources::locate(&surroundings::variable, &surroundings::home());
            let mut user_files = sources
                .user_files
                .iter()
                .rev()
                .map(|it| it.display().to_string());
            for (name, value) in [
                ("System type", build.system.clone()),
                (
                    "Additional system types",
                    joined(&mut build.extra_platforms.iter().cloned(), ", "),
                ),
                ("Features", "gc, signed-caches".to_owned()),
                (
                    "System configuration file",
                    format!("\"{}\"", sources.system_file.display()),
                ),
                ("User configuration files", joined(&mut user_files, ":")),
                ("Store directory", self.store_dir_of_settings()),
                (
                    "State directory",
                    format!("\"{}\"", self.state_dir().display()),
                ),
            ] {
                text.push_str(&format!("\n{name}: {value}"));
            }
        }
        self.console.print_line(text)?;
        Ok(())
    }

    /// Says once that a result may be collected as garbage, because no root leads to it.
    pub fn warn_without_root(&self) {
        if !self.no_gc_warning.swap(true, Ordering::Relaxed) {
            self.console.warn(
                "you did not specify '--add-root'; the result might be removed by the garbage collector",
            );
        }
    }

    /// Prints the warnings that settings have collected.
    pub fn say_warnings(&mut self) {
        for warning in self.settings.take_warnings() {
            self.console.warn(&warning);
        }
    }

    /// Fails unless a feature is on. Under our own name all verbs are stable.
    pub fn require(&self, feature: Feature) -> Result<(), Failure> {
        Ok(self.settings.require(feature)?)
    }
}
