//! Parsing, showing and lowering of small texts.

use firn_parser::{ParseOptions, TokenTable, lex, parse};
use firn_symbol::Symbol;

use crate::{Ast, AstId, AstSink, Code, Globals, NameError, Op, StoredCode, lower};

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

/// What a code consists of, in words.
fn parts(code: &Code) -> String {
    let Code {
        nodes,
        extra,
        consts,
        bytes,
        symbols,
        units,
        lambdas,
        formals,
        n_caches,
        n_sites,
        root,
        is_set,
    } = code;
    format!(
        "{nodes:?} {extra:?} {consts:?} {bytes:?} {symbols:?} {units:?} {lambdas:?} {formals:?} \
         {n_caches} {n_sites} {root} {is_set}"
    )
}

/// The same of its written form.
fn stored_parts(bytes: &[u8]) -> Option<String> {
    let code = StoredCode::read(bytes)?;
    Some(parts(&Code {
        nodes: code.nodes.to_vec(),
        extra: code.extra.to_vec(),
        consts: code.consts().collect(),
        bytes: code.bytes.to_vec(),
        symbols: code.symbols().collect(),
        units: code.units.to_vec(),
        lambdas: code.lambdas.to_vec(),
        formals: code.formals.to_vec(),
        n_caches: code.n_caches,
        n_sites: code.n_sites,
        root: code.root,
        is_set: code.is_set,
    }))
}

const TEXTS: [&str; 8] = [
    "let a = 1; b = a + 2.5; in { inherit a; c = \"x${toString b}\"; \"q r\" = [ ./p /abs ~/h [ ] { } ]; }",
    "{ lib, config ? { }, ... }@args: with lib; rec { x = args.y or config; z = x: y: { w }: f x (y // w) ++ [ z ]; }",
    "x: assert x > 1 -> !(x == 2) || x != 3 && true; if x ? a.${x}.b then x.a.${x}.b else ''\n  t ${x}\n''",
    "let f = { a ? 1, b ? a }: a * b - 3 / a; inherit (f { }) g h; in f: f <nixpkgs> http://a.b/c",
    "{ a.b.c = 1; a.b.d = 2; ${\"k\"} = 9223372036854775807; __overrides = { }; }",
    "let { body = 1; } + (import ./x.nix { inherit (import ./y) z; })",
    "map (x: builtins.add x 1) (builtins.filter (y: y < 3) [ 1 2 { } (a: b: c: d: a) ])",
    "with { }; with { a = 1; }; a // { b = rec { c = __curPos; }; } // { }",
];

#[test]
fn written_code_reads_back_and_damage_is_no_code() {
    let mut globals = Globals::default();
    for name in [
        "__sub",
        "__mul",
        "__div",
        "__lessThan",
        "true",
        "map",
        "toString",
        "import",
        "__findFile",
        "__nixPath",
        "builtins",
        "f",
        "a",
    ] {
        let global = globals.add(None);
        globals.name(Symbol::intern(name.as_bytes()), global);
    }
    let mut state = 4711_u64;
    let mut random = move |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % below
    };
    let mut n_codes = 0;
    for round in 0..4000 {
        let mut text = TEXTS[round % TEXTS.len()].as_bytes().to_vec();
        // The first rounds take the texts as they are; later ones have small accidents.
        for _ in 0..(round / TEXTS.len()).min(3) {
            let at = random(text.len());
            match random(3) {
                0 => drop(text.remove(at)),
                1 => text[at] = TEXTS[0].as_bytes()[random(60)],
                _ => text.insert(at, b" (){};=.\"x1"[random(11)]),
            }
        }
        let table: TokenTable<'_> = lex(&text);
        let mut sink = AstSink::new(&table);
        let parsed = parse(&table, &mut sink, &ParseOptions::default());
        let (ast, errors) = sink.finish();
        let Some(root) = parsed
            .root
            .filter(|_| parsed.errors.is_empty() && errors.is_empty())
        else {
            continue;
        };
        let Ok(code) = lower(&ast, root, &globals, &[], &<[u8]>::to_vec) else {
            continue;
        };
        n_codes += 1;
        let written = code.write().expect("it is small");
        let expected = parts(&code);
        assert_eq!(stored_parts(&written).as_ref(), Some(&expected));
        // Cut short it is no code; with a bit turned it may be another one, but reads safely.
        assert!(StoredCode::read(&written[..random(written.len())]).is_none());
        let mut damaged = written;
        let at = random(damaged.len());
        damaged[at] ^= 1 << random(8);
        drop(stored_parts(&damaged));
    }
    assert!(n_codes > 150, "only {n_codes} texts had code");
}

#[test]
fn fingerprints_tell_globals_apart() {
    let globals = |names: &[&str]| {
        let mut globals = Globals::default();
        for name in names {
            let global = globals.add(None);
            globals.name(Symbol::intern(name.as_bytes()), global);
        }
        globals.fingerprint()
    };
    assert_eq!(globals(&["a", "b"]), globals(&["a", "b"]));
    assert_ne!(globals(&["a", "b"]), globals(&["b", "a"]));
    assert_ne!(globals(&["a"]), globals(&["a", "b"]));
}
