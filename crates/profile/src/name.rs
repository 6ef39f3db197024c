//! Names of packages, and what selects them.
//!
//! A name is split at the first dash that no letter follows; the rest is the version. A selector is
//! written like a name, but what stands for the name is a regular expression that has to match all
//! of it, and a version, if there is one, has to be the same.

use std::cell::RefCell;
use std::cmp::Ordering;

use firn_builtins::regex::{Regex, Scratch};
use firn_builtins::version;

/// A name with its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageName {
    /// All of it.
    pub full: String,
    /// What stands before the version.
    pub name: String,
    /// The version; empty if there is none.
    pub version: String,
}

impl PackageName {
    /// Splits a name.
    pub fn parse(text: &str) -> Self {
        let (name, version) = version::parse_drv_name(text.as_bytes());
        // The split is at a dash, so both parts are text again.
        let part = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            full: text.to_owned(),
            name: part(name),
            version: part(version),
        }
    }
}

/// The order of versions.
pub fn compare_versions(left: &str, right: &str) -> Ordering {
    version::compare_versions(left.as_bytes(), right.as_bytes())
}

/// What selects packages by name.
pub struct Selector {
    /// The words it was given as.
    pub name: PackageName,
    /// The expression for the name; none matches everything.
    regex: Option<Regex>,
    scratch: RefCell<Scratch>,
}

impl Selector {
    /// Reads a selector. The error says what is wrong with its regular expression.
    pub fn parse(text: &str) -> Result<Self, String> {
        let name = PackageName::parse(text);
        let regex = if name.name == "*" {
            None
        } else {
            let regex = Regex::new(name.name.as_bytes());
            Some(regex.map_err(|_| format!("invalid regular expression '{}'", name.name))?)
        };
        Ok(Self {
            name,
            regex,
            scratch: RefCell::default(),
        })
    }

    /// Whether it selects a package.
    pub fn matches(&self, package: &PackageName) -> bool {
        let fits = self.regex.as_ref().is_none_or(|regex| {
            let scratch = &mut *self.scratch.borrow_mut();
            regex
                .match_whole(package.name.as_bytes(), scratch)
                .is_some()
        });
        fits && (self.name.version.is_empty() || self.name.version == package.version)
    }

    /// Whether it is `*`, which may select nothing.
    pub fn is_everything(&self) -> bool {
        self.name.full == "*"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_before_the_version() {
        let check = |text: &str, name: &str, version: &str| {
            let parsed = PackageName::parse(text);
            assert_eq!((&*parsed.name, &*parsed.version), (name, version), "{text}");
        };
        check("apache-httpd-2.0.48", "apache-httpd", "2.0.48");
        check("foo", "foo", "");
        check("foo-", "foo-", "");
        check("python3.11-six-1.0", "python3.11-six", "1.0");
        check("foo-bar-2.0pre1-dev", "foo-bar", "2.0pre1-dev");
    }

    #[test]
    fn selectors_match_whole_names() {
        let check = |selector: &str, package: &str, expected: bool| {
            let selector = Selector::parse(selector).expect("sound");
            let package = PackageName::parse(package);
            assert_eq!(selector.matches(&package), expected, "{}", package.full);
        };
        check("foo", "foo-1.0", true);
        check("foo", "foobar-1.0", false);
        check("foo-1.0", "foo-1.0", true);
        check("foo-1.0", "foo-1.0.1", false);
        check("*", "anything-1", true);
        check("*-2", "anything-2", true);
        check("*-2", "anything-1", false);
        check(".*zip.*", "gzip-1.2", true);
        check("[fb]oo-2", "boo-2", true);
        assert!(Selector::parse("a[").is_err());
    }
}
