//! Trees, their text, and the verdicts that come with them.

use firn_parser::{NullSink, ParseOptions, lex};
use firn_source::{FileId, Severity};
use proptest::prelude::*;

use crate::ast::{self, AstNode};
use crate::{MAX_DEPTH, NodeKind, SyntaxKind, SyntaxNode, parse};

/// The shape of a tree: nodes by kind, tokens by text, trivia left out.
fn shape(node: &SyntaxNode) -> String {
    let SyntaxKind::Node(kind) = node.kind() else {
        unreachable!("nodes have node kinds");
    };
    let mut out = format!("({kind:?}");
    for child in node.children_with_tokens() {
        match child {
            rowan::NodeOrToken::Node(node) => {
                out.push(' ');
                out.push_str(&shape(&node));
            }
            rowan::NodeOrToken::Token(token) if token.kind().is_trivia() => {}
            rowan::NodeOrToken::Token(token) => {
                out.push(' ');
                out.push_str(token.text());
            }
        }
    }
    out.push(')');
    out
}

fn check(text: &str, expected: &str) {
    let parsed = parse(text.as_bytes(), &ParseOptions::default());
    assert_eq!(parsed.errors(), [], "{text}");
    assert_eq!(parsed.syntax().text().to_string(), text);
    assert_eq!(shape(&parsed.syntax()), format!("(Root {expected})"));
}

fn check_error(text: &str, expected: &str) {
    let parsed = parse(text.as_bytes(), &ParseOptions::default());
    assert_eq!(parsed.syntax().text().to_string(), text);
    let table = lex(text.as_bytes());
    let error = parsed.errors().first().expect("it is wrong");
    let locate = |offset: u32| format!("{offset}");
    let diagnostic = error.diagnostic(Severity::Error, &table, FileId(0), &locate);
    assert_eq!(format!("{}: {}", error.start, diagnostic.message), expected);
}

#[test]
fn makes_trees() {
    check(" # c\n1 /* d */ ", "(Literal 1)");
    check(
        "a.b or c",
        "(Select (Variable a) . (AttrPath (Name b)) or (Variable c))",
    );
    check(
        "{ a.\"b\" = 1; }",
        "(AttrSet { (Binding (AttrPath (Name a) . (String \" b \")) = (Literal 1) ;) })",
    );
    check(
        "x: { y, ... }@z: x",
        "(Lambda x : (Lambda (Pattern { (Formal y) , ... }) @ z : (Variable x)))",
    );
    check(
        "1 + 2 * 3",
        "(Binary (Literal 1) + (Binary (Literal 2) * (Literal 3)))",
    );
    check("./a/${b}", "(Path ./a/ (Interpolation ${ (Variable b) }))");
    check("f x y", "(Apply (Variable f) (Variable x) (Variable y))");
    check(
        "let inherit (a) b; in b",
        "(LetIn let (Inherit inherit ( (Variable a) ) (Name b) ;) in (Variable b))",
    );
}

#[test]
fn finds_names_defined_twice() {
    check_error("{ a = 1; a = 2; }", "9: attribute 'a' already defined at 2");
    check_error(
        "{ a.b = 1; a = { b = 2; }; }",
        "17: attribute 'a.b' already defined at 2",
    );
    check_error(
        "{ a = 1; a.b.c = 2; }",
        "9: attribute 'a' already defined at 2",
    );
    check_error(
        "let a = 1; inherit a; in a",
        "19: attribute 'a' already defined at 4",
    );
    check_error(
        "{ \"x y\" = 1; ${''x y''} = 2; }",
        "13: attribute '\"x y\"' already defined at 2",
    );
    check_error(
        "{ a = 1; a = 2; } )",
        "9: attribute 'a' already defined at 2",
    );
    let merged = parse(
        b"{ a.b = 1; a = { c = 2; }; a.d.e = 3; }",
        &ParseOptions::default(),
    );
    assert_eq!(merged.errors(), []);
}

