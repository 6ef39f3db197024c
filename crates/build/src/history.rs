//! How long builds took, by the name of what they make, so that the next run can begin with what
//! holds up the rest and say how long it may take.
//!
//! A text file below the state directory, a line for each build that took a second or longer:
//! milliseconds and name. Appended to by every process that builds; the last line for a name
//! counts. Losing it loses nothing but foresight, so no failure here is anybody's error.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file below the state directory.
const FILE_NAME: &str = "build-times";
/// The size from which on the file is written anew without its superseded lines.
const MAX_SIZE: u64 = 1 << 20;
/// What takes less is not worth a line.
const SHORTEST: Duration = Duration::from_secs(1);

/// Durations of builds.
#[derive(Default)]
pub(crate) struct History {
    path: PathBuf,
    known: Option<HashMap<String, Duration>>,
    fresh: String,
}

impl History {
    /// What a state directory knows. It is read when first asked.
    pub(crate) fn below(state_dir: &Path) -> History {
        History {
            path: state_dir.join(FILE_NAME),
            ..History::default()
        }
    }

    /// How long a derivation of this name took.
    pub(crate) fn duration_of(&mut self, name: &[u8]) -> Option<Duration> {
        let known = self.known.get_or_insert_with(|| read(&self.path));
        if known.is_empty() {
            return None;
        }
        known.get(&*key_of(name)).copied()
    }

    /// Takes note of a finished build.
    pub(crate) fn note(&mut self, name: &[u8], duration: Duration) {
        if duration < SHORTEST {
            return;
        }
        let key = key_of(name);
        if key.contains('\n') {
            return;
        }
        writeln!(self.fresh, "{} {key}", duration.as_millis()).expect("a string takes any text");
        if let Some(known) = &mut self.known {
            known.insert(key.into_owned(), duration);
        }
    }

    /// Writes down what is new.
    pub(crate) fn save(&mut self) {
        let fresh = std::mem::take(&mut self.fresh);
        if fresh.is_empty() {
            return;
        }
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.path);
        let Ok(mut file) = file else { return };
        let written = file.write_all(fresh.as_bytes());
        if written.is_ok() && file.metadata().is_ok_and(|it| it.len() > MAX_SIZE) {
            self.compact();
        }
    }

    fn compact(&self) {
        let mut lines: Vec<_> = read(&self.path)
            .into_iter()
            .map(|(key, duration)| format!("{} {key}\n", duration.as_millis()))
            .collect();
        lines.sort_unstable();
        drop(firn_sys::file::write_file_atomically(
            &self.path,
            lines.concat().as_bytes(),
            0o644,
            false,
        ));
    }
}

fn read(path: &Path) -> HashMap<String, Duration> {
    let mut text = Vec::new();
    let opened = std::fs::File::open(path);
    if opened
        .and_then(|mut file| file.read_to_end(&mut text))
        .is_err()
    {
        return HashMap::new();
    }
    String::from_utf8_lossy(&text)
        .lines()
        .filter_map(|line| {
            let (time, key) = line.split_once(' ')?;
            Some((key.to_owned(), Duration::from_millis(time.parse().ok()?)))
        })
        .collect()
}

/// A name without its version: `hello-2.10` and `hello-2.11` take about as long.
fn key_of(name: &[u8]) -> std::borrow::Cow<'_, str> {
    let version = name
        .windows(2)
        .position(|pair| pair[0] == b'-' && !pair[1].is_ascii_alphabetic());
    String::from_utf8_lossy(&name[..version.unwrap_or(name.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_counts_for_all_versions() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut history = History::below(dir.path());
        history.note(b"hello-2.10", Duration::from_secs(3));
        history.note(b"hello-2.11", Duration::from_secs(5));
        history.note(b"quick", Duration::from_millis(5));
        history.save();
        history.save();
        let mut later = History::below(dir.path());
        assert_eq!(later.duration_of(b"hello-3"), Some(Duration::from_secs(5)));
        assert_eq!(later.duration_of(b"quick"), None);
        later.compact();
        let text = std::fs::read_to_string(dir.path().join(FILE_NAME)).expect("there");
        assert_eq!(text, "5000 hello\n");
    }

    #[test]
    fn nonsense_in_the_file_is_passed_over() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join(FILE_NAME), b"x y\n\xff\n7000 a b\n").expect("written");
        let mut history = History::below(dir.path());
        assert_eq!(history.duration_of(b"a b-1"), Some(Duration::from_secs(7)));
    }
}
