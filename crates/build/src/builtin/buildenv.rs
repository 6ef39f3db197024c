//! `builtin:buildenv`: a tree of links that merges several packages, as profiles are.

use std::path::PathBuf;

use firn_events::Level;

use super::{Builtin, failed};
use crate::link_tree::{LinkedPackage, link_packages};

impl Builtin<'_> {
    pub(super) fn buildenv(&self) -> Result<(), String> {
        let out = self.out()?;
        let packages = parse_packages(&self.attribute("derivations")?)?;
        let warn = |text: &str| {
            let text = format!("warning: {text}");
            self.activity.sink().message(Level::Warn, &text);
        };
        link_packages(packages, out, &|path| self.physical(path), &warn)
            .map_err(|error| error.to_string())?;
        let manifest = out.join("manifest.nix");
        std::os::unix::fs::symlink(self.attribute("manifest")?, &manifest)
            .map_err(failed("making link", &manifest))
    }
}

/// Reads `active priority n path…` as often as it comes, and keeps what is active.
fn parse_packages(text: &str) -> Result<Vec<LinkedPackage>, String> {
    let mut words = text.split_whitespace();
    let mut packages = Vec::new();
    while let Some(active) = words.next() {
        let number = |word: Option<&str>| {
            word.and_then(|word| word.parse::<i64>().ok())
                .ok_or_else(|| "attribute 'derivations' is malformed".to_owned())
        };
        let priority = number(words.next())?;
        for _ in 0..number(words.next())? {
            let path = words.next().ok_or("attribute 'derivations' is malformed")?;
            if active != "false" {
                packages.push(LinkedPackage {
                    priority,
                    path: PathBuf::from(path),
                });
            }
        }
    }
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_read_in_groups() {
        let packages = parse_packages("true 5 2 /s/a /s/b false 1 1 /s/c").expect("sound");
        assert_eq!(
            packages,
            ["/s/a", "/s/b"].map(|path| LinkedPackage {
                priority: 5,
                path: PathBuf::from(path),
            })
        );
        assert!(parse_packages("true x").is_err());
    }
}
