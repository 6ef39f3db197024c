//! One case: its folder, its kind, and how its outcome is judged.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use firn_testkit::golden;
use serde::Deserialize;

use crate::run::{Commands, Outcome};

/// Folder, program, arguments, exit status.
const KINDS: &[(&str, &str, &[&str], i32)] = &[
    ("parse-ok", "nix-instantiate", &["--parse", "in.nix"], 0),
    ("parse-fail", "nix-instantiate", &["--parse", "in.nix"], 1),
    (
        "eval-ok",
        "nix-instantiate",
        &["--eval", "--strict", "in.nix"],
        0,
    ),
    (
        "eval-fail",
        "nix-instantiate",
        &["--eval", "--strict", "in.nix"],
        1,
    ),
    ("lazy", "nix-instantiate", &["--eval", "in.nix"], 0),
    (
        "identity",
        "nix-instantiate",
        &["--eval", "--strict", "in.nix"],
        0,
    ),
    ("explain", "firn", &["eval", "-f", "in.nix"], 1),
    ("repl", "firn", &["repl"], 0),
    ("session", "sh", &["in.sh"], 0),
    (
        "build",
        "firn",
        &["build", "-f", "in.nix", "--no-link", "--print-out-paths"],
        0,
    ),
];

/// What `test.toml` may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    program: Option<String>,
    arguments: Option<Vec<String>>,
    stdin: Option<String>,
    exit: Option<i32>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
}

/// One folder of data.
pub(crate) struct Case {
    pub(crate) name: String,
    kind: &'static str,
    folder: PathBuf,
    program: String,
    arguments: Vec<String>,
    stdin: Option<PathBuf>,
    exit: i32,
    environment: BTreeMap<String, String>,
    known_wrong: bool,
}

/// Every case below `root`, by name.
pub(crate) fn discover(root: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for (prefix, known_wrong) in [("", false), ("expected-failures/", true)] {
        for &(kind, program, arguments, exit) in KINDS {
            let folder = root.join(format!("{prefix}{kind}"));
            let Ok(listing) = std::fs::read_dir(&folder) else {
                continue;
            };
            for entry in listing {
                let folder = entry.expect("a case folder is readable").path();
                let name = folder
                    .file_name()
                    .expect("a listed entry has a name")
                    .to_string_lossy();
                let mut case = Case {
                    name: format!("{prefix}{kind}/{name}"),
                    kind,
                    folder: folder.clone(),
                    program: program.to_owned(),
                    arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
                    stdin: (kind == "repl").then(|| folder.join("in.repl")),
                    exit,
                    environment: BTreeMap::new(),
                    known_wrong,
                };
                case.apply_spec();
                cases.push(case);
            }
        }
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

impl Case {
    fn apply_spec(&mut self) {
        let Ok(text) = std::fs::read_to_string(self.folder.join("test.toml")) else {
            return;
        };
        let spec: Spec =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        self.program = spec.program.unwrap_or_else(|| self.program.clone());
        self.arguments = spec.arguments.unwrap_or_else(|| self.arguments.clone());
        self.stdin = spec
            .stdin
            .map(|file| self.folder.join(file))
            .or_else(|| self.stdin.clone());
        self.exit = spec.exit.unwrap_or(self.exit);
        self.environment = spec.environment;
    }

    /// Runs the case and compares.
    pub(crate) fn check(&self, commands: &Commands) -> Result<(), String> {
        let words = self
            .arguments
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>();
        let stdin = self.stdin.as_deref();
        let outcome = commands.run(
            &self.program,
            &words,
            &self.folder,
            stdin,
            &self.environment,
        )?;
        let verdict = self.judge(&outcome);
        match (self.known_wrong, verdict) {
            (false, verdict) => verdict,
            (true, Err(_)) => Ok(()),
            (true, Ok(())) => Err("passes now: move it out of `expected-failures`".to_owned()),
        }
    }

    fn judge(&self, outcome: &Outcome) -> Result<(), String> {
        if outcome.exit != Some(self.exit) {
            let stderr = String::from_utf8_lossy(&outcome.stderr);
            return Err(format!(
                "exit {:?}, wanted {}\n{stderr}",
                outcome.exit, self.exit
            ));
        }
        if self.kind == "identity" {
            let source =
                std::fs::read(self.folder.join("in.nix")).map_err(|error| error.to_string())?;
            let difference = firn_testkit::difference(&source, &outcome.stdout);
            return difference.map_or(Ok(()), Err);
        }
        golden::check(&self.folder.join("stdout"), &outcome.stdout)?;
        golden::check(&self.folder.join("stderr"), &outcome.stderr)?;
        if self.kind == "build" {
            golden::check(
                &self.folder.join("output"),
                &outcome.built.clone().unwrap_or_default(),
            )?;
        }
        Ok(())
    }
}
