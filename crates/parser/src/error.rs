//! Syntax errors and warnings as data, and their wording.
//!
//! An error knows what is wrong and where; the words are made only when somebody wants to read
//! them. Messages begin with the reference's own words, since test suites and search engines know
//! them; what a newcomer needs on top goes into help and notes.

use firn_source::{Diagnostic, FileId, Severity, Span};

use crate::{TokenIdx, TokenKind, TokenRange, TokenTable, hints};

/// One thing wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// What is wrong.
    pub kind: SyntaxErrorKind,
    /// First byte of the place.
    pub start: u32,
    /// One past its last byte.
    pub end: u32,
    /// The token during whose reading it is noticed; orders errors.
    pub(crate) time: TokenIdx,
}

/// What can be wrong with a text, warnings included.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyntaxErrorKind {
    /// A token where it cannot stand.
    Unexpected {
        /// The token, or `None` at the end of the text.
        found: Option<TokenKind>,
        /// What could stand there instead, if that is few.
        expected: Vec<&'static str>,
    },
    /// `a == b == c`, or pipes of both directions in one row.
    NotAssociative {
        /// The earlier operator.
        first: TokenIdx,
    },
    /// An integer beyond 64 bits.
    InvalidInteger,
    /// A float too large or too small.
    InvalidFloat,
    /// A path that ends with `/`.
    TrailingSlash,
    /// A zero byte in a string.
    NulInString,
    /// A pipe operator without the feature.
    PipeOperatorDisabled,
    /// Two formals of one name, or a formal named like the whole argument.
    DuplicateFormal {
        /// The identifier.
        name: TokenIdx,
    },
    /// An attribute defined twice.
    DuplicateAttribute {
        /// The attribute path as the reference prints it.
        path: Vec<u8>,
        /// Where it was defined first.
        previous: u32,
    },
    /// `let ${x} = …`.
    DynamicAttributeInLet,
    /// `inherit ${x}`.
    DynamicAttributeInInherit,
    /// Bytes that are not UTF-8; only trees for tools complain about that.
    NotUtf8,
    /// A URL without quotes.
    UrlLiteral,
    /// `foo/bar`.
    ShortPathLiteral,
    /// `/foo`.
    AbsolutePathLiteral,
    /// `~/foo`.
    HomePathLiteral,
    /// `f or` as an argument, an item or a default.
    OrAsIdentifier,
}

impl SyntaxError {
    /// Makes an error over a range of bytes that no parse has seen (a check after it).
    pub fn new(kind: SyntaxErrorKind, start: u32, end: u32, time: TokenIdx) -> Self {
        Self {
            kind,
            start,
            end,
            time,
        }
    }

    /// Orders errors as the reference would notice them.
    pub fn time(&self) -> TokenIdx {
        self.time
    }

    /// What to tell the user. `locate` writes a place of the same file the way the reference does
    /// inside messages: `/path/file.nix:3:5`.
    pub fn diagnostic(
        &self,
        severity: Severity,
        table: &TokenTable<'_>,
        file: FileId,
        locate: &dyn Fn(u32) -> String,
    ) -> Diagnostic {
        let text = String::from_utf8_lossy(&table.source()[self.start as usize..self.end as usize]);
        let (code, message) = self.kind.words(severity, &text, table, locate);
        let mut diagnostic = match severity {
            Severity::Error => Diagnostic::error(code, message),
            Severity::Warning | Severity::Note => Diagnostic::warning(code, message),
        };
        diagnostic = diagnostic.at(Span::new(file, self.start, self.end), "");
        if let SyntaxErrorKind::Unexpected { expected, .. } = &self.kind
            && let Some(hint) = hints::hint(table, self.time, expected)
        {
            if let Some((token, label)) = hint.because {
                let bytes = table.byte_range(TokenRange::single(token));
                diagnostic = diagnostic.because(Span::new(file, bytes.start, bytes.end), label);
            }
            return diagnostic.help(hint.help);
        }
        if let Some(help) = self.kind.help() {
            diagnostic = diagnostic.help(help);
        }
        if let SyntaxErrorKind::DuplicateAttribute { previous, .. } = self.kind {
            diagnostic = diagnostic.because(Span::at(file, previous), "first defined here");
        }
        diagnostic
    }
}

