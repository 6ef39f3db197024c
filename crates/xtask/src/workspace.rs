//! The workspace as the chores see it: where its root is, which files git knows, and what each
//! member's manifest says it depends on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What every chore returns: nothing, or one message for the person who ran it.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// The root of the checkout.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
}

/// One member: its folder under the root and the internal crates its manifest names.
pub(crate) struct Member {
    pub(crate) folder: String,
    pub(crate) package: String,
    pub(crate) dependencies: Vec<String>,
    pub(crate) dev_dependencies: Vec<String>,
    pub(crate) external: Vec<String>,
}

impl Workspace {
    /// Finds the root from this crate's own manifest directory.
    pub(crate) fn find() -> Outcome<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here
            .ancestors()
            .nth(2)
            .ok_or("the chore's crate lies two folders below the root")?;
        Ok(Self {
            root: root.to_path_buf(),
        })
    }

    /// Every file that git tracks or would track.
    pub(crate) fn files(&self) -> Outcome<Vec<String>> {
        let output = Command::new("git")
            .args([
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
            ])
            .current_dir(&self.root)
            .output()
            .map_err(|error| format!("cannot run git: {error}"))?;
        if !output.status.success() {
            return Err("git ls-files failed: is this a checkout?".to_owned());
        }
        let listing = String::from_utf8_lossy(&output.stdout);
        let mut files: Vec<String> = listing
            .split('\0')
            .filter(|name| !name.is_empty() && self.root.join(name).is_file())
            .map(ToOwned::to_owned)
            .collect();
        files.sort();
        files.dedup();
        Ok(files)
    }

    /// The members, by package name.
    pub(crate) fn members(&self) -> Outcome<BTreeMap<String, Member>> {
        let mut folders: Vec<PathBuf> =
            vec![self.root.join("lang-tests"), self.root.join("benches")];
        let crates = self.root.join("crates");
        let listing =
            std::fs::read_dir(&crates).map_err(|error| format!("cannot list `crates`: {error}"))?;
        for entry in listing {
            folders.push(entry.map_err(|error| error.to_string())?.path());
        }
        let mut members = BTreeMap::new();
        for folder in folders {
            let manifest = folder.join("Cargo.toml");
            if !manifest.is_file() {
                continue;
            }
            let member = self.read_member(&folder, &manifest)?;
            members.insert(member.package.clone(), member);
        }
        Ok(members)
    }

    fn read_member(&self, folder: &Path, manifest: &Path) -> Outcome<Member> {
        let shown = manifest.display();
        let text = std::fs::read_to_string(manifest)
            .map_err(|error| format!("cannot read {shown}: {error}"))?;
        let table: toml::Table = text.parse().map_err(|error| format!("{shown}: {error}"))?;
        let package = table
            .get("package")
            .and_then(|package| package.get("name"))
            .and_then(toml::Value::as_str)
            .ok_or_else(|| format!("{shown}: no package name"))?;
        let names = |section: &str| -> Vec<String> {
            let dependencies = table.get(section).and_then(toml::Value::as_table);
            dependencies
                .map(|table| table.keys().cloned().collect())
                .unwrap_or_default()
        };
        let (internal, mut external): (Vec<_>, Vec<_>) = names("dependencies")
            .into_iter()
            .partition(|name| name.starts_with("firn-"));
        external.extend(names("build-dependencies"));
        let folder = folder
            .strip_prefix(&self.root)
            .map_err(|error| error.to_string())?;
        Ok(Member {
            folder: folder.display().to_string(),
            package: package.to_owned(),
            dependencies: internal,
            dev_dependencies: names("dev-dependencies"),
            external,
        })
    }
}
