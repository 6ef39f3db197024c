//! The verbs of `firn` and `nix`: looking one up in the table, help, suggestions.
//!
//! A verb is one word (`build`) or two (`store gc`). Verbs of which Firn knows only the name do not
//! exist here: asking for one says so.

use firn_settings::Feature;

use crate::common::FirstWord;
use crate::suggest::best_matches;
use crate::{Args, Context, Failure, Program, shebang};

/// A verb.
pub struct Verb {
    /// Its words.
    pub path: &'static [&'static str],
    /// What it does, in half a line.
    pub about: &'static str,
    /// What its arguments are.
    pub usage: &'static str,
    /// Whether only `firn` has it.
    pub only_firn: bool,
    /// Does it; gives the exit code.
    pub run: fn(&mut Context, &mut Args) -> Result<u8, Failure>,
}

/// Old names of verbs, still accepted by the reference with a warning.
const RENAMED: &[(&str, &[&str])] = &[
    ("add-to-store", &["store", "add-path"]),
    ("cat-nar", &["nar", "cat"]),
    ("cat-store", &["store", "cat"]),
    ("copy-sigs", &["store", "copy-sigs"]),
    ("dev-shell", &["develop"]),
    ("diff-closures", &["store", "diff-closures"]),
    ("dump-path", &["store", "dump-path"]),
    ("hash-file", &["hash", "file"]),
    ("hash-path", &["hash", "path"]),
    ("ls-nar", &["nar", "ls"]),
    ("ls-store", &["store", "ls"]),
    (
        "make-content-addressable",
        &["store", "make-content-addressed"],
    ),
    ("optimise-store", &["store", "optimise"]),
    ("ping-store", &["store", "info"]),
    ("sign-paths", &["store", "sign"]),
    ("show-derivation", &["derivation", "show"]),
    ("show-config", &["config", "show"]),
    ("to-base16", &["hash", "to-base16"]),
    ("to-base32", &["hash", "to-base32"]),
    ("to-base64", &["hash", "to-base64"]),
    ("verify", &["store", "verify"]),
    ("doctor", &["config", "check"]),
];

/// Groups of verbs and what they are about.
const GROUPS: &[(&str, &str)] = &[
    ("config", "show and check the configuration"),
    ("derivation", "show and add store derivations"),
    ("env", "start a shell with packages"),
    ("flake", "manage flakes and their lock files"),
    ("formatter", "build or run the formatter"),
    ("hash", "compute and convert hashes"),
    ("home", "build and switch the environment of a user"),
    ("key", "make and convert signing keys"),
    ("nar", "make archives and look into them"),
    ("profile", "manage profiles"),
    ("realisation", "look at realisations"),
    ("registry", "manage the registry of flakes"),
    ("store", "manage a store"),
    ("system", "build and switch systems"),
];

/// Finds the verb on the command line and runs it.
pub fn run(verbs: &[&Verb], context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    shebang::expand(context, args)?;
    let wants_verbs = args.flags().any(|(flag, _)| OF_VERBS.contains(&flag));
    take_features(context, args)?;
    let word = match context.first_word(args)? {
        None => return Err(Failure::usage("no subcommand specified")),
        Some(FirstWord::Help) => {
            if wants_verbs {
                context.require(Feature::NixCommand)?;
            }
            return help(verbs, context);
        }
        Some(FirstWord::Version) => {
            context.settle();
            context.print_version()?;
            return Ok(0);
        }
        Some(FirstWord::Verb(word)) => word,
    };
    if word == "help" {
        return help(verbs, context);
    }
    if word == "__dump-cli" {
        context
            .console
            .print_line(described(verbs, context).to_string())?;
        return Ok(0);
    }
    if let Some((group, about)) = GROUPS.iter().find(|it| it.0 == word)
        && asks_for_help(args)
        && args.peek().is_some_and(|it| it.starts_with('-'))
    {
        return help_of_group(verbs, context, group, about);
    }
    let verb = find(verbs, context, args, &word)?;
    if verb.only_firn && !context.program.is_firn() {
        return Err(unknown(&word, names(verbs, context.program)));
    }
    if asks_for_help(args) {
        let program = context.program.name();
        let path = verb.path.join(" ");
        let text = format!(
            "{program} {path}: {}\n\nUsage: {program} {path} {}\n\nEvery setting is a flag too; '{program} config show' lists them.",
            verb.about, verb.usage
        );
        context.console.print_line(text)?;
        return Ok(0);
    }
    if !STABLE.contains(&verb.path) {
        context.require(Feature::NixCommand)?;
    }
    context.settings.eval.pure_eval |= !context.settings.is_overridden("pure-eval");
    (verb.run)(context, args)
}

/// Verbs that need no experimental feature.
const STABLE: &[&[&str]] = &[&["config", "check"], &["repl"], &["upgrade-nix"]];

/// Flags that only verbs have.
const OF_VERBS: &[&str] = &["--print-build-logs", "--offline", "--refresh"];

