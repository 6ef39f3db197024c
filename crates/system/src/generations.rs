//! The generations of a machine: what it was, is, and can be again.

use std::path::{Path, PathBuf};

use firn_store::profile::Profile;
use serde_json::Value;

use crate::boot_spec::specialisations;
use crate::error::SystemError;

/// One generation, and what its files say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// The number.
    pub number: u64,
    /// The link that keeps it.
    pub link: PathBuf,
    /// The system.
    pub toplevel: PathBuf,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// Whether the profile leads to it.
    pub is_current: bool,
    /// The version that it shows.
    pub version: String,
    /// The version of its kernel.
    pub kernel: Option<String>,
    /// The revision of the sources it is made from.
    pub revision: Option<String>,
    /// What was said of it.
    pub message: Option<String>,
    /// The names of its variants.
    pub specialisations: Vec<String>,
}

/// What is kept of a generation beside it. A system's own files do not say it, so that the same
/// configuration is the same system, whenever and by whomever it is built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// The revision of the configuration.
    pub revision: Option<String>,
    /// What was said of it.
    pub message: Option<String>,
}

impl Note {
    /// This one, and what another says in its place.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            revision: other.revision.or(self.revision),
            message: other.message.or(self.message),
        }
    }
}

/// Where the note on a generation is. Whatever has `-link` in its name counts as a generation.
fn note_place(link: &Path) -> PathBuf {
    let name = link.to_string_lossy();
    let name = name.strip_suffix("-link").unwrap_or(&name);
    PathBuf::from(format!("{name}.json"))
}

/// Keeps what is known of a generation. What it does not say stays as it was noted before, if the
/// generation is the same. Notes on generations that are gone go too.
pub fn write_note(link: &Path, note: &Note) -> std::io::Result<()> {
    let toplevel = std::fs::read_link(link)?;
    let before = read_note(link, &toplevel);
    let note = before.with(note.clone());
    let text = serde_json::json!({
        "path": toplevel.to_string_lossy(),
        "revision": note.revision,
        "message": note.message,
    });
    let place = note_place(link);
    let temporary = place.with_extension("new");
    std::fs::write(&temporary, text.to_string())?;
    std::fs::rename(&temporary, &place)?;
    remove_lost_notes(link)
}

/// Removes notes on generations of the same profile that are gone.
fn remove_lost_notes(link: &Path) -> std::io::Result<()> {
    let (Some(directory), Some(name)) = (link.parent(), link.file_name()) else {
        return Ok(());
    };
    let name = name.to_string_lossy();
    let profile = name
        .strip_suffix("-link")
        .and_then(|it| it.rsplit_once('-'));
    let Some((profile, _)) = profile else {
        return Ok(());
    };
    for entry in std::fs::read_dir(directory)? {
        let place = entry?.path();
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let number = name
            .strip_prefix(profile)
            .and_then(|it| it.strip_prefix('-')?.strip_suffix(".json"));
        let Some(number) = number.filter(|it| it.parse::<u64>().is_ok()) else {
            continue;
        };
        let of = directory.join(format!("{profile}-{number}-link"));
        if std::fs::symlink_metadata(of).is_err() {
            std::fs::remove_file(&place)?;
        }
    }
    Ok(())
}

/// The note on a generation; numbers are used again, so it has to be of this system.
fn read_note(link: &Path, toplevel: &Path) -> Note {
    let text = std::fs::read_to_string(note_place(link)).unwrap_or_default();
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    if value["path"].as_str() != toplevel.to_str() {
        return Note::default();
    }
    let said = |key: &str| value[key].as_str().map(str::to_owned);
    Note {
        revision: said("revision"),
        message: said("message"),
    }
}

/// The name of the profile of machines.
pub const SYSTEM_PROFILE: &str = "system";

/// Where a machine's profile of a name is, below the state directory of its store.
pub fn profile_link(state_dir: &Path, name: &str) -> PathBuf {
    let profiles = state_dir.join("profiles");
    if name == SYSTEM_PROFILE {
        profiles.join(name)
    } else {
        profiles.join("system-profiles").join(name)
    }
}

/// All generations of a profile, oldest first.
pub fn generations(profile: &Profile) -> Result<Vec<Generation>, SystemError> {
    if !profile.link().parent().is_some_and(Path::is_dir) {
        return Ok(Vec::new());
    }
    let (all, current) = profile.generations()?;
    let described = all.into_iter().map(|it| {
        let target = std::fs::read_link(&it.link).unwrap_or_else(|_| it.link.clone());
        describe(
            it.number,
            it.link,
            target,
            it.created,
            Some(it.number) == current,
        )
    });
    Ok(described.collect())
}

