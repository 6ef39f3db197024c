//! Completion of command lines: `NIX_GET_COMPLETIONS=N` in front of a command line asks what its
//! word number N could become, and the answer is printed instead of running it.
//!
//! The protocol is the reference's: a line that says what the answers are (`normal`, `filenames`,
//! `attrs`), then each on a line with a tab and a description. What a verb takes is read from its
//! usage, which is what `--help` prints. Nothing goes wrong here: what cannot be found out is left
//! out, nothing is fetched over the network, and nothing is said on stderr.

pub mod scripts;
mod usage;
mod words;

use std::collections::BTreeSet;

use firn_events::Level;

use self::usage::{Takes, Usage};
use crate::verbs::Verb;
use crate::{Context, Failure, surroundings};

/// The variable that asks for completions.
const VARIABLE: &str = "NIX_GET_COMPLETIONS";

/// What the answers are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Normal,
    Filenames,
    Attrs,
}

/// What a word could become.
#[derive(Debug, Default)]
struct Answers {
    kind: Kind,
    found: BTreeSet<(String, String)>,
}

impl Answers {
    fn add(&mut self, word: impl Into<String>, description: &str) {
        let first = description.lines().next().unwrap_or_default().trim();
        self.found.insert((word.into(), first.to_owned()));
    }

    fn print(&self) -> String {
        let mut text = match self.kind {
            Kind::Normal => "normal\n",
            Kind::Filenames => "filenames\n",
            Kind::Attrs => "attrs\n",
        }
        .to_owned();
        for (word, description) in &self.found {
            text.push_str(&format!("{word}\t{description}\n"));
        }
        text
    }
}

/// The number of the word to be completed, the program's name being number 0; nothing if nobody
/// asks.
pub fn requested() -> Option<usize> {
    surroundings::variable(VARIABLE)?.parse().ok()
}

/// What a command line says before and after the word to be completed.
#[derive(Debug, Default)]
struct Line {
    verb: Vec<String>,
    positionals: Vec<String>,
    file: Option<String>,
    expression: Option<String>,
    flake: Option<String>,
    impure: bool,
}

/// What the word to be completed is.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    /// A verb, or the second word of one.
    Verb,
    /// A flag.
    Flag,
    /// A value, or a word that is no flag.
    Value(Takes),
    /// Nothing that is known of.
    Nothing,
}

