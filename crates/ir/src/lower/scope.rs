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
pub(super) struct Built {
    /// Locations in the unit around it.
    pub(super) captures: Vec<u32>,
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

#[derive(Default)]
pub(super) struct Scopes {
    names: FastMap<Symbol, Vec<Binding>>,
    units: Vec<Unit>,
    withs: Vec<(u32, u32, Pos)>,
    n_groups: u32,
    /// Groups whose bindings are being lowered, and how many members each has so far.
    pending: Vec<(u32, u32)>,
}

impl Scopes {
    fn level(&self) -> u32 {
        self.units.len() as u32 - 1
    }

    fn unit(&mut self) -> &mut Unit {
        self.units
            .last_mut()
            .expect("lowering happens inside a unit")
    }

    /// Begins a unit whose first slots are arguments.
    pub(super) fn open(&mut self, n_args: u32) {
        self.units.push(Unit {
            next_slot: n_args,
            n_slots: n_args,
            ..Unit::default()
        });
    }

    pub(super) fn close(&mut self) -> Built {
        let unit = self.units.pop().expect("every close has its open");
        Built {
            captures: unit.captures,
            n_slots: unit.n_slots,
        }
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
        let bound = self.names.iter().filter(|it| !it.1.is_empty());
        bound.map(|it| *it.0)
    }

    pub(super) fn find(&self, name: Symbol) -> Option<Binding> {
        self.names.get(&name)?.last().copied()
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
        self.names.entry(name).or_default().push(binding);
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

    pub(super) fn unbind(&mut self, name: Symbol) {
        if let Some(bindings) = self.names.get_mut(&name) {
            bindings.pop();
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
        let level = self.level();
        self.withs.push((level, slot, pos));
    }

    pub(super) fn pop_with(&mut self) {
        self.withs.pop();
    }

    /// Locations of the sets of all `with`s around, innermost first.
    pub(super) fn withs(&mut self) -> Vec<(u32, Pos)> {
        let withs = self.withs.clone();
        withs
            .iter()
            .rev()
            .map(|&(level, slot, pos)| {
                let (captured, idx) = self.location(level, slot);
                (if captured { idx | CAPTURE } else { idx }, pos)
            })
            .collect()
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
