//! The layering of the workspace as data: for each crate, the crates it may name.
//!
//! Dependencies only point down. A crate may depend on what is listed here and on nothing else of
//! ours; the picture in `crates/ARCHITECTURE.md` is drawn from this table, and the `graph` chore
//! holds every manifest against it. Language crates and store crates meet first in `instantiate`.

/// What a crate may depend on.
pub(crate) enum Allowed {
    /// These crates, and no other of ours.
    These(&'static [&'static str]),
    /// Anything: the front end, tests and chores.
    All,
}

use Allowed::{All, These};

/// Crate folder, height in the picture, and what it may depend on.
pub(crate) const LAYERS: &[(&str, u8, Allowed)] = &[
    ("source", 0, These(&[])),
    ("symbol", 0, These(&[])),
    ("hash", 0, These(&[])),
    ("sys", 0, These(&[])),
    ("settings", 0, These(&[])),
    ("events", 0, These(&[])),
    ("stdlib", 0, These(&[])),
    ("parser", 1, These(&["source"])),
    ("syntax", 1, These(&["parser", "source"])),
    ("ir", 1, These(&["parser", "symbol", "source"])),
    ("heap", 1, These(&["symbol", "source"])),
    ("store-model", 1, These(&["hash"])),
    ("transfer", 1, These(&["hash", "sys", "settings", "events"])),
    (
        "eval",
        2,
        These(&["ir", "heap", "source", "symbol", "parser"]),
    ),
    (
        "builtins",
        2,
        These(&["eval", "heap", "hash", "symbol", "source"]),
    ),
    (
        "store",
        2,
        These(&[
            "store-model",
            "transfer",
            "sys",
            "hash",
            "settings",
            "events",
        ]),
    ),
    (
        "build",
        2,
        These(&[
            "store",
            "store-model",
            "transfer",
            "sys",
            "hash",
            "settings",
            "events",
        ]),
    ),
    (
        "fetch",
        2,
        These(&[
            "store",
            "store-model",
            "transfer",
            "sys",
            "hash",
            "settings",
            "events",
        ]),
    ),
    (
        "daemon",
        2,
        These(&[
            "store",
            "build",
            "store-model",
            "transfer",
            "sys",
            "hash",
            "settings",
            "events",
        ]),
    ),
    (
        "instantiate",
        3,
        These(&[
            "builtins",
            "eval",
            "heap",
            "symbol",
            "source",
            "build",
            "fetch",
            "store",
            "store-model",
            "hash",
            "sys",
            "settings",
            "events",
        ]),
    ),
    (
        "memo",
        3,
        These(&[
            "builtins",
            "instantiate",
            "fetch",
            "eval",
            "store",
            "store-model",
            "hash",
            "sys",
            "source",
        ]),
    ),
    (
        "flake",
        4,
        These(&[
            "instantiate",
            "fetch",
            "store",
            "store-model",
            "eval",
            "heap",
            "symbol",
            "source",
            "hash",
            "settings",
        ]),
    ),
    (
        "shell",
        4,
        These(&[
            "build",
            "instantiate",
            "flake",
            "memo",
            "store",
            "store-model",
            "eval",
            "heap",
            "symbol",
            "source",
            "sys",
            "settings",
            "events",
            "hash",
        ]),
    ),
    (
        "profile",
        4,
        These(&[
            "instantiate",
            "builtins",
            "build",
            "fetch",
            "store",
            "store-model",
            "eval",
            "heap",
            "symbol",
            "source",
            "sys",
            "events",
            "hash",
        ]),
    ),
    (
        "system",
        4,
        These(&[
            "instantiate",
            "flake",
            "store",
            "store-model",
            "eval",
            "heap",
            "symbol",
            "source",
            "sys",
            "settings",
            "events",
            "hash",
        ]),
    ),
    ("fmt", 5, These(&["syntax", "parser", "source"])),
    (
        "lsp",
        5,
        These(&[
            "syntax",
            "parser",
            "ir",
            "fmt",
            "instantiate",
            "eval",
            "heap",
            "symbol",
            "source",
        ]),
    ),
    (
        "repl",
        5,
        These(&[
            "instantiate",
            "flake",
            "build",
            "syntax",
            "parser",
            "eval",
            "heap",
            "symbol",
            "source",
            "builtins",
            "store",
            "store-model",
            "settings",
            "events",
            "sys",
        ]),
    ),
    ("cli", 5, All),
    ("testkit", 6, All),
    ("fuzz", 6, All),
    ("xtask", 6, All),
    ("lang-tests", 6, All),
    ("benches", 6, All),
];

/// The table's row for a crate folder.
pub(crate) fn allowed(folder: &str) -> Option<(u8, &'static Allowed)> {
    LAYERS
        .iter()
        .find(|(name, ..)| *name == folder)
        .map(|(_, height, allowed)| (*height, allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_itself_points_down() {
        for (name, height, allowed) in LAYERS {
            let These(below) = allowed else { continue };
            for dependency in *below {
                let (other, _) =
                    super::allowed(dependency).expect("every name in the table has a row");
                assert!(
                    other <= *height,
                    "{name} (layer {height}) names {dependency} (layer {other})"
                );
                assert_ne!(name, dependency);
            }
        }
    }

    #[test]
    fn language_and_store_meet_first_in_instantiate() {
        let language = ["parser", "syntax", "ir", "heap", "eval", "builtins"];
        let store = [
            "store-model",
            "transfer",
            "store",
            "build",
            "fetch",
            "daemon",
        ];
        for (name, _, allowed) in LAYERS {
            let These(below) = allowed else { continue };
            if language.contains(name) {
                assert!(
                    !below.iter().any(|dependency| store.contains(dependency)),
                    "{name}"
                );
            }
            if store.contains(name) {
                assert!(
                    !below.iter().any(|dependency| language.contains(dependency)),
                    "{name}"
                );
            }
        }
    }
}
