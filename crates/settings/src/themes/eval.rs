//! Settings of the evaluator.

use std::collections::BTreeSet;

use crate::table::theme;
use crate::{EvalProfiler, LintLevel};

theme! {
    /// What evaluation may see, how it is watched, and which habits it complains about.
    EvalSettings in eval, shared true, from machine;

    /// Whether `builtins.warn` ends the evaluation with an error, so that a trace leads to the
    /// warning. `NIX_ABORT_ON_WARN=1` in the environment does the same.
    "abort-on-warn" abort_on_warn: bool = machine.abort_on_warn;
    /// Whether an expression may import what a derivation builds. If not, evaluation never waits
    /// for a build, and such an import is an error even when the output is already there.
    "allow-import-from-derivation" allow_import_from_derivation: bool = true;
    /// Whether `builtins.exec` and `builtins.importNative` exist. They run arbitrary programs.
    "allow-unsafe-native-code-during-evaluation" allow_unsafe_native_code: bool = false;
    /// Prefixes of URIs that restricted evaluation may still fetch from. A prefix matches the URI
    /// itself, everything below it, and, if it ends in a colon, every URI of that scheme.
    "allowed-uris" allowed_uris: Vec<String> = Vec::new();
    /// Whether the debugger, if there is one, stops at `builtins.trace` and `builtins.warn`.
    "debugger-on-trace" debugger_on_trace: bool = false;
    /// Whether the debugger, if there is one, stops at `builtins.warn`.
    "debugger-on-warn" debugger_on_warn: bool = false;
    /// Up to which size the right operand of `//` may be kept as a layer over the left one instead
    /// of being merged into a copy. 0 merges always.
    "eval-attrset-update-layer-rhs-threshold" update_layer_threshold: u32 = 16;
    /// Whether results of evaluating flakes are remembered between runs.
    "eval-cache" eval_cache: bool = true;
    /// The file that the evaluation profile is written to.
    "eval-profile-file" eval_profile_file: String = "nix.profile".to_owned();
    /// Which profiler watches the evaluation: `disabled`, or `flamegraph` for folded stacks.
    "eval-profiler" eval_profiler: EvalProfiler = EvalProfiler::Disabled;
    /// How many times a second the profiler looks at the stack. 0 looks after each call.
    "eval-profiler-frequency" eval_profiler_frequency: u32 = 99;
    /// The value of `builtins.currentSystem`; if empty, that of the `system` setting.
    "eval-system" eval_system: String = String::new();
    /// Whether the debugger passes over errors that `builtins.tryEval` catches.
    "ignore-try" ignore_try: bool = false;
    /// What to do about path literals that begin with `/` or `~/` and so mean something else on
    /// other machines: `ignore`, `warn` or `fatal`.
    "lint-absolute-path-literals" lint_absolute_path_literals: LintLevel = LintLevel::Ignore;
    /// What to do about relative path literals that do not begin with `./` or `../`: `ignore`,
    /// `warn` or `fatal`.
    "lint-short-path-literals" lint_short_path_literals: LintLevel = LintLevel::Ignore;
    /// What to do about URLs without quotes: `ignore`, `warn` or `fatal`.
    "lint-url-literals" lint_url_literals: LintLevel = LintLevel::Ignore;
    /// How deep function calls may nest.
    "max-call-depth" max_call_depth: u32 = 10_000;
    /// Where `<name>` is looked up: directories, or `name=place` pairs. `NIX_PATH` in the
    /// environment takes its place, `-I` stands before it.
    "nix-path" nix_path: Vec<String> = machine.nix_path.clone().unwrap_or_default(), default varies;
    /// Whether evaluation depends on nothing but its locked sources: no environment, no clock, no
    /// search path, no current system, and no file or URL without a hash.
    "pure-eval" pure_eval: bool = false;
    /// Whether evaluation may read only files on the search path and fetch only from
    /// `allowed-uris`.
    "restrict-eval" restrict_eval: bool = false;
    /// Whether each function call is reported as it is entered and left.
    "trace-function-calls" trace_function_calls: bool = false;
    /// Whether each import from a derivation is reported.
    "trace-import-from-derivation" trace_import_from_derivation: bool = false;
    /// Whether `builtins.traceVerbose` prints its first argument.
    "trace-verbose" trace_verbose: bool = false;
    /// Warns of paths whose archive is larger than this number of bytes when they are copied to
    /// the store. 0 never warns.
    "warn-large-path-threshold" warn_large_path_threshold: u64 = 0;
    /// Deprecated: `lint-short-path-literals = warn` says the same.
    "warn-short-path-literals" warn_short_path_literals: bool = false;
}

impl EvalSettings {
    /// The system that `builtins.currentSystem` names.
    pub fn current_system<'a>(&'a self, system: &'a str) -> &'a str {
        if self.eval_system.is_empty() {
            system
        } else {
            &self.eval_system
        }
    }

    /// The prefixes of `allowed-uris` as a set.
    pub fn allowed_uri_prefixes(&self) -> BTreeSet<&str> {
        self.allowed_uris.iter().map(String::as_str).collect()
    }
}
