//! What an error of evaluation is about, for the layout with carets.
//!
//! The evaluator knows where an error was noticed: the first byte of an expression. People look for
//! the word that is wrong. From the place, the kind of error and the text around, this finds that
//! word, says what is the matter with it, and tells which steps of the chain are the reader's own
//! and which belong to libraries.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use firn_eval::{Ctx, ErrorKind, EvalError};
use firn_parser::{TokenIdx, TokenKind, TokenTable, lex};
use firn_source::{FileOrigin, FileTable, Label, LabelKind, Span};

use crate::sources;

/// Which sources are libraries to whoever reads an error.
///
/// The reader's own are those of the project in the working directory and of the project that the
/// evaluation began in, also where that is a copy in the store, and what was typed. All others are
/// libraries.
pub(crate) struct Libraries {
    own: Vec<Vec<u8>>,
}

impl Libraries {
    pub(crate) fn of(ctx: &Ctx<'_>) -> Self {
        let mut own = vec![project_of(&sources::on_disk(&sources::here()))];
        let files = ctx.files().all().into_iter();
        let first = files
            .map(|it| it.origin.clone())
            .find(|it| !matches!(it, FileOrigin::Internal(_)));
        if let Some(FileOrigin::Path(path)) = first {
            let object = object_of(path.path.as_bytes(), &ctx.host().store_dir());
            let on_disk = sources::on_disk(&path);
            own.push(
                object.unwrap_or_else(|| {
                    project_of(on_disk.parent().unwrap_or_else(|| Path::new("/")))
                }),
            );
        }
        Self { own }
    }

    /// Whether a source is a library.
    pub(crate) fn has(&self, origin: &FileOrigin) -> bool {
        match origin {
            FileOrigin::Path(path) => {
                let path = path.path.as_bytes();
                !self.own.iter().any(|it| is_below(path, it))
            }
            FileOrigin::Internal(_) => true,
            FileOrigin::String | FileOrigin::Stdin => false,
        }
    }
}

/// The store object that a path lies in.
fn object_of(path: &[u8], store_dir: &[u8]) -> Option<Vec<u8>> {
    let inside = path.strip_prefix(store_dir)?.strip_prefix(b"/")?;
    let len = inside.iter().position(|it| *it == b'/');
    let end = store_dir.len() + 1 + len.unwrap_or(inside.len());
    Some(path[..end].to_vec())
}

/// The version-controlled tree around a directory, or the directory itself.
fn project_of(directory: &Path) -> Vec<u8> {
    let root = directory.ancestors().find(|it| it.join(".git").exists());
    root.unwrap_or(directory).as_os_str().as_bytes().to_vec()
}

fn is_below(path: &[u8], directory: &[u8]) -> bool {
    path.strip_prefix(directory)
        .is_some_and(|rest| directory == b"/" || rest.first() == Some(&b'/'))
}

/// The words that an error is about, with what is the matter.
pub(crate) fn focus(error: &EvalError, files: &FileTable) -> Option<Label> {
    let place = error.place?;
    let file = files.file(place.file);
    let table = lex(file.bytes());
    let token = token_at(&table, place.offset)?;
    let named = quoted(&error.message);
    let (tokens, text) = match error.kind {
        ErrorKind::MissingAttribute => {
            let name = named.and_then(|it| selected_name(&table, token, it));
            (one(name.unwrap_or(token)), "there is no such attribute")
        }
        ErrorKind::UndefinedVariable => (one(token), "nothing of this name is in scope"),
        ErrorKind::InfiniteRecursion => (one(token), "to know this, it must be known already"),
        ErrorKind::Assertion => (condition(&table, token), "this is false"),
        ErrorKind::Thrown | ErrorKind::Abort => (one(token), "thrown here"),
        ErrorKind::StackOverflow => (one(token), "too many calls are nested here"),
        ErrorKind::Type if error.message.contains("called without required") => {
            (one(token), "this function needs it")
        }
        ErrorKind::Type if error.message.contains("called with unexpected") => {
            (one(token), "this function does not take it")
        }
        _ => (operand(&table, token), "here"),
    };
    Some(Label {
        span: Span::new(place.file, table.start(tokens.0), table.end(tokens.1)),
        text: text.to_owned(),
        kind: LabelKind::Primary,
    })
}

/// The word at a place that is only a step of the chain.
pub(crate) fn word_at(place: Span, files: &FileTable) -> Span {
    let file = files.file(place.file);
    let table = lex(file.bytes());
    match token_at(&table, place.start) {
        Some(token) => Span::new(place.file, table.start(token), table.end(token)),
        None => place,
    }
}

fn one(token: TokenIdx) -> (TokenIdx, TokenIdx) {
    (token, token)
}

