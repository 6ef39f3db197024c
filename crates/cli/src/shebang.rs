//! Scripts that name this program as their interpreter: `#! nix shell nixpkgs#hello --command bash`.
//!
//! The lines that begin with `#! nix` (or, for us, `#! firn`) are one command line, to which the
//! script and its arguments are added. Words are separated by blanks; what stands between double
//! backticks is one word. Characters that a shell would interpret are refused outside of them, so
//! that nobody expects that they work.

use crate::{Args, Context, Failure, sources};

/// What may begin a line of a script before its first line of code.
const COMMENT: &str = "#/\\%@*-(";

/// Characters that mean something to shells.
const SPECIAL: &str = "*?[]{}()<>|&$\\\"';!~`";

/// Puts the command line that a script holds in the place of the words, if the first one is such a
/// script.
pub fn expand(context: &mut Context, args: &mut Args) -> Result<(), Failure> {
    let Some(script) = args.peek().filter(|it| !it.starts_with('-')) else {
        return Ok(());
    };
    let script = script.to_owned();
    if !std::path::Path::new(&script).is_file() {
        return Ok(());
    }
    let Ok(text) = std::fs::read(&script) else {
        return Ok(());
    };
    let text = String::from_utf8_lossy(&text);
    let mut lines = text.lines();
    if !lines.next().is_some_and(|it| it.starts_with("#!")) {
        return Ok(());
    }
    let mut content = String::new();
    for line in lines.take_while(|it| it.starts_with(|first| COMMENT.contains(first))) {
        let Some(line) = line.strip_prefix("#!") else {
            continue;
        };
        let line = line.trim_start();
        let ours = line.strip_prefix("nix");
        let ours = ours.or_else(|| {
            let is_firn = context.program.is_firn();
            line.strip_prefix("firn").filter(|_| is_firn)
        });
        if let Some(rest) = ours.filter(|it| it.is_empty() || it.starts_with(' ')) {
            content.push_str(rest.strip_prefix(' ').unwrap_or(rest));
            content.push('\n');
        }
    }
    let mut words = words(&content)?;
    words.extend(args.rest());
    *args = Args::new(words);
    context.script_directory = sources::absolute(&script).parent();
    Ok(())
}

fn words(content: &str) -> Result<Vec<String>, Failure> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = content;
    while let Some(letter) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("``") {
            let end = after.find("``").ok_or_else(|| {
                Failure::message("unterminated double backtick quote in nix shebang")
            })?;
            let quoted = &after[..end];
            let quoted = quoted.strip_prefix(' ').unwrap_or(quoted);
            let quoted = quoted.strip_suffix(' ').unwrap_or(quoted);
            word.get_or_insert_default().push_str(quoted);
            rest = &after[end + 2..];
            continue;
        }
        rest = &rest[letter.len_utf8()..];
        if letter.is_whitespace() {
            words.extend(word.take());
        } else if SPECIAL.contains(letter) {
            return Err(Failure::message(format!(
                "unsupported unquoted character in nix shebang: {letter}. Use double backticks to escape?"
            )));
        } else {
            word.get_or_insert_default().push(letter);
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn double_backticks_quote() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(
                words(text).ok(),
                Some(expected.iter().map(|&it| it.to_owned()).collect())
            );
        };
        check(
            "shell a#b\n--command bash\n",
            &["shell", "a#b", "--command", "bash"],
        );
        check(
            "--expr `` 1 + $x\n*\n`` ``-c``",
            &["--expr", "1 + $x\n*\n", "-c"],
        );
        assert!(words("shell *").is_err());
        assert!(words("``a").is_err());
    }
}
