//! Which names are in scope, and how each unit reaches what lies outside it.
//!
//! A binding says at which *level* (depth of units) its slot is. Reaching it from a deeper level
//! adds it to the captures of every level in between; each level remembers what it has captured,
//! by origin, so that a second use finds the same capture.

use firn_symbol::{FastMap, Symbol};

use crate::ast::Pos;
use crate::code::CAPTURE;

/// Where a variable lives in its own unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Slot(u32),
    /// A field of the frame that is in this slot.
    Frame {
        slot: u32,
        idx: u32,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Binding {
    pub(super) level: u32,
    pub(super) place: Place,
    /// The group it is defined in, if that is a group whose values may not be there yet.
    pub(super) group: u32,
    /// Which member of the group it is.
    pub(super) member: u32,
}

/// A unit that is finished.
#[derive(Clone, Copy)]
pub(super) struct Built {
    /// Where the list of its captures begins: locations in the unit around it.
    pub(super) captures: u32,
    pub(super) n_caps: u32,
    pub(super) n_slots: u32,
}

#[derive(Default)]
struct Unit {
    captures: Vec<u32>,
    /// Level and slot that each capture comes from.
    origins: Vec<(u32, u32)>,
    by_origin: FastMap<(u32, u32), u32>,
    next_slot: u32,
    n_slots: u32,
}

const MAP_FROM: usize = 12;

impl Unit {
    fn find(&self, origin: (u32, u32)) -> Option<u32> {
        if self.origins.len() > MAP_FROM {
            return self.by_origin.get(&origin).copied();
        }
        self.origins
            .iter()
            .position(|&known| known == origin)
            .map(|idx| idx as u32)
    }

    fn add(&mut self, origin: (u32, u32), outer: u32) -> u32 {
        let idx = self.captures.len() as u32;
        self.captures.push(outer);
        self.origins.push(origin);
        if self.origins.len() == MAP_FROM + 1 {
            for (idx, &origin) in self.origins.iter().enumerate() {
                self.by_origin.insert(origin, idx as u32);
            }
        } else if self.origins.len() > MAP_FROM {
            self.by_origin.insert(origin, idx);
        }
        idx
    }
}

/// A name in scope.
struct Bound {
    name: Symbol,
    binding: Binding,
    /// The entry that it hides, plus one; 0 if there is none.
    hidden: u32,
}

/// A `with` around.
#[derive(Clone, Copy)]
struct With {
    level: u32,
    slot: u32,
    pos: Pos,
    /// How many names were bound before it.
    n_bound: usize,
}

/// What was added to the scopes, for [`Scopes::outwards`].
#[derive(Clone, Copy)]
pub(super) enum Added {
    Name(Symbol, Binding),
    /// The `with` of this number.
    With(usize),
}

#[derive(Default)]
pub(super) struct Scopes {
    /// The names in scope, in order of binding.
    bound: Vec<Bound>,
    /// The innermost entry of each name that was ever bound, plus one; 0 if none is in scope.
    innermost: FastMap<Symbol, u32>,
    /// The units around, outermost first; what is above `n_units` only lends its memory.
    units: Vec<Unit>,
    n_units: usize,
    withs: Vec<With>,
    n_groups: u32,
    /// Groups whose bindings are being lowered, and how many members each has so far.
    pending: Vec<(u32, u32)>,
}

impl Scopes {
    fn level(&self) -> u32 {
        self.n_units as u32 - 1
    }

    fn unit(&mut self) -> &mut Unit {
        &mut self.units[self.n_units - 1]
    }

    /// Begins a unit whose first slots are arguments.
    pub(super) fn open(&mut self, n_args: u32) {
        if self.units.len() == self.n_units {
            self.units.push(Unit::default());
        }
        self.n_units += 1;
        let unit = self.unit();
        unit.captures.clear();
        unit.origins.clear();
        unit.by_origin.clear();
        unit.next_slot = n_args;
        unit.n_slots = n_args;
    }

    /// Ends the innermost unit; its captures are appended to `lists`.
    pub(super) fn close(&mut self, lists: &mut Vec<u32>) -> Built {
        let unit = self.unit();
        let built = Built {
            captures: lists.len() as u32,
            n_caps: unit.captures.len() as u32,
            n_slots: unit.n_slots,
        };
        lists.extend_from_slice(&unit.captures);
        self.n_units -= 1;
        built
    }

    /// Takes the next slot of the current unit.
    pub(super) fn slot(&mut self) -> u32 {
        self.take_slots(1)
    }

    pub(super) fn take_slots(&mut self, n: u32) -> u32 {
        let unit = self.unit();
        let slot = unit.next_slot;
        unit.next_slot += n;
        unit.n_slots = unit.n_slots.max(unit.next_slot);
        slot
    }

    /// Gives back all slots from this one on.
    pub(super) fn free_slots(&mut self, from: u32) {
        self.unit().next_slot = from;
    }

    /// All names that mean something here, in no particular order.
    pub(super) fn names(&self) -> impl Iterator<Item = Symbol> {
        self.bound.iter().map(|bound| bound.name)
    }

    pub(super) fn find(&self, name: Symbol) -> Option<Binding> {
        let entry = self.innermost.get(&name)?.checked_sub(1)?;
        Some(self.bound[entry as usize].binding)
    }

    /// Binds a name in the current unit.
    pub(super) fn bind(&mut self, name: Symbol, place: Place) {
        let binding = Binding {
            level: self.level(),
            place,
            group: 0,
            member: 0,
        };
        self.push(name, binding);
    }

    pub(super) fn push(&mut self, name: Symbol, binding: Binding) {
        let entry = self.bound.len() as u32 + 1;
        let hidden = self.innermost.insert(name, entry).unwrap_or(0);
        self.bound.push(Bound {
            name,
            binding,
            hidden,
        });
    }

    /// A binding of the current unit in a group.
    pub(super) fn in_group(&self, place: Place, group: u32, member: u32) -> Binding {
        Binding {
            level: self.level(),
            place,
            group,
            member,
        }
    }

    /// How many names are bound, for [`Scopes::unbind_to`].
    pub(super) fn n_bound(&self) -> usize {
        self.bound.len()
    }

    /// Takes back all bindings but the first `n_bound`.
    pub(super) fn unbind_to(&mut self, n_bound: usize) {
        for bound in self.bound.drain(n_bound..).rev() {
            self.innermost.insert(bound.name, bound.hidden);
        }
    }

    /// Begins a group: until it is ready, its variables cannot be read.
    pub(super) fn begin_group(&mut self) -> u32 {
        self.n_groups += 1;
        self.pending.push((self.n_groups, 0));
        self.n_groups
    }

    /// The next member of the innermost group is made: later ones may read it.
    pub(super) fn member_is_ready(&mut self) {
        if let Some((_, ready)) = self.pending.last_mut() {
            *ready += 1;
        }
    }

    pub(super) fn group_is_ready(&mut self) {
        self.pending.pop();
    }

    /// Whether reading the binding here and now may find it unset: it belongs to a group under
    /// construction, we are in the unit that makes it, and it is not one of the members made so
    /// far.
    pub(super) fn is_pending(&self, binding: Binding) -> bool {
        binding.level == self.level()
            && self
                .pending
                .iter()
                .any(|&(group, ready)| group == binding.group && binding.member >= ready)
    }

    pub(super) fn push_with(&mut self, slot: u32, pos: Pos) {
        self.withs.push(With {
            level: self.level(),
            slot,
            pos,
            n_bound: self.bound.len(),
        });
    }

    pub(super) fn pop_with(&mut self) {
        self.withs.pop();
    }

    /// Number of `with`s around.
    pub(super) fn n_withs(&self) -> usize {
        self.withs.len()
    }

    /// Location of the set of a `with`, counted from the outermost, and where that was written.
    pub(super) fn with(&mut self, idx: usize) -> (u32, Pos) {
        let With {
            level, slot, pos, ..
        } = self.withs[idx];
        (self.encoded_location(level, slot), pos)
    }

    /// The location of a slot of a level, as one word.
    pub(super) fn encoded_location(&mut self, level: u32, slot: u32) -> u32 {
        match self.location(level, slot) {
            (true, idx) => idx | CAPTURE,
            (false, idx) => idx,
        }
    }

    /// Everything that is in scope or hidden, innermost first.
    pub(super) fn outwards(&self) -> Vec<Added> {
        let mut added = Vec::with_capacity(self.bound.len() + self.withs.len());
        let mut withs = self.withs.iter().enumerate().rev().peekable();
        for n_bound in (0..=self.bound.len()).rev() {
            while let Some((number, _)) = withs.next_if(|(_, with)| with.n_bound == n_bound) {
                added.push(Added::With(number));
            }
            if let Some(bound) = n_bound.checked_sub(1).map(|it| &self.bound[it]) {
                added.push(Added::Name(bound.name, bound.binding));
            }
        }
        added
    }

    /// How the current unit reaches a slot of a level: whether as a capture, and its index.
    pub(super) fn location(&mut self, level: u32, slot: u32) -> (bool, u32) {
        let here = self.level();
        if level == here {
            return (false, slot);
        }
        let origin = (level, slot);
        // The innermost unit that reaches it already; from there inwards it has to be captured.
        let mut known = None;
        let mut from = here;
        while from > level {
            if let Some(idx) = self.units[from as usize].find(origin) {
                known = Some(idx);
                break;
            }
            from -= 1;
        }
        let mut location = known.map_or(slot, |idx| idx | CAPTURE);
        for inner in from + 1..=here {
            let idx = self.units[inner as usize].add(origin, location);
            location = idx | CAPTURE;
        }
        (true, location & !CAPTURE)
    }
}
