//! Evaluating all of a value.

use std::collections::HashSet;

use firn_heap::Kind;
use firn_source::FileId;

use crate::ctx::{Ctx, Res, Val};
use crate::error::{Fail, Place};

impl<'h> Ctx<'h> {
    /// Evaluates a value and everything in it.
    pub fn force_deep(&mut self, word: Val<'h>) -> Res<'h> {
        let value = self.force(word)?;
        if matches!(value.kind(), Kind::List | Kind::Set) {
            let mut seen = HashSet::new();
            self.force_within(value, &mut seen, 0)?;
        }
        Ok(value)
    }

    fn force_within(
        &mut self,
        value: Val<'h>,
        seen: &mut HashSet<u64>,
        depth: usize,
    ) -> Result<(), Fail> {
        self.check_native_stack()?;
        if !matches!(value.kind(), Kind::List | Kind::Set) || !seen.insert(value.identity()) {
            return Ok(());
        }
        if depth > self.max_calls {
            return Err(self.stack_overflow(None));
        }
        if let Some(items) = value.as_list() {
            for (idx, &item) in items.iter().enumerate() {
                let result = self
                    .force(item)
                    .and_then(|item| self.force_within(item, seen, depth + 1));
                if let Err(fail) = result {
                    let text = format!("while evaluating list element at index {idx}");
                    return Err(self.trace(fail, None, text));
                }
            }
        } else if let Some(set) = value.as_set() {
            let flat = set.flat(&self.alloc);
            for (name, item) in flat.by_name(&self.alloc) {
                let result = self
                    .force(item)
                    .and_then(|item| self.force_within(item, seen, depth + 1));
                if let Err(fail) = result {
                    let text = format!(
                        "while evaluating the attribute '{}'",
                        crate::print::name_text(name)
                    );
                    let place = set.position(name).get().map(|(file, offset)| Place {
                        file: FileId(file),
                        offset,
                    });
                    return Err(self.trace(fail, place, text));
                }
            }
        }
        Ok(())
    }
}
