//! Experimental features: parts of the language and the store that must be asked for by name.
//!
//! The names are those of the reference, because they are written in people's configuration files.
//! A set of them is one word wide. Enabling `flakes` enables `fetch-tree`, as it does there.

use std::fmt;

macro_rules! features {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// One feature that can be switched on by `experimental-features`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Feature { $($(#[doc = $doc])+ $variant,)+ }

        impl Feature {
            /// All features, in no order that means anything.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name used in configuration files.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What the feature is, in a sentence.
            pub fn description(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc,)+),)+ }
            }
        }
    };
}

features! {
    /// Derivations whose output paths follow from their contents and are known only after the build.
    CaDerivations = "ca-derivations",
    /// Derivations that are run anew each time, with network access.
    ImpureDerivations = "impure-derivations",
    /// Self-describing source trees with locked inputs.
    Flakes = "flakes",
    /// `builtins.fetchTree`.
    FetchTree = "fetch-tree",
    /// The `nix` command with its verbs.
    NixCommand = "nix-command",
    /// Store objects addressed by a Git tree hash.
    GitHashing = "git-hashing",
    /// Builds that may themselves call on the store that builds them.
    RecursiveNix = "recursive-nix",
    /// `builtins.fetchClosure`.
    FetchClosure = "fetch-closure",
    /// User ids for builds taken from a range instead of a group of accounts.
    AutoAllocateUids = "auto-allocate-uids",
    /// Builds inside control groups.
    Cgroups = "cgroups",
    /// `--force-trusted` and `--force-untrusted` of the daemon.
    DaemonTrustOverride = "daemon-trust-override",
    /// Derivations that are the output of other derivations.
    DynamicDerivations = "dynamic-derivations",
    /// Timestamps in `builtins.fromTOML`.
    ParseTomlTimestamps = "parse-toml-timestamps",
    /// Local stores opened without the right to write.
    ReadOnlyLocalStore = "read-only-local-store",
    /// Stores layered over another store.
    LocalOverlayStore = "local-overlay-store",
    /// The `impure-env` setting.
    ConfigurableImpureEnv = "configurable-impure-env",
    /// Stores reached over ssh whose directory is also mounted here.
    MountedSshStore = "mounted-ssh-store",
    /// Signature checks on fetched Git commits.
    VerifiedFetches = "verified-fetches",
    /// The operators `|>` and `<|`.
    PipeOperators = "pipe-operators",
    /// The `external-builders` setting.
    ExternalBuilders = "external-builders",
    /// BLAKE3 as a hash algorithm.
    Blake3Hashes = "blake3-hashes",
}

impl Feature {
    /// The feature with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.name() == name)
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FeatureSet(u32);

impl FeatureSet {
    /// No feature.
    pub const EMPTY: Self = Self(0);

    /// A set of these.
    pub fn of(features: &[Feature]) -> Self {
        let mut set = Self::EMPTY;
        for &feature in features {
            set.insert(feature);
        }
        set
    }

    /// Adds a feature and what it brings with it.
    pub fn insert(&mut self, feature: Feature) {
        self.0 |= 1 << feature as u8;
        if feature == Feature::Flakes {
            self.0 |= 1 << Feature::FetchTree as u8;
        }
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether the feature is in the set.
    pub fn contains(self, feature: Feature) -> bool {
        self.0 & (1 << feature as u8) != 0
    }

    /// The features, sorted by name.
    pub fn sorted(self) -> Vec<Feature> {
        let mut features: Vec<_> = Feature::ALL
            .iter()
            .copied()
            .filter(|&it| self.contains(it))
            .collect();
        features.sort_by_key(|it| it.name());
        features
    }
}
