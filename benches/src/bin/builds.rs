//! Builds many trivial derivations under Firn and under another builder and prints a table.
//!
//! Each builder gets a store of its own in a scratch folder, fresh for every run; the two run in
//! turn. Three things are timed: building everything with the sandbox, building everything without
//! it, and asking once more for what has just been built. What is reported is the time on the
//! clock, and the processor time of the whole tree of processes, builders included.
//!
//! ```text
//! cargo build --release
//! cargo run --release -p firn-benches --bin builds -- --peer nix-build
//! ```
//!
//! A static shell is needed for the sandbox; both get the same one.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table is what this program is for"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use wait4::Wait4 as _;

/// Compare building under Firn with another builder, side by side.
#[derive(Parser)]
struct Arguments {
    /// Our binary
    #[arg(long, default_value = "target/release/firn")]
    firn: PathBuf,
    /// The other builder's `nix-build`, with what has to stand before it; none to run Firn alone
    #[arg(long)]
    peer: Option<String>,
    /// How many derivations
    #[arg(short = 'n', long, default_value_t = 500)]
    count: usize,
    /// Builds at once
    #[arg(short = 'j', long, default_value_t = 2)]
    jobs: usize,
    /// Counted runs of each
    #[arg(long, default_value_t = 1)]
    runs: usize,
    /// The static shell
    #[arg(long, default_value = "/bin/busybox")]
    shell: PathBuf,
    /// Where scratch folders are made
    #[arg(long, default_value = "/tmp")]
    scratch: PathBuf,
}

/// What a run cost.
#[derive(Clone, Copy)]
struct Cost {
    wall: Duration,
    processor: Duration,
    /// Peak of resident memory of the largest process, in MiB.
    memory: u64,
}

struct Contender {
    name: &'static str,
    words: Vec<String>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("builds: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let scratch = arguments
        .scratch
        .join(format!("firn-builds-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).map_err(|error| error.to_string())?;
    let link = scratch.join("nix-build");
    let firn = std::fs::canonicalize(&arguments.firn)
        .map_err(|error| format!("{}: {error}", arguments.firn.display()))?;
    std::os::unix::fs::symlink(firn, &link).map_err(|error| error.to_string())?;
    let mut contenders = vec![Contender {
        name: "firn",
        words: vec![link.display().to_string()],
    }];
    if let Some(peer) = &arguments.peer {
        contenders.push(Contender {
            name: "peer",
            words: peer.split_whitespace().map(str::to_owned).collect(),
        });
    }
    println!(
        "{} derivations, {} at once, medians of {}",
        arguments.count, arguments.jobs, arguments.runs
    );
    println!("| what | who | wall (s) | processor (s) | each (ms) | memory (MiB) |");
    println!("|---|---|---:|---:|---:|---:|");
    for sandbox in [true, false] {
        let mut costs: Vec<(Vec<Cost>, Vec<Cost>)> = vec![Default::default(); contenders.len()];
        for round in 0..arguments.runs {
            for (contender, (building, asking)) in contenders.iter().zip(&mut costs) {
                let folder = scratch.join(format!("{}-{sandbox}-{round}", contender.name));
                building.push(build(arguments, contender, &folder, sandbox)?);
                asking.push(build(arguments, contender, &folder, sandbox)?);
                remove(&folder);
            }
        }
        let what = if sandbox { "sandbox on" } else { "sandbox off" };
        report(arguments, &contenders, what, &costs, |it| &it.0);
        report(arguments, &contenders, "nothing to do", &costs, |it| &it.1);
    }
    remove(&scratch);
    Ok(())
}

fn build(
    arguments: &Arguments,
    contender: &Contender,
    folder: &Path,
    sandbox: bool,
) -> Result<Cost, String> {
    let count = arguments.count;
    let expression = format!(
        "builtins.genList (n: derivation {{ name = \"trivial-${{toString n}}\"; system = builtins.currentSystem; \
         builder = \"/bin/sh\"; args = [ \"-c\" \"echo ${{toString n}} > $out\" ]; }}) {count}"
    );
    std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    let (program, before) = contender.words.split_first().ok_or("no command")?;
    let jobs = arguments.jobs.to_string();
    let shell = format!("/bin/sh={}", arguments.shell.display());
    let started = Instant::now();
    let child = Command::new(program)
        .args(before)
        .args(["--no-out-link", "--quiet", "-j", &jobs, "-E", &expression])
        .args([
            "--option",
            "sandbox",
            if sandbox { "true" } else { "false" },
        ])
        .args(["--option", "sandbox-paths", &shell])
        .args(["--option", "substitute", "false"])
        .args(["--option", "build-users-group", ""])
        .env("NIX_STORE_DIR", folder.join("store"))
        .env("NIX_STATE_DIR", folder.join("state"))
        .env("NIX_LOG_DIR", folder.join("log"))
        .env("NIX_CONF_DIR", folder.join("conf"))
        .env("HOME", folder)
        .env_remove("NIX_REMOTE")
        .env_remove("NIX_PATH")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(|error| format!("{program}: {error}"))?;
    let used = child.wait4().map_err(|error| error.to_string())?;
    if !used.status.success() {
        return Err(format!("{} failed", contender.name));
    }
    Ok(Cost {
        wall: started.elapsed(),
        processor: used.rusage.utime + used.rusage.stime,
        memory: used.rusage.maxrss >> 20,
    })
}

fn report(
    arguments: &Arguments,
    contenders: &[Contender],
    what: &str,
    costs: &[(Vec<Cost>, Vec<Cost>)],
    of: impl Fn(&(Vec<Cost>, Vec<Cost>)) -> &Vec<Cost>,
) {
    let median = |cost: &dyn Fn(&Cost) -> f64, costs: &[Cost]| {
        let mut values: Vec<f64> = costs.iter().map(cost).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let mut walls = Vec::new();
    for (contender, costs) in contenders.iter().zip(costs) {
        let wall = median(&|it| it.wall.as_secs_f64(), of(costs));
        let processor = median(&|it| it.processor.as_secs_f64(), of(costs));
        let memory = median(&|it| it.memory as f64, of(costs));
        let each = wall * 1000.0 / arguments.count as f64;
        walls.push((wall, processor));
        println!(
            "| {what} | {} | {wall:.2} | {processor:.2} | {each:.1} | {memory:.0} |",
            contender.name
        );
    }
    if let [(ours, our_processor), (theirs, their_processor)] = walls[..] {
        println!(
            "| {what} | peer / firn | {:.1} | {:.1} | | |",
            theirs / ours,
            their_processor / our_processor
        );
    }
}

/// Removes a scratch folder, read-only store paths in it included.
fn remove(folder: &Path) {
    let made_writable = Command::new("chmod")
        .args(["-R", "u+w"])
        .arg(folder)
        .status();
    if made_writable.is_ok() {
        std::fs::remove_dir_all(folder).ok();
    }
}
