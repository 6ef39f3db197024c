//! Building on behalf of a store that has no builder, such as a binary cache: other machines build,
//! and what they made is copied to it.
//!
//! The derivations are the store's own, and so is the answer to what is there already. They are
//! gone through from the inputs up, one after the other; those whose paths depend on what their
//! inputs turn out to be are resolved first, as the scheduler does for a local store.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use firn_events::{ActivityGuard, ActivityKind, Level, SharedSink};
use firn_store::derivation::HashModulos;
use firn_store::{
    BuildMode, BuildResult, BuildStatus, CopyOptions, Realiser, Store, StoreError, StorePathSet,
    copy_closure, copy_paths,
};
use firn_store_model::{
    Derivation, DerivedPath, DrvOutput, OutputName, OutputsSpec, Realisation, SingleDerivedPath,
    StorePath,
};

use crate::BuildError;
use crate::machines::Machine;
use crate::options::DerivationOptions;
use crate::remote::MachineOpener;
use crate::resolve::{resolved, with_known_inputs};
use crate::store::realisations;

type Outputs = BTreeMap<OutputName, StorePath>;

/// Machines that build for stores which cannot.
pub struct MachinesOnBehalf {
    machines: Arc<[Machine]>,
    opener: Arc<dyn MachineOpener>,
    events: SharedSink,
}

impl MachinesOnBehalf {
    /// The machines in the order in which they are asked, and the way to their stores.
    pub fn new(
        machines: Arc<[Machine]>,
        opener: Arc<dyn MachineOpener>,
        events: SharedSink,
    ) -> MachinesOnBehalf {
        MachinesOnBehalf {
            machines,
            opener,
            events,
        }
    }
}

impl Realiser for MachinesOnBehalf {
    fn realise(
        &self,
        store: &dyn Store,
        paths: &[DerivedPath],
    ) -> Result<Vec<BuildResult>, StoreError> {
        let mut work = Work {
            store,
            own: self,
            modulos: HashModulos::default(),
            known: HashMap::new(),
            has_built: HashSet::new(),
            opened: HashMap::new(),
        };
        paths.iter().map(|path| work.result_of(path)).collect()
    }
}

/// A request being worked on.
struct Work<'a> {
    store: &'a dyn Store,
    own: &'a MachinesOnBehalf,
    modulos: HashModulos,
    /// The outputs of derivations that are done.
    known: HashMap<StorePath, Outputs>,
    has_built: HashSet<StorePath>,
    /// The stores of machines, by their place in the list.
    opened: HashMap<usize, Arc<dyn Store>>,
}

