//! Runs a foreign language suite (a folder laid out as the reference's `tests/functional/lang`)
//! against our binary and prints two scores per category: by value and exit status, and byte for
//! byte on both output streams.
//!
//! A case is `<category>-<name>.nix` with `.exp` (standard output), `.err.exp` (standard error),
//! `.exp.xml` or `.flags` beside it. Parse cases are read from standard input; in the messages the
//! suite's parent folder reads `/pwd`. The suite itself is never written to.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::workspace::{Outcome, Workspace};

/// What the chore is told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A checkout of the suite's project, or its `tests/functional/lang` folder
    #[arg(long)]
    suite: PathBuf,
    /// The binary to test
    #[arg(long, default_value = "target/release/firn")]
    binary: PathBuf,
    /// Only cases whose name contains this
    #[arg(long)]
    only: Option<String>,
    /// List the cases that differ only in their messages too
    #[arg(long)]
    strict: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Category {
    ParseFail,
    ParseOkay,
    EvalFail,
    EvalOkay,
}

impl Category {
    const ALL: [(&'static str, Self); 4] = [
        ("parse-fail", Self::ParseFail),
        ("parse-okay", Self::ParseOkay),
        ("eval-fail", Self::EvalFail),
        ("eval-okay", Self::EvalOkay),
    ];

    fn of(name: &str) -> Option<Self> {
        let found = Self::ALL
            .iter()
            .find(|(prefix, _)| name.starts_with(&format!("{prefix}-")));
        found.map(|(_, category)| *category)
    }

    fn must_fail(self) -> bool {
        matches!(self, Self::ParseFail | Self::EvalFail)
    }
}

/// What became of one case: `None` where it agreed.
struct Verdict {
    by_value: Option<String>,
    to_the_byte: Option<String>,
}

/// Runs the suite and fails if any case differs by value.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Outcome {
    let suite = Suite::open(workspace, &arguments.suite, &arguments.binary)?;
    let names = suite.names(arguments.only.as_deref())?;
    if names.is_empty() {
        return Err(format!("no case in {}", suite.lang.display()));
    }
    let verdicts = suite.run_all(&names);
    let mut scores: BTreeMap<Category, (usize, usize, usize)> = BTreeMap::new();
    let mut differing = 0;
    for (name, verdict) in &verdicts {
        let category = Category::of(name).expect("only names with a category are listed");
        let score = scores.entry(category).or_default();
        score.0 += 1;
        score.1 += usize::from(verdict.by_value.is_none());
        score.2 += usize::from(verdict.to_the_byte.is_none());
        if let Some(why) = &verdict.by_value {
            differing += 1;
            println!("FAIL {name}: {why}");
        } else if let (true, Some(why)) = (arguments.strict, &verdict.to_the_byte) {
            println!("text {name}: {why}");
        }
    }
    println!(
        "{:<12} {:>6} {:>9} {:>12}",
        "category", "cases", "by value", "to the byte"
    );
    for (label, category) in Category::ALL {
        if let Some((cases, by_value, to_the_byte)) = scores.get(&category) {
            println!("{label:<12} {cases:>6} {by_value:>9} {to_the_byte:>12}");
        }
    }
    if differing == 0 {
        Ok(())
    } else {
        Err(format!("{differing} of {} cases differ", verdicts.len()))
    }
}

