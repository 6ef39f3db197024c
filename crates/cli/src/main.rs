//! The program. Everything it does lives in the library, so that tests can reach it.

use std::process::ExitCode;

/// Evaluation makes and drops millions of small buffers beside its own heap, which the allocator of the C library is
/// slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    firn_cli::main(std::env::args_os())
}