fn describe(
    number: u64,
    link: PathBuf,
    toplevel: PathBuf,
    created: i64,
    is_current: bool,
) -> Generation {
    let manifest = std::fs::read_to_string(link.join("manifest.json")).unwrap_or_default();
    let manifest: Value = serde_json::from_str(&manifest).unwrap_or_default();
    let said = |key: &str| manifest[key].as_str().map(str::to_owned);
    let version = std::fs::read_to_string(link.join("nixos-version"));
    let note = read_note(&link, &toplevel);
    Generation {
        number,
        created,
        is_current,
        version: version.map_or_else(|_| "unknown".to_owned(), |it| it.trim().to_owned()),
        kernel: kernel_version(&link),
        revision: said("revision").or(note.revision),
        message: note.message,
        specialisations: specialisations(&link).into_keys().collect(),
        toplevel,
        link,
    }
}

/// The version of a system's kernel: the directory that its modules are in.
pub fn kernel_version(toplevel: &Path) -> Option<String> {
    let mut entries = std::fs::read_dir(toplevel.join("kernel-modules/lib/modules")).ok()?;
    let name = entries.next()?.ok()?.file_name();
    Some(name.to_string_lossy().into_owned())
}

impl Generation {
    /// It as JSON, with the names that `nixos-rebuild list-generations --json` uses, and more.
    pub fn to_json(&self) -> Value {
        serde_json::json!({
            "generation": self.number,
            "date": date(self.created),
            "nixosVersion": self.version,
            "kernelVersion": self.kernel.clone().unwrap_or_default(),
            "configurationRevision": self.revision.clone().unwrap_or_default(),
            "message": self.message.clone().unwrap_or_default(),
            "specialisations": self.specialisations,
            "current": self.is_current,
            "path": self.toplevel.to_string_lossy(),
        })
    }
}

/// A time as text, in UTC.
pub fn date(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil_from_days(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// The date of a day counted from 1970-01-01. Years are counted from March, so that the leap day
/// is the last of a year, and in periods of 400 years, which all have the same days.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let period = days.div_euclid(146_097);
    let day_of_period = days.rem_euclid(146_097);
    let year_of_period = (day_of_period - day_of_period / 1460 + day_of_period / 36_524
        - day_of_period / 146_096)
        / 365;
    let day_of_year =
        day_of_period - (365 * year_of_period + year_of_period / 4 - year_of_period / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_period + period * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(date(0), "1970-01-01 00:00:00");
        assert_eq!(date(951_782_399), "2000-02-28 23:59:59");
        assert_eq!(date(951_782_400), "2000-02-29 00:00:00");
        assert_eq!(date(1_795_000_000), "2026-11-18 11:06:40");
        assert_eq!(date(-1), "1969-12-31 23:59:59");
    }

    #[test]
    fn generations_say_what_they_are() {
        let directory = tempfile::tempdir().expect("made");
        let system = directory.path().join("toplevel");
        std::fs::create_dir_all(system.join("kernel-modules/lib/modules/6.1.0")).expect("made");
        std::fs::write(system.join("nixos-version"), "26.05\n").expect("written");
        std::fs::write(system.join("manifest.json"), "{\"revision\": \"abc\"}").expect("written");
        let profiles = directory.path().join("profiles");
        std::fs::create_dir(&profiles).expect("made");
        let link = |target: &Path, name: &str| {
            std::os::unix::fs::symlink(target, profiles.join(name)).expect("linked");
        };
        link(&system, "system-1-link");
        link(Path::new("/nowhere"), "system-2-link");
        link(Path::new("system-1-link"), "system");
        let profile = Profile::new(profile_link(directory.path(), SYSTEM_PROFILE));
        let note = Note {
            revision: Some("def".to_owned()),
            message: Some("Try it".to_owned()),
        };
        for number in [1, 2] {
            let link = profiles.join(format!("system-{number}-link"));
            write_note(&link, &note).expect("written");
            write_note(&link, &Note::default()).expect("written");
        }
        let found = generations(&profile).expect("read");
        assert_eq!(found.len(), 2);
        // What a system says of itself counts.
        assert_eq!(found[1].revision.as_deref(), Some("def"));
        assert_eq!(found[1].message.as_deref(), Some("Try it"));
        assert!(found[0].is_current && !found[1].is_current);
        assert_eq!(found[0].version, "26.05");
        assert_eq!(found[0].kernel.as_deref(), Some("6.1.0"));
        assert_eq!(found[0].revision.as_deref(), Some("abc"));
        assert_eq!(found[1].version, "unknown");

        // A note on another system of that number is none, and it goes with its generation.
        std::fs::remove_file(profiles.join("system-2-link")).expect("removed");
        link(Path::new("/elsewhere"), "system-2-link");
        let found = generations(&profile).expect("read");
        assert_eq!((&found[1].revision, &found[1].message), (&None, &None));
        std::fs::remove_file(profiles.join("system-2-link")).expect("removed");
        write_note(&profiles.join("system-1-link"), &note).expect("written");
        assert!(!profiles.join("system-2.json").exists());
        assert!(profiles.join("system-1.json").exists());
    }
}
