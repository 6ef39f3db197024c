//! What defaults depend on: the machine, the user and a few environment variables.
//!
//! The variables are handed in by the caller ([`Machine::detect`] takes a function that looks one
//! up), so that a library user or a test decides what they are. The processor, the number of cores,
//! the effective user and the existence of well-known files are looked at here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Looks up an environment variable.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Facts that defaults are made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The system type, such as `x86_64-linux`.
    pub system: String,
    /// Whether the effective user is root.
    pub is_root: bool,
    /// Number of processors this process may use.
    pub n_cpus: u32,
    /// Further system types that run here.
    pub extra_platforms: BTreeSet<String>,
    /// Features such as `kvm` that derivations may ask for.
    pub system_features: BTreeSet<String>,
    /// The directory of the system-wide configuration.
    pub conf_dir: PathBuf,
    /// Certificates for https.
    pub ssl_cert_file: Option<PathBuf>,
    /// The default store URL.
    pub store: String,
    /// Build machines.
    pub builders: String,
    /// Whether a store directory with symbolic links is accepted.
    pub allow_symlinked_store: bool,
    /// Whether `builtins.warn` aborts.
    pub abort_on_warn: bool,
    /// The search path that the environment gives; it overrides the configured one.
    pub nix_path: Option<Vec<String>>,
}

impl Machine {
    /// Looks around.
    pub fn detect(env: Environment<'_>) -> Self {
        let conf_dir = conf_dir(env);
        let ssl_cert_file = ["NIX_SSL_CERT_FILE", "SSL_CERT_FILE"]
            .iter()
            .find_map(|&name| env(name).filter(|it| !it.is_empty()).map(PathBuf::from))
            .or_else(|| {
                [
                    "/etc/ssl/certs/ca-certificates.crt",
                    "/nix/var/nix/profiles/default/etc/ssl/certs/ca-bundle.crt",
                ]
                .iter()
                .map(PathBuf::from)
                .find(|it| it.exists())
            });
        let builders = env("NIX_REMOTE_SYSTEMS").map_or_else(
            || format!("@{}/machines", conf_dir.display()),
            |files| {
                let lines: Vec<_> = files
                    .split(':')
                    .filter(|it| !it.is_empty())
                    .map(|it| format!("@{it}"))
                    .collect();
                lines.join("\n")
            },
        );
        Self {
            system: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
            is_root: rustix::process::geteuid().is_root(),
            n_cpus: std::thread::available_parallelism().map_or(1, |it| it.get() as u32),
            extra_platforms: extra_platforms(),
            system_features: system_features(),
            ssl_cert_file,
            store: env("NIX_REMOTE")
                .filter(|it| !it.is_empty())
                .unwrap_or_else(|| "auto".to_owned()),
            builders,
            allow_symlinked_store: env("NIX_IGNORE_SYMLINK_STORE").as_deref() == Some("1"),
            abort_on_warn: matches!(
                env("NIX_ABORT_ON_WARN").as_deref(),
                Some("1" | "yes" | "true")
            ),
            nix_path: env("NIX_PATH").map(|it| split_search_path(&it)),
            conf_dir,
        }
    }
}

fn conf_dir(env: Environment<'_>) -> PathBuf {
    env("NIX_CONF_DIR")
        .filter(|it| !it.is_empty())
        .map_or_else(|| PathBuf::from("/etc/nix"), PathBuf::from)
}

fn system_features() -> BTreeSet<String> {
    let mut features: BTreeSet<String> = ["benchmark", "big-parallel", "nixos-test", "uid-range"]
        .map(str::to_owned)
        .into();
    let access = rustix::fs::Access::READ_OK | rustix::fs::Access::WRITE_OK;
    if rustix::fs::access("/dev/kvm", access).is_ok() {
        features.insert("kvm".to_owned());
    }
    features
}

#[cfg(target_arch = "x86_64")]
fn extra_platforms() -> BTreeSet<String> {
    use std::arch::is_x86_feature_detected as has;
    let level_2 = has!("sse4.2") && has!("popcnt") && has!("ssse3") && has!("cmpxchg16b");
    let level_3 = level_2
        && has!("avx2")
        && has!("bmi1")
        && has!("bmi2")
        && has!("f16c")
        && has!("fma")
        && has!("lzcnt")
        && has!("movbe");
    let level_4 = level_3
        && has!("avx512f")
        && has!("avx512bw")
        && has!("avx512cd")
        && has!("avx512dq")
        && has!("avx512vl");
    let mut platforms: BTreeSet<String> = ["x86_64-v1-linux".to_owned()].into();
    // The first Windows subsystem cannot run 32-bit programs; its kernel names itself so.
    let release = rustix::system::uname().release().to_bytes().to_vec();
    if !release.ends_with(b"-Microsoft") {
        platforms.insert("i686-linux".to_owned());
    }
    for (level, present) in [(2, level_2), (3, level_3), (4, level_4)] {
        if present {
            platforms.insert(format!("x86_64-v{level}-linux"));
        }
    }
    platforms
}

