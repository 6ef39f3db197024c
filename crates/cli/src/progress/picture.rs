//! What is going on, and the lines that say so.
//!
//! Fed with events; each build and each transfer has a line while it runs, longest first, and the
//! first line sums up: builds done of those foreseen, transfers, how long it may still take.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use firn_events::{ActivityId, ActivityKind, ActivityType, Event, Progress};

use crate::size::render_size;

/// Everything that is going on.
pub struct Picture {
    colour: bool,
    rows: Vec<Row>,
    builds: Option<(ActivityId, Progress)>,
    copies: Totals,
    /// How long the rest may take, and when that was said.
    forecast: Option<(Duration, Instant)>,
}

#[derive(Default)]
struct Totals {
    done: u64,
    bytes: u64,
}

struct Row {
    id: ActivityId,
    since: Instant,
    what: What,
    name: String,
    /// The phase of a build.
    phase: String,
    /// What was said last.
    last_line: String,
    progress: Progress,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Build,
    Wait,
    Copy,
    Transfer,
    Other,
}

impl Picture {
    /// Nothing is going on.
    pub fn new(colour: bool) -> Picture {
        Picture {
            colour,
            rows: Vec::new(),
            builds: None,
            copies: Totals::default(),
            forecast: None,
        }
    }

    /// Whether there is anything to show.
    pub fn is_busy(&self) -> bool {
        !self.rows.is_empty()
    }

    /// Takes note of an event.
    pub fn apply(&mut self, event: &Event, now: Instant) {
        match event {
            Event::Start { id, text, kind, .. } => self.start(*id, text, kind, now),
            Event::Stop { id } => self.stop(*id),
            Event::Progress { id, progress } => {
                if self.builds.is_some_and(|(builds, _)| builds == *id) {
                    self.builds = Some((*id, *progress));
                } else if let Some(row) = self.row(*id) {
                    row.progress = *progress;
                }
            }
            Event::SetPhase { id, phase } => {
                if let Some(row) = self.row(*id) {
                    row.phase.clone_from(phase);
                }
            }
            Event::BuildLogLine { id, line } | Event::PostBuildLogLine { id, line } => {
                if let Some(row) = self.row(*id) {
                    row.last_line = plain(&String::from_utf8_lossy(line));
                }
            }
            Event::FetchStatus { id, text } => {
                if let Some(row) = self.row(*id) {
                    row.last_line = plain(text);
                }
            }
            Event::Forecast { remaining, .. } => self.forecast = Some((*remaining, now)),
            _ => {}
        }
    }

    fn row(&mut self, id: ActivityId) -> Option<&mut Row> {
        self.rows.iter_mut().find(|row| row.id == id)
    }

    fn start(&mut self, id: ActivityId, text: &str, kind: &ActivityKind, now: Instant) {
        let (what, name) = match kind {
            ActivityKind::Builds => {
                self.builds = Some((id, Progress::default()));
                self.forecast = None;
                return;
            }
            ActivityKind::Build {
                drv_path, machine, ..
            } => {
                let name = name_of(drv_path);
                let place = match machine.as_str() {
                    "" => String::new(),
                    machine => format!(" on {machine}"),
                };
                (What::Build, format!("{name}{place}"))
            }
            ActivityKind::BuildWaiting { drv_path, .. } => (What::Wait, name_of(drv_path)),
            ActivityKind::CopyPath { path, .. } => (What::Copy, name_of(path)),
            ActivityKind::FileTransfer { url } => {
                let file = url.rsplit('/').next().unwrap_or(url);
                (What::Transfer, file.to_owned())
            }
            ActivityKind::Foreign { kind, .. } if *kind == ActivityType::Build => {
                (What::Build, text.to_owned())
            }
            ActivityKind::FetchTree
            | ActivityKind::OptimiseStore
            | ActivityKind::VerifyPaths
            | ActivityKind::PostBuildHook { .. }
                if !text.is_empty() =>
            {
                (What::Other, text.to_owned())
            }
            _ => return,
        };
        self.rows.push(Row {
            id,
            since: now,
            what,
            name,
            phase: String::new(),
            last_line: String::new(),
            progress: Progress::default(),
        });
    }

