//! Command lines, by the reference's grammar.
//!
//! A word that begins with a dash is a flag until `--` has been seen; `-qlf` is `-q -l -f` and `-j3`
//! is `-j 3`; a flag takes as many of the following words as it wants, whatever they look like. A
//! declarative parser cannot say this (flags with two values, a flag for each setting, words that
//! are negative numbers), so that commands loop over [`Args::next`] and match.

use std::collections::VecDeque;

use crate::Failure;

/// One thing on a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arg {
    /// A flag with its dashes.
    Flag(String),
    /// Any other word.
    Word(String),
}

/// The words that are left.
#[derive(Clone, Debug, Default)]
pub struct Args {
    words: VecDeque<String>,
    only_words: bool,
}

impl Args {
    /// These words.
    pub fn new(words: Vec<String>) -> Self {
        Self {
            words: words.into(),
            only_words: false,
        }
    }

    /// The next flag or word.
    #[expect(clippy::should_implement_trait, reason = "values are taken in between")]
    pub fn next(&mut self) -> Option<Arg> {
        let word = self.words.pop_front()?;
        if self.only_words || !word.starts_with('-') {
            return Some(Arg::Word(word));
        }
        if word == "--" {
            self.only_words = true;
            return self.next();
        }
        if word == "-" {
            return Some(Arg::Flag(word));
        }
        Some(Arg::Flag(self.expand(word)))
    }

    /// Splits `-abc` and `-j3`, giving the first part and putting the rest back.
    fn expand(&mut self, word: String) -> String {
        let bytes = word.as_bytes();
        if word.len() <= 2 || bytes[1] == b'-' || !bytes[1].is_ascii_alphabetic() {
            return word;
        }
        let letters = bytes[2..]
            .iter()
            .take_while(|it| it.is_ascii_alphabetic())
            .count();
        let rest = &word[2 + letters..];
        if !rest.is_empty() {
            self.words.push_front(rest.to_owned());
        }
        for letter in word[2..2 + letters].chars().rev() {
            self.words.push_front(format!("-{letter}"));
        }
        word[..2].to_owned()
    }

    /// The value of a flag.
    pub fn value(&mut self, flag: &str) -> Result<String, Failure> {
        let [value] = self.values(flag)?;
        Ok(value)
    }

    /// The values of a flag that takes several.
    pub fn values<const N: usize>(&mut self, flag: &str) -> Result<[String; N], Failure> {
        let given = self.words.len();
        if given < N {
            return Err(Failure::usage(format!(
                "flag '{flag}' requires {N} argument(s), but only {given} were given"
            )));
        }
        Ok(std::array::from_fn(|_| {
            self.words.pop_front().unwrap_or_default()
        }))
    }

    /// The value of a flag of the older commands, which have words of their own for its absence.
    pub fn plain_value(&mut self, flag: &str) -> Result<String, Failure> {
        self.words
            .pop_front()
            .ok_or_else(|| Failure::usage(format!("'{flag}' requires an argument")))
    }

    /// Looks at the next word without taking it.
    pub fn peek(&self) -> Option<&str> {
        self.words.front().map(String::as_str)
    }

    /// All words that are left, as they stand.
    pub fn rest(&mut self) -> Vec<String> {
        std::mem::take(&mut self.words).into()
    }

    /// Takes the first word that is no flag and no flag's value, leaving flags before it.
    pub fn take_first_word(&mut self, takes_value: impl Fn(&str) -> bool) -> Option<String> {
        let mut is_value = false;
        let at = self.words.iter().position(|word| {
            let is_found = !is_value && !word.starts_with('-');
            is_value = !is_value && takes_value(word);
            is_found
        })?;
        self.words.remove(at)
    }

    /// Whether a flag stands anywhere before `--`.
    pub fn has_flag(&self, flag: &str) -> bool {
        let mut words = self.words.iter().take_while(|it| *it != "--");
        words.any(|it| it == flag)
    }

    /// The flags before `--`, each with the word that follows it.
    pub fn flags(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let words = self.words.iter().map(String::as_str);
        let next = words.clone().skip(1).map(Some).chain([None]);
        words
            .zip(next)
            .take_while(|(word, _)| *word != "--")
            .filter(|(word, _)| word.starts_with("--"))
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &[&str], expected: &[&str]) {
        let mut args = Args::new(words.iter().map(|&it| it.to_owned()).collect());
        let mut seen = Vec::new();
        while let Some(arg) = args.next() {
            seen.push(match arg {
                Arg::Flag(it) => format!("flag {it}"),
                Arg::Word(it) => format!("word {it}"),
            });
        }
        assert_eq!(seen, expected);
    }

    #[test]
    fn short_flags_may_be_joined() {
        check(&["-qlf", "x"], &["flag -q", "flag -l", "flag -f", "word x"]);
        check(&["-j3"], &["flag -j", "word 3"]);
        check(&["-vj3v"], &["flag -v", "flag -j", "word 3v"]);
        check(&["-1"], &["flag -1"]);
    }

    #[test]
    fn the_first_word_is_no_flags_value() {
        let words = ["--store", "/x", "-v", "ping", "y"];
        let mut args = Args::new(words.map(str::to_owned).into());
        let first = args.take_first_word(|flag| flag == "--store");
        assert_eq!(first.as_deref(), Some("ping"));
        assert_eq!(args.rest(), ["--store", "/x", "-v", "y"]);
    }

    #[test]
    fn two_dashes_end_flags() {
        check(
            &["--a", "--", "--b", "--"],
            &["flag --a", "word --b", "word --"],
        );
        check(&["-"], &["flag -"]);
    }

    #[test]
    fn values_are_any_words() {
        let words = ["--arg", "x", "-1", "--attr"];
        let mut args = Args::new(words.map(str::to_owned).into());
        assert_eq!(args.next(), Some(Arg::Flag("--arg".to_owned())));
        assert!(args.values::<2>("--arg").is_ok_and(|it| it == ["x", "-1"]));
        args.next();
        let message = args.value("--attr").map_err(|it| it.to_string());
        assert_eq!(
            message.err().as_deref(),
            Some("flag '--attr' requires 1 argument(s), but only 0 were given")
        );
    }
}
