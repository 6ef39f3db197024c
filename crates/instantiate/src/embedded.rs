//! Files of the language that live in the program: what `<nix/…>` names.

use crate::files::Embedded;

/// Looked up below the embedded root.
pub(crate) const EMBEDDED: Embedded = &[("/nix/fetchurl.nix", include_bytes!("fetchurl.nix"))];
