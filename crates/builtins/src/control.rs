//! Errors on purpose, errors caught, order of evaluation, and messages on the way.

use firn_eval::{
    Builtin, Ctx, ErrorKind, EvalError, Fail, Frame, FrameKind, Message, PrintOptions, Res,
    SetBuilder, Val,
};

use crate::strings::{INTERPOLATION, PLAIN};

pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin::new(
        "abort",
        &["s"],
        "Ends evaluation with the error message *s*. Nothing can catch it.",
        abort,
    ),
    Builtin::new(
        "throw",
        &["s"],
        "Fails with the error message *s*. `builtins.tryEval` can catch it, and commands that \
         look at many attributes pass over those that throw.",
        throw,
    ),
    Builtin::new(
        "__tryEval",
        &["e"],
        "Evaluates *e* (not what is inside of it) and returns `{ success = true; value = e; }`, \
         or `{ success = false; value = false; }` if it throws or fails an assertion. Other errors \
         pass.",
        try_eval,
    ),
    Builtin::new(
        "__addErrorContext",
        &["message", "e"],
        "*e*; should its evaluation fail, the trace says *message*.",
        add_error_context,
    )
    .untraced(),
    Builtin::new(
        "__seq",
        &["e1", "e2"],
        "Evaluates *e1* (not what is inside of it), then returns *e2*.",
        seq,
    )
    .strict(1),
    Builtin::new(
        "__deepSeq",
        &["e1", "e2"],
        "Evaluates *e1* with everything in it, then returns *e2*.",
        deep_seq,
    ),
    Builtin::new(
        "__trace",
        &["e1", "e2"],
        "Prints *e1* on standard error, then returns *e2*. Meant for debugging.",
        trace,
    )
    .strict(1),
    Builtin::new(
        "__traceVerbose",
        &["e1", "e2"],
        "Like `trace` if the setting `trace-verbose` is on; otherwise returns *e2* without a look \
         at *e1*.",
        trace_verbose,
    ),
    Builtin::new(
        "__warn",
        &["e1", "e2"],
        "Prints the string *e1* as a warning, then returns *e2*.",
        warn,
    )
    .strict(1),
    Builtin::new(
        "break",
        &["v"],
        "*v*. In debug mode evaluation stops here first and a prompt is shown.",
        break_,
    )
    .untraced(),
];

fn abort<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let (message, _) = ctx.coerce(
        args[0],
        INTERPOLATION,
        "while evaluating the error message passed to builtins.abort",
    )?;
    let message = format!(
        "evaluation aborted with the following error message: '{}'",
        String::from_utf8_lossy(&message)
    );
    Err(ctx.error(ErrorKind::Abort, message))
}

fn throw<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let (message, _) = ctx.coerce(
        args[0],
        INTERPOLATION,
        "while evaluating the error message passed to builtin.throw",
    )?;
    Err(ctx.error(ErrorKind::Thrown, String::from_utf8_lossy(&message)))
}

fn try_eval<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let (success, value) = match ctx.trying(|ctx| ctx.catch(|ctx| ctx.force(args[0]))) {
        Ok(value) => (true, value),
        Err(error) if error.kind.is_catchable() => {
            ctx.remember_trace(&error);
            (false, Val::bool(false))
        }
        Err(error) => return Err(ctx.rethrow(error)),
    };
    let mut attrs = SetBuilder::with_capacity(2);
    attrs.push(ctx.names().success, Val::bool(success));
    attrs.push(ctx.names().value, value);
    Ok(ctx.new_set(attrs))
}

fn add_error_context<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    ctx.catch(|ctx| ctx.force(args[1]))
        .map_err(|error| with_context(ctx, error, args[0]))
}

#[cold]
fn with_context<'h>(ctx: &mut Ctx<'h>, mut error: Box<EvalError>, message: Val<'h>) -> Fail {
    let message = ctx.coerce(
        message,
        PLAIN,
        "while evaluating the error message passed to builtins.addErrorContext",
    );
    match message {
        Ok((message, _)) => {
            error.frames.push(Frame {
                place: None,
                text: String::from_utf8_lossy(&message).into_owned().into(),
                kind: FrameKind::Custom,
            });
            ctx.rethrow(error)
        }
        Err(fail) => fail,
    }
}

fn seq<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    ctx.force(args[0])?;
    Ok(args[1])
}

fn deep_seq<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    ctx.force_deep(args[0])?;
    Ok(args[1])
}

fn trace<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let value = ctx.force(args[0])?;
    let mut shown = Vec::new();
    if let Some(text) = value.as_str() {
        shown.extend_from_slice(text.bytes());
    } else {
        ctx.print(value, PrintOptions::default(), &mut shown)?;
    }
    ctx.emit(Message::Trace(shown))?;
    ctx.stop_at_message(false)?;
    Ok(args[1])
}

fn trace_verbose<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    if ctx.options().trace_verbose {
        trace(ctx, args)
    } else {
        Ok(args[1])
    }
}

fn warn<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let message = ctx.str(
        args[0],
        "while evaluating the first argument; the message passed to builtins.warn",
    )?;
    ctx.emit(Message::Warning(message.bytes().to_vec()))?;
    if ctx.options().abort_on_warn {
        let message = "aborting to reveal stack trace of warning, as abort-on-warn is set";
        return Err(ctx.error(ErrorKind::Eval, message));
    }
    ctx.stop_at_message(true)?;
    Ok(args[1])
}

fn break_<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    ctx.stop_at_break()?;
    Ok(args[0])
}