/// Enables the experimental features that flags name, wherever they stand, and refuses flags for
/// settings of features that are not enabled.
fn take_features(context: &mut Context, args: &Args) -> Result<(), Failure> {
    if context.program.is_firn() {
        return Ok(());
    }
    for (flag, value) in args.flags() {
        if matches!(
            flag,
            "--experimental-features" | "--extra-experimental-features"
        ) && let Some(flag) = context.settings.flag(&flag[2..])
        {
            context
                .settings
                .apply_flag(flag, value.unwrap_or_default())?;
        }
    }
    let needed = args.flags();
    let needed = needed.filter_map(|(flag, _)| context.settings.flag(&flag[2..])?.feature());
    for feature in needed {
        context.require(feature)?;
    }
    Ok(())
}

/// The commands as data, in the shape in which the reference dumps its own.
fn described(verbs: &[&Verb], context: &Context) -> serde_json::Value {
    use serde_json::{Map, Value, json};
    let of = |verb: &Verb| json!({ "description": verb.about, "usage": verb.usage });
    let mut commands = Map::new();
    for verb in verbs {
        if verb.only_firn && !context.program.is_firn() {
            continue;
        }
        match verb.path {
            [name] => {
                commands.insert((*name).to_owned(), of(verb));
            }
            [group, name, ..] => {
                let group = commands
                    .entry(*group)
                    .or_insert_with(|| json!({ "commands": {} }));
                if let Some(Value::Object(members)) = group.get_mut("commands") {
                    members.insert((*name).to_owned(), of(verb));
                }
            }
            [] => {}
        }
    }
    json!({ "args": { "commands": commands } })
}

fn find<'a>(
    verbs: &[&'a Verb],
    context: &Context,
    args: &mut Args,
    word: &str,
) -> Result<&'a Verb, Failure> {
    let by_path = |path: &[&str]| verbs.iter().copied().find(|it| it.path == path);
    if let Some((_, path)) = RENAMED.iter().find(|it| it.0 == word) {
        let new = path.join(" ");
        context
            .console
            .warn(&format!("'{word}' is a deprecated alias for '{new}'"));
        return by_path(path).ok_or_else(|| absent(&path.join(" ")));
    }
    if let Some(verb) = by_path(&[word]) {
        return Ok(verb);
    }
    let is_group = verbs.iter().any(|it| it.path[0] == word);
    if !is_group {
        return Err(unknown(word, names(verbs, context.program)));
    }
    // The word after a group is its verb; flags between the two are left in place.
    let group: Vec<_> = verbs
        .iter()
        .filter(|it| it.path[0] == word)
        .filter_map(|it| it.path.get(1).copied())
        .collect();
    let is_setting = |flag: &str| {
        let setting = flag
            .strip_prefix("--")
            .and_then(|it| context.settings.flag(it));
        setting.is_some_and(firn_settings::Flag::takes_value)
    };
    let Some(second) = args.take_first_word(is_setting) else {
        let mut text = format!(
            "{} {word} requires a sub-command. Available sub-commands:\n",
            context.program.name()
        );
        for name in group {
            text.push_str("\n· ");
            text.push_str(name);
        }
        return Err(Failure::usage(text));
    };
    by_path(&[word, &second]).ok_or_else(|| unknown(&second, group.into_iter()))
}

fn absent(path: &str) -> Failure {
    Failure::message(format!("there is no command '{path}' yet"))
}

fn unknown<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Failure {
    Failure::usage_meaning(
        format!("'{word}' is not a recognised command"),
        best_matches(word, names),
    )
}

fn names<'a>(verbs: &'a [&Verb], program: Program) -> impl Iterator<Item = &'a str> {
    verbs
        .iter()
        .filter(move |it| program.is_firn() || !it.only_firn)
        .map(|it| it.path[0])
}

fn asks_for_help(args: &Args) -> bool {
    args.has_flag("--help")
}

fn help_of_group(
    verbs: &[&Verb],
    context: &Context,
    group: &str,
    about: &str,
) -> Result<u8, Failure> {
    let program = context.program.name();
    let mut text = format!(
        "{program} {group}: {about}\n\nUsage: {program} {group} COMMAND [ARGUMENT…]\n\nCommands:\n"
    );
    for verb in verbs.iter().filter(|it| it.path[0] == group) {
        if context.program.is_firn() || !verb.only_firn {
            let name = verb.path[1..].join(" ");
            text.push_str(&format!("  {name:<28} {}\n", verb.about));
        }
    }
    context.console.print(text)?;
    Ok(0)
}

fn help(verbs: &[&Verb], context: &Context) -> Result<u8, Failure> {
    let program = context.program.name();
    let mut text = format!("Usage: {program} COMMAND [ARGUMENT…]\n\nCommands:\n");
    for verb in verbs {
        if context.program.is_firn() || !verb.only_firn {
            text.push_str(&format!("  {:<28} {}\n", verb.path.join(" "), verb.about));
        }
    }
    text.push_str(&format!("\n'{program} COMMAND --help' says more.\n"));
    context.console.print(text)?;
    Ok(0)
}
