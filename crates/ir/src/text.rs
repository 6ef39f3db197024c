//! From bytes to an [`Ast`], with everything wrong or remarkable as diagnostics.

use firn_parser::{ParseOptions, SyntaxError, lex, parse};
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
