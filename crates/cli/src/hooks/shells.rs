//! The shells that can be hooked: the text for their start-up files, and assignments in their
//! language.

use std::fmt::Write as _;

use firn_shell::changes::Assignments;
use firn_shell::quoted;
use serde_json::json;

/// A shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// GNU bash.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
    /// Nushell.
    Nu,
    /// Elvish.
    Elvish,
    /// Functions for direnv's own files.
    Direnv,
}

/// Names of the shells.
pub const SHELLS: &[(&str, Shell)] = &[
    ("bash", Shell::Bash),
    ("zsh", Shell::Zsh),
    ("fish", Shell::Fish),
    ("nu", Shell::Nu),
    ("elvish", Shell::Elvish),
    ("direnv", Shell::Direnv),
];

impl Shell {
    /// The shell with a name.
    pub fn named(name: &str) -> Option<Self> {
        SHELLS.iter().find(|it| it.0 == name).map(|it| it.1)
    }

    /// Whether no text at all is what it evaluates when nothing changes.
    pub fn takes_nothing(self) -> bool {
        self != Self::Nu
    }

    /// The text for the shell's start-up file; `program` is this one.
    pub fn hook(self, program: &str) -> String {
        let word = quoted(program);
        match self {
            Self::Bash => format!(
                r#"_firn_hook() {{
  local _firn_status=$?
  eval "$({word} hook export bash)"
  return $_firn_status
}}
if [[ ";${{PROMPT_COMMAND[*]:-}};" != *_firn_hook* ]]; then
  PROMPT_COMMAND="_firn_hook${{PROMPT_COMMAND:+;$PROMPT_COMMAND}}"
fi
"#
            ),
            Self::Zsh => format!(
                r#"_firn_hook() {{
  local _firn_status=$?
  eval "$({word} hook export zsh)"
  return $_firn_status
}}
autoload -Uz add-zsh-hook
add-zsh-hook precmd _firn_hook
"#
            ),
            Self::Fish => format!(
                "function __firn_hook --on-event fish_prompt\n  {} hook export fish | source\nend\n",
                fish_quoted(program)
            ),
            Self::Nu => format!(
                r#"$env.config = ($env.config? | default {{}})
$env.config.hooks = ($env.config.hooks? | default {{}})
$env.config.hooks.pre_prompt = ($env.config.hooks.pre_prompt? | default [] | append {{||
  let changes = (^"{program}" hook export nu | from json)
  $changes.set | load-env
  $changes.unset | each {{|name| hide-env -i $name }} | ignore
  if 'PATH' in $changes.set {{ $env.PATH = ($changes.set.PATH | split row ':') }}
}})
"#
            ),
            Self::Elvish => format!(
                "set edit:before-readline = [$@edit:before-readline {{ eval (e:{program} hook export elvish | slurp) }}]\n"
            ),
            Self::Direnv => direnv_functions(&word),
        }
    }

    /// Assignments in the shell's language.
    pub fn assignments(self, assignments: &Assignments) -> String {
        if self == Self::Nu {
            let set: serde_json::Map<_, _> = assignments
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), json!(value.as_ref()?))))
                .collect();
            let unset = assignments.iter().filter(|it| it.1.is_none());
            let unset: Vec<_> = unset.map(|it| it.0).collect();
            return json!({"set": set, "unset": unset}).to_string() + "\n";
        }
        let mut text = String::new();
        for (name, value) in assignments {
            if !is_name(name) {
                continue;
            }
            let line = match (self, value) {
                (Self::Fish, Some(value)) => format!("set -gx {name} {};", fish_quoted(value)),
                (Self::Fish, None) => format!("set -e {name};"),
                (Self::Elvish, Some(value)) => {
                    format!("set-env {name} '{}'", value.replace('\'', "''"))
                }
                (Self::Elvish, None) => format!("unset-env {name}"),
                (_, Some(value)) => format!("export {name}={};", quoted(value)),
                (_, None) => format!("unset {name};"),
            };
            writeln!(text, "{line}").expect("a string takes any text");
        }
        text
    }
}

fn fish_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|it| it.is_ascii_alphabetic() || it == b'_')
        && bytes.all(|it| it.is_ascii_alphanumeric() || it == b'_')
}

/// `use flake` and `use nix` for files that direnv evaluates.
fn direnv_functions(program: &str) -> String {
    format!(
        r#"_firn_use() {{
  local _firn_text _firn_name _firn_saved=()
  _firn_text=$({program} print-dev-env "$@") || return
  for _firn_name in NIX_BUILD_TOP TMP TMPDIR TEMP TEMPDIR; do
    _firn_saved+=("${{!_firn_name-}}")
  done
  eval "$_firn_text"
  rmdir "$NIX_BUILD_TOP" 2>/dev/null || true
  for _firn_name in NIX_BUILD_TOP TMP TMPDIR TEMP TEMPDIR; do
    if [[ -n ${{_firn_saved[0]}} ]]; then
      export "$_firn_name=${{_firn_saved[0]}}"
    else
      unset "$_firn_name"
    fi
    _firn_saved=("${{_firn_saved[@]:1}}")
  done
}}
use_flake() {{
  watch_file flake.nix flake.lock
  _firn_use "${{@:-.}}"
}}
use_nix() {{
  watch_file shell.nix default.nix
  if [[ $# -gt 0 ]]; then
    _firn_use "$@"
  elif [[ -e shell.nix ]]; then
    _firn_use -f shell.nix
  else
    _firn_use -f default.nix
  fi
}}
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_gets_its_own_words() {
        let assignments: Assignments = [
            ("A".to_owned(), Some("it's \\ $x".to_owned())),
            ("B".to_owned(), None),
            ("BASH_FUNC_f%%".to_owned(), Some("no".to_owned())),
        ]
        .into();
        let check = |shell: Shell, expected: &str| {
            assert_eq!(shell.assignments(&assignments), expected, "{shell:?}");
        };
        check(Shell::Bash, "export A='it'\\''s \\ $x';\nunset B;\n");
        check(Shell::Fish, "set -gx A 'it\\'s \\\\ $x';\nset -e B;\n");
        check(Shell::Elvish, "set-env A 'it''s \\ $x'\nunset-env B\n");
    }
}
