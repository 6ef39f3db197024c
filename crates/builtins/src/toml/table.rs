//! Tables and the rules of what may define what.
//!
//! A table comes from a header, from a dotted key, from being on the way to either, or is written
//! in line. Headers may complete tables that were only on the way; dotted keys may add to tables
//! that dotted keys made; nothing adds to what is written in line.

use std::collections::BTreeMap;
use std::ops::Range;

use super::report::Problem;

/// A TOML value.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// `true` or `false`
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float, possibly infinite or NaN.
    Float(f64),
    /// A string; it may contain zero bytes.
    String(Vec<u8>),
    /// A date, a time, or both, as the reference prints it.
    Time(String),
    /// An array.
    Array(Vec<Value>),
    /// A table.
    Table(Table),
}

/// A table.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Table {
    /// The entries by key.
    pub entries: BTreeMap<Vec<u8>, Entry>,
    origin: Origin,
}

/// A value and where it comes from.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// The value.
    pub value: Value,
    place: Range<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Origin {
    /// On the way of a header.
    #[default]
    Implied,
    /// Named by a header.
    Header,
    /// On the way of a dotted key.
    Dotted,
    /// Written in line.
    Inline,
}

/// A key with its parts.
pub(super) struct Key {
    pub(super) parts: Vec<Vec<u8>>,
    pub(super) place: Range<usize>,
}

type Outcome<T> = Result<T, Problem>;

const VALUE_EXISTS: &str = "toml::insert_value: failed to insert a value, value already exists";
const TABLE_EXISTS: &str = "toml::insert_value: failed to insert a table, table already defined";
const IMMUTABLE: &str = "toml::insert_value: failed to insert a value: inline table is immutable";

impl Table {
    pub(super) fn inline() -> Self {
        Self {
            origin: Origin::Inline,
            ..Self::default()
        }
    }

    /// Closes a table that was written in line.
    pub(super) fn seal(&mut self) {
        self.origin = Origin::Inline;
    }

    /// Adds `key = value` to a table that is being written.
    pub(super) fn insert(&mut self, key: Key, value: Value, place: Range<usize>) -> Outcome<()> {
        let Key {
            mut parts,
            place: key_place,
        } = key;
        let last = parts.pop().expect("a key has a part");
        let mut table = self;
        for part in parts {
            let entry = table.entries.entry(part).or_insert_with(|| Entry {
                value: Value::Table(Table {
                    origin: Origin::Dotted,
                    ..Table::default()
                }),
                place: key_place.clone(),
            });
            table = match &mut entry.value {
                Value::Table(next) if next.origin == Origin::Inline => {
                    return Err(Problem::between(
                        IMMUTABLE,
                        (key_place, "inserting this"),
                        (entry.place.clone(), "to this table"),
                    ));
                }
                Value::Table(next) if next.origin == Origin::Header => {
                    return Err(Problem::between(
                        TABLE_EXISTS,
                        (key_place, "inserting this"),
                        (entry.place.clone(), "to this table"),
                    ));
                }
                Value::Table(next) => {
                    next.origin = Origin::Dotted;
                    next
                }
                _ => return Err(not_a_table(key_place, entry.place.clone())),
            };
        }
        if let Some(known) = table.entries.get(&last) {
            return Err(Problem::between(
                VALUE_EXISTS,
                (key_place, "inserting this"),
                (known.place.clone(), "but value already exists"),
            ));
        }
        table.entries.insert(last, Entry { value, place });
        Ok(())
    }

    /// The table that the header `[key]` opens.
    pub(super) fn open(&mut self, key: Key) -> Outcome<&mut Self> {
        let Key { mut parts, place } = key;
        let last = parts.pop().expect("a key has a part");
        let parent = self.walk(parts, &place)?;
        let entry = parent.entries.entry(last).or_insert_with(|| Entry {
            value: Value::Table(Table::default()),
            place: place.clone(),
        });
        match &mut entry.value {
            Value::Table(table) if table.origin == Origin::Implied => {
                table.origin = Origin::Header;
                entry.place = place;
                Ok(table)
            }
            Value::Table(_) => Err(Problem::between(
                TABLE_EXISTS,
                (place, "inserting this"),
                (entry.place.clone(), "this table is explicitly defined"),
            )),
            _ => Err(not_a_table(place, entry.place.clone())),
        }
    }

    /// The new element of the array of tables that the header `[[key]]` adds to.
    pub(super) fn open_element(&mut self, key: Key) -> Outcome<&mut Self> {
        let Key { mut parts, place } = key;
        let last = parts.pop().expect("a key has a part");
        let parent = self.walk(parts, &place)?;
        let new = || {
            Value::Table(Table {
                origin: Origin::Header,
                ..Table::default()
            })
        };
        let entry = parent.entries.entry(last).or_insert_with(|| Entry {
            value: Value::Array(Vec::new()),
            place: place.clone(),
        });
        let is_written = entry.place != place && !entry.is_array_of_tables();
        match &mut entry.value {
            Value::Array(elements) if !is_written => {
                elements.push(new());
                match elements.last_mut() {
                    Some(Value::Table(table)) => Ok(table),
                    _ => unreachable!("a table was just added"),
                }
            }
            _ => Err(Problem::between(
                "toml::insert_value: failed to insert an array of tables, value already exists",
                (place, "while inserting this"),
                (entry.place.clone(), "non-table value already exists"),
            )),
        }
    }

    /// Follows the parts of a header but the last, making tables that are missing.
    fn walk(&mut self, parts: Vec<Vec<u8>>, place: &Range<usize>) -> Outcome<&mut Self> {
        let mut table = self;
        for part in parts {
            let entry = table.entries.entry(part).or_insert_with(|| Entry {
                value: Value::Table(Table::default()),
                place: place.clone(),
            });
            let is_open = entry.is_array_of_tables();
            table = match &mut entry.value {
                Value::Table(next) if next.origin == Origin::Inline => {
                    return Err(Problem::between(
                        IMMUTABLE,
                        (place.clone(), "inserting this"),
                        (entry.place.clone(), "to this table"),
                    ));
                }
                Value::Table(next) => next,
                Value::Array(elements) if is_open => match elements.last_mut() {
                    Some(Value::Table(next)) => next,
                    _ => unreachable!("an array of tables holds tables"),
                },
                _ => return Err(not_a_table(place.clone(), entry.place.clone())),
            };
        }
        Ok(table)
    }
}

impl Entry {
    /// Whether this is an array that headers made.
    fn is_array_of_tables(&self) -> bool {
        match &self.value {
            Value::Array(elements) => elements.first().is_some_and(
                |first| matches!(first, Value::Table(table) if table.origin == Origin::Header),
            ),
            _ => false,
        }
    }
}

fn not_a_table(place: Range<usize>, known: Range<usize>) -> Problem {
    Problem::between(
        VALUE_EXISTS,
        (place, "while inserting this"),
        (known, "non-table value already exists"),
    )
}
