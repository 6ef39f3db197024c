//! Evaluating all of a value.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;

use firn_heap::Kind;
use firn_source::FileId;
use firn_symbol::{FastHasher, Symbol};

use crate::crew::{Ahead, Errand};
use crate::ctx::{Ctx, Res, Val};
use crate::error::{Fail, Place};

/// The lists and sets that were looked into.
type Seen = HashSet<u64, BuildHasherDefault<FastHasher>>;

impl<'h> Ctx<'h> {
    /// Evaluates a value and everything in it.
    pub fn force_deep(&mut self, word: Val<'h>) -> Res<'h> {
        let value = self.force(word)?;
        if matches!(value.kind(), Kind::List | Kind::Set) {
            let mut seen = Seen::default();
            self.force_within(value, &mut seen, 0)?;
        }
        Ok(value)
    }

    fn force_item(&mut self, item: Val<'h>, seen: &mut Seen, depth: usize) -> Result<(), Fail> {
        if depth + self.calls.len() + 2 > self.max_calls {
            let place = self.place_of_application(item);
            return Err(self.stack_overflow(place));
        }
        // The value as a whole is a level, and so is each item around this one.
        let value = self.deeper(depth + 1, |ctx| ctx.force(item))?;
        self.force_within(value, seen, depth)
    }

    /// Where the function was written that an unevaluated application calls.
    fn place_of_application(&self, word: Val<'h>) -> Option<Place> {
        let (unit, caps) = word.suspended()?;
        let is_application = self
            .internal
            .apply
            .iter()
            .chain([&self.internal.apply_nth])
            .any(|apply| std::ptr::eq(*apply, unit));
        if !is_application {
            return None;
        }
        let (code, lambda, n_args) = Self::lambda_of(caps.first()?.get().resolved()?)?;
        code.param_place(lambda, n_args)
    }

    fn force_within(&mut self, value: Val<'h>, seen: &mut Seen, depth: usize) -> Result<(), Fail> {
        self.check_native_stack()?;
        if !matches!(value.kind(), Kind::List | Kind::Set) || !seen.insert(value.identity()) {
            return Ok(());
        }
        if let Some(items) = value.as_list() {
            let mut ahead = Ahead::at_level(Errand::Deep, depth + 1);
            for (idx, &item) in items.iter().enumerate() {
                ahead.reach(self, idx, items.len(), |from| items[from..].into());
                let result = self.force_item(item, seen, depth + 1);
                if let Err(fail) = result {
                    let text = format!("while evaluating list element at index {idx}");
                    return Err(self.trace(fail, None, text));
                }
            }
        } else if let Some(set) = value.as_set() {
            let flat = set.flat(&self.alloc);
            let mut attrs: Vec<(Symbol, Val<'h>)> = flat.by_name(&self.alloc).collect();
            // Names that the language gives a meaning to come first, as in the reference, where
            // that decides which of two failures is met.
            if attrs.iter().any(|(name, _)| self.names.has(*name)) {
                attrs.sort_by_cached_key(|(name, _)| self.names.rank(*name));
            }
            let mut ahead = Ahead::at_level(Errand::Deep, depth + 1);
            for (idx, &(name, item)) in attrs.iter().enumerate() {
                ahead.reach(self, idx, attrs.len(), |from| {
                    attrs[from..].iter().map(|attr| attr.1).collect()
                });
                let result = self.force_item(item, seen, depth + 1);
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
