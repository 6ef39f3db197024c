//! Which outputs of a derivation are meant: all, or some by name.

use std::collections::BTreeSet;
use std::fmt;

use crate::{NameError, OutputName};

/// A choice of outputs, written `*` or `out,dev`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutputsSpec {
    /// Every output.
    All,
    /// The outputs named.
    Names(BTreeSet<OutputName>),
}

impl OutputsSpec {
    /// Parses a choice of outputs.
    pub fn parse(text: &str) -> Result<OutputsSpec, NameError> {
        if text == "*" {
            return Ok(OutputsSpec::All);
        }
        text.split(',')
            .map(OutputName::parse)
            .collect::<Result<_, _>>()
            .map(OutputsSpec::Names)
    }

    /// The choice of a single output.
    pub fn one(output: OutputName) -> OutputsSpec {
        OutputsSpec::Names(BTreeSet::from([output]))
    }

    /// Whether the output is chosen.
    pub fn contains(&self, output: &str) -> bool {
        match self {
            OutputsSpec::All => true,
            OutputsSpec::Names(names) => names.contains(output),
        }
    }

    /// The outputs that are in either choice.
    #[must_use]
    pub fn union(&self, other: &OutputsSpec) -> OutputsSpec {
        match (self, other) {
            (OutputsSpec::Names(left), OutputsSpec::Names(right)) => {
                OutputsSpec::Names(left | right)
            }
            _ => OutputsSpec::All,
        }
    }

    /// Whether everything chosen here is chosen there.
    pub fn is_subset(&self, other: &OutputsSpec) -> bool {
        match (self, other) {
            (_, OutputsSpec::All) => true,
            (OutputsSpec::All, OutputsSpec::Names(_)) => false,
            (OutputsSpec::Names(left), OutputsSpec::Names(right)) => left.is_subset(right),
        }
    }
}

impl fmt::Display for OutputsSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OutputsSpec::All => f.write_str("*"),
            OutputsSpec::Names(names) => {
                for (position, name) in names.iter().enumerate() {
                    let separator = if position == 0 { "" } else { "," };
                    write!(f, "{separator}{name}")?;
                }
                Ok(())
            }
        }
    }
}
