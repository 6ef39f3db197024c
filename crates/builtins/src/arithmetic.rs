//! Numbers: arithmetic as functions, rounding, bits, and the order of values.

use firn_eval::{Builtin, Ctx, ErrorKind, Fail, Kind, Res, Val};

pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin::new(
        "__add",
        &["e1", "e2"],
        "The sum of the numbers *e1* and *e2*.",
        add,
    )
    .strict(3),
    Builtin::new(
        "__sub",
        &["e1", "e2"],
        "The difference of the numbers *e1* and *e2*.",
        sub,
    )
    .strict(3),
    Builtin::new(
        "__mul",
        &["e1", "e2"],
        "The product of the numbers *e1* and *e2*.",
        mul,
    )
    .strict(3),
    Builtin::new(
        "__div",
        &["e1", "e2"],
        "The quotient of the numbers *e1* and *e2*; that of two integers is cut off towards zero.",
        div,
    )
    .strict(3),
    Builtin::new(
        "__lessThan",
        &["e1", "e2"],
        "Whether *e1* comes before *e2* in the order of `<`: numbers by value, strings and paths \
         by bytes, lists element by element.",
        less_than,
    )
    .strict(3),
    Builtin::new(
        "__bitAnd",
        &["e1", "e2"],
        "The bitwise *and* of the integers *e1* and *e2*.",
        bit_and,
    )
    .strict(3),
    Builtin::new(
        "__bitOr",
        &["e1", "e2"],
        "The bitwise *or* of the integers *e1* and *e2*.",
        bit_or,
    )
    .strict(3),
    Builtin::new(
        "__bitXor",
        &["e1", "e2"],
        "The bitwise *exclusive or* of the integers *e1* and *e2*.",
        bit_xor,
    )
    .strict(3),
    Builtin::new(
        "__ceil",
        &["number"],
        "The smallest integer that is not less than *number*.",
        ceil,
    )
    .strict(1),
    Builtin::new(
        "__floor",
        &["number"],
        "The largest integer that is not greater than *number*.",
        floor,
    )
    .strict(1),
];

/// What the parts of an operation are called in traces.
struct Operation {
    first: &'static str,
    second: &'static str,
    verb: &'static str,
    sign: char,
}

fn operate<'h>(
    ctx: &mut Ctx<'h>,
    args: &[Val<'h>],
    operation: &Operation,
    ints: fn(i64, i64) -> Option<i64>,
    floats: fn(f64, f64) -> f64,
) -> Res<'h> {
    let left = ctx.force(args[0])?;
    let right = ctx.force(args[1])?;
    if left.kind() == Kind::Float || right.kind() == Kind::Float {
        let left = ctx.float(left, operation.first)?;
        let right = ctx.float(right, operation.second)?;
        return Ok(ctx.new_float(floats(left, right)));
    }
    let left = ctx.int(left, operation.first)?;
    let right = ctx.int(right, operation.second)?;
    match ints(left, right) {
        Some(result) => Ok(ctx.new_int(result)),
        None => Err(overflow(ctx, operation, left, right)),
    }
}

#[cold]
fn overflow(ctx: &mut Ctx<'_>, operation: &Operation, left: i64, right: i64) -> Fail {
    let Operation { verb, sign, .. } = operation;
    ctx.error(
        ErrorKind::Eval,
        format!("integer overflow in {verb} {left} {sign} {right}"),
    )
}

fn add<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    const OPERATION: Operation = Operation {
        first: "while evaluating the first argument of the addition",
        second: "while evaluating the second argument of the addition",
        verb: "adding",
        sign: '+',
    };
    operate(ctx, args, &OPERATION, i64::checked_add, |a, b| a + b)
}

fn sub<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    const OPERATION: Operation = Operation {
        first: "while evaluating the first argument of the subtraction",
        second: "while evaluating the second argument of the subtraction",
        verb: "subtracting",
        sign: '-',
    };
    operate(ctx, args, &OPERATION, i64::checked_sub, |a, b| a - b)
}

