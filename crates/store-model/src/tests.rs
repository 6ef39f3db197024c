//! Known answers and properties of the pure formats. The folder beside this file holds texts that
//! the reference wrote.

mod derivations;
mod nar;
mod paths;
mod references;
