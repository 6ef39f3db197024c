//! The steps of goals that make a path valid: ask, wait for the references, copy.

use std::sync::Arc;

use firn_events::Level;
use firn_store::{BuildStatus, CopyOptions, Store as _, StoreError, StorePathSet, copy_closure};
use firn_store_model::{OutputsSpec, StorePath};

use crate::BuildError;
use crate::derivation_goal::success;
use crate::goal::GoalKey;
use crate::path_goal::{self, Answer, PathStage};
use crate::scheduler::{Message, Scheduler, render_error, wake_up};

impl Scheduler {
    pub(crate) fn step_path(&mut self, key: &GoalKey) {
        let Some(goal) = self.graph.path(key) else {
            return;
        };
        let path = goal.path.clone();
        match &goal.stage {
            PathStage::Start => match self.store.is_valid_path(&path) {
                Ok(true) => {
                    let rooted = self.store.add_temp_roots(std::slice::from_ref(&path));
                    let outcome = rooted
                        .map(|()| done(BuildStatus::AlreadyValid))
                        .map_err(BuildError::from);
                    self.finish(key, outcome);
                }
                Ok(false) if self.bring_source(key, &path) => {}
                Ok(false) if self.settings.substitute && !self.substituters.is_empty() => {
                    self.substitutions.push_back(key.clone());
                }
                Ok(false) => self.give_up_path(key),
                Err(error) => self.finish(key, Err(error.into())),
            },
            PathStage::Waiting(_) => {
                let failed = self.graph.get(key).is_some_and(|goal| goal.n_failed > 0);
                if failed {
                    let mut errors = self.dependency_errors(key);
                    let is_trouble = errors.any(|it| it.status == BuildStatus::TransientFailure);
                    drop(errors);
                    self.ask_next(key, is_trouble);
                } else {
                    self.substitutions.push_back(key.clone());
                }
            }
            PathStage::Asking | PathStage::Copying | PathStage::Bringing => {}
        }
    }

    /// Copies a path with all that it refers to from the store that has the derivations, if it is
    /// there.
    fn bring_source(&mut self, key: &GoalKey, path: &StorePath) -> bool {
        let Some(from) = self.store.derivation_source().cloned() else {
            return false;
        };
        // A store that cannot be asked has nothing; substituters may.
        if !from.is_valid_path(path).unwrap_or(false) {
            return false;
        }
        if let Some(goal) = self.graph.path(key) {
            goal.stage = PathStage::Bringing;
        }
        let report = self.reporter();
        let (store, key) = (Arc::clone(&self.store), key.clone());
        let wanted = StorePathSet::from([path.clone()]);
        let options = CopyOptions {
            repair: false,
            check_signatures: true,
            substitute: false,
            n_jobs: 1,
            events: Arc::clone(&self.events),
        };
        self.n_substituting += 1;
        std::thread::spawn(move || {
            let result = copy_closure(&*from, &*store, &wanted, &options).map(drop);
            report(Message::Copied(key, result));
        });
        true
    }

    fn give_up_path(&mut self, key: &GoalKey) {
        let has_substituters = self.settings.substitute && !self.substituters.is_empty();
        let store = Arc::clone(&self.store);
        if let Some(goal) = self.graph.path(key) {
            let error = goal.unobtainable(&store, has_substituters);
            self.finish(key, Err(error));
        }
    }

    /// Goes on to the next substituter, after trouble with one or because it does not have all.
    fn ask_next(&mut self, key: &GoalKey, is_trouble: bool) {
        self.forget_dependencies(key);
        if let Some(goal) = self.graph.path(key) {
            goal.stage = PathStage::Start;
            goal.next_substituter += 1;
            goal.substituter_failed |= is_trouble;
        }
        self.substitutions.push_back(key.clone());
    }

    /// Starts questions and copies while there is room for more.
    pub(crate) fn start_substitutions(&mut self) {
        let mut held = Vec::new();
        while self.n_substituting < self.settings.max_substitution_jobs.max(1) {
            let Some(key) = self.substitutions.pop_front() else {
                break;
            };
            if self.is_ending() && !self.is_needed(&key) {
                held.push(key);
                continue;
            }
            let report = self.reporter();
            let Some(goal) = self.graph.path(&key) else {
                continue;
            };
            let (path, address) = (goal.path.clone(), goal.content_address);
            let substituters = Arc::clone(&self.substituters);
            let events = Arc::clone(&self.events);
            let store = Arc::clone(&self.store);
            let first = goal.next_substituter;
            match &goal.stage {
                PathStage::Start => {
                    goal.stage = PathStage::Asking;
                    std::thread::spawn(move || {
                        let address = address.as_ref();
                        let answer =
                            path_goal::ask(&store, &substituters, first, &path, address, &events);
                        report(Message::Answered(key, answer));
                    });
                }
                PathStage::Waiting(offer) => {
                    let offer = offer.clone();
                    goal.stage = PathStage::Copying;
                    std::thread::spawn(move || {
                        let substituter = &*substituters.in_order()[offer.substituter_idx];
                        let result = path_goal::copy(&store, substituter, &offer, &events, None);
                        report(Message::Copied(key, result));
                    });
                }
                PathStage::Asking | PathStage::Copying | PathStage::Bringing => continue,
            }
            self.n_substituting += 1;
        }
        for key in held.into_iter().rev() {
            self.substitutions.push_front(key);
        }
    }

    /// Something that tells this thread something from another one.
    pub(crate) fn reporter(&self) -> impl FnOnce(Message) + Send + 'static {
        let sender = self.sender.clone();
        let wake = Arc::clone(&self.wake);
        move |message| {
            // A scheduler that is gone needs no report.
            if sender.send(message).is_ok() {
                wake_up(&wake);
            }
        }
    }

    pub(crate) fn path_answered(&mut self, key: &GoalKey, answer: Answer) {
        self.n_substituting -= 1;
        let Some(goal) = self.graph.path(key) else {
            return;
        };
        goal.substituter_failed |= answer.failed;
        let Some(offer) = answer.offer else {
            return self.give_up_path(key);
        };
        goal.next_substituter = offer.substituter_idx;
        goal.stage = PathStage::Waiting(offer.clone());
        let own = goal.path.clone();
        self.forget_dependencies(key);
        let mut waits = false;
        for reference in offer.info.references.iter().filter(|path| **path != own) {
            let reference = GoalKey::Path(reference.clone());
            waits |= self.require(key, &reference, &OutputsSpec::All);
        }
        if !waits {
            self.ready.push_back(key.clone());
        }
    }

    pub(crate) fn path_copied(&mut self, key: &GoalKey, result: Result<(), StoreError>) {
        self.n_substituting -= 1;
        let is_brought = self
            .graph
            .path(key)
            .is_some_and(|goal| matches!(goal.stage, PathStage::Bringing));
        match result {
            Err(error) if is_brought => self.finish(key, Err(error.into())),
            Ok(()) => self.finish(key, Ok(done(BuildStatus::Substituted))),
            Err(error @ StoreError::Gone { .. }) => {
                // Archives are collected as garbage; that is no failure.
                let text = format!("warning: {error}");
                self.events.message(Level::Warn, &text);
                self.ask_next(key, false);
            }
            Err(error) => {
                self.events
                    .message(Level::Error, &render_error(&error.to_string()));
                self.ask_next(key, true);
            }
        }
    }
}

fn done(status: BuildStatus) -> crate::goal::Success {
    success(status, [].into())
}
