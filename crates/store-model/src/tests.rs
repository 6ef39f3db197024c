//! Known answers and properties of the pure formats. The folder beside this file holds texts that
//! the reference wrote.

mod caches;
mod derivations;
mod json;
mod nar;
mod paths;
mod references;
