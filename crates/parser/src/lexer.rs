//! From bytes to the token table. Never fails: what begins no token becomes an `Error` token, and
//! every byte belongs to exactly one token.
//!
//! The language needs modes. Inside quotes, inside an indented string and inside a path other
//! tokens exist than in expressions, and `${` leads back to expressions until its `}`. A stack of
//! modes follows the brackets; braces of sets are on it too, so that a `}` knows what it closes.
//! Expression mode takes the simple tokens from a logos automaton; what needs unbounded look-ahead
//! (paths and URLs, which begin like identifiers or numbers) and the other modes are scanned by
//! hand (`scan.rs`). The longest match wins everywhere, as in the reference's lexer.
//!
//! A zero byte outside strings ends the text: the reference's lexer takes it for the end of the
//! file. The rest then becomes one `Error` token that the parser is not shown.

use logos::Logos;

use crate::scan::{self, PathStep};
use crate::{TokenKind, TokenTable};

/// Something wrong inside a token that is still a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LexError {
    /// The token during whose reading it was noticed.
    pub token: u32,
    /// The byte to point at.
    pub offset: u32,
    /// What is wrong.
    pub kind: LexErrorKind,
}

/// What can be wrong inside a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LexErrorKind {
    /// A path ends with `/`.
    TrailingSlash,
    /// A string contains a zero byte.
    NulInString,
}

#[derive(Logos, Clone, Copy, Debug, PartialEq, Eq)]
#[logos(utf8 = false)]
enum Simple {
    #[regex(r"[ \t\r\n]+")]
    Whitespace,
    #[regex(r"#[^\r\n]*", allow_greedy = true)]
    LineComment,
    #[token("/*")]
    CommentOpen,
    #[regex(r"[a-zA-Z_][a-zA-Z0-9_'\-]*")]
    Identifier,
    #[regex(r"[0-9]+")]
    Integer,
    #[regex(r"([1-9][0-9]*\.[0-9]*|0?\.[0-9]+)([eE][+\-]?[0-9]+)?")]
    Float,
    #[regex(r"<[a-zA-Z0-9._\-+]+(/[a-zA-Z0-9._\-+]+)*>")]
    SearchPath,
    #[token("\"")]
    Quote,
    #[regex(r"''( *\n)?")]
    IndentOpen,
    #[token("~")]
    Tilde,
    #[token("if")]
    If,
    #[token("then")]
    Then,
    #[token("else")]
    Else,
    #[token("assert")]
    Assert,
    #[token("with")]
    With,
    #[token("let")]
    Let,
    #[token("in")]
    In,
    #[token("rec")]
    Rec,
    #[token("inherit")]
    Inherit,
    #[token("or")]
    Or,
    #[token("...")]
    Ellipsis,
    #[token("==")]
    EqualEqual,
    #[token("!=")]
    NotEqual,
    #[token("<=")]
    LessEqual,
    #[token(">=")]
    GreaterEqual,
    #[token("<")]
    Less,
    #[token(">")]
    Greater,
    #[token("&&")]
    And,
    #[token("||")]
    OrOr,
    #[token("->")]
    Implication,
    #[token("//")]
    Update,
    #[token("++")]
    Concat,
    #[token("<|")]
    PipeFrom,
    #[token("|>")]
    PipeInto,
    #[token("+")]
    Plus,
    #[token("-")]
    Minus,
    #[token("*")]
    Star,
    #[token("/")]
    Slash,
    #[token("!")]
    Not,
    #[token("?")]
    Question,
    #[token(":")]
    Colon,
    #[token(";")]
    Semicolon,
    #[token(",")]
    Comma,
    #[token(".")]
    Dot,
    #[token("@")]
    At,
    #[token("=")]
    Assign,
    #[token("${")]
    InterpolationOpen,
    #[token("{")]
    BraceOpen,
    #[token("}")]
    BraceClose,
    #[token("(")]
    ParenOpen,
    #[token(")")]
    ParenClose,
    #[token("[")]
    BracketOpen,
    #[token("]")]
    BracketClose,
    #[token("\0")]
    Nul,
}

