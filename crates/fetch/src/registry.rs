//! Registries: which input a name stands for. Four are asked in turn: those of flags, of the user,
//! of the system, and the global one, which is fetched.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::attrs::{self, Attrs};
use crate::{FetchError, Fetcher, Input, Result};

/// Which registries may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UseRegistries {
    /// None.
    No,
    /// All.
    All,
    /// Those that do not depend on the user and the system: flags and the global one.
    Limited,
}

/// Where a registry comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistryKind {
    /// Flags of the command line.
    Flag,
    /// The user's file.
    User,
    /// The system's file.
    System,
    /// The global one.
    Global,
    /// A file that a command names.
    Custom,
}

impl RegistryKind {
    /// Those that are asked, in order.
    const ASKED: &[Self] = &[Self::Flag, Self::User, Self::System, Self::Global];

    /// Its name in listings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flag => "flags",
            Self::User => "user",
            Self::System => "system",
            Self::Global => "global",
            Self::Custom => "custom",
        }
    }
}

/// One line of a registry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The input that is looked up.
    pub from: Input,
    /// What it stands for.
    pub to: Input,
    /// What belongs to the flake reference rather than the input: a directory.
    pub extra: Attrs,
    /// Whether only the very input is meant, not another branch of it.
    pub exact: bool,
}

/// A registry.
#[derive(Clone, Debug)]
pub struct Registry {
    /// Where it comes from.
    pub kind: RegistryKind,
    /// Its lines.
    pub entries: Vec<Entry>,
}

impl Registry {
    /// An empty registry.
    pub fn new(kind: RegistryKind) -> Self {
        Self {
            kind,
            entries: Vec::new(),
        }
    }

    /// Reads a file; one that is not there is empty, and one that makes no sense is told of.
    pub fn read(fetcher: &Fetcher, path: &Path, kind: RegistryKind) -> Self {
        let mut registry = Self::new(kind);
        let shown = path.display();
        let Ok(text) = std::fs::read(path) else {
            return registry;
        };
        match serde_json::from_slice::<Value>(&text) {
            Ok(value) => {
                if let Err(error) = registry.fill(fetcher, &value, path) {
                    fetcher.warn(&format!("cannot read flake registry '{shown}': {error}"));
                }
            }
            Err(error) => fetcher.warn(&format!("cannot parse flake registry '{shown}': {error}")),
        }
        registry
    }

    fn fill(&mut self, fetcher: &Fetcher, value: &Value, path: &Path) -> Result<()> {
        let version = value.get("version").and_then(Value::as_i64).unwrap_or(0);
        if version != 2 {
            return Err(FetchError::new(format!(
                "flake registry '{}' has unsupported version {version}",
                path.display()
            )));
        }
        for line in value
            .get("flakes")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let mut to = attrs::from_json(&line["to"])?;
            let mut extra = Attrs::new();
            if let Some(dir) = to.remove("dir") {
                extra.insert("dir".to_owned(), dir);
            }
            self.entries.push(Entry {
                from: Input::from_attrs(fetcher, attrs::from_json(&line["from"])?)?,
                to: Input::from_attrs(fetcher, to)?,
                extra,
                exact: line.get("exact").and_then(Value::as_bool).unwrap_or(false),
            });
        }
        Ok(())
    }

    /// Writes a file.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut lines = Vec::new();
        for entry in &self.entries {
            let mut to = entry.to.attrs.clone();
            to.extend(entry.extra.clone());
            let mut line = Map::new();
            if entry.exact {
                line.insert("exact".to_owned(), true.into());
            }
            line.insert("from".to_owned(), attrs::to_json(&entry.from.attrs));
            line.insert("to".to_owned(), attrs::to_json(&to));
            lines.push(Value::Object(line));
        }
        let flakes = if lines.is_empty() {
            Value::Null
        } else {
            lines.into()
        };
        let value = json!({"flakes": flakes, "version": 2});
        let failed = |error: std::io::Error| FetchError::io("writing", path, &error);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        let text =
            serde_json::to_vec_pretty(&value).map_err(|it| FetchError::new(it.to_string()))?;
        std::fs::write(path, text).map_err(failed)
    }

    /// Adds a line.
    pub fn add(&mut self, from: Input, to: Input, extra: Attrs) {
        self.entries.push(Entry {
            from,
            to,
            extra,
            exact: false,
        });
    }

    /// Removes the lines of an input.
    pub fn remove(&mut self, from: &Input) {
        self.entries.retain(|it| it.from != *from);
    }
}

