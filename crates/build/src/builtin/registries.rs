//! Registries of languages: `mirror://pypi/PROJECT/VERSION/FILE`, `mirror://crates/NAME/VERSION` and
//! `mirror://npm/NAME/VERSION`.
//!
//! Each has an interface of its own for finding a file: PyPI's simple index (PEP 503), the template
//! of downloads of a cargo registry (the Cargo book, *Running a registry*), and the path of tarballs
//! of an npm registry. Where a registry is, the setting `mirrors.<scheme>` says; else the
//! configuration of the client that the host has: pip's, cargo's, npm's. A client that is configured
//! with nothing is asked for its default, so that no host has to be built in here.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use firn_transfer::{Client, Request, percent_decode};

use crate::BuildSettings;

/// More than the page of any project.
const MAX_PAGE: u64 = 64 << 20;

/// The addresses of a file in a registry; `None` where the scheme is not one of a registry.
pub(super) fn resolve(
    settings: &BuildSettings,
    client: &Client,
    scheme: &str,
    path: &str,
) -> Option<Result<Vec<String>, String>> {
    let host = Host { settings };
    Some(match scheme {
        "pypi" => host.python(client, path),
        "crates" => host.rust(path),
        "npm" => host.node(path),
        _ => return None,
    })
}

/// The machine whose clients are looked at.
struct Host<'a> {
    settings: &'a BuildSettings,
}

impl Host<'_> {
    fn python(&self, client: &Client, path: &str) -> Result<Vec<String>, String> {
        let mut parts = path.split('/');
        let (Some(project), Some(_version), Some(file), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed("pypi", path, "PROJECT/VERSION/FILE"));
        };
        let mut reason = None;
        let mut found = Vec::new();
        for index in self.registries("pypi", Self::python_indexes)? {
            let page = format!("{}/{}/", index.trim_end_matches('/'), normal_name(project));
            match client.get(&Request::new(&page), MAX_PAGE) {
                Ok((bytes, _)) => {
                    found.extend(link_to(&String::from_utf8_lossy(&bytes), &page, file));
                }
                Err(error) => reason = Some(error.to_string()),
            }
        }
        match reason {
            _ if !found.is_empty() => Ok(found),
            Some(reason) => Err(reason),
            None => Err(format!("the index has no file '{file}' of '{project}'")),
        }
    }

    fn rust(&self, path: &str) -> Result<Vec<String>, String> {
        let Some((name, version)) = path.split_once('/') else {
            return Err(malformed("crates", path, "NAME/VERSION"));
        };
        let fill = |template: &String| {
            if !template.contains('{') {
                return format!(
                    "{}/{name}/{version}/download",
                    template.trim_end_matches('/')
                );
            }
            let prefix = crate_prefix(name);
            template
                .replace("{crate}", name)
                .replace("{version}", version)
                .replace("{prefix}", &prefix)
                .replace("{lowerprefix}", &prefix.to_lowercase())
        };
        Ok(self
            .registries("crates", Self::rust_downloads)?
            .iter()
            .map(fill)
            .collect())
    }

    fn node(&self, path: &str) -> Result<Vec<String>, String> {
        let Some((name, version)) = path.rsplit_once('/') else {
            return Err(malformed("npm", path, "NAME/VERSION"));
        };
        // A package may have a scope, `@scope/name`, which is not part of the file's name.
        let base = name.rsplit('/').next().unwrap_or(name);
        Ok(self
            .registries("npm", Self::node_registries)?
            .iter()
            .map(|it| format!("{}/{name}/-/{base}-{version}.tgz", it.trim_end_matches('/')))
            .collect())
    }

    /// What the settings name, else what the client of the host is configured with.
    fn registries(
        &self,
        scheme: &str,
        of_client: fn(&Self) -> Vec<String>,
    ) -> Result<Vec<String>, String> {
        let mut bases = self
            .settings
            .mirrors
            .get(scheme)
            .cloned()
            .unwrap_or_default();
        if bases.is_empty() {
            bases = of_client(self);
        }
        if bases.is_empty() {
            return Err(format!(
                "no registry is known for 'mirror://{scheme}/'; set 'mirrors.{scheme}' to the address of one, or \
                 'hashed-mirrors' to a place that has the file by its hash"
            ));
        }
        Ok(bases)
    }

    fn python_indexes(&self) -> Vec<String> {
        let home = self.home();
        let mut found: Vec<String> = self.variable("PIP_INDEX_URL").into_iter().collect();
        for file in [
            home.join(".config/pip/pip.conf"),
            home.join(".pip/pip.conf"),
            PathBuf::from("/etc/pip.conf"),
        ] {
            found.extend(value_in(&file, "index-url"));
        }
        if found.is_empty() {
            let script = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)";
            found.extend(self.ask("python3", &["-c", script]));
        }
        found
    }

    fn rust_downloads(&self) -> Vec<String> {
        let cargo = self
            .variable("CARGO_HOME")
            .map_or_else(|| self.home().join(".cargo"), PathBuf::from);
        let mut indexes: Vec<PathBuf> = std::fs::read_dir(cargo.join("registry/index"))
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
            .unwrap_or_default();
        indexes.sort();
        indexes
            .iter()
            .filter_map(|index| {
                let text = std::fs::read(index.join("config.json")).ok()?;
                let config: serde_json::Value = serde_json::from_slice(&text).ok()?;
                config.get("dl")?.as_str().map(str::to_owned)
            })
            .collect()
    }

    fn node_registries(&self) -> Vec<String> {
        let mut found: Vec<String> = self.variable("npm_config_registry").into_iter().collect();
        for file in [self.home().join(".npmrc"), PathBuf::from("/etc/npmrc")] {
            found.extend(value_in(&file, "registry"));
        }
        if found.is_empty() {
            found.extend(self.ask("npm", &["config", "get", "registry"]));
        }
        found
    }

    fn variable(&self, name: &str) -> Option<String> {
        let value = self.settings.host_env.get(name.as_bytes())?;
        String::from_utf8(value.clone())
            .ok()
            .filter(|it| !it.is_empty())
    }

    fn home(&self) -> PathBuf {
        self.variable("HOME")
            .map_or_else(|| PathBuf::from("/root"), PathBuf::from)
    }

    /// The first line that a program of the host prints, if it is an address.
    fn ask(&self, program: &str, arguments: &[&str]) -> Option<String> {
        let path = self.variable("PATH")?;
        let program = path
            .split(':')
            .map(|dir| Path::new(dir).join(program))
            .find(|it| it.is_file())?;
        let output = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let line = text.lines().next()?.trim();
        line.starts_with("http").then(|| line.to_owned())
    }
}