    fn stop(&mut self, id: ActivityId) {
        if let Some(at) = self.rows.iter().position(|row| row.id == id) {
            let row = self.rows.remove(at);
            if row.what == What::Copy {
                self.copies.done += 1;
                self.copies.bytes += row.progress.done;
            }
        }
        if self.builds.is_some_and(|(builds, _)| builds == id) {
            self.builds = None;
        }
    }

    /// The picture in lines, at most so many.
    pub fn lines(&self, now: Instant, max_lines: usize) -> Vec<String> {
        let mut lines = vec![self.summary(now)];
        let shown = self.rows.iter().filter(|row| row.what != What::Wait);
        let room = max_lines.saturating_sub(2).max(1);
        lines.extend(shown.clone().take(room).map(|row| self.line(row, now)));
        let more = shown.count().saturating_sub(room);
        if more > 0 {
            lines.push(self.dim(&format!("  … and {more} more")));
        }
        lines
    }

    fn summary(&self, now: Instant) -> String {
        let mut parts = Vec::new();
        if let Some((_, progress)) = self.builds
            && (progress.expected > 0 || progress.running > 0)
        {
            let mut part = format!("{}/{} built", progress.done, progress.expected);
            if progress.running > 0 {
                write!(part, ", {} running", progress.running).expect("a string takes any text");
            }
            let waiting = progress
                .expected
                .saturating_sub(progress.done + progress.running + progress.failed);
            if waiting > 0 {
                write!(part, ", {waiting} waiting").expect("a string takes any text");
            }
            if progress.failed > 0 {
                part.push_str(&self.paint("31", &format!(", {} failed", progress.failed)));
            }
            parts.push(part);
        }
        let copying: Vec<&Row> = self
            .rows
            .iter()
            .filter(|it| it.what == What::Copy)
            .collect();
        if !copying.is_empty() || self.copies.done > 0 {
            let running: u64 = copying.iter().map(|row| row.progress.done).sum();
            parts.push(format!(
                "{} copied, {} running, {}",
                self.copies.done,
                copying.len(),
                render_size(self.copies.bytes + running)
            ));
        }
        let held = self.rows.iter().filter(|it| it.what == What::Wait).count();
        if held > 0 {
            parts.push(format!("{held} waiting for others"));
        }
        if let Some((remaining, said)) = self.forecast {
            let left = remaining.saturating_sub(now.duration_since(said));
            if left >= Duration::from_secs(1) {
                parts.push(format!("about {} left", render_time(left)));
            }
        }
        self.paint("1", &format!("[{}]", parts.join("; ")))
    }

    fn line(&self, row: &Row, now: Instant) -> String {
        let elapsed = now.duration_since(row.since);
        let mut text = match row.what {
            What::Build => format!("  {} {}", self.paint("32", "●"), row.name),
            What::Copy | What::Transfer => format!("  {} {}", self.paint("34", "↓"), row.name),
            What::Wait | What::Other => format!("  · {}", row.name),
        };
        let progress = row.progress;
        if matches!(row.what, What::Copy | What::Transfer) && progress.done > 0 {
            text.push_str(&format!(" {}", render_size(progress.done)));
            if progress.expected > 0 {
                text.push_str(&format!(" of {}", render_size(progress.expected)));
            }
            if elapsed >= Duration::from_secs(1) {
                let speed = progress.done as f64 / elapsed.as_secs_f64();
                text.push_str(&format!(", {}/s", render_size(speed as u64)));
            }
        }
        if elapsed >= Duration::from_secs(1) {
            text.push_str(&self.dim(&format!(" {}", render_time(elapsed))));
        }
        if !row.phase.is_empty() {
            text.push_str(&self.paint("36", &format!(" {}", row.phase)));
        }
        if !row.last_line.is_empty() {
            text.push_str(&self.dim(&format!(": {}", row.last_line)));
        }
        text
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    fn dim(&self, text: &str) -> String {
        self.paint("2", text)
    }
}

/// The name of what a store path is: no directory, hash or extension.
pub fn name_of(path: &[u8]) -> String {
    let path = String::from_utf8_lossy(path);
    let base = path.rsplit('/').next().unwrap_or(&path);
    let name = base.split_once('-').map_or(base, |it| it.1);
    name.strip_suffix(".drv").unwrap_or(name).to_owned()
}

/// Text of others without what would move the cursor.
fn plain(text: &str) -> String {
    crate::escapes::clean(text, false)
}

/// A time in one or two units.
pub fn render_time(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds:02}s"),
        (hours, minutes, _) => format!("{hours}h{minutes:02}m"),
    }
}

