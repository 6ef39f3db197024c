//! Settings of the scheduler: what is built, where, how many at once, and for how long.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::table::theme;
use crate::{ExternalBuilders, Jobs};

theme! {
    /// How builds are scheduled, limited, logged and checked.
    BuildSettings in build, shared true, from machine;

    /// The program that offers builds to remote machines.
    "build-hook" build_hook: Vec<String> = vec!["nix".to_owned(), "__build-remote".to_owned()];
    /// Seconds between two looks at a lock that another process holds.
    "build-poll-interval" build_poll_interval: u32 = 5;
    /// Machines that may build for this one, separated by semicolons or line ends; `@/path` reads
    /// them from a file. A machine is given by its store URL, and after it, each optional or `-`:
    /// systems, key file, number of jobs, speed factor, features, required features, host key.
    "builders" builders: String = machine.builders.clone(), default varies;
    /// Whether remote machines fetch what they need from substituters themselves instead of
    /// receiving it from here.
    "builders-use-substitutes" builders_use_substitutes: bool = false;
    /// Whether build logs are compressed as they are written.
    "compress-build-log" compress_build_log: bool = true, aliases ["build-compress-log"];
    /// The number of processors a build is told to use, in `NIX_BUILD_CORES`. 0 means all.
    "cores" cores: u32 = 0, aliases ["build-cores"];
    /// The program that shows how two results of one derivation differ. It is given both results,
    /// the derivation and the build directory, and runs if `run-diff-hook` is set.
    "diff-hook" diff_hook: Option<PathBuf> = None;
    /// Programs that build derivations of systems this machine cannot run, as a JSON list of
    /// objects with `systems`, `program` and `args`.
    "external-builders" external_builders: ExternalBuilders = ExternalBuilders::default();
    /// System types besides `system` whose programs run on this machine.
    "extra-platforms" extra_platforms: BTreeSet<String> = machine.extra_platforms.clone(), default varies;
    /// Whether to build from source when a substituter fails.
    "fallback" fallback: bool = false, aliases ["build-fallback"];
    /// Whether the output of builders is kept as a log.
    "keep-build-log" keep_build_log: bool = true, aliases ["build-keep-log"];
    /// Whether the directory of a failed build is left for inspection.
    "keep-failed" keep_failed: bool = false;
    /// Whether other builds go on after one has failed.
    "keep-going" keep_going: bool = false;
    /// How many of the last lines of its log are shown when a build fails.
    "log-lines" log_lines: u64 = 25;
    /// How many bytes a builder may print before it is killed. 0 means any number.
    "max-build-log-size" max_build_log_size: u64 = 0, aliases ["build-max-log-size"];
    /// How many builds run at once on this machine. `auto` is the number of processors; 0 leaves
    /// all builds to remote machines.
    "max-jobs" max_jobs: Jobs = Jobs::new(1, machine.n_cpus), aliases ["build-max-jobs"];
    /// Seconds a builder may stay silent before it is killed. 0 means any number.
    "max-silent-time" max_silent_time: i64 = 0, aliases ["build-max-silent-time"];
    /// How many paths are substituted at once, at least one.
    "max-substitution-jobs" max_substitution_jobs: u32 = 16, aliases ["substitution-max-jobs"];
    /// A program that runs after each build, with `DRV_PATH` and `OUT_PATHS` in its environment.
    /// Its failure fails the build.
    "post-build-hook" post_build_hook: String = String::new();
    /// A program that runs before each build and may print further sandbox paths.
    "pre-build-hook" pre_build_hook: String = String::new();
    /// Whether `diff-hook` runs when a repeated build gives another result.
    "run-diff-hook" run_diff_hook: bool = false;
    /// The system type whose derivations are built here.
    "system" system: String = machine.system.clone();
    /// Features of this machine that derivations may require by `requiredSystemFeatures`.
    "system-features" system_features: BTreeSet<String> = machine.system_features.clone(), default varies;
    /// Seconds a build may take before it is killed. 0 means any number.
    "timeout" timeout: i64 = 0, aliases ["build-timeout"];
}
