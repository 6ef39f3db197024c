//! The log of a build: lines to whoever watches, the last ones for an error, all of it on disk.
//!
//! Bytes go to the file as they come. Lines are made of them as a terminal would show them (a
//! carriage return goes back to the beginning); a line that is a message of the field's
//! `internal-json` is passed on as the event it stands for, with activities renamed so that
//! builders cannot speak for others.
//!
//! The file is compressed with bzip2 where the settings say so, because the field's tools look
//! for that. A build that says nothing costs no compressor.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use firn_events::{ActivityGuard, ActivityId, Event, Level, json};

/// A bzip2 stream of nothing.
const EMPTY_BZIP2: &[u8] = b"BZh9\x17\x72\x45\x38\x50\x90\x00\x00\x00\x00";

/// A log being written.
pub(crate) struct BuildLog {
    file: LogFile,
    activity: ActivityGuard,
    line: Vec<u8>,
    /// Where in the line the next byte goes.
    column: usize,
    last_lines: VecDeque<String>,
    n_last_lines: usize,
    n_bytes: u64,
    /// The builder's names of activities and ours.
    activities: HashMap<u64, ActivityId>,
    phase: Option<String>,
}

enum LogFile {
    None,
    Plain(BufWriter<File>),
    /// Compressed, nothing written yet.
    Unopened(PathBuf),
    Compressed(Box<bzip2::write::BzEncoder<File>>),
}

impl BuildLog {
    /// Begins a log. `path` is where it is kept, if it is.
    pub(crate) fn begin(
        path: Option<&Path>,
        compress: bool,
        activity: ActivityGuard,
        n_last_lines: usize,
    ) -> io::Result<BuildLog> {
        let file = match path {
            None => LogFile::None,
            Some(path) => {
                if let Some(parent) = path.parent() {
                    std::fs::create_dir_all(parent)?;
                }
                if compress {
                    let mut name = path.as_os_str().to_owned();
                    name.push(".bz2");
                    LogFile::Unopened(PathBuf::from(name))
                } else {
                    LogFile::Plain(BufWriter::new(File::create(path)?))
                }
            }
        };
        Ok(BuildLog {
            file,
            activity,
            line: Vec::new(),
            column: 0,
            last_lines: VecDeque::new(),
            n_last_lines,
            n_bytes: 0,
            activities: HashMap::new(),
            phase: None,
        })
    }

    /// The phase that the build is in, as far as it says.
    pub(crate) fn phase(&self) -> Option<&str> {
        self.phase.as_deref()
    }

    /// Takes note of the phase that the build is in.
    pub(crate) fn set_phase(&mut self, phase: String) {
        self.phase = Some(phase.clone());
        let id = self.activity.id();
        self.activity.sink().emit(Event::SetPhase { id, phase });
    }

