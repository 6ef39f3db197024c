//! The graph of goals: what is to be made, what waits for what, and what became of it.
//!
//! A goal is known by its key, so two requests for one thing share the work. A goal that waits
//! has no thread and no state but its stage; it is stepped again when what it waits for is done.
//! Goals are kept in the order in which they were asked for, which is the order in which builds
//! begin when nothing else decides.

use std::collections::BTreeMap;
use std::sync::Arc;

use firn_store::{BuildMode, BuildStatus};
use firn_store_model::{DrvOutput, OutputName, OutputsSpec, SingleDerivedPath, StorePath};
use indexmap::IndexMap;

use crate::BuildError;
use crate::derivation_goal::DerivationGoal;
use crate::path_goal::PathGoal;
use crate::realisation_goal::RealisationStage;

/// The name of a goal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum GoalKey {
    /// Make a path valid by substitution.
    Path(StorePath),
    /// Find out what an output of a content-addressed derivation is, and substitute it.
    Realisation(DrvOutput),
    /// Realise outputs of a derivation.
    Derivation(StorePath, ModeKey),
    /// Realise outputs of a derivation that is itself still to be built.
    Dynamic(Arc<SingleDerivedPath>, ModeKey),
}

impl GoalKey {
    /// The name of what it is about.
    pub(crate) fn name(&self) -> &str {
        match self {
            GoalKey::Path(path) | GoalKey::Derivation(path, _) => path.name(),
            GoalKey::Realisation(id) => id.output.as_str(),
            GoalKey::Dynamic(drv, _) => drv.base_path().name(),
        }
    }
}

/// A build mode as part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ModeKey {
    Normal,
    Repair,
    Check,
}

impl From<BuildMode> for ModeKey {
    fn from(mode: BuildMode) -> ModeKey {
        match mode {
            BuildMode::Normal => ModeKey::Normal,
            BuildMode::Repair => ModeKey::Repair,
            BuildMode::Check => ModeKey::Check,
        }
    }
}

impl From<ModeKey> for BuildMode {
    fn from(mode: ModeKey) -> BuildMode {
        match mode {
            ModeKey::Normal => BuildMode::Normal,
            ModeKey::Repair => BuildMode::Repair,
            ModeKey::Check => BuildMode::Check,
        }
    }
}

/// A finished goal's result: what its outputs are, or why there are none.
pub(crate) type Outcome = Result<Success, BuildError>;

/// A good end.
#[derive(Clone, Debug)]
pub(crate) struct Success {
    pub(crate) status: BuildStatus,
    /// The outputs, for a derivation.
    pub(crate) outputs: Arc<BTreeMap<OutputName, StorePath>>,
    /// When a build began and ended, in seconds since 1970.
    pub(crate) time: (u64, u64),
    /// Processor time of a build, in microseconds, where it was counted: of programs and kernel.
    pub(crate) cpu_time: Option<(u64, u64)>,
}

/// One goal.
pub(crate) struct Goal {
    pub(crate) body: Body,
    pub(crate) outcome: Option<Outcome>,
    /// What it has asked for; kept to know what is still needed.
    pub(crate) dependencies: Vec<GoalKey>,
    /// Those that are not done, by count.
    pub(crate) n_pending: usize,
    /// Those that failed since it last asked.
    pub(crate) n_failed: usize,
    waiters: Vec<GoalKey>,
}

/// What a goal is about and how far it is.
pub(crate) enum Body {
    Path(PathGoal),
    Realisation(RealisationStage),
    Derivation(Box<DerivationGoal>),
    Dynamic(DynamicGoal),
}

/// The state of a goal for a derivation that is an output.
pub(crate) struct DynamicGoal {
    pub(crate) wanted: OutputsSpec,
    /// The derivation, once it is known.
    pub(crate) inner: Option<GoalKey>,
    pub(crate) asked_for_derivation: bool,
}

/// All goals.
#[derive(Default)]
pub(crate) struct GoalGraph {
    goals: IndexMap<GoalKey, Goal>,
}

impl GoalGraph {
    pub(crate) fn get(&self, key: &GoalKey) -> Option<&Goal> {
        self.goals.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &GoalKey) -> Option<&mut Goal> {
        self.goals.get_mut(key)
    }

