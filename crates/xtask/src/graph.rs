//! Holds every manifest against the layer table, so that the picture in `ARCHITECTURE.md` cannot
//! lie. `--dot` prints what the manifests really say.

use crate::layers::{self, Allowed};
use crate::workspace::{Member, Outcome, Workspace};

/// Checks, or prints, the dependency graph.
pub(crate) fn run(workspace: &Workspace, dot: bool) -> Outcome {
    let members = workspace.members()?;
    if dot {
        println!("digraph firn {{\n  rankdir = BT;");
        for member in members.values() {
            for dependency in &member.dependencies {
                println!("  {:?} -> {:?};", short(&member.package), short(dependency));
            }
        }
        println!("}}");
        return Ok(());
    }
    let findings: Vec<String> = members.values().flat_map(check).collect();
    if findings.is_empty() {
        println!(
            "graph: {} crates, every dependency points down",
            members.len()
        );
        return Ok(());
    }
    Err(format!("layering:\n  {}", findings.join("\n  ")))
}

/// The findings of one member.
fn check(member: &Member) -> Vec<String> {
    let folder = member.folder.rsplit('/').next().unwrap_or(&member.folder);
    let package = &member.package;
    let mut findings = Vec::new();
    if *package != format!("firn-{folder}") {
        findings.push(format!(
            "{}: the package is called `{package}`, not `firn-{folder}`",
            member.folder
        ));
    }
    let Some((height, allowed)) = layers::allowed(folder) else {
        findings.push(format!("{}: no row in the layer table", member.folder));
        return findings;
    };
    if let Allowed::These(below) = allowed {
        for dependency in &member.dependencies {
            if !below.contains(&short(dependency)) {
                findings.push(format!(
                    "`{package}` (layer {height}) may not depend on `{dependency}`"
                ));
            }
        }
    }
    // Tests may use the test kit and whatever the crate itself may use.
    for dependency in member
        .dev_dependencies
        .iter()
        .filter(|name| name.starts_with("firn-"))
    {
        let inside = match allowed {
            Allowed::All => true,
            Allowed::These(below) => {
                short(dependency) == "testkit" || below.contains(&short(dependency))
            }
        };
        if !inside {
            findings.push(format!(
                "the tests of `{package}` may not depend on `{dependency}`"
            ));
        }
    }
    findings.extend(check_external(folder, member));
    findings
}

/// Libraries that have one place each, so that what they stand for has one place too.
const HOMES: &[(&str, &[&str])] = &[
    ("lalrpop", &["parser"]),
    ("lalrpop-util", &["parser"]),
    ("logos", &["parser"]),
    ("rowan", &["syntax"]),
    ("miette", &["cli"]),
    ("sha2", &["hash"]),
    // The store's database, and the record of what has been fetched.
    ("rusqlite", &["store", "fetch"]),
];

fn check_external(folder: &str, member: &Member) -> Vec<String> {
    let mut findings = Vec::new();
    for name in &member.external {
        if let Some((_, homes)) = HOMES.iter().find(|(library, _)| library == name)
            && !homes.contains(&folder)
        {
            findings.push(format!(
                "`{}` may not use `{name}`: its place is {}",
                member.package,
                homes.join(", ")
            ));
        }
    }
    findings
}

fn short(package: &str) -> &str {
    package.strip_prefix("firn-").unwrap_or(package)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(folder: &str, dependencies: &[&str]) -> Member {
        Member {
            folder: format!("crates/{folder}"),
            package: format!("firn-{folder}"),
            dependencies: dependencies.iter().map(|&name| name.to_owned()).collect(),
            dev_dependencies: Vec::new(),
            external: Vec::new(),
        }
    }

    #[test]
    fn an_upward_dependency_is_found() {
        assert!(check(&member("parser", &["firn-source"])).is_empty());
        assert_eq!(
            check(&member("parser", &["firn-eval"])),
            ["`firn-parser` (layer 1) may not depend on `firn-eval`"]
        );
        assert_eq!(check(&member("store", &["firn-heap"])).len(), 1);
    }

    #[test]
    fn an_unknown_crate_is_found() {
        assert_eq!(
            check(&member("glue", &[])),
            ["crates/glue: no row in the layer table"]
        );
    }

    #[test]
    fn the_manifests_of_this_checkout_hold() {
        let workspace = Workspace::find().expect("the tests run inside a checkout");
        let members = workspace.members().expect("every manifest is readable");
        let findings: Vec<String> = members.values().flat_map(check).collect();
        assert!(findings.is_empty(), "{findings:#?}");
    }
}