/// Where the lexer is, outermost first on the stack. The bottom is always expression mode and has
/// no entry: a `}` there closes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Between `{` and `}`, or `${` and `}`.
    Braces,
    String,
    Indented,
    /// Inside a path; whether the text so far ends with a slash.
    Path {
        after_slash: bool,
    },
}

/// Splits a text into tokens.
///
/// # Panics
/// If the text is 4 GiB or larger; whoever reads files refuses such a text before.
pub fn lex(text: &[u8]) -> TokenTable<'_> {
    assert!(u32::try_from(text.len()).is_ok(), "sources are below 4 GiB");
    let mut lexer = Lexer {
        text,
        table: TokenTable::with_capacity(text, text.len() / 3),
        modes: Vec::new(),
        no_path_until: 0,
        no_uri_until: 0,
        no_comment_end_from: usize::MAX,
    };
    lexer.run();
    lexer.table.finish();
    lexer.table
}

struct Lexer<'t> {
    text: &'t [u8],
    table: TokenTable<'t>,
    modes: Vec<Mode>,
    /// No path begins before this offset: a run of path characters up to here has no slash.
    /// Without it a long chain of selections would be scanned once per component.
    no_path_until: usize,
    /// The same for URLs.
    no_uri_until: usize,
    /// From here on there is no `*/`, so that many unclosed comments stay linear.
    no_comment_end_from: usize,
}

