//! Expectations are the results of CppNix 2.34.8.

use super::{Regex, RegexError, Scratch};

/// Renders groups as `a,-,b`, a dash for a group that took no part.
fn groups(found: &super::Match<'_, '_>, n_groups: usize) -> String {
    let shown: Vec<String> = (0..n_groups)
        .map(|group| match found.group(group) {
            None => "-".to_owned(),
            Some(text) => format!("<{}>", String::from_utf8_lossy(text)),
        })
        .collect();
    shown.join(",")
}

fn check_match(pattern: &str, text: &str, expected: Option<&str>) {
    let regex = Regex::new(pattern.as_bytes()).expect("a valid pattern");
    let mut scratch = Scratch::default();
    let found = regex
        .match_whole(text.as_bytes(), &mut scratch)
        .map(|found| groups(&found, regex.n_groups()));
    assert_eq!(found.as_deref(), expected, "{pattern:?} on {text:?}");
}

fn check_split(pattern: &str, text: &str, expected: &str) {
    let regex = Regex::new(pattern.as_bytes()).expect("a valid pattern");
    let mut scratch = Scratch::default();
    let mut matches = regex.matches(text.as_bytes(), &mut scratch);
    let mut shown = String::new();
    let mut from = 0;
    while let Some(found) = matches.next() {
        shown += &text[from..found.start()];
        shown.push_str(&["[", &groups(&found, regex.n_groups()), "]"].concat());
        from = found.end();
    }
    shown += &text[from..];
    assert_eq!(shown, expected, "{pattern:?} on {text:?}");
}

fn check_error(pattern: &str, expected: RegexError) {
    assert_eq!(
        Regex::new(pattern.as_bytes()).err(),
        Some(expected),
        "{pattern:?}"
    );
}

#[test]
fn whole_matches() {
    check_match("abc", "abc", Some(""));
    check_match("ab", "abc", None);
    check_match("", "", Some(""));
    check_match("()", "", Some("<>"));
    check_match("a||b", "", Some(""));
    check_match("a(b)(c)", "abc", Some("<b>,<c>"));
    check_match("(a)|(b)", "b", Some("-,<b>"));
    check_match("(.*)-(.*)", "a-b-c", Some("<a-b>,<c>"));
    check_match("(a|ab)(c|bcd)(d*)", "abcd", Some("<a>,<bcd>,<>"));
    check_match("a**", "aa", Some(""));
    check_match("a{2}b{1,}c{0,2}", "aabbcc", Some(""));
    check_match("(a{0})b", "b", Some("<>"));
    check_match("^a$", "a", Some(""));
    check_match("a^b", "ab", None);
    check_match("a]}", "a]}", Some(""));
}

#[test]
fn empty_loops_keep_their_last_round() {
    check_match("(|a)*", "aa", Some("<>"));
    check_match("(|a)+", "aa", Some("<>"));
    check_match("((a*)*)*", "aaa", Some("<>,<>"));
    check_match("(a|b*)*", "ab", Some("<>"));
    check_match("(a*)*", "b", None);
}

#[test]
fn bracket_expressions() {
    check_match("[]a]+", "a]", Some(""));
    check_match("[^]a]", "]", None);
    check_match("[a-]+", "-a", Some(""));
    check_match("[--a]+", "-9a", Some(""));
    check_match("[[.a.]-z]", "c", Some(""));
    check_match("[[.hyphen.]]", "-", Some(""));
    check_match("[[=a=]]+", "aA", Some(""));
    check_match("[[:ALPHA:]]", "a", Some(""));
    check_match("[[:w:][:space:]]+", "_ \t", Some(""));
    check_match("[é-a]{2}", "é", Some(""));
    check_match("..", "é", Some(""));
    check_match("[[]", "[", Some(""));
    check_match("[\\]", "\\", Some(""));
}

#[test]
fn malformed_patterns() {
    for pattern in [
        "*a",
        "a|*b",
        "(*a)",
        "^*a",
        "(",
        ")",
        "a{",
        "a{1",
        "a{,1}",
        "a{2,1}",
        "a{x}",
        "[",
        "[a",
        "[z-a]",
        "[a-é]",
        "[a-[.z.]]",
        "[[:foo:]]",
        "[[.foo.]]",
        "[[=é=]]",
        "[[:alpha:]-z]",
        "[a-b-c]",
        "\\",
        "\\d",
        "\\1",
        "\\]",
        "\\}",
    ] {
        check_error(pattern, RegexError::Invalid);
    }
}

#[test]
fn size_is_limited_as_in_the_reference() {
    check_match("a{1,49997}", "a", Some(""));
    check_error("a{1,49998}", RegexError::TooLarge);
    check_error("((a{100}){100}){100}", RegexError::TooLarge);
}

#[test]
fn splits() {
    check_split("(a)b", "abc", "[<a>]c");
    check_split("([ac])", "abc", "[<a>]b[<c>]");
    check_split("(a)|(c)", "abc", "[<a>,-]b[-,<c>]");
    check_split("([[:upper:]]+)", " FOO ", " [<FOO>] ");
    check_split("", "ab", "[]a[]b[]");
    check_split("x*", "axb", "[]a[][]b[]");
    check_split("b|$", "ab", "a[][]");
    check_split("^a", "aaa", "[]aa");
    check_split("|a", "aa", "[][][]");
    check_split("n", "abc", "abc");
    check_split("a|ab|abc", "abcab", "[][]");
}

#[test]
fn a_repeat_keeps_its_first_success_even_if_it_is_shorter() {
    check_split("(a|ab)(c|bcd)?", "abcd", "[<a>,<bcd>]");
    check_split("(a?)(ab)?", "ab", "[<a>,-][<>,-]b[<>,-]");
}

#[test]
fn long_texts_take_linear_time() {
    let text = "a".repeat(200_000);
    check_match("(a|a)*b", &text, None);
    check_match("((a*)*)*b", &text, None);
    check_match("(x+x+)+y", &"x".repeat(200_000), None);
    let regex = Regex::new(b"a.*b|a").expect("a valid pattern");
    let mut scratch = Scratch::default();
    let mut matches = regex.matches(text.as_bytes(), &mut scratch);
    let mut n_matches = 0;
    while matches.next().is_some() {
        n_matches += 1;
    }
    assert_eq!(n_matches, text.len());
}

#[test]
fn nesting_uses_no_native_stack() {
    let pattern = format!("{}{}", "(".repeat(30_000), ")".repeat(30_000));
    let regex = Regex::new(pattern.as_bytes()).expect("a valid pattern");
    assert_eq!(regex.n_groups(), 30_000);
    check_error(&"(".repeat(1_000_000), RegexError::TooLarge);
}
