//! Programs evaluated by one thread and by several: results, errors and messages are the same.

use std::sync::Arc;
use std::time::Duration;

use firn_eval::{Ctx, EvalOptions, Heap, Host, Registry, on_large_stack};
use firn_source::SourcePath;

use crate::Listener;

/// What is seen of an evaluation.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    result: String,
    messages: Vec<String>,
}

fn run(program: &str, eval_cores: usize, collect_every: Option<u64>) -> Seen {
    let host = Arc::new(Listener::default());
    let result = on_large_stack(|| {
        let heap = Heap::new();
        let registry = Registry::new().with(firn_builtins::all());
        let options = EvalOptions {
            eval_cores,
            collect_every,
            patience: Duration::ZERO,
            ..EvalOptions::default()
        };
        let host = Arc::clone(&host) as Arc<dyn Host>;
        let mut ctx = Ctx::new(&heap, host, &registry, options);
        let shown = ctx.with_helpers(|ctx| {
            let value = ctx.eval_str(program.as_bytes(), &SourcePath::host(b"/"))?;
            let value = ctx.force_deep(value)?;
            let mut out = Vec::new();
            ctx.print_plain(value, &mut out)?;
            Ok(String::from_utf8_lossy(&out).into_owned())
        });
        shown.unwrap_or_else(|fail| {
            let error = ctx.take_error(fail);
            let frames: Vec<_> = error.frames.iter().map(|it| it.text.clone()).collect();
            format!("{:?}: {} {frames:?}", error.kind, error.message)
        })
    });
    let messages = host.0.lock().expect("nobody panics here").clone();
    Seen { result, messages }
}

/// Each with a word that its result contains.
const PROGRAMS: &[(&str, &str, &str)] = &[
    (
        "independent parts",
        "let fib = n: if n < 2 then n else fib (n - 1) + fib (n - 2); in
         builtins.genList (i: { v = fib (11 + i - i); w = [ i { x = fib 7; } ]; }) 60",
        "89",
    ),
    (
        "every part needs the one before it",
        "let xs = builtins.genList (i: if i == 0 then 1 else builtins.elemAt xs (i - 1) + 1) 200; in xs",
        "200",
    ),
    (
        "every part needs the one behind it",
        "let xs = builtins.genList (i: if i == 199 then 1 else builtins.elemAt xs (i + 1) + 1) 200; in xs",
        "[ 200 199",
    ),
    (
        "neighbours need each other's halves",
        "let n = 100; at = builtins.elemAt;
         xs = builtins.genList (i: {
           a = if i == 0 then 1 else (at xs (i - 1)).b + 1;
           b = if i == n - 1 then 1 else (at xs (i + 1)).c;
           c = i * 2; }) n; in xs",
        "199",
    ),
    (
        "a net of shared parts",
        "let at = builtins.elemAt; mod = a: b: a - b * (a / b);
         layer = prev: builtins.genList (i: at prev (mod (i * 7 + 3) 20) + at prev (mod (i * 5 + 1) 20) - i) 20;
         layers = builtins.genList (i: if i == 0 then builtins.genList (x: x) 20 else layer (at layers (i - 1))) 12;
         in { top = at layers 11; all = layers; json = builtins.toJSON layers; }",
        "json",
    ),
    (
        "messages come in order, once each",
        "let t = i: builtins.trace \"part ${toString i}\" (i * i); shared = builtins.trace \"shared\" 7; in
         builtins.genList (i: if builtins.bitAnd i 3 == 0 then t i + shared else i) 50",
        "2311",
    ),
    (
        "messages of calls",
        "builtins.concatMap (i: builtins.trace \"call ${toString i}\" [ i (i + 1) ])
           (builtins.filter (i: builtins.trace \"keep ${toString i}\" (builtins.bitAnd i 1 == 0)) (builtins.genList (x: x) 30))",
        "28 29",
    ),
    (
        "the first failure is met",
        "builtins.genList (i: if i > 20 then throw \"part ${toString i}\" else { x = builtins.toString i; }) 60",
        "part 21",
    ),
    (
        "failures that are caught, some of them shared",
        "let bad = throw \"bad\"; in
         map (i: (builtins.tryEval (if builtins.bitAnd i 1 == 0 then bad else i)).success) (builtins.genList (x: x) 60)",
        "false true",
    ),
    (
        "a failure that is not caught behind ones that are",
        "let bad = throw \"bad\"; xs = builtins.genList (i: if i == 40 then bad else (builtins.tryEval bad).success) 60; in xs",
        "Thrown: bad",
    ),
    (
        "a circle",
        "let xs = builtins.genList (i: if i < 30 then i else builtins.elemAt xs (if i == 59 then 30 else i + 1)) 60; in xs",
        "InfiniteRecursion",
    ),
    (
        "a circle that no part begins in",
        "let a = b + 1; b = c + 1; c = a + 1; in builtins.genList (i: if i < 50 then i else [ c b a ]) 60",
        "InfiniteRecursion",
    ),
    (
        "one file for all",
        "let once = map (i: import /once.nix) (builtins.genList (x: x) 40); in
         map (it: it == builtins.head once && it.fib 5 == 1) once",
        "true",
    ),
    ("a file that imports itself", "builtins.genList (i: import /itself.nix) 20", "InfiniteRecursion"),
    (
        "too deep",
        "let down = n: if n == 0 then 0 else 1 + down (n - 1); in builtins.genList (i: down (i * 400)) 60",
        "max-call-depth",
    ),
    (
        "sets that grow",
        "let step = acc: i: acc // { \"k${toString i}\" = acc.k0 + i; }; in
         map (n: builtins.foldl' step { k0 = n; } (builtins.genList (x: x + 1) 80)) (builtins.genList (x: x) 30)",
        "k80",
    ),
    (
        "texts of lists and sets",
        "let item = i: { outPath = \"/p/${toString i}\"; x = throw \"not needed\"; }; in
         \"${toString (builtins.genList (i: [ (item i) [ i (toString i) ] ]) 60)}\"",
        "/p/59 59 59",
    ),
];

fn check(threads: usize, rounds: usize, collect_every: Option<u64>) {
    for (name, program, part) in PROGRAMS {
        // Deep stacks are looked at whole each time, which takes minutes here.
        if collect_every.is_some() && *name == "too deep" {
            continue;
        }
        let wanted = run(program, 1, None);
        assert!(wanted.result.contains(part), "{name}: {wanted:?}");
        for round in 0..rounds {
            let found = run(program, threads, collect_every);
            assert_eq!(found, wanted, "{name}: {threads} threads, round {round}");
        }
    }
}

#[test]
fn two_threads_see_what_one_does() {
    check(2, 5, None);
}

#[test]
fn eight_threads_see_what_one_does() {
    check(8, 5, None);
}

#[test]
fn collections_change_nothing() {
    check(4, 1, Some(499));
}