impl Lexer<'_> {
    fn run(&mut self) {
        let mut at = 0;
        while at < self.text.len() || self.in_path() {
            at = match self.modes.last() {
                None | Some(Mode::Braces) => self.expression(at),
                Some(Mode::String) => self.string(at),
                Some(Mode::Indented) => self.indented(at),
                Some(&Mode::Path { after_slash }) => self.path(at, after_slash),
            };
        }
    }

    fn in_path(&self) -> bool {
        matches!(self.modes.last(), Some(Mode::Path { .. }))
    }

    fn error(&mut self, offset: usize, kind: LexErrorKind) {
        self.table.push_error(LexError {
            token: self.table.len(),
            offset: offset as u32,
            kind,
        });
    }

    /// Reads expression tokens until the mode changes; returns where to go on.
    fn expression(&mut self, from: usize) -> usize {
        let mut simple = Simple::lexer(&self.text[from..]);
        while let Some(token) = simple.next() {
            let start = from + simple.span().start;
            let end = from + simple.span().end;
            let kind = match token {
                Ok(Simple::Whitespace) => TokenKind::Whitespace,
                Ok(Simple::LineComment) => TokenKind::LineComment,
                Ok(Simple::CommentOpen) => {
                    let Some(close) = self.comment_end(end) else {
                        // As in the reference, an unclosed comment is a slash and a star.
                        self.table.push(TokenKind::Slash, start);
                        self.table.push(TokenKind::Star, start + 1);
                        continue;
                    };
                    self.table
                        .push(scan::comment_kind(&self.text[start..close]), start);
                    simple.bump(close - end);
                    continue;
                }
                Ok(Simple::Quote) => {
                    self.table.push(TokenKind::StringOpen, start);
                    self.modes.push(Mode::String);
                    return end;
                }
                Ok(Simple::IndentOpen) => {
                    self.table.push(TokenKind::IndentOpen, start);
                    self.modes.push(Mode::Indented);
                    return end;
                }
                Ok(Simple::InterpolationOpen) => {
                    self.modes.push(Mode::Braces);
                    TokenKind::InterpolationOpen
                }
                Ok(Simple::BraceOpen) => {
                    self.modes.push(Mode::Braces);
                    TokenKind::BraceOpen
                }
                Ok(Simple::BraceClose) => {
                    self.modes.pop();
                    self.table.push(TokenKind::BraceClose, start);
                    if matches!(self.modes.last(), None | Some(Mode::Braces)) {
                        continue;
                    }
                    return end;
                }
                Ok(Simple::Tilde) => {
                    let Some(length) = scan::home_path(&self.text[start..]) else {
                        self.table.push(TokenKind::Error, start);
                        continue;
                    };
                    return self.begin_path(TokenKind::HomePath, start, start + length);
                }
                Ok(Simple::Nul) => {
                    self.table.push(TokenKind::Error, start);
                    self.modes.clear();
                    return self.text.len();
                }
                Ok(Simple::Identifier) => match self.longer_than_name(start, end) {
                    Some(next) => return next,
                    None => match self.longer_uri(start, end) {
                        Some(uri_end) => {
                            simple.bump(uri_end - end);
                            TokenKind::Uri
                        }
                        None => TokenKind::Identifier,
                    },
                },
                Ok(word) => {
                    if let Some(next) = self.longer_than_name(start, end) {
                        return next;
                    }
                    let kind = plain_kind(word);
                    match self.longer_uri(start, end) {
                        Some(uri_end) if kind.is_keyword() => {
                            simple.bump(uri_end - end);
                            TokenKind::Uri
                        }
                        _ => kind,
                    }
                }
                Err(()) => {
                    // A whole character of UTF-8 is one error.
                    let rest = self.text[end..].iter();
                    simple.bump(rest.take_while(|&byte| byte & 0xc0 == 0x80).count());
                    TokenKind::Error
                }
            };
            self.table.push(kind, start);
        }
        self.text.len()
    }

    /// If a path begins at `start` and reaches beyond `end`, starts it and returns its mode's
    /// first byte.
    #[inline]
    fn longer_than_name(&mut self, start: usize, end: usize) -> Option<usize> {
        let next = self.text.get(end).copied().unwrap_or(b' ');
        // A name can go on as a path only here; the slash operator is itself a path's beginning.
        let may_continue =
            scan::is_path_char(next) || next == b'/' || (next == b'$' && self.text[start] == b'/');
        if !may_continue || start < self.no_path_until {
            return None;
        }
        if !(scan::is_path_char(self.text[start]) || self.text[start] == b'/') {
            return None;
        }
        match scan::path_start(self.text, start) {
            PathStep::None { checked } => {
                self.no_path_until = checked;
                None
            }
            PathStep::Until(path_end) if path_end >= end => {
                Some(self.begin_path(TokenKind::Path, start, path_end))
            }
            PathStep::Until(_) => None,
        }
    }

    #[inline]
    fn longer_uri(&mut self, start: usize, end: usize) -> Option<usize> {
        if !matches!(self.text.get(end), Some(b':' | b'+' | b'.')) || start < self.no_uri_until {
            return None;
        }
        match scan::uri(self.text, start) {
            Ok(uri_end) => (uri_end > end).then_some(uri_end),
            Err(checked) => {
                self.no_uri_until = checked;
                None
            }
        }
    }

    fn begin_path(&mut self, kind: TokenKind, start: usize, end: usize) -> usize {
        self.table.push(kind, start);
        self.modes.push(Mode::Path {
            after_slash: self.text[end - 1] == b'/',
        });
        end
    }

    fn comment_end(&mut self, from: usize) -> Option<usize> {
        if from >= self.no_comment_end_from {
            return None;
        }
        let found = memchr::memmem::find(&self.text[from..], b"*/");
        if found.is_none() {
            self.no_comment_end_from = from;
        }
        found.map(|offset| from + offset + 2)
    }

    fn string(&mut self, from: usize) -> usize {
        let run = scan::string_run(&self.text[from..]);
        if run.has_nul {
            self.error(from, LexErrorKind::NulInString);
        }
        let at = from + run.length;
        if run.length > 0 {
            self.table.push(TokenKind::StringText, from);
        }
        match self.text.get(at) {
            Some(b'"') => {
                self.table.push(TokenKind::StringClose, at);
                self.modes.pop();
                at + 1
            }
            Some(b'$') if self.text.get(at + 1) == Some(&b'{') => self.interpolation(at),
            _ => at,
        }
    }

    fn indented(&mut self, from: usize) -> usize {
        let run = scan::indented_run(&self.text[from..]);
        if run.has_nul {
            self.error(from, LexErrorKind::NulInString);
        }
        let at = from + run.length;
        if run.length > 0 {
            self.table.push(TokenKind::IndentText, from);
        }
        match self.text.get(at) {
            Some(b'\'') => {
                self.table.push(TokenKind::IndentClose, at);
                self.modes.pop();
                at + 2
            }
            Some(b'$') => self.interpolation(at),
            _ => at,
        }
    }

    fn interpolation(&mut self, at: usize) -> usize {
        self.table.push(TokenKind::InterpolationOpen, at);
        self.modes.push(Mode::Braces);
        at + 2
    }

    fn path(&mut self, at: usize, after_slash: bool) -> usize {
        if self.text[at..].starts_with(b"${") {
            self.modes.pop();
            self.modes.push(Mode::Path { after_slash: false });
            return self.interpolation(at);
        }
        let length = scan::path_piece(&self.text[at..]);
        if length > 0 {
            self.table.push(TokenKind::PathText, at);
            self.modes.pop();
            self.modes.push(Mode::Path {
                after_slash: self.text[at + length - 1] == b'/',
            });
            return at + length;
        }
        if after_slash {
            // At the end of the text the reference points at the piece that ends with the slash.
            let piece = self.table.last_start();
            let place = if at < self.text.len() { at } else { piece };
            self.error(place, LexErrorKind::TrailingSlash);
        }
        self.modes.pop();
        self.table.push(TokenKind::PathEnd, at);
        at
    }
}

