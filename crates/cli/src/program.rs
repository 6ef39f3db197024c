//! The names that one binary answers to.

/// What the binary was called as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Ourselves: verbs, everything stable on, our diagnostics.
    Firn,
    /// The reference's verbs.
    Nix,
    /// Builds derivations and links to their outputs.
    NixBuild,
    /// Opens a shell with the environment of a build.
    NixShell,
    /// Evaluates and writes derivations.
    NixInstantiate,
    /// Everything about stores.
    NixStore,
    /// User environments.
    NixEnv,
    /// Deletes what nobody needs.
    NixCollectGarbage,
    /// Copies closures over ssh.
    NixCopyClosure,
    /// Hashes of files.
    NixHash,
    /// Downloads into the store.
    NixPrefetchUrl,
    /// Subscriptions to package collections.
    NixChannel,
    /// The server for users that may not write the store.
    NixDaemon,
    /// Builds and switches systems.
    NixosRebuild,
}

const NAMES: &[(&str, Program)] = &[
    ("firn", Program::Firn),
    ("nix", Program::Nix),
    ("nix-build", Program::NixBuild),
    ("nix-shell", Program::NixShell),
    ("nix-instantiate", Program::NixInstantiate),
    ("nix-store", Program::NixStore),
    ("nix-env", Program::NixEnv),
    ("nix-collect-garbage", Program::NixCollectGarbage),
    ("nix-copy-closure", Program::NixCopyClosure),
    ("nix-hash", Program::NixHash),
    ("nix-prefetch-url", Program::NixPrefetchUrl),
    ("nix-channel", Program::NixChannel),
    ("nix-daemon", Program::NixDaemon),
    ("nixos-rebuild", Program::NixosRebuild),
];

/// The version of the reference that the other names stand for.
pub const NIX_VERSION: &str = "2.34.8";

impl Program {
    /// The program for a name as it was called, path and extension left out. Unknown names are ours.
    pub fn named(called_as: &str) -> Self {
        let name = called_as.rsplit('/').next().unwrap_or(called_as);
        let name = name.rsplit_once('.').map_or(name, |it| it.0);
        NAMES
            .iter()
            .find(|it| it.0 == name)
            .map_or(Self::Firn, |it| it.1)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        NAMES
            .iter()
            .find(|it| it.1 == self)
            .map_or("firn", |it| it.0)
    }

    /// Whether it is called by our own name.
    pub fn is_firn(self) -> bool {
        self == Self::Firn
    }

    /// Whether it is a set of verbs.
    pub fn has_verbs(self) -> bool {
        matches!(self, Self::Firn | Self::Nix)
    }

    /// What `--version` prints.
    pub fn version(self) -> String {
        if self.is_firn() {
            format!("firn {}", env!("CARGO_PKG_VERSION"))
        } else {
            format!("{} (Nix) {NIX_VERSION}", self.name())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_decides() {
        let check = |name: &str, program| assert_eq!(Program::named(name), program, "{name}");
        check("/usr/bin/nix-store", Program::NixStore);
        check("nix", Program::Nix);
        check("./firn", Program::Firn);
        check("renamed", Program::Firn);
        assert_eq!(Program::NixHash.version(), "nix-hash (Nix) 2.34.8");
    }
}
