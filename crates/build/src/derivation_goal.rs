//! Realising a derivation, step by step.
//!
//! Is there anything to do? Can a substituter do it? Make the inputs; resolve the derivation where
//! its own paths depend on theirs; then build. Each step either ends the goal, asks for other goals
//! and returns, or goes on to the next. Steps never block: the store's database answers at once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use firn_store::{BuildMode, BuildStatus, Store as _};
use firn_store_model::{
    Derivation, DerivationOutput, DerivationType, DrvOutput, InputNode, OutputName, OutputsSpec,
    SingleDerivedPath, StorePath,
};

use crate::BuildError;
use crate::external;
use crate::goal::{GoalKey, ModeKey, Success};
use crate::options::DerivationOptions;
use crate::prepare::{BuildInputs, InitialOutput};
use crate::scheduler::Scheduler;

/// The state of a derivation goal.
pub(crate) struct DerivationGoal {
    pub(crate) drv_path: StorePath,
    pub(crate) mode: BuildMode,
    pub(crate) wanted: OutputsSpec,
    pub(crate) stage: Stage,
    /// Only while it is looked at: many goals wait, or are done, for a long time.
    pub(crate) loaded: Option<Arc<Loaded>>,
}

/// A derivation and what it says about itself.
pub(crate) struct Loaded {
    pub(crate) derivation: Arc<Derivation>,
    pub(crate) kind: DerivationType,
    pub(crate) options: DerivationOptions,
    /// Whether a store has it; otherwise somebody just told what it is.
    pub(crate) is_stored: bool,
}

/// How far a derivation goal is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Start,
    FetchingDerivation,
    Substituting,
    MakingInputs,
    /// Another derivation stands for this one.
    Resolved(GoalKey),
    /// Only a free slot is missing.
    Buildable,
    Building,
}

impl DerivationGoal {
    pub(crate) fn new(drv_path: StorePath, mode: BuildMode, wanted: OutputsSpec) -> Self {
        DerivationGoal {
            drv_path,
            mode,
            wanted,
            stage: Stage::Start,
            loaded: None,
        }
    }

    /// The name of what it makes.
    pub(crate) fn name(&self) -> &[u8] {
        let name = self.drv_path.name();
        name.strip_suffix(".drv").unwrap_or(name).as_bytes()
    }

    /// Lets go of what can be read again.
    pub(crate) fn unload(&mut self) {
        self.loaded.take_if(|loaded| loaded.is_stored);
    }

    /// Begins again, when more outputs are wanted.
    pub(crate) fn restart(&mut self) {
        self.stage = Stage::Start;
    }
}

/// What a step leads to.
enum Next {
    /// The goal is over.
    Done(Success),
    /// Other goals come first, or another part of the scheduler goes on.
    Wait,
    /// The next step can be taken at once.
    Go(Stage),
}

impl Scheduler {
    /// Takes as many steps as are possible.
    pub(crate) fn step_derivation(&mut self, key: &GoalKey) {
        loop {
            let Some(goal) = self.graph.get(key) else {
                return;
            };
            if goal.outcome.is_some() {
                return;
            }
            let Some(goal) = self.graph.derivation(key) else {
                return;
            };
            let next = match goal.stage.clone() {
                Stage::Start => self.look_at_derivation(key, false),
                Stage::FetchingDerivation => self.look_at_derivation(key, true),
                Stage::Substituting => self.after_substitution(key),
                Stage::MakingInputs => self.after_inputs(key),
                Stage::Resolved(resolved) => self.after_resolved(key, &resolved),
                Stage::Buildable | Stage::Building => return,
            };
            match next {
                Ok(Next::Done(success)) => return self.finish(key, Ok(success)),
                Ok(Next::Wait) => return,
                Ok(Next::Go(stage)) => self.set_stage(key, stage),
                Err(error) => return self.finish(key, Err(error)),
            }
        }
    }

    pub(crate) fn set_stage(&mut self, key: &GoalKey, stage: Stage) {
        if let Some(goal) = self.graph.derivation(key) {
            goal.stage = stage;
        }
    }

