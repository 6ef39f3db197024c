//! The ATerm form of derivations, the contents of `.drv` files.
//!
//! `Derive(outputs,inputDrvs,inputSrcs,platform,builder,args,env)`, with lists in brackets, tuples
//! in parentheses and strings in quotes; `DrvWithVersion("xp-dyn-drv",…)` where an input is an
//! output of a derivation that is itself built. Everything is sorted, there is no white space, and
//! the escapes are those five that the field uses, so a derivation has exactly one text.
//!
//! `write` prints (also in the masked form that is hashed), `parse` reads. Reading accepts what
//! the reference accepts: commas between list items are not insisted upon, and what follows the
//! last parenthesis is not looked at.

mod parse;
mod write;

pub use parse::ATermError;
pub(crate) use parse::output_from_fields;
pub(crate) use write::{Digest, Inputs, write};

use firn_hash::Hasher;

use crate::{Derivation, MakePathError, StoreDir, StorePath};

impl Derivation {
    /// Parses the contents of a `.drv` file; `name` is the name from its path, without `.drv`.
    pub fn parse(store_dir: &StoreDir, text: &[u8], name: &str) -> Result<Derivation, ATermError> {
        parse::parse(store_dir, text, name)
    }

    /// Appends the contents of the `.drv` file to `out`.
    pub fn print_to(&self, store_dir: &StoreDir, out: &mut Vec<u8>) -> Result<(), MakePathError> {
        write(self, store_dir, false, &Inputs::Paths, out)
    }

    /// The contents of the `.drv` file.
    pub fn print(&self, store_dir: &StoreDir) -> Result<Vec<u8>, MakePathError> {
        let mut out = Vec::with_capacity(4096);
        self.print_to(store_dir, &mut out)?;
        // Texts wait in thousands to be written, and most of them are short.
        out.shrink_to_fit();
        Ok(out)
    }

    /// The path of the `.drv` file whose contents are `text`, as printed from this derivation.
    pub fn store_path(
        &self,
        store_dir: &StoreDir,
        text: &[u8],
    ) -> Result<StorePath, MakePathError> {
        let name = format!("{}{}", self.name, crate::DERIVATION_EXTENSION);
        Ok(store_dir.make_text_path(&name, &Hasher::sha256(text), &self.references())?)
    }
}
