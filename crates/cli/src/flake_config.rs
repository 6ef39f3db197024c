//! Settings that a flake brings along (`nixConfig`), taken only if the user trusts them.
//!
//! What cannot do harm is taken without asking. Anything else is looked up among the answers that
//! were given before, and otherwise asked for, on a terminal; where nobody can be asked it is left
//! out, and said so.

use std::collections::BTreeMap;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use firn_events::Level;
use firn_fetch::UseRegistries;
use firn_flake::{FlakeRef, get_flake};

use crate::eval_flags::EvalFlags;
use crate::evaluation::evaluate;
use crate::flakes::parse_with_fragment;
use crate::installables::Installables;
use crate::{Context, Failure, surroundings};

/// Settings that any flake may set.
const HARMLESS: &[&str] = &[
    "bash-prompt",
    "bash-prompt-prefix",
    "bash-prompt-suffix",
    "flake-registry",
    "commit-lock-file-summary",
    "commit-lockfile-summary",
];

/// Answers that were given before: setting, value, whether it is taken.
type Answers = BTreeMap<String, BTreeMap<String, bool>>;

impl Context {
    /// Takes the settings of the flakes that words name, before a store is opened with them.
    pub fn take_flake_settings(&mut self, installables: &Installables) -> Result<(), Failure> {
        if installables.are_evaluated(self) {
            return Ok(());
        }
        self.take_settings_of(&installables.flake_references(), &installables.eval)
    }

    /// The same for references.
    pub fn take_settings_of(&mut self, words: &[String], eval: &EvalFlags) -> Result<(), Failure> {
        if self
            .settings
            .require(firn_settings::Feature::Flakes)
            .is_err()
        {
            return Ok(());
        }
        for word in words {
            // What is wrong with a word is said where it is used.
            let config = self.config_of(word, eval).unwrap_or_default();
            for (name, value) in config {
                self.take_setting(&name, &value)?;
            }
        }
        Ok(())
    }

    fn config_of(&self, word: &str, eval: &EvalFlags) -> Result<BTreeMap<String, String>, Failure> {
        let store = self.open_store()?;
        let fetcher = self.fetcher(&store);
        let (reference, _) = parse_with_fragment(&fetcher, word, false)?;
        if !may_have_settings(&reference, &fetcher) {
            return Ok(BTreeMap::new());
        }
        evaluate(self, eval, &store, |evaluation| {
            let host = (**evaluation.host).clone();
            let flake = get_flake(evaluation.ctx, &host, &reference, UseRegistries::All, &[])?;
            Ok(flake.config)
        })
    }

    fn take_setting(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        let plain = name.strip_prefix("extra-").unwrap_or(name);
        if !HARMLESS.contains(&plain)
            && !self.settings.sources.accept_flake_config
            && !self.is_trusted(name, value)
        {
            self.console.warn(&format!(
                "ignoring untrusted flake configuration setting '{name}'.\nPass '--accept-flake-config' to trust it"
            ));
            return Ok(());
        }
        self.settings.set(name, value)?;
        self.say_warnings();
        Ok(())
    }

    fn is_trusted(&self, name: &str, value: &str) -> bool {
        let file = surroundings::data_dir().join("trusted-settings.json");
        let mut answers = read(&file);
        if let Some(answer) = answers.get(name).and_then(|it| it.get(value)) {
            self.console.log(
                Level::Info,
                &format!(
                    "Using saved setting for '{name} = {value}' from ~/.local/share/nix/trusted-settings.json."
                ),
            );
            return *answer;
        }
        let trusted = ask(&format!(
            "do you want to allow configuration setting '{name}' to be set to '{value}' (y/N)?"
        ));
        let word = if trusted { "trusted" } else { "untrusted" };
        if ask(&format!(
            "do you want to permanently mark this value as {word} (y/N)?"
        )) {
            let entry = answers.entry(name.to_owned()).or_default();
            entry.insert(value.to_owned(), trusted);
            if let Err(error) = write(&file, &answers) {
                self.console
                    .warn(&format!("writing \"{}\": {error}", file.display()));
            }
        }
        trusted
    }
}

/// Whether it is worth reading the flake first. What lies on this machine can be looked at.
fn may_have_settings(reference: &FlakeRef, fetcher: &firn_fetch::Fetcher) -> bool {
    let place = reference.input.source_path(fetcher).ok().flatten();
    let Some(place) = place else {
        return true;
    };
    let text = std::fs::read_to_string(place.join(&reference.subdir).join("flake.nix"));
    text.is_ok_and(|it| it.contains("nixConfig"))
}

fn read(file: &PathBuf) -> Answers {
    let text = std::fs::read(file).unwrap_or_default();
    let value: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    let mut answers = Answers::new();
    for (name, values) in value.as_object().into_iter().flatten() {
        for (value, answer) in values.as_object().into_iter().flatten() {
            let entry = answers.entry(name.clone()).or_default();
            entry.insert(value.clone(), answer.as_bool().unwrap_or(false));
        }
    }
    answers
}

fn write(file: &Path, answers: &Answers) -> std::io::Result<()> {
    if let Some(parent) = file.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let text = serde_json::json!(answers).to_string();
    firn_sys::file::write_file_atomically(file, text.as_bytes(), 0o644, false)
}

/// Asks on a terminal; elsewhere the answer is no.
fn ask(question: &str) -> bool {
    let mut stderr = std::io::stderr();
    if !std::io::stdin().is_terminal() || !stderr.is_terminal() {
        return false;
    }
    if write!(stderr, "{question} ")
        .and_then(|()| stderr.flush())
        .is_err()
    {
        return false;
    }
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.is_ok() && answer.trim().eq_ignore_ascii_case("y")
}
