//! What a verb takes, read from its usage: flags with their values, and the words that follow.

use firn_settings::Settings;

use crate::verbs::Verb;

/// What a value or a word is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// Anything.
    Text,
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A reference to a flake.
    Flake,
    /// An input of a flake.
    Input,
    /// Something to build or evaluate.
    Installable,
    /// The name of a setting.
    Setting,
    /// One of these.
    Choice(Vec<String>),
}

type FlagRow = (&'static str, &'static [Takes], &'static str);

/// Flags that all verbs take.
const COMMON: &[FlagRow] = &[
    ("--debug", &[], "show what is done, in all detail"),
    ("--help", &[], "show what the command takes"),
    (
        "--log-format",
        &[Takes::Text],
        "how progress and logs are shown",
    ),
    ("--offline", &[], "do not use the network"),
    ("--option", &[Takes::Setting, Takes::Text], "set a setting"),
    ("--print-build-logs", &[], "show the lines of builders"),
    ("--quiet", &[], "show less"),
    ("--refresh", &[], "ask again for what was downloaded before"),
    ("--verbose", &[], "show more"),
    ("--version", &[], "show the version"),
];

/// Flags of everything that evaluates.
const EVALUATING: &[FlagRow] = &[
    (
        "--arg",
        &[Takes::Text, Takes::Text],
        "an argument for functions",
    ),
    (
        "--arg-from-file",
        &[Takes::Text, Takes::File],
        "an argument for functions",
    ),
    (
        "--arg-from-stdin",
        &[Takes::Text],
        "an argument for functions",
    ),
    (
        "--argstr",
        &[Takes::Text, Takes::Text],
        "an argument for functions, a string",
    ),
    ("--commit-lock-file", &[], "commit a changed lock file"),
    ("--debugger", &[], "open a prompt where evaluation fails"),
    ("--expr", &[Takes::Text], "evaluate an expression"),
    ("--file", &[Takes::File], "evaluate a file"),
    ("--impure", &[], "let expressions see the environment"),
    ("--include", &[Takes::Text], "an entry for the search path"),
    (
        "--inputs-from",
        &[Takes::Flake],
        "take inputs of a flake for the registry",
    ),
    ("--no-registries", &[], "do not ask registries"),
    (
        "--no-update-lock-file",
        &[],
        "fail where the lock file has to change",
    ),
    ("--no-write-lock-file", &[], "do not write the lock file"),
    (
        "--output-lock-file",
        &[Takes::File],
        "write the lock file elsewhere",
    ),
    (
        "--override-flake",
        &[Takes::Flake, Takes::Flake],
        "take another flake for a name",
    ),
    (
        "--override-input",
        &[Takes::Input, Takes::Flake],
        "take another flake for an input",
    ),
    (
        "--reference-lock-file",
        &[Takes::File],
        "read another lock file",
    ),
    (
        "--update-input",
        &[Takes::Input],
        "bring an input up to date",
    ),
];

/// Short names of flags that stand in no usage.
const SHORT: &[(&str, &str)] = &[
    ("-f", "--file"),
    ("-I", "--include"),
    ("-j", "--max-jobs"),
    ("-v", "--verbose"),
    ("-L", "--print-build-logs"),
];

/// What a verb takes.
#[derive(Debug, Default)]
pub(super) struct Usage {
    flags: Vec<(String, Vec<Takes>)>,
    positionals: Vec<(Takes, bool)>,
    evaluates: bool,
}

impl Usage {
    /// What a verb says of itself.
    pub(super) fn of(verb: &Verb) -> Self {
        Self::parse(verb.usage)
    }

    fn parse(text: &str) -> Self {
        let mut usage = Self::default();
        let mut in_flag = false;
        let mut choices: Vec<String> = Vec::new();
        for token in text.split_whitespace() {
            let ends = token.ends_with([']', ')']);
            let bare = token.trim_matches(|it| "[]()".contains(it));
            if bare == "|" || bare.is_empty() {
                in_flag = false;
                continue;
            }
            if bare.starts_with('-') && bare != "--" {
                for flag in bare.split('|') {
                    let flag = flag.trim_end_matches('…');
                    usage.flags.push((flag.to_owned(), Vec::new()));
                }
                in_flag = true;
            } else if in_flag && let Some((_, values)) = usage.flags.last_mut() {
                values.push(takes(bare.trim_end_matches('…')));
            } else if bare.contains(|it: char| it.is_ascii_lowercase()) {
                choices.extend(bare.split('|').map(str::to_owned));
            } else if bare != "--" {
                let repeats = bare.ends_with('…');
                usage
                    .positionals
                    .push((takes(bare.trim_end_matches('…')), repeats));
            }
            in_flag &= !ends;
        }
        if !choices.is_empty() {
            usage.positionals.insert(0, (Takes::Choice(choices), false));
        }
        let is_evaluated =
            |takes: &Takes| matches!(takes, Takes::Installable | Takes::Flake | Takes::Input);
        usage.evaluates = usage.positionals.iter().any(|it| is_evaluated(&it.0))
            || usage.flags.iter().any(|it| it.0 == "--expr");
        usage
    }

    fn rows(&self) -> impl Iterator<Item = &'static FlagRow> {
        let evaluating: &[FlagRow] = if self.evaluates { EVALUATING } else { &[] };
        COMMON.iter().chain(evaluating)
    }

    /// The long flags and what they do, where that is known.
    pub(super) fn flags(&self) -> impl Iterator<Item = (&str, &'static str)> {
        let own = self.flags.iter().map(|it| (it.0.as_str(), ""));
        let is_own = |flag: &str| self.flags.iter().any(|it| it.0 == flag);
        let known = self.rows().filter(move |it| !is_own(it.0));
        own.chain(known.map(|it| (it.0, it.2)))
    }

    /// The values that follow a flag.
    pub(super) fn values_of(&self, flag: &str, settings: &Settings) -> Vec<Takes> {
        let long = SHORT.iter().find(|it| it.0 == flag).map_or(flag, |it| it.1);
        if let Some((_, takes, _)) = self.rows().find(|it| it.0 == long) {
            return takes.to_vec();
        }
        if let Some((_, takes)) = self.flags.iter().find(|it| it.0 == flag) {
            return takes.clone();
        }
        match flag {
            "--out-link" | "-o" => return vec![Takes::File],
            "--flake" => return vec![Takes::Flake],
            _ => {}
        }
        let setting = long.strip_prefix("--").and_then(|it| settings.flag(it));
        match setting {
            Some(setting) if setting.takes_value() => vec![Takes::Text],
            _ => Vec::new(),
        }
    }

    /// What the word with a number is.
    pub(super) fn positional(&self, number: usize) -> Option<Takes> {
        let repeated = self.positionals.last().filter(|it| it.1);
        let found = self.positionals.get(number).or(repeated)?;
        Some(found.0.clone())
    }
}

