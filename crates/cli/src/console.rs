//! The only place that writes results to stdout; what else there is to say goes to [`voice`].
//!
//! Colours are used where stderr is a terminal, `TERM` is not `dumb` and `NO_COLOR` is not set.
//! Nothing is printed below the chosen [`Level`].

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU8, Ordering};

use firn_events::Level;
use firn_source::FileTable;

use crate::escapes::clean;
use crate::render::{self, Style};
use crate::{Program, Report, voice};

static LEVEL: AtomicU8 = AtomicU8::new(Level::Info as u8);
static SHOW_TRACE: AtomicU8 = AtomicU8::new(0);

/// How this process talks.
#[derive(Clone, Copy, Debug)]
pub struct Console {
    style: Style,
    is_terminal: bool,
    can_redraw: bool,
}

impl Console {
    /// The console of a program.
    pub fn new(program: Program) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some();
        let is_terminal = io::stderr().is_terminal();
        let dumb = std::env::var_os("TERM").is_none_or(|it| it == "dumb");
        let colour = is_terminal && !dumb && !set("NO_COLOR") && !set("NOCOLOR");
        Self {
            style: Style {
                colour,
                carets: program.is_firn(),
            },
            is_terminal,
            can_redraw: is_terminal && !dumb,
        }
    }

    /// Whether stderr is a terminal.
    pub fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Whether stderr is a terminal on which the cursor can be moved.
    pub fn can_redraw(&self) -> bool {
        self.can_redraw
    }

    /// Whether colours are used.
    pub fn has_colour(&self) -> bool {
        self.style.colour
    }

    /// The level up to which messages are shown.
    pub fn level(&self) -> Level {
        Level::from_number(u64::from(LEVEL.load(Ordering::Relaxed)))
    }

    /// Chooses that level.
    pub fn set_level(&self, level: Level) {
        LEVEL.store(level as u8, Ordering::Relaxed);
    }

    /// Shows more or less.
    pub fn step_level(&self, steps: i64) {
        let level = i64::from(LEVEL.load(Ordering::Relaxed)) + steps;
        self.set_level(Level::from_number(level.clamp(0, 7).unsigned_abs()));
    }

    /// Whether errors come with the whole chain.
    pub fn set_show_trace(&self, on: bool) {
        SHOW_TRACE.store(u8::from(on), Ordering::Relaxed);
    }

    /// Writes a line to stderr, whatever the level.
    pub fn line(&self, text: &str) {
        self.tell(Level::Error, text, None);
    }

    fn tell(self, level: Level, text: &str, raw: Option<&str>) {
        voice::say(level, &clean(text, self.style.colour), raw);
    }

    /// Writes a line to stderr if the level allows.
    pub fn log(&self, level: Level, text: &str) {
        if level <= self.level() {
            self.tell(level, text, None);
        }
    }

    /// Warns.
    pub fn warn(&self, text: &str) {
        self.say(Level::Warn, text);
    }

    /// Warns of what an expression asked to be warned of.
    pub fn evaluation_warning(&self, text: &str) {
        let word = self.style.paint("35;1", "evaluation warning:");
        let lines = render::indent(&format!("{word} "), "evaluation warning: ".len(), text);
        self.log(Level::Warn, &lines);
    }

    /// Says something with the word for its level before it, if the level allows.
    pub fn say(&self, level: Level, text: &str) {
        // Some who speak say the word themselves, because their text also goes elsewhere.
        if ["warning:", "error:", "note:"]
            .iter()
            .any(|word| text.starts_with(word))
        {
            return self.log(level, text);
        }
        let word = match level {
            Level::Error => self.style.paint("31;1", "error:"),
            Level::Warn => self.style.paint("35;1", "warning:"),
            _ => return self.log(level, text),
        };
        self.log(level, &format!("{word} {text}"));
    }

    /// Renders a report to stderr.
    pub fn report(&self, report: &Report, files: &FileTable) {
        let show_trace = SHOW_TRACE.load(Ordering::Relaxed) != 0;
        let text = render::render(report, files, self.style, show_trace);
        self.tell(Level::Error, &text, Some(&report.message));
    }

    /// A place in a source and the lines around, as part of a result.
    pub(crate) fn quoted(self, span: firn_source::Span, files: &FileTable) -> String {
        render::place_with_lines(span, files, self.style)
    }

    /// Text of a result in a colour, if there are any.
    pub(crate) fn paint(self, code: &str, text: &str) -> String {
        self.style.paint(code, text)
    }

    /// A result with its colours. Under our own name these are left out where nobody sees them.
    pub fn styled(&self, text: &str) -> String {
        if !self.style.carets {
            return text.to_owned();
        }
        clean(text, self.style.colour && io::stdout().is_terminal())
    }

    /// Writes a result to stdout as it is.
    pub fn print(&self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        voice::aside(|| {
            let mut stdout = io::stdout().lock();
            stdout.write_all(bytes.as_ref())?;
            stdout.flush()
        })
    }

    /// Writes a line of results to stdout.
    pub fn print_line(&self, text: impl AsRef<[u8]>) -> io::Result<()> {
        let mut bytes = text.as_ref().to_vec();
        bytes.push(b'\n');
        self.print(bytes)
    }
}