/// Prints what word number `at` could become.
pub fn answer(
    verbs: &[&'static Verb],
    context: &mut Context,
    mut words: Vec<String>,
    at: usize,
) -> Result<u8, Failure> {
    let Some(at) = at.checked_sub(1) else {
        return Err(Failure::usage(format!("{VARIABLE} counts from 1")));
    };
    if at >= words.len() {
        words.push(String::new());
    }
    let at = at.min(words.len() - 1);
    context.console.set_level(Level::Error);
    context.read_only = true;
    for (name, value) in [
        ("substitute", "false"),
        ("download-attempts", "0"),
        ("tarball-ttl", "4294967295"),
        ("allow-import-from-derivation", "false"),
        ("warn-dirty", "false"),
    ] {
        context.settings.set(name, value)?;
    }
    let verbs: Vec<&'static Verb> = verbs
        .iter()
        .copied()
        .filter(|it| context.program.is_firn() || !it.only_firn)
        .collect();
    let (line, wanted) = understand(&verbs, context, &words, at);
    let verb = verbs.iter().copied().find(|it| it.path == line.verb);
    let prefix = &words[at];
    let mut answers = Answers::default();
    match wanted {
        Wanted::Verb => complete_verb(&verbs, context, &line, prefix, &mut answers),
        Wanted::Flag => complete_flag(verb, prefix, &mut answers),
        Wanted::Value(takes) => {
            words::complete(context, verb, &line, &takes, prefix, &mut answers);
        }
        Wanted::Nothing => {}
    }
    context.console.print(answers.print())?;
    Ok(0)
}

/// Reads the whole line; flags and words behind the one that is completed count too.
fn understand(
    verbs: &[&'static Verb],
    context: &Context,
    words: &[String],
    at: usize,
) -> (Line, Wanted) {
    let mut line = Line::default();
    let mut wanted = Wanted::Nothing;
    let mut only_words = false;
    let mut idx = 0;
    while idx < words.len() {
        let word = &words[idx];
        let here = idx == at;
        idx += 1;
        let verb = verbs.iter().find(|it| it.path == line.verb);
        let usage = verb.map_or_else(Usage::default, |it| Usage::of(it));
        if !only_words && word.starts_with('-') {
            if here {
                wanted = Wanted::Flag;
            } else if word == "--" {
                only_words = true;
            } else {
                let takes = usage.values_of(word, &context.settings);
                for take in takes {
                    let Some(value) = words.get(idx) else { break };
                    if idx == at {
                        wanted = Wanted::Value(take);
                    } else {
                        line.note(word, value);
                    }
                    idx += 1;
                }
                line.impure |= word == "--impure";
            }
        } else if verb.is_none() {
            let is_begun = |it: &&&Verb| it.path.starts_with(&[word.as_str()][..]);
            if here {
                wanted = Wanted::Verb;
                break;
            }
            let is_first = line.verb.is_empty() && verbs.iter().any(|it| is_begun(&it));
            if !is_first && line.verb.is_empty() {
                break;
            }
            line.verb.push(word.clone());
        } else if here {
            let number = line.positionals.len();
            wanted = usage
                .positional(number)
                .map_or(Wanted::Nothing, Wanted::Value);
        } else {
            line.positionals.push(word.clone());
        }
    }
    (line, wanted)
}

impl Line {
    fn note(&mut self, flag: &str, value: &str) {
        let slot = match flag {
            "-f" | "--file" => &mut self.file,
            "--expr" => &mut self.expression,
            "--flake" => &mut self.flake,
            _ => return,
        };
        *slot = Some(value.to_owned());
    }

    /// The flakes whose inputs flags of this line are about.
    fn flakes(&self, verb: Option<&Verb>) -> Vec<String> {
        if let Some(flake) = &self.flake {
            return vec![flake.clone()];
        }
        let usage = verb.map_or_else(Usage::default, Usage::of);
        let named = self.positionals.iter().enumerate().filter(|(number, _)| {
            let takes = usage.positional(*number);
            matches!(takes, Some(Takes::Installable | Takes::Flake))
        });
        let named: Vec<String> = named.map(|it| it.1.clone()).collect();
        if named.is_empty() {
            return vec![".".to_owned()];
        }
        named
    }
}

fn complete_verb(
    verbs: &[&'static Verb],
    context: &Context,
    line: &Line,
    prefix: &str,
    answers: &mut Answers,
) {
    let depth = line.verb.len();
    for verb in verbs {
        let Some(name) = verb.path.get(depth) else {
            continue;
        };
        let is_inside = line.verb.iter().zip(verb.path).all(|(a, b)| a == b);
        if is_inside && name.starts_with(prefix) {
            let is_whole = verb.path.len() == depth + 1;
            let about = if context.program.is_firn() && is_whole {
                verb.about
            } else {
                ""
            };
            answers.add(*name, about);
        }
    }
}

fn complete_flag(verb: Option<&Verb>, prefix: &str, answers: &mut Answers) {
    let usage = verb.map_or_else(Usage::default, Usage::of);
    for (flag, description) in usage.flags() {
        if flag.starts_with(prefix) {
            answers.add(flag, description);
        }
    }
    // There are hundreds of settings: not before it is clear that one is meant.
    if let Some(name) = prefix.strip_prefix("--").filter(|it| !it.is_empty()) {
        for row in firn_settings::Settings::rows() {
            if row.name.starts_with(name) {
                answers.add(format!("--{}", row.name), &row.description());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_in_order_and_only_once() {
        let mut answers = Answers::default();
        answers.add("b", " says b \nmore");
        answers.add("a", "");
        answers.add("a", "");
        assert_eq!(answers.print(), "normal\na\t\nb\tsays b\n");
        answers.kind = Kind::Attrs;
        answers.found.clear();
        assert_eq!(answers.print(), "attrs\n");
    }
}