    fn goal(&mut self, key: &GoalKey) -> &mut DerivationGoal {
        self.graph
            .derivation(key)
            .expect("a goal exists while it is stepped")
    }

    fn print(&self, path: &StorePath) -> String {
        self.store.store_dir().print(path)
    }

    /// Reads the derivation and finds out whether there is anything to do.
    fn look_at_derivation(&mut self, key: &GoalKey, was_fetched: bool) -> Result<Next, BuildError> {
        let goal = self.goal(key);
        let (drv_path, mode) = (goal.drv_path.clone(), goal.mode);
        if goal.loaded.is_none() {
            if !self.store.is_within_reach(&drv_path)? {
                if was_fetched {
                    return Err(BuildError::misc(format!(
                        "failed to obtain derivation of '{}'",
                        self.print(&drv_path)
                    )));
                }
                self.set_stage(key, Stage::FetchingDerivation);
                let path = GoalKey::Path(drv_path);
                if self.require(key, &path, &OutputsSpec::All) {
                    return Ok(Next::Wait);
                }
                return Ok(Next::Go(Stage::FetchingDerivation));
            }
            self.load(key, &drv_path)?;
        }
        let loaded = self.loaded(key)?;
        let outputs = self.initial_outputs(&drv_path, &loaded, mode)?;
        self.check_wanted(key, &loaded)?;
        let wanted = self.goal(key).wanted.clone();
        if mode == BuildMode::Normal
            && !loaded.kind.is_impure()
            && let Some(paths) = valid_paths(&outputs, &wanted)
        {
            self.store
                .add_temp_roots(&paths.values().cloned().collect::<Vec<_>>())?;
            return Ok(Next::Done(success(BuildStatus::AlreadyValid, paths)));
        }
        if mode == BuildMode::Check && valid_paths(&outputs, &wanted).is_none() {
            return Err(BuildError::misc(format!(
                "some outputs of '{}' are not valid, so checking is not possible\n\
                 Hint: --rebuild and --check error if the derivation was not previously built and cannot be substituted.\n      \
                 Remove it to perform a fresh build, or use --repair to rewrite missing or corrupted builds in the store.",
                self.print(&drv_path)
            )));
        }
        if mode == BuildMode::Repair && outputs.values().all(|output| output.valid) {
            let paths = valid_paths(&outputs, &OutputsSpec::All).unwrap_or_default();
            return Ok(Next::Done(success(BuildStatus::AlreadyValid, paths)));
        }
        if mode == BuildMode::Normal && self.may_substitute(&loaded) {
            let mut waits = false;
            for (name, output) in &outputs {
                if output.valid || !wanted.contains(name.as_str()) {
                    continue;
                }
                let awaited = match &output.path {
                    Some(path) => GoalKey::Path(path.clone()),
                    None if self.store.options().ca_derivations && loaded.is_stored => {
                        GoalKey::Realisation(DrvOutput {
                            drv_hash: self.modulos.of_outputs(&*self.store, &drv_path)?,
                            output: name.clone(),
                        })
                    }
                    None => continue,
                };
                waits |= self.require(key, &awaited, &OutputsSpec::All);
                if let (DerivationOutput::Fixed(address), Some(goal)) =
                    (&loaded.derivation.outputs[name], self.graph.path(&awaited))
                {
                    goal.content_address = Some(*address);
                }
            }
            self.set_stage(key, Stage::Substituting);
            return Ok(if waits {
                Next::Wait
            } else {
                Next::Go(Stage::Substituting)
            });
        }
        self.make_inputs(key)
    }

    fn load(&mut self, key: &GoalKey, drv_path: &StorePath) -> Result<(), BuildError> {
        self.store.add_temp_roots(std::slice::from_ref(drv_path))?;
        let derivation = self.store.read_derivation(drv_path)?;
        self.keep_loaded(key, derivation, true)
    }

