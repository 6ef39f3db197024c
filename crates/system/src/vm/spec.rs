//! Machines and tests as data, read from the JSON that the language makes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::error::SystemError;

/// A virtual machine. Paths are those of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VmSpec {
    /// The system that it boots first.
    pub toplevel: PathBuf,
    /// Its kernel.
    pub kernel: PathBuf,
    /// Its initrd.
    pub initrd: PathBuf,
    /// The command line of the kernel, `init=` included.
    pub command_line: String,
    /// The file system with its store.
    pub store_image: PathBuf,
    /// An empty file system to keep state in, copied for each run.
    pub state_image: Option<PathBuf>,
    /// Whether it boots by firmware and boot menu.
    pub uses_boot_loader: bool,
    /// Megabytes of memory.
    pub memory: u64,
    /// Processors.
    pub cores: u64,
    /// Ports of the host (second) that lead to it (first), with the protocol.
    pub ports: Vec<(String, u64, u64)>,
    /// Further arguments of QEMU.
    pub options: Vec<String>,
    /// Systems in its store.
    pub systems: Vec<PathBuf>,
}

impl VmSpec {
    /// Reads one.
    pub fn from_json(json: &Value) -> Result<Self, SystemError> {
        let missing = |key: &str| {
            SystemError::other(format!("the virtual machine's description lacks '{key}'"))
        };
        let text = |key: &'static str| json[key].as_str().ok_or_else(|| missing(key));
        let number = |key: &'static str| json[key].as_u64().ok_or_else(|| missing(key));
        let list = |key: &str| json[key].as_array().cloned().unwrap_or_default();
        let texts = |key: &str| -> Vec<String> {
            let list = list(key).into_iter();
            list.filter_map(|it| it.as_str().map(str::to_owned))
                .collect()
        };
        let ports = list("forwardPorts").into_iter().filter_map(|it| {
            let protocol = it["proto"].as_str().unwrap_or("tcp").to_owned();
            Some((
                protocol,
                it["guest"]["port"].as_u64()?,
                it["host"]["port"].as_u64()?,
            ))
        });
        Ok(Self {
            toplevel: text("toplevel")?.into(),
            kernel: text("kernel")?.into(),
            initrd: text("initrd")?.into(),
            command_line: text("commandLine")?.to_owned(),
            store_image: text("storeImage")?.into(),
            state_image: json["stateImage"].as_str().map(PathBuf::from),
            uses_boot_loader: json["useBootLoader"].as_bool().unwrap_or(false),
            memory: number("memorySize")?,
            cores: number("cores")?,
            ports: ports.collect(),
            options: texts("options"),
            systems: texts("systems").into_iter().map(PathBuf::from).collect(),
        })
    }
}

/// A test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestSpec {
    /// What it is called.
    pub name: String,
    /// Its machines by name.
    pub nodes: BTreeMap<String, VmSpec>,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

/// One thing that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The machine.
    pub node: String,
    /// What.
    pub kind: StepKind,
    /// In how many seconds of the machine's own time.
    pub timeout: u64,
}

/// What can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// Runs a shell script; its output must have a text in it, where one is given.
    Run {
        /// The script.
        script: String,
        /// Whether it has to fail.
        fails: bool,
        /// What the output has to contain.
        expect: Option<String>,
    },
    /// Runs a shell script until it succeeds.
    Wait(String),
    /// Reboots, and waits for the machine to be up again.
    Reboot,
    /// Cuts the power, turns it on, and waits for the machine to be up again.
    Crash,
    /// Cuts the power at moments of a script, so many times, and checks each time what is up then.
    CrashDuring {
        /// The script.
        script: String,
        /// How many times.
        times: u64,
        /// The latest moment, in milliseconds of the machine's own time; as long as the script takes
        /// where it is not said.
        within: Option<u64>,
        /// What must succeed once the machine is up again.
        check: String,
    },
}

/// How long a step may take where it does not say.
const DEFAULT_TIMEOUT: u64 = 60;

