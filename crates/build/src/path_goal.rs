//! Making a path valid by substitution: ask the substituters in order, wait for the references,
//! copy.
//!
//! Asking and copying wait for networks and disks, so each happens on a thread of its own; the
//! scheduler limits how many there are. A substituter that fails is told about once and passed
//! over; the next one is tried.

use std::sync::Arc;

use firn_events::{ActivityGuard, ActivityId, ActivityKind, Level, SharedSink};
use firn_store::{BuildStatus, LocalStore, NarOptions, Store, StoreError};
use firn_store_model::{ContentAddress, StorePath, StoreReferences, ValidPathInfo};

use crate::BuildError;
use crate::scheduler::render_error;
use crate::substituters::Substituters;

/// The state of a path goal.
pub(crate) struct PathGoal {
    pub(crate) path: StorePath,
    pub(crate) stage: PathStage,
    /// What its contents are, where that is known. Then it may come from a store whose paths begin
    /// differently.
    pub(crate) content_address: Option<ContentAddress>,
    /// Which substituter to ask next.
    pub(crate) next_substituter: usize,
    /// Whether one of them failed, as opposed to not having the path.
    pub(crate) substituter_failed: bool,
}

pub(crate) enum PathStage {
    Start,
    /// A thread asks.
    Asking,
    /// A substituter has it; its references come first.
    Waiting(Offer),
    /// A thread copies.
    Copying,
    /// A thread copies from the store that has the derivations.
    Bringing,
}

/// A path that a substituter has.
#[derive(Clone)]
pub(crate) struct Offer {
    /// Its path in the substituter, whose store directory may be another one.
    pub(crate) path_there: StorePath,
    pub(crate) info: Arc<ValidPathInfo>,
    pub(crate) substituter_idx: usize,
}

impl PathGoal {
    pub(crate) fn new(path: StorePath) -> PathGoal {
        PathGoal {
            path,
            stage: PathStage::Start,
            content_address: None,
            next_substituter: 0,
            substituter_failed: false,
        }
    }

    /// The end of a path that nobody has.
    pub(crate) fn unobtainable(&self, store: &LocalStore, has_substituters: bool) -> BuildError {
        let path = store.store_dir().print(&self.path);
        if self.substituter_failed {
            return BuildError::new(
                BuildStatus::TransientFailure,
                format!("cannot substitute path '{path}': a substituter failed"),
            );
        }
        let message = if has_substituters {
            format!("path '{path}' is required, but there is no substituter that can build it")
        } else {
            format!("path '{path}' does not exist and cannot be created")
        };
        BuildError::new(BuildStatus::NoSubstituters, message)
    }
}

/// What a question to the substituters came to.
pub(crate) struct Answer {
    pub(crate) offer: Option<Offer>,
    pub(crate) failed: bool,
}

/// Asks substituters, from one on, until one has the path and may be believed.
pub(crate) fn ask(
    store: &LocalStore,
    substituters: &Substituters,
    first: usize,
    path: &StorePath,
    content_address: Option<&ContentAddress>,
    events: &SharedSink,
) -> Answer {
    let shown = || store.store_dir().print(path);
    let mut failed = false;
    for (substituter_idx, substituter) in substituters.in_order().iter().enumerate().skip(first) {
        let path_there = if substituter.store_dir() == store.store_dir() {
            path.clone()
        } else {
            let none = StoreReferences::default();
            let there = substituter.store_dir();
            let named = content_address.and_then(|it| {
                there
                    .make_content_addressed_path(path.name(), it, &none)
                    .ok()
            });
            let Some(path) = named else { continue };
            path
        };
        let info = match substituter.query_path_info(&path_there) {
            Ok(Some(info)) => info,
            Ok(None) => continue,
            Err(error) => {
                failed = true;
                events.message(Level::Error, &render_error(&error.to_string()));
                continue;
            }
        };
        let url = substituter.url();
        let info = if path_there == *path || info.path != path_there {
            info
        } else {
            Arc::new(ValidPathInfo {
                path: path.clone(),
                info: info.info.clone(),
            })
        };
        if info.path != *path {
            let got = store.store_dir().print(&info.path);
            let text = format!("asked '{url}' for '{}' but got '{got}'", shown());
            events.message(Level::Error, &text);
            continue;
        }
        if !substituter.traits().is_trusted && !store.is_trusted(&info) {
            let text = format!(
                "warning: ignoring substitute for '{}' from '{url}', as it's not signed by any of \
                 the keys in 'trusted-public-keys'",
                shown()
            );
            events.message(Level::Warn, &text);
            continue;
        }
        return Answer {
            offer: Some(Offer {
                path_there,
                info,
                substituter_idx,
            }),
            failed,
        };
    }
    Answer {
        offer: None,
        failed,
    }
}

/// Copies a path from a substituter.
pub(crate) fn copy(
    store: &LocalStore,
    substituter: &dyn Store,
    offer: &Offer,
    events: &SharedSink,
    parent: Option<ActivityId>,
) -> Result<(), StoreError> {
    let info = &*offer.info;
    let shown = store.store_dir().print(&info.path);
    let url = substituter.url();
    let activity = ActivityGuard::start(
        events,
        parent,
        Level::Info,
        String::new(),
        ActivityKind::Substitute {
            path: shown.clone().into_bytes(),
            substituter: url.clone(),
        },
    );
    let copying = ActivityGuard::start(
        events,
        Some(activity.id()),
        Level::Info,
        format!("copying path '{shown}' from '{url}'"),
        ActivityKind::CopyPath {
            path: shown.into_bytes(),
            from: url,
            to: store.url(),
        },
    );
    let options = NarOptions {
        repair: false,
        check_signatures: !substituter.traits().is_trusted,
    };
    let result = firn_store::pipe(
        |out| substituter.nar_from_path(&offer.path_there, out),
        |source| store.add_nar(info, source, options),
    );
    drop(copying);
    result
}
