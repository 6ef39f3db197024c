//! `builtin:fetchurl`: a file from somewhere, whose hash is known.
//!
//! Candidates are tried in order: the hashed mirrors (files named by their hash), then the address
//! itself, or what it stands for (`mirrors`). Where a file came from does not matter, because its
//! hash is checked like that of any fixed output.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use firn_events::{ActivityGuard, ActivityKind, Level};
use firn_store::tree;
use firn_store_model::{ContentAddressMethod, DerivationOutput};
use firn_transfer::{Client, Compression, Request};

use super::{Builtin, failed, mirrors};

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
        let client = Client::new(self.settings.transfer.clone(), self.activity.sink().clone());
        let mut tried = Vec::new();
        let mut candidates = self.hashed_mirrors();
        for url in self.addresses(&url) {
            match mirrors::resolve(self.settings, &client, &url) {
                Ok(addresses) => candidates.extend(addresses),
                Err(error) => tried.push(error),
            }
        }
        for candidate in &candidates {
            match self.fetch(&client, candidate, &url, (out, unpack)) {
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
        // One reason is the message; of several, all are needed to see what to mend.
        Err(match tried.as_slice() {
            [] => format!("cannot fetch '{url}'"),
            [one] => one.clone(),
            several => format!("cannot fetch '{url}':\n  {}", several.join("\n  ")),
        })
    }

    /// The addresses that the derivation names: `url`, then what else is in `urls`.
    fn addresses(&self, url: &str) -> Vec<String> {
        let mut addresses = vec![url.to_owned()];
        for other in self
            .optional_attribute("urls")
            .unwrap_or_default()
            .split_whitespace()
        {
            if !addresses.iter().any(|it| it == other) {
                addresses.push(other.to_owned());
            }
        }
        addresses
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

    fn fetch(
        &self,
        client: &Client,
        from: &str,
        url: &str,
        (out, unpack): (&Path, bool),
    ) -> Result<(), String> {
        let _activity = ActivityGuard::start(
            self.activity.sink(),
            Some(self.activity.id()),
            Level::Talkative,
            format!("downloading '{from}'"),
            ActivityKind::FileTransfer {
                url: from.to_owned(),
            },
        );
        let mut download = client
            .download(&Request::new(from))
            .map_err(|error| error.to_string())?;
        if unpack {
            let compression = match url.strip_suffix(".xz") {
                Some(_) => Compression::Xz,
                None => Compression::None,
            };
            let mut archive = compression
                .reader(download)
                .map_err(|error| format!("unpacking '{from}': {error}"))?;
            return tree::unpack(&mut archive, out, false).map_err(|error| error.to_string());
        }
        let mut file = File::create(out).map_err(failed("creating file", out))?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            // A failure of the transfer says itself what it was reading.
            let n = download
                .read(&mut buffer)
                .map_err(|error| error.to_string())?;
            if n == 0 {
                return Ok(());
            }
            file.write_all(&buffer[..n])
                .map_err(failed("writing", out))?;
        }
    }
}