fn mul<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    const FLOATS: Operation = Operation {
        first: "while evaluating the first of the multiplication",
        second: "while evaluating the second argument of the multiplication",
        verb: "multiplying",
        sign: '*',
    };
    const INTS: Operation = Operation {
        first: "while evaluating the first argument of the multiplication",
        ..FLOATS
    };
    let left = ctx.force(args[0])?;
    let right = ctx.force(args[1])?;
    // The reference words the two cases differently.
    let is_float = left.kind() == Kind::Float || right.kind() == Kind::Float;
    let operation = if is_float { &FLOATS } else { &INTS };
    operate(ctx, args, operation, i64::checked_mul, |a, b| a * b)
}

fn div<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    const OPERATION: Operation = Operation {
        first: "while evaluating the first operand of the division",
        second: "while evaluating the second operand of the division",
        verb: "dividing",
        sign: '/',
    };
    ctx.force(args[0])?;
    let right = ctx.force(args[1])?;
    if ctx.float(right, OPERATION.second)? == 0.0 {
        return Err(ctx.error(ErrorKind::Eval, "division by zero"));
    }
    operate(ctx, args, &OPERATION, i64::checked_div, |a, b| a / b)
}

fn less_than<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let left = ctx.force(args[0])?;
    let right = ctx.force(args[1])?;
    Ok(Val::bool(ctx.less_than(left, right)?))
}

fn bit_and<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let left = ctx.int(
        args[0],
        "while evaluating the first argument passed to builtins.bitAnd",
    )?;
    let right = ctx.int(
        args[1],
        "while evaluating the second argument passed to builtins.bitAnd",
    )?;
    Ok(ctx.new_int(left & right))
}

fn bit_or<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let left = ctx.int(
        args[0],
        "while evaluating the first argument passed to builtins.bitOr",
    )?;
    let right = ctx.int(
        args[1],
        "while evaluating the second argument passed to builtins.bitOr",
    )?;
    Ok(ctx.new_int(left | right))
}

fn bit_xor<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let left = ctx.int(
        args[0],
        "while evaluating the first argument passed to builtins.bitXor",
    )?;
    let right = ctx.int(
        args[1],
        "while evaluating the second argument passed to builtins.bitXor",
    )?;
    Ok(ctx.new_int(left ^ right))
}

fn ceil<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let text = "while evaluating the first argument passed to builtins.ceil";
    round(ctx, args[0], f64::ceil, text)
}

fn floor<'h>(ctx: &mut Ctx<'h>, args: &[Val<'h>]) -> Res<'h> {
    let text = "while evaluating the first argument passed to builtins.floor";
    round(ctx, args[0], f64::floor, text)
}

/// The reference rounds integers by way of floats and refuses those that do not survive it.
fn round<'h>(
    ctx: &mut Ctx<'h>,
    arg: Val<'h>,
    rounded: fn(f64) -> f64,
    text: &'static str,
) -> Res<'h> {
    const BUG: &str = "Due to a bug (see https://github.com/NixOS/nix/issues/12899)";
    const FUTURE: &str = "Future Nix versions might implement the correct behavior.";
    // -2^63 and 2^63 are floats exactly.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    let result = rounded(ctx.float(arg, text)?);
    let value = ctx.force(arg)?;
    let fits = (-LIMIT..LIMIT).contains(&result);
    let message = match value.as_int() {
        Some(int) if !fits => format!(
            "{BUG} the NixInt argument {int} caused undefined behavior in previous Nix \
             versions.\n\t{FUTURE}"
        ),
        Some(int) if result as i64 != int => format!(
            "{BUG} a loss of precision occurred in previous Nix versions because the NixInt \
             argument {int} was rounded to {}.\n\t{FUTURE}",
            result as i64
        ),
        None if !fits => format!(
            "NixFloat argument {} is not in the range of NixInt",
            firn_eval::float_with_six_digits(value.as_float().unwrap_or_default())
        ),
        _ => return Ok(ctx.new_int(result as i64)),
    };
    Err(ctx.error(ErrorKind::Eval, message))
}
