//! Printing derivations as ATerms, into memory or straight into a digest.

use firn_hash::{Algorithm, Hash, Hasher, base16};

use crate::{Derivation, DerivationOutput, InputNode, MakePathError, OutputName, StoreDir};

/// Where the text goes. It never fails and takes many small pieces.
pub(crate) trait Sink {
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Gathers pieces for a digest, which is quicker with a few large ones.
pub(crate) struct Digest {
    hasher: Hasher,
    pieces: Vec<u8>,
}

impl Digest {
    /// Bytes that are gathered.
    const MANY: usize = 4096;

    /// Starts a SHA-256 digest.
    pub(crate) fn new() -> Self {
        Self {
            hasher: Hasher::new(Algorithm::Sha256),
            pieces: Vec::with_capacity(Self::MANY),
        }
    }

    /// The digest of all that was put in.
    pub(crate) fn finish(mut self) -> Hash {
        self.hasher.update(&self.pieces);
        self.hasher.finish()
    }
}

impl Sink for Digest {
    fn put(&mut self, bytes: &[u8]) {
        if self.pieces.len() + bytes.len() <= Self::MANY {
            self.pieces.extend_from_slice(bytes);
            return;
        }
        self.hasher.update(&self.pieces);
        self.pieces.clear();
        if bytes.len() < Self::MANY {
            self.pieces.extend_from_slice(bytes);
        } else {
            self.hasher.update(bytes);
        }
    }
}

/// How input derivations are written.
pub(crate) enum Inputs<'a> {
    /// By their paths.
    Paths,
    /// By their hashes modulo fixed outputs: sorted pairs of hash and output, without duplicates.
    Hashes(&'a [([u8; 32], &'a OutputName)]),
}

/// Prints `drv`. With `mask_outputs`, the paths of its own outputs are left empty, in the list of
/// outputs and in the environment variables named like outputs.
pub(crate) fn write<S: Sink>(
    drv: &Derivation,
    store_dir: &StoreDir,
    mask_outputs: bool,
    inputs: &Inputs<'_>,
    out: &mut S,
) -> Result<(), MakePathError> {
    out.put(if drv.has_dynamic_inputs() {
        b"DrvWithVersion(\"xp-dyn-drv\",["
    } else {
        b"Derive(["
    });
    write_outputs(drv, store_dir, mask_outputs, out)?;
    out.put(b"],[");
    match inputs {
        Inputs::Paths => {
            for (position, (path, node)) in drv.input_drvs.iter().enumerate() {
                out.put(if position == 0 { b"(\"" } else { b",(\"" });
                put_path(store_dir, path.as_str(), out);
                out.put(b"\"");
                write_node(node, out);
                out.put(b")");
            }
        }
        Inputs::Hashes(pairs) => {
            for (position, group) in pairs.chunk_by(|left, right| left.0 == right.0).enumerate() {
                out.put(if position == 0 { b"(\"" } else { b",(\"" });
                out.put(base16::encode(&group[0].0).as_bytes());
                out.put(b"\",[");
                write_names(group.iter().map(|(_, output)| output.as_str()), out);
                out.put(b"])");
            }
        }
    }
    out.put(b"],[");
    for (position, path) in drv.input_srcs.iter().enumerate() {
        out.put(if position == 0 { b"\"" } else { b",\"" });
        put_path(store_dir, path.as_str(), out);
        out.put(b"\"");
    }
    out.put(b"],\"");
    out.put(&drv.platform);
    out.put(b"\",");
    write_string(&drv.builder, out);
    out.put(b",[");
    for (position, arg) in drv.args.iter().enumerate() {
        if position != 0 {
            out.put(b",");
        }
        write_string(arg, out);
    }
    out.put(b"],[");
    for (position, (name, value)) in drv.env.iter().enumerate() {
        out.put(if position == 0 { b"(" } else { b",(" });
        write_string(name, out);
        out.put(b",");
        let is_output =
            || std::str::from_utf8(name).is_ok_and(|name| drv.outputs.contains_key(name));
        write_string(
            if mask_outputs && is_output() {
                b""
            } else {
                value
            },
            out,
        );
        out.put(b")");
    }
    out.put(b"])");
    Ok(())
}