pub(crate) struct Suite {
    lang: PathBuf,
    /// The folder that holds `lang`: the working directory of every case.
    parent: PathBuf,
    /// Holds `nix-instantiate`, a link to the binary.
    commands: PathBuf,
    scratch: PathBuf,
    /// Besides what every case gets.
    environment: Vec<(&'static str, String)>,
}

impl Drop for Suite {
    fn drop(&mut self) {
        // Leftovers in the temporary folder harm nobody.
        drop(std::fs::remove_dir_all(&self.scratch));
    }
}

impl Suite {
    pub(crate) fn open(workspace: &Workspace, suite: &Path, binary: &Path) -> Outcome<Self> {
        let nested = suite.join("tests/functional/lang");
        let given = if nested.is_dir() {
            nested
        } else {
            suite.to_path_buf()
        };
        let lang = given
            .canonicalize()
            .map_err(|error| format!("{}: {error}", given.display()))?;
        let parent = lang
            .parent()
            .ok_or("the suite has no parent folder")?
            .to_path_buf();
        let binary = workspace.root.join(binary);
        let binary = binary.canonicalize().map_err(|error| {
            format!(
                "{}: {error}; build it first with `cargo build --release`",
                binary.display()
            )
        })?;
        let scratch = std::env::temp_dir().join(format!("firn-conformance-{}", std::process::id()));
        let commands = scratch.join("bin");
        let conf = scratch.join("etc");
        for folder in [&commands, &conf, &scratch.join("home")] {
            std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        }
        std::os::unix::fs::symlink(&binary, commands.join("nix-instantiate"))
            .map_err(|error| error.to_string())?;
        let settings =
            "experimental-features = nix-command flakes\nsubstituters =\nshow-trace = true\n";
        std::fs::write(conf.join("nix.conf"), settings).map_err(|error| error.to_string())?;
        Ok(Self {
            lang,
            parent,
            commands,
            scratch,
            environment: Vec::new(),
        })
    }

    /// Has all cases that follow evaluated by so many threads from the first moment on.
    pub(crate) fn use_threads(&mut self, n: u32) {
        self.environment = vec![
            ("NIX_CONFIG", format!("eval-cores = {n}")),
            ("FIRN_PATIENCE_MS", "0".to_owned()),
        ];
    }

    /// Has the heap collected each time when the machine has looked up so often.
    pub(crate) fn collect_every(&mut self, n: u64) {
        self.environment.push(("FIRN_COLLECT_EVERY", n.to_string()));
    }