impl SyntaxErrorKind {
    /// What to try, where that does not depend on the text around.
    fn help(&self) -> Option<&'static str> {
        match self {
            Self::InvalidInteger => Some("integers have 64 bits and end at 9223372036854775807"),
            Self::InvalidFloat => Some("floating-point numbers have 64 bits"),
            Self::TrailingSlash => Some("remove the slash; the directory itself is './name'"),
            Self::DynamicAttributeInLet => Some(
                "make a set with this name and select from it, or bring it into scope by 'with'",
            ),
            Self::DynamicAttributeInInherit => {
                Some("write a definition instead: '${name} = value;'")
            }
            _ => None,
        }
    }

    fn words(
        &self,
        severity: Severity,
        text: &str,
        table: &TokenTable<'_>,
        locate: &dyn Fn(u32) -> String,
    ) -> (&'static str, String) {
        match self {
            Self::Unexpected { found, expected } => {
                ("syntax::unexpected", unexpected(*found, expected))
            }
            Self::NotAssociative { .. } => (
                "syntax::not-associative",
                format!("syntax error, unexpected '{text}'"),
            ),
            Self::InvalidInteger => ("syntax::invalid-integer", format!("invalid integer '{text}'")),
            Self::InvalidFloat => ("syntax::invalid-float", format!("invalid float '{text}'")),
            Self::TrailingSlash => (
                "syntax::trailing-slash",
                "path has a trailing slash".to_owned(),
            ),
            Self::NulInString => (
                "syntax::nul-in-string",
                format!(
                    "input string '{}' cannot be represented as Nix string because it contains null bytes",
                    text.replace('\0', "␀")
                ),
            ),
            Self::PipeOperatorDisabled => (
                "syntax::pipe-operators",
                "experimental Nix feature 'pipe-operators' is disabled; add '--extra-experimental-features pipe-operators' to enable it".to_owned(),
            ),
            Self::DuplicateFormal { name } => (
                "syntax::duplicate-formal",
                format!(
                    "duplicate formal function argument '{}'",
                    String::from_utf8_lossy(table.text(*name))
                ),
            ),
            Self::DuplicateAttribute { path, previous } => (
                "syntax::duplicate-attribute",
                format!(
                    "attribute '{}' already defined at {}",
                    String::from_utf8_lossy(path),
                    locate(*previous)
                ),
            ),
            Self::DynamicAttributeInLet => (
                "syntax::dynamic-attribute",
                "dynamic attributes not allowed in let".to_owned(),
            ),
            Self::DynamicAttributeInInherit => (
                "syntax::dynamic-attribute",
                "dynamic attributes not allowed in inherit".to_owned(),
            ),
            Self::NotUtf8 => ("syntax::not-utf-8", "the text is not UTF-8".to_owned()),
            Self::UrlLiteral => (
                "syntax::url-literal",
                format!(
                    "URL literals are {}. Consider using a string literal \"{text}\" instead (lint-url-literals)",
                    if severity == Severity::Error { "disallowed" } else { "discouraged" },
                ),
            ),
            Self::ShortPathLiteral => (
                "syntax::short-path-literal",
                format!("relative path literal '{text}' should be prefixed with '.' for clarity: './{text}' (lint-short-path-literals)"),
            ),
            Self::AbsolutePathLiteral => (
                "syntax::absolute-path-literal",
                format!("absolute path literals are not portable. Consider replacing path literal '{text}' by a string, relative path, or parameter (lint-absolute-path-literals)"),
            ),
            Self::HomePathLiteral => (
                "syntax::home-path-literal",
                format!("home path literals are not portable. Consider replacing path literal '{text}' by a string, relative path, or parameter (lint-absolute-path-literals)"),
            ),
            Self::OrAsIdentifier => (
                "syntax::or-as-identifier",
                format!("This expression uses `or` as an identifier in a way that will change in a future Nix release.\nWrap this entire expression in parentheses to preserve its current meaning:\n    ({text})\nGive feedback at https://github.com/NixOS/nix/pull/11121"),
            ),
        }
    }
}

fn unexpected(found: Option<TokenKind>, expected: &[&'static str]) -> String {
    let mut message = format!(
        "syntax error, unexpected {}",
        found.map_or("end of file", TokenKind::description)
    );
    for (idx, name) in expected.iter().enumerate() {
        message.push_str(if idx == 0 { ", expecting " } else { " or " });
        message.push_str(name);
    }
    message
}
