//! Which packages of a profile words mean: by name, store path, regular expression, or all.

use std::collections::BTreeSet;

use firn_builtins::regex::{Regex, Scratch};
use firn_profile::manifest::{Manifest, Package};
use firn_store_model::{StoreDir, StorePath};

use crate::{Args, Context, Failure};

enum Matcher {
    All,
    Regex(String, Regex),
    Path(StorePath),
    Name(String),
}

/// The words and flags that name packages.
#[derive(Default)]
pub struct Matchers {
    all: Vec<Matcher>,
    words: Vec<String>,
}

impl Matchers {
    /// Handles a flag if it belongs here.
    pub fn take(&mut self, flag: &str, args: &mut Args) -> Result<bool, Failure> {
        match flag {
            "--all" => self.all.push(Matcher::All),
            "--regex" => {
                let pattern = args.value(flag)?;
                // Case does not matter.
                let regex = Regex::new(pattern.to_lowercase().as_bytes());
                let regex = regex.map_err(|_| {
                    Failure::usage(format!("invalid regular expression '{pattern}'"))
                })?;
                self.all.push(Matcher::Regex(pattern, regex));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Takes a word.
    pub fn word(&mut self, word: String) {
        self.words.push(word);
    }

    /// The names of the packages that are meant. What means none is warned of.
    pub fn matching(
        mut self,
        context: &Context,
        store_dir: &StoreDir,
        manifest: &Manifest,
    ) -> Result<BTreeSet<String>, Failure> {
        for word in self.words {
            if word.parse::<u64>().is_ok() {
                let program = context.program.name();
                let message = format!("'{program} profile' no longer supports indices ('{word}')");
                return Err(Failure::message(message));
            }
            self.all.push(match store_dir.parse(&word) {
                Ok(path) => Matcher::Path(path),
                Err(_) => Matcher::Name(word),
            });
        }
        if self.all.is_empty() {
            return Err(Failure::usage("No packages specified."));
        }
        let has_all = self.all.iter().any(|it| matches!(it, Matcher::All));
        if has_all && self.all.len() > 1 {
            return Err(Failure::usage(
                "--all cannot be used with package names or regular expressions.",
            ));
        }
        if manifest.packages.is_empty() {
            let text = "There are no packages in the profile.";
            context.console.warn(text);
            return Ok(BTreeSet::new());
        }
        let mut names = BTreeSet::new();
        for matcher in &self.all {
            let found = manifest.packages.iter();
            let found = found.filter(|(name, package)| matcher.matches(name, package));
            let found: Vec<_> = found.map(|it| it.0.clone()).collect();
            if found.is_empty() {
                context.console.warn(&format!(
                    "{} does not match any packages in the profile.",
                    matcher.title()
                ));
            }
            names.extend(found);
        }
        Ok(names)
    }
}

impl Matcher {
    fn title(&self) -> String {
        match self {
            Self::All => "--all".to_owned(),
            Self::Regex(pattern, _) => format!("Regex '{pattern}'"),
            Self::Path(path) => format!("Store path '{path}'"),
            Self::Name(name) => format!("Package name '{name}'"),
        }
    }

    fn matches(&self, name: &str, package: &Package) -> bool {
        match self {
            Self::All => true,
            Self::Regex(_, regex) => {
                let identifier = package.identifier().to_lowercase();
                let mut scratch = Scratch::default();
                regex
                    .match_whole(identifier.as_bytes(), &mut scratch)
                    .is_some()
            }
            Self::Path(path) => package.store_paths.contains(path),
            Self::Name(wanted) => wanted == name,
        }
    }
}
