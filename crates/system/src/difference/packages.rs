//! The packages in the closures of two systems: names, versions, sizes.

use std::collections::{BTreeMap, BTreeSet};

use firn_store::Store;
use firn_store::closure::{ClosureOptions, closure, path_info};
use firn_store_model::StorePath;

use super::{Fates, fates};
use crate::error::SystemError;

/// What a closure has of one package.
#[derive(Default)]
struct Package {
    versions: BTreeSet<String>,
    size: i64,
}

/// Compares two closures: versions, and by how many bytes each package grew, where that is worth a
/// word.
pub(super) fn compare(
    store: &dyn Store,
    old: &StorePath,
    new: &StorePath,
) -> Result<(Fates, BTreeMap<String, i64>), SystemError> {
    let (old, new) = (packages(store, old)?, packages(store, new)?);
    let versions = |packages: &BTreeMap<String, Package>| -> BTreeMap<String, String> {
        let shown = packages.iter().filter(|it| !it.1.versions.is_empty());
        let shown = shown.map(|(name, it)| {
            let versions: Vec<_> = it.versions.iter().cloned().collect();
            (name.clone(), versions.join(", "))
        });
        shown.collect()
    };
    let size = |packages: &BTreeMap<String, Package>, name: &String| {
        packages.get(name).map_or(0, |it| it.size)
    };
    let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let growth = names.into_iter().filter_map(|name| {
        let bytes = size(&new, name) - size(&old, name);
        (bytes.abs() >= WORTH_A_WORD).then(|| (name.clone(), bytes))
    });
    Ok((fates(&versions(&old), &versions(&new)), growth.collect()))
}

/// Changes below this are not mentioned.
const WORTH_A_WORD: i64 = 8 << 10;

fn packages(store: &dyn Store, top: &StorePath) -> Result<BTreeMap<String, Package>, SystemError> {
    let mut packages: BTreeMap<String, Package> = BTreeMap::new();
    for path in closure(store, vec![top.clone()], ClosureOptions::default())? {
        let info = path_info(store, &path)?;
        let (name, version) = split_name(path.name());
        let package = packages.entry(name.to_owned()).or_default();
        package.size += i64::try_from(info.nar_size).unwrap_or(i64::MAX);
        if !version.is_empty() {
            package.versions.insert(version.to_owned());
        }
    }
    Ok(packages)
}

/// Splits a name where a dash is followed by a digit, as the language's `parseDrvName` does.
fn split_name(name: &str) -> (&str, &str) {
    let bytes = name.as_bytes();
    let at = (1..bytes.len()).find(|&it| bytes[it - 1] == b'-' && bytes[it].is_ascii_digit());
    at.map_or((name, ""), |it| (&name[..it - 1], &name[it..]))
}

#[cfg(test)]
mod tests {
    use super::split_name;

    #[test]
    fn names_and_versions() {
        assert_eq!(split_name("hello-2.10"), ("hello", "2.10"));
        assert_eq!(split_name("etc"), ("etc", ""));
        assert_eq!(split_name("gtk+-3.0-x"), ("gtk+", "3.0-x"));
        assert_eq!(split_name("unit-sshd.service"), ("unit-sshd.service", ""));
    }
}