#[test]
fn keeps_broken_text() {
    check_error("{ a = ; } # c", "6: syntax error, unexpected ';'");
    check_error("", "0: syntax error, unexpected end of file");
    let bad = parse(b"\"\xff\" # \xfe", &ParseOptions::default());
    assert_eq!(bad.syntax().text().to_string(), "\"\u{fffd}\" # \u{fffd}");
    assert_eq!(bad.errors().len(), 1);
}

#[test]
fn bounds_depth() {
    let deep = "(".repeat(3 * MAX_DEPTH) + "1" + &")".repeat(3 * MAX_DEPTH);
    let parsed = parse(deep.as_bytes(), &ParseOptions::default());
    assert_eq!(parsed.errors(), []);
    assert_eq!(parsed.syntax().text().to_string(), deep);
    let errors = parsed
        .syntax()
        .descendants()
        .filter(|node| node.kind() == SyntaxKind::Node(NodeKind::Error));
    assert_eq!(errors.count(), 1);
}

#[test]
fn gives_a_typed_view() {
    let text = b"{ a, b ? 1 }@c: a.b or (f \"x\" d)";
    let parsed = parse(text, &ParseOptions::default());
    let root = ast::Root::cast(parsed.syntax()).expect("the root is a root");
    let Some(ast::Expr::Lambda(lambda)) = root.expr() else {
        panic!("a function");
    };
    let pattern = lambda.pattern().expect("it has a pattern");
    assert_eq!(pattern.formals().count(), 2);
    assert!(pattern.ellipsis().is_none());
    let parameter = lambda.parameter().expect("it has a name");
    assert_eq!(parameter.text(), "c");
    let Some(ast::Expr::Select(select)) = lambda.body() else {
        panic!("a selection");
    };
    let Some(ast::Expr::Paren(paren)) = select.default() else {
        panic!("a parenthesis");
    };
    let Some(ast::Expr::Apply(apply)) = paren.expr() else {
        panic!("a call");
    };
    assert_eq!(apply.arguments().count(), 2);
}

#[test]
fn tells_inherited_names_from_their_source() {
    let parsed = parse(b"{ inherit (\"x\") a \"b\"; }", &ParseOptions::default());
    let inherit = parsed.syntax().descendants().find_map(ast::Inherit::cast);
    let inherit = inherit.expect("there is one");
    assert!(matches!(inherit.from(), Some(ast::Expr::String(_))));
    assert_eq!(inherit.names().count(), 2);
}

/// Text made of pieces that mean something, so that deep parts of the grammar are reached.
fn nixish() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a", "b", "or", "1", "1.5", "if ", "then ", "else ", "let ", "in ", "rec ", "with ",
        "assert ", "inherit ", "{", "}", "(", ")", "[", "]", "\"", "''", "${", "./a", "a/b", "~/",
        "<x>", "a:b", ":", ";", ",", ".", "...", "@", "=", "==", "!", "-", "->", "++", "//", "?",
        "<", "|>", "#c\n", "/*", "*/", " ", "\n", "\\", "'", "$", "\u{e9}", "\0",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn tree_text_is_the_text(text in nixish()) {
        let parsed = parse(text.as_bytes(), &ParseOptions::default());
        prop_assert_eq!(parsed.syntax().text().to_string(), text);
    }

    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let parsed = parse(&bytes, &ParseOptions::default());
        let text = String::from_utf8_lossy(&bytes);
        prop_assert_eq!(parsed.syntax().text().to_string(), text);
    }

    #[test]
    fn sinks_agree_on_the_grammar(text in nixish()) {
        let options = ParseOptions::default();
        let tree = parse(text.as_bytes(), &options);
        let null = firn_parser::parse(&lex(text.as_bytes()), &mut NullSink, &options);
        for error in &null.errors {
            prop_assert!(tree.errors().contains(error));
        }
        prop_assert!(!(null.errors.is_empty() && null.root.is_none()));
    }
}
