//! Chores of the project: `cargo run -p firn-xtask -- tidy | graph | ci | conformance | fuzz | lock |
//! stress`.
//!
//! What is checked here is what a compiler cannot see: the layout of the tree, the direction of
//! dependencies, the opening words of files, traces of private machines. `ci` runs everything that
//! a change has to pass, in the order in which a failure is cheapest to find; it is what `.ci/run`
//! runs after it has installed what the tests need.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a chore's only purpose is to tell the person who runs it"
)]

mod ci;
mod conformance;
mod fuzz;
mod graph;
mod layers;
mod lock;
mod stress;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "xtask", about = "Chores of the Firn workspace")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Check the house rules that a command can see
    Tidy,
    /// Check that dependencies only point down; `--dot` prints the graph instead
    Graph {
        /// Print the graph in Graphviz form
        #[arg(long)]
        dot: bool,
    },
    /// Everything that continuous integration runs
    Ci,
    /// Run the fuzz targets for a while and print how often each was executed
    Fuzz(fuzz::Arguments),
    /// Bring the pinned archives of the standard library up to the package index
    Lock(lock::Arguments),
    /// Run a foreign language suite at several numbers of threads and compare
    Stress(stress::Arguments),
    /// Run a foreign language suite against the release binary and print the score
    Conformance(conformance::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = workspace::Workspace::find().and_then(|workspace| match arguments.chore {
        Chore::Tidy => tidy::run(&workspace),
        Chore::Graph { dot } => graph::run(&workspace, dot),
        Chore::Ci => ci::run(&workspace),
        Chore::Fuzz(arguments) => fuzz::run(&workspace, &arguments),
        Chore::Lock(arguments) => lock::run(&workspace, &arguments),
        Chore::Stress(arguments) => stress::run(&workspace, &arguments),
        Chore::Conformance(arguments) => conformance::run(&workspace, &arguments),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