/// What a word in capitals stands for.
fn takes(word: &str) -> Takes {
    match word {
        "FILE" | "LINK" | "PATH" | "COMMAND" => Takes::File,
        "DIRECTORY" => Takes::Directory,
        "FLAKE" | "TEMPLATE" => Takes::Flake,
        "INPUT" => Takes::Input,
        "INSTALLABLE" | "ATTRIBUTE" | "PACKAGE" | "DEPENDENCY" => Takes::Installable,
        other if other.contains('|') => {
            Takes::Choice(other.split('|').map(str::to_owned).collect())
        }
        _ => Takes::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usages_are_understood() {
        let usage = Usage::parse(
            "[-f FILE | --expr EXPR] [-o LINK | --no-link] [--json] [-s NAME VALUE] [INSTALLABLE…]",
        );
        let settings = || {
            let machine = firn_settings::Machine::detect(&|_: &str| None);
            Settings::new(&machine)
        };
        let check = |flag: &str, takes: &[Takes]| {
            assert_eq!(usage.values_of(flag, &settings()), takes, "{flag}");
        };
        check("--expr", &[Takes::Text]);
        check("-f", &[Takes::File]);
        check("-o", &[Takes::File]);
        check("--no-link", &[]);
        check("--json", &[]);
        check("-s", &[Takes::Text, Takes::Text]);
        check("--override-input", &[Takes::Input, Takes::Flake]);
        check("--option", &[Takes::Setting, Takes::Text]);
        check("--max-jobs", &[Takes::Text]);
        check("--keep-going", &[]);
        assert_eq!(usage.positional(7), Some(Takes::Installable));
    }

    #[test]
    fn words_have_places() {
        let check = |text: &str, number: usize, expected: Option<Takes>| {
            assert_eq!(Usage::parse(text).positional(number), expected, "{text}");
        };
        let choice = |words: &[&str]| {
            Some(Takes::Choice(
                words.iter().map(|&it| it.to_owned()).collect(),
            ))
        };
        check("bash|zsh|fish", 0, choice(&["bash", "zsh", "fish"]));
        check("check | switch", 0, choice(&["check", "switch"]));
        check("bash|zsh|fish", 1, None);
        check("[--registry FILE] NAME [FLAKE]", 1, Some(Takes::Flake));
        check("[--flake FLAKE] [INPUT…]", 3, Some(Takes::Input));
        check("[-t TEMPLATE] DIRECTORY", 0, Some(Takes::Directory));
        check("", 0, None);
    }
}
