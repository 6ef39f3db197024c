//! Realising a derivation that is itself an output: make the derivation, then what it makes.

use firn_store::{BuildStatus, Store as _};
use firn_store_model::{OutputsSpec, SingleDerivedPath, StorePath};

use crate::BuildError;
use crate::goal::{Body, GoalKey, ModeKey};
use crate::scheduler::Scheduler;

impl Scheduler {
    pub(crate) fn step_dynamic(&mut self, key: &GoalKey) {
        let GoalKey::Dynamic(drv, mode) = key else {
            return;
        };
        let Some(Body::Dynamic(goal)) = self.graph.get_mut(key).map(|goal| &mut goal.body) else {
            return;
        };
        let wanted = goal.wanted.clone();
        let SingleDerivedPath::Built { drv: outer, output } = &**drv else {
            return;
        };
        let outer_key = Scheduler::derivation_key(outer, ModeKey::Normal);
        if let Some(inner) = goal.inner.clone() {
            let outcome = self.graph.get(&inner).and_then(|goal| goal.outcome.clone());
            if let Some(outcome) = outcome {
                self.finish(key, outcome);
            }
            return;
        }
        if !goal.asked_for_derivation {
            goal.asked_for_derivation = true;
            if self.require(key, &outer_key, &OutputsSpec::one(output.clone())) {
                return;
            }
        }
        let outer_outcome = self
            .graph
            .get(&outer_key)
            .and_then(|goal| goal.outcome.clone());
        let inner_path = match outer_outcome {
            Some(Ok(success)) => success.outputs.get(output).cloned(),
            Some(Err(_)) => {
                let store_dir = self.store.store_dir();
                let message = format!(
                    "failed to obtain derivation of '{}^{output}'",
                    outer.print(store_dir)
                );
                let error = BuildError::new(BuildStatus::DependencyFailed, message);
                return self.finish(key, Err(error));
            }
            None => return,
        };
        let Some(inner_path) = inner_path.filter(StorePath::is_derivation) else {
            let error = BuildError::misc(format!(
                "output '{output}' of a derivation is wanted as a derivation, but it is none"
            ));
            return self.finish(key, Err(error));
        };
        let inner = GoalKey::Derivation(inner_path, *mode);
        if let Some(Body::Dynamic(goal)) = self.graph.get_mut(key).map(|goal| &mut goal.body) {
            goal.inner = Some(inner.clone());
        }
        if !self.require(key, &inner, &wanted) {
            self.ready.push_back(key.clone());
        }
    }
}
