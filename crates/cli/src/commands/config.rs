//! `config show`: the settings and their values. `config check`: whether all is well.

use std::collections::BTreeSet;
use std::path::PathBuf;

use firn_events::Level;
use firn_store_model::StorePath;

use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

/// `config show [--json] [NAME]`.
pub static SHOW: Verb = Verb {
    path: &["config", "show"],
    about: "show all settings, or the value of one",
    usage: "[--json] [NAME]",
    only_firn: false,
    run: show,
};

fn show(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut json = false;
    let mut name = None;
    while let Some(arg) = args.next() {
        match arg {
            Arg::Flag(flag) if flag == "--json" => json = true,
            Arg::Flag(flag) => context.take_common(&flag, args)?,
            Arg::Word(word) if name.is_none() => name = Some(word),
            Arg::Word(word) => return Err(Failure::unexpected(&word)),
        }
    }
    context.settle();
    let settings = &context.settings;
    let all = context.program.is_firn();
    let text = match name {
        Some(_) if json => {
            return Err(Failure::usage(
                "'--json' is not supported when specifying a setting name",
            ));
        }
        Some(name) => {
            let value = settings.render(&name);
            value.ok_or_else(|| Failure::message(format!("could not find setting '{name}'")))?
                + "\n"
        }
        None if json => settings.show_json(all).to_string() + "\n",
        None => settings.show_text(all),
    };
    context.console.print(text)?;
    Ok(0)
}

/// `config check`.
pub static CHECK: Verb = Verb {
    path: &["config", "check"],
    about: "check the installation for problems",
    usage: "",
    only_firn: false,
    run: check,
};

/// What a check found.
struct Findings<'a> {
    context: &'a Context,
    all_well: bool,
}

impl Findings<'_> {
    fn say(&self, text: &str) {
        self.context.console.log(Level::Notice, text);
    }

    fn pass(&self, text: &str) {
        self.say(&format!("[PASS] {text}"));
    }

    fn fail(&mut self, text: &str) {
        self.all_well = false;
        self.say(&format!("[FAIL] {text}"));
    }
}

fn check(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    context.no_more_arguments(args)?;
    let store = context.open_store()?;
    let mut findings = Findings {
        context,
        all_well: true,
    };
    let url = store.url();
    findings.say(&format!("Running checks against store uri: {url}"));
    store.introduce()?;
    let is_here = store.physical_path(&any_path()).is_some();
    if is_here && !context.program.is_firn() {
        check_search_path(&mut findings);
        check_profiles(&mut findings);
    }
    let traits = store.traits();
    match &traits.protocol {
        Some((ours, theirs)) if ours != theirs => findings.fail(&format!(
            "Warning: protocol version of this client does not match the store.\nWhile this is \
             not necessarily a problem it's recommended to keep the client in\nsync with the \
             daemon.\n\nClient protocol: {ours}\nStore protocol: {theirs}\n"
        )),
        _ => findings.pass("Client protocol matches store protocol."),
    }
    findings.say(&match traits.trusts_us {
        Some(true) => format!("[INFO] You are trusted by store uri: {url}"),
        Some(false) => format!("[INFO] You are not trusted by store uri: {url}"),
        None => format!("[INFO] Store uri: {url} doesn't have a notion of trusted user"),
    });
    Ok(if findings.all_well { 0 } else { 2 })
}

/// A path to ask with whether a store has files here at all.
fn any_path() -> StorePath {
    StorePath::parse("00000000000000000000000000000000-x").expect("a store path")
}

fn search_path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).collect()
}

fn check_search_path(findings: &mut Findings<'_>) {
    let found: BTreeSet<PathBuf> = search_path()
        .iter()
        .map(|directory| directory.join("nix-env"))
        .filter_map(|program| {
            std::fs::canonicalize(program)
                .ok()?
                .parent()
                .map(PathBuf::from)
        })
        .collect();
    match found.len() {
        0 => findings.fail("No nix-env found in PATH."),
        1 => findings.pass("PATH contains only one nix version."),
        _ => {
            let mut text = "Multiple versions of nix found in PATH:".to_owned();
            for directory in found {
                text.push_str(&format!("\n  {}", directory.display()));
            }
            findings.fail(&text);
        }
    }
}

fn check_profiles(findings: &mut Findings<'_>) {
    let mut outside = BTreeSet::new();
    for directory in search_path() {
        let Some(mut profile) = directory.parent().map(PathBuf::from) else {
            continue;
        };
        let leads_to_environment = std::fs::canonicalize(&profile)
            .is_ok_and(|it| it.to_string_lossy().ends_with("user-environment"));
        if !leads_to_environment {
            continue;
        }
        let is_kept = |place: &PathBuf| place.iter().any(|part| part == "profiles");
        while !is_kept(&profile)
            && let Ok(target) = std::fs::read_link(&profile)
        {
            profile = profile
                .parent()
                .map_or(target.clone(), |it| it.join(&target));
        }
        if !is_kept(&profile) {
            outside.insert(directory);
        }
    }
    if outside.is_empty() {
        return findings.pass("All profiles are gcroots.");
    }
    let mut text = "Found profiles outside of the state directory's profiles.\nThe generation \
                    this profile points to might not have a gcroot and could be\ngarbage \
                    collected, resulting in broken symlinks.\n"
        .to_owned();
    for directory in outside {
        text.push_str(&format!("\n  {}", directory.display()));
    }
    findings.fail(&text);
}