    /// Takes a derivation that the store need not have.
    pub(crate) fn load_given(
        &mut self,
        key: &GoalKey,
        derivation: Arc<Derivation>,
    ) -> Result<(), BuildError> {
        let drv_path = self.goal(key).drv_path.clone();
        let is_stored = self.store.is_within_reach(&drv_path)?;
        self.keep_loaded(key, derivation, is_stored)
    }

    fn keep_loaded(
        &mut self,
        key: &GoalKey,
        derivation: Arc<Derivation>,
        is_stored: bool,
    ) -> Result<(), BuildError> {
        let drv_path = self.goal(key).drv_path.clone();
        let rejected = |error: &dyn std::fmt::Display| {
            BuildError::new(
                BuildStatus::InputRejected,
                format!(
                    "{error}\nwhile parsing derivation '{}'",
                    self.print(&drv_path)
                ),
            )
        };
        let kind = derivation
            .derivation_type()
            .map_err(|error| rejected(&error))?;
        let options = DerivationOptions::of(&derivation).map_err(|error| rejected(&error))?;
        self.goal(key).loaded = Some(Arc::new(Loaded {
            derivation,
            kind,
            options,
            is_stored,
        }));
        Ok(())
    }

    /// The derivation of a goal, read again if it was let go.
    pub(crate) fn loaded(&mut self, key: &GoalKey) -> Result<Arc<Loaded>, BuildError> {
        if self.goal(key).loaded.is_none() {
            let drv_path = self.goal(key).drv_path.clone();
            let derivation = self.store.read_derivation(&drv_path)?;
            self.keep_loaded(key, derivation, true)?;
        }
        let loaded = self.goal(key).loaded.as_ref();
        Ok(Arc::clone(loaded.expect("loaded above")))
    }

    fn check_wanted(&mut self, key: &GoalKey, loaded: &Loaded) -> Result<(), BuildError> {
        let goal = self.goal(key);
        let drv_path = goal.drv_path.clone();
        let OutputsSpec::Names(names) = &goal.wanted else {
            return Ok(());
        };
        let unknown: Vec<_> = names
            .iter()
            .filter(|name| !loaded.derivation.outputs.contains_key(*name))
            .map(|name| format!("'{name}'"))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        Err(BuildError::misc(format!(
            "derivation '{}' does not have wanted outputs {}",
            self.print(&drv_path),
            unknown.join(", ")
        )))
    }

    fn may_substitute(&self, loaded: &Loaded) -> bool {
        self.settings.substitute
            && !self.substituters.is_empty()
            && !loaded.kind.is_impure()
            && (loaded.options.allow_substitutes || self.settings.always_allow_substitutes)
    }

    /// What is known of each output now.
    pub(crate) fn initial_outputs(
        &self,
        drv_path: &StorePath,
        loaded: &Loaded,
        mode: BuildMode,
    ) -> Result<BTreeMap<OutputName, InitialOutput>, BuildError> {
        let mut paths = loaded
            .derivation
            .output_paths(self.store.store_dir())
            .map_err(|error| BuildError::misc(error.to_string()))?;
        let is_unknown = !loaded.kind.has_known_output_paths() && !loaded.kind.is_impure();
        if is_unknown && loaded.is_stored {
            for (name, path) in self.store.query_derivation_output_map(drv_path)? {
                if let (Some(known), Some(path)) = (paths.get_mut(&name), path) {
                    *known = Some(path);
                }
            }
        }
        paths
            .into_iter()
            .map(|(name, path)| {
                let valid = match &path {
                    None => false,
                    Some(path) => {
                        self.store.is_valid_path(path)?
                            && (mode != BuildMode::Repair || self.has_good_contents(path)?)
                    }
                };
                Ok((name, InitialOutput { path, valid }))
            })
            .collect()
    }