fn malformed(scheme: &str, path: &str, form: &str) -> String {
    format!("'mirror://{scheme}/{path}' is not of the form 'mirror://{scheme}/{form}'")
}

/// The name of a project as an index knows it: lower case, with runs of `-`, `_` and `.` as one `-`
/// (PEP 503).
fn normal_name(project: &str) -> String {
    let mut name = String::with_capacity(project.len());
    for letter in project.chars() {
        match letter {
            '-' | '_' | '.' if name.ends_with('-') => {}
            '-' | '_' | '.' => name.push('-'),
            _ => name.push(letter.to_ascii_lowercase()),
        }
    }
    name
}

/// The folders that a registry keeps a crate in: by the length of its name and its first letters.
fn crate_prefix(name: &str) -> String {
    match name.len() {
        0 => String::new(),
        1 => "1".to_owned(),
        2 => "2".to_owned(),
        3 => format!("3/{}", &name[..1]),
        _ => format!("{}/{}", &name[..2], &name[2..4]),
    }
}

/// The address of the link on an index's page that ends in a file's name.
fn link_to(page: &str, at: &str, file: &str) -> Option<String> {
    page.split("href=").skip(1).find_map(|rest| {
        let quote = rest.chars().next().filter(|it| matches!(it, '"' | '\''))?;
        let target = rest[1..].split(quote).next()?.replace("&amp;", "&");
        let bare = target.split(['#', '?']).next()?;
        let name = percent_decode(bare.rsplit('/').next()?);
        (name == file.as_bytes()).then(|| join(at, target.split('#').next().unwrap_or(bare)))
    })
}