impl Fetcher {
    /// The registry of a kind; read once.
    pub fn registry(&self, kind: RegistryKind) -> Result<Registry> {
        if let Some(known) = self.known_registry(kind) {
            return Ok(known);
        }
        let options = self.options();
        let registry = match kind {
            RegistryKind::User => Registry::read(self, &options.user_registry, kind),
            RegistryKind::System => Registry::read(self, &options.system_registry, kind),
            RegistryKind::Global => {
                let place = self.flake_registry();
                if place.is_empty() {
                    Registry::new(kind)
                } else if place.starts_with('/') {
                    Registry::read(self, Path::new(&place), kind)
                } else {
                    Registry::read(self, &self.global_registry(&place)?, kind)
                }
            }
            RegistryKind::Flag | RegistryKind::Custom => Registry::new(kind),
        };
        self.remember_registry(registry.clone());
        Ok(registry)
    }

    /// All registries, in the order in which they are asked.
    pub fn registries(&self) -> Result<Vec<Registry>> {
        RegistryKind::ASKED
            .iter()
            .map(|it| self.registry(*it))
            .collect()
    }

    fn global_registry(&self, place: &str) -> Result<PathBuf> {
        let file = self.download_file(place, "flake-registry.json", &[])?;
        let link = self.options().cache_dir.join("flake-registry.json");
        // That it can be collected costs another download, nothing else.
        self.store().add_perm_root(&file.path, &link).ok();
        self.physical(&file.path)
    }

    /// What an input stands for, and what belongs to the flake reference.
    pub fn look_up(&self, wanted: &Input, which: UseRegistries) -> Result<(Input, Attrs)> {
        let (mut input, mut extra) = (wanted.clone(), Attrs::new());
        if which == UseRegistries::No {
            return Ok((input, extra));
        }
        let mut n_steps = 0;
        while let Some(entry) = self.entry_for(&input, which)? {
            n_steps += 1;
            if n_steps > 100 {
                return Err(FetchError::new(format!(
                    "cycle detected in flake registry for '{}'",
                    input.show()
                )));
            }
            if entry.exact {
                input = entry.to;
            } else {
                let git_ref = if entry.from.git_ref().is_none() {
                    input.git_ref()
                } else {
                    None
                };
                let rev = input.rev_text().filter(|_| entry.from.rev_text().is_none());
                input = entry.to.with_overrides(git_ref, rev.as_deref())?;
            }
            extra = entry.extra;
        }
        if !input.is_direct() {
            return Err(FetchError::new(format!(
                "cannot find flake '{}' in the flake registries",
                input.show()
            )));
        }
        Ok((input, extra))
    }

    fn entry_for(&self, input: &Input, which: UseRegistries) -> Result<Option<Entry>> {
        for &kind in RegistryKind::ASKED {
            let is_meant = which == UseRegistries::All
                || matches!(kind, RegistryKind::Flag | RegistryKind::Global);
            // What can be fetched already is no reason to go to the network for a registry.
            let is_worth = kind != RegistryKind::Global
                || !input.is_direct()
                || self.known_registry(kind).is_some();
            if !is_meant || !is_worth {
                continue;
            }
            let registry = self.registry(kind)?;
            if let Some(entry) = registry.entries.into_iter().find(|it| it.matches(input)) {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }
}

impl Entry {
    fn matches(&self, input: &Input) -> bool {
        if self.exact {
            self.from == *input
        } else {
            self.from.contains(input)
        }
    }
}