    /// Whether the contents of a valid path are still those that were registered.
    fn has_good_contents(&self, path: &StorePath) -> Result<bool, BuildError> {
        use firn_store::tree::{Listing, LocalTree};
        let Some(info) = self.store.query_path_info(path)? else {
            return Ok(false);
        };
        let tree = LocalTree::new(self.store.location().physical_path(path));
        let Ok(listing) = Listing::walk(&tree, None) else {
            return Ok(false);
        };
        let algorithm = info.nar_hash.algorithm();
        Ok(firn_store::hash_tree::nar_hash(&tree, &listing, algorithm)
            .is_ok_and(|(hash, _)| hash == info.nar_hash))
    }

    fn after_substitution(&mut self, key: &GoalKey) -> Result<Next, BuildError> {
        let loaded = self.loaded(key)?;
        let goal = self.goal(key);
        let (drv_path, wanted) = (goal.drv_path.clone(), goal.wanted.clone());
        let outputs = self.initial_outputs(&drv_path, &loaded, BuildMode::Normal)?;
        if let Some(paths) = valid_paths(&outputs, &wanted) {
            return Ok(Next::Done(success(BuildStatus::Substituted, paths)));
        }
        let substituter_failed = self
            .dependency_errors(key)
            .any(|error| error.status == BuildStatus::TransientFailure);
        if substituter_failed && !self.settings.fallback {
            return Err(BuildError::new(
                BuildStatus::TransientFailure,
                format!(
                    "some substitutes for the outputs of derivation '{}' failed (usually happens due to networking issues); try '--fallback' to build derivation from source ",
                    self.print(&drv_path)
                ),
            ));
        }
        self.make_inputs(key)
    }

    /// Asks for everything that the build needs.
    fn make_inputs(&mut self, key: &GoalKey) -> Result<Next, BuildError> {
        let loaded = self.loaded(key)?;
        let drv_path = self.goal(key).drv_path.clone();
        self.forget_dependencies(key);
        let is_pure = !loaded.kind.is_impure() && !loaded.kind.is_fixed();
        let mut waits = false;
        for (input, node) in &loaded.derivation.input_drvs {
            if is_pure && self.is_impure(input) {
                return Err(BuildError::misc(format!(
                    "pure derivation '{}' depends on impure derivation '{}'",
                    self.print(&drv_path),
                    self.print(input)
                )));
            }
            let derivation = Arc::new(SingleDerivedPath::Opaque(input.clone()));
            waits |= self.require_node(key, &derivation, node);
        }
        for path in &loaded.derivation.input_srcs {
            if self.known_valid(path)? {
                continue;
            }
            if !self.settings.substitute && !self.store.is_within_reach(path)? {
                return Err(BuildError::misc(format!(
                    "dependency '{}' of '{}' does not exist, and substitution is disabled",
                    self.print(path),
                    self.print(&drv_path)
                )));
            }
            waits |= self.require(key, &GoalKey::Path(path.clone()), &OutputsSpec::All);
        }
        self.set_stage(key, Stage::MakingInputs);
        Ok(if waits {
            Next::Wait
        } else {
            Next::Go(Stage::MakingInputs)
        })
    }

    /// Whether what a derivation makes may be something else each time.
    fn is_impure(&self, drv_path: &StorePath) -> bool {
        self.store
            .read_derivation(drv_path)
            .is_ok_and(|derivation| {
                derivation
                    .derivation_type()
                    .is_ok_and(firn_store_model::DerivationType::is_impure)
            })
    }

    /// Asks for outputs of a derivation, and for those of derivations among them.
    fn require_node(
        &mut self,
        key: &GoalKey,
        derivation: &Arc<SingleDerivedPath>,
        node: &InputNode,
    ) -> bool {
        let mut waits = false;
        if !node.outputs.is_empty() {
            let spec = OutputsSpec::Names(node.outputs.clone());
            let input = Scheduler::derivation_key(derivation, ModeKey::Normal);
            waits |= self.require(key, &input, &spec);
        }
        for (output, inner) in &node.dynamic {
            let derivation = Arc::new(SingleDerivedPath::Built {
                drv: Arc::clone(derivation),
                output: output.clone(),
            });
            waits |= self.require_node(key, &derivation, inner);
        }
        waits
    }