impl Work<'_> {
    fn result_of(&mut self, path: &DerivedPath) -> Result<BuildResult, StoreError> {
        let outcome = self.realise(path);
        let (status, error, outputs) = match outcome {
            Ok((status, outputs)) => (status, String::new(), outputs),
            Err(error) => (error.status, error.message, Outputs::new()),
        };
        Ok(BuildResult {
            path: path.clone(),
            status,
            error,
            times_built: u64::from(status == BuildStatus::Built),
            time: (0, 0),
            cpu_time: None,
            outputs: realisations(self.store, &self.modulos, path, outputs)?,
        })
    }

    fn realise(&mut self, path: &DerivedPath) -> Result<(BuildStatus, Outputs), BuildError> {
        match path {
            DerivedPath::Opaque(path) => {
                self.store.ensure_path(path)?;
                Ok((BuildStatus::AlreadyValid, Outputs::new()))
            }
            DerivedPath::Built { drv, .. } => {
                let SingleDerivedPath::Opaque(drv) = &**drv else {
                    return Err(self.refused("a derivation that is an output"));
                };
                let outputs = self.outputs_of(drv)?;
                let status = if self.has_built.contains(drv) {
                    BuildStatus::Built
                } else {
                    BuildStatus::AlreadyValid
                };
                Ok((status, outputs))
            }
        }
    }

    fn refused(&self, what: &str) -> BuildError {
        BuildError::misc(format!(
            "cannot build {what} for the store '{}', which has no builder of its own",
            self.store.url()
        ))
    }

    fn print(&self, path: &StorePath) -> String {
        self.store.store_dir().print(path)
    }

    /// Makes the outputs of a derivation valid, and those of all that it is built from. Graphs may be
    /// deeper than the native stack, so the way is kept in a list.
    fn outputs_of(&mut self, top: &StorePath) -> Result<Outputs, BuildError> {
        let mut pending = vec![top.clone()];
        // Those that wait for their inputs.
        let mut open = HashSet::new();
        while let Some(drv_path) = pending.last().cloned() {
            if self.known.contains_key(&drv_path) {
                pending.pop();
                continue;
            }
            if let Some(outputs) = self.valid_outputs(&drv_path)? {
                self.known.insert(drv_path, outputs);
                continue;
            }
            let derivation = self.store.read_derivation(&drv_path)?;
            if derivation.has_dynamic_inputs() {
                return Err(self.refused("what depends on a derivation that is an output"));
            }
            let inputs = derivation.input_drvs.keys();
            let missing: Vec<_> = inputs
                .filter(|input| !self.known.contains_key(*input))
                .cloned()
                .collect();
            if missing.is_empty() {
                let outputs = self.build(&drv_path, &derivation)?;
                self.has_built.insert(drv_path.clone());
                self.known.insert(drv_path, outputs);
            } else if open.insert(drv_path.clone()) {
                pending.extend(missing);
            } else {
                return Err(BuildError::misc(format!(
                    "derivation '{}' depends on itself",
                    self.print(&drv_path)
                )));
            }
        }
        Ok(self.known[top].clone())
    }

    /// The outputs of a derivation, if the store has all of them.
    fn valid_outputs(&self, drv_path: &StorePath) -> Result<Option<Outputs>, StoreError> {
        let mut outputs = Outputs::new();
        for (name, path) in self.store.query_derivation_output_map(drv_path)? {
            match path {
                Some(path) if self.store.is_valid_path(&path)? => drop(outputs.insert(name, path)),
                _ => return Ok(None),
            }
        }
        Ok(Some(outputs))
    }

    /// Builds a derivation whose inputs are there.
    fn build(
        &mut self,
        drv_path: &StorePath,
        derivation: &Derivation,
    ) -> Result<Outputs, BuildError> {
        let store_dir = self.store.store_dir();
        let output_map = |input: &StorePath| {
            let outputs = self.known.get(input).into_iter().flatten();
            Ok(outputs
                .map(|(name, path)| (name.clone(), Some(path.clone())))
                .collect())
        };
        let kind = derivation
            .derivation_type()
            .map_err(|error| BuildError::misc(error.to_string()))?;
        if kind.has_known_output_paths() || derivation.input_drvs.is_empty() {
            let derivation = with_known_inputs(store_dir, derivation, &output_map)?;
            return self.build_elsewhere(drv_path, &derivation);
        }
        let (resolved_path, text) = resolved(store_dir, drv_path, derivation, &output_map)?;
        if !self.store.is_valid_path(&resolved_path)? {
            self.store.add_derivations(&[text])?;
        }
        let outputs = if let Some(outputs) = self.valid_outputs(&resolved_path)? {
            outputs
        } else {
            let resolved = self.store.read_derivation(&resolved_path)?;
            self.build_elsewhere(&resolved_path, &resolved)?
        };
        self.note(drv_path, &outputs)?;
        Ok(outputs)
    }

    /// Writes down what a derivation was realised to.
    fn note(&self, drv_path: &StorePath, outputs: &Outputs) -> Result<(), StoreError> {
        let drv_hash = self.modulos.of_outputs(self.store, drv_path)?;
        for (output, out_path) in outputs {
            let realisation = Realisation {
                id: DrvOutput {
                    drv_hash,
                    output: output.clone(),
                },
                out_path: out_path.clone(),
                signatures: [].into(),
                dependent_realisations: BTreeMap::new(),
            };
            self.store.register_realisation(&realisation, false)?;
        }
        Ok(())
    }

    /// Has a derivation built that refers to store paths only, and copies its outputs.
    fn build_elsewhere(
        &mut self,
        drv_path: &StorePath,
        derivation: &Derivation,
    ) -> Result<Outputs, BuildError> {
        let (url, machine) = self.machine_for(drv_path, derivation)?;
        let printed = self.print(drv_path);
        let _activity = ActivityGuard::start(
            &self.own.events,
            None,
            Level::Info,
            format!("building '{printed}' on '{url}'"),
            ActivityKind::Build {
                drv_path: printed.into_bytes(),
                machine: url.clone(),
                round: 1,
                n_rounds: 1,
            },
        );
        let inputs: StorePathSet = derivation.input_srcs.iter().cloned().collect();
        copy_closure(self.store, &*machine, &inputs, &self.copying())?;
        let kind = derivation
            .derivation_type()
            .map_err(|error| BuildError::misc(error.to_string()))?;
        let is_trusted = machine.traits().trusts_us.unwrap_or(true);
        let result = if is_trusted || kind.is_content_addressed() {
            machine.build_derivation(drv_path, derivation, BuildMode::Normal)?
        } else {
            // The other side wants to check all of it.
            let drv = StorePathSet::from([drv_path.clone()]);
            copy_closure(self.store, &*machine, &drv, &self.copying())?;
            let wanted = DerivedPath::Built {
                drv: Arc::new(SingleDerivedPath::Opaque(drv_path.clone())),
                outputs: OutputsSpec::All,
            };
            let results = machine.build_paths_with_results(&[wanted], BuildMode::Normal)?;
            results
                .into_iter()
                .next()
                .ok_or_else(|| BuildError::misc(format!("'{url}' did not say what it built")))?
        };
        if !result.status.is_success() {
            let message = format!("{}\n(on '{url}')", result.error);
            return Err(BuildError::new(result.status, message));
        }
        let mut outputs = Outputs::new();
        let known = derivation
            .output_paths(self.store.store_dir())
            .map_err(|error| BuildError::misc(error.to_string()))?;
        for (name, path) in known {
            let told = result.outputs.get(&name).map(|it| it.out_path.clone());
            let path = path.or(told).ok_or_else(|| {
                BuildError::misc(format!("'{url}' did not say what output '{name}' is"))
            })?;
            outputs.insert(name, path);
        }
        let made: StorePathSet = outputs.values().cloned().collect();
        copy_paths(&*machine, self.store, &made, &self.copying())?;
        if !kind.has_known_output_paths() {
            self.note(drv_path, &outputs)?;
        }
        Ok(outputs)
    }

    /// The first machine that can build a derivation and can be reached.
    fn machine_for(
        &mut self,
        drv_path: &StorePath,
        derivation: &Derivation,
    ) -> Result<(String, Arc<dyn Store>), BuildError> {
        let platform = String::from_utf8_lossy(&derivation.platform);
        let features = DerivationOptions::of(derivation)?.required_system_features;
        for (idx, machine) in self.own.machines.iter().enumerate() {
            if !machine.can_build(&platform, &features) {
                continue;
            }
            if let Some(store) = self.opened.get(&idx) {
                return Ok((machine.url.clone(), Arc::clone(store)));
            }
            let opened = self
                .own
                .opener
                .open(machine, Arc::clone(&self.own.events))
                .and_then(|store| store.introduce().map(|()| store));
            match opened {
                Ok(store) => {
                    self.opened.insert(idx, Arc::clone(&store));
                    return Ok((machine.url.clone(), store));
                }
                Err(error) => {
                    let text = format!("error: cannot build on '{}': {error}", machine.url);
                    self.own.events.message(Level::Error, &text);
                }
            }
        }
        Err(BuildError::misc(format!(
            "cannot build '{}': the store '{}' has no builder of its own, and no machine that the \
             setting 'builders' names can build it; either pass a different '--store' or enable \
             remote builds",
            self.print(drv_path),
            self.store.url()
        )))
    }

    fn copying(&self) -> CopyOptions {
        CopyOptions {
            repair: false,
            check_signatures: false,
            substitute: false,
            n_jobs: 4,
            events: Arc::clone(&self.own.events),
        }
    }
}
