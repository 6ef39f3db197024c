//! Arithmetic and ordering as instructions.
//!
//! They stand for calls of builtins, so their errors read like errors of those builtins.

use std::cmp::Ordering;

use firn_heap::Kind;
use firn_ir::{Node, Op, Pos};

use super::Env;
use crate::ctx::{Ctx, Res, Val};
use crate::error::{ErrorKind, Fail};

/// Two operands of one kind.
enum Numbers {
    Floats(f64, f64),
    Ints(i64, i64),
}

/// The words of one operation.
struct Words {
    builtin: &'static str,
    first: &'static str,
    second: &'static str,
    overflow: &'static str,
    sign: char,
}

const ADD: Words = Words {
    builtin: "add",
    first: "while evaluating the first argument of the addition",
    second: "while evaluating the second argument of the addition",
    overflow: "adding",
    sign: '+',
};
const SUB: Words = Words {
    builtin: "sub",
    first: "while evaluating the first argument of the subtraction",
    second: "while evaluating the second argument of the subtraction",
    overflow: "subtracting",
    sign: '-',
};
const MUL: Words = Words {
    builtin: "mul",
    first: "while evaluating the first argument of the multiplication",
    second: "while evaluating the second argument of the multiplication",
    overflow: "multiplying",
    sign: '*',
};
const DIV: Words = Words {
    builtin: "div",
    first: "while evaluating the first operand of the division",
    second: "while evaluating the second operand of the division",
    overflow: "dividing",
    sign: '/',
};

impl<'h> Ctx<'h> {
    /// `-`, `*`, `/`, `<`.
    #[inline(never)]
    pub(super) fn arithmetic(&mut self, env: &Env<'h>, node: &Node) -> Res<'h> {
        let left = self.operand(env, node.a);
        let Ok(left) = left else {
            return self.arithmetic_slow(env, node, left);
        };
        let right = self.operand(env, node.b);
        let Ok(right) = right else {
            return self.arithmetic_slow(env, node, right);
        };
        if let (Some(left), Some(right)) = (left.as_small_int(), right.as_small_int()) {
            if node.op == Op::Less {
                return Ok(Val::bool(left < right));
            }
            if node.op == Op::Sub
                && let Some(value) = left.checked_sub(right).and_then(Val::small_int)
            {
                return Ok(value);
            }
        }
        let result = match node.op {
            Op::Sub => self.subtract(left, right),
            Op::Mul => self.multiply(left, right),
            Op::Div => self.divide(left, right),
            _ => self.less_than(left, right).map(Val::bool),
        };
        if result.is_ok() {
            return result;
        }
        self.arithmetic_slow(env, node, result)
    }

    /// Says which operation failed.
    #[cold]
    #[inline(never)]
    fn arithmetic_slow(&mut self, env: &Env<'h>, node: &Node, result: Res<'h>) -> Res<'h> {
        result.map_err(|fail| {
            let builtin = match node.op {
                Op::Sub => SUB.builtin,
                Op::Mul => MUL.builtin,
                Op::Div => DIV.builtin,
                _ => "lessThan",
            };
            let place = env.place(node.pos);
            self.trace(
                fail,
                place,
                format!("while calling the '{builtin}' builtin"),
            )
        })
    }

    fn numbers(&mut self, left: Val<'h>, right: Val<'h>, words: &Words) -> Result<Numbers, Fail> {
        if left.kind() == Kind::Float || right.kind() == Kind::Float {
            let left = self.float(left, words.first)?;
            let right = self.float(right, words.second)?;
            return Ok(Numbers::Floats(left, right));
        }
        let left = self.int(left, words.first)?;
        let right = self.int(right, words.second)?;
        Ok(Numbers::Ints(left, right))
    }

    #[cold]
    fn overflow(&mut self, words: &Words, left: i64, right: i64) -> Fail {
        let message = format!(
            "integer overflow in {} {left} {} {right}",
            words.overflow, words.sign
        );
        self.error(ErrorKind::Eval, message)
    }

