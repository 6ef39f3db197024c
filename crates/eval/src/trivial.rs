//! Values that a text states outright.
//!
//! Some files are data in the clothes of a program: what a flake says of itself must be readable
//! without evaluating anything. Such a file may state literals, sets, lists and functions, and
//! nothing that has to be computed.

use firn_heap::Attempt;
use firn_ir::Op;

use crate::ctx::{Ctx, Val};
use crate::error::Fail;

impl<'h> Ctx<'h> {
    /// The value of a word, if it has one or states one outright; nothing if it would have to be
    /// computed.
    pub fn force_trivial(&mut self, word: Val<'h>) -> Result<Option<Val<'h>>, Fail> {
        if let Some(value) = word.resolved() {
            return Ok(Some(value));
        }
        match word.claim(self.task) {
            Attempt::Done(value) => Ok(Some(value)),
            Attempt::Owned(owner) if owner != self.task => {
                self.wait_for(word, owner)?;
                self.force_trivial(word)
            }
            Attempt::Owned(_) => Ok(None),
            Attempt::Claimed(claim) => {
                let unit = claim.unit;
                claim.abandon();
                let op = unit.code().nodes.get(unit.entry as usize).map(|it| it.op);
                if matches!(op, Some(Op::Set | Op::List | Op::Const | Op::Closure)) {
                    return self.force(word).map(Some);
                }
                Ok(None)
            }
        }
    }
}