fn write_outputs<S: Sink>(
    drv: &Derivation,
    store_dir: &StoreDir,
    mask_outputs: bool,
    out: &mut S,
) -> Result<(), MakePathError> {
    for (position, (name, output)) in drv.outputs.iter().enumerate() {
        out.put(if position == 0 { b"(\"" } else { b",(\"" });
        out.put(name.as_bytes());
        out.put(b"\",\"");
        match output {
            DerivationOutput::InputAddressed(path) => {
                if !mask_outputs {
                    put_path(store_dir, path.as_str(), out);
                }
                out.put(b"\",\"\",\"\")");
            }
            DerivationOutput::Fixed(address) => {
                if !mask_outputs && let Some(path) = output.path(store_dir, &drv.name, name)? {
                    put_path(store_dir, path.as_str(), out);
                }
                out.put(b"\",\"");
                out.put(address.method.prefix().as_bytes());
                out.put(address.hash.algorithm().name().as_bytes());
                out.put(b"\",\"");
                out.put(address.hash.to_base16().as_bytes());
                out.put(b"\")");
            }
            DerivationOutput::Floating { method, algorithm } => {
                out.put(b"\",\"");
                out.put(method.prefix().as_bytes());
                out.put(algorithm.name().as_bytes());
                out.put(b"\",\"\")");
            }
            DerivationOutput::Deferred => out.put(b"\",\"\",\"\")"),
            DerivationOutput::Impure { method, algorithm } => {
                out.put(b"\",\"");
                out.put(method.prefix().as_bytes());
                out.put(algorithm.name().as_bytes());
                out.put(b"\",\"impure\")");
            }
        }
    }
    Ok(())
}

fn write_node<S: Sink>(node: &InputNode, out: &mut S) {
    out.put(if node.dynamic.is_empty() {
        b",["
    } else {
        b",(["
    });
    write_names(node.outputs.iter().map(OutputName::as_str), out);
    out.put(b"]");
    if !node.dynamic.is_empty() {
        out.put(b",[");
        for (position, (output, child)) in node.dynamic.iter().enumerate() {
            out.put(if position == 0 { b"(\"" } else { b",(\"" });
            out.put(output.as_bytes());
            out.put(b"\"");
            write_node(child, out);
            out.put(b")");
        }
        out.put(b"])");
    }
}

fn write_names<'a, S: Sink>(names: impl Iterator<Item = &'a str>, out: &mut S) {
    for (position, name) in names.enumerate() {
        out.put(if position == 0 { b"\"" } else { b",\"" });
        out.put(name.as_bytes());
        out.put(b"\"");
    }
}

fn put_path<S: Sink>(store_dir: &StoreDir, base_name: &str, out: &mut S) {
    out.put(store_dir.as_str().as_bytes());
    out.put(b"/");
    out.put(base_name.as_bytes());
}

/// For each byte, the letter after the backslash, or 0 for a byte that stands for itself.
static ESCAPES: [u8; 256] = {
    let mut escapes = [0; 256];
    escapes[b'"' as usize] = b'"';
    escapes[b'\\' as usize] = b'\\';
    escapes[b'\n' as usize] = b'n';
    escapes[b'\r' as usize] = b'r';
    escapes[b'\t' as usize] = b't';
    escapes
};

fn write_string<S: Sink>(text: &[u8], out: &mut S) {
    out.put(b"\"");
    let mut rest = text;
    while let Some(position) = next_escape(rest) {
        out.put(&rest[..position]);
        out.put(&[b'\\', ESCAPES[usize::from(rest[position])]]);
        rest = &rest[position + 1..];
    }
    out.put(rest);
    out.put(b"\"");
}

/// Where the first byte that wants an escape is. Most of a derivation wants none, so a run of bytes
/// is first looked at as a whole, which takes a few instructions for all of them.
fn next_escape(text: &[u8]) -> Option<usize> {
    const RUN: usize = 32;
    let may_want = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
    for (idx, run) in text.chunks(RUN).enumerate() {
        if run.iter().fold(false, |any, &byte| any | may_want(byte))
            && let Some(position) = (run.iter()).position(|&byte| ESCAPES[usize::from(byte)] != 0)
        {
            return Some(idx * RUN + position);
        }
    }
    None
}
