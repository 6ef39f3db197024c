//! Programs evaluated with a debugger: where it stops, what it sees there, and how things go on.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use firn_eval::{
    Ctx, DebugOptions, Debugger, EvalOptions, GoOn, Heap, Host, Registry, Stopped, Symbol,
    name_text, on_large_stack,
};
use firn_source::SourcePath;

use crate::Listener;

/// Notes what it sees and does what it was told to, the last thing again and again.
struct Noting {
    notes: Rc<RefCell<Vec<String>>>,
    orders: Vec<GoOn>,
    /// Names whose values are noted.
    names: &'static [&'static str],
}

impl<'h> Debugger<'h> for Noting {
    fn stopped(&mut self, ctx: &mut Ctx<'h>, why: Stopped<'_>) -> GoOn {
        let why = match why {
            Stopped::Error { error, in_try } => format!("error {} {in_try}", error.message),
            Stopped::Break => "break".to_owned(),
            Stopped::Said => "said".to_owned(),
            Stopped::Step => "step".to_owned(),
        };
        let frames: Vec<String> = ctx.debug_frames().into_iter().map(|it| it.text).collect();
        let scope = ctx.debug_scope(0);
        let values = self.names.iter().map(|name| {
            let value = scope.find(Symbol::intern(name.as_bytes()));
            let Some(value) = value else {
                return format!("no {name}");
            };
            let mut shown = Vec::new();
            let printed = ctx
                .force_deep(value)
                .and_then(|value| ctx.print_plain(value, &mut shown));
            match printed {
                Ok(()) => format!("{name} = {}", String::from_utf8_lossy(&shown)),
                Err(fail) => format!("{name}: {}", ctx.take_error(fail).message),
            }
        });
        let values: Vec<String> = values.collect();
        let note = format!("{why}; {}; {}", values.join(", "), frames.join(" < "));
        self.notes.borrow_mut().push(note);
        if self.orders.len() > 1 {
            self.orders.remove(0)
        } else {
            self.orders[0]
        }
    }
}

/// What a debugger notes, and then how it ends.
fn notes(program: &str, orders: &[GoOn], names: &'static [&'static str]) -> Vec<String> {
    on_large_stack(|| {
        let notes = Rc::new(RefCell::new(Vec::new()));
        let heap = Heap::new();
        let registry = Registry::new().with(firn_builtins::all());
        let options = EvalOptions {
            debug: Some(DebugOptions::default()),
            collect_every: Some(3),
            ..EvalOptions::default()
        };
        let host = Arc::new(Listener::default()) as Arc<dyn Host>;
        let mut ctx = Ctx::new(&heap, host, &registry, options);
        ctx.debug(Box::new(Noting {
            notes: Rc::clone(&notes),
            orders: orders.to_vec(),
            names,
        }));
        let ended = ctx
            .eval_str(program.as_bytes(), &SourcePath::host(b"/"))
            .and_then(|value| {
                let mut out = Vec::new();
                ctx.print_plain(value, &mut out)?;
                Ok(String::from_utf8_lossy(&out).into_owned())
            });
        let ended = ended.unwrap_or_else(|fail| {
            let error = ctx.take_error(fail);
            format!("{:?} {:?}", error.kind, error.exit_status)
        });
        let mut notes = notes.borrow().clone();
        notes.push(ended);
        notes
    })
}

#[test]
fn an_error_shows_where_and_with_which_names() {
    let program =
        "let x.a = 1; f = { c, d ? c }: b: let e = b; in throw \"no\"; in with x; f { c = a; } 5";
    assert_eq!(
        notes(
            program,
            &[GoOn::Freely],
            &["a", "b", "c", "d", "e", "x", "g"]
        ),
        [
            "error no false; no a, b = 5, c = 1, d = 1, e = 5, x = { a = 1; }, no g; \
             no < while calling a function < while evaluating a 'let' expression < \
             while calling 'f' < while calling a function < \
             while evaluating a 'let' expression < while evaluating an expression",
            "Thrown None",
        ]
    );
}

#[test]
fn levels_are_those_of_the_text() {
    struct Levels(Rc<RefCell<Vec<String>>>);
    impl<'h> Debugger<'h> for Levels {
        fn stopped(&mut self, ctx: &mut Ctx<'h>, _: Stopped<'_>) -> GoOn {
            let shown = |names: &[Symbol]| {
                let names: Vec<String> = names.iter().map(|it| name_text(*it)).collect();
                names.join(" ")
            };
            let levels = ctx.debug_levels(0).into_iter();
            self.0.borrow_mut().extend(levels.map(|it| match it.with {
                Some(with) => format!("with {}", shown(&with)),
                None => shown(&it.names),
            }));
            GoOn::Freely
        }
    }
    let found = on_large_stack(|| {
        let found = Rc::new(RefCell::new(Vec::new()));
        let heap = Heap::new();
        let registry = Registry::new().with(firn_builtins::all());
        let options = EvalOptions {
            debug: Some(DebugOptions::default()),
            ..EvalOptions::default()
        };
        let host = Arc::new(Listener::default()) as Arc<dyn Host>;
        let mut ctx = Ctx::new(&heap, host, &registry, options);
        ctx.debug(Box::new(Levels(Rc::clone(&found))));
        let program = b"let s = { m = 1; }; in rec { p = 1; q = a: { b, c ? 2 }: with s; \
            builtins.seq m (builtins.break a); r = q p { b = 3; }; }.r";
        let value = ctx.eval_str(program, &SourcePath::host(b"/"));
        assert!(value.is_ok());
        drop(value);
        found.borrow().clone()
    });
    assert_eq!(found, ["with m", "b c", "a", "p q r", "s"]);
}

#[test]
fn breaks_and_steps() {
    let program = "let f = n: builtins.break (n + 1); in f (f 1)";
    assert_eq!(
        notes(program, &[GoOn::Freely], &["n"]),
        [
            "break; n = 2; breakpoint reached < while calling a function < while calling 'f' < \
             while calling a function < while evaluating a 'let' expression < \
             while evaluating an expression",
            "3",
        ]
    );
    let stepped = notes(program, &[GoOn::OneStep, GoOn::OneStep, GoOn::Freely], &[]);
    let first_words = stepped.iter().map(|it| it.split(';').next().unwrap_or(it));
    assert_eq!(
        first_words.collect::<Vec<_>>(),
        ["break", "step", "step", "break", "3"]
    );
}

#[test]
fn the_end_is_the_end() {
    let caught = "builtins.tryEval (throw \"a\") // builtins.tryEval (throw \"b\")";
    let ended = notes(caught, &[GoOn::End], &[]);
    assert_eq!(ended.len(), 2, "{ended:?}");
    assert!(ended[0].starts_with("error b true"), "{ended:?}");
    assert_eq!(ended[1], "Eval None");
    let ended = notes("builtins.break 1", &[GoOn::End], &[]);
    assert_eq!(ended[1], "Left Some(0)");
    let all = notes(caught, &[GoOn::Freely], &[]);
    assert_eq!(all[2], "{ success = false; value = false; }");
}
