//! Runs every case folder; see `lang-tests/README.md` for what a case is.
//!
//! This test binary *is* the product: called by one of the product's names it behaves as that
//! command, and a scratch folder of links to itself serves as `PATH`. So the cases always run
//! against the code of this very build, and each run costs one process.

mod case;
mod interop;
mod layers;
mod remote;
mod run;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    if run::called_as_the_product() {
        return firn_cli::main(std::env::args_os());
    }
    let arguments = Arguments::from_args();
    let commands = Arc::new(run::Commands::new());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut trials = Vec::new();
    for case in case::discover(root) {
        let commands = Arc::clone(&commands);
        let name = case.name.clone();
        trials.push(Trial::test(name, move || {
            case.check(&commands).map_err(Into::into)
        }));
    }
    let world = Arc::new(interop::World::new().expect("a scratch folder can be made"));
    trials.extend(interop::trials(root, &world));
    trials.extend(layers::trials(root, &world));
    trials.extend(remote::trials(&world));
    libtest_mimic::run(&arguments, trials).exit_code()
}