    /// A derivation goal that is known to exist.
    pub(crate) fn derivation(&mut self, key: &GoalKey) -> Option<&mut DerivationGoal> {
        match self.goals.get_mut(key).map(|goal| &mut goal.body) {
            Some(Body::Derivation(body)) => Some(body),
            _ => None,
        }
    }

    /// A path goal that is known to exist.
    pub(crate) fn path(&mut self, key: &GoalKey) -> Option<&mut PathGoal> {
        match self.goals.get_mut(key).map(|goal| &mut goal.body) {
            Some(Body::Path(body)) => Some(body),
            _ => None,
        }
    }

    /// Adds a goal, or widens what is wanted of one that is there; true if it has to be stepped.
    pub(crate) fn want(&mut self, key: &GoalKey, outputs: &OutputsSpec) -> bool {
        if let Some(goal) = self.goals.get_mut(key) {
            return goal.widen(outputs);
        }
        let body = match key {
            GoalKey::Path(path) => Body::Path(PathGoal::new(path.clone())),
            GoalKey::Realisation(_) => Body::Realisation(RealisationStage::Start),
            GoalKey::Derivation(path, mode) => Body::Derivation(Box::new(DerivationGoal::new(
                path.clone(),
                (*mode).into(),
                outputs.clone(),
            ))),
            GoalKey::Dynamic(..) => Body::Dynamic(DynamicGoal {
                wanted: outputs.clone(),
                inner: None,
                asked_for_derivation: false,
            }),
        };
        self.goals.insert(
            key.clone(),
            Goal {
                body,
                outcome: None,
                dependencies: Vec::new(),
                n_pending: 0,
                n_failed: 0,
                waiters: Vec::new(),
            },
        );
        true
    }

    /// Lets one goal wait for another; true if there is something to wait for.
    pub(crate) fn wait_for(&mut self, waiter: &GoalKey, awaited: &GoalKey) -> bool {
        let outcome = {
            let goal = self.goals.get_mut(awaited).expect("added before");
            match &goal.outcome {
                None => {
                    goal.waiters.push(waiter.clone());
                    None
                }
                Some(outcome) => Some(outcome.is_ok()),
            }
        };
        let goal = self.goals.get_mut(waiter).expect("it is asking");
        goal.dependencies.push(awaited.clone());
        match outcome {
            None => {
                goal.n_pending += 1;
                true
            }
            Some(succeeded) => {
                goal.n_failed += usize::from(!succeeded);
                false
            }
        }
    }

    /// Lets a goal wait for nothing more, and begin to count anew.
    pub(crate) fn forget_dependencies(&mut self, key: &GoalKey) {
        let Some(goal) = self.goals.get_mut(key) else {
            return;
        };
        goal.n_failed = 0;
        goal.n_pending = 0;
        for dependency in std::mem::take(&mut goal.dependencies) {
            // Otherwise its end would be counted in the new round.
            if let Some(dependency) = self.goals.get_mut(&dependency) {
                dependency.waiters.retain(|waiter| waiter != key);
            }
        }
    }

    /// Those that have no outcome.
    pub(crate) fn unfinished(&self) -> impl Iterator<Item = (&GoalKey, &Goal)> {
        self.goals.iter().filter(|(_, goal)| goal.outcome.is_none())
    }

    /// Whether one goal needs another, directly or not.
    pub(crate) fn leads_to(&self, from: &GoalKey, to: &GoalKey) -> bool {
        let mut seen = std::collections::HashSet::new();
        let mut waiting = vec![from];
        while let Some(key) = waiting.pop() {
            if key == to {
                return true;
            }
            if seen.insert(key)
                && let Some(goal) = self.goals.get(key)
                && goal.outcome.is_none()
            {
                waiting.extend(&goal.dependencies);
            }
        }
        false
    }

    /// Ends a goal. Returns the goals that have to be stepped now, and whether anybody waited.
    pub(crate) fn finish(
        &mut self,
        key: &GoalKey,
        outcome: Outcome,
        keep_going: bool,
    ) -> (Vec<GoalKey>, bool) {
        let Some(goal) = self.goals.get_mut(key) else {
            return (Vec::new(), false);
        };
        let failed = outcome.is_err();
        goal.outcome = Some(outcome);
        let waiters = std::mem::take(&mut goal.waiters);
        let somebody_waited = !waiters.is_empty();
        // What no substituter has may still be built: its other questions go on.
        let is_build = matches!(key, GoalKey::Derivation(..) | GoalKey::Dynamic(..));
        let is_hopeless = failed && is_build && !keep_going;
        let mut ready = Vec::new();
        for waiter in waiters {
            let Some(goal) = self.goals.get_mut(&waiter) else {
                continue;
            };
            goal.n_pending = goal.n_pending.saturating_sub(1);
            goal.n_failed += usize::from(failed);
            if goal.outcome.is_none() && (goal.n_pending == 0 || is_hopeless) {
                ready.push(waiter);
            }
        }
        (ready, somebody_waited)
    }