    pub(crate) fn names(&self, only: Option<&str>) -> Outcome<Vec<String>> {
        let listing = std::fs::read_dir(&self.lang).map_err(|error| error.to_string())?;
        let mut names = Vec::new();
        for entry in listing {
            let file = entry
                .map_err(|error| error.to_string())?
                .file_name()
                .to_string_lossy()
                .into_owned();
            let Some(name) = file.strip_suffix(".nix") else {
                continue;
            };
            let wanted = only.is_none_or(|part| name.contains(part));
            // The suite's own way of saying that a case is not run.
            let disabled = self.file(name, "exp-disabled").exists();
            if Category::of(name).is_some() && wanted && !disabled {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// What a case does, to the byte.
    pub(crate) fn output_of(&self, name: &str) -> Outcome<std::process::Output> {
        let category = Category::of(name).ok_or("a case without category")?;
        let output = self.command(name, category)?.output();
        output.map_err(|error| error.to_string())
    }

    fn run_all(&self, names: &[String]) -> Vec<(String, Verdict)> {
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::new());
        let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let verdict = self.run_case(name);
                        done.lock()
                            .expect("no worker panics")
                            .push((name.clone(), verdict));
                    }
                });
            }
        });
        let mut verdicts = done.into_inner().expect("no worker panics");
        verdicts.sort_by(|(a, _), (b, _)| a.cmp(b));
        verdicts
    }

    fn file(&self, name: &str, extension: &str) -> PathBuf {
        self.lang.join(format!("{name}.{extension}"))
    }

    fn expected(&self, name: &str, extension: &str) -> Vec<u8> {
        std::fs::read(self.file(name, extension)).unwrap_or_default()
    }

    fn run_case(&self, name: &str) -> Verdict {
        match self.compare(name) {
            Ok(verdict) => verdict,
            Err(error) => Verdict {
                by_value: Some(error.clone()),
                to_the_byte: Some(error),
            },
        }
    }

    fn compare(&self, name: &str) -> Outcome<Verdict> {
        let category = Category::of(name).ok_or("a case without category")?;
        let output = self
            .command(name, category)?
            .output()
            .map_err(|error| error.to_string())?;
        let mut verdict = Verdict {
            by_value: None,
            to_the_byte: None,
        };
        let wanted = i32::from(category.must_fail());
        if let Some(signal) = output.status.signal() {
            verdict.by_value = Some(format!("ended by signal {signal}"));
        } else if output.status.code() != Some(wanted) {
            verdict.by_value = Some(format!("{}, wanted {wanted}", output.status));
        } else if contains(&output.stderr, b"panicked at ") {
            verdict.by_value = Some("a panic".to_owned());
        } else if category.must_fail() && output.stderr.is_empty() {
            verdict.by_value = Some("failed without a message".to_owned());
        }
        let xml = self.file(name, "exp.xml").exists();
        let stdout = self.normalise(&output.stdout);
        let extension = if xml { "exp.xml" } else { "exp" };
        if verdict.by_value.is_none()
            && !category.must_fail()
            && stdout != self.expected(name, extension)
        {
            verdict.by_value = Some("the output differs".to_owned());
        }
        verdict.to_the_byte.clone_from(&verdict.by_value);
        if verdict.to_the_byte.is_none() && !xml {
            let stderr = self.postprocess(name, &self.normalise(&output.stderr))?;
            if stderr != self.expected(name, "err.exp") {
                verdict.to_the_byte = Some("the messages differ".to_owned());
            }
        }
        Ok(verdict)
    }

    fn command(&self, name: &str, category: Category) -> Outcome<Command> {
        let mut command = Command::new(self.commands.join("nix-instantiate"));
        let scratch = |folder: &str| self.scratch.join(folder);
        command
            .current_dir(&self.parent)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", scratch("home"))
            .env("NIX_REMOTE", "dummy://")
            .env("NIX_STORE_DIR", "/nix/store")
            .env("NIX_STATE_DIR", scratch("var/nix"))
            .env("NIX_CONF_DIR", scratch("etc"))
            .env("TEST_VAR", "foo")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        let path = format!("lang/{name}.nix");
        let flags = std::fs::read_to_string(self.file(name, "flags")).ok();
        match category {
            Category::ParseFail | Category::ParseOkay => {
                let input =
                    File::open(self.file(name, "nix")).map_err(|error| error.to_string())?;
                command.args(["--parse", "-"]).stdin(input);
            }
            Category::EvalFail => {
                let flags = flags.unwrap_or_else(|| "--eval --strict --show-trace".to_owned());
                let flags = flags
                    .lines()
                    .map(|line| line.split('#').next().unwrap_or(line));
                command
                    .args(flags.flat_map(str::split_whitespace))
                    .arg(path);
            }
            Category::EvalOkay if self.file(name, "exp.xml").exists() => {
                command.args(["--eval", "--xml", "--no-location", "--strict", &path]);
            }
            Category::EvalOkay => {
                let flags = flags.unwrap_or_default();
                command.args(flags.lines().next().unwrap_or("").split_whitespace());
                command.args(["--eval", "--strict", &path]);
                command
                    .env("NIX_PATH", "lang/dir3:lang/dir4")
                    .env("HOME", "/fake-home");
            }
        }
        Ok(command)
    }

    fn normalise(&self, output: &[u8]) -> Vec<u8> {
        replace(output, self.parent.as_os_str().as_encoded_bytes(), b"/pwd")
    }

    /// A case may bring a small script that removes what differs from machine to machine.
    fn postprocess(&self, name: &str, stderr: &[u8]) -> Outcome<Vec<u8>> {
        let script = self.file(name, "postprocess");
        if !script.exists() {
            return Ok(stderr.to_vec());
        }
        let base: &Path = &self.scratch.join(name);
        let file = base.with_extension("err");
        std::fs::write(&file, stderr).map_err(|error| error.to_string())?;
        let output = Command::new("bash")
            .arg(script)
            .arg(base)
            .current_dir(&self.parent)
            .output();
        output.map_err(|error| error.to_string())?;
        std::fs::read(file).map_err(|error| error.to_string())
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        if rest.starts_with(from) {
            out.extend_from_slice(to);
            rest = &rest[from.len()..];
        } else {
            out.push(rest[0]);
            rest = &rest[1..];
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_every_occurrence() {
        assert_eq!(replace(b"a /x/y b /x", b"/x", b"/pwd"), b"a /pwd/y b /pwd");
    }

    #[test]
    fn knows_categories() {
        assert!(Category::of("eval-okay-map") == Some(Category::EvalOkay));
        assert!(Category::of("lib").is_none());
    }
}