    fn after_inputs(&mut self, key: &GoalKey) -> Result<Next, BuildError> {
        let loaded = self.loaded(key)?;
        let drv_path = self.goal(key).drv_path.clone();
        let goal = self
            .graph
            .get(key)
            .expect("a goal exists while it is stepped");
        if goal.n_failed > 0 {
            let n = goal.n_failed;
            let mut statuses = self.dependency_errors(key).map(|error| error.status);
            if statuses.all(|status| status == BuildStatus::Cancelled) {
                // Nobody wants this one either.
                return Err(BuildError::new(
                    BuildStatus::Cancelled,
                    "the build was cancelled",
                ));
            }
            return Err(BuildError::new(
                BuildStatus::DependencyFailed,
                format!(
                    "Cannot build '{}'.\nReason: {n} {} failed.{}",
                    self.print(&drv_path),
                    if n == 1 { "dependency" } else { "dependencies" },
                    self.known_outputs(&loaded)
                ),
            ));
        }
        if self.must_resolve(&loaded) {
            let resolved = self.resolve(&drv_path, &loaded.derivation)?;
            if resolved != drv_path {
                let mode = self.goal(key).mode.into();
                let wanted = self.goal(key).wanted.clone();
                let resolved = GoalKey::Derivation(resolved, mode);
                self.forget_dependencies(key);
                self.set_stage(key, Stage::Resolved(resolved.clone()));
                return Ok(if self.require(key, &resolved, &wanted) {
                    Next::Wait
                } else {
                    Next::Go(Stage::Resolved(resolved))
                });
            }
        }
        self.check_buildable(&drv_path, &loaded)?;
        self.set_stage(key, Stage::Buildable);
        self.goal(key).unload();
        self.buildable.insert(key.clone());
        Ok(Next::Wait)
    }

    /// All paths that the builder may see and refer to.
    fn input_closure(
        &mut self,
        drv_path: &StorePath,
        derivation: &Derivation,
    ) -> Result<BTreeSet<StorePath>, BuildError> {
        let store = Arc::clone(&self.store);
        let mut closure = BTreeSet::new();
        for (input, node) in &derivation.input_drvs {
            let outputs = self.output_map(input)?;
            for name in &node.outputs {
                let Some(Some(path)) = outputs.get(name) else {
                    return Err(BuildError::misc(format!(
                        "derivation '{}' requires non-existent output '{name}' from input derivation '{}'",
                        self.print(drv_path),
                        self.print(input)
                    )));
                };
                self.closures.add(&*store, path, &mut closure)?;
            }
        }
        for path in &derivation.input_srcs {
            self.closures.add(&*store, path, &mut closure)?;
        }
        Ok(closure)
    }

    /// Whether this machine or another can build the derivation.
    pub(crate) fn check_buildable(
        &self,
        drv_path: &StorePath,
        loaded: &Loaded,
    ) -> Result<(), BuildError> {
        let reasons = self.reasons_against(loaded);
        let platform = String::from_utf8_lossy(&loaded.derivation.platform);
        let required = &loaded.options.required_system_features;
        if reasons.is_empty() || self.machines.can_build(&platform, required) {
            return Ok(());
        }
        Err(BuildError::new(
            BuildStatus::InputRejected,
            format!("Cannot build '{}'.{reasons}", self.print(drv_path)),
        ))
    }

