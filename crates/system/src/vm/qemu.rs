//! The command line of QEMU for a machine.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::spec::VmSpec;

/// Who runs the instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accelerator {
    /// Emulation, which works everywhere.
    Tcg,
    /// The processor itself.
    Kvm,
}

impl Accelerator {
    /// The best that this host really has, by what its processor says.
    pub fn of_host() -> Self {
        let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let can = cpus.lines().filter(|it| it.starts_with("flags")).any(|it| {
            it.split_whitespace()
                .any(|flag| matches!(flag, "vmx" | "svm"))
        });
        let device = std::fs::File::options().write(true).open("/dev/kvm");
        if can && device.is_ok() {
            Self::Kvm
        } else {
            Self::Tcg
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Tcg => "tcg",
            Self::Kvm => "kvm",
        }
    }
}

/// A disk of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drive {
    /// The file that it is.
    pub file: PathBuf,
    /// Whether it can be written.
    pub writable: bool,
}

/// A command that starts a machine. Disks come in order: `vda`, `vdb`, …
pub fn command(
    qemu: &Path,
    accelerator: Accelerator,
    spec: &VmSpec,
    drives: &[Drive],
    boot: Boot<'_>,
) -> Command {
    let mut command = Command::new(qemu);
    let mut arg = |flag: &str, value: &dyn AsRef<std::ffi::OsStr>| {
        command.arg(flag).arg(value);
    };
    arg("-machine", &format!("q35,accel={}", accelerator.name()));
    arg("-cpu", &"max");
    arg("-m", &spec.memory.to_string());
    arg("-smp", &spec.cores.to_string());
    arg("-display", &"none");
    arg("-rtc", &"base=utc");
    for (number, drive) in drives.iter().enumerate() {
        let mut value = OsString::from(format!("if=none,id=disk{number},format=raw,file="));
        value.push(escaped(&drive.file));
        if !drive.writable {
            value.push(",readonly=on");
        }
        arg("-drive", &value);
        // The last disk is the loader's, where there is one.
        let order = drives.len() - number;
        arg(
            "-device",
            &format!("virtio-blk-pci,drive=disk{number},bootindex={order}"),
        );
    }
    match boot {
        Boot::Direct {
            kernel,
            initrd,
            more,
        } => {
            arg("-kernel", &kernel);
            arg("-initrd", &initrd);
            let more = more.map(|it| format!(" {it}")).unwrap_or_default();
            arg("-append", &format!("{}{more}", spec.command_line));
        }
        Boot::Firmware { code, variables } => {
            for (file, mode) in [(code, "on"), (variables, "off")] {
                let mut value =
                    OsString::from(format!("if=pflash,format=raw,readonly={mode},file="));
                value.push(escaped(file));
                arg("-drive", &value);
            }
        }
    }
    command.args(&spec.options);
    command
}

/// What starts a machine.
#[derive(Clone, Copy, Debug)]
pub enum Boot<'a> {
    /// The kernel, right away.
    Direct {
        /// The kernel.
        kernel: &'a Path,
        /// Its initrd.
        initrd: &'a Path,
        /// More parameters.
        more: Option<&'a str>,
    },
    /// Firmware of the kind UEFI.
    Firmware {
        /// The firmware.
        code: &'a Path,
        /// What it keeps, written by it.
        variables: &'a Path,
    },
}

/// Commas in values are doubled.
fn escaped(path: &Path) -> OsString {
    let text = path.to_string_lossy();
    if text.contains(',') {
        text.replace(',', ",,").into()
    } else {
        path.as_os_str().to_owned()
    }
}

/// UEFI for QEMU where distributions put it: the code, and variables to begin with.
pub fn firmware() -> Option<(PathBuf, PathBuf)> {
    const PLACES: &[(&str, &str)] = &[
        (
            "/usr/share/OVMF/OVMF_CODE_4M.fd",
            "/usr/share/OVMF/OVMF_VARS_4M.fd",
        ),
        (
            "/usr/share/OVMF/OVMF_CODE.fd",
            "/usr/share/OVMF/OVMF_VARS.fd",
        ),
        (
            "/usr/share/edk2/x64/OVMF_CODE.4m.fd",
            "/usr/share/edk2/x64/OVMF_VARS.4m.fd",
        ),
        (
            "/usr/share/edk2/ovmf/OVMF_CODE.fd",
            "/usr/share/edk2/ovmf/OVMF_VARS.fd",
        ),
    ];
    let found = PLACES.iter().find(|it| Path::new(it.0).exists());
    found.map(|(code, variables)| ((*code).into(), (*variables).into()))
}
