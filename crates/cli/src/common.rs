//! Flags that every command takes: verbosity, log format, and one for each setting.

use firn_events::Level;

use crate::context::LogFormat;
use crate::{Arg, Args, Context, Failure};

impl Context {
    /// Handles a flag that all commands share; fails if it is none.
    pub fn take_common(&mut self, flag: &str, args: &mut Args) -> Result<(), Failure> {
        if self.try_common(flag, args)? {
            Ok(())
        } else {
            Err(Failure::usage(format!("unrecognised flag '{flag}'")))
        }
    }

    /// Handles a flag that all commands share; tells whether it is one.
    pub fn try_common(&mut self, flag: &str, args: &mut Args) -> Result<bool, Failure> {
        let console = self.console;
        match flag {
            "-v" | "--verbose" => console.step_level(1),
            "--quiet" => console.step_level(-1),
            "--debug" => console.set_level(Level::Debug),
            "--option" => {
                let [name, value] = args.values(flag)?;
                if let Err(error) = self.settings.set(&name, &value) {
                    self.settings.warn(error.to_string());
                }
            }
            "--log-format" => self.log_format = Some(LogFormat::parse(&args.value(flag)?)?),
            "-j" => {
                let jobs = args.value(flag)?;
                self.settings.set("max-jobs", &jobs)?;
            }
            _ if self.program.has_verbs() && self.try_verb_flag(flag)? => {}
            _ if !self.program.has_verbs() && self.try_older_flag(flag) => {}
            _ => return self.try_setting(flag, args),
        }
        Ok(true)
    }

    fn try_verb_flag(&mut self, flag: &str) -> Result<bool, Failure> {
        match flag {
            "--explain-cache" if self.program.is_firn() => self.explain_cache = true,
            "-L" | "--print-build-logs" => self.print_build_logs = true,
            "--offline" | "--no-net" => {
                self.settings.set("substitute", "false")?;
                self.settings.set("tarball-ttl", "4294967295")?;
                self.settings.set("download-attempts", "0")?;
                self.settings.set("connect-timeout", "1")?;
            }
            "--refresh" => {
                for name in [
                    "tarball-ttl",
                    "narinfo-cache-negative-ttl",
                    "narinfo-cache-positive-ttl",
                    "narinfo-cache-meta-ttl",
                ] {
                    self.settings.set(name, "0")?;
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn try_older_flag(&mut self, flag: &str) -> bool {
        match flag {
            "-Q" | "--no-build-output" => self.log_format = Some(LogFormat::Raw),
            "-K" => self.settings.build.keep_failed = true,
            "-k" => self.settings.build.keep_going = true,
            "--readonly-mode" => self.read_only = true,
            "--no-gc-warning" => self.no_gc_warning = true.into(),
            _ => return false,
        }
        true
    }

    fn try_setting(&mut self, flag: &str, args: &mut Args) -> Result<bool, Failure> {
        let Some(name) = flag.strip_prefix("--") else {
            return Ok(false);
        };
        let Some(setting) = self.settings.flag(name) else {
            return Ok(false);
        };
        let value = if setting.takes_value() {
            args.value(flag)?
        } else {
            String::new()
        };
        self.settings.apply_flag(setting, &value)?;
        Ok(true)
    }

    /// Takes shared flags until the end; a word is one too many.
    pub fn no_more_arguments(&mut self, args: &mut Args) -> Result<(), Failure> {
        while let Some(arg) = args.next() {
            match arg {
                Arg::Word(word) => return Err(Failure::unexpected(&word)),
                Arg::Flag(flag) => self.take_common(&flag, args)?,
            }
        }
        self.settle();
        Ok(())
    }

    /// Takes shared flags and exactly one word.
    pub fn one_word(&mut self, args: &mut Args) -> Result<String, Failure> {
        let mut found = None;
        while let Some(arg) = args.next() {
            match arg {
                Arg::Word(word) if found.is_none() => found = Some(word),
                Arg::Word(word) => return Err(Failure::unexpected(&word)),
                Arg::Flag(flag) => self.take_common(&flag, args)?,
            }
        }
        self.settle();
        found.ok_or_else(|| Failure::usage("more arguments are required"))
    }

    /// Takes all flags up to the first word, and that word.
    pub fn first_word(&mut self, args: &mut Args) -> Result<Option<FirstWord>, Failure> {
        while let Some(arg) = args.next() {
            match arg {
                Arg::Word(word) => return Ok(Some(FirstWord::Verb(word))),
                Arg::Flag(flag) => match flag.as_str() {
                    "--help" => return Ok(Some(FirstWord::Help)),
                    "--version" => return Ok(Some(FirstWord::Version)),
                    _ => self.take_common(&flag, args)?,
                },
            }
        }
        Ok(None)
    }
}

/// What stands first on the command line of a program with verbs.
pub enum FirstWord {
    /// A verb.
    Verb(String),
    /// `--help`.
    Help,
    /// `--version`.
    Version,
}