/// The token that begins at or contains a byte.
fn token_at(table: &TokenTable<'_>, offset: u32) -> Option<TokenIdx> {
    let (mut low, mut high) = (0, table.len());
    while low < high {
        let middle = low + (high - low) / 2;
        if table.end(middle) <= offset {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    (low < table.len()).then_some(low)
}

/// What stands in the first pair of single quotes.
fn quoted(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once('\'')?;
    Some(rest.split_once('\'')?.0)
}

/// The token of a name that is selected from the expression that begins at `start`.
fn selected_name(table: &TokenTable<'_>, start: TokenIdx, name: &str) -> Option<TokenIdx> {
    let mut depth = 0_usize;
    let mut after_dot = false;
    for token in start..table.len() {
        let kind = table.kind(token);
        match kind {
            kind if kind.is_trivia() => continue,
            TokenKind::ParenOpen
            | TokenKind::BraceOpen
            | TokenKind::BracketOpen
            | TokenKind::InterpolationOpen => depth += 1,
            TokenKind::ParenClose | TokenKind::BraceClose | TokenKind::BracketClose => {
                depth = depth.checked_sub(1)?;
            }
            TokenKind::Semicolon if depth == 0 => return None,
            _ => {
                let is_name = after_dot && depth == 0 && table.text(token) == name.as_bytes();
                if is_name {
                    return Some(token);
                }
            }
        }
        after_dot = kind == TokenKind::Dot || (after_dot && kind == TokenKind::StringOpen);
    }
    None
}

/// From the first to the last token of the condition of an `assert`.
fn condition(table: &TokenTable<'_>, assert: TokenIdx) -> (TokenIdx, TokenIdx) {
    let first = table.next_significant(assert + 1);
    if table.kind(assert) != TokenKind::Assert || first >= table.len() {
        return one(assert);
    }
    let mut depth = 0_usize;
    let mut last = first;
    for token in first..table.len() {
        match table.kind(token) {
            TokenKind::Semicolon if depth == 0 => break,
            TokenKind::ParenOpen
            | TokenKind::BraceOpen
            | TokenKind::BracketOpen
            | TokenKind::InterpolationOpen => depth += 1,
            TokenKind::ParenClose | TokenKind::BraceClose | TokenKind::BracketClose => {
                depth = depth.saturating_sub(1);
            }
            _ => {}
        }
        if !table.kind(token).is_trivia() {
            last = token;
        }
    }
    (first, last)
}

/// A token with what clearly belongs to it: a whole string, a whole selection.
fn operand(table: &TokenTable<'_>, start: TokenIdx) -> (TokenIdx, TokenIdx) {
    match table.kind(start) {
        TokenKind::StringOpen => {
            let close = (start..table.len()).find(|it| table.kind(*it) == TokenKind::StringClose);
            (start, close.unwrap_or(start))
        }
        TokenKind::Identifier => {
            let mut last = start;
            while table.len() > last + 2
                && table.kind(last + 1) == TokenKind::Dot
                && table.kind(last + 2) == TokenKind::Identifier
            {
                last += 2;
            }
            (start, last)
        }
        _ => one(start),
    }
}

/// The place of the call, for an error about the arguments of a function, which is noticed where
/// the function was written.
pub(crate) fn call_site(error: &EvalError, files: &FileTable) -> Option<Label> {
    if !error.message.starts_with("function '") {
        return None;
    }
    let frame = error
        .frames
        .first()
        .filter(|it| it.text == "from call site")?;
    let place = frame.place?;
    Some(Label {
        span: word_at(Span::at(place.file, place.offset), files),
        text: "called here".to_owned(),
        kind: LabelKind::Secondary,
    })
}

/// What to try, where there is more to say than which names are near.
pub(crate) fn advice(error: &EvalError) -> Option<String> {
    let message = error.message.as_str();
    let text = match error.kind {
        ErrorKind::InfiniteRecursion => {
            let in_modules = error.frames.iter().any(|it| {
                it.text.contains("the option")
                    || it.text.contains("_module")
                    || it.text.contains("'config'")
            });
            if in_modules {
                "in a module, 'imports' and the names of what it defines must not depend on 'config'; 'lib.mkIf' makes a definition conditional without asking first"
            } else {
                "the value needs itself before it is there; in 'rec { }' and 'let' a name means the new binding, not one further out"
            }
        }
        ErrorKind::StackOverflow => {
            "if this recursion is meant to end, raise 'max-call-depth'; if not, look for the case that should end it"
        }
        ErrorKind::Type if message.starts_with("cannot coerce an integer to a string") => {
            "'toString' makes a string of a number"
        }
        ErrorKind::Type if message.starts_with("cannot coerce a list to a string") => {
            "'toString' joins the elements with blanks, 'builtins.concatStringsSep' with what you choose"
        }
        ErrorKind::Type if message.starts_with("cannot coerce a set to a string") => {
            "a set becomes a string only by its 'outPath' or '__toString'; 'builtins.toJSON' shows any"
        }
        ErrorKind::Type if message.starts_with("cannot coerce a function to a string") => {
            "the function has not been called with all its arguments"
        }
        ErrorKind::Type if message.contains("called without required argument") => {
            let name = message.rsplit('\'').nth(1)?;
            return Some(format!(
                "pass '{name}' in the call, or give it a default: '{{ {name} ? … }}'"
            ));
        }
        ErrorKind::Type
            if message.contains("called with unexpected argument")
                && error.suggestions.is_empty() =>
        {
            "the function lists what it takes; '...' at the end of its list lets it take anything"
        }
        ErrorKind::Type
            if message.starts_with("attempt to call something which is not a function") =>
        {
            "whatever stands before an argument is called with it: a ';' or a pair of parentheses may be missing, or an argument is one too many"
        }
        ErrorKind::Type if message.starts_with("cannot add a string to an integer") => {
            "'toString' makes a string of a number"
        }
        ErrorKind::Type if message.ends_with("null") && message.starts_with("expected") => {
            "the value is 'null'; 'x != null' asks, an option may have no value yet"
        }
        _ => return None,
    };
    Some(text.to_owned())
}
