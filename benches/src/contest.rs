//! What runs of whole commands have in common: who runs, in which store, and what it costs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

mod cost;

pub(crate) use cost::Cost;
use cost::timed;

/// A program with the commands of the field.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    /// Our binary, reached by the names of the commands; none for another program.
    links: Option<PathBuf>,
    /// What stands before a command of another program.
    before: Vec<String>,
}

impl Contender {
    /// Our binary, with links to it in a folder.
    pub(crate) fn ours(binary: &Path, links: PathBuf) -> Result<Contender, String> {
        let binary = std::fs::canonicalize(binary)
            .map_err(|error| format!("{}: {error}", binary.display()))?;
        std::fs::create_dir_all(&links).map_err(|error| error.to_string())?;
        for name in ["nix", "nix-build", "nix-instantiate", "nix-store"] {
            std::os::unix::fs::symlink(&binary, links.join(name))
                .map_err(|error| error.to_string())?;
        }
        Ok(Contender {
            name: "firn",
            links: Some(links),
            before: Vec::new(),
        })
    }

    /// Another program; a command is run with these words before its name.
    pub(crate) fn peer(before: &str) -> Contender {
        Contender {
            name: "peer",
            links: None,
            before: before.split_whitespace().map(str::to_owned).collect(),
        }
    }

    /// A command over a store of its own in a folder.
    pub(crate) fn command(&self, name: &str, folder: &Path) -> Command {
        let mut words = self.before.iter().cloned();
        let mut command = match (&self.links, words.next()) {
            (Some(links), _) => Command::new(links.join(name)),
            (None, Some(first)) => {
                let mut command = Command::new(first);
                command.args(words).arg(name);
                command
            }
            (None, None) => Command::new(name),
        };
        command
            .env("NIX_STORE_DIR", folder.join("store"))
            .env("NIX_STATE_DIR", folder.join("state"))
            .env("NIX_LOG_DIR", folder.join("log"))
            .env("NIX_CONF_DIR", folder.join("conf"))
            .env("HOME", folder)
            .env_remove("NIX_REMOTE")
            .env_remove("NIX_PATH")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, command: &mut Command) -> Result<Cost, String> {
        timed(command, self.name).map(|it| it.1)
    }
}

/// Prints the rows of one piece of work: the medians of each contender, and how they compare.
/// `each` divides the time on the clock, in milliseconds.
pub(crate) fn report(
    what: &str,
    contenders: &[Contender],
    costs: &[Vec<Cost>],
    each: Option<usize>,
) {
    let median = |cost: &dyn Fn(&Cost) -> f64, costs: &[Cost]| {
        let mut values: Vec<f64> = costs.iter().map(cost).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let mut times = Vec::new();
    for (contender, costs) in contenders.iter().zip(costs) {
        let wall = median(&|it| it.wall.as_secs_f64(), costs);
        let processor = median(&|it| it.processor.as_secs_f64(), costs);
        let memory = median(&|it| it.memory as f64, costs);
        let each = each.map_or_else(String::new, |n| format!("{:.1}", wall * 1000.0 / n as f64));
        times.push((wall, processor));
        println!(
            "| {what} | {} | {wall:.2} | {processor:.2} | {each} | {memory:.0} |",
            contender.name
        );
    }
    if let [(ours, our_processor), (theirs, their_processor)] = times[..] {
        println!(
            "| {what} | peer / firn | {:.1} | {:.1} | | |",
            theirs / ours,
            their_processor / our_processor
        );
    }
}

/// Prints the head of the table.
pub(crate) fn head() {
    println!("| what | who | wall (s) | processor (s) | each (ms) | memory (MiB) |");
    println!("|---|---|---:|---:|---:|---:|");
}

/// Removes a scratch folder, read-only store paths in it included.
pub(crate) fn remove(folder: &Path) {
    let made_writable = Command::new("chmod")
        .args(["-R", "u+w"])
        .arg(folder)
        .status();
    if made_writable.is_ok() {
        std::fs::remove_dir_all(folder).ok();
    }
}