/// The kind of a token that is complete as the automaton found it.
fn plain_kind(token: Simple) -> TokenKind {
    match token {
        Simple::Whitespace => TokenKind::Whitespace,
        Simple::LineComment => TokenKind::LineComment,
        Simple::Identifier => TokenKind::Identifier,
        Simple::Integer => TokenKind::Integer,
        Simple::Float => TokenKind::Float,
        Simple::SearchPath => TokenKind::SearchPath,
        Simple::If => TokenKind::If,
        Simple::Then => TokenKind::Then,
        Simple::Else => TokenKind::Else,
        Simple::Assert => TokenKind::Assert,
        Simple::With => TokenKind::With,
        Simple::Let => TokenKind::Let,
        Simple::In => TokenKind::In,
        Simple::Rec => TokenKind::Rec,
        Simple::Inherit => TokenKind::Inherit,
        Simple::Or => TokenKind::Or,
        Simple::Ellipsis => TokenKind::Ellipsis,
        Simple::EqualEqual => TokenKind::EqualEqual,
        Simple::NotEqual => TokenKind::NotEqual,
        Simple::LessEqual => TokenKind::LessEqual,
        Simple::GreaterEqual => TokenKind::GreaterEqual,
        Simple::Less => TokenKind::Less,
        Simple::Greater => TokenKind::Greater,
        Simple::And => TokenKind::And,
        Simple::OrOr => TokenKind::OrOr,
        Simple::Implication => TokenKind::Implication,
        Simple::Update => TokenKind::Update,
        Simple::Concat => TokenKind::Concat,
        Simple::PipeFrom => TokenKind::PipeFrom,
        Simple::PipeInto => TokenKind::PipeInto,
        Simple::Plus => TokenKind::Plus,
        Simple::Minus => TokenKind::Minus,
        Simple::Star => TokenKind::Star,
        Simple::Slash => TokenKind::Slash,
        Simple::Not => TokenKind::Not,
        Simple::Question => TokenKind::Question,
        Simple::Colon => TokenKind::Colon,
        Simple::Semicolon => TokenKind::Semicolon,
        Simple::Comma => TokenKind::Comma,
        Simple::Dot => TokenKind::Dot,
        Simple::At => TokenKind::At,
        Simple::Assign => TokenKind::Assign,
        Simple::BraceClose => TokenKind::BraceClose,
        Simple::BraceOpen => TokenKind::BraceOpen,
        Simple::InterpolationOpen => TokenKind::InterpolationOpen,
        Simple::ParenOpen => TokenKind::ParenOpen,
        Simple::ParenClose => TokenKind::ParenClose,
        Simple::BracketOpen => TokenKind::BracketOpen,
        Simple::BracketClose => TokenKind::BracketClose,
        Simple::CommentOpen | Simple::Tilde | Simple::Quote | Simple::IndentOpen | Simple::Nul => {
            TokenKind::Error
        }
    }
}
