//! The front end of the language: lexer, grammar, strings.

use firn_ir::AstSink;
use firn_parser::merge::{AttrSets, AttrValue, PathName};
use firn_parser::strings::{IndentedPart, strip_indentation, unescape, write_literal};
use firn_parser::{NullSink, ParseOptions, SyntaxError, TokenKind, TokenRange, lex, parse};
use firn_source::{FileId, Severity};

/// Tokens cover the text in order, only the end of a path is empty, and a token read alone in
/// expression mode keeps its kind.
pub fn lexer(text: &[u8]) {
    let table = lex(text);
    let mut at = 0;
    for token in 0..table.len() {
        assert_eq!(table.start(token), at, "tokens leave no gap");
        at = table.end(token);
        let empty = table.text(token).is_empty();
        let kind = table.kind(token);
        assert_eq!(empty, kind == TokenKind::PathEnd, "{kind:?} at {at}");
        let alone = matches!(
            kind,
            TokenKind::Identifier | TokenKind::Integer | TokenKind::Float | TokenKind::Whitespace
        ) || kind.is_keyword()
            || kind.is_comment();
        if alone {
            let again = lex(table.text(token));
            assert_eq!(again.kinds(), [kind], "read alone");
        }
    }
    assert_eq!(at as usize, text.len(), "tokens reach the end");
    for error in table.errors() {
        assert!(error.token < table.len() && error.offset as usize <= text.len());
    }
}

/// Parsing never panics; all sinks give one verdict; the tree's text is the text; every error can
/// be put into words and lies inside the text.
pub fn grammar(text: &[u8]) {
    for pipe_operators in [false, true] {
        let options = ParseOptions {
            pipe_operators,
            ..ParseOptions::default()
        };
        verdicts(text, &options);
    }
}

fn verdicts(text: &[u8], options: &ParseOptions) {
    let table = lex(text);
    let null = parse(&table, &mut NullSink, options);
    assert!(null.root.is_some() || !null.errors.is_empty());

    let mut sink = AstSink::new(&table);
    let parsed = parse(&table, &mut sink, options);
    assert_eq!(
        parsed.errors, null.errors,
        "sinks do not change the grammar"
    );
    let (_, merge_errors) = sink.finish();
    let mut evaluator = parsed.errors;
    evaluator.extend(merge_errors);
    evaluator.sort_by_key(SyntaxError::time);

    for error in evaluator.iter().chain(&parsed.warnings) {
        assert!(error.start <= error.end && error.end as usize <= text.len());
        for severity in [Severity::Error, Severity::Warning] {
            let diagnostic = error.diagnostic(severity, &table, FileId(0), &|at| at.to_string());
            assert!(!diagnostic.message.is_empty());
        }
    }
    if let Ok(valid) = std::str::from_utf8(text) {
        let tree = firn_syntax::parse(text, options);
        assert_eq!(
            tree.syntax().text().to_string(),
            valid,
            "tree text is the text"
        );
        assert_eq!(tree.errors(), evaluator, "tools and evaluator agree");
        assert_eq!(tree.warnings(), parsed.warnings);
    }
}

/// What a literal prints as reads back as the same string, and stripping indentation of a text
/// without escapes only removes spaces.
pub fn strings(text: &[u8]) {
    let mut literal = Vec::new();
    write_literal(text, &mut literal);
    let table = lex(&literal);
    if !text.contains(&0) {
        let inner: Vec<u8> = (0..table.len())
            .filter(|&token| table.kind(token) == TokenKind::StringText)
            .flat_map(|token| unescape(table.text(token)).into_owned())
            .collect();
        assert_eq!(inner, text, "a literal reads back");
        let whole = TokenRange {
            start: 0,
            end: table.len(),
        };
        assert_eq!(table.byte_range(whole).end as usize, literal.len());
    }
    if !text.iter().any(|byte| b"'$".contains(byte)) {
        let stripped = strip_indentation(&[IndentedPart::Text(text)]);
        let value = stripped
            .first()
            .and_then(Option::as_deref)
            .unwrap_or_default();
        let visible = |bytes: &[u8]| -> Vec<u8> {
            bytes.iter().copied().filter(|&byte| byte != b' ').collect()
        };
        assert_eq!(visible(value), visible(text), "only spaces go");
    }
    merging(text);
}

/// Merging attribute sets never panics and keeps each definition once or reports it: bytes are
/// read as a little program of bindings over few names.
fn merging(program: &[u8]) {
    let mut sets = AttrSets::<u8, ()>::new();
    let root = sets.start(None, false);
    let mut literal = sets.start(None, false);
    for (at, step) in program.chunks(3).enumerate() {
        let [operation, first, second] = [0, 1, 2].map(|idx| step.get(idx).copied().unwrap_or(0));
        let path = [PathName::Static(first % 4), PathName::Static(second % 4)];
        let at = at as u32;
        let before = sets.set(root).attrs.len();
        let result = match operation % 4 {
            0 => sets.bind(root, &path, at, AttrValue::Expr(())),
            1 => sets.bind(literal, &path, at, AttrValue::Expr(())),
            2 => sets.inherit(literal, first % 4, at, None),
            _ => {
                let value =
                    AttrValue::Set(std::mem::replace(&mut literal, sets.start(None, false)));
                sets.bind(root, &path[..1], at, value)
            }
        };
        if let Err(duplicate) = result {
            assert!(!duplicate.path.is_empty() && duplicate.previous <= at);
        }
        assert!(sets.set(root).attrs.len() >= before, "nothing is lost");
    }
}
