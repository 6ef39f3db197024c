//! What the word before the cursor could become.
//!
//! The word is what stands behind the last blank or bracket. With a slash in it, it is a path; with
//! a dot, an attribute of an expression that has to be evaluated; with a colon at the start of the
//! line, a command; otherwise a variable. Evaluation is asked for through [`Names`], so that this
//! knows no value.

use std::path::Path;

use crate::command::Command;

/// Knows names of variables and attributes.
pub trait Names {
    /// Names of variables.
    fn variables(&mut self) -> Vec<String>;
    /// Names of the attributes of an expression; nothing if it does not evaluate to a set.
    fn attributes(&mut self, expression: &str) -> Vec<String>;
}

/// What the word could become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completions {
    /// Where the word starts.
    pub start: usize,
    /// What could stand there instead, sorted.
    pub words: Vec<String>,
}

/// Completes the end of `text`.
pub fn complete(text: &str, names: &mut dyn Names) -> Completions {
    let separators = [' ', '\n', '\r', '\t', '(', ')', '{', '}', '[', ']'];
    let start = text.rfind(separators).map_or(0, |at| at + 1);
    let word = &text[start..];
    let mut words: Vec<String> = if word.starts_with(':') && text[..start].trim().is_empty() {
        starting_with(Command::names().map(str::to_owned), word)
    } else if let Some(slash) = word.rfind('/') {
        paths(&word[..slash], &word[slash + 1..])
    } else if let Some(dot) = word.rfind('.') {
        let base = &word[..dot];
        let attributes = names.attributes(base).into_iter();
        starting_with(attributes, &word[dot + 1..])
            .into_iter()
            .map(|it| format!("{base}.{it}"))
            .collect()
    } else {
        starting_with(names.variables().into_iter(), word)
    };
    words.sort();
    words.dedup();
    Completions { start, words }
}

fn starting_with(names: impl Iterator<Item = String>, prefix: &str) -> Vec<String> {
    names.filter(|it| it.starts_with(prefix)).collect()
}

fn paths(directory: &str, prefix: &str) -> Vec<String> {
    let place = if directory.is_empty() { "/" } else { directory };
    let Ok(entries) = std::fs::read_dir(Path::new(place)) else {
        return Vec::new();
    };
    entries
        .filter_map(|it| it.ok()?.file_name().into_string().ok())
        .filter(|it| !it.starts_with('.') && it.starts_with(prefix))
        .map(|it| format!("{directory}/{it}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    impl Names for Fixed {
        fn variables(&mut self) -> Vec<String> {
            ["map", "mapAttrs", "x"].map(str::to_owned).into()
        }

        fn attributes(&mut self, expression: &str) -> Vec<String> {
            if expression == "x.y" {
                vec!["bar".to_owned(), "baz".to_owned(), "foo".to_owned()]
            } else {
                Vec::new()
            }
        }
    }

    fn check(text: &str, start: usize, words: &[&str]) {
        let completions = complete(text, &mut Fixed);
        assert_eq!(completions.words, words, "{text}");
        assert_eq!(completions.start, start, "{text}");
    }

    #[test]
    fn words_are_completed_by_kind() {
        check("1 + ma", 4, &["map", "mapAttrs"]);
        check("(x.y.ba", 1, &["x.y.bar", "x.y.baz"]);
        check(":lo", 0, &[":load", ":load-flake", ":log"]);
        check("zz", 0, &[]);
    }

    #[test]
    fn paths_come_from_the_file_system() {
        let here = env!("CARGO_MANIFEST_DIR");
        check(
            &format!("{here}/src/compl"),
            0,
            &[&format!("{here}/src/complete.rs")],
        );
    }
}
