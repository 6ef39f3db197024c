//! The texts that make shells ask this program for completions, and the command that prints them.

use firn_shell::quoted;

use crate::verbs::Verb;
use crate::{Arg, Args, Context, Failure};

/// `completions SHELL`.
pub static COMPLETIONS: Verb = Verb {
    path: &["completions"],
    about: "print what makes a shell complete command lines of firn",
    usage: "bash|zsh|fish",
    only_firn: true,
    run,
};

/// For bash. Words are taken apart at blanks only, since `:` and `=` are parts of ours.
const BASH: &str = r#"_firn_complete() {
  local cur prev words cword line kind
  if declare -F _comp_initialize >/dev/null; then
    _comp_initialize -n ':=&' -- "$@" || return
  elif declare -F _get_comp_words_by_ref >/dev/null; then
    _get_comp_words_by_ref -n ':=&' cur words cword
  else
    words=("${COMP_WORDS[@]}"); cword=$COMP_CWORD; cur=${COMP_WORDS[COMP_CWORD]}
  fi
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ -z ${kind:-} ]]; then
      kind=$line
      case $kind in
        filenames) compopt -o filenames 2>/dev/null ;;
        attrs) compopt -o nospace 2>/dev/null ;;
      esac
      continue
    fi
    COMPREPLY+=("${line%%$'\t'*}")
  done < <(NIX_GET_COMPLETIONS=$cword FIRN "${words[@]:1}" 2>/dev/null)
  if declare -F _comp_ltrim_colon_completions >/dev/null; then
    _comp_ltrim_colon_completions "$cur"
  elif declare -F __ltrim_colon_completions >/dev/null; then
    __ltrim_colon_completions "$cur"
  fi
}
complete -F _firn_complete firn
"#;

/// For zsh.
const ZSH: &str = r#"#compdef firn
_firn_complete() {
  local -a lines described
  local kind line word description
  lines=("${(@f)$(NIX_GET_COMPLETIONS=$((CURRENT - 1)) FIRN "${(@)words[2,-1]}" 2>/dev/null)}")
  kind=${lines[1]}
  for line in "${(@)lines[2,-1]}"; do
    word=${line%%$'\t'*}
    description=${line#*$'\t'}
    [[ -n $word ]] || continue
    if [[ -n $description && $kind == normal ]]; then
      described+=("${word//:/\\:}:$description")
    else
      described+=("${word//:/\\:}")
    fi
  done
  case $kind in
    filenames) compadd -f -- "${(@)${(@)lines[2,-1]}%%$'\t'*}" ;;
    attrs) compadd -S '' -- "${(@)${(@)lines[2,-1]}%%$'\t'*}" ;;
    *) _describe firn described ;;
  esac
}
if [[ $zsh_eval_context == *loadautofunc* ]]; then
  _firn_complete "$@"
elif (( $+functions[compdef] )); then
  compdef _firn_complete firn
fi
"#;

/// For fish.
const FISH: &str = r#"function __firn_complete
  set -l current (commandline --current-token --cut-at-cursor)
  set -l before (commandline -opc)
  set -l at (count $before)
  NIX_GET_COMPLETIONS=$at FIRN $before[2..] "$current" 2>/dev/null | tail -n +2
end
complete --command firn --no-files --arguments '(__firn_complete)'
"#;

fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut shell = None;
    while let Some(arg) = args.next() {
        match arg {
            Arg::Word(word) if shell.is_none() => shell = Some(word),
            Arg::Word(word) => return Err(Failure::unexpected(&word)),
            Arg::Flag(flag) => context.take_common(&flag, args)?,
        }
    }
    context.settle();
    let text = match shell.as_deref() {
        Some("bash") => BASH,
        Some("zsh") => ZSH,
        Some("fish") => FISH,
        Some(other) => {
            return Err(Failure::usage(format!(
                "there are no completions for '{other}'; there are some for bash, zsh and fish"
            )));
        }
        None => return Err(Failure::usage("more arguments are required")),
    };
    let program = std::env::current_exe()?;
    let program = quoted(&program.to_string_lossy());
    context.console.print(text.replace("FIRN", &program))?;
    Ok(0)
}
