//! Which part of a text is what, for colours at the prompt: token kinds only, so that it works on
//! text that is not finished.

use firn_parser::{TokenKind, lex};

/// What a part of a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Names, operators, blanks.
    Plain,
    /// `let`, `if`, …
    Keyword,
    /// Strings, with their quotes.
    Text,
    /// Numbers.
    Number,
    /// Paths and search paths.
    Path,
    /// Comments.
    Comment,
    /// What no token begins with.
    Wrong,
}

/// The text in pieces, each with its class; together they are the text.
pub fn classes(text: &str) -> Vec<(&str, Class)> {
    let table = lex(text.as_bytes());
    let mut pieces: Vec<(&str, Class)> = Vec::new();
    let mut start = 0;
    for token in 0..table.len() {
        let end = table.end(token) as usize;
        let class = class(table.kind(token));
        // A token never ends inside a character unless it is wrong; then its rest goes with it.
        if let Some(piece) = text.get(start..end) {
            pieces.push((piece, class));
            start = end;
        }
    }
    if let Some(rest) = text.get(start..).filter(|it| !it.is_empty()) {
        pieces.push((rest, Class::Wrong));
    }
    pieces
}

fn class(kind: TokenKind) -> Class {
    use TokenKind as Kind;
    match kind {
        Kind::If
        | Kind::Then
        | Kind::Else
        | Kind::Assert
        | Kind::With
        | Kind::Let
        | Kind::In
        | Kind::Rec
        | Kind::Inherit => Class::Keyword,
        Kind::StringOpen
        | Kind::StringText
        | Kind::StringClose
        | Kind::IndentOpen
        | Kind::IndentText
        | Kind::IndentClose
        | Kind::Uri => Class::Text,
        Kind::Integer | Kind::Float => Class::Number,
        Kind::Path | Kind::HomePath | Kind::PathText | Kind::SearchPath => Class::Path,
        Kind::Error => Class::Wrong,
        other if other.is_comment() => Class::Comment,
        _ => Class::Plain,
    }
}

/// The position of the bracket that belongs to the one at `at`, if there is one at either.
pub fn matching_bracket(text: &str, at: usize) -> Option<usize> {
    let table = lex(text.as_bytes());
    let mut open: Vec<(u32, TokenKind)> = Vec::new();
    for token in 0..table.len() {
        let kind = table.kind(token);
        match kind {
            TokenKind::ParenOpen
            | TokenKind::BracketOpen
            | TokenKind::BraceOpen
            | TokenKind::InterpolationOpen => open.push((table.start(token), kind)),
            TokenKind::ParenClose | TokenKind::BracketClose | TokenKind::BraceClose => {
                let (start, _) = open.pop()?;
                let close = table.start(token) as usize;
                if close == at {
                    return Some(start as usize);
                }
                if start as usize == at {
                    return Some(close);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_up_the_text() {
        let text = "let x = \"a${b}\"; in # c\n 1 + ./p";
        let pieces = classes(text);
        let whole: String = pieces.iter().map(|it| it.0).collect();
        assert_eq!(whole, text);
        assert_eq!(pieces[0], ("let", Class::Keyword));
        assert!(pieces.contains(&("# c", Class::Comment)));
        assert!(pieces.contains(&("1", Class::Number)));
        assert!(pieces.contains(&("./p", Class::Path)));
    }

    #[test]
    fn text_that_is_no_language_is_kept() {
        let text = "é \u{0} ` \"open";
        let whole: String = classes(text).iter().map(|it| it.0).collect();
        assert_eq!(whole, text);
    }

    #[test]
    fn brackets_find_each_other() {
        assert_eq!(matching_bracket("f (a [ 1 ])", 2), Some(10));
        assert_eq!(matching_bracket("f (a [ 1 ])", 9), Some(5));
        assert_eq!(matching_bracket("\"(\" (", 4), None);
        assert_eq!(matching_bracket("\"${x}\"", 1), Some(4));
    }
}
