//! Runs the fuzz targets of `crates/fuzz` for a while and prints how often each was executed.
//!
//! Targets are built by the stable compiler with coverage counters and no sanitizer, into a target
//! folder of their own, so that ordinary builds are not thrown away. What libFuzzer finds worth
//! keeping stays in that folder and is the start of the next run.

use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::workspace::{Outcome, Workspace};

/// What to fuzz and for how long.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Only targets whose name contains this
    target: Option<String>,
    /// Seconds for each target
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// A folder of further inputs to start from
    #[arg(long)]
    seeds: Option<PathBuf>,
}

/// What makes libFuzzer see which branches were taken.
const COVERAGE: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Ccodegen-units=1";

pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Outcome {
    let folder = workspace.root.join("target/fuzz");
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let built = Command::new(env!("CARGO"))
        .args(["build", "--release", "-p", "firn-fuzz", "--bins"])
        .args(["--features", "libfuzzer", "--target", &triple])
        .arg("--target-dir")
        .arg(&folder)
        .env("RUSTFLAGS", COVERAGE)
        .current_dir(&workspace.root)
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if !built.success() {
        return Err("the fuzz targets do not build".to_owned());
    }
    for target in targets(workspace)? {
        let wanted = arguments.target.as_ref();
        if wanted.is_some_and(|wanted| !target.contains(wanted.as_str())) {
            continue;
        }
        let corpus = folder.join("corpus").join(&target);
        std::fs::create_dir_all(&corpus)
            .map_err(|error| format!("cannot create {}: {error}", corpus.display()))?;
        let output = Command::new(
            folder
                .join(&triple)
                .join("release")
                .join(format!("fuzz-{target}")),
        )
        .arg(format!("-max_total_time={}", arguments.seconds))
        .args(["-print_final_stats=1", "-max_len=2000"])
        .arg(format!("-artifact_prefix={}/", folder.display()))
        .arg(&corpus)
        .args(arguments.seeds.iter())
        .output()
        .map_err(|error| format!("cannot run fuzz-{target}: {error}"))?;
        let log = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(format!("{target} found something:\n{log}"));
        }
        let statistic = |name: &str| -> String {
            let line = log.lines().rev().find(|line| line.contains(name));
            line.and_then(|line| line.split_whitespace().last())
                .unwrap_or("?")
                .to_owned()
        };
        let coverage = log
            .lines()
            .rev()
            .find_map(|line| line.split_once(" cov: "))
            .and_then(|(_, rest)| rest.split_whitespace().next())
            .unwrap_or("?");
        println!(
            "fuzz {target}: {} executions, {coverage} edges, no finding",
            statistic("number_of_executed_units")
        );
    }
    Ok(())
}

/// The targets, by the names of their files.
fn targets(workspace: &Workspace) -> Result<Vec<String>, String> {
    let folder = workspace.root.join("crates/fuzz/targets");
    let entries = std::fs::read_dir(&folder)
        .map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| Some(entry.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}
