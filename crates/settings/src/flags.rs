//! Settings as command-line flags: `--name`, `--no-name`, `--relaxed-name`, `--name VALUE`,
//! `--extra-name VALUE`. The caller parses command lines; this maps a flag's name to what it does.
//!
//! An alias stands for the last flag that the setting registers, as in the reference: for a switch
//! that is the negative one, for a list the appending one.

use crate::table::Row;
use crate::{Error, Feature, FlagShape, Settings};

/// What a flag does to a setting.
#[derive(Clone, Copy)]
pub struct Flag {
    row: &'static Row,
    action: Action,
}

#[derive(Clone, Copy)]
enum Action {
    /// Sets this text.
    Fixed(&'static str),
    /// Sets the argument.
    Set,
    /// Appends the argument.
    Append,
}

impl Flag {
    /// Whether an argument follows.
    pub fn takes_value(self) -> bool {
        !matches!(self.action, Action::Fixed(_))
    }

    /// The experimental feature that the setting belongs to.
    pub fn feature(self) -> Option<Feature> {
        self.row.feature
    }

    /// The setting's name.
    pub fn setting(self) -> &'static str {
        self.row.name
    }
}

impl Settings {
    /// The flag with this name, dashes left out.
    pub fn flag(&self, name: &str) -> Option<Flag> {
        let shape = |row: &Row| (row.field)(self).flag_shape();
        if let Some(row) = Self::row(name) {
            let is_alias = row.name != name;
            let action = match (shape(row), is_alias) {
                (FlagShape::Switch, true) => Action::Fixed("false"),
                (FlagShape::Switch | FlagShape::Sandbox, _) => Action::Fixed("true"),
                (FlagShape::List, true) => Action::Append,
                (FlagShape::Value | FlagShape::List, _) => Action::Set,
            };
            return Some(Flag { row, action });
        }
        let exact = |name: &str| Self::row(name).filter(|row| row.name == name);
        let with = |prefix: &str| name.strip_prefix(prefix).and_then(exact);
        let is_switch = |row: &Row| matches!(shape(row), FlagShape::Switch | FlagShape::Sandbox);
        if let Some(row) = with("no-").filter(|it| is_switch(it)) {
            let action = Action::Fixed("false");
            return Some(Flag { row, action });
        }
        if let Some(row) = with("relaxed-").filter(|it| shape(it) == FlagShape::Sandbox) {
            let action = Action::Fixed("relaxed");
            return Some(Flag { row, action });
        }
        let row = with("extra-").filter(|it| shape(it) == FlagShape::List)?;
        let action = Action::Append;
        Some(Flag { row, action })
    }

    /// Does what a flag says; `value` is its argument, empty for a switch.
    pub fn apply_flag(&mut self, flag: Flag, value: &str) -> Result<(), Error> {
        match flag.action {
            Action::Fixed(text) => self.set_row(flag.row, text, false),
            Action::Set => self.set_row(flag.row, value, false),
            Action::Append => self.set_row(flag.row, value, true),
        }
    }
}
