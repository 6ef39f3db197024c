//! A store of its own for a test, and the words to build something in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use firn_events::{RecordingSink, SharedSink};
use firn_store::{
    BuildMode, BuildResult, DerivationText, LocalOptions, LocalStore, Location, Store as _,
    StoreError,
};
use firn_store_model::{
    Derivation, DerivationError, DerivationOutput, DerivedPath, InputNode, OutputName, OutputsSpec,
    SingleDerivedPath, StoreDir, StorePath, output_placeholder,
};
use tempfile::TempDir;

use crate::{BuildSettings, BuildingStore, host_system};

/// A temporary store with a builder.
pub(crate) struct World {
    pub(crate) store: BuildingStore,
    pub(crate) events: Arc<RecordingSink>,
    pub(crate) dir: TempDir,
}

/// A derivation under construction.
pub(crate) struct Recipe {
    pub(crate) derivation: Derivation,
}

impl World {
    pub(crate) fn new() -> World {
        World::with(BuildSettings {
            max_jobs: 4,
            ..BuildSettings::default()
        })
    }

    pub(crate) fn with(settings: BuildSettings) -> World {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store_dir = StoreDir::new("/nix/store").expect("a store directory");
        World::at(dir, |dir| Location::below(dir, store_dir), settings)
    }

    /// A store whose paths lie where they say, so that a build needs no sandbox.
    pub(crate) fn without_sandbox(settings: BuildSettings) -> World {
        let dir = tempfile::tempdir().expect("a temporary directory");
        World::at(
            dir,
            |dir| {
                let store_dir = dir.join("store");
                let store_dir =
                    StoreDir::new(store_dir.to_str().expect("UTF-8")).expect("absolute");
                Location::plain(store_dir, dir.join("var"), dir.join("log"))
            },
            BuildSettings {
                sandbox: crate::SandboxMode::Disabled,
                ..settings
            },
        )
    }

    /// A store at a given place, which outlives the value.
    pub(crate) fn over(location: Location, settings: BuildSettings) -> World {
        let dir = tempfile::tempdir().expect("a temporary directory");
        World::at(dir, |_| location, settings)
    }

    fn at(
        dir: TempDir,
        location: impl FnOnce(&std::path::Path) -> Location,
        settings: BuildSettings,
    ) -> World {
        let events = Arc::new(RecordingSink::default());
        let options = LocalOptions {
            events: Arc::clone(&events) as SharedSink,
            ..LocalOptions::default()
        };
        let location = location(dir.path());
        let store = Arc::new(LocalStore::open(location, options).expect("a store"));
        World {
            store: BuildingStore::new(store, settings, Vec::new()),
            events,
            dir,
        }
    }

    pub(crate) fn store_dir(&self) -> &StoreDir {
        self.store.store_dir()
    }

    /// Where a path lies.
    pub(crate) fn real(&self, path: &StorePath) -> PathBuf {
        self.store.local().location().physical_path(path)
    }

    /// Writes a derivation to the store.
    pub(crate) fn add(&self, mut recipe: Recipe) -> StorePath {
        let store_dir = self.store_dir();
        let modulos = firn_store::derivation::HashModulos::default();
        let deferred = recipe
            .derivation
            .outputs
            .values()
            .any(|output| *output == DerivationOutput::Deferred);
        let floating_inputs = recipe.derivation.input_drvs.keys().any(|input| {
            let input = self.store.read_derivation(input).expect("readable");
            !input
                .derivation_type()
                .expect("sound")
                .has_known_output_paths()
        });
        if deferred && !floating_inputs {
            recipe
                .derivation
                .fill_output_paths::<DerivationError>(store_dir, &mut |path| {
                    Ok(modulos.of(&self.store, path).expect("inputs are there"))
                })
                .expect("sound");
        }
        let contents = recipe.derivation.print(store_dir).expect("printable");
        let path = recipe
            .derivation
            .store_path(store_dir, &contents)
            .expect("a path");
        self.store
            .add_derivations(&[DerivationText {
                path: path.clone(),
                contents,
                references: recipe.derivation.references().into_iter().collect(),
                outputs: recipe
                    .derivation
                    .output_paths(store_dir)
                    .expect("paths")
                    .into_iter()
                    .collect(),
            }])
            .expect("written");
        path
    }