    /// Takes what the builder wrote.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.n_bytes += bytes.len() as u64;
        self.write_to_file(bytes)?;
        for &byte in bytes {
            match byte {
                b'\r' => self.column = 0,
                b'\n' => self.end_line(),
                _ => {
                    if self.column < self.line.len() {
                        self.line[self.column] = byte;
                    } else {
                        self.line.push(byte);
                    }
                    self.column += 1;
                }
            }
        }
        // The last lines can be followed while they are written.
        if let LogFile::Plain(file) = &mut self.file {
            file.flush()?;
        }
        Ok(())
    }

    fn write_to_file(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let LogFile::Unopened(path) = &self.file {
            let file = File::create(path)?;
            self.file = LogFile::Compressed(Box::new(bzip2::write::BzEncoder::new(
                file,
                bzip2::Compression::best(),
            )));
        }
        match &mut self.file {
            LogFile::None | LogFile::Unopened(_) => Ok(()),
            LogFile::Plain(file) => file.write_all(bytes),
            LogFile::Compressed(file) => file.write_all(bytes),
        }
    }

    fn end_line(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        line.truncate(self.column);
        self.column = 0;
        if self.is_message(&line) {
            return;
        }
        if self.n_last_lines > 0 {
            if self.last_lines.len() == self.n_last_lines {
                self.last_lines.pop_front();
            }
            self.last_lines
                .push_back(String::from_utf8_lossy(&line).into_owned());
        }
        self.activity.sink().emit(Event::BuildLogLine {
            id: self.activity.id(),
            line,
        });
    }

    /// Passes on a line that is an event; false for an ordinary line.
    fn is_message(&mut self, line: &[u8]) -> bool {
        let Some(text) = line.strip_prefix(json::PREFIX.as_bytes()) else {
            return false;
        };
        let Some(event) = std::str::from_utf8(text).ok().and_then(json::decode) else {
            let text = String::from_utf8_lossy(text);
            self.activity.sink().message(
                Level::Warn,
                &format!(
                    "Unable to handle a JSON message from the derivation builder: '{text}' is no event"
                ),
            );
            return false;
        };
        if let Some(event) = self.adopt(event) {
            self.activity.sink().emit(event);
        }
        true
    }

    /// Gives the builder's activities names of ours, below this build.
    fn adopt(&mut self, event: Event) -> Option<Event> {
        let own = self.activity.id();
        Some(match event {
            Event::Start {
                id,
                level,
                text,
                kind,
                ..
            } => {
                let adopted = ActivityId::next();
                self.activities.insert(id.as_number(), adopted);
                Event::Start {
                    id: adopted,
                    parent: Some(own),
                    level,
                    text,
                    kind,
                }
            }
            Event::Stop { id } => Event::Stop {
                id: self.activities.remove(&id.as_number())?,
            },
            Event::SetPhase { phase, .. } => {
                self.phase = Some(phase.clone());
                Event::SetPhase { id: own, phase }
            }
            Event::Message { level, text, raw } => Event::Message { level, text, raw },
            result => {
                let (id, kind, fields) = json::result_parts(&result)?;
                let id = *self.activities.get(&id.as_number())?;
                json::result_event(id, kind, &fields)?
            }
        })
    }

    /// How much was written.
    pub(crate) fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// The activity that the log belongs to.
    pub(crate) fn activity(&self) -> &ActivityGuard {
        &self.activity
    }

    /// Ends the log and gives its last lines; the activity goes on until the value is dropped.
    pub(crate) fn finish(mut self) -> io::Result<(Vec<String>, ActivityGuard)> {
        if !self.line.is_empty() {
            self.end_line();
        }
        match self.file {
            LogFile::None => {}
            LogFile::Plain(mut file) => file.flush()?,
            LogFile::Unopened(path) => std::fs::write(path, EMPTY_BZIP2)?,
            LogFile::Compressed(file) => drop(file.finish()?),
        }
        for id in self.activities.into_values() {
            self.activity.sink().emit(Event::Stop { id });
        }
        Ok((self.last_lines.into(), self.activity))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::sync::Arc;

    use firn_events::{ActivityKind, Level, RecordingSink, SharedSink};

    use super::*;

    fn log(path: Option<&Path>, events: &Arc<RecordingSink>) -> BuildLog {
        let sink: SharedSink = Arc::clone(events) as SharedSink;
        let activity = ActivityGuard::start(&sink, None, Level::Info, "", ActivityKind::Builds);
        BuildLog::begin(path, true, activity, 2).expect("a log")
    }

    #[test]
    fn lines_come_out_as_a_terminal_shows_them() {
        let events = Arc::new(RecordingSink::default());
        let mut log = log(None, &events);
        log.write(b"one\nprogress 1%\rprog").expect("written");
        log.write(b"ress 9%\n@nix {\"action\":\"setPhase\",\"phase\":\"p\"}\nlast")
            .expect("written");
        let (last_lines, _activity) = log.finish().expect("finished");
        assert_eq!(last_lines, ["progress 9%", "last"]);
        let events = events.take();
        let lines: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::BuildLogLine { line, .. } => Some(String::from_utf8_lossy(line)),
                _ => None,
            })
            .collect();
        assert_eq!(lines, ["one", "progress 9%", "last"]);
        assert!(
            events
                .iter()
                .any(|event| matches!(event, Event::SetPhase { phase, .. } if phase == "p"))
        );
    }

    #[test]
    fn the_file_is_compressed_even_when_empty() {
        let dir = tempfile::tempdir().expect("a directory");
        for contents in [&b""[..], b"hello\n"] {
            let path = dir.path().join("drvs/ab/log");
            let mut log = log(Some(&path), &Arc::new(RecordingSink::default()));
            if !contents.is_empty() {
                log.write(contents).expect("written");
            }
            log.finish().expect("finished");
            let file = File::open(path.with_extension("bz2")).expect("there");
            let mut text = Vec::new();
            bzip2::read::BzDecoder::new(file)
                .read_to_end(&mut text)
                .expect("a bzip2 stream");
            assert_eq!(text, contents);
        }
    }
}
