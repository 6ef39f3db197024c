//! Whether what has been typed is a whole, and of which kind.
//!
//! A text is tried as bindings, then as bindings that lack only their last semicolon, then as an
//! expression, as the reference does. It is unfinished if the first thing wrong with it is that it
//! ends.

use firn_parser::{Entry, NullSink, ParseOptions, SyntaxError, SyntaxErrorKind, lex, parse};

/// What a text is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Nothing but blanks and comments.
    Empty,
    /// Bindings; the text to read, which may have got a semicolon.
    Bindings(String),
    /// An expression, or something that is an error as one.
    Expression,
    /// It goes on in the next line.
    Unfinished,
}

/// Tells what a text is.
pub fn classify(text: &str, options: &ParseOptions) -> Input {
    let table = lex(text.as_bytes());
    if table.kinds().iter().all(|it| it.is_trivia()) {
        return Input::Empty;
    }
    let as_bindings = |text: &str| first_error(text, Entry::Bindings, options);
    let Some(error) = as_bindings(text) else {
        return Input::Bindings(text.to_owned());
    };
    let binding_is_cut_off = ends_early(&error);
    if binding_is_cut_off {
        // In a line of its own: messages quote the line that was typed, and it may end in a comment.
        let closed = format!("{text}\n;");
        match as_bindings(&closed) {
            None => return Input::Bindings(closed),
            Some(error) if ends_early(&error) => return Input::Unfinished,
            Some(_) => {}
        }
    }
    match first_error(text, Entry::Expression, options) {
        None => Input::Expression,
        Some(error) if binding_is_cut_off || ends_early(&error) => Input::Unfinished,
        Some(_) => Input::Expression,
    }
}

/// Whether an expression is cut off.
pub fn is_unfinished(text: &str, options: &ParseOptions) -> bool {
    first_error(text, Entry::Expression, options).is_some_and(|it| ends_early(&it))
}

fn first_error(text: &str, entry: Entry, options: &ParseOptions) -> Option<SyntaxError> {
    let table = lex(text.as_bytes());
    let options = ParseOptions {
        entry,
        ..options.clone()
    };
    parse(&table, &mut NullSink, &options)
        .errors
        .into_iter()
        .next()
}

fn ends_early(error: &SyntaxError) -> bool {
    matches!(error.kind, SyntaxErrorKind::Unexpected { found: None, .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &Input) {
        assert_eq!(
            &classify(text, &ParseOptions::default()),
            expected,
            "{text}"
        );
    }

    #[test]
    fn bindings_may_lack_their_last_semicolon() {
        let bindings = |text: &str| Input::Bindings(text.to_owned());
        check("x = 1", &bindings("x = 1\n;"));
        check("x = 1 # one", &bindings("x = 1 # one\n;"));
        check("x = 1;", &bindings("x = 1;"));
        check("inherit (a) b", &bindings("inherit (a) b\n;"));
        check("a = 1; b.c = 2", &bindings("a = 1; b.c = 2\n;"));
    }

    #[test]
    fn expressions_are_not_bindings() {
        check("1 + 1", &Input::Expression);
        check("x", &Input::Expression);
        check("x == 1", &Input::Expression);
        check("{ x = 1; }", &Input::Expression);
        check(")", &Input::Expression);
    }

    #[test]
    fn what_is_cut_off_goes_on() {
        check("{ x = 1;", &Input::Unfinished);
        check("x = [ 1", &Input::Unfinished);
        check("f = x: ''", &Input::Unfinished);
        check("1 +", &Input::Unfinished);
        check("let a = 1;", &Input::Unfinished);
        assert!(is_unfinished("(1", &ParseOptions::default()));
        assert!(!is_unfinished("(1)", &ParseOptions::default()));
    }

    #[test]
    fn comments_are_nothing() {
        check(" # x", &Input::Empty);
        check("", &Input::Empty);
    }
}
