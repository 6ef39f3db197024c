//! The boot specification of a system: what a boot loader needs to know (RFC 125, version 1).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::{SystemError, io_error};

/// How a system boots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootSpec {
    /// What it is called in menus.
    pub label: String,
    /// The first process.
    pub init: PathBuf,
    /// The kernel.
    pub kernel: PathBuf,
    /// Its parameters.
    pub kernel_params: Vec<String>,
    /// The first root file system.
    pub initrd: Option<PathBuf>,
    /// Its variants, each a system.
    pub specialisations: BTreeMap<String, PathBuf>,
}

impl BootSpec {
    /// Reads the specification of a system.
    pub fn read(toplevel: &Path) -> Result<Self, SystemError> {
        let path = toplevel.join("boot.json");
        let text = std::fs::read_to_string(&path).map_err(io_error("reading", &path))?;
        let json: Value =
            serde_json::from_str(&text).map_err(|it| SystemError::malformed(&path, it))?;
        let v1 = &json["org.nixos.bootspec.v1"];
        let text = |key: &str| v1[key].as_str().map(str::to_owned);
        let required = |key: &'static str| {
            text(key).ok_or_else(|| {
                SystemError::malformed(
                    &path,
                    format!("there is no '{key}', so nothing that a machine could boot"),
                )
            })
        };
        let params = v1["kernelParams"].as_array().map(Vec::as_slice);
        let params = params.unwrap_or_default().iter();
        Ok(Self {
            label: required("label")?,
            init: required("init")?.into(),
            kernel: required("kernel")?.into(),
            kernel_params: params
                .filter_map(|it| it.as_str().map(str::to_owned))
                .collect(),
            initrd: text("initrd").map(PathBuf::from),
            specialisations: specialisations(toplevel),
        })
    }

    /// The command line of the kernel.
    pub fn command_line(&self) -> String {
        let init = format!("init={}", self.init.display());
        let mut words = vec![init];
        words.extend(self.kernel_params.iter().cloned());
        words.join(" ")
    }
}

/// The variants of a system.
pub fn specialisations(toplevel: &Path) -> BTreeMap<String, PathBuf> {
    let Ok(entries) = std::fs::read_dir(toplevel.join("specialisation")) else {
        return BTreeMap::new();
    };
    let entries = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let target = entry.path().canonicalize().ok()?;
        Some((entry.file_name().to_string_lossy().into_owned(), target))
    });
    entries.collect()
}
