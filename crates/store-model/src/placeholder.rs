//! Placeholders: texts of the shape of a path that stand for outputs whose path is not known yet.

use firn_hash::{Hash, Hasher, base32, compress_hash};

use crate::name::output_path_name;
use crate::{SingleDerivedPath, StorePathError};

/// What `builtins.placeholder` yields: stands for an output inside its own derivation.
pub fn output_placeholder(output: &str) -> String {
    render(&Hasher::sha256(format!("nix-output:{output}").as_bytes()))
}

/// Stands for an output of another derivation, which is not known before that is built.
///
/// `drv` is the derivation (perhaps itself an output), `output` the output meant.
pub fn downstream_placeholder(
    drv: &SingleDerivedPath,
    output: &str,
) -> Result<String, StorePathError> {
    Ok(render(&downstream_hash(drv, output)?))
}

fn downstream_hash(drv: &SingleDerivedPath, output: &str) -> Result<Hash, StorePathError> {
    let clear_text = match drv {
        SingleDerivedPath::Opaque(path) => {
            let name = output_path_name(path.derivation_name()?, output);
            format!("nix-upstream-output:{}:{name}", path.hash_part())
        }
        SingleDerivedPath::Built {
            drv,
            output: drv_output,
        } => {
            let outer: [u8; 20] = compress_hash(downstream_hash(drv, drv_output)?.digest());
            format!("nix-computed-output:{}:{output}", base32::encode(&outer))
        }
    };
    Ok(Hasher::sha256(clear_text.as_bytes()))
}

fn render(hash: &Hash) -> String {
    format!("/{}", hash.to_nix32())
}
