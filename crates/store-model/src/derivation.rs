//! The derivation: what to run, on which inputs, and what comes out.
//!
//! Texts that a builder sees (builder, arguments, environment) are bytes, since the language's
//! strings are. Structured attributes are kept as they are written, in the environment variable
//! `__json`, so that a derivation that is read and written again stays the same to the bit.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use firn_hash::Algorithm;

use crate::{
    ContentAddress, ContentAddressMethod, MakePathError, OutputName, StoreDir, StorePath,
    StoreReferences,
};

/// The environment variable in which structured attributes are written.
pub const STRUCTURED_ATTRS_VARIABLE: &str = "__json";

/// A build step: the contents of a `.drv` file together with the name from its path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Derivation {
    /// The name, without `.drv`.
    pub name: String,
    /// What comes out.
    pub outputs: BTreeMap<OutputName, DerivationOutput>,
    /// The derivations whose outputs go in.
    pub input_drvs: BTreeMap<StorePath, InputNode>,
    /// The other store objects that go in.
    pub input_srcs: BTreeSet<StorePath>,
    /// The system that can build this, such as `x86_64-linux`.
    pub platform: Vec<u8>,
    /// The program to run.
    pub builder: Vec<u8>,
    /// Its arguments.
    pub args: Vec<Vec<u8>>,
    /// Its environment.
    pub env: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// What goes in of one derivation: outputs of it, and outputs of derivations that come out of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct InputNode {
    /// Outputs that are inputs themselves.
    pub outputs: BTreeSet<OutputName>,
    /// Outputs that are derivations of which outputs are inputs.
    pub dynamic: BTreeMap<OutputName, InputNode>,
}

impl InputNode {
    /// The node for plain outputs.
    pub fn of(outputs: impl IntoIterator<Item = OutputName>) -> InputNode {
        InputNode {
            outputs: outputs.into_iter().collect(),
            dynamic: BTreeMap::new(),
        }
    }
}

/// How the path of an output is determined.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DerivationOutput {
    /// By the derivation; known.
    InputAddressed(StorePath),
    /// By contents that are stated beforehand.
    Fixed(ContentAddress),
    /// By contents, whatever they turn out to be.
    Floating {
        /// What is hashed.
        method: ContentAddressMethod,
        /// How.
        algorithm: Algorithm,
    },
    /// By the derivation, once the paths of its inputs are known.
    Deferred,
    /// By contents, which may differ with each build; never reused.
    Impure {
        /// What is hashed.
        method: ContentAddressMethod,
        /// How.
        algorithm: Algorithm,
    },
}

impl DerivationOutput {
    /// The path, if it is known before the build.
    pub fn path(
        &self,
        store_dir: &StoreDir,
        derivation_name: &str,
        output: &str,
    ) -> Result<Option<StorePath>, MakePathError> {
        match self {
            DerivationOutput::InputAddressed(path) => Ok(Some(path.clone())),
            DerivationOutput::Fixed(address) => {
                let name = crate::output_path_name(derivation_name, output);
                store_dir
                    .make_content_addressed_path(&name, address, &StoreReferences::default())
                    .map(Some)
            }
            DerivationOutput::Floating { .. }
            | DerivationOutput::Deferred
            | DerivationOutput::Impure { .. } => Ok(None),
        }
    }
}

/// The kind of a derivation, which all its outputs share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DerivationType {
    /// Paths follow from the derivation.
    InputAddressed {
        /// They cannot be known before some inputs are built.
        deferred: bool,
    },
    /// One output whose contents are stated; the build may use the network.
    Fixed,
    /// Paths follow from contents not known beforehand.
    Floating,
    /// Built anew each time, with the network.
    Impure,
}

impl DerivationType {
    /// Whether paths follow from contents.
    pub fn is_content_addressed(self) -> bool {
        !matches!(self, DerivationType::InputAddressed { .. })
    }

    /// Whether the contents are stated beforehand.
    pub fn is_fixed(self) -> bool {
        self == DerivationType::Fixed
    }

    /// Whether the output paths are known before the build.
    pub fn has_known_output_paths(self) -> bool {
        matches!(
            self,
            DerivationType::InputAddressed { deferred: false } | DerivationType::Fixed
        )
    }

    /// Whether what the outputs turned out to be is written down: it is not known before the
    /// build, and holds for later ones.
    pub fn has_noted_outputs(self) -> bool {
        !self.has_known_output_paths() && !self.is_impure()
    }

    /// Whether the build is shut off from the network.
    pub fn is_sandboxed(self) -> bool {
        !matches!(self, DerivationType::Fixed | DerivationType::Impure)
    }

    /// Whether results are never reused.
    pub fn is_impure(self) -> bool {
        self == DerivationType::Impure
    }
}

impl Derivation {
    /// The kind of the derivation; refuses combinations of outputs that make no sense.
    pub fn derivation_type(&self) -> Result<DerivationType, DerivationError> {
        let mut decided: Option<DerivationType> = None;
        let mut floating: Option<Algorithm> = None;
        for (name, output) in &self.outputs {
            let found = match output {
                DerivationOutput::InputAddressed(_) => {
                    DerivationType::InputAddressed { deferred: false }
                }
                DerivationOutput::Deferred => DerivationType::InputAddressed { deferred: true },
                DerivationOutput::Fixed(_) => DerivationType::Fixed,
                DerivationOutput::Floating { .. } => DerivationType::Floating,
                DerivationOutput::Impure { .. } => DerivationType::Impure,
            };
            match decided {
                None => decided = Some(found),
                Some(before) if before != found => return Err(DerivationError::MixedOutputs),
                Some(DerivationType::Fixed) => return Err(DerivationError::SeveralFixedOutputs),
                Some(_) => {}
            }
            match output {
                DerivationOutput::Fixed(_) if !name.is_out() => {
                    return Err(DerivationError::FixedOutputName);
                }
                DerivationOutput::Floating { algorithm, .. }
                    if *floating.get_or_insert(*algorithm) != *algorithm =>
                {
                    return Err(DerivationError::MixedAlgorithms);
                }
                _ => {}
            }
        }
        decided.ok_or(DerivationError::NoOutputs)
    }

