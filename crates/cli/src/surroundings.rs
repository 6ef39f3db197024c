//! What the environment says: variables, home, the places of configuration, cache and data.

use std::path::PathBuf;

/// A variable, if it is set and is text.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A variable, if it is set and not empty.
pub fn filled(name: &str) -> Option<String> {
    variable(name).filter(|it| !it.is_empty())
}

/// The home directory; `/` if none is known.
pub fn home() -> PathBuf {
    filled("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from)
}

/// The directory for a purpose: our own variable, the XDG one with `nix` below it, or a place in
/// the home directory.
fn place(own: &str, xdg: &str, in_home: &str) -> PathBuf {
    filled(own).map_or_else(
        || {
            filled(xdg)
                .map_or_else(|| home().join(in_home), PathBuf::from)
                .join("nix")
        },
        PathBuf::from,
    )
}

/// Where caches live.
pub fn cache_dir() -> PathBuf {
    place("NIX_CACHE_HOME", "XDG_CACHE_HOME", ".cache")
}

/// Where the user's configuration lives.
pub fn config_dir() -> PathBuf {
    place("NIX_CONFIG_HOME", "XDG_CONFIG_HOME", ".config")
}

/// Where data of the user live.
pub fn data_dir() -> PathBuf {
    place("NIX_DATA_HOME", "XDG_DATA_HOME", ".local/share")
}

/// Where state of the user lives.
pub fn state_dir() -> PathBuf {
    place("NIX_STATE_HOME", "XDG_STATE_HOME", ".local/state")
}

/// Where our own data of the user live.
pub fn firn_data_dir() -> PathBuf {
    filled("XDG_DATA_HOME")
        .map_or_else(|| home().join(".local/share"), PathBuf::from)
        .join("firn")
}

/// Where our own caches live.
pub fn firn_cache_dir() -> PathBuf {
    filled("XDG_CACHE_HOME")
        .map_or_else(|| home().join(".cache"), PathBuf::from)
        .join("firn")
}
