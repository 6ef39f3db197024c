//! The manifest of a profile, `manifest.json`: what is in it by name, and where each is from.
//!
//! Written in version 3, read also in versions 1 and 2, whose packages had no names. A profile is
//! made here, as a tree of links that is added to the store, and not by a derivation.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use firn_build::{LinkTreeError, LinkedPackage, link_packages};
use firn_eval::{Ctx, Fail};
use firn_fetch::Url;
use firn_store::tree::LocalTree;
use firn_store::{AddOptions, Store};
use firn_store_model::{OutputsSpec, StoreDir, StorePath};
use serde_json::{Map, Value, json};

use crate::closure_difference::show_versions;
use crate::error::{ProfileError, io_error};
use crate::installed::{in_environment, installed};
use crate::name::PackageName;

/// The priority of what does not say one.
pub const DEFAULT_PRIORITY: i64 = 5;

/// The version that is written.
const VERSION: u64 = 3;

/// Where a package is from: an output of a flake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The reference that was given.
    pub original_url: String,
    /// What it meant then, locked.
    pub url: String,
    /// The attribute.
    pub attr_path: String,
    /// The outputs, if some were named.
    pub outputs: Option<OutputsSpec>,
}

impl Source {
    /// The outputs as they are written behind an attribute: `^out,dev`, or nothing.
    pub fn outputs_text(&self) -> String {
        match &self.outputs {
            None => String::new(),
            Some(outputs) => format!("^{}", listed(outputs).join(",")),
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let outputs = self.outputs_text();
        write!(f, "{}#{}{outputs}", self.original_url, self.attr_path)
    }
}

/// The names of a choice of outputs, `*` for all.
fn listed(outputs: &OutputsSpec) -> Vec<String> {
    match outputs {
        OutputsSpec::All => vec!["*".to_owned()],
        OutputsSpec::Names(names) => names.iter().map(ToString::to_string).collect(),
    }
}

/// A package in a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its paths.
    pub store_paths: BTreeSet<StorePath>,
    /// Where it is from, if that is a flake.
    pub source: Option<Source>,
    /// Whether the profile has its files.
    pub active: bool,
    /// Which package wins where two have the same file: that with the lower number.
    pub priority: i64,
}

impl Package {
    /// What messages call it.
    pub fn identifier(&self) -> String {
        if let Some(source) = &self.source {
            return source.to_string();
        }
        let names = self.store_paths.iter();
        let names: BTreeSet<_> = names.map(|it| PackageName::parse(it.name()).name).collect();
        names.into_iter().collect::<Vec<_>>().join(", ")
    }

    /// The name that it gets in a manifest, unless another package has that.
    pub fn suggested_name(&self) -> String {
        let by_url = self.source.as_ref().and_then(|it| {
            let url = Url::parse_lenient(&it.to_string()).ok()?;
            name_of_url(&url)
        });
        by_url.unwrap_or_else(|| self.identifier())
    }

    /// Its versions as they are shown.
    pub fn versions(&self) -> String {
        let versions = self.store_paths.iter();
        let versions = versions.map(|it| PackageName::parse(it.name()).version);
        show_versions(&versions.collect())
    }

    /// What names it on a command line: a reference, or its paths.
    pub fn installables(&self, store_dir: &StoreDir) -> Vec<String> {
        match &self.source {
            Some(source) => vec![source.to_string()],
            None => self
                .store_paths
                .iter()
                .map(|it| store_dir.print(it))
                .collect(),
        }
    }
}

/// What is in a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Its packages by name.
    pub packages: BTreeMap<String, Package>,
}

/// What merging the packages of a manifest came to.
#[derive(Debug)]
pub enum Built {
    /// The profile.
    Profile(StorePath),
    /// Two packages have the same file.
    Conflict(firn_build::FileConflict),
}

