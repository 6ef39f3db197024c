//! House rules as a check. Each rule is here because a reader once paid for its absence: a file
//! without an opening word, a file too long to read, an `unsafe` outside the two crates that state
//! their invariants, a private path or a package registry's host name that works on one machine
//! only, a test that was switched off and forgotten.

use crate::workspace::{Outcome, Workspace};

/// The whole top level of the project.
const TOP_LEVEL: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "LICENSE",
    "README.md",
    "crates",
    "lang-tests",
    "stdlib",
    "benches",
    ".ci",
    ".gitignore",
];

/// A source file longer than this is more than one idea.
const MOST_LINES: usize = 900;

/// Crates that may contain `unsafe`, each with its invariants stated in its crate doc.
const UNSAFE_CRATES: &[&str] = &["crates/heap/", "crates/sys/"];

/// Runs every rule and lists what it finds.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let mut findings = Vec::new();
    let files = workspace.files()?;
    for name in &files {
        let top = name.split('/').next().unwrap_or(name);
        if !TOP_LEVEL.contains(&top) {
            findings.push(format!("{name}: `{top}` does not belong to the top level"));
        }
        let Ok(text) = std::fs::read_to_string(workspace.root.join(name)) else {
            continue;
        };
        findings.extend(check_text(name, &text));
        if has_extension(name, "rs") {
            findings.extend(check_rust(name, &text));
        }
    }
    if findings.is_empty() {
        println!("tidy: {} files hold to the rules", files.len());
        return Ok(());
    }
    Err(format!("house rules:\n  {}", findings.join("\n  ")))
}

fn has_extension(name: &str, extension: &str) -> bool {
    std::path::Path::new(name)
        .extension()
        .is_some_and(|found| found == extension)
}

/// Host names of package registries, in two halves so that this list does not find itself.
const REGISTRY_HOSTS: &[(&str, &str)] = &[
    ("deb.debian", ".org"),
    ("security.debian", ".org"),
    ("pypi", ".org"),
    ("pythonhosted", ".org"),
    ("static.crates", ".io"),
    ("index.crates", ".io"),
    ("registry.npmjs", ".org"),
];

fn check_text(name: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    if has_extension(name, "lock") {
        return findings;
    }
    for (number, line) in text.lines().enumerate() {
        let mut say = |what: &str| findings.push(format!("{name}:{}: {what}", number + 1));
        for (front, back) in REGISTRY_HOSTS {
            if line.contains(&format!("{front}{back}")) {
                say("names a package registry's host; use `mirror://…`");
            }
        }
    }
    findings
}

fn check_rust(name: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let n_lines = text.lines().count();
    if n_lines > MOST_LINES {
        findings.push(format!(
            "{name}: {n_lines} lines; split it by idea (at most {MOST_LINES})"
        ));
    }
    if !text.starts_with("//! ") {
        findings.push(format!("{name}: no module doc in the first line"));
    }
    let may_be_unsafe = UNSAFE_CRATES.iter().any(|folder| name.starts_with(folder));
    for (number, line) in text.lines().enumerate() {
        let mut say = |what: &str| findings.push(format!("{name}:{}: {what}", number + 1));
        let code = line.split("//").next().unwrap_or(line).trim();
        if !may_be_unsafe
            && (code.contains(concat!("unsafe", " {")) || code.contains(concat!("unsafe", " fn")))
        {
            say("`unsafe` belongs to `heap` and `sys` only");
        }
        if code.starts_with(concat!("#[", "ignore")) {
            say("an ignored test: assert today's result and say why");
        }
        if code.contains(concat!("to", "do!(")) || code.contains(concat!("unimple", "mented!(")) {
            say("unfinished work");
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_module_doc_is_found() {
        assert_eq!(check_rust("crates/a/src/b.rs", "fn f() {}\n").len(), 1);
        assert!(check_rust("crates/a/src/b.rs", "//! Says what it is.\n").is_empty());
    }

    #[test]
    fn a_long_file_is_found() {
        let text = format!("//! Long.\n{}", "\n".repeat(MOST_LINES));
        assert_eq!(check_rust("crates/a/src/b.rs", &text).len(), 1);
    }

    #[test]
    fn unsafe_has_two_homes() {
        let text = concat!("//! Doc.\nfn f() { unsafe", " { g() } }\n");
        assert_eq!(check_rust("crates/eval/src/b.rs", text).len(), 1);
        assert!(check_rust("crates/heap/src/b.rs", text).is_empty());
    }

    #[test]
    fn a_registry_host_is_found() {
        let text = concat!("url = \"http://deb.debian", ".org/x\"\n");
        assert_eq!(check_text("stdlib/x.nix", text).len(), 1);
    }
}
