//! Menus of a machine in a directory.

use super::*;

struct Stage {
    directory: tempfile::TempDir,
    generations: Vec<Generation>,
}

impl Stage {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("made");
        std::fs::create_dir_all(directory.path().join("boot")).expect("made");
        Self {
            directory,
            generations: Vec::new(),
        }
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.directory.path().join(path);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("made");
        std::fs::write(path, text).expect("written");
    }

    /// A generation with a kernel and initrd of its own.
    fn generation(&mut self, number: u64, loader: &str) -> PathBuf {
        let system = format!("nix/store/sys{number}");
        self.write(
            &format!("nix/store/linux{number}/bzImage"),
            &format!("k{number}"),
        );
        self.write("nix/store/initrd/initrd", "i");
        self.write(
            &format!("{system}/boot.json"),
            &format!(
                r#"{{"org.nixos.bootspec.v1": {{"label": "Firn {number}", "init": "/{system}/init", "kernel": "/nix/store/linux{number}/bzImage", "initrd": "/nix/store/initrd/initrd", "kernelParams": ["quiet"]}}}}"#
            ),
        );
        self.write(&format!("{system}/boot-loader.json"), loader);
        let toplevel = PathBuf::from(format!("/{system}"));
        self.generations.push(Generation {
            number,
            link: PathBuf::new(),
            toplevel: toplevel.clone(),
            created: 0,
            is_current: false,
            version: String::new(),
            kernel: None,
            revision: None,
            message: None,
            specialisations: Vec::new(),
        });
        toplevel
    }

    fn install(&self, toplevel: &Path) -> Result<(), SystemError> {
        let machine = Machine::at(self.directory.path());
        install(&machine, toplevel, &self.generations, &mut |_| {})
    }

    fn files(&self, directory: &str) -> Vec<String> {
        files::names(&self.directory.path().join(directory))
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.directory.path().join(file)).expect("there")
    }
}

const SYSTEMD_BOOT: &str = r#"{"id": "systemd-boot", "timeout": 3, "limit": 2, "editor": false}"#;
const COUNTING: &str = r#"{"id": "systemd-boot", "timeout": 3, "tries": 2}"#;

#[test]
fn systemd_boot_has_an_entry_for_each_generation() {
    let mut stage = Stage::new();
    for number in 1..4 {
        stage.generation(number, SYSTEMD_BOOT);
    }
    let newest = stage.generations[2].toplevel.clone();
    stage.install(&newest).expect("written");
    assert_eq!(
        stage.files("boot/loader/entries"),
        ["nixos-generation-2.conf", "nixos-generation-3.conf"]
    );
    assert_eq!(
        stage.files("boot/EFI/nixos"),
        [
            "initrd-initrd.efi",
            "linux2-bzImage.efi",
            "linux3-bzImage.efi"
        ]
    );
    assert_eq!(
        stage.read("boot/loader/loader.conf"),
        "timeout 3\ndefault nixos-generation-3.conf\neditor no\nconsole-mode keep\n"
    );
    assert_eq!(
        stage.read("boot/loader/entries/nixos-generation-3.conf"),
        "title Firn\nsort-key nixos\nversion Generation 3 Firn 3, built on 1970-01-01\nlinux /EFI/nixos/linux3-bzImage.efi\ninitrd /EFI/nixos/initrd-initrd.efi\noptions init=/nix/store/sys3/init quiet\n"
    );
    // The oldest is the default again: it is in the menu although it is beyond the limit.
    let oldest = stage.generations[0].toplevel.clone();
    stage.install(&oldest).expect("written");
    assert_eq!(stage.files("boot/loader/entries").len(), 3);
    assert!(
        stage
            .read("boot/loader/loader.conf")
            .contains("default nixos-generation-1.conf")
    );
}

#[test]
fn counters_are_given_to_new_defaults_and_kept() {
    let mut stage = Stage::new();
    let first = stage.generation(1, COUNTING);
    stage.install(&first).expect("written");
    assert_eq!(
        stage.files("boot/loader/entries"),
        ["nixos-generation-1+2.conf"]
    );
    let entries = stage.directory.path().join("boot/loader/entries");
    let rename = |from: &str, to: &str| {
        std::fs::rename(entries.join(from), entries.join(to)).expect("renamed");
    };
    // It came up.
    rename("nixos-generation-1+2.conf", "nixos-generation-1.conf");
    let second = stage.generation(2, COUNTING);
    stage.install(&second).expect("written");
    assert_eq!(
        stage.files("boot/loader/entries"),
        ["nixos-generation-1.conf", "nixos-generation-2+2.conf"]
    );
    assert!(!stage.read("boot/loader/loader.conf").contains("default"));
    // It was tried once; writing the menu again does not forget that.
    rename("nixos-generation-2+2.conf", "nixos-generation-2+1-1.conf");
    stage.install(&second).expect("written");
    assert_eq!(
        stage.files("boot/loader/entries"),
        ["nixos-generation-1.conf", "nixos-generation-2+1-1.conf"]
    );
    // It never came up, and is wanted nevertheless.
    rename("nixos-generation-2+1-1.conf", "nixos-generation-2+0-2.conf");
    stage.install(&second).expect("written");
    assert_eq!(
        stage.files("boot/loader/entries"),
        ["nixos-generation-1.conf", "nixos-generation-2+2.conf"]
    );
    // Back to the first one, by name.
    stage.install(&first).expect("written");
    assert!(
        stage
            .read("boot/loader/loader.conf")
            .contains("default nixos-generation-1.conf")
    );
}

#[test]
fn extlinux_has_one_file() {
    let mut stage = Stage::new();
    stage.generation(1, r#"{"id": "extlinux", "timeout": 0}"#);
    let second = stage.generation(2, r#"{"id": "extlinux", "timeout": 0}"#);
    stage.install(&second).expect("written");
    let text = stage.read("boot/extlinux/extlinux.conf");
    assert!(text.contains("DEFAULT nixos-2-default\n"), "{text}");
    assert!(
        text.contains("LABEL nixos-1-default\n  MENU LABEL Generation 1 Firn 1, built on 1970-01-01\n  LINUX ../nixos/linux1-bzImage\n  INITRD ../nixos/initrd-initrd\n  APPEND init=/nix/store/sys1/init quiet\n"),
        "{text}"
    );
    assert_eq!(stage.files("boot/nixos").len(), 3);
}

#[test]
fn a_missing_place_or_kernel_is_an_error() {
    let mut stage = Stage::new();
    let only = stage.generation(1, SYSTEMD_BOOT);
    std::fs::remove_dir(stage.directory.path().join("boot")).expect("removed");
    let error = stage.install(&only).expect_err("no place").to_string();
    assert!(error.contains("'/boot'"), "{error}");
    let mut stage = Stage::new();
    let only = stage.generation(1, SYSTEMD_BOOT);
    stage.write("nix/store/sys1/boot.json", "{}");
    let error = stage.install(&only).expect_err("no kernel").to_string();
    assert!(error.contains("no 'label'"), "{error}");
}