    /// Why this machine cannot build the derivation; empty if it can.
    pub(crate) fn reasons_against(&self, loaded: &Loaded) -> String {
        let settings = &self.settings;
        let mut reasons = String::new();
        if settings.max_jobs == 0 {
            reasons.push_str(
                "\nReason: local builds are disabled (max-jobs = 0)\
                 \nHint: set 'max-jobs' to a non-zero value to enable local builds, or configure remote builders via 'builders'",
            );
        }
        let platform = String::from_utf8_lossy(&loaded.derivation.platform);
        if *platform != settings.system
            && !settings.extra_platforms.contains(&*platform)
            && !loaded.derivation.is_builtin()
            && external::builder_for(settings, &loaded.derivation.platform).is_none()
        {
            let _ = write!(
                reasons,
                "\nReason: platform mismatch\nRequired system: '{platform}'\nCurrent system: '{}'",
                settings.system
            );
        }
        let required = &loaded.options.required_system_features;
        let available = |feature: &String| {
            settings.system_features.contains(feature)
                // Whether such derivations exist at all is decided elsewhere.
                || feature == "ca-derivations"
        };
        if !required.iter().all(available) {
            let list = |features: &BTreeSet<String>| {
                features.iter().cloned().collect::<Vec<_>>().join(", ")
            };
            let _ = write!(
                reasons,
                "\nReason: missing system features\nRequired features: {{{}}}\nAvailable features: {{{}}}",
                list(required),
                list(&settings.system_features)
            );
        }
        reasons
    }

    /// The output paths that are known, for an error to show.
    pub(crate) fn known_outputs(&self, loaded: &Loaded) -> String {
        let paths: BTreeSet<_> = loaded
            .derivation
            .output_paths(self.store.store_dir())
            .unwrap_or_default()
            .into_values()
            .flatten()
            .collect();
        if paths.is_empty() {
            return String::new();
        }
        let mut text = String::from("\nOutput paths:");
        for path in paths {
            text.push_str("\n  ");
            text.push_str(&self.print(&path));
        }
        text
    }

    fn after_resolved(&mut self, key: &GoalKey, resolved: &GoalKey) -> Result<Next, BuildError> {
        let loaded = self.loaded(key)?;
        let drv_path = self.goal(key).drv_path.clone();
        let outcome = self
            .graph
            .get(resolved)
            .and_then(|goal| goal.outcome.clone());
        let success = match outcome {
            Some(Ok(success)) => success,
            Some(Err(_)) => {
                let resolved = match resolved {
                    GoalKey::Derivation(path, _) => path,
                    _ => &drv_path,
                };
                return Err(BuildError::new(
                    BuildStatus::DependencyFailed,
                    format!(
                        "build of resolved derivation '{}' failed",
                        self.print(resolved)
                    ),
                ));
            }
            None => return Ok(Next::Wait),
        };
        if !loaded.kind.is_impure() {
            self.note_outputs(&drv_path, &success.outputs)?;
        }
        let status = match success.status {
            BuildStatus::AlreadyValid => BuildStatus::ResolvesToAlreadyValid,
            status => status,
        };
        Ok(Next::Done(Success { status, ..success }))
    }

    /// Everything that is needed to prepare a build.
    pub(crate) fn build_inputs(&mut self, key: &GoalKey) -> Result<BuildInputs, BuildError> {
        let loaded = self.loaded(key)?;
        let goal = self.goal(key);
        let (drv_path, mode) = (goal.drv_path.clone(), goal.mode);
        let input_paths = self.input_closure(&drv_path, &loaded.derivation)?;
        let outputs = self.initial_outputs(&drv_path, &loaded, mode)?;
        Ok(BuildInputs {
            drv_path,
            derivation: Arc::clone(&loaded.derivation),
            kind: loaded.kind,
            options: loaded.options.clone(),
            mode,
            input_paths,
            outputs,
        })
    }
}

/// A success without a build.
pub(crate) fn success(status: BuildStatus, outputs: BTreeMap<OutputName, StorePath>) -> Success {
    Success {
        status,
        outputs: Arc::new(outputs),
        time: (0, 0),
        cpu_time: None,
    }
}

/// The paths of the wanted outputs, if all of them are valid.
pub(crate) fn valid_paths(
    outputs: &BTreeMap<OutputName, InitialOutput>,
    wanted: &OutputsSpec,
) -> Option<BTreeMap<OutputName, StorePath>> {
    let wanted = outputs
        .iter()
        .filter(|(name, _)| wanted.contains(name.as_str()));
    wanted
        .map(|(name, output)| match (&output.path, output.valid) {
            (Some(path), true) => Some((name.clone(), path.clone())),
            _ => None,
        })
        .collect()
}
