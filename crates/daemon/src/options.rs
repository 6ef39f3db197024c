//! The settings that a client brings, as far as it may.
//!
//! A client that is not trusted may choose how long to wait and which of the substituters that the
//! owner of the store trusts are asked; everything else could be used against others.

use firn_settings::Settings;
use firn_store_model::worker::ClientOptions;

/// Settings that change nothing for anyone but the client.
const HARMLESS: [&str; 5] = [
    "timeout",
    "build-timeout",
    "max-silent-time",
    "build-poll-interval",
    "connect-timeout",
];

/// The names of the setting for substituters.
const SUBSTITUTERS: [&str; 3] = ["substituters", "binary-caches", "extra-substituters"];

/// Takes over the settings of a client; returns what there is to be said about those that were not.
pub fn apply_client_options(
    settings: &mut Settings,
    options: &ClientOptions,
    is_trusted: bool,
) -> Vec<String> {
    let mut remarks = Vec::new();
    let number = |number: u64| number.to_string();
    let plain = [
        ("keep-failed", options.keep_failed.to_string()),
        ("keep-going", options.keep_going.to_string()),
        ("fallback", options.fallback.to_string()),
        ("max-jobs", number(options.max_jobs)),
        ("max-silent-time", number(options.max_silent_time)),
        ("cores", number(options.cores)),
        ("substitute", options.substitute.to_string()),
    ];
    for (name, value) in plain {
        if let Err(error) = settings.set(name, &value) {
            remarks.push(error.to_string());
        }
    }
    for (name, value) in &options.overrides {
        let name = name.as_str();
        // A client's features are the client's, and its store is this one; the others never made
        // sense.
        if matches!(
            name,
            "experimental-features" | "store" | "plugin-files" | "ssh-auth-sock"
        ) {
            continue;
        }
        let is_harmless = HARMLESS.contains(&name) || (name == "builders" && value.is_empty());
        let value = if is_trusted || is_harmless {
            value.clone()
        } else if SUBSTITUTERS.contains(&name) {
            known_substituters(settings, value, &mut remarks)
        } else {
            remarks.push(format!(
                "ignoring the client-specified setting '{name}', because it is a restricted \
                 setting and you are not a trusted user"
            ));
            continue;
        };
        if let Err(error) = settings.set(name, &value) {
            remarks.push(error.to_string());
        }
    }
    remarks
}

/// Those of a client's substituters that the owner of the store knows.
fn known_substituters(settings: &Settings, value: &str, remarks: &mut Vec<String>) -> String {
    let store = &settings.store;
    let is_known = |url: &str| {
        let mut known = store.trusted_substituters.iter().chain(&store.substituters);
        known.any(|known| known.trim_end_matches('/') == url.trim_end_matches('/'))
    };
    let mut kept = Vec::new();
    for url in value.split_whitespace() {
        if is_known(url) {
            kept.push(url);
        } else {
            remarks.push(format!(
                "ignoring untrusted substituter '{url}', you are not a trusted user.\nRun `man \
                 nix.conf` for more information on the `substituters` configuration option."
            ));
        }
    }
    kept.join(" ")
}