impl Manifest {
    /// Reads the manifest of a profile, or what `nix-env` left there; a profile that does not exist
    /// has nothing in it.
    pub fn read(
        ctx: &mut Ctx<'_>,
        store: &dyn Store,
        profile: &Path,
    ) -> Result<Self, ProfileError> {
        if let Some(manifest) = Self::read_json(store, profile)? {
            return Ok(manifest);
        }
        let mut manifest = Self::default();
        for element in installed(ctx, store, profile)? {
            let path: Result<_, Fail> = element.out_path(ctx, store.store_dir());
            manifest.add(Package {
                store_paths: BTreeSet::from([path?]),
                source: None,
                active: true,
                priority: DEFAULT_PRIORITY,
            });
        }
        Ok(manifest)
    }

    /// Whether a profile, or one of its generations, is what `nix-env` makes.
    pub fn is_user_environment(store: &dyn Store, profile: &Path) -> bool {
        in_environment(store, profile, "manifest.json").is_none()
            && in_environment(store, profile, "manifest.nix").is_some()
    }

    /// Reads the manifest of a profile, if it has one of this kind.
    pub fn read_json(store: &dyn Store, profile: &Path) -> Result<Option<Self>, ProfileError> {
        let Some(place) = in_environment(store, profile, "manifest.json") else {
            return Ok(None);
        };
        let text = std::fs::read(&place).map_err(io_error("reading", &place))?;
        let manifest = Self::parse(&text, store.store_dir());
        let manifest = manifest.map_err(|reason| {
            let shown = profile.join("manifest.json");
            ProfileError::other(format!("profile manifest \"{}\" {reason}", shown.display()))
        });
        manifest.map(Some)
    }

    /// Reads the text of a manifest. The error says what is wrong with it, as an end of a sentence.
    pub fn parse(text: &[u8], store_dir: &StoreDir) -> Result<Self, String> {
        let json: Value =
            serde_json::from_slice(text).map_err(|it| format!("is not valid JSON: {it}"))?;
        let version = json["version"].as_u64().unwrap_or(0);
        let (url, original_url) = match version {
            1 => ("uri", "originalUri"),
            2 | VERSION => ("url", "originalUrl"),
            other => return Err(format!("has unsupported version {other}")),
        };
        let mut manifest = Self::default();
        let mut read = |name: Option<&String>, package: &Value| {
            let package = read_package(package, store_dir, url, original_url)?;
            match name {
                Some(name) => manifest.add_as(name, package),
                None => manifest.add(package),
            }
            Ok::<_, String>(())
        };
        match &json["elements"] {
            Value::Object(packages) => {
                for (name, package) in packages {
                    read(Some(name), package)?;
                }
            }
            Value::Array(packages) => {
                for package in packages {
                    read(None, package)?;
                }
            }
            Value::Null => {}
            _ => return Err("lists its elements in a way that is not known".to_owned()),
        }
        Ok(manifest)
    }

    /// Adds a package under the name that suits it.
    pub fn add(&mut self, package: Package) {
        let name = package.suggested_name();
        self.add_as(&name, package);
    }

    /// Adds a package under a name, or that with a number if it is taken.
    pub fn add_as(&mut self, name: &str, package: Package) {
        let mut free = name.to_owned();
        let mut number = 1;
        while self.packages.contains_key(&free) {
            free = format!("{name}-{number}");
            number += 1;
        }
        self.packages.insert(free, package);
    }

    /// It as JSON.
    pub fn to_json(&self, store_dir: &StoreDir) -> Value {
        let packages = self.packages.iter().map(|(name, package)| {
            let mut shown = Map::new();
            shown.insert("active".to_owned(), package.active.into());
            if let Some(source) = &package.source {
                let outputs = source.outputs.as_ref().map(listed);
                shown.insert("attrPath".to_owned(), source.attr_path.as_str().into());
                shown.insert(
                    "originalUrl".to_owned(),
                    source.original_url.as_str().into(),
                );
                shown.insert("outputs".to_owned(), outputs.into());
                shown.insert("url".to_owned(), source.url.as_str().into());
            }
            shown.insert("priority".to_owned(), package.priority.into());
            let paths = package.store_paths.iter();
            let paths: Vec<_> = paths.map(|it| store_dir.print(it)).collect();
            shown.insert("storePaths".to_owned(), paths.into());
            (name.clone(), Value::Object(shown))
        });
        let packages: Map<_, _> = packages.collect();
        let mut json = json!({"elements": packages, "version": VERSION});
        json.sort_all_objects();
        json
    }

