//! From bytes to an [`Ast`], with everything wrong or remarkable as diagnostics.

use firn_parser::{ParseOptions, SyntaxError, TokenKind, further_errors, lex, parse};
use firn_source::{Diagnostic, FileId, Severity};

use crate::ast::{Ast, AstId};
use crate::sink::AstSink;

/// A text that was parsed.
#[derive(Debug)]
pub struct Text {
    /// Its expressions.
    pub ast: Ast,
    /// The whole.
    pub root: AstId,
    /// What is allowed but remarkable.
    pub warnings: Vec<Diagnostic>,
}

/// Parses a text. The error is never empty; the first one is the reference's.
///
/// `locate` writes a place of the same file the way messages do.
pub fn parse_text(
    bytes: &[u8],
    file: FileId,
    options: &ParseOptions,
    locate: &dyn Fn(u32) -> String,
) -> Result<Text, Vec<Diagnostic>> {
    let table = lex(bytes);
    let mut sink = AstSink::new(&table);
    let parsed = parse(&table, &mut sink, options);
    let (ast, more) = sink.finish();
    let mut errors: Vec<SyntaxError> = parsed.errors;
    errors.extend(more);
    if let Some(token) = parsed.stopped_at {
        errors.extend(further_errors(&table, options, token));
    }
    errors.sort_by_key(SyntaxError::time);
    let show = |errors: &[SyntaxError], severity| {
        errors
            .iter()
            .map(|error| error.diagnostic(severity, &table, file, locate))
            .collect::<Vec<Diagnostic>>()
    };
    match parsed.root {
        Some(root) if errors.is_empty() => Ok(Text {
            ast,
            root,
            warnings: show(&parsed.warnings, Severity::Warning),
        }),
        _ => Err(show(&errors, Severity::Error)),
    }
}

/// Where the set begins that an attribute written at `offset` belongs to: its brace, or the `rec`
/// before that.
pub fn set_literal_around(text: &[u8], offset: u32) -> Option<u32> {
    let table = lex(text);
    let significant: Vec<u32> = (0..table.len())
        .filter(|it| !table.kind(*it).is_trivia() && table.start(*it) < offset)
        .collect();
    let mut depth = 0;
    for (idx, &token) in significant.iter().enumerate().rev() {
        match table.kind(token) {
            TokenKind::BraceClose => depth += 1,
            TokenKind::BraceOpen | TokenKind::InterpolationOpen if depth > 0 => depth -= 1,
            TokenKind::BraceOpen => {
                let before = idx.checked_sub(1).map(|it| significant[it]);
                let rec = before.filter(|it| table.text(*it) == b"rec");
                return Some(table.start(rec.unwrap_or(token)));
            }
            TokenKind::InterpolationOpen => return None,
            _ => {}
        }
    }
    None
}
