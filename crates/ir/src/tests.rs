//! Parsing, showing and lowering of small texts.

use firn_parser::{ParseOptions, TokenTable, lex, parse};
use firn_symbol::Symbol;

use crate::{Ast, AstId, AstSink, Code, Globals, NameError, Op, lower};

fn ast(text: &str) -> (Ast, AstId) {
    let table: TokenTable<'_> = lex(text.as_bytes());
    let mut sink = AstSink::new(&table);
    let parsed = parse(&table, &mut sink, &ParseOptions::default());
    assert!(parsed.errors.is_empty(), "{text}: {:?}", parsed.errors);
    let root = parsed.root.expect("a text without errors has a root");
    let (ast, errors) = sink.finish();
    assert!(errors.is_empty(), "{text}: {errors:?}");
    (ast, root)
}

fn check_show(text: &str, expected: &str) {
    let (ast, root) = ast(text);
    let shown = ast.show(root, &<[u8]>::to_vec);
    assert_eq!(String::from_utf8_lossy(&shown), expected);
}

#[test]
fn shows_the_normal_form() {
    check_show("a.b.c", "(a).b.c");
    check_show("{ a.b = 1; a.c = 2; }", "{ a = { b = 1; c = 2; }; }");
    check_show("f x y", "(f x y)");
    check_show("(f x) y", "(f x y)");
    check_show("1 <= -2", "(! (__lessThan (__sub 0 2) 1))");
    check_show(
        "x: { a ? 1, ... }@b: a + \"x${b}y\"",
        "(x: ({ a ? 1, ... } @ b: (a + (\"x\" + b + \"y\"))))",
    );
    check_show(
        "let inherit a; inherit (x) c b; in ''\n  t\n''",
        "(let inherit a; inherit (x) b c; in \"t\\n\")",
    );
    check_show("let { body = 1; }", "(rec { body = 1; }).body");
    check_show("<nixpkgs/lib>", "(__findFile __nixPath \"nixpkgs/lib\")");
    check_show(
        "if a then b else c.d or e",
        "(if a then b else (c).d or (e))",
    );
    check_show(
        "{ \"a b\" = 1; ${x} = 2; }",
        "{ \"a b\" = 1; \"${x}\" = 2; }",
    );
}

fn lowered(text: &str) -> Result<Code, NameError> {
    let (ast, root) = ast(text);
    let mut globals = Globals::default();
    for name in ["__sub", "__mul", "__lessThan", "true"] {
        let global = globals.add(None);
        globals.name(Symbol::intern(name.as_bytes()), global);
    }
    lower(&ast, root, &globals, &[], &<[u8]>::to_vec)
}

fn root_op(text: &str) -> Op {
    let code = lowered(text).expect("the names are known");
    let entry = code.units[code.root as usize].entry;
    code.nodes[entry as usize].op
}

#[test]
fn undefined_names_are_errors_of_the_text() {
    let error = lowered("{ a = x: nope; }").expect_err("nope is undefined");
    let NameError::Undefined { name, pos, .. } = error;
    assert_eq!((name.as_bytes(), pos.get()), (&b"nope"[..], Some(9)));
    assert!(lowered("s: with s; nope").is_ok());
}

#[test]
fn operators_are_instructions_unless_shadowed() {
    assert_eq!(root_op("1 - 2"), Op::Sub);
    assert_eq!(root_op("(__sub: 1 - 2) 0"), Op::Apply1);
    let code = lowered("__sub: 1 - 2").expect("the names are known");
    assert!(code.nodes.iter().all(|node| node.op != Op::Sub));
}

#[test]
fn plain_parameters_merge() {
    let code = lowered("a: b: c: d: b").expect("the names are known");
    assert_eq!(code.lambdas.len(), 1);
    assert_eq!(code.units[0].arity, 4);
    assert!(code.consts.is_empty());
    let code = lowered("a: { b }: b").expect("the names are known");
    assert_eq!(code.lambdas.len(), 2);
}

#[test]
fn captures_are_taken_once_through_every_unit() {
    let code = lowered("a: { x = { y = a; z = a; q = { w = a; }; }; }").expect("known");
    let captures: Vec<u32> = code.units.iter().map(|unit| unit.n_caps).collect();
    assert_eq!(captures, [1, 1, 0, 0]);
}

#[test]
fn large_groups_share_a_frame() {
    let bindings: Vec<String> = (0..13).map(|idx| format!("v{idx} = v0 v{idx};")).collect();
    let bindings = bindings.concat();
    let code = lowered(&format!("let {bindings} in v12")).expect("known");
    assert!(code.nodes.iter().any(|node| node.op == Op::LocalFrame));
    assert!(code.units.iter().all(|unit| unit.n_caps <= 1));
}
