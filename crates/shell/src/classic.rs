//! The older way into a derivation's environment: the user's bash, with the derivation's variables,
//! runs the set-up itself.
//!
//! Nothing is captured, so the set-up runs at each entry; in return, it sees the user's own
//! environment. This module makes the variables and the text that bash starts with.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use firn_build::structured;
use firn_store_model::STRUCTURED_ATTRS_VARIABLE;
use firn_store_model::{Derivation, StoreDir};
use serde_json::{Value, json};

use crate::quoted;

/// Variables of the user that even a pure shell keeps.
pub const KEPT: &[&str] = &[
    "DISPLAY",
    "HOME",
    "IN_NIX_SHELL",
    "LOGNAME",
    "NIX_BUILD_SHELL",
    "NIX_SHELL_PRESERVE_PROMPT",
    "PAGER",
    "PATH",
    "SHLVL",
    "TERM",
    "TZ",
    "USER",
    "WAYLAND_DISPLAY",
    "WAYLAND_SOCKET",
    "XDG_RUNTIME_DIR",
    // Downloads have to go where the user's go.
    "all_proxy",
    "ftp_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "ALL_PROXY",
    "FTP_PROXY",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
];

/// What a derivation says about the environment of its builder.
#[derive(Debug, Default)]
pub struct Prepared {
    /// Variables.
    pub variables: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Files to be written below the directory for temporary files, by name.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Text that declares structured attributes; empty without.
    pub declarations: String,
}

/// The environment of a derivation's builder, below a directory for temporary files.
pub fn prepare(store_dir: &StoreDir, derivation: &Derivation, directory: &Path) -> Prepared {
    let mut prepared = Prepared::default();
    let place = |name: &str| directory.join(name).to_string_lossy().into_owned();
    let structured = derivation.structured_attrs();
    let structured = structured.and_then(|it| serde_json::from_slice(it).ok());
    if let Some(Value::Object(mut attrs)) = structured {
        let outputs = derivation.env.iter().filter(|(name, _)| {
            let is_output = |output: &firn_store_model::OutputName| output.as_bytes() == *name;
            derivation.outputs.keys().any(is_output)
        });
        let outputs: BTreeMap<String, String> = outputs
            .map(|(name, path)| (text(name), text(path)))
            .collect();
        attrs.insert("outputs".to_owned(), json!(outputs));
        prepared.declarations = structured::shell_text(&attrs);
        for (variable, file, contents) in [
            (
                "NIX_ATTRS_SH_FILE",
                ".attrs.sh",
                prepared.declarations.clone(),
            ),
            (
                "NIX_ATTRS_JSON_FILE",
                ".attrs.json",
                structured::json_text(&attrs),
            ),
        ] {
            prepared.files.insert(file.to_owned(), contents.into());
            prepared
                .variables
                .insert(variable.into(), place(file).into());
        }
    }
    let as_files = derivation.env.get(&b"passAsFile"[..]);
    let as_files = as_files.map(|it| text(it)).unwrap_or_default();
    let mut n_files = 0;
    for (name, value) in &derivation.env {
        if name == STRUCTURED_ATTRS_VARIABLE.as_bytes() {
            continue;
        }
        if as_files.split_whitespace().any(|it| it.as_bytes() == name) {
            let file = format!(".attr-{n_files}");
            n_files += 1;
            let variable = [name, &b"Path"[..]].concat();
            prepared.variables.insert(variable, place(&file).into());
            prepared.files.insert(file, value.clone());
        } else {
            prepared.variables.insert(name.clone(), value.clone());
        }
    }
    let directory = directory.to_string_lossy().into_owned();
    for name in ["NIX_BUILD_TOP", "TMPDIR", "TEMPDIR", "TMP", "TEMP"] {
        let value = directory.clone().into_bytes();
        prepared.variables.insert(name.into(), value);
    }
    let store_dir = store_dir.as_str().into();
    prepared.variables.insert("NIX_STORE".into(), store_dir);
    prepared
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// How bash is to start.
#[derive(Debug)]
pub struct Start<'a> {
    /// The directory for temporary files, removed at the end.
    pub directory: &'a str,
    /// The program that removes it, which the environment's search path need not have.
    pub remove: &'a str,
    /// Whether nothing of the user's set-up is wanted.
    pub pure: bool,
    /// Whether the directory has to outlive bash.
    pub keep_directory: bool,
    /// Text that declares structured attributes.
    pub declarations: &'a str,
    /// The shell.
    pub shell: &'a str,
    /// The time zone to be restored.
    pub time_zone: Option<&'a str>,
    /// Whether the user is root, whom the prompt marks.
    pub is_root: bool,
    /// What is run at last.
    pub command: &'a str,
}

impl Start<'_> {
    /// The text.
    pub fn script(&self) -> String {
        let mut text = String::new();
        let mut add = |words: &str| writeln!(text, "{words}").expect("a string takes any text");
        if !self.keep_directory {
            let directory = quoted(self.directory);
            add(&format!(
                "_nix_shell_clean_tmpdir() {{ command {} -rf {directory}; }}",
                quoted(self.remove)
            ));
            add("trap _nix_shell_clean_tmpdir EXIT");
            add("exitHooks+=(_nix_shell_clean_tmpdir)");
            add("failureHooks+=(_nix_shell_clean_tmpdir)");
        }
        if !self.pure {
            add("[ -n \"$PS1\" ] && [ -e ~/.bashrc ] && source ~/.bashrc");
            add("p=$PATH");
        }
        add("unset PATH");
        add("dontAddDisableDepTrack=1");
        if !self.declarations.is_empty() {
            add(self.declarations);
        }
        add("[ -e \"$stdenv/setup\" ] && source \"$stdenv/setup\"");
        if !self.pure {
            add("PATH=$PATH:$p; unset p");
        }
        let shell = quoted(self.shell);
        add(&format!("SHELL={shell}"));
        add(&format!("BASH={shell}"));
        add("set +e");
        let colour = if self.is_root { "1;31m" } else { "1;32m" };
        add(&format!(
            "[ -n \"$PS1\" -a -z \"$NIX_SHELL_PRESERVE_PROMPT\" ] && PS1='\\n\\[\\033[{colour}\\][nix-shell:\\w]\\$\\[\\033[0m\\] '"
        ));
        add("if [ \"$(type -t runHook)\" = function ]; then runHook shellHook; fi");
        add("unset NIX_ENFORCE_PURITY");
        add("shopt -u nullglob");
        add("unset TZ");
        if let Some(zone) = self.time_zone {
            add(&format!("export TZ={}", quoted(zone)));
        }
        add("shopt -s execfail");
        add(self.command);
        text
    }
}
