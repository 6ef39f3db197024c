//! Building: from derivations to valid store paths.
//!
//! [`BuildingStore`] wraps a local store and can do what that alone cannot: build, substitute, and
//! say what would have to be. Behind it is a *scheduler*, one thread with a graph of goals; a goal
//! is a derivation to be realised or a path to be substituted, and never holds a thread while it
//! waits. Builders are started by the launcher of `firn-sys`, shut in by what [`sandbox`] decides;
//! what they leave is read once and registered (`outputs`).
//!
//! Where to look: `scheduler` (the loop), `goal` (the graph), `derivation_goal` and `path_goal`
//! (the steps of each kind), `prepare`, `environment` and `sandbox` (what a builder finds),
//! `running` (a builder at work), `nested` (builders that use the store), `outputs` and `checks` (what becomes of its work), `builtin`
//! (builders of our own).
//!
//! Absences: nothing here reads settings files, the environment or the terminal; no store
//! directory is written down; nothing is printed, all that happens goes to the event sink.

mod builtin;
mod checks;
mod closure;
mod debug;
mod derivation_goal;
mod difference;
mod directories;
mod dynamic_goal;
mod environment;
mod error;
mod external;
mod goal;
mod history;
mod hooks;
mod launching;
mod link_tree;
mod log;
mod machines;
mod nested;
mod on_behalf;
mod options;
mod outputs;
mod path_goal;
mod path_steps;
mod prepare;
mod queue;
mod realisation_goal;
mod registry;
mod remote;
mod reporting;
mod resolve;
mod running;
mod sandbox;
mod scheduler;
mod settings;
mod shell;
mod store;
pub mod structured;
mod substituters;
mod users;
mod workers;

#[cfg(test)]
mod tests;

pub use debug::{Debugger, FailedBuild};
pub use error::{BuildError, ExitFlags};
pub use external::ExternalBuilder;
pub use link_tree::{FileConflict, LinkTreeError, LinkedPackage, link_packages};
pub use machines::Machine;
pub use nested::{NestedServer, Reach, RestrictedStore};
pub use on_behalf::MachinesOnBehalf;
pub use options::{Checks, DerivationOptions, OutputChecks};
pub use registry::{RunningBuildInfo, running_builds};
pub use remote::MachineOpener;
pub use resolve::with_built_inputs;
pub use settings::{BuildSettings, SandboxMode, SandboxPath, extra_platforms, host_system};
pub use store::BuildingStore;
