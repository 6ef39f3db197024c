//! `local-overlay://`: a store of this machine whose directory is an overlay over that of another.

use std::path::PathBuf;

use firn_settings::Feature;
use firn_store::OverlayOptions;
use firn_store_model::StorePath;

use super::StoreUrl;
use crate::{Context, Failure, sources};

/// The scheme of such stores.
pub(super) const OVERLAY: &str = "local-overlay";

impl Context {
    /// The layers that a URL names; `None` for one of another scheme.
    pub(super) fn overlay_options(
        &self,
        url: &StoreUrl,
    ) -> Result<Option<OverlayOptions>, Failure> {
        if url.scheme != OVERLAY {
            return Ok(None);
        }
        self.require(Feature::LocalOverlayStore)?;
        let text = |name: &str| {
            let value = url.params.get(name);
            value.map(String::as_str).filter(|it| !it.is_empty())
        };
        let path = |text: &str| PathBuf::from(sources::absolute(text).path.to_string());
        let required = |name: &str| {
            text(name).ok_or_else(|| {
                Failure::message(format!(
                    "a store '{OVERLAY}://' needs the parameter '{name}'"
                ))
            })
        };
        let lower_url = required("lower-store")?;
        let upper_dir = path(required("upper-layer")?);
        let lower = self.open_store_url(lower_url)?;
        // Any path tells where the paths lie.
        let some_path = StorePath::parse("00000000000000000000000000000000-x");
        let some_path = some_path.map_err(|it| Failure::message(it.to_string()))?;
        let lower_dir = lower
            .physical_path(&some_path)
            .and_then(|path| path.parent().map(ToOwned::to_owned));
        let lower_dir = lower_dir.ok_or_else(|| {
            Failure::message(format!(
                "the store '{lower_url}' cannot be the lower one of an overlay: it has no files here"
            ))
        })?;
        Ok(Some(OverlayOptions {
            lower,
            lower_dir,
            upper_dir,
            check_mount: url.flag("check-mount").unwrap_or(true),
            remount_hook: text("remount-hook").map(path),
        }))
    }
}
