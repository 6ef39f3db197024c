//! The program. Everything it does lives in the library, so that tests can reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    firn_cli::main(std::env::args_os())
}
