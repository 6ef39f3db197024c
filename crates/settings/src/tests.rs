//! Layering, flags and printing, on a machine made up for the purpose.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;

fn machine() -> Machine {
    Machine {
        system: "x86_64-linux".to_owned(),
        is_root: false,
        n_cpus: 8,
        extra_platforms: BTreeSet::new(),
        system_features: BTreeSet::new(),
        conf_dir: "/etc/nix".into(),
        ssl_cert_file: None,
        store: "auto".to_owned(),
        builders: String::new(),
        allow_symlinked_store: false,
        abort_on_warn: false,
        nix_path: None,
    }
}

fn after(text: &str) -> Settings {
    let mut settings = Settings::new(&machine());
    let loaded = settings.load_text(text, Path::new("/f"));
    assert!(loaded.is_ok(), "{loaded:?}");
    settings
}

fn check(text: &str, name: &str, expected: &str) {
    assert_eq!(
        after(text).render(name).as_deref(),
        Some(expected),
        "{text}"
    );
}

fn check_fails(text: &str, expected: &str) {
    let mut settings = Settings::new(&machine());
    let error = settings
        .load_text(text, Path::new("/f"))
        .expect_err("refused");
    assert_eq!(error.to_string(), expected);
}

#[test]
fn the_table_has_every_name_once() {
    let rows = Settings::rows();
    assert_eq!(rows.iter().filter(|it| it.is_shared).count(), 129);
    let mut names = BTreeSet::new();
    for row in rows {
        assert!(names.insert(row.name), "{}", row.name);
        for alias in row.aliases {
            assert!(names.insert(alias), "{alias}");
        }
        assert!(row.description().len() > 10, "{}", row.name);
    }
}

#[test]
fn values_are_read_and_printed_by_type() {
    check("cores = 2K", "cores", "2048");
    check("max-jobs = auto", "max-jobs", "8");
    check("fallback = yes", "fallback", "true");
    check("sandbox = relaxed", "sandbox", "relaxed");
    check("system-features = b a  b", "system-features", "a b");
    check("substituters = b a b", "substituters", "b a b");
    check("access-tokens = a=b c d=e", "access-tokens", " a=b d=e");
    check("sandbox-paths = /c /a=/b?", "sandbox-paths", "/a=/b? /c");
    check("diff-hook =", "diff-hook", "");
    check(
        "experimental-features = flakes",
        "experimental-features",
        "fetch-tree flakes",
    );
}

#[test]
fn wrong_values_are_errors_in_the_usual_words() {
    check_fails("cores = x", "setting 'cores' has invalid value 'x'");
    check_fails("cores = -1", "setting 'cores' has invalid value '-1'");
    check_fails(
        "fallback = 2",
        "Boolean setting 'fallback' has invalid value '2'",
    );
    check_fails("sandbox = yes", "option 'sandbox' has invalid value 'yes'");
    check_fails("foo", "syntax error in configuration line 'foo' in \"/f\"");
    check_fails(
        "include /no/such",
        "file \"/no/such\" included from \"/f\" not found",
    );
    check_fails(
        "lint-url-literals = x",
        "option 'lint-url-literals' has invalid value 'x' (expected 'ignore', 'warn', or 'fatal')",
    );
}

#[test]
fn later_lines_win_and_extra_appends() {
    check("cores = 1\ncores = 2 # two", "cores", "2");
    check(
        "extra-substituters = a",
        "substituters",
        "https://cache.nixos.org/ a",
    );
    check(
        "binary-caches = x\nextra-binary-caches = y",
        "substituters",
        "x y",
    );
}

#[test]
fn features_gate_settings_wherever_they_stand() {
    let mut settings = after("flake-registry = x");
    assert_eq!(
        settings.take_warnings(),
        ["Ignoring setting 'flake-registry' because experimental feature 'flakes' is not enabled"]
    );
    let text = "flake-registry = x\nexperimental-features = flakes";
    check(text, "flake-registry", "x");
    assert_eq!(settings.render("flake-registry"), None);
}

#[test]
fn unknown_settings_warn_once_asked() {
    let mut settings = after("zork = 1\nextra-cores = 1\nexperimental-features = nope");
    settings.warn_of_unknown();
    assert_eq!(
        settings.take_warnings(),
        [
            "unknown experimental feature 'nope'",
            "unknown setting 'extra-cores'",
            "unknown setting 'zork'"
        ]
    );
}

#[test]
fn the_environment_fixes_the_search_path() {
    let mut machine = machine();
    machine.nix_path = Some(vec!["a=b".to_owned()]);
    let mut settings = Settings::new(&machine);
    let text = "nix-path = x\nextra-nix-path = y";
    assert!(settings.load_text(text, Path::new("/f")).is_ok());
    assert_eq!(settings.eval.nix_path, ["a=b"]);
}

#[test]
fn includes_are_relative_and_may_be_optional() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let write = |name: &str, text: &str| {
        std::fs::write(dir.path().join(name), text).expect("a file written");
    };
    write("nix.conf", "include more.conf\n!include none.conf\n");
    write("more.conf", "cores = 3\n");
    write("user.conf", "timeout = 9\n");
    let sources = Sources {
        system_file: dir.path().join("nix.conf"),
        user_files: vec![dir.path().join("user.conf"), dir.path().join("absent")],
        text: Some("log-lines = 7".to_owned()),
    };
    let mut settings = Settings::new(&machine());
    assert!(settings.load(&sources).is_ok());
    assert_eq!(settings.build.cores, 3);
    assert_eq!(
        settings.overridden(),
        [("log-lines", "7".to_owned()), ("timeout", "9".to_owned())]
    );
}

#[test]
fn flags_follow_from_types() {
    let mut settings = Settings::new(&machine());
    let mut apply = |name: &str, value: &str| {
        let flag = settings.flag(name).expect("a known flag");
        assert_eq!(flag.takes_value(), !value.is_empty(), "{name}");
        settings.apply_flag(flag, value).expect("a good value");
        settings.render(flag.setting()).expect("a known setting")
    };
    assert_eq!(apply("fallback", ""), "true");
    assert_eq!(apply("no-fallback", ""), "false");
    assert_eq!(apply("relaxed-sandbox", ""), "relaxed");
    assert_eq!(apply("no-sandbox", ""), "false");
    assert_eq!(apply("cores", "3"), "3");
    assert_eq!(apply("substituters", "a"), "a");
    assert_eq!(apply("extra-substituters", "b"), "a b");
    assert_eq!(apply("binary-caches", "c"), "a b c");
    for unknown in ["no-cores", "extra-cores", "relaxed-fallback", "zork"] {
        assert!(settings.flag(unknown).is_none(), "{unknown}");
    }
}

#[test]
fn mirrors_are_settings_of_their_own() {
    let settings = after("mirrors.https = http://a http://b");
    assert_eq!(settings.mirrors["https"], ["http://a", "http://b"]);
    assert!(
        settings
            .show_text(true)
            .contains("mirrors.https = http://a http://b\n")
    );
    assert!(!settings.show_text(false).contains("eval-cores"));
}
