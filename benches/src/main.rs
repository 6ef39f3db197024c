//! Runs the same expressions under Firn and under another evaluator and prints a table.
//!
//! For each workload both outputs are compared before anything is timed; then the two run in turn,
//! A B B A, so that a machine whose speed drifts treats both alike. What is reported is the
//! kernel's own accounting of each finished process: user time, and the peak of resident memory.
//! Remembered evaluations are off on both sides.
//!
//! ```text
//! cargo build --release
//! cargo run --release -p firn-benches -- --peer nix-instantiate
//! ```
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table is what this program is for"
)]

mod measure;
mod table;
mod workload;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use measure::Contender;

/// Compare Firn with another evaluator, side by side.
#[derive(Parser)]
struct Arguments {
    /// Our binary
    #[arg(long, default_value = "target/release/firn")]
    firn: PathBuf,
    /// The other evaluator's `nix-instantiate`, with what has to stand before it
    #[arg(long)]
    peer: String,
    /// A folder of workloads
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/workloads"))]
    workloads: PathBuf,
    /// Only workloads whose name contains one of these words
    only: Vec<String>,
    /// Counted runs of each
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Let Firn keep what it has parsed; the run that compares the outputs fills its cache
    #[arg(long)]
    parse_cache: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("side-by-side: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let links = measure::links(&arguments.firn)?;
    let ours = Contender::new(
        "firn",
        &[
            links.join("nix-instantiate").display().to_string(),
            "--option".to_owned(),
            "parse-cache".to_owned(),
            arguments.parse_cache.to_string(),
        ],
    );
    let words: Vec<String> = arguments
        .peer
        .split_whitespace()
        .map(ToOwned::to_owned)
        .collect();
    let peer = Contender::new("peer", &words);
    println!("peer: {}", peer.version()?);
    let mut rows = Vec::new();
    for workload in workload::read(&arguments.workloads, &arguments.only)? {
        let row = measure::compare(&ours, &peer, &workload, arguments.runs)?;
        eprintln!("{}", table::row(&row));
        rows.push(row);
    }
    print!("{}", table::render(&rows));
    // The links live in a scratch folder of this process.
    drop(std::fs::remove_dir_all(&links));
    Ok(())
}
