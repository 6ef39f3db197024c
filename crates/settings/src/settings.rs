//! All settings with their values, and the ways to change them by name.
//!
//! Values come in layers, each over the one before: defaults (which depend on the [`Machine`]), the
//! system-wide file, the user's files, text from the environment, flags. Values given by the
//! user's layers count as *overridden*: those are what a daemon is told about. Whatever is odd but
//! no reason to stop is collected as a warning; the caller prints them.

use std::collections::{BTreeMap, BTreeSet};

use crate::table::Row;
use crate::themes::THEMES;
use crate::themes::{build, eval, firn, interface, sandbox, sources, store, transfer};
use crate::{Error, Feature, FeatureSet, LintLevel, Machine};

/// The values of all settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Of the scheduler.
    pub build: build::BuildSettings,
    /// Of the evaluator.
    pub eval: eval::EvalSettings,
    /// Of Firn alone.
    pub firn: firn::FirnSettings,
    /// Of the commands.
    pub interface: interface::InterfaceSettings,
    /// Of the isolation of builds.
    pub sandbox: sandbox::SandboxSettings,
    /// Of fetchers and flakes.
    pub sources: sources::SourceSettings,
    /// Of stores.
    pub store: store::StoreSettings,
    /// Of downloads.
    pub transfer: transfer::TransferSettings,
    /// Places for URLs of a scheme: the settings `mirrors.<scheme>`.
    pub mirrors: BTreeMap<String, Vec<String>>,
    pub(crate) overridden: BTreeSet<&'static str>,
    unknown: BTreeMap<String, String>,
    warnings: Vec<String>,
    nix_path_is_fixed: bool,
    machine: Machine,
}

impl Settings {
    /// What holds on this machine before anything is configured.
    pub fn new(machine: &Machine) -> Self {
        let mut settings = Self::documented(machine);
        // Not part of the default that is shown, as in the reference.
        if machine.is_root {
            "nixbld".clone_into(&mut settings.sandbox.build_users_group);
        }
        settings
    }

    /// The defaults as they are documented.
    pub(crate) fn documented(machine: &Machine) -> Self {
        Self {
            build: build::BuildSettings::new(machine),
            eval: eval::EvalSettings::new(machine),
            firn: firn::FirnSettings::new(machine),
            interface: interface::InterfaceSettings::new(machine),
            sandbox: sandbox::SandboxSettings::new(machine),
            sources: sources::SourceSettings::new(machine),
            store: store::StoreSettings::new(machine),
            transfer: transfer::TransferSettings::new(machine),
            mirrors: BTreeMap::new(),
            overridden: BTreeSet::new(),
            unknown: BTreeMap::new(),
            warnings: Vec::new(),
            nix_path_is_fixed: machine.nix_path.is_some(),
            machine: machine.clone(),
        }
    }