    /// The experimental features without which the derivation may not be used.
    pub fn features(&self) -> BTreeSet<&'static str> {
        let mut features = BTreeSet::new();
        if self.has_dynamic_inputs() {
            features.insert("dynamic-derivations");
        }
        for output in self.outputs.values() {
            let (method, algorithm) = match output {
                DerivationOutput::Fixed(address) => (address.method, address.hash.algorithm()),
                DerivationOutput::Floating { method, algorithm } => {
                    features.insert("ca-derivations");
                    (*method, *algorithm)
                }
                DerivationOutput::Impure { method, algorithm } => {
                    features.insert("impure-derivations");
                    (*method, *algorithm)
                }
                DerivationOutput::InputAddressed(_) | DerivationOutput::Deferred => continue,
            };
            if method == ContentAddressMethod::Text {
                features.insert("dynamic-derivations");
            }
            features.extend(method.feature());
            features.extend(algorithm.feature());
        }
        features
    }

    /// Whether some input is an output of a derivation that is itself an output.
    pub fn has_dynamic_inputs(&self) -> bool {
        self.input_drvs
            .values()
            .any(|node| !node.dynamic.is_empty())
    }

    /// Whether the builder is one of the program's own, such as `builtin:fetchurl`.
    pub fn is_builtin(&self) -> bool {
        self.builder.starts_with(b"builtin:")
    }

    /// The structured attributes as JSON, if the derivation has them.
    pub fn structured_attrs(&self) -> Option<&[u8]> {
        self.env
            .get(STRUCTURED_ATTRS_VARIABLE.as_bytes())
            .map(Vec::as_slice)
    }

    /// The store objects that the `.drv` file refers to: all inputs, but not the outputs.
    pub fn references(&self) -> BTreeSet<StorePath> {
        self.input_srcs
            .iter()
            .chain(self.input_drvs.keys())
            .cloned()
            .collect()
    }

    /// The path of each output, where it is known before the build.
    pub fn output_paths(
        &self,
        store_dir: &StoreDir,
    ) -> Result<BTreeMap<OutputName, Option<StorePath>>, MakePathError> {
        self.outputs
            .iter()
            .map(|(name, output)| Ok((name.clone(), output.path(store_dir, &self.name, name)?)))
            .collect()
    }
}

/// Why a derivation makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DerivationError {
    /// No output at all.
    NoOutputs,
    /// Outputs of different kinds.
    MixedOutputs,
    /// More than one output with stated contents.
    SeveralFixedOutputs,
    /// An output with stated contents that is not `out`.
    FixedOutputName,
    /// Floating outputs with different hash algorithms.
    MixedAlgorithms,
    /// An input names an output that the input derivation does not have.
    NoSuchOutput {
        /// The output.
        output: String,
        /// The derivation that has the input.
        derivation: String,
    },
    /// The stated path of an output is not the one that follows from the derivation.
    IncorrectOutput {
        /// The path stated.
        found: String,
        /// The path that follows, or `None` if it cannot be known yet.
        expected: Option<String>,
    },
    /// The environment lacks the path of an output.
    MissingVariable {
        /// The output.
        output: String,
        /// Its path.
        expected: String,
    },
    /// The environment has another path for an output.
    IncorrectVariable {
        /// The output.
        output: String,
        /// Its path.
        expected: String,
        /// What the environment says.
        found: String,
    },
    /// An output's path cannot be made.
    Path(MakePathError),
}

impl fmt::Display for DerivationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DerivationError::NoOutputs => f.write_str("must have at least one output"),
            DerivationError::MixedOutputs => f.write_str("can't mix derivation output types"),
            DerivationError::SeveralFixedOutputs => {
                f.write_str("only one fixed output is allowed for now")
            }
            DerivationError::FixedOutputName => {
                f.write_str("single fixed output must be named \"out\"")
            }
            DerivationError::MixedAlgorithms => {
                f.write_str("all floating outputs must use the same hash algorithm")
            }
            DerivationError::NoSuchOutput { output, derivation } => {
                write!(
                    f,
                    "no hash for output '{output}' of derivation '{derivation}'"
                )
            }
            DerivationError::IncorrectOutput {
                found,
                expected: Some(expected),
            } => {
                write!(
                    f,
                    "derivation has incorrect output '{found}', should be '{expected}'"
                )
            }
            DerivationError::IncorrectOutput {
                found,
                expected: None,
            } => {
                write!(
                    f,
                    "derivation has incorrect output '{found}', should be deferred"
                )
            }
            DerivationError::MissingVariable { output, expected } => write!(
                f,
                "derivation has missing environment variable '{output}', should be '{expected}' but is not present"
            ),
            DerivationError::IncorrectVariable {
                output,
                expected,
                found,
            } => write!(
                f,
                "derivation has incorrect environment variable '{output}', should be '{expected}' but is \
                 actually '{found}'"
            ),
            DerivationError::Path(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for DerivationError {}

impl From<MakePathError> for DerivationError {
    fn from(error: MakePathError) -> DerivationError {
        DerivationError::Path(error)
    }
}

impl From<crate::StorePathError> for DerivationError {
    fn from(error: crate::StorePathError) -> DerivationError {
        DerivationError::Path(error.into())
    }
}