    /// `builtins.add`, which takes numbers only.
    pub fn add_numbers(&mut self, left: Val<'h>, right: Val<'h>) -> Res<'h> {
        match self.numbers(left, right, &ADD)? {
            Numbers::Floats(left, right) => Ok(self.new_float(left + right)),
            Numbers::Ints(left, right) => match left.checked_add(right) {
                Some(sum) => Ok(self.new_int(sum)),
                None => Err(self.overflow(&ADD, left, right)),
            },
        }
    }

    /// `builtins.sub` on values.
    pub fn subtract(&mut self, left: Val<'h>, right: Val<'h>) -> Res<'h> {
        match self.numbers(left, right, &SUB)? {
            Numbers::Floats(left, right) => Ok(self.new_float(left - right)),
            Numbers::Ints(left, right) => match left.checked_sub(right) {
                Some(difference) => Ok(self.new_int(difference)),
                None => Err(self.overflow(&SUB, left, right)),
            },
        }
    }

    /// `builtins.mul` on values.
    pub fn multiply(&mut self, left: Val<'h>, right: Val<'h>) -> Res<'h> {
        match self.numbers(left, right, &MUL)? {
            Numbers::Floats(left, right) => Ok(self.new_float(left * right)),
            Numbers::Ints(left, right) => match left.checked_mul(right) {
                Some(product) => Ok(self.new_int(product)),
                None => Err(self.overflow(&MUL, left, right)),
            },
        }
    }

    /// `builtins.div` on values.
    pub fn divide(&mut self, left: Val<'h>, right: Val<'h>) -> Res<'h> {
        let divisor = self.float(right, DIV.second)?;
        if divisor == 0.0 {
            return Err(self.error(ErrorKind::Eval, "division by zero"));
        }
        match self.numbers(left, right, &DIV)? {
            Numbers::Floats(left, right) => Ok(self.new_float(left / right)),
            Numbers::Ints(left, right) => match left.checked_div(right) {
                Some(quotient) => Ok(self.new_int(quotient)),
                None => Err(self.overflow(&DIV, left, right)),
            },
        }
    }

    /// Whether one value comes before another: numbers, strings, paths, and lists of those. Both
    /// have to be values.
    pub fn less_than(&mut self, left: Val<'h>, right: Val<'h>) -> Result<bool, Fail> {
        self.check_native_stack()?;
        match (left.kind(), right.kind()) {
            (Kind::Int, Kind::Int) => Ok(left.as_int() < right.as_int()),
            (Kind::Float, Kind::Float) => Ok(left.as_float() < right.as_float()),
            (Kind::Float, Kind::Int) => {
                Ok(left.as_float() < right.as_int().map(|right| right as f64))
            }
            (Kind::Int, Kind::Float) => {
                Ok(left.as_int().map(|left| left as f64) < right.as_float())
            }
            (Kind::String, Kind::String) => {
                let bytes = |word: Val<'h>| word.as_str().map(firn_heap::Str::bytes);
                Ok(bytes(left) < bytes(right))
            }
            (Kind::Path, Kind::Path) => {
                let bytes = |word: Val<'h>| word.as_path().map(|path| path.bytes);
                Ok(bytes(left) < bytes(right))
            }
            (Kind::List, Kind::List) => self.list_less_than(left, right),
            (left_kind, right_kind) => {
                let reason = if left_kind == right_kind {
                    "values of that type are incomparable (values are"
                } else {
                    "values are"
                };
                let close = if left_kind == right_kind { ")" } else { "" };
                let message = format!(
                    "cannot compare {} with {}; {reason} {} and {}{close}",
                    self.type_name(left),
                    self.type_name(right),
                    self.short_text(left),
                    self.short_text(right),
                );
                Err(self.error(ErrorKind::Eval, message))
            }
        }
    }

    fn list_less_than(&mut self, left: Val<'h>, right: Val<'h>) -> Result<bool, Fail> {
        let left = left.as_list().unwrap_or_default();
        let right = right.as_list().unwrap_or_default();
        for (&left, &right) in left.iter().zip(right) {
            if !self.equal(left, right)? {
                let (left, right) = (self.force(left)?, self.force(right)?);
                return self
                    .less_than(left, right)
                    .map_err(|fail| self.trace(fail, None, "while comparing two list elements"));
            }
        }
        Ok(left.len().cmp(&right.len()) == Ordering::Less)
    }

    /// `a + b`: numbers, or whatever can be put together as a string or path.
    #[inline(never)]
    pub(super) fn add(&mut self, env: &Env<'h>, node: &Node) -> Res<'h> {
        let left = self.operand(env, node.a)?;
        if let Some(left_int) = left.as_small_int() {
            let right = self.operand(env, node.b)?;
            if let Some(right_int) = right.as_small_int()
                && let Some(sum) = left_int.checked_add(right_int).and_then(Val::small_int)
            {
                return Ok(sum);
            }
            return self.add_values(env, node, left, right);
        }
        // The operands of a string are coerced one after the other, each before the next is
        // evaluated.
        self.add_slow(env, node, left)
    }

    fn add_values(&mut self, env: &Env<'h>, node: &Node, left: Val<'h>, right: Val<'h>) -> Res<'h> {
        let place = env.place(Pos(node.c));
        if let (Some(left), Some(right)) = (left.as_int(), right.as_int()) {
            return match left.checked_add(right) {
                Some(sum) => Ok(self.new_int(sum)),
                None => Err(self.error_at(
                    place,
                    ErrorKind::Eval,
                    format!("integer overflow in adding {left} + {right}"),
                )),
            };
        }
        let number = |word: Val<'h>| word.as_float().or(word.as_int().map(|int| int as f64));
        if let (Some(left), Some(right)) = (number(left), number(right)) {
            return Ok(self.new_float(left + right));
        }
        let message = format!(
            "cannot add {} to {}",
            self.type_name(right),
            if left.kind() == Kind::Float {
                "a float"
            } else {
                "an integer"
            }
        );
        Err(self.error_at(place, ErrorKind::Type, message))
    }

    fn add_slow(&mut self, env: &Env<'h>, node: &Node, left: Val<'h>) -> Res<'h> {
        if matches!(left.kind(), Kind::Int | Kind::Float) {
            let right = self.operand(env, node.b)?;
            return self.add_values(env, node, left, right);
        }
        let back = (u32::from(node.k) << 16) | u32::from(node.n);
        let left_pos = node.pos.get().map_or(Pos::NONE, |pos| Pos(pos - back));
        self.concat_two(env, node, left, left_pos)
    }
}
