//! Equality, and the detailed complaint of an assertion that two values are equal.
//!
//! Functions are equal only inside of lists and sets, and there only if they are the same object;
//! two functions compared directly never are. Two derivations are equal if their output paths are.

use firn_heap::{FlatSet, Kind};
use firn_ir::{Node, Op, Pos};

use crate::code::Code;
use crate::ctx::{Ctx, Val};
use crate::error::{ErrorKind, Fail};
use crate::machine::Env;

impl<'h> Ctx<'h> {
    /// Whether two elements or attributes are equal.
    pub fn equal(&mut self, left: Val<'h>, right: Val<'h>) -> Result<bool, Fail> {
        let left_value = self.force(left)?;
        let right_value = self.force(right)?;
        if left.same(right) {
            return Ok(true);
        }
        self.equal_values(left_value, right_value)
    }

    /// Whether two values are equal, without regard to which objects they are.
    pub fn equal_values(&mut self, left: Val<'h>, right: Val<'h>) -> Result<bool, Fail> {
        let (left_kind, right_kind) = (left.kind(), right.kind());
        if left_kind != right_kind {
            return Ok(match (left_kind, right_kind) {
                (Kind::Int, Kind::Float) => {
                    left.as_int().map(|left| left as f64) == right.as_float()
                }
                (Kind::Float, Kind::Int) => {
                    left.as_float() == right.as_int().map(|right| right as f64)
                }
                _ => false,
            });
        }
        match left_kind {
            Kind::Null => Ok(true),
            Kind::Bool => Ok(left.same(right)),
            Kind::Int => Ok(left.as_int() == right.as_int()),
            Kind::Float => Ok(left.as_float() == right.as_float()),
            Kind::String => Ok(left.same(right)
                || left.as_str().map(firn_heap::Str::bytes)
                    == right.as_str().map(firn_heap::Str::bytes)),
            Kind::Path => Ok(left.as_path() == right.as_path()),
            Kind::List => self.nested(|ctx| ctx.equal_lists(left, right)),
            Kind::Set => self.nested(|ctx| ctx.equal_sets(left, right)),
            Kind::Function | Kind::Frame | Kind::Thunk => Ok(false),
        }
    }

