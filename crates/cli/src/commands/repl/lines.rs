//! Where the lines of a prompt come from: a terminal with line editing, or anything else, read
//! plainly.
//!
//! At a terminal an input may have many lines: it goes on while it is no whole. What is typed is
//! coloured by kind of token, the bracket that belongs to the one under the cursor stands out, the
//! tabulator completes commands, paths, variables and attributes, and what was typed is remembered
//! between sessions.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;

use firn_parser::ParseOptions;
use firn_repl::{Class, Command, Input, Names, classes, classify, complete, is_unfinished};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Editor};

use crate::{Console, surroundings};

/// What reading gave.
pub(super) enum Line {
    /// A whole input, maybe of several lines.
    Input(String),
    /// The user does not want what has been typed so far.
    Dropped,
    /// There is no more.
    End,
}

/// A source of inputs.
pub(super) enum Lines<'c> {
    Terminal(Box<Terminal<'c>>),
    Plain(Plain),
}

pub(super) struct Terminal<'c> {
    editor: Editor<Assist<'c>, FileHistory>,
    history: PathBuf,
    prompt: &'static str,
}

pub(super) struct Plain {
    console: Console,
    parse: ParseOptions,
    prompt: &'static str,
    /// Whether what is read is shown behind its prompt.
    echo: bool,
    in_debugger: bool,
}

/// How to read lines.
#[derive(Clone)]
pub(super) struct Reading {
    pub(super) console: Console,
    pub(super) parse: ParseOptions,
    pub(super) prompt: &'static str,
    pub(super) in_debugger: bool,
}

impl<'c> Lines<'c> {
    pub(super) fn open(reading: Reading, names: &'c RefCell<dyn Names + 'c>) -> Self {
        let plain = Plain {
            console: reading.console,
            parse: reading.parse.clone(),
            prompt: reading.prompt,
            echo: surroundings::variable("_NIX_TEST_REPL_ECHO").as_deref() == Some("1"),
            in_debugger: reading.in_debugger,
        };
        let is_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        if !is_terminal {
            return Self::Plain(plain);
        }
        match Terminal::open(reading, names) {
            Some(terminal) => Self::Terminal(Box::new(terminal)),
            None => Self::Plain(plain),
        }
    }

    pub(super) fn next(&mut self) -> std::io::Result<Line> {
        match self {
            Self::Terminal(terminal) => terminal.next(),
            Self::Plain(plain) => plain.next(),
        }
    }
}

impl<'c> Terminal<'c> {
    fn open(reading: Reading, names: &'c RefCell<dyn Names + 'c>) -> Option<Self> {
        const REMEMBERED: usize = 10_000;
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .history_ignore_space(true)
            .max_history_size(REMEMBERED)
            .ok()?
            .build();
        let mut editor = Editor::with_config(config).ok()?;
        let history = surroundings::data_dir().join("repl-history");
        editor.load_history(&history).ok();
        let prompt = reading.prompt;
        editor.set_helper(Some(Assist { reading, names }));
        Some(Self {
            editor,
            history,
            prompt,
        })
    }

    fn next(&mut self) -> std::io::Result<Line> {
        match self.editor.readline(self.prompt) {
            Ok(line) => {
                if !line.trim().is_empty() {
                    self.editor.add_history_entry(line.trim_end()).ok();
                    if let Some(directory) = self.history.parent() {
                        std::fs::create_dir_all(directory).ok();
                    }
                    // A prompt without memory is better than none.
                    self.editor.append_history(&self.history).ok();
                }
                Ok(Line::Input(line))
            }
            Err(ReadlineError::Interrupted) => Ok(Line::Dropped),
            Err(ReadlineError::Eof) => Ok(Line::End),
            Err(ReadlineError::Io(error)) => Err(error),
            Err(error) => Err(std::io::Error::other(error.to_string())),
        }
    }
}

impl Plain {
    fn next(&mut self) -> std::io::Result<Line> {
        let mut input = String::new();
        let is_terminal = std::io::stdin().is_terminal();
        loop {
            let prompt = if input.is_empty() {
                self.prompt.to_owned()
            } else {
                format!("{:>width$}", "> ", width = self.prompt.len())
            };
            if is_terminal {
                self.console.print(&prompt)?;
            }
            let mut line = Vec::new();
            if std::io::stdin().lock().read_until(b'\n', &mut line)? == 0 {
                return Ok(Line::End);
            }
            let line = String::from_utf8_lossy(&line);
            if self.echo {
                self.console.print(format!("{prompt}{line}"))?;
            }
            input.push_str(&line);
            if !goes_on(&input, &self.parse, self.in_debugger) {
                return Ok(Line::Input(input));
            }
        }
    }
}

/// Whether what has been typed goes on in the next line.
fn goes_on(input: &str, parse: &ParseOptions, in_debugger: bool) -> bool {
    match Command::parse(input, in_debugger) {
        Ok((Command::Evaluate, text)) => classify(text, parse) == Input::Unfinished,
        Ok((command, argument)) => {
            command.takes_expression() && !argument.is_empty() && is_unfinished(argument, parse)
        }
        Err(_) => false,
    }
}

/// What helps with typing.
struct Assist<'c> {
    reading: Reading,
    names: &'c RefCell<dyn Names + 'c>,
}

impl rustyline::Helper for Assist<'_> {}

impl Hinter for Assist<'_> {
    type Hint = String;
}

impl Validator for Assist<'_> {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let input = context.input();
        // An empty line at the end gives up on the rest: the error then says what is missing.
        let given_up = input.ends_with("\n\n");
        let reading = &self.reading;
        let more = !given_up && goes_on(input, &reading.parse, reading.in_debugger);
        Ok(if more {
            ValidationResult::Incomplete
        } else {
            ValidationResult::Valid(None)
        })
    }
}

impl Completer for Assist<'_> {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let Ok(mut names) = self.names.try_borrow_mut() else {
            return Ok((pos, Vec::new()));
        };
        let found = complete(&line[..pos], &mut *names);
        Ok((found.start, found.words))
    }
}

impl Highlighter for Assist<'_> {
    fn highlight<'l>(&self, line: &'l str, pos: usize) -> Cow<'l, str> {
        if !self.reading.console.has_colour() {
            return Cow::Borrowed(line);
        }
        let bracket = firn_repl::matching_bracket(line, pos);
        let mut shown = String::with_capacity(line.len() * 2);
        let mut at = 0;
        for (piece, class) in classes(line) {
            let colour = match class {
                Class::Plain => "",
                Class::Keyword => "35",
                Class::Text => "32",
                Class::Number => "36",
                Class::Path => "34",
                Class::Comment => "2",
                Class::Wrong => "31",
            };
            let is_bracket = bracket.is_some_and(|it| (at..at + piece.len()).contains(&it));
            at += piece.len();
            let code = if is_bracket { "1;4" } else { colour };
            if code.is_empty() {
                shown.push_str(piece);
            } else {
                shown.push_str(&format!("\u{1b}[{code}m{piece}\u{1b}[0m"));
            }
        }
        Cow::Owned(shown)
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(
        &'s self,
        prompt: &'p str,
        _default: bool,
    ) -> Cow<'b, str> {
        if self.reading.console.has_colour() {
            Cow::Owned(format!("\u{1b}[1;34m{prompt}\u{1b}[0m"))
        } else {
            Cow::Borrowed(prompt)
        }
    }

    fn highlight_char(&self, _line: &str, _pos: usize, _kind: CmdKind) -> bool {
        self.reading.console.has_colour()
    }
}
