//! Runs the grammar over a token table.
//!
//! The grammar is fed significant tokens only, as (index, kind, index + 1), behind the synthetic
//! token that selects what to read. Complaints of the lexer and of the grammar end up in one list,
//! ordered as the reference would have noticed them, so that the first one is its error.

use lalrpop_util::ParseError;

use crate::context::Context;
use crate::{
    Entry, LexErrorKind, ParseOptions, SyntaxError, SyntaxErrorKind, TokenIdx, TokenKind,
    TokenRange, TokenTable, TreeSink, expected, grammar,
};

/// What came out of a text.
#[derive(Clone, Debug)]
pub struct Parsed<E> {
    /// The whole text, if it could be read to its end.
    pub root: Option<E>,
    /// What is wrong with it, the reference's error first. Only without errors is the root what
    /// the text means.
    pub errors: Vec<SyntaxError>,
    /// What is allowed but remarkable, in order of the text.
    pub warnings: Vec<SyntaxError>,
    /// The token that does not fit, if that is why there is no root; one past the last token for
    /// the end of the text.
    pub stopped_at: Option<TokenIdx>,
}

/// Parses a lexed text into a sink.
///
/// Stops at the first error of the grammar itself; [`further_errors`](crate::further_errors) finds
/// others.
pub fn parse<S: TreeSink>(
    table: &TokenTable<'_>,
    sink: &mut S,
    options: &ParseOptions,
) -> Parsed<S::Expr> {
    let mut context = Context::new(table, sink, options);
    for error in table.errors() {
        let (kind, end) = match error.kind {
            LexErrorKind::TrailingSlash => (SyntaxErrorKind::TrailingSlash, error.offset + 1),
            LexErrorKind::NulInString => (SyntaxErrorKind::NulInString, table.end(error.token)),
        };
        context.errors.push(SyntaxError {
            kind,
            start: error.offset,
            end: end.min(table.source().len() as u32),
            time: error.token,
        });
    }
    let result = parse_tokens(&mut context, options.entry, significant(table));
    if !options.pipe_operators {
        refuse_pipes(&mut context);
    }
    let (root, stopped_at) = match result {
        Ok(root) => (Some(root), None),
        Err(token) => {
            let token = token.unwrap_or(table.len());
            unexpected(&mut context, token);
            (None, Some(token))
        }
    };
    let mut errors = std::mem::take(&mut context.errors);
    let warnings = std::mem::take(&mut context.warnings);
    errors.sort_by_key(|error| error.time);
    reword_first(table, options.entry, &mut errors);
    Parsed {
        root,
        errors,
        warnings,
        stopped_at,
    }
}

/// Runs the grammar over tokens. Fails at a token, or at their end.
pub(crate) fn parse_tokens<S: TreeSink>(
    context: &mut Context<'_, S>,
    entry: Entry,
    tokens: impl Iterator<Item = (TokenIdx, TokenKind)>,
) -> Result<S::Expr, Option<TokenIdx>> {
    let start = match entry {
        Entry::Expression => TokenKind::StartExpression,
        Entry::Bindings => TokenKind::StartBindings,
    };
    let tokens = std::iter::once((0, start, 0))
        .chain(tokens.map(|(token, kind)| (token, kind, token + 1)))
        .map(Ok);
    let result = grammar::RootParser::new().parse(context, tokens);
    result.map_err(|error| match error {
        ParseError::UnrecognizedToken { token, .. } | ParseError::ExtraToken { token } => {
            Some(token.0)
        }
        _ => None,
    })
}

/// Records a token that does not fit, or the end of the text.
fn unexpected<S: TreeSink>(context: &mut Context<'_, S>, token: TokenIdx) {
    let found = (token < context.table.len()).then(|| context.table.kind(token));
    let (start, end) = expected::place(context.table, token);
    context.errors.push(SyntaxError {
        kind: SyntaxErrorKind::Unexpected {
            found,
            expected: Vec::new(),
        },
        start,
        end,
        time: token,
    });
}

/// Gives the first error the reference's words, if it is one of the grammar.
fn reword_first(table: &TokenTable<'_>, entry: Entry, errors: &mut [SyntaxError]) {
    let Some(error) = errors.first_mut() else {
        return;
    };
    if !matches!(
        error.kind,
        SyntaxErrorKind::Unexpected { .. } | SyntaxErrorKind::NotAssociative { .. }
    ) {
        return;
    }
    if let Some((kind, token)) = expected::explain(table, entry) {
        (error.start, error.end) = expected::place(table, token);
        error.kind = kind;
        error.time = token;
    }
}

/// Whether this is a zero byte outside strings, which the reference takes for the end of the file.
fn ends_text(table: &TokenTable<'_>, token: TokenIdx) -> bool {
    table.kind(token) == TokenKind::Error && table.text(token).first() == Some(&0)
}

/// The tokens that the grammar sees.
pub(crate) fn significant(table: &TokenTable<'_>) -> impl Iterator<Item = (TokenIdx, TokenKind)> {
    table
        .kinds()
        .iter()
        .enumerate()
        .filter(|(_, kind)| !kind.is_trivia())
        .map(|(idx, &kind)| (idx as TokenIdx, kind))
        .take_while(|&(idx, kind)| kind != TokenKind::Error || !ends_text(table, idx))
}

/// Complains about every pipe operator, since they are off.
fn refuse_pipes<S: TreeSink>(context: &mut Context<'_, S>) {
    let table = context.table;
    for (idx, kind) in table.kinds().iter().enumerate() {
        if matches!(kind, TokenKind::PipeFrom | TokenKind::PipeInto) {
            let token = idx as TokenIdx;
            context.error(
                SyntaxErrorKind::PipeOperatorDisabled,
                TokenRange::single(token),
                token,
            );
        }
    }
}