/// An address relative to that of a page whose own ends in `/`.
fn join(page: &str, target: &str) -> String {
    if target.contains("://") {
        return target.to_owned();
    }
    let host_end = page.find("://").map_or(0, |at| at + 3);
    let root_end = page[host_end..]
        .find('/')
        .map_or(page.len(), |at| host_end + at);
    if let Some(rest) = target.strip_prefix("//") {
        return format!("{}{rest}", &page[..host_end]);
    }
    if target.starts_with('/') {
        return format!("{}{target}", &page[..root_end]);
    }
    let mut base = page.trim_end_matches('/');
    let mut rest = target;
    while let Some(shorter) = rest.strip_prefix("../") {
        rest = shorter;
        base = base.rsplit_once('/').map_or(base, |(parent, _)| parent);
    }
    format!("{base}/{}", rest.trim_start_matches("./"))
}

/// The first value of a key in a file of lines `key = value`.
fn value_in(file: &Path, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == key).then(|| value.trim().trim_matches('"').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn client(settings: &BuildSettings) -> Client {
        Client::new(settings.transfer.clone(), Arc::new(firn_events::NullSink))
    }

    #[test]
    fn a_file_of_a_python_project_is_found_in_a_simple_index() {
        let dir = tempfile::tempdir().expect("a directory");
        let index = format!("file://{}", dir.path().display());
        std::fs::create_dir(dir.path().join("typing-extensions")).expect("made");
        let settings = BuildSettings {
            mirrors: [("pypi".to_owned(), vec![index.clone()])].into(),
            ..BuildSettings::default()
        };
        let find =
            |path: &str| resolve(&settings, &client(&settings), "pypi", path).expect("a registry");
        assert!(
            find("Typing.Extensions/1")
                .expect_err("two parts")
                .contains("PROJECT/VERSION/FILE")
        );
        // A folder has no page here, so the pages are tried as texts.
        let page = "<a href=\"../../packages/ab/a-1.tar.gz#sha256=00\">a-1.tar.gz</a><a href='/x/b%2B1.zip'>b</a>";
        let at = "http://index.example/simple/a/";
        assert_eq!(
            link_to(page, at, "a-1.tar.gz").as_deref(),
            Some("http://index.example/packages/ab/a-1.tar.gz")
        );
        assert_eq!(
            link_to(page, at, "b+1.zip").as_deref(),
            Some("http://index.example/x/b%2B1.zip")
        );
        assert_eq!(link_to(page, at, "c"), None);
        assert_eq!(normal_name("Typing.__Extensions"), "typing-extensions");
    }

    #[test]
    fn crates_and_node_packages_have_their_places() {
        let home = tempfile::tempdir().expect("a directory");
        let index = home.path().join(".cargo/registry/index/one");
        std::fs::create_dir_all(&index).expect("made");
        std::fs::write(
            index.join("config.json"),
            r#"{"dl":"http://crates.example/dl","api":"x"}"#,
        )
        .expect("written");
        std::fs::write(
            home.path().join(".npmrc"),
            "fund=false\nregistry=http://npm.example/\n",
        )
        .expect("written");
        let home = home.path().display().to_string().into_bytes();
        let mut settings = BuildSettings {
            host_env: [(b"HOME".to_vec(), home)].into(),
            ..BuildSettings::default()
        };
        let find = |settings: &BuildSettings, scheme: &str, path: &str| {
            resolve(settings, &client(settings), scheme, path).expect("a registry")
        };
        assert_eq!(
            find(&settings, "crates", "itoa/1.0.0"),
            Ok(vec![
                "http://crates.example/dl/itoa/1.0.0/download".to_owned()
            ])
        );
        assert_eq!(
            find(&settings, "npm", "@types/node/20.0.0"),
            Ok(vec![
                "http://npm.example/@types/node/-/node-20.0.0.tgz".to_owned()
            ])
        );
        settings.mirrors.insert(
            "crates".to_owned(),
            vec!["http://c/{prefix}/{crate}/{crate}-{version}.crate".to_owned()],
        );
        assert_eq!(
            find(&settings, "crates", "serde/1.0.1"),
            Ok(vec!["http://c/se/rd/serde/serde-1.0.1.crate".to_owned()])
        );
    }
}