    /// Merges the packages into a profile, in a directory for temporary files, and adds that to the
    /// store. `warn` is told what is left out.
    pub fn build(
        &self,
        store: &dyn Store,
        temporary: &Path,
        warn: &dyn Fn(&str),
    ) -> Result<Built, ProfileError> {
        let scratch = tempfile::tempdir_in(temporary);
        let scratch = scratch.map_err(io_error("making a directory in", temporary))?;
        let tree = scratch.path().join("profile");
        let store_dir = store.store_dir();
        let mut packages = Vec::new();
        let mut references = BTreeSet::new();
        for package in self.packages.values() {
            for path in &package.store_paths {
                if package.active {
                    packages.push(LinkedPackage {
                        priority: package.priority,
                        path: PathBuf::from(store_dir.print(path)),
                    });
                }
                references.insert(path.clone());
            }
        }
        let physical = |path: &Path| crate::installed::physical(store, path.to_owned());
        match link_packages(packages, &tree, &physical, warn) {
            Ok(()) => {}
            Err(LinkTreeError::Conflict(conflict)) => return Ok(Built::Conflict(conflict)),
            Err(error) => return Err(ProfileError::other(error.to_string())),
        }
        let manifest = tree.join("manifest.json");
        std::fs::write(&manifest, self.to_json(store_dir).to_string())
            .map_err(io_error("writing", &manifest))?;
        let options = AddOptions {
            references,
            ..AddOptions::default()
        };
        let profile = store.add_tree("profile", &LocalTree::new(&tree), None, &options)?;
        Ok(Built::Profile(profile))
    }
}

fn read_package(
    json: &Value,
    store_dir: &StoreDir,
    url: &str,
    original_url: &str,
) -> Result<Package, String> {
    let text = |name: &str| {
        let text = json[name].as_str();
        text.ok_or_else(|| format!("has an element without '{name}'"))
    };
    let paths = json["storePaths"].as_array();
    let mut store_paths = BTreeSet::new();
    for path in paths.ok_or("has an element without 'storePaths'")? {
        let path = store_dir.parse(path.as_str().unwrap_or_default());
        store_paths.insert(path.map_err(|it| format!("is malformed: {it}"))?);
    }
    let source = match json[url].as_str() {
        None | Some("") => None,
        Some(url) => Some(Source {
            original_url: text(original_url)?.to_owned(),
            url: url.to_owned(),
            attr_path: text("attrPath")?.to_owned(),
            outputs: read_outputs(&json["outputs"])?,
        }),
    };
    let active = json["active"].as_bool();
    Ok(Package {
        store_paths,
        source,
        active: active.ok_or("has an element without 'active'")?,
        priority: json["priority"].as_i64().unwrap_or(DEFAULT_PRIORITY),
    })
}

fn read_outputs(json: &Value) -> Result<Option<OutputsSpec>, String> {
    let Some(names) = json.as_array() else {
        return Ok(None);
    };
    let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
    let outputs = OutputsSpec::parse(&names.join(","));
    outputs
        .map(Some)
        .map_err(|it| format!("names outputs that cannot be: {it}"))
}

/// Whether a text can be an attribute's or a folder's name without quotes.
fn is_plain(text: &str) -> bool {
    let mut letters = text.bytes();
    !text.is_empty() && letters.all(|it| it.is_ascii_alphanumeric() || b"_-".contains(&it))
}

