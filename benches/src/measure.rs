//! Running and accounting. A run is a whole process; its figures are what the kernel charged it.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use wait4::Wait4 as _;

use crate::workload::Workload;

/// One evaluator: the words that start it.
pub(crate) struct Contender {
    name: &'static str,
    words: Vec<String>,
}

/// What one finished process cost.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    /// Seconds of user time.
    pub(crate) user: f64,
    /// Seconds of user and system time.
    pub(crate) total: f64,
    /// Peak resident memory in MiB.
    pub(crate) memory: f64,
}

/// Both sides of one workload, each the median of its runs.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) ours: Cost,
    pub(crate) peer: Cost,
}

impl Contender {
    pub(crate) fn new(name: &'static str, words: &[String]) -> Self {
        Self {
            name,
            words: words.to_vec(),
        }
    }

    /// What it says its version is.
    pub(crate) fn version(&self) -> Result<String, String> {
        let (program, rest) = self.words.split_first().ok_or("no peer command given")?;
        let output = Command::new(program).args(rest).arg("--version").output();
        let output = output.map_err(|error| format!("{program}: {error}"))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn run(&self, workload: &Workload) -> Result<(Vec<u8>, Cost), String> {
        let (program, rest) = self.words.split_first().ok_or("no command given")?;
        let mut child = Command::new(program)
            .args(rest)
            .args([
                "--eval",
                "--strict",
                "--option",
                "eval-cache",
                "false",
                "--option",
                "eval-cores",
                "1",
            ])
            .args(&workload.arguments)
            .arg(&workload.file)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{program}: {error}"))?;
        let mut output = Vec::new();
        let mut stdout = child.stdout.take().expect("standard output is a pipe");
        stdout
            .read_to_end(&mut output)
            .map_err(|error| error.to_string())?;
        let finished = child.wait4().map_err(|error| error.to_string())?;
        if !finished.status.success() {
            return Err(format!(
                "{} under {}: {}",
                workload.name, self.name, finished.status
            ));
        }
        let user = finished.rusage.utime.as_secs_f64();
        let total = user + finished.rusage.stime.as_secs_f64();
        Ok((
            output,
            Cost {
                user,
                total,
                memory: finished.rusage.maxrss as f64 / 1024.0 / 1024.0,
            },
        ))
    }
}

/// Compares outputs, then times both in turn.
pub(crate) fn compare(
    ours: &Contender,
    peer: &Contender,
    workload: &Workload,
    runs: usize,
) -> Result<Row, String> {
    let (our_output, _) = ours.run(workload)?;
    let (peer_output, _) = peer.run(workload)?;
    if our_output != peer_output {
        return Err(format!(
            "{}: the outputs differ; nothing is timed",
            workload.name
        ));
    }
    let mut our_costs = Vec::new();
    let mut peer_costs = Vec::new();
    for run in 0..runs {
        if run % 2 == 0 {
            our_costs.push(ours.run(workload)?.1);
            peer_costs.push(peer.run(workload)?.1);
        } else {
            peer_costs.push(peer.run(workload)?.1);
            our_costs.push(ours.run(workload)?.1);
        }
    }
    Ok(Row {
        name: workload.name.clone(),
        ours: median(&our_costs),
        peer: median(&peer_costs),
    })
}

fn median(costs: &[Cost]) -> Cost {
    let middle = |pick: fn(&Cost) -> f64| {
        let mut values: Vec<f64> = costs.iter().map(pick).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Cost {
        user: middle(|cost| cost.user),
        total: middle(|cost| cost.total),
        memory: middle(|cost| cost.memory),
    }
}

/// A scratch folder with our binary under the name that makes it an evaluator.
pub(crate) fn links(firn: &Path) -> Result<PathBuf, String> {
    let binary = firn.canonicalize().map_err(|error| {
        format!(
            "{}: {error}; build it first with `cargo build --release`",
            firn.display()
        )
    })?;
    let folder = std::env::temp_dir().join(format!("firn-benches-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let link = folder.join("nix-instantiate");
    std::os::unix::fs::symlink(binary, link).map_err(|error| error.to_string())?;
    Ok(folder)
}
