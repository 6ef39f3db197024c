//! `lock`: brings the pinned archives of `stdlib/bootstrap` up to the package index.
//!
//! Versions, paths and digests come from the index of the frozen main suite that apt of this machine
//! has fetched and whose signature it has checked (`apt-get update` first). `--add SET ROOT…` resolves
//! what the named packages depend on and pins that as a set of its own for `fromDeb`; what every
//! package of the standard library has anyway, the C library and its like, is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::workspace::Workspace;

/// Where apt keeps the indexes it has fetched.
const LISTS: &str = "/var/lib/apt/lists";

/// Parts of every closure already, or tools of an installation that no relocated package calls.
const LEFT_OUT: &[&str] = &[
    "adduser",
    "binutils",
    "base-files",
    "ca-certificates",
    "debconf",
    "dpkg",
    "gcc",
    "gcc-12-base",
    "init-system-helpers",
    "install-info",
    "libc-bin",
    "libc6",
    "libc6-dev",
    "libgcc-s1",
    "libstdc++6",
    "lsb-base",
    "perl-base",
    "sysvinit-utils",
    "ucf",
];

/// What `lock` is told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Pin a further set of archives: its name, then the packages it is made of
    #[arg(long, num_args = 2.., value_names = ["SET", "ROOT"])]
    add: Vec<String>,
}

/// One package of the index.
struct Package {
    version: String,
    path: String,
    sha256: String,
    depends: Vec<Vec<String>>,
    provides: Vec<String>,
}

type Index = BTreeMap<String, Package>;

pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<(), String> {
    let bootstrap = workspace.root.join("stdlib/bootstrap");
    let index = read_index("bookworm", "amd64")?;
    for file in ["seed.json", "debs.json"] {
        let path = bootstrap.join(file);
        let mut lock = read_json(&path)?;
        if file == "debs.json"
            && let [set, roots @ ..] = arguments.add.as_slice()
        {
            add_set(&mut lock, &index, set, roots)?;
        }
        refresh(&mut lock, &index)?;
        std::fs::write(&path, render(&lock))
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

fn read_json(path: &Path) -> Result<Value, String> {
    let text = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// The main index of a suite, as apt has it.
fn read_index(suite: &str, architecture: &str) -> Result<Index, String> {
    let wanted = format!("_dists_{suite}_main_binary-{architecture}_Packages");
    let list = std::fs::read_dir(LISTS)
        .map_err(|error| format!("{LISTS}: {error}"))?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.to_string_lossy().contains(&wanted))
        .ok_or_else(|| format!("{LISTS} has no index of {suite}; run 'apt-get update'"))?;
    let output = Command::new("/usr/lib/apt/apt-helper")
        .arg("cat-file")
        .arg(&list)
        .output()
        .map_err(|error| format!("apt-helper: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.split("\n\n").filter_map(read_stanza).collect())
}

fn read_stanza(stanza: &str) -> Option<(String, Package)> {
    let field = |name: &str| {
        let line = stanza
            .lines()
            .find(|line| line.starts_with(name) && line[name.len()..].starts_with(": "))?;
        Some(line[name.len() + 2..].to_owned())
    };
    let clause = |text: String| {
        text.split('|')
            .map(|it| bare_name(it).to_owned())
            .collect::<Vec<_>>()
    };
    let mut depends = Vec::new();
    for name in ["Pre-Depends", "Depends"] {
        depends.extend(
            field(name)
                .unwrap_or_default()
                .split(", ")
                .filter(|it| !it.is_empty())
                .map(|it| clause(it.to_owned())),
        );
    }
    let provides = field("Provides").unwrap_or_default();
    Some((
        field("Package")?,
        Package {
            version: field("Version")?,
            path: field("Filename")?,
            sha256: field("SHA256")?,
            depends,
            provides: provides
                .split(", ")
                .map(|it| bare_name(it).to_owned())
                .collect(),
        },
    ))
}

/// The name in `name:any (>= 1.2)`.
fn bare_name(text: &str) -> &str {
    let text = text.trim();
    text.split([' ', ':', '(']).next().unwrap_or(text)
}

/// The packages that some roots need, themselves among them.
fn closure(index: &Index, roots: &[String]) -> Result<BTreeSet<String>, String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<String> = roots.to_vec();
    while let Some(name) = open.pop() {
        if LEFT_OUT.contains(&name.as_str()) || found.contains(&name) {
            continue;
        }
        let package = index
            .get(&name)
            .ok_or_else(|| format!("the index has no package '{name}'"))?;
        for choice in &package.depends {
            let real = choice.iter().find(|it| index.contains_key(*it)).cloned();
            let provided = || {
                let offers = |it: &Package| it.provides.iter().any(|name| choice.contains(name));
                index
                    .iter()
                    .find(|(_, it)| offers(it))
                    .map(|(name, _)| name.clone())
            };
            match real.or_else(provided) {
                Some(next) => open.push(next),
                None => {
                    return Err(format!(
                        "nothing in the index is '{}', which '{name}' needs",
                        choice.join(" | ")
                    ));
                }
            }
        }
        found.insert(name);
    }
    Ok(found)
}

fn add_set(lock: &mut Value, index: &Index, set: &str, roots: &[String]) -> Result<(), String> {
    let names = closure(index, roots)?;
    let version = index
        .get(&roots[0])
        .map(|it| it.version.clone())
        .unwrap_or_default();
    lock["sets"][set] = serde_json::json!({ "version": version, "packages": names });
    let packages = lock["packages"]
        .as_array_mut()
        .ok_or("the lock has no packages")?;
    for name in names {
        if !packages.iter().any(|it| it["name"] == *name) {
            packages.push(serde_json::json!({ "name": name }));
        }
    }
    packages.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    Ok(())
}

/// Takes version, path and digest of every pinned package from the index.
fn refresh(lock: &mut Value, index: &Index) -> Result<(), String> {
    let packages = lock["packages"]
        .as_array_mut()
        .ok_or("the lock has no packages")?;
    for entry in packages {
        let name = entry["name"].as_str().unwrap_or_default().to_owned();
        let package = index
            .get(&name)
            .ok_or_else(|| format!("the index has no package '{name}'"))?;
        if entry["version"] != *package.version {
            println!(
                "{name}: {} -> {}",
                entry["version"].as_str().unwrap_or("new"),
                package.version
            );
            if name == "busybox-static" {
                println!("  the next build says the digest that 'busyboxTree' has to be");
            }
        }
        *entry = serde_json::json!({
            "name": name, "version": package.version, "path": package.path, "sha256": package.sha256,
        });
    }
    Ok(())
}

/// A lock is read in differences: one package a line, one set a line.
fn render(lock: &Value) -> String {
    let mut text = String::from("{\n");
    let fields = lock.as_object().into_iter().flatten().count();
    for (at, (key, value)) in lock.as_object().into_iter().flatten().enumerate() {
        let comma = if at + 1 < fields { "," } else { "" };
        let lines: Vec<String> = match value {
            Value::Array(entries) => entries.iter().map(one_line).collect(),
            Value::Object(entries) => entries
                .iter()
                .map(|(name, entry)| format!("\"{name}\": {}", one_line(entry)))
                .collect(),
            other => {
                let _ = writeln!(text, "  \"{key}\": {other}{comma}");
                continue;
            }
        };
        let (open, close) = if value.is_array() {
            ('[', ']')
        } else {
            ('{', '}')
        };
        let _ = writeln!(
            text,
            "  \"{key}\": {open}\n    {}\n  {close}{comma}",
            lines.join(",\n    ")
        );
    }
    text.push_str("}\n");
    text
}

fn one_line(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(key, it)| format!("\"{key}\": {}", one_line(it)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Array(entries) => {
            let entries: Vec<String> = entries.iter().map(one_line).collect();
            format!("[{}]", entries.join(", "))
        }
        other => other.to_string(),
    }
}
