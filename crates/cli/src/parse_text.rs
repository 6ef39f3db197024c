//! Parsing a text for its own sake: the errors as reports, the warnings on the console, and the
//! expression as `--parse` prints it.

use std::sync::Arc;

use firn_ir::AstSink;
use firn_parser::{ParseOptions, SyntaxError, lex, parse};
use firn_source::{CanonicalPath, FileTable, Severity, Span};

use crate::render::place_in_words;
use crate::sources::{Text, home};
use crate::{Console, Failure, Report};

/// The expression that a text holds, in the reference's notation.
pub fn show_parsed(
    text: &Text,
    options: &ParseOptions,
    console: &Console,
    files: &Arc<FileTable>,
) -> Result<Vec<u8>, Failure> {
    let file = files.add(text.origin.clone(), Arc::clone(&text.bytes));
    let table = lex(&text.bytes);
    let mut sink = AstSink::new(&table);
    let parsed = parse(&table, &mut sink, options);
    let (ast, more) = sink.finish();
    let mut errors = parsed.errors;
    errors.extend(more);
    errors.sort_by_key(SyntaxError::time);
    let locate = |offset: u32| place_in_words(Span::at(file, offset), files);
    let first = errors.first();
    for warning in &parsed.warnings {
        if first.is_some_and(|it| it.time() < warning.time()) {
            break;
        }
        let diagnostic = warning.diagnostic(Severity::Warning, &table, file, &locate);
        console.report(&Report::from(diagnostic), files);
    }
    if let Some(first) = first {
        let diagnostic = first.diagnostic(Severity::Error, &table, file, &locate);
        return Err(Failure::reported(diagnostic.into(), Arc::clone(files)));
    }
    let root = parsed.root.expect("a text without errors has a root");
    Ok(ast.show(root, &|path| resolved(path, &text.base.path)))
}

/// A path literal as it is shown: absolute, with the slash that it ended with.
fn resolved(literal: &[u8], base: &CanonicalPath) -> Vec<u8> {
    if let Some(rest) = literal.strip_prefix(b"~") {
        return [&home(), rest].concat();
    }
    let mut path = base.join(literal).as_bytes().to_vec();
    if literal.len() > 1 && literal.ends_with(b"/") {
        path.push(b'/');
    }
    path
}
