//! The disks of a machine that are made for each run.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::driver::TestRun;
use super::spec::VmSpec;
use crate::error::{SystemError, io_error};
use crate::generations::Generation;
use crate::machine::Machine;
use crate::menu;

/// The size of the loader's file system.
const ESP_SIZE: u64 = 128 << 20;

/// Copies a file of mostly nothing without writing the nothing.
pub(super) fn copy_sparsely(from: &Path, to: &Path) -> Result<(), SystemError> {
    use std::os::unix::fs::FileExt as _;
    const BLOCK: usize = 1 << 16;
    let source = File::open(from).map_err(io_error("opening", from))?;
    let target = File::create(to).map_err(io_error("creating", to))?;
    let length = source.metadata().map_err(io_error("reading", from))?.len();
    target.set_len(length).map_err(io_error("writing", to))?;
    let mut block = vec![0; BLOCK];
    let mut at = 0;
    while at < length {
        let n = source
            .read_at(&mut block, at)
            .map_err(io_error("reading", from))?;
        if n == 0 {
            break;
        }
        if block[..n].iter().any(|&it| it != 0) {
            target
                .write_all_at(&block[..n], at)
                .map_err(io_error("writing", to))?;
        }
        at += n as u64;
    }
    Ok(())
}

/// Makes the loader's file system with the menu of a machine that has one generation.
pub(super) fn make_esp(
    run: &TestRun<'_>,
    spec: &VmSpec,
    image: &Path,
    staging: &Path,
) -> Result<(), SystemError> {
    let make = |path: &Path| std::fs::create_dir_all(path).map_err(io_error("creating", path));
    make(&staging.join("boot"))?;
    make(&staging.join("nix"))?;
    let toplevel = (run.place)(&spec.toplevel);
    let store = toplevel.as_deref().and_then(Path::parent);
    let store =
        store.ok_or_else(|| SystemError::other("the system is in no store of this host"))?;
    let link = staging.join("nix/store");
    std::os::unix::fs::symlink(store, &link).map_err(io_error("linking", &link))?;
    let generation = Generation {
        number: 1,
        link: PathBuf::new(),
        toplevel: spec.toplevel.clone(),
        created: 0,
        is_current: true,
        version: String::new(),
        kernel: None,
        revision: None,
        message: None,
        specialisations: Vec::new(),
    };
    let machine = Machine::at(staging);
    menu::install(&machine, &spec.toplevel, &[generation], &mut |_| {})?;
    let file = File::create(image).map_err(io_error("creating", image))?;
    file.set_len(ESP_SIZE).map_err(io_error("writing", image))?;
    mtool("mformat", image, &["-F", "-v", "ESP", "::"], &[])?;
    let boot = staging.join("boot");
    let entries = std::fs::read_dir(&boot).map_err(io_error("reading", &boot))?;
    let parts: Vec<_> = entries.filter_map(|it| Some(it.ok()?.path())).collect();
    mtool("mcopy", image, &["-s", "-Q"], &parts)
}

/// Runs one of mtools on an image.
fn mtool(program: &str, image: &Path, args: &[&str], files: &[PathBuf]) -> Result<(), SystemError> {
    let mut command = Command::new(program);
    command.arg("-i").arg(image).args(args).args(files);
    if !files.is_empty() {
        command.arg("::/");
    }
    command.env("MTOOLS_SKIP_CHECK", "1").stdin(Stdio::null());
    let failed = |reason: String| SystemError::Program {
        command: program.to_owned(),
        reason,
    };
    let output = command.output().map_err(|it| {
        failed(format!(
            "could not be started: {it}; the package 'mtools' has it"
        ))
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(failed(format!("failed: {}", said.trim())))
}