    fn equal_lists(&mut self, left: Val<'h>, right: Val<'h>) -> Result<bool, Fail> {
        let left = left.as_list().unwrap_or_default();
        let right = right.as_list().unwrap_or_default();
        if left.len() != right.len() {
            return Ok(false);
        }
        for (&left, &right) in left.iter().zip(right) {
            if !self.equal(left, right)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn equal_sets(&mut self, left: Val<'h>, right: Val<'h>) -> Result<bool, Fail> {
        let (Some(left_set), Some(right_set)) = (left.as_set(), right.as_set()) else {
            return Ok(false);
        };
        if self.is_derivation(left)? && self.is_derivation(right)? {
            let name = self.names.out_path;
            if let (Some(left), Some(right)) = (left_set.get(name), right_set.get(name)) {
                return self.equal(left, right);
            }
        }
        let left = left_set.flat(&self.alloc);
        let right = right_set.flat(&self.alloc);
        if left.len() != right.len() {
            return Ok(false);
        }
        if let Some(equal) = self.plain_sets_equal(left, right) {
            return Ok(equal);
        }
        // Which of several failures comes first may not depend on the order in which names were
        // first seen, since that is another one with several threads. The reference's order is the
        // latter.
        let pairs = left.by_name(&self.alloc).zip(right.by_name(&self.alloc));
        for ((left_name, left), (right_name, right)) in pairs {
            if left_name != right_name || !self.equal(left, right)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether two sets of the same size are equal, if all their values are there and none is a
    /// collection: then nothing can fail, and no order can be seen.
    fn plain_sets_equal(
        &mut self,
        left: FlatSet<'h, Code<'h>>,
        right: FlatSet<'h, Code<'h>>,
    ) -> Option<bool> {
        let is_plain = |value: Val<'h>| !matches!(value.kind(), Kind::List | Kind::Set);
        let mut equal = true;
        for ((left_name, left), (right_name, right)) in left.iter().zip(right.iter()) {
            let left_value = left.resolved()?;
            let right_value = right.resolved()?;
            if left_name == right_name && left.same(right) {
                continue;
            }
            if !is_plain(left_value) || !is_plain(right_value) {
                return None;
            }
            equal = equal
                && left_name == right_name
                && self.equal_values(left_value, right_value).ok()?;
        }
        Some(equal)
    }

    /// The failure of `assert`: with the difference, if it asserts that two values are equal.
    #[cold]
    pub(crate) fn failed_assertion(&mut self, env: &Env<'h>, node: &Node) -> Fail {
        let text = env.code.consts[node.c as usize]
            .get()
            .as_str()
            .map(|text| String::from_utf8_lossy(text.bytes()).into_owned())
            .unwrap_or_default();
        let place = env.place(node.pos);
        let condition = env.node(node.a);
        if condition.op == Op::Equal {
            let difference = self
                .operand(env, condition.a)
                .and_then(|left| self.operand(env, condition.b).map(|right| (left, right)))
                .and_then(|(left, right)| {
                    self.assert_equal(env, condition.pos, left, right, false)
                });
            if let Err(fail) = difference {
                let catchable = self
                    .error
                    .as_ref()
                    .is_some_and(|error| error.kind == ErrorKind::Assertion);
                if !catchable {
                    return fail;
                }
                let text = format!("while evaluating the condition of the assertion '{text}'");
                return self.trace(fail, place, text);
            }
        }
        self.error_at(
            place,
            ErrorKind::Assertion,
            format!("assertion '{text}' failed"),
        )
    }

    fn unequal(&mut self, message: String) -> Result<(), Fail> {
        Err(self.error(ErrorKind::Assertion, message))
    }

    /// Fails with a description of the first difference.
    fn assert_equal(
        &mut self,
        env: &Env<'h>,
        pos: Pos,
        left_word: Val<'h>,
        right_word: Val<'h>,
        identity: bool,
    ) -> Result<(), Fail> {
        self.check_native_stack()?;
        let left = self.force(left_word)?;
        let right = self.force(right_word)?;
        if identity && left_word.same(right_word) {
            return Ok(());
        }
        let (left_kind, right_kind) = (left.kind(), right.kind());
        let numeric = |kind| matches!(kind, Kind::Int | Kind::Float);
        if numeric(left_kind) && numeric(right_kind) {
            if self.equal_values(left, right)? {
                return Ok(());
            }
            let message = format!(
                "{} with value '{}' is not equal to {} with value '{}'",
                self.type_name(left),
                self.short_text(left),
                self.type_name(right),
                self.short_text(right)
            );
            return self.unequal(message);
        }
        if left_kind != right_kind {
            let message = format!(
                "{} of value '{}' is not equal to {} of value '{}'",
                self.type_name(left),
                self.short_text(left),
                self.type_name(right),
                self.short_text(right)
            );
            return self.unequal(message);
        }
        match left_kind {
            Kind::List => self.nested(|ctx| ctx.assert_equal_lists(env, pos, left, right)),
            Kind::Set => self.nested(|ctx| ctx.assert_equal_sets(env, pos, left, right)),
            Kind::Function => self.unequal(
                "distinct functions and immediate comparisons of identical functions compare as unequal"
                    .to_owned(),
            ),
            _ => {
                if self.equal_values(left, right)? {
                    return Ok(());
                }
                let kind = match left_kind {
                    Kind::Bool => "boolean",
                    Kind::String => "string",
                    _ => "path",
                };
                let message = format!(
                    "{kind} '{}' is not equal to {kind} '{}'",
                    self.short_text(left),
                    self.short_text(right)
                );
                self.unequal(message)
            }
        }
    }

    fn assert_equal_lists(
        &mut self,
        env: &Env<'h>,
        pos: Pos,
        left: Val<'h>,
        right: Val<'h>,
    ) -> Result<(), Fail> {
        let left_items = left.as_list().unwrap_or_default();
        let right_items = right.as_list().unwrap_or_default();
        if left_items.len() != right_items.len() {
            let message = format!(
                "list of size '{}' is not equal to list of size '{}', left hand side is '{}', right hand side is '{}'",
                left_items.len(),
                right_items.len(),
                self.short_text(left),
                self.short_text(right)
            );
            return self.unequal(message);
        }
        for (idx, (&left, &right)) in left_items.iter().zip(right_items).enumerate() {
            if let Err(fail) = self.assert_equal(env, pos, left, right, true) {
                let text = format!("while comparing list element {idx}");
                return Err(self.trace(fail, env.place(pos), text));
            }
        }
        Ok(())
    }

    fn assert_equal_sets(
        &mut self,
        env: &Env<'h>,
        pos: Pos,
        left: Val<'h>,
        right: Val<'h>,
    ) -> Result<(), Fail> {
        let (Some(left_set), Some(right_set)) = (left.as_set(), right.as_set()) else {
            return Ok(());
        };
        if self.is_derivation(left)? && self.is_derivation(right)? {
            let name = self.names.out_path;
            if let (Some(left), Some(right)) = (left_set.get(name), right_set.get(name)) {
                return self
                    .assert_equal(env, pos, left, right, true)
                    .map_err(|fail| {
                        let text = "while comparing a derivation by its 'outPath' attribute";
                        self.trace(fail, env.place(pos), text)
                    });
            }
        }
        let left_flat = left_set.flat(&self.alloc);
        let right_flat = right_set.flat(&self.alloc);
        if left_flat.len() != right_flat.len() {
            let message = format!(
                "attribute names of attribute set '{}' differs from attribute set '{}'",
                self.short_text(left),
                self.short_text(right)
            );
            return self.unequal(message);
        }
        let pairs = left_flat.by_name(&self.alloc);
        let pairs = pairs.zip(right_flat.by_name(&self.alloc));
        for ((left_name, left_item), (right_name, right_item)) in pairs {
            if left_name != right_name {
                let message = if right_set.get(left_name).is_none() {
                    format!(
                        "attribute name '{}' is contained in '{}', but not in '{}'",
                        crate::print::name_text(left_name),
                        self.short_text(left),
                        self.short_text(right)
                    )
                } else {
                    format!(
                        "attribute name '{}' is missing in '{}', but is contained in '{}'",
                        crate::print::name_text(right_name),
                        self.short_text(left),
                        self.short_text(right)
                    )
                };
                return self.unequal(message);
            }
            if let Err(fail) = self.assert_equal(env, pos, left_item, right_item, true) {
                let mut fail = fail;
                for (set, text) in [
                    (right_set, "where right hand side is"),
                    (left_set, "where left hand side is"),
                ] {
                    if let Some((file, offset)) = set.position(left_name).get() {
                        let place = crate::error::Place {
                            file: firn_source::FileId(file),
                            offset,
                        };
                        fail = self.trace(fail, Some(place), text);
                    }
                }
                let text = format!(
                    "while comparing attribute '{}'",
                    crate::print::name_text(left_name)
                );
                return Err(self.trace(fail, env.place(pos), text));
            }
        }
        Ok(())
    }
}
