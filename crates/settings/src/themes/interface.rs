//! Settings of the commands themselves: messages, shells, files in the home directory.

use std::path::PathBuf;

use crate::FeatureSet;
use crate::table::theme;

theme! {
    /// How commands talk to the user.
    InterfaceSettings in interface, shared true, from machine;

    /// The prompt of development shells.
    "bash-prompt" bash_prompt: String = String::new();
    /// Text before the prompt of development shells.
    "bash-prompt-prefix" bash_prompt_prefix: String = String::new();
    /// Text after the prompt of development shells.
    "bash-prompt-suffix" bash_prompt_suffix: String = String::new();
    /// Features that are not stable yet and are wanted all the same.
    "experimental-features" experimental_features: FeatureSet = FeatureSet::EMPTY;
    /// A file or socket that receives every event as a line of JSON.
    "json-log-path" json_log_path: Option<PathBuf> = None;
    /// Whether `nix-shell DIRECTORY` looks for `shell.nix` there.
    "nix-shell-always-looks-for-shell-nix" nix_shell_always_looks_for_shell_nix: bool = true;
    /// Whether relative paths in a `#! nix-shell` line start at the script.
    "nix-shell-shebang-arguments-relative-to-script" nix_shell_shebang_arguments_relative_to_script: bool = true;
    /// Libraries to load into the program. They would have to fit its inner workings, so that none
    /// can be loaded here; the setting exists to be recognised.
    "plugin-files" plugin_files: Vec<String> = Vec::new();
    /// Whether commands say what they are going to build and fetch.
    "print-missing" print_missing: bool = true;
    /// Whether errors of evaluation come with the whole chain of calls.
    "show-trace" show_trace: bool = false;
    /// Where an upgrade of the program finds the store path of the newest release.
    "upgrade-nix-store-path-url" upgrade_nix_store_path_url: String =
        "https://github.com/NixOS/nixpkgs/raw/master/nixos/modules/installer/tools/nix-fallback-paths.nix".to_owned();
    /// Whether profiles, channels and default expressions are kept in the directories of the XDG
    /// convention instead of directly in the home directory.
    "use-xdg-base-directories" use_xdg_base_directories: bool = false;
}
