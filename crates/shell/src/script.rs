//! The text by which a bash becomes a captured environment.
//!
//! It is meant for `source`, by people and by other programs, so its shape is the field's: search
//! paths are put in front of the present ones, outputs point below the working directory, so that
//! phases can be run by hand, and the hook comes last.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::{Environment, Variable, quoted};

/// Variables that belong to the build and not to the environment.
const IGNORED: &[&str] = &[
    "BASHOPTS",
    "HOME",
    "NIX_BUILD_TOP",
    "NIX_ENFORCE_PURITY",
    "NIX_LOG_FD",
    "NIX_REMOTE",
    "PPID",
    "SHELLOPTS",
    "SSL_CERT_FILE",
    "TEMP",
    "TEMPDIR",
    "TERM",
    "TMP",
    "TMPDIR",
    "TZ",
    "UID",
];

/// Search paths that the present values stay part of.
const PREPENDED: &[&str] = &["PATH", "XDG_DATA_DIRS"];

/// Names of the directory for temporary files.
const TEMPORARY: &[&str] = &["TMP", "TMPDIR", "TEMP", "TEMPDIR"];

/// How an environment is entered.
#[derive(Clone, Debug, Default)]
pub struct Entry<'a> {
    /// The directory below which outputs are written.
    pub outputs_dir: &'a str,
    /// What else is replaced: store paths by places of their own.
    pub redirects: Vec<(String, String)>,
}

/// The script.
pub fn script(environment: &Environment, entry: &Entry<'_>) -> String {
    let mut text = String::from("unset shellHook\n");
    for name in PREPENDED {
        line(&mut text, &format!("{name}=${{{name}:-}}"));
        line(&mut text, &format!("nix_saved_{name}=\"${name}\""));
    }
    for (name, variable) in &environment.variables {
        if IGNORED.contains(&name.as_str()) {
            continue;
        }
        match variable {
            Variable::Exported(value) => {
                line(&mut text, &format!("{name}={}", quoted(value)));
                line(&mut text, &format!("export {name}"));
            }
            Variable::Plain(value) => line(&mut text, &format!("{name}={}", quoted(value))),
            Variable::Array(items) => {
                let items: Vec<_> = items.iter().map(|it| quoted(it) + " ").collect();
                line(
                    &mut text,
                    &format!("declare -a {name}=({})", items.concat()),
                );
            }
            Variable::Associative(pairs) => {
                let pairs = pairs.iter();
                let pairs =
                    pairs.map(|(key, value)| format!("[{}]={} ", quoted(key), quoted(value)));
                let pairs: Vec<_> = pairs.collect();
                line(
                    &mut text,
                    &format!("declare -A {name}=({})", pairs.concat()),
                );
            }
        }
    }
    for (name, body) in &environment.functions {
        line(&mut text, &format!("{name} ()\n{{{body}}}"));
    }
    for name in PREPENDED {
        let saved = format!("nix_saved_{name}");
        let value = format!("{name}=\"${name}${{{saved}:+:${saved}}}\"");
        line(&mut text, &value);
    }
    line(
        &mut text,
        "export NIX_BUILD_TOP=\"$(mktemp -d -t nix-shell.XXXXXX)\"",
    );
    for name in TEMPORARY {
        line(&mut text, &format!("export {name}=\"$NIX_BUILD_TOP\""));
    }
    if let Some((json, sh)) = &environment.structured {
        for (name, file, contents) in [
            ("NIX_ATTRS_JSON_FILE", ".attrs.json", json),
            ("NIX_ATTRS_SH_FILE", ".attrs.sh", sh),
        ] {
            let contents = quoted(contents);
            line(
                &mut text,
                &format!("export {name}=\"$NIX_BUILD_TOP/{file}\""),
            );
            line(
                &mut text,
                &format!("printf '%s\\n' {contents} >\"${name}\""),
            );
        }
    }
    line(&mut text, "eval \"${shellHook:-}\"");
    let mut replaced: BTreeMap<String, String> = environment
        .outputs()
        .into_iter()
        .map(|(name, path)| (path, format!("{}/{name}", entry.outputs_dir)))
        .collect();
    replaced.extend(entry.redirects.iter().cloned());
    for (from, to) in replaced {
        if !from.is_empty() {
            text = text.replace(&from, &to);
        }
    }
    text
}

fn line(text: &mut String, words: &str) {
    writeln!(text, "{words}").expect("a string takes any text");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_point_below_the_working_directory() {
        let exported = |it: &str| Variable::Exported(it.to_owned());
        let environment = Environment {
            variables: [
                ("out".to_owned(), exported("/s/o")),
                ("outputs".to_owned(), exported("out")),
                ("TMP".to_owned(), exported("/gone")),
                ("A".to_owned(), Variable::Array(vec!["it's".to_owned()])),
            ]
            .into(),
            functions: [("f".to_owned(), " \n    echo hi\n".to_owned())].into(),
            structured: None,
        };
        let entry = Entry {
            outputs_dir: "/w/outputs",
            redirects: Vec::new(),
        };
        let text = script(&environment, &entry);
        assert!(
            text.contains("out='/w/outputs/out'\nexport out\n"),
            "{text}"
        );
        assert!(text.contains("declare -a A=('it'\\''s' )\n"), "{text}");
        assert!(text.contains("f ()\n{ \n    echo hi\n}\n"), "{text}");
        assert!(!text.contains("/gone"));
        assert!(text.contains("PATH=\"$PATH${nix_saved_PATH:+:$nix_saved_PATH}\"\n"));
    }
}
