//! The standard library's files, carried in the program.
//!
//! `stdlib/` at the top of the workspace is a library in the language. A fresh program has to be
//! useful with nothing else installed, so its files are part of it: [`FILES`] is one sorted table
//! that the build script writes. The front end hands it to the evaluator's host, which shows it as
//! a tree of its own ([`ROOT`] in it); nothing is unpacked, and what is built from it has the same
//! paths as what is built from a checkout.

/// The path that the library has in its tree. Its last component is that of a checkout, because
/// the name of a source is part of its store path.
pub const ROOT: &str = "/stdlib";

/// Path, whether it may be executed, and contents, in the order of paths.
pub static FILES: &[(&str, bool, &[u8])] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_has_the_package_set() {
        assert!(FILES.is_sorted_by_key(|file| file.0));
        let entry = format!("{ROOT}/default.nix");
        assert!(FILES.iter().any(|file| file.0 == entry));
    }
}