#[cfg(test)]
mod tests {
    use firn_events::Level;

    use super::*;

    fn start(picture: &mut Picture, kind: ActivityKind, now: Instant) -> ActivityId {
        let id = ActivityId::next();
        let event = Event::Start {
            id,
            parent: None,
            level: Level::Info,
            text: String::new(),
            kind,
        };
        picture.apply(&event, now);
        id
    }

    fn build(name: &str) -> ActivityKind {
        ActivityKind::Build {
            drv_path: format!("/nix/store/abc-{name}.drv").into_bytes(),
            machine: String::new(),
            round: 1,
            n_rounds: 1,
        }
    }

    #[test]
    fn builds_have_lines_with_phase_time_and_last_words() {
        let now = Instant::now();
        let mut picture = Picture::new(false);
        let builds = start(&mut picture, ActivityKind::Builds, now);
        let hello = start(&mut picture, build("hello-2.10"), now);
        start(&mut picture, build("zlib"), now);
        let progress = Progress {
            done: 3,
            expected: 9,
            running: 2,
            failed: 1,
        };
        picture.apply(
            &Event::Progress {
                id: builds,
                progress,
            },
            now,
        );
        let phase = "buildPhase".to_owned();
        picture.apply(&Event::SetPhase { id: hello, phase }, now);
        let line = b"\x1b[1mcc -c\x1b[0m".to_vec();
        picture.apply(&Event::BuildLogLine { id: hello, line }, now);
        let remaining = Duration::from_secs(100);
        picture.apply(
            &Event::Forecast {
                id: builds,
                remaining,
            },
            now,
        );
        let later = now + Duration::from_secs(65);
        assert_eq!(
            picture.lines(later, 10),
            [
                "[3/9 built, 2 running, 3 waiting, 1 failed; about 35s left]",
                "  ● hello-2.10 1m05s buildPhase: cc -c",
                "  ● zlib 1m05s",
            ]
        );
        picture.apply(&Event::Stop { id: hello }, later);
        assert_eq!(picture.lines(later, 10).len(), 2);
    }

    #[test]
    fn copies_tell_size_and_speed_and_are_summed_up() {
        let now = Instant::now();
        let mut picture = Picture::new(false);
        let copy = |name: &str| ActivityKind::CopyPath {
            path: format!("/nix/store/abc-{name}").into_bytes(),
            from: String::new(),
            to: String::new(),
        };
        let one = start(&mut picture, copy("one"), now);
        start(&mut picture, copy("two"), now);
        let progress = Progress {
            done: 4 << 20,
            expected: 8 << 20,
            ..Progress::default()
        };
        picture.apply(&Event::Progress { id: one, progress }, now);
        let later = now + Duration::from_secs(2);
        assert_eq!(
            picture.lines(later, 3),
            [
                "[0 copied, 2 running, 4.0 MiB]",
                "  ↓ one 4.0 MiB of 8.0 MiB, 2.0 MiB/s 2s",
                "  … and 1 more",
            ]
        );
        picture.apply(&Event::Stop { id: one }, later);
        assert!(picture.lines(later, 3)[0].starts_with("[1 copied, 1 running, 4.0 MiB"));
    }

    #[test]
    fn names_are_brief() {
        assert_eq!(name_of(b"/nix/store/abc-hello-1.0.drv"), "hello-1.0");
        assert_eq!(name_of(b"x"), "x");
    }
}
