//! What a newcomer probably meant, for errors of the grammar.
//!
//! The reference's message tells what its automaton could have shifted; that is precise and often
//! no help. From the token that does not fit, what was expected there, and the brackets that are
//! open, the common slips can be told apart: a forgotten `;`, `=` for `==`, commas from other
//! languages, something never closed, an `if` without `else`, a keyword as a name. A hint is only
//! given where it is likely right; no hint is better than a wrong one.

use crate::{TokenIdx, TokenKind, TokenTable};

/// Help for one error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hint {
    /// What to try.
    pub(crate) help: String,
    /// A token that explains the error, and what to say about it.
    pub(crate) because: Option<(TokenIdx, &'static str)>,
}

#[expect(clippy::unnecessary_wraps, reason = "stands where an option is due")]
fn help(text: impl Into<String>) -> Option<Hint> {
    Some(Hint {
        help: text.into(),
        because: None,
    })
}

#[expect(clippy::unnecessary_wraps, reason = "stands where an option is due")]
fn help_at(text: impl Into<String>, token: TokenIdx, label: &'static str) -> Option<Hint> {
    Some(Hint {
        help: text.into(),
        because: Some((token, label)),
    })
}

/// The likely slip behind an unexpected token; `token` is the table's length at the end.
pub(crate) fn hint(
    table: &TokenTable<'_>,
    token: TokenIdx,
    expected: &[&'static str],
) -> Option<Hint> {
    let open = open_constructs(table, token);
    let found = (token < table.len()).then(|| table.kind(token));
    let Some(found) = found else {
        return at_end(table, &open);
    };
    unclosed_comment(table, token, found)
        .or_else(|| strange_byte(table, token, found))
        .or_else(|| assignment(table, token, found, expected))
        .or_else(|| separator(table, found, expected, &open))
        .or_else(|| keyword_as_name(table, token, found, expected))
        .or_else(|| missing_semicolon(table, token, expected))
        .or_else(|| missing_keyword(expected, &open, table))
        .or_else(|| bracket(found, expected, &open, table))
        .or_else(|| comparison_chain(found))
}

/// Brackets, strings, `let`s and `if`s that are still open before a token, outermost first.
fn open_constructs(table: &TokenTable<'_>, before: TokenIdx) -> Vec<TokenIdx> {
    let mut open: Vec<TokenIdx> = Vec::new();
    for token in 0..before.min(table.len()) {
        let closes = match table.kind(token) {
            TokenKind::BraceOpen
            | TokenKind::InterpolationOpen
            | TokenKind::ParenOpen
            | TokenKind::BracketOpen
            | TokenKind::StringOpen
            | TokenKind::IndentOpen
            | TokenKind::Let
            | TokenKind::If => {
                open.push(token);
                continue;
            }
            TokenKind::BraceClose => [TokenKind::BraceOpen, TokenKind::InterpolationOpen],
            TokenKind::ParenClose => [TokenKind::ParenOpen; 2],
            TokenKind::BracketClose => [TokenKind::BracketOpen; 2],
            TokenKind::StringClose => [TokenKind::StringOpen; 2],
            TokenKind::IndentClose => [TokenKind::IndentOpen; 2],
            TokenKind::In => [TokenKind::Let; 2],
            TokenKind::Else => [TokenKind::If; 2],
            _ => continue,
        };
        let opener = open
            .iter()
            .rposition(|&it| closes.contains(&table.kind(it)));
        if let Some(opener) = opener {
            open.truncate(opener);
        }
    }
    // `let {` needs no `in`.
    open.retain(|&token| {
        let next = table.next_significant(token + 1);
        table.kind(token) != TokenKind::Let
            || next >= table.len()
            || table.kind(next) != TokenKind::BraceOpen
    });
    open
}

fn at_end(table: &TokenTable<'_>, open: &[TokenIdx]) -> Option<Hint> {
    let &innermost = open.last()?;
    match table.kind(innermost) {
        TokenKind::StringOpen => help_at(
            "add the closing '\"'; a quote that is missing further up turns all later strings inside out",
            innermost,
            "this string is never closed",
        ),
        TokenKind::IndentOpen => help_at(
            "add the closing two single quotes",
            innermost,
            "this string is never closed",
        ),
        TokenKind::Let => help_at(
            "the bindings of a 'let' are followed by 'in' and an expression",
            innermost,
            "this 'let' has no 'in'",
        ),
        TokenKind::If => help_at(
            "'if' is an expression and always needs 'then' and 'else'",
            innermost,
            "this 'if' has no 'else'",
        ),
        TokenKind::ParenOpen => help_at("add a ')'", innermost, "this '(' is never closed"),
        TokenKind::BracketOpen => help_at("add a ']'", innermost, "this '[' is never closed"),
        TokenKind::InterpolationOpen => {
            help_at("add a '}'", innermost, "this '${' is never closed")
        }
        _ => help_at("add a '}'", innermost, "this '{' is never closed"),
    }
}

fn unclosed_comment(table: &TokenTable<'_>, token: TokenIdx, found: TokenKind) -> Option<Hint> {
    let slash = match found {
        TokenKind::Slash => token,
        TokenKind::Star => token.checked_sub(1)?,
        _ => return None,
    };
    let is = |token, kind| token < table.len() && table.kind(token) == kind;
    (is(slash, TokenKind::Slash) && is(slash + 1, TokenKind::Star)).then_some(())?;
    help_at(
        "add the closing '*/'",
        slash,
        "this comment is never closed",
    )
}

fn strange_byte(table: &TokenTable<'_>, token: TokenIdx, found: TokenKind) -> Option<Hint> {
    if found != TokenKind::Error {
        return None;
    }
    match String::from_utf8_lossy(table.text(token)).chars().next()? {
        '\'' => help("strings stand between double quotes, or between two single quotes each"),
        '\u{2018}'..='\u{201f}' => help("this is a typographic quote; strings need '\"'"),
        '%' => help(
            "there is no remainder operator; write 'a - b * (a / b)' or use a library function",
        ),
        '&' => help("'and' is written '&&'"),
        '|' => help("'or' is written '||'"),
        '^' => help("there is no power operator"),
        '$' => help("outside strings and paths a variable is written without '$'"),
        '~' => help("a path in the home directory is written '~/name'"),
        '`' => help("there are no backquoted strings; use '\"'"),
        '\\' => help("a function is written 'argument: body'"),
        '\u{a0}' | '\u{200b}' | '\u{feff}' => help("this is an invisible character; delete it"),
        _ => None,
    }
}

fn assignment(
    table: &TokenTable<'_>,
    token: TokenIdx,
    found: TokenKind,
    expected: &[&'static str],
) -> Option<Hint> {
    if found != TokenKind::Assign {
        return None;
    }
    match expected {
        ["'}'", "','"] => help(
            "a default value in a function's argument is written 'name ? value'; definitions in a set end with ';' rather than ','",
        ),
        ["end of file"] => help("definitions stand between '{' and '}', or between 'let' and 'in'"),
        ["';'"] => {
            let name = path_start(table, token);
            let before = table.previous_significant(name)?;
            if ends_expression(table.kind(before)) {
                help_at(
                    "end each definition with ';'",
                    before,
                    "a ';' may be missing after this",
                )
            } else {
                help("'=' defines; to compare, write '=='")
            }
        }
        _ => help("'=' defines; to compare, write '=='"),
    }
}

/// The first token of the attribute path that ends before `end`.
fn path_start(table: &TokenTable<'_>, end: TokenIdx) -> TokenIdx {
    let mut start = end;
    while let Some(token) = table.previous_significant(start) {
        match table.kind(token) {
            TokenKind::Identifier | TokenKind::Or => start = token,
            TokenKind::StringClose => {
                let mut open = token;
                while open > 0 && table.kind(open) != TokenKind::StringOpen {
                    open -= 1;
                }
                start = open;
            }
            _ => break,
        }
        match table.previous_significant(start) {
            Some(dot) if table.kind(dot) == TokenKind::Dot => start = dot,
            _ => break,
        }
    }
    start
}

/// Whether an expression can end with this token.
fn ends_expression(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Identifier
            | TokenKind::Integer
            | TokenKind::Float
            | TokenKind::SearchPath
            | TokenKind::Uri
            | TokenKind::StringClose
            | TokenKind::IndentClose
            | TokenKind::PathEnd
            | TokenKind::Or
            | TokenKind::BraceClose
            | TokenKind::ParenClose
            | TokenKind::BracketClose
    )
}

/// Commas, colons and semicolons as other languages use them.
fn separator(
    table: &TokenTable<'_>,
    found: TokenKind,
    expected: &[&'static str],
    open: &[TokenIdx],
) -> Option<Hint> {
    let innermost = open.last().map(|&token| table.kind(token));
    match (found, expected, innermost) {
        (TokenKind::Comma, ["';'"], _) => help("definitions in a set end with ';' rather than ','"),
        (TokenKind::Comma, _, Some(TokenKind::BracketOpen)) => {
            help("items of a list are separated by blanks alone")
        }
        (TokenKind::Comma, _, Some(TokenKind::ParenOpen)) => {
            help("arguments follow the function one after the other: 'f a b'")
        }
        (TokenKind::Colon, ["'.'", "'='"], _) => {
            help("attributes are defined with '=' and end with ';': 'name = value;'")
        }
        (TokenKind::Semicolon, _, Some(TokenKind::BracketOpen)) => {
            help("items of a list are separated by blanks alone")
        }
        (TokenKind::Semicolon, ["end of file" | "')'"], _) => {
            help("';' ends a definition, a 'with' or an 'assert'; an expression has none")
        }
        _ => None,
    }
}

fn keyword_as_name(
    table: &TokenTable<'_>,
    token: TokenIdx,
    found: TokenKind,
    expected: &[&'static str],
) -> Option<Hint> {
    let wants_name = expected.contains(&"identifier") || expected == ["'inherit'"];
    if !found.is_keyword() || !wants_name {
        return None;
    }
    let next = table.next_significant(token + 1);
    let names = next < table.len()
        && matches!(
            table.kind(next),
            TokenKind::Assign | TokenKind::Dot | TokenKind::Semicolon
        );
    let keyword = String::from_utf8_lossy(table.text(token));
    (names || expected.contains(&"identifier")).then(|| {
        help(format!(
            "'{keyword}' is a keyword; as a name it needs quotes: '\"{keyword}\"'"
        ))
    })?
}

fn missing_semicolon(
    table: &TokenTable<'_>,
    token: TokenIdx,
    expected: &[&'static str],
) -> Option<Hint> {
    if expected != ["';'"] {
        return None;
    }
    let before = table.previous_significant(token)?;
    help_at(
        "end each definition, 'with' and 'assert' with ';'",
        before,
        "a ';' may be missing after this",
    )
}

fn missing_keyword(
    expected: &[&'static str],
    open: &[TokenIdx],
    table: &TokenTable<'_>,
) -> Option<Hint> {
    let innermost = |kind| {
        open.iter()
            .rev()
            .copied()
            .find(|&it| table.kind(it) == kind)
    };
    if expected.contains(&"'then'") || expected.contains(&"'else'") {
        return help_at(
            "'if' is an expression and always needs 'then' and 'else'",
            innermost(TokenKind::If)?,
            "this 'if'",
        );
    }
    if expected.contains(&"'in'") {
        return help_at(
            "the bindings of a 'let' are followed by 'in' and an expression",
            innermost(TokenKind::Let)?,
            "this 'let' has no 'in'",
        );
    }
    None
}

/// A closing bracket that does not belong to the innermost open one.
fn bracket(
    found: TokenKind,
    expected: &[&'static str],
    open: &[TokenIdx],
    table: &TokenTable<'_>,
) -> Option<Hint> {
    let closers = [
        TokenKind::BraceClose,
        TokenKind::ParenClose,
        TokenKind::BracketClose,
    ];
    if !closers.contains(&found) {
        return None;
    }
    if expected == ["end of file"] {
        return help("no bracket is open here; delete this one, or look for one closed too early");
    }
    let &innermost = open.last()?;
    let (label, own) = match table.kind(innermost) {
        TokenKind::ParenOpen => ("this '(' is still open", TokenKind::ParenClose),
        TokenKind::BracketOpen => ("this '[' is still open", TokenKind::BracketClose),
        TokenKind::BraceOpen => ("this '{' is still open", TokenKind::BraceClose),
        TokenKind::InterpolationOpen => ("this '${' is still open", TokenKind::BraceClose),
        _ => return None,
    };
    (own != found).then(|| {
        help_at(
            format!("close it with {} first", own.description()),
            innermost,
            label,
        )
    })?
}

fn comparison_chain(found: TokenKind) -> Option<Hint> {
    let compares = matches!(
        found,
        TokenKind::EqualEqual
            | TokenKind::NotEqual
            | TokenKind::Less
            | TokenKind::LessEqual
            | TokenKind::Greater
            | TokenKind::GreaterEqual
    );
    compares
        .then(|| help("comparisons do not chain; use parentheses, or '&&' between two of them"))?
}

#[cfg(test)]
mod tests {
    use firn_source::{FileId, Severity};

    use crate::{NullSink, ParseOptions, lex, parse};

    /// The help for a text, and the token and words of the explaining label.
    fn check(text: &str, expected_help: &str, expected_label: &str) {
        let table = lex(text.as_bytes());
        let parsed = parse(&table, &mut NullSink, &ParseOptions::default());
        let error = parsed.errors.first().expect("it is wrong");
        let diagnostic = error.diagnostic(Severity::Error, &table, FileId(0), &|_| String::new());
        assert!(
            diagnostic
                .help
                .as_deref()
                .unwrap_or_default()
                .contains(expected_help),
            "{text}: {diagnostic:?}"
        );
        let label = diagnostic.labels.get(1).map_or(String::new(), |label| {
            let place = &text[label.span.start as usize..label.span.end as usize];
            format!("{place}: {}", label.text)
        });
        assert_eq!(label, expected_label, "{text}");
    }

    #[test]
    fn sees_a_missing_semicolon() {
        let label = "1: a ';' may be missing after this";
        check("{ a = 1\n  b = 2; }", "end each definition", label);
        check("{ a = 1 }", "end each definition", label);
        check("{ a = 1\n  \"b\".c = 2; }", "end each definition", label);
        check("with 1 ]", "with ';'", label);
    }

    #[test]
    fn sees_an_assignment_for_a_comparison() {
        check("if a = b then c else d", "to compare, write '=='", "");
        check("assert a = b; c", "to compare, write '=='", "");
        check("a = 1", "between '{' and '}'", "");
        check("{ a, b = 1 }: a", "name ? value", "");
    }

    #[test]
    fn sees_what_is_never_closed() {
        check(
            "{ a = \"b; }",
            "closing '\"'",
            "\": this string is never closed",
        );
        check(
            "{ a = ''b; }",
            "two single quotes",
            "'': this string is never closed",
        );
        check("f (a b", "add a ')'", "(: this '(' is never closed");
        check("[ a { b = 1; }", "add a ']'", "[: this '[' is never closed");
        check(
            "{ a = { b = 1; };",
            "add a '}'",
            "{: this '{' is never closed",
        );
        check(
            "1 + /* x",
            "closing '*/'",
            "/: this comment is never closed",
        );
        check(
            "let a = 1;",
            "followed by 'in'",
            "let: this 'let' has no 'in'",
        );
        check("if a then b", "always needs", "if: this 'if' has no 'else'");
        check(
            "(a ]",
            "close it with ')' first",
            "(: this '(' is still open",
        );
        check("a )", "no bracket is open", "");
    }

    #[test]
    fn sees_habits_from_other_languages() {
        check("[ 1, 2 ]", "separated by blanks", "");
        check("[ 1; 2 ]", "separated by blanks", "");
        check("f (a, b)", "'f a b'", "");
        check("{ a = 1, b = 2 }", "';' rather than ','", "");
        check("{ \"a\": 1 }", "'name = value;'", "");
        check("1;", "an expression has none", "");
        check("'a'", "double quotes", "");
        check("a % b", "remainder", "");
        check("a & b", "'&&'", "");
        check("\u{201c}a\u{201d}", "typographic", "");
        check("a < b < c", "do not chain", "");
        check("{ a.if = 1; }", "'if' is a keyword", "");
        check("{ in = 1; }", "'in' is a keyword", "");
        check("if a then b; else c", "always needs", "if: this 'if'");
    }
}
