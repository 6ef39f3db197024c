//! `builtin:fetchurl`: a file from somewhere, whose hash is known.
//!
//! Candidates are tried in order: the hashed mirrors (files named by their hash), then the address
//! itself. `mirror://<scheme>/<rest>` stands for the base addresses of the setting
//! `mirrors.<scheme>`. Where a file came from does not matter, because its hash is checked like
//! that of any fixed output.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use firn_store_model::{ContentAddressMethod, DerivationOutput};

use super::{Builtin, failed};

impl Builtin<'_> {
    pub(super) fn fetchurl(&self) -> Result<(), String> {
        let kind = self.build.inputs.kind;
        if !kind.is_fixed() && !kind.is_impure() {
            return Err(
                "'builtin:fetchurl' must be a fixed-output or impure derivation".to_owned(),
            );
        }
        let out = self.out()?;
        let url = self.attribute("url")?;
        let unpack = self.optional_attribute("unpack").as_deref() == Some("1");
        let executable = self.optional_attribute("executable").as_deref() == Some("1");
        let mut tried = Vec::new();
        let mut candidates = self.hashed_mirrors();
        candidates.extend(self.resolve_mirror(&url)?);
        for candidate in &candidates {
            match self.fetch(candidate, &url, out, unpack) {
                Ok(()) => {
                    if executable {
                        std::fs::set_permissions(out, std::fs::Permissions::from_mode(0o755))
                            .map_err(failed("changing mode of", out))?;
                    }
                    return Ok(());
                }
                Err(error) => {
                    drop(firn_sys::file::remove_tree(out));
                    tried.push(error);
                }
            }
        }
        Err(tried
            .pop()
            .unwrap_or_else(|| format!("cannot fetch '{url}'")))
    }

    /// Places where a file of this hash may lie.
    fn hashed_mirrors(&self) -> Vec<String> {
        let output = self
            .build
            .inputs
            .derivation
            .outputs
            .iter()
            .find(|(name, _)| name.is_out());
        let Some((_, DerivationOutput::Fixed(address))) = output else {
            return Vec::new();
        };
        if address.method != ContentAddressMethod::Flat {
            return Vec::new();
        }
        self.settings
            .hashed_mirrors
            .iter()
            .map(|mirror| {
                format!(
                    "{}/{}/{}",
                    mirror.trim_end_matches('/'),
                    address.hash.algorithm(),
                    address.hash.to_base16()
                )
            })
            .collect()
    }

    /// The addresses that an address stands for.
    fn resolve_mirror(&self, url: &str) -> Result<Vec<String>, String> {
        let Some(rest) = url.strip_prefix("mirror://") else {
            return Ok(vec![url.to_owned()]);
        };
        let (scheme, path) = rest.split_once('/').unwrap_or((rest, ""));
        match self.settings.mirrors.get(scheme) {
            Some(bases) if !bases.is_empty() => Ok(bases
                .iter()
                .map(|base| format!("{}/{path}", base.trim_end_matches('/')))
                .collect()),
            _ => Err(format!(
                "no mirror is known for '{url}'; set 'mirrors.{scheme}' to the address of one, or \
                 'hashed-mirrors' to a place that has the file by its hash"
            )),
        }
    }

    fn fetch(&self, from: &str, url: &str, out: &Path, unpack: bool) -> Result<(), String> {
        let path = if let Some(path) = from.strip_prefix("file://") {
            PathBuf::from(path)
        } else if from.starts_with('/') {
            PathBuf::from(from)
        } else {
            return Err(format!("unable to download '{from}': unsupported address"));
        };
        if unpack {
            return Err(format!("cannot unpack '{url}'"));
        }
        let mut source = File::open(&path).map_err(|error| {
            format!(
                "unable to download '{from}': {}",
                crate::error::plain(&error)
            )
        })?;
        let mut file = File::create(out).map_err(failed("creating file", out))?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            let n = source.read(&mut buffer).map_err(failed("reading", &path))?;
            if n == 0 {
                return Ok(());
            }
            file.write_all(&buffer[..n])
                .map_err(failed("writing", out))?;
        }
    }
}
