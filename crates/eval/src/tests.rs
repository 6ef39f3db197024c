//! Small programs against a host without a world.

use std::sync::Arc;

use firn_source::SourcePath;

use crate::{
    Builtin, ContextElement, Ctx, ErrorKind, EvalOptions, FileType, Heap, Host, HostError, Message,
    Registry, Res, SearchPathEntry, Val, on_large_stack,
};

/// A host with two files and nothing else.
struct Nowhere;

impl Host for Nowhere {
    fn read_file(&self, path: &SourcePath) -> Result<Arc<[u8]>, HostError> {
        match path.path.as_bytes() {
            b"/a.nix" => Ok(b"{ x = 1; y = ./b; }".as_slice().into()),
            b"/dir/default.nix" => Ok(b"x: x + y".as_slice().into()),
            _ => Err(HostError::new(format!(
                "path '{}' does not exist",
                path.path
            ))),
        }
    }
    fn file_type(&self, path: &SourcePath) -> Result<Option<FileType>, HostError> {
        Ok(match path.path.as_bytes() {
            b"/dir" => Some(FileType::Directory),
            b"/a.nix" | b"/dir/default.nix" => Some(FileType::Regular),
            _ => None,
        })
    }
    fn read_dir(&self, _: &SourcePath) -> Result<Vec<(Vec<u8>, Option<FileType>)>, HostError> {
        Ok(Vec::new())
    }
    fn read_link(&self, path: &SourcePath) -> Result<Vec<u8>, HostError> {
        Err(HostError::new(format!("'{}' is no link", path.path)))
    }
    fn resolve_symlinks(&self, path: &SourcePath, _: bool) -> Result<SourcePath, HostError> {
        Ok(path.clone())
    }
    fn check_access(&self, _: &SourcePath) -> Result<(), HostError> {
        Ok(())
    }
    fn display_path(&self, path: &SourcePath) -> Vec<u8> {
        path.path.as_bytes().to_vec()
    }
    fn env_var(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
    fn home_dir(&self) -> Result<Vec<u8>, HostError> {
        Ok(b"/home/u".to_vec())
    }
    fn current_time(&self) -> i64 {
        0
    }
    fn current_system(&self) -> Vec<u8> {
        b"x86_64-linux".to_vec()
    }
    fn store_dir(&self) -> Vec<u8> {
        b"/store".to_vec()
    }
    fn search_path(&self) -> Vec<SearchPathEntry> {
        Vec::new()
    }
    fn find_file(&self, _: &[SearchPathEntry], _: &[u8]) -> Result<Option<SourcePath>, HostError> {
        Ok(None)
    }
    fn path_to_store(&self, path: &SourcePath) -> Result<Vec<u8>, HostError> {
        Ok([b"/store/h-", path.path.file_name().unwrap_or_default()].concat())
    }
    fn realise_context(&self, _: &[ContextElement]) -> Result<Vec<(Vec<u8>, Vec<u8>)>, HostError> {
        Ok(Vec::new())
    }
    fn emit(&self, _: Message) {}
}

fn throw<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let message = ctx.str(
        args[0],
        "while evaluating the error message passed to builtins.throw",
    )?;
    let message = String::from_utf8_lossy(message.bytes()).into_owned();
    Err(ctx.error(ErrorKind::Thrown, message))
}

fn import<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let path = ctx.realise_path(args[0], "while importing")?;
    ctx.eval_file(&path)
}

fn scoped_import<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let scope = ctx.attrs(args[0], "")?;
    let path = ctx.realise_path(args[1], "while importing")?;
    ctx.eval_file_in(&path, scope)
}

fn length<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let text = "while evaluating the first argument passed to builtins.length";
    let n = ctx.list(args[0], text)?.len();
    Ok(ctx.new_int(n as i64))
}

fn map<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let text = "while evaluating the second argument passed to builtins.map";
    let items: Vec<Val<'h>> = ctx
        .list(args[1], text)?
        .iter()
        .map(|&item| ctx.lazy_apply(args[0], &[item]))
        .collect();
    Ok(ctx.new_list(&items))
}

fn seq<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    ctx.force(args[0])?;
    Ok(args[1])
}

