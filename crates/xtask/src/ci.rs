//! Everything a change has to pass, cheapest first. `.ci/run` installs what the tests need and then
//! runs this, so anyone can run the very same checks at home.

use std::process::Command;
use std::time::Instant;

use crate::workspace::{Outcome, Workspace};
use crate::{graph, tidy};

/// Runs all steps; stops at the first that fails.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    step("tidy", || tidy::run(workspace))?;
    step("graph", || graph::run(workspace, false))?;
    step("format", || {
        cargo(workspace, &["fmt", "--all", "--check"], &[])
    })?;
    step("lint", || {
        cargo(
            workspace,
            &[
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ],
            &[],
        )
    })?;
    step("docs", || {
        let quiet = [(
            "RUSTDOCFLAGS",
            "-D warnings -A rustdoc::private-intra-doc-links",
        )];
        cargo(
            workspace,
            &[
                "doc",
                "--workspace",
                "--no-deps",
                "--document-private-items",
            ],
            &quiet,
        )
    })?;
    // The test command of the README, to the letter.
    step("test", || cargo(workspace, &["test", "--workspace"], &[]))?;
    // The store with its points of failure compiled in: aborted at each write step, then verified.
    step("crash", || {
        let crashing = [
            "test",
            "-p",
            "firn-store",
            "--features",
            "fault-points",
            "--lib",
            "crashing",
        ];
        cargo(workspace, &crashing, &[])
    })
}

fn step(name: &str, work: impl FnOnce() -> Outcome) -> Outcome {
    let start = Instant::now();
    println!("== {name}");
    work().map_err(|error| format!("{name}: {error}"))?;
    println!("== {name}: ok in {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

fn cargo(workspace: &Workspace, arguments: &[&str], environment: &[(&str, &str)]) -> Outcome {
    let status = Command::new(env!("CARGO"))
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(&workspace.root)
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`cargo {}` failed", arguments.join(" ")))
    }
}