impl TestSpec {
    /// Reads one.
    pub fn from_json(json: &Value) -> Result<Self, SystemError> {
        let nodes = json["nodes"].as_object().into_iter().flatten();
        let nodes: Result<BTreeMap<_, _>, _> = nodes
            .map(|(name, json)| Ok::<_, SystemError>((name.clone(), VmSpec::from_json(json)?)))
            .collect();
        let nodes = nodes?;
        let steps = json["steps"].as_array().into_iter().flatten();
        let steps: Result<Vec<_>, _> = steps
            .enumerate()
            .map(|(number, json)| {
                let step = Step::from_json(json, &nodes);
                step.map_err(|reason| SystemError::other(format!("step {}: {reason}", number + 1)))
            })
            .collect();
        Ok(Self {
            name: json["name"].as_str().unwrap_or("test").to_owned(),
            nodes,
            steps: steps?,
        })
    }
}

impl Step {
    fn from_json(json: &Value, nodes: &BTreeMap<String, VmSpec>) -> Result<Self, String> {
        let text = |key: &str| json[key].as_str().map(str::to_owned);
        let node = match text("node") {
            Some(node) if nodes.contains_key(&node) => node,
            Some(node) => return Err(format!("there is no node '{node}'")),
            None => match nodes.keys().next() {
                Some(only) if nodes.len() == 1 => only.clone(),
                _ => return Err("it does not say on which node".to_owned()),
            },
        };
        let kind = if let Some(script) = text("run") {
            StepKind::Run {
                script,
                fails: json["fails"].as_bool().unwrap_or(false),
                expect: text("expect"),
            }
        } else if let Some(script) = text("wait") {
            StepKind::Wait(script)
        } else if json["reboot"].as_bool() == Some(true) {
            StepKind::Reboot
        } else if json["crash"].as_bool() == Some(true) {
            StepKind::Crash
        } else if let Some(script) = text("crashDuring") {
            StepKind::CrashDuring {
                script,
                times: json["times"].as_u64().unwrap_or(1),
                within: json["within"].as_u64(),
                check: text("check").unwrap_or_else(|| "true".to_owned()),
            }
        } else {
            return Err(
                "it has none of 'run', 'wait', 'reboot', 'crash', 'crashDuring'".to_owned(),
            );
        };
        Ok(Self {
            node,
            kind,
            timeout: json["timeout"].as_u64().unwrap_or(DEFAULT_TIMEOUT),
        })
    }

    /// It in a line.
    pub fn summary(&self) -> String {
        let first_line = |text: &str| {
            let mut lines = text.lines().map(str::trim).filter(|it| !it.is_empty());
            let line = lines.next().unwrap_or_default().to_owned();
            if lines.next().is_some() {
                line + " …"
            } else {
                line
            }
        };
        let what = match &self.kind {
            StepKind::Run {
                script,
                fails: true,
                ..
            } => format!("must fail: {}", first_line(script)),
            StepKind::Run { script, .. } => first_line(script),
            StepKind::Wait(script) => format!("wait for: {}", first_line(script)),
            StepKind::Reboot => "reboot".to_owned(),
            StepKind::Crash => "cut the power".to_owned(),
            StepKind::CrashDuring { script, times, .. } => {
                format!("cut the power {times} times during: {}", first_line(script))
            }
        };
        format!("{}: {what}", self.node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn node() -> Value {
        json!({"toplevel": "/s/t", "kernel": "/s/k", "initrd": "/s/i", "commandLine": "x", "storeImage": "/s/e", "memorySize": 256, "cores": 1})
    }

    #[test]
    fn tests_are_read() {
        let spec = TestSpec::from_json(&json!({
            "name": "n",
            "nodes": {"a": node()},
            "steps": [{"run": "true\nfalse"}, {"node": "a", "reboot": true, "timeout": 3}],
        }))
        .expect("read");
        assert_eq!(spec.steps[0].summary(), "a: true …");
        assert_eq!(spec.steps[0].timeout, 60);
        assert_eq!(spec.steps[1].summary(), "a: reboot");
    }

    #[test]
    fn mistakes_are_named() {
        let check = |step: Value, expected: &str| {
            let json = json!({"nodes": {"a": node(), "b": node()}, "steps": [step]});
            let error = TestSpec::from_json(&json).expect_err("a mistake");
            assert_eq!(error.to_string(), format!("step 1: {expected}"));
        };
        check(json!({"run": "x"}), "it does not say on which node");
        check(json!({"node": "c"}), "there is no node 'c'");
        check(
            json!({"node": "a", "runs": "x"}),
            "it has none of 'run', 'wait', 'reboot', 'crash', 'crashDuring'",
        );
    }
}