/// The name that suits what a URL leads to: its folder, the last part of the attribute that its
/// fragment names unless that is the default, the repository, or the end of the path.
pub fn name_of_url(url: &Url) -> Option<String> {
    if let Some(directory) = url.query.get("dir") {
        return Some(directory.clone());
    }
    let (fragment, _) = url.fragment.split_once('^').unwrap_or((&url.fragment, ""));
    let (prefix, last) = fragment.rsplit_once('.').unwrap_or(("", fragment));
    let is_path = is_plain(last) && (prefix.is_empty() || prefix.split('.').all(is_plain));
    if is_path && prefix != "defaultPackage" && last != "default" {
        return Some(last.to_owned());
    }
    let path = url.path.join("/");
    if matches!(url.scheme.as_str(), "github" | "gitlab" | "sourcehut") {
        let mut parts = path.split('/');
        if let (Some(owner), Some(repository)) = (parts.next(), parts.next())
            && is_plain(owner)
            && is_plain(repository)
        {
            return Some(repository.to_owned());
        }
    }
    let (_, last) = path.rsplit_once('/')?;
    is_plain(last).then(|| last.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-hello-2.10";

    fn store_dir() -> StoreDir {
        StoreDir::new("/nix/store").expect("absolute")
    }

    #[test]
    fn older_versions_are_read_and_the_newest_is_written() {
        let check = |text: String, name: &str, url: &str| {
            let manifest = Manifest::parse(text.as_bytes(), &store_dir()).expect("sound");
            let (found, package) = manifest.packages.first_key_value().expect("one");
            assert_eq!(found, name);
            let source = package.source.as_ref().expect("from a flake");
            assert_eq!(source.url, url);
            assert_eq!(package.versions(), "2.10");
            let written = manifest.to_json(&store_dir()).to_string();
            assert!(written.ends_with("\"version\":3}"), "{written}");
            assert_eq!(
                Manifest::parse(written.as_bytes(), &store_dir()),
                Ok(manifest.clone())
            );
        };
        let element = |url: &str, original: &str| {
            format!(
                "{{\"active\":true,\"attrPath\":\"packages.x.hello\",\"{original}\":\"flake:n\",\
                 \"outputs\":[\"out\",\"man\"],\"priority\":7,\"storePaths\":[\"{PATH}\"],\"{url}\":\"path:/n\"}}"
            )
        };
        let list = |version, url, original| {
            format!(
                "{{\"version\":{version},\"elements\":[{}]}}",
                element(url, original)
            )
        };
        check(list(1, "uri", "originalUri"), "hello", "path:/n");
        check(list(2, "url", "originalUrl"), "hello", "path:/n");
        let named = element("url", "originalUrl");
        let named = format!("{{\"version\":3,\"elements\":{{\"mine\":{named}}}}}");
        check(named, "mine", "path:/n");
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let check = |text: &str, expected: &str| {
            let error = Manifest::parse(text.as_bytes(), &store_dir()).expect_err("malformed");
            assert!(error.contains(expected), "{error}");
        };
        check("{", "not valid JSON");
        check("{\"version\":4}", "unsupported version 4");
        check("{\"version\":3,\"elements\":{\"a\":{}}}", "storePaths");
        check(
            "{\"version\":3,\"elements\":[{\"active\":true,\"storePaths\":[\"/x\"]}]}",
            "malformed",
        );
    }

    #[test]
    fn names_that_are_taken_get_a_number() {
        let package = Package {
            store_paths: BTreeSet::from([store_dir().parse(PATH).expect("sound")]),
            source: None,
            active: true,
            priority: DEFAULT_PRIORITY,
        };
        let mut manifest = Manifest::default();
        for _ in 0..3 {
            manifest.add(package.clone());
        }
        let names: Vec<_> = manifest.packages.keys().collect();
        assert_eq!(names, ["hello", "hello-1", "hello-2"]);
    }

    #[test]
    fn urls_suggest_names() {
        let check = |url: &str, expected: Option<&str>| {
            let url = Url::parse_lenient(url).expect("sound");
            assert_eq!(name_of_url(&url).as_deref(), expected, "{url:?}");
        };
        check(
            "path:/home/me/flake1#packages.x86_64-linux.default",
            Some("flake1"),
        );
        check(
            "path:/home/me/flake1#packages.x86_64-linux.hello^*",
            Some("hello"),
        );
        check("github:owner/repo/branch#default", Some("repo"));
        check("github:owner/repo?dir=sub#x", Some("sub"));
        check("git+ssh://host/a/b#defaultPackage.x86_64-linux", Some("b"));
        check("flake:nixpkgs#legacyPackages.x86_64-linux.a.b", Some("b"));
        check("flake:nixpkgs", None);
        check("path:./a.b", None);
    }
}
