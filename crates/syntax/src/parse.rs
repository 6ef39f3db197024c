//! One call from text to tree and complaints.
//!
//! Trees hold UTF-8. A text that is not UTF-8 is reported, and the tree is that of the text with
//! each bad byte replaced by U+FFFD.

use std::borrow::Cow;

use firn_parser::{ParseOptions, SyntaxError, SyntaxErrorKind, lex};
use rowan::GreenNode;

use crate::{Definitions, GreenSink, SyntaxNode};

/// A tree, and what is wrong with its text.
#[derive(Clone, Debug)]
pub struct Parse {
    green: GreenNode,
    errors: Vec<SyntaxError>,
    warnings: Vec<SyntaxError>,
}

impl Parse {
    /// The root of the tree.
    pub fn syntax(&self) -> SyntaxNode {
        SyntaxNode::new_root(self.green.clone())
    }

    /// The tree as plain data that may go to other threads.
    pub fn green(&self) -> &GreenNode {
        &self.green
    }

    /// What is wrong, the evaluator's error first.
    pub fn errors(&self) -> &[SyntaxError] {
        &self.errors
    }

    /// What is allowed but remarkable.
    pub fn warnings(&self) -> &[SyntaxError] {
        &self.warnings
    }
}

/// Reads a text.
pub fn parse(text: &[u8], options: &ParseOptions) -> Parse {
    let valid = String::from_utf8_lossy(text);
    let table = lex(valid.as_bytes());
    let mut sink = (GreenSink::new(), Definitions::new(&table));
    let mut parsed = firn_parser::parse(&table, &mut sink, options);
    let (green, definitions) = sink;
    let green = green.finish(&table, parsed.root.map(|root| root.0));
    parsed.errors.extend(definitions.into_errors());
    if let Cow::Owned(_) = valid {
        let at = std::str::from_utf8(text).map_or_else(|error| error.valid_up_to(), str::len);
        let at = at as u32;
        let kind = SyntaxErrorKind::NotUtf8;
        parsed.errors.push(SyntaxError::new(kind, at, at, u32::MAX));
    }
    parsed.errors.sort_by_key(SyntaxError::time);
    Parse {
        green,
        errors: parsed.errors,
        warnings: parsed.warnings,
    }
}