    /// The machine that the defaults were made for.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// All settings, sorted by name.
    pub fn rows() -> Vec<&'static Row> {
        let mut rows: Vec<_> = THEMES.iter().flat_map(|it| it.iter()).collect();
        rows.sort_by_key(|it| it.name);
        rows
    }

    /// The setting with this name or alias.
    pub fn row(name: &str) -> Option<&'static Row> {
        THEMES
            .iter()
            .flat_map(|it| it.iter())
            .find(|it| it.name == name || it.aliases.contains(&name))
    }

    /// Sets or, with `extra-` before the name, appends to a setting. Tells whether it is known;
    /// unknown ones are remembered and become warnings by [`Self::warn_of_unknown`].
    pub fn set(&mut self, name: &str, text: &str) -> Result<bool, Error> {
        if let Some(scheme) = name.strip_prefix("mirrors.") {
            let places = text.split_ascii_whitespace().map(str::to_owned).collect();
            self.mirrors.insert(scheme.to_owned(), places);
            return Ok(true);
        }
        if let Some(row) = Self::row(name) {
            self.set_row(row, text, false)?;
            return Ok(true);
        }
        let appendable = name
            .strip_prefix("extra-")
            .and_then(Self::row)
            .filter(|row| (row.field)(self).flag_shape() == crate::FlagShape::List);
        if let Some(row) = appendable {
            self.set_row(row, text, true)?;
            return Ok(true);
        }
        self.unknown
            .entry(name.to_owned())
            .or_insert_with(|| text.to_owned());
        Ok(false)
    }

    /// Sets one setting, unless the feature it belongs to is off.
    pub fn set_row(&mut self, row: &'static Row, text: &str, append: bool) -> Result<(), Error> {
        if let Some(feature) = row.feature
            && !self.is_enabled(feature)
        {
            self.warnings.push(format!(
                "Ignoring setting '{}' because experimental feature '{feature}' is not enabled",
                row.name
            ));
        } else {
            let mut warnings = Vec::new();
            (row.field_mut)(self).take(row.name, text, append, &mut warnings)?;
            self.warnings.append(&mut warnings);
            self.replace_deprecated(row);
        }
        self.overridden.insert(row.name);
        Ok(())
    }

    fn replace_deprecated(&mut self, row: &Row) {
        if row.name != "warn-short-path-literals" {
            return;
        }
        let (level, word) = if self.eval.warn_short_path_literals {
            (LintLevel::Warn, "warn")
        } else {
            (LintLevel::Ignore, "ignore")
        };
        self.warnings.push(format!(
            "'{}' is deprecated, use 'lint-short-path-literals = {word}' instead",
            row.name
        ));
        if !self.is_overridden("lint-short-path-literals") {
            self.eval.lint_short_path_literals = level;
        }
    }

    /// Applies assignments in order, except that features come first, because other settings
    /// depend on them, and that a search path from the environment stays.
    pub(crate) fn apply(&mut self, assignments: &[(String, String)]) -> Result<(), Error> {
        let is_features = |name: &str| {
            matches!(
                name,
                "experimental-features" | "extra-experimental-features"
            )
        };
        for (name, text) in assignments.iter().filter(|it| is_features(&it.0)) {
            self.set(name, text)?;
        }
        for (name, text) in assignments.iter().filter(|it| !is_features(&it.0)) {
            let is_path = matches!(name.as_str(), "nix-path" | "extra-nix-path");
            if !(is_path && self.nix_path_is_fixed) {
                self.set(name, text)?;
            }
        }
        Ok(())
    }

    /// Whether a user's layer or a flag has given this setting.
    pub fn is_overridden(&self, name: &str) -> bool {
        self.overridden.contains(name)
    }

    /// Name and text of all settings that a user's layer or a flag has given.
    pub fn overridden(&self) -> Vec<(&'static str, String)> {
        Self::rows()
            .into_iter()
            .filter(|row| self.is_overridden(row.name))
            .map(|row| (row.name, (row.field)(self).render()))
            .collect()
    }

    /// The features that are switched on.
    pub fn features(&self) -> FeatureSet {
        self.interface.experimental_features
    }

    /// Whether a feature is on.
    pub fn is_enabled(&self, feature: Feature) -> bool {
        self.features().contains(feature)
    }

    /// Fails with the reference's words if a feature is off.
    pub fn require(&self, feature: Feature) -> Result<(), Error> {
        if self.is_enabled(feature) {
            Ok(())
        } else {
            Err(Error::FeatureDisabled { feature })
        }
    }

    /// Switches features on beneath every layer, as a front end with other defaults does.
    pub fn enable_by_default(&mut self, features: FeatureSet) {
        self.interface.experimental_features.extend(features);
    }

    /// Adds a warning to those that wait to be printed.
    pub fn warn(&mut self, text: impl Into<String>) {
        self.warnings.push(text.into());
    }

    /// Turns the unknown settings met so far into warnings.
    pub fn warn_of_unknown(&mut self) {
        for (name, _) in std::mem::take(&mut self.unknown) {
            self.warnings.push(format!("unknown setting '{name}'"));
        }
    }

    /// The warnings since the last call, in order.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }
}
