//! Runs the evaluating cases of a language suite at several numbers of threads, again and again, and
//! holds every run against the first: status and both outputs have to be the same to the byte.

use std::path::PathBuf;
use std::process::Output;

use crate::conformance::Suite;
use crate::workspace::{Outcome, Workspace};

/// What the chore is told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A checkout of the suite's project, or its `tests/functional/lang` folder
    #[arg(long)]
    suite: PathBuf,
    /// The binary to test
    #[arg(long, default_value = "target/release/firn")]
    binary: PathBuf,
    /// Numbers of threads; what the first does is what all have to do
    #[arg(long, value_delimiter = ',', default_value = "1,2,8")]
    threads: Vec<u32>,
    /// How often
    #[arg(long, default_value_t = 10)]
    rounds: u32,
    /// Collect the heap each time when the machine has looked up so often, except in the first run
    #[arg(long)]
    collect_every: Option<u64>,
    /// Only cases whose name contains this
    #[arg(long)]
    only: Option<String>,
}

/// Runs the cases and fails if any run differs.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Outcome {
    let mut suite = Suite::open(workspace, &arguments.suite, &arguments.binary)?;
    let mut names = suite.names(arguments.only.as_deref())?;
    names.retain(|name| name.starts_with("eval-"));
    let (&first, _) = (arguments.threads.split_first()).ok_or("no number of threads was given")?;
    suite.use_threads(first);
    let wanted: Vec<Output> = (names.iter())
        .map(|name| suite.output_of(name))
        .collect::<Outcome<_>>()?;
    let mut n_differing = 0;
    for round in 1..=arguments.rounds {
        for &threads in &arguments.threads {
            suite.use_threads(threads);
            if let Some(n) = arguments.collect_every {
                suite.collect_every(n);
            }
            for (name, wanted) in names.iter().zip(&wanted) {
                let found = suite.output_of(name)?;
                if found != *wanted {
                    n_differing += 1;
                    println!("round {round}, {threads} threads: {name} differs");
                    println!("{}", String::from_utf8_lossy(&found.stderr));
                }
            }
        }
    }
    let n_runs = names.len() * arguments.threads.len() * arguments.rounds as usize;
    println!(
        "{n_runs} runs of {} cases, {n_differing} differ",
        names.len()
    );
    if n_differing == 0 {
        Ok(())
    } else {
        Err(format!("{n_differing} of {n_runs} runs differ"))
    }
}
