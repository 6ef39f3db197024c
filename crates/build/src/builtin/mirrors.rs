//! Where `mirror://<scheme>/…` leads.
//!
//! First to the setting `mirrors.<scheme>`; then, for `debian`, to the archives that the host's own
//! package client uses, in both of its formats. The registries of languages find their files in ways
//! of their own (`registries`). No host is built in. Every file is checked by its hash, so it does not
//! matter where it came from.

use std::path::Path;

use firn_transfer::Client;

use super::registries;
use crate::BuildSettings;

/// The addresses that an address stands for, in the order in which they are tried.
pub(super) fn resolve(
    settings: &BuildSettings,
    client: &Client,
    url: &str,
) -> Result<Vec<String>, String> {
    let Some(rest) = url.strip_prefix("mirror://") else {
        return Ok(vec![url.to_owned()]);
    };
    let (scheme, path) = rest.split_once('/').unwrap_or((rest, ""));
    if let Some(addresses) = registries::resolve(settings, client, scheme, path) {
        return addresses;
    }
    let mut bases = settings.mirrors.get(scheme).cloned().unwrap_or_default();
    if scheme == "debian" {
        for base in apt_archives(&settings.apt_directory) {
            if !bases.contains(&base) {
                bases.push(base);
            }
        }
    }
    if bases.is_empty() {
        return Err(format!(
            "no mirror is known for '{url}'; set 'mirrors.{scheme}' to the address of one, or \
             'hashed-mirrors' to a place that has the file by its hash"
        ));
    }
    Ok(bases
        .iter()
        .map(|base| format!("{}/{path}", base.trim_end_matches('/')))
        .collect())
}

/// The archives in apt's configuration, those of the main archive first.
fn apt_archives(directory: &Path) -> Vec<String> {
    let mut archives = Vec::new();
    let mut files = vec![directory.join("sources.list")];
    if let Ok(entries) = std::fs::read_dir(directory.join("sources.list.d")) {
        let mut more: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        more.sort();
        files.extend(more);
    }
    for file in files {
        let Ok(text) = std::fs::read_to_string(&file) else {
            continue;
        };
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("sources") => read_stanzas(&text, &mut archives),
            Some("list") => read_lines(&text, &mut archives),
            _ => {}
        }
    }
    archives
}

fn add(uri: &str, archives: &mut Vec<String>) {
    let known = ["http://", "https://", "file:/"];
    if known.iter().any(|scheme| uri.starts_with(scheme))
        && !archives.iter().any(|archive| archive == uri)
    {
        archives.push(uri.to_owned());
    }
}

/// The format of one line an archive: `deb [options] URI suite component…`.
fn read_lines(text: &str, archives: &mut Vec<String>) {
    for line in text.lines() {
        let line = line.trim();
        let Some(rest) = line
            .strip_prefix("deb ")
            .or_else(|| line.strip_prefix("deb-src "))
        else {
            continue;
        };
        let rest = rest.trim_start();
        let rest = match rest.strip_prefix('[') {
            Some(options) => options.split_once(']').map_or("", |(_, rest)| rest),
            None => rest,
        };
        if let Some(uri) = rest.split_whitespace().next() {
            add(uri, archives);
        }
    }
}

/// The format of stanzas with fields.
fn read_stanzas(text: &str, archives: &mut Vec<String>) {
    for stanza in text.split("\n\n") {
        let (mut uris, mut enabled, mut in_uris) = (Vec::new(), true, false);
        for line in stanza.lines().filter(|line| !line.starts_with('#')) {
            if line.starts_with([' ', '\t']) {
                if in_uris {
                    uris.extend(line.split_whitespace());
                }
                continue;
            }
            let Some((field, value)) = line.split_once(':') else {
                continue;
            };
            in_uris = field.eq_ignore_ascii_case("uris");
            if in_uris {
                uris.extend(value.split_whitespace());
            } else if field.eq_ignore_ascii_case("enabled") {
                enabled = !matches!(value.trim(), "no" | "false" | "off" | "0");
            }
        }
        if enabled {
            for uri in uris {
                add(uri, archives);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_own_archives_are_found_in_both_formats() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(dir.path().join("sources.list.d")).expect("made");
        std::fs::write(
            dir.path().join("sources.list"),
            "# deb http://no.example/ x\ndeb [signed-by=/k a=b] http://one.example/debian stable main\n",
        )
        .expect("written");
        std::fs::write(
            dir.path().join("sources.list.d/x.sources"),
            "Types: deb\nURIs: http://two.example/debian\n http://three.example/d/\nSuites: s\n\n\
             Enabled: no\nURIs: http://off.example/\n",
        )
        .expect("written");
        let mut settings = BuildSettings {
            apt_directory: dir.path().to_owned(),
            ..BuildSettings::default()
        };
        let client = Client::new(
            settings.transfer.clone(),
            std::sync::Arc::new(firn_events::NullSink),
        );
        let addresses = resolve(&settings, &client, "mirror://debian/pool/x.deb").expect("known");
        assert_eq!(
            addresses,
            [
                "http://one.example/debian/pool/x.deb",
                "http://two.example/debian/pool/x.deb",
                "http://three.example/d/pool/x.deb"
            ]
        );
        let error = resolve(&settings, &client, "mirror://gnu/x").expect_err("unknown");
        assert!(error.contains("set 'mirrors.gnu'"), "{error}");
        settings
            .mirrors
            .insert("gnu".to_owned(), vec!["http://g/".to_owned()]);
        assert_eq!(
            resolve(&settings, &client, "mirror://gnu/x").expect("known"),
            ["http://g/x"]
        );
    }
}