    /// Removes all goals that none of the given ones needs, and returns their keys.
    pub(crate) fn retain_needed(&mut self, tops: &[GoalKey]) -> Vec<GoalKey> {
        if tops.is_empty() {
            return self.goals.drain(..).map(|(key, _)| key).collect();
        }
        let mut needed = std::collections::HashSet::new();
        let mut waiting: Vec<GoalKey> = tops.to_vec();
        while let Some(key) = waiting.pop() {
            if let Some(goal) = self.goals.get(&key)
                && needed.insert(key)
            {
                waiting.extend(goal.dependencies.iter().cloned());
            }
        }
        let mut removed = Vec::new();
        self.goals.retain(|key, _| {
            let keep = needed.contains(key);
            if !keep {
                removed.push(key.clone());
            }
            keep
        });
        removed
    }
}

impl Goal {
    /// Those that wait for it.
    pub(crate) fn waiters(&self) -> &[GoalKey] {
        &self.waiters
    }

    /// Wants more outputs; true if that reopens a finished goal.
    fn widen(&mut self, outputs: &OutputsSpec) -> bool {
        let wanted = match &mut self.body {
            Body::Path(_) | Body::Realisation(_) => return false,
            Body::Derivation(body) => &mut body.wanted,
            Body::Dynamic(body) => &mut body.wanted,
        };
        if outputs.is_subset(wanted) {
            return false;
        }
        *wanted = wanted.union(outputs);
        if !matches!(self.outcome, Some(Ok(_))) {
            return false;
        }
        self.outcome = None;
        self.n_failed = 0;
        match &mut self.body {
            Body::Derivation(body) => body.restart(),
            Body::Dynamic(body) => {
                body.inner = None;
                body.asked_for_derivation = false;
            }
            Body::Path(_) | Body::Realisation(_) => {}
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BuildError;
    use firn_store::BuildStatus;

    fn path(name: &str) -> StorePath {
        StorePath::parse(format!("00000000000000000000000000000000-{name}")).expect("sound")
    }

    fn unknown() -> Outcome {
        Err(BuildError::new(
            BuildStatus::NoSubstituters,
            "nobody has it",
        ))
    }

    #[test]
    fn what_nobody_waits_for_any_more_is_not_counted() {
        let waiter = GoalKey::Derivation(path("waiter.drv"), ModeKey::Normal);
        let awaited = ["one", "two"].map(|name| GoalKey::Path(path(name)));
        let mut graph = GoalGraph::default();
        graph.want(&waiter, &OutputsSpec::All);
        for key in &awaited {
            graph.want(key, &OutputsSpec::All);
            assert!(graph.wait_for(&waiter, key));
        }
        // The other question may still be answered.
        let (ready, somebody_waited) = graph.finish(&awaited[0], unknown(), false);
        assert!(ready.is_empty() && somebody_waited);
        graph.forget_dependencies(&waiter);
        let (ready, somebody_waited) = graph.finish(&awaited[1], unknown(), false);
        assert!(ready.is_empty() && !somebody_waited);
        assert_eq!(graph.get(&waiter).map(|goal| goal.n_failed), Some(0));
    }

    #[test]
    fn a_failed_build_ends_the_wait_for_the_rest() {
        let [top, one, two] = ["top.drv", "one.drv", "two.drv"]
            .map(|name| GoalKey::Derivation(path(name), ModeKey::Normal));
        let mut graph = GoalGraph::default();
        for key in [&top, &one, &two] {
            graph.want(key, &OutputsSpec::All);
        }
        graph.wait_for(&top, &one);
        graph.wait_for(&top, &two);
        let (ready, _) = graph.finish(&one, unknown(), false);
        assert_eq!(ready, [top]);
    }
}
