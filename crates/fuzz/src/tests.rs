//! A moment of every property in each test run.

use proptest::prelude::*;

use crate::language;

/// Text made of pieces that mean something, so that deep parts of the grammar are reached.
fn nixish() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "a", "b", "or", "1", "1.5", "if ", "then ", "else ", "let ", "in ", "rec ", "with ",
        "assert ", "inherit ", "{", "}", "(", ")", "[", "]", "\"", "''", "${", "./a", "a/b", "~/",
        "<x>", "a:b", ":", ";", ",", ".", "...", "@", "=", "==", "!", "-", "->", "++", "//", "?",
        "<", "|>", "<|", "#c\n", "/*", "*/", "/**", " ", "\n", "\r", "\\", "'", "$", "\u{e9}",
        "\0", "a = 1;", "a.b = {", "{ a }:", "\"a\"",
    ]);
    let text = prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat().into_bytes());
    prop_oneof![4 => text, 1 => prop::collection::vec(any::<u8>(), 0..80)]
}

proptest! {
    #[test]
    fn lexer_holds(text in nixish()) {
        language::lexer(&text);
    }

    #[test]
    fn grammar_holds(text in nixish()) {
        language::grammar(&text);
    }

    #[test]
    fn strings_hold(text in nixish()) {
        language::strings(&text);
    }
}