#[expect(clippy::unnecessary_wraps, reason = "builtins have one signature")]
fn version<'h>(ctx: &mut Ctx<'h>, _: &[Val<'h>]) -> Res<'h> {
    Ok(ctx.new_int(6))
}

const BUILTINS: [Builtin; 11] = [
    Builtin::new("throw", &["s"], "", throw),
    Builtin::new("import", &["path"], "", import),
    Builtin::new("scopedImport", &["scope", "path"], "", scoped_import),
    Builtin::new("__length", &["list"], "", length).strict(1),
    Builtin::new("map", &["f", "list"], "", map).strict(2),
    Builtin::new("__seq", &["a", "b"], "", seq),
    Builtin::new("__langVersion", &[], "", version),
    Builtin::new("__sub", &["a", "b"], "", |ctx, args| {
        ctx.subtract(args[0], args[1])
    }),
    Builtin::new("__div", &["a", "b"], "", |ctx, args| {
        ctx.divide(args[0], args[1])
    }),
    Builtin::new("__mul", &["a", "b"], "", |ctx, args| {
        ctx.multiply(args[0], args[1])
    }),
    Builtin::new("__lessThan", &["a", "b"], "", |ctx, args| {
        let (a, b) = (ctx.force(args[0])?, ctx.force(args[1])?);
        ctx.less_than(a, b).map(|less| ctx.new_bool(less))
    }),
];

/// Runs a program, and runs it once more with the heap collected all the time: both must agree.
fn run<R: Send>(
    text: &str,
    work: impl FnOnce(&mut Ctx<'_>, Result<(), String>, &[u8]) -> R + Send,
) -> R {
    let outcome = |_: &mut Ctx<'_>, result: Result<(), String>, out: &[u8]| (result, out.to_vec());
    let collected = EvalOptions {
        collect_every: Some(499),
        ..EvalOptions::default()
    };
    // What is large is large in parsing.
    let collected = (text.len() < 10_000).then(|| run_with(text, collected, outcome));
    run_with(text, EvalOptions::default(), |ctx, result, out| {
        if let Some(collected) = collected {
            assert_eq!((result.clone(), out.to_vec()), collected, "{text}");
        }
        work(ctx, result, out)
    })
}

fn run_with<R: Send>(
    text: &str,
    options: EvalOptions,
    work: impl FnOnce(&mut Ctx<'_>, Result<(), String>, &[u8]) -> R + Send,
) -> R {
    on_large_stack(|| {
        let heap = Heap::new();
        let registry = Registry::new().with(&BUILTINS);
        let mut ctx = Ctx::new(&heap, Arc::new(Nowhere), &registry, options);
        let mut out = Vec::new();
        let result = ctx
            .eval_str(text.as_bytes(), &SourcePath::host(b"/"))
            .and_then(|value| ctx.force_deep(value))
            .and_then(|value| ctx.print_plain(value, &mut out));
        let result = result.map_err(|fail| {
            let error = ctx.take_error(fail);
            let mut text = error.message.clone();
            for frame in &error.frames {
                text.push('\n');
                text.push_str(&frame.text);
                if let Some(place) = frame.place {
                    text.push_str(" at ");
                    text.push_str(&ctx.place_text(place));
                }
            }
            text
        });
        work(&mut ctx, result, &out)
    })
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let (result, out) = run(text, |_, result, out| {
        (result, String::from_utf8_lossy(out).into_owned())
    });
    assert_eq!(result, Ok(()), "{text}");
    assert_eq!(out, expected, "{text}");
}

#[track_caller]
fn check_error(text: &str, expected: &str) {
    let result = run(text, |_, result, _| result);
    let error = result.expect_err(text);
    assert!(error.starts_with(expected), "{text}: {error}");
}

#[test]
fn arithmetic_and_comparison() {
    check("1 + 2 * 3 - -4", "11");
    check(
        "[ (1 < 2) (1.5 <= 1) (\"a\" < \"b\") ([ 1 2 ] < [ 1 3 ]) (1 >= 1) ]",
        "[ true false true true true ]",
    );
    check("9223372036854775807 - 1", "9223372036854775806");
    check("1 + 0.5", "1.5");
    check("[ (7 / 2) (7.0 / 2) ]", "[ 3 3.5 ]");
    check_error(
        "9223372036854775807 + 1",
        "integer overflow in adding 9223372036854775807 + 1",
    );
    check_error("1 + \"a\"", "cannot add a string to an integer");
}

#[test]
fn names_functions_and_laziness() {
    check("let a = b; b = 1; in a", "1");
    check("(x: y: z: x + z) 1 (throw \"no\") 3", "4");
    check(
        "let f = x: y: x + y; g = f 1; in [ (g 1) (g 2) ]",
        "[ 2 3 ]",
    );
    check(
        "let f = { a, b ? a + 1, ... }@args: a + b + args.c; in f { a = 1; c = 10; }",
        "13",
    );
    check("({ a ? b, b ? 2 }: a) { }", "2");
    check(
        "let inherit (rec { a = 1; b = a + 1; }) a b; in [ a b ]",
        "[ 1 2 ]",
    );
    check("with { a = 1; }; with { b = a + 1; }; [ a b ]", "[ 1 2 ]");
    check("let a = 1; in with { a = 2; }; a", "1");
    check(
        "let x = { __functor = self: y: self.z + y; z = 1; }; in x 2",
        "3",
    );
    check(
        "let f = n: if n == 0 then 0 else 1 + f (n - 1); in f 5000",
        "5000",
    );
    check(
        "let a1=1;a2=2;a3=3;a4=4;a5=5;a6=6;a7=7;a8=8;a9=9;b1=a9;b2=b1;b3=b2;b4=b3+a1; in b4",
        "10",
    );
    check_error(
        "let f = n: f (n + 1); in f 0",
        "stack overflow; max-call-depth exceeded",
    );
    check_error("let x = x; in x", "infinite recursion encountered");
    check_error(
        "({ a }: a) { }",
        "function 'anonymous lambda' called without required argument 'a'",
    );
    check_error(
        "({ a }: a) { a = 1; b = 2; }",
        "function 'anonymous lambda' called with unexpected argument 'b'",
    );
    check_error(
        "1 2",
        "attempt to call something which is not a function but an integer: 1",
    );
}

#[test]
fn sets() {
    check(
        "{ b = 1; a.x = 2; a.y = 3; }",
        "{ a = { x = 2; y = 3; }; b = 1; }",
    );
    check("{ a = 1; } // { b = 2; a = 3; }", "{ a = 3; b = 2; }");
    check(
        "rec { a = 1; b = a + c; c = 2; \"${\"d\" + \"e\"}\" = b; }",
        "{ a = 1; b = 3; c = 2; de = 3; }",
    );
    check("({ a.b = 1; }) ? a.b", "true");
    check("{ a.b = 1; }.a.c or 5", "5");
    check(
        "(rec { a = 1; b = a; __overrides = { a = 2; c = 3; }; }).b",
        "2",
    );
    check("let { body = x; x = 7; }", "7");
    check("{ ${null} = 1; }", "{ }");
    check("(import /a.nix).x", "1");
    check("scopedImport { y = 5; } /dir 1", "6");
    check_error("{ a = 1; }.b", "attribute 'b' missing");
    check_error("(1).b or (throw \"x\") + {}.a", "x");
    check_error(
        "let a = \"x\"; in { x = 1; ${a} = 2; }",
        "dynamic attribute 'x' already defined at «string»:1:19",
    );
}

#[test]
fn strings_and_paths() {
    check("\"a${\"b\"}c\" + \"d\"", "\"abcd\"");
    check("/a + \"/../b\"", "/b");
    check("./x/${\"y\"}/z", "/x/y/z");
    check("\"${./x}\"", "\"/store/h-x\"");
    check(
        "\"${{ outPath = \"o\"; }}${{ __toString = self: \"s\"; }}\"",
        "\"os\"",
    );
    check("~/f", "/home/u/f");
    check_error("\"${1}\"", "cannot coerce an integer to a string: 1");
    check_error(
        "/a + \"${./x}\"",
        "a string that refers to a store path cannot be appended to a path",
    );
}

#[test]
fn equality() {
    check(
        "let f = x: x; in [ (f == f) ([ f ] == [ f ]) ({ a = f; } == { a = f; }) ]",
        "[ false true true ]",
    );
    check(
        "[ (1 == 1.0) ({ a = [ 1 ]; } == { a = [ 1 ]; }) (null == false) ]",
        "[ true true false ]",
    );
    check_error(
        "assert { a = 1; } == { a = 2; }; 1",
        "an integer with value '1' is not equal to an integer with value '2'",
    );
    check_error(
        "assert 1 == 1 -> false; 1",
        "assertion '((1 == 1) -> false)' failed",
    );
}

#[test]
fn builtins_and_traces() {
    check("map (x: x * 2) [ 1 2 ]", "[ 2 4 ]");
    check("builtins.length (map (x: throw \"no\") [ 1 2 ])", "2");
    check("builtins.langVersion", "6");
    check("builtins.builtins.length [ ]", "0");
    check(
        "[ map (map 1) builtins.length (x: x) ]",
        "[ <PRIMOP> <PRIMOP-APP> <PRIMOP> <LAMBDA> ]",
    );
    check_error(
        "builtins.length (throw \"x\")",
        "x\nwhile calling the 'throw' builtin at «string»:1:18\n\
         while calling the 'length' builtin at «string»:1:1",
    );
    check_error(
        "let f = x: throw \"oops\"; in { a.b = f 1; }.a.b",
        "oops\nwhile calling the 'throw' builtin at «string»:1:12\n\
         while calling 'f' at «string»:1:9\nfrom call site at «string»:1:37\n\
         while evaluating the attribute 'a.b' at «string»:1:31",
    );
}

#[test]
fn a_failure_is_remembered_without_what_was_added_later() {
    check_error(
        "let f = x: builtins.length x; a = throw \"x\"; in f a",
        "x\nwhile calling the 'throw' builtin at «string»:1:35",
    );
}

#[test]
fn printing() {
    check("let l = [ l ]; in 1", "1");
    check(
        "{ f = x: x; s = \"a\\n\\${\"; n = null; \"a b\" = 1.25; }",
        "{ \"a b\" = 1.25; f = <LAMBDA>; n = null; s = \"a\\n\\${\"; }",
    );
    check("let x = { y = x; }; in x", "{ y = «repeated»; }");
}

#[test]
fn deep_values_are_safe() {
    let nested = format!("{}1{}", "[".repeat(200_000), "]".repeat(200_000));
    check(&format!("builtins.length {nested}"), "1");
    check(
        "let f = n: acc: if n == 0 then acc else f (n - 1) (acc + 1 + 0 * acc); in f 9000 0",
        "9000",
    );
    check_error(&nested, "stack overflow");
}

#[test]
fn a_delayed_text_is_evaluated_when_it_is_needed() {
    on_large_stack(|| {
        let heap = Heap::new();
        let registry = Registry::new().with(&BUILTINS);
        let mut ctx = Ctx::new(&heap, Arc::new(Nowhere), &registry, EvalOptions::default());
        let here = SourcePath::host(b"/");
        let mut scope = crate::Scope::new();
        scope.add(crate::Symbol::intern(b"n"), ctx.new_int(20));
        let mut delay = |text: &[u8]| {
            let file = ctx.add_source(firn_source::FileOrigin::String, text.into());
            let thunk = ctx.delay_source(file, &here, &scope);
            thunk.and_then(|it| ctx.force(it)).map(Val::as_int)
        };
        assert!(matches!(delay(b"n + 1"), Ok(Some(21))));
        assert!(delay(b"throw \"x\"").is_err());
        let file = ctx.add_source(
            firn_source::FileOrigin::String,
            b"a = n; b = throw \"x\";"[..].into(),
        );
        let set = ctx
            .eval_bindings(file, &here, &scope)
            .ok()
            .and_then(Val::as_set);
        let a = set.and_then(|it| it.get(crate::Symbol::intern(b"a")));
        assert!(a.is_some_and(|it| ctx.force(it).is_ok_and(|it| it.as_int() == Some(20))));
    });
}

#[test]
fn a_long_evaluation_needs_little_memory() {
    // Half a million calls, each with a list of ten elements that nobody keeps.
    let text = "let inner = n: if [ n 1 2 3 4 5 6 7 8 9 ] == [ ] then 1 \
                  else if n == 0 then 0 else inner (n - 1); \
                outer = n: if n == 0 then 0 else if inner 5000 == 0 then outer (n - 1) else 1; \
                in outer 100";
    let options = EvalOptions {
        collect_from: 4 << 20,
        ..EvalOptions::default()
    };
    let bytes = run_with(text, options, |ctx, result, out| {
        assert_eq!((result, out), (Ok(()), &b"0"[..]));
        ctx.heap().reserved_bytes()
    });
    assert!(
        bytes < 16 << 20 || cfg!(not(target_os = "linux")),
        "{bytes}"
    );
}
