//! `nix-hash`: hashes of files and archives, and conversions, with its own defaults.

use firn_hash::{Algorithm, HashFormat};
use firn_store_model::ContentAddressMethod;

use super::hash::{self, Wanted};
use crate::{Arg, Args, Context, Failure};

/// Runs `nix-hash`.
pub fn run(context: &mut Context, args: &mut Args) -> Result<u8, Failure> {
    let mut wanted = Wanted {
        method: ContentAddressMethod::Nar,
        algorithm: Algorithm::Md5,
        format: HashFormat::Base16,
        truncate: false,
    };
    let mut kind = None;
    let mut converts = false;
    let mut words = Vec::new();
    while let Some(arg) = args.next() {
        let flag = match arg {
            Arg::Word(word) => {
                words.push(word);
                continue;
            }
            Arg::Flag(flag) => flag,
        };
        if let Some(format) = format_flag(&flag) {
            wanted.format = format;
            converts |= flag.starts_with("--to-");
            continue;
        }
        match flag.as_str() {
            "--flat" => wanted.method = ContentAddressMethod::Flat,
            "--truncate" => wanted.truncate = true,
            "--type" => kind = Some(hash::algorithm(&args.plain_value(&flag)?)?),
            _ if context.took_version(&flag)? => return Ok(0),
            _ => context.take_common(&flag, args)?,
        }
    }
    context.settle();
    if converts {
        return hash::print_converted(context, &words, kind, wanted.format);
    }
    wanted.algorithm = kind.unwrap_or(wanted.algorithm);
    hash::print_of_paths(context, &words, wanted)
}

fn format_flag(flag: &str) -> Option<HashFormat> {
    match flag {
        "--base16" | "--to-base16" => Some(HashFormat::Base16),
        "--base32" | "--to-base32" => Some(HashFormat::Nix32),
        "--base64" | "--to-base64" => Some(HashFormat::Base64),
        "--sri" | "--to-sri" => Some(HashFormat::Sri),
        _ => None,
    }
}
