//! Finding out from substituters what an output of a content-addressed derivation is.
//!
//! Its path cannot be known before it is built, unless somebody has built it: substituters are asked
//! in order, on another thread; then the path they name is made valid, and what was learned is
//! written down. Where nobody knows, the goal fails, and whoever asked builds.

use std::sync::Arc;

use firn_events::{Level, SharedSink};
use firn_store::{BuildStatus, Store};
use firn_store_model::{DrvOutput, OutputsSpec, Realisation};

use crate::BuildError;
use crate::derivation_goal::success;
use crate::goal::{Body, GoalKey};
use crate::scheduler::{Message, Scheduler};
use crate::substituters::Substituters;

/// How far such a goal is.
#[derive(Clone)]
pub(crate) enum RealisationStage {
    Start,
    /// A thread asks.
    Asking,
    /// A substituter knows; the path comes first.
    Waiting(Realisation),
}

impl Scheduler {
    fn realisation_stage(&mut self, key: &GoalKey) -> Option<&mut RealisationStage> {
        match self.graph.get_mut(key).map(|goal| &mut goal.body) {
            Some(Body::Realisation(stage)) => Some(stage),
            _ => None,
        }
    }

    pub(crate) fn step_realisation(&mut self, key: &GoalKey) {
        let GoalKey::Realisation(id) = key else {
            return;
        };
        let report = self.reporter();
        let (substituters, events) = (Arc::clone(&self.substituters), Arc::clone(&self.events));
        let failed = self.graph.get(key).is_some_and(|goal| goal.n_failed > 0);
        let Some(stage) = self.realisation_stage(key) else {
            return;
        };
        match stage.clone() {
            RealisationStage::Start => {
                *stage = RealisationStage::Asking;
                self.n_substituting += 1;
                let (key, id) = (key.clone(), id.clone());
                std::thread::spawn(move || {
                    let found = ask(&substituters, &id, &events);
                    report(Message::Found(key, found));
                });
            }
            RealisationStage::Asking => {}
            RealisationStage::Waiting(_) if failed => {
                let message = format!("cannot substitute output '{id}': a substituter failed");
                let error = BuildError::new(BuildStatus::TransientFailure, message);
                self.finish(key, Err(error));
            }
            RealisationStage::Waiting(realisation) => {
                let outcome = self
                    .store
                    .register_realisation(&realisation, false)
                    .map(|()| success(BuildStatus::Substituted, [].into()))
                    .map_err(BuildError::from);
                self.finish(key, outcome);
            }
        }
    }

    /// A thread has the answer of the substituters.
    pub(crate) fn realisation_found(&mut self, key: &GoalKey, found: Option<Realisation>) {
        self.n_substituting -= 1;
        let Some(realisation) = found else {
            let error = BuildError::new(BuildStatus::NoSubstituters, "nobody knows the output");
            return self.finish(key, Err(error));
        };
        let path = GoalKey::Path(realisation.out_path.clone());
        if let Some(stage) = self.realisation_stage(key) {
            *stage = RealisationStage::Waiting(realisation);
            self.forget_dependencies(key);
            if !self.require(key, &path, &OutputsSpec::All) {
                self.step_realisation(key);
            }
        }
    }
}

fn ask(substituters: &Substituters, id: &DrvOutput, events: &SharedSink) -> Option<Realisation> {
    substituters.in_order().iter().find_map(|substituter| {
        substituter.query_realisation(id).unwrap_or_else(|error| {
            events.message(Level::Warn, &format!("warning: {error}"));
            None
        })
    })
}