#[cfg(not(target_arch = "x86_64"))]
fn extra_platforms() -> BTreeSet<String> {
    BTreeSet::new()
}

/// The files that configure us, in the order in which they are applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// The system-wide file.
    pub system_file: PathBuf,
    /// The user's files; later ones win.
    pub user_files: Vec<PathBuf>,
    /// Configuration text from the environment.
    pub text: Option<String>,
}

impl Sources {
    /// Finds the files by the environment; `home` is the user's home directory.
    pub fn locate(env: Environment<'_>, home: &Path) -> Self {
        let set = |name: &str| env(name).filter(|it| !it.is_empty());
        let mut user_files: Vec<PathBuf> = env("NIX_USER_CONF_FILES").map_or_else(
            || {
                let config_home = set("NIX_CONFIG_HOME").map_or_else(
                    || {
                        set("XDG_CONFIG_HOME")
                            .map_or_else(|| home.join(".config"), PathBuf::from)
                            .join("nix")
                    },
                    PathBuf::from,
                );
                let shared = set("XDG_CONFIG_DIRS").unwrap_or_else(|| "/etc/xdg".to_owned());
                let shared = shared
                    .split(':')
                    .filter(|it| !it.is_empty())
                    .map(|it| Path::new(it).join("nix"));
                std::iter::once(config_home)
                    .chain(shared)
                    .map(|it| it.join("nix.conf"))
                    .collect()
            },
            |files| {
                files
                    .split(':')
                    .filter(|it| !it.is_empty())
                    .map(PathBuf::from)
                    .collect()
            },
        );
        user_files.reverse();
        Self {
            system_file: conf_dir(env).join("nix.conf"),
            user_files,
            text: env("NIX_CONFIG"),
        }
    }
}

/// Splits a colon-separated search path whose entries may be URLs: a colon that follows a URL
/// scheme does not separate. Empty entries are dropped.
pub fn split_search_path(text: &str) -> Vec<String> {
    let mut entries = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let colon = rest.find(':').unwrap_or(rest.len());
        let target = rest[..colon].rfind('=').map_or(0, |it| it + 1);
        let end = if colon < rest.len() && starts_as_url(&rest[target..]) {
            rest[colon + 1..]
                .find(':')
                .map_or(rest.len(), |it| colon + 1 + it)
        } else {
            colon
        };
        if end > 0 {
            entries.push(rest[..end].to_owned());
        }
        rest = rest.get(end + 1..).unwrap_or("");
    }
    entries
}

fn starts_as_url(text: &str) -> bool {
    if text.starts_with("channel:") || text.starts_with("flake:") {
        return true;
    }
    text.find("://").is_some_and(|at| {
        matches!(
            &text[..at],
            "http" | "https" | "file" | "channel" | "git" | "s3" | "ssh"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(split_search_path(text), expected);
    }

    #[test]
    fn search_paths_split_at_colons_outside_urls() {
        check("", &[]);
        check("a:b", &["a", "b"]);
        check("n=/x:/y", &["n=/x", "/y"]);
        check("n=https://h/x:m=/y", &["n=https://h/x", "m=/y"]);
        check("channel:nixos:/y", &["channel:nixos", "/y"]);
        check("n=flake:nixpkgs", &["n=flake:nixpkgs"]);
        check("a::b:", &["a", "b"]);
    }

    #[test]
    fn the_user_files_follow_the_environment() {
        let env = |name: &str| match name {
            "XDG_CONFIG_HOME" => Some("/c".to_owned()),
            "XDG_CONFIG_DIRS" => Some("/x:/y".to_owned()),
            _ => None,
        };
        let sources = Sources::locate(&env, Path::new("/home/u"));
        assert_eq!(sources.system_file, Path::new("/etc/nix/nix.conf"));
        let expected = ["/y/nix/nix.conf", "/x/nix/nix.conf", "/c/nix/nix.conf"];
        assert_eq!(sources.user_files, expected.map(PathBuf::from));

        let env = |name: &str| (name == "NIX_USER_CONF_FILES").then(|| "/a:/b".to_owned());
        let sources = Sources::locate(&env, Path::new("/"));
        assert_eq!(sources.user_files, ["/b", "/a"].map(PathBuf::from));
    }
}
