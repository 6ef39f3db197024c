//! How the closures of two paths differ: which versions of which packages came and went, and how
//! much larger or smaller each became.

use std::collections::{BTreeMap, BTreeSet};

use firn_store::closure::{ClosureOptions, closure};
use firn_store::{Store, StoreError};
use firn_store_model::StorePath;

use crate::name::PackageName;

/// Changes of size below this many bytes say nothing.
const MIN_SIZE: u64 = 8 * 1024;

/// How one package differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageDifference {
    /// Its name.
    pub name: String,
    /// The versions that are gone.
    pub removed: BTreeSet<String>,
    /// The versions that are new.
    pub added: BTreeSet<String>,
    /// By how many bytes its paths grew; 0 if that is too little to mention.
    pub growth: i64,
}

impl PackageDifference {
    /// The versions as they are shown, if any came or went: `1.0 → 1.1`.
    pub fn versions(&self) -> Option<String> {
        let differs = !self.removed.is_empty() || !self.added.is_empty();
        differs.then(|| {
            let (removed, added) = (show_versions(&self.removed), show_versions(&self.added));
            format!("{removed} → {added}")
        })
    }
}

/// Versions as they are shown: `∅` for none, `ε` for one that is empty.
pub fn show_versions(versions: &BTreeSet<String>) -> String {
    if versions.is_empty() {
        return "∅".to_owned();
    }
    let shown = versions.iter();
    let shown: BTreeSet<&str> = shown
        .map(|it| if it.is_empty() { "ε" } else { it })
        .collect();
    shown.into_iter().collect::<Vec<_>>().join(", ")
}

/// The versions of each package, and the size of all its paths.
type Packages = BTreeMap<String, (BTreeSet<String>, u64)>;

/// The packages by which the closures of two paths differ.
pub fn closure_difference(
    store: &dyn Store,
    before: &StorePath,
    after: &StorePath,
) -> Result<Vec<PackageDifference>, StoreError> {
    let mut before = packages(store, before)?;
    let after = packages(store, after)?;
    for name in after.keys() {
        before.entry(name.clone()).or_default();
    }
    let nothing = (BTreeSet::new(), 0);
    let mut differences = Vec::new();
    for (name, (old, old_size)) in before {
        let (new, new_size) = after.get(&name).unwrap_or(&nothing);
        let growth = new_size.cast_signed() - old_size.cast_signed();
        let difference = PackageDifference {
            name,
            removed: &old - new,
            added: new - &old,
            growth: if growth.unsigned_abs() >= MIN_SIZE {
                growth
            } else {
                0
            },
        };
        if difference.growth != 0 || difference.versions().is_some() {
            differences.push(difference);
        }
    }
    Ok(differences)
}

fn packages(store: &dyn Store, path: &StorePath) -> Result<Packages, StoreError> {
    let all = closure(store, [path.clone()], ClosureOptions::default())?;
    let mut packages = Packages::new();
    for (path, info) in store.query_path_infos(&all)? {
        let name = PackageName::parse(without_output(path.name()));
        let (versions, size) = packages.entry(name.name).or_default();
        versions.insert(name.version);
        *size += info.nar_size;
    }
    Ok(packages)
}

/// A name without the output that it seems to end with. An output's name cannot be told from a
/// version such as `unstable`.
fn without_output(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((rest, output))
            if matches!(output, "lib32" | "lib64")
                || !output.is_empty() && output.bytes().all(|it| it.is_ascii_lowercase()) =>
        {
            rest
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_left_out() {
        let check = |name, expected| assert_eq!(without_output(name), expected);
        check("glibc-2.40-dev", "glibc-2.40");
        check("gcc-13-lib32", "gcc-13");
        check("glibc-2.40", "glibc-2.40");
        check("env-manifest.nix", "env-manifest.nix");
        check("user-environment", "user");
    }

    #[test]
    fn versions_are_shown() {
        let set = |versions: &[&str]| versions.iter().map(|&it| it.to_owned()).collect();
        assert_eq!(show_versions(&set(&[])), "∅");
        assert_eq!(show_versions(&set(&["", "1.0"])), "1.0, ε");
    }
}