    /// Realises all outputs of a derivation.
    pub(crate) fn realise(&self, drv: &StorePath, mode: BuildMode) -> BuildResult {
        self.store
            .build_paths_with_results(&[all_outputs(drv)], mode)
            .expect("a result")
            .remove(0)
    }

    /// Builds a recipe and gives its outputs.
    pub(crate) fn build(&self, recipe: Recipe) -> BTreeMap<String, StorePath> {
        let drv = self.add(recipe);
        let result = self.realise(&drv, BuildMode::Normal);
        assert!(
            result.status.is_success(),
            "{:?}: {}",
            result.status,
            result.error
        );
        result
            .outputs
            .into_iter()
            .map(|(name, output)| (name.to_string(), output.out_path))
            .collect()
    }

    /// Builds a recipe and gives the text of its output.
    pub(crate) fn text(&self, recipe: Recipe) -> String {
        let outputs = self.build(recipe);
        std::fs::read_to_string(self.real(&outputs["out"])).expect("a text")
    }

    /// Builds a recipe that must fail.
    pub(crate) fn fail(&self, recipe: Recipe) -> BuildResult {
        let drv = self.add(recipe);
        let result = self.realise(&drv, BuildMode::Normal);
        assert!(!result.status.is_success(), "it must fail");
        result
    }

    /// The error of a request as a command would see it.
    pub(crate) fn error(&self, drvs: &[&StorePath]) -> StoreError {
        let paths: Vec<_> = drvs.iter().map(|drv| all_outputs(drv)).collect();
        self.store
            .build_paths(&paths, BuildMode::Normal)
            .expect_err("it must fail")
    }
}

pub(crate) fn all_outputs(drv: &StorePath) -> DerivedPath {
    DerivedPath::Built {
        drv: Arc::new(SingleDerivedPath::Opaque(drv.clone())),
        outputs: OutputsSpec::All,
    }
}

impl Recipe {
    /// A script for the sandbox's shell with the output `out`.
    pub(crate) fn script(name: &str, script: &str) -> Recipe {
        let mut derivation = Derivation {
            name: name.to_owned(),
            platform: host_system().into_bytes(),
            builder: b"/bin/sh".to_vec(),
            args: vec![b"-c".to_vec(), script.as_bytes().to_vec()],
            ..Derivation::default()
        };
        derivation
            .outputs
            .insert(OutputName::out(), DerivationOutput::Deferred);
        derivation.env.insert(b"out".to_vec(), Vec::new());
        derivation
            .env
            .insert(b"name".to_vec(), name.as_bytes().to_vec());
        Recipe { derivation }
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<[u8]>) -> Recipe {
        self.derivation
            .env
            .insert(name.as_bytes().to_vec(), value.as_ref().to_vec());
        self
    }

    pub(crate) fn output(mut self, name: &str) -> Recipe {
        let name = OutputName::parse(name).expect("a name");
        self.derivation
            .env
            .insert(name.as_str().as_bytes().to_vec(), Vec::new());
        self.derivation
            .outputs
            .insert(name, DerivationOutput::Deferred);
        self
    }

    /// Replaces the kind of the output `out`.
    pub(crate) fn kind(mut self, output: DerivationOutput) -> Recipe {
        if matches!(
            output,
            DerivationOutput::Floating { .. } | DerivationOutput::Impure { .. }
        ) {
            let placeholder = output_placeholder("out").into_bytes();
            self.derivation.env.insert(b"out".to_vec(), placeholder);
        }
        self.derivation.outputs.insert(OutputName::out(), output);
        self
    }

    pub(crate) fn source(mut self, path: &StorePath) -> Recipe {
        self.derivation.input_srcs.insert(path.clone());
        self
    }

    pub(crate) fn input(mut self, drv: &StorePath) -> Recipe {
        self.derivation
            .input_drvs
            .insert(drv.clone(), InputNode::of([OutputName::out()]));
        self
    }
}

/// Names in a directory.
pub(crate) fn names(path: &std::path::Path) -> BTreeSet<String> {
    std::fs::read_dir(path)
        .expect("readable")
        .map(|entry| {
            entry
                .expect("readable")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect()
}
