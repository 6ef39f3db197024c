//! A builder at work: its output, its clock, its end.
//!
//! The scheduler polls what is listed here and calls back. A builder is done when its process and
//! all that it started are gone *and* everything they wrote has been read.

use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use firn_store::BuildStatus;
use firn_sys::cgroup::Cgroup;
use firn_sys::file_lock::PathLock;
use firn_sys::launcher::LaunchId;
use firn_sys::pseudo_terminal::read_some;

use crate::goal::GoalKey;
use crate::log::BuildLog;
use crate::prepare::PreparedBuild;
use crate::{BuildError, BuildSettings};

/// How long a builder may go on without output that anybody could read.
const GRACE: Duration = Duration::from_secs(1);

/// A launched builder.
pub(crate) struct RunningBuild {
    pub(crate) key: GoalKey,
    pub(crate) id: LaunchId,
    pub(crate) prepared: PreparedBuild,
    pub(crate) locks: PathLock,
    pub(crate) log: BuildLog,
    /// The control group of all its processes.
    pub(crate) cgroup: Option<Cgroup>,
    /// Closed once everything was read.
    pub(crate) output: Option<OwnedFd>,
    /// Closed once the program runs, or has said why it does not.
    pub(crate) errors: Option<OwnedFd>,
    pub(crate) setup_failure: String,
    pub(crate) exit: Option<ExitStatus>,
    /// Why it was killed, if it was.
    pub(crate) verdict: Option<BuildError>,
    /// Nobody needs it any more.
    pub(crate) is_unwanted: bool,
    pub(crate) started: Instant,
    pub(crate) started_at: u64,
    pub(crate) last_output: Instant,
    /// When it closed its output while it went on running.
    pub(crate) out_of_sight: Option<Instant>,
}

impl RunningBuild {
    /// Whether nothing more will come of it.
    pub(crate) fn is_done(&self) -> bool {
        self.exit.is_some() && self.output.is_none() && self.errors.is_none()
    }

    /// Reads what the builder wrote. Called when there is something, or when it is gone.
    pub(crate) fn read_output(&mut self, settings: &BuildSettings) -> io::Result<()> {
        let Some(output) = &self.output else {
            return Ok(());
        };
        let mut buffer = [0; 16 << 10];
        match read_some(output, &mut buffer) {
            Ok(0) => self.output = None,
            Ok(n) => {
                self.last_output = Instant::now();
                if self.verdict.is_none() {
                    self.log.write(&buffer[..n])?;
                }
                if settings.max_log_size > 0
                    && self.log.n_bytes() > settings.max_log_size
                    && self.verdict.is_none()
                {
                    self.verdict = Some(BuildError::new(
                        BuildStatus::LogLimitExceeded,
                        format!(
                            "{} killed after writing more than {} bytes of log output",
                            self.name(),
                            settings.max_log_size
                        ),
                    ));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                // All writers are gone with the processes; what could be read has been.
                if self.exit.is_some() {
                    self.output = None;
                }
            }
            Err(_) => self.output = None,
        }
        Ok(())
    }

    /// Reads why the program could not be started, if it could not.
    pub(crate) fn read_errors(&mut self) {
        let Some(errors) = self.errors.take() else {
            return;
        };
        let mut text = Vec::new();
        let mut file = std::fs::File::from(errors);
        // The other end is closed or about to be; a failure writes all of its text at once.
        let mut buffer = [0; 4096];
        match file.read(&mut buffer) {
            Ok(0) | Err(_) => {}
            Ok(n) => {
                text.extend_from_slice(&buffer[..n]);
                self.setup_failure.push_str(&String::from_utf8_lossy(&text));
            }
        }
    }

    /// Kills it by the clock, if it is time.
    pub(crate) fn check_clock(&mut self, settings: &BuildSettings, now: Instant) {
        if self.verdict.is_some() {
            return;
        }
        for (limit, since) in self.limits(settings) {
            if now.duration_since(since) >= limit {
                self.verdict = Some(BuildError::new(
                    BuildStatus::TimedOut,
                    format!("timed out after {} seconds", limit.as_secs()),
                ));
            }
        }
    }

    /// Whether it is time to kill it because it closed its output, so that it cannot be watched any
    /// more. One that has just ended closes it too; the news of that comes by another way.
    pub(crate) fn is_out_of_sight(&mut self, now: Instant) -> bool {
        if self.output.is_some() || self.exit.is_some() {
            return false;
        }
        let since = *self.out_of_sight.get_or_insert(now);
        let is_time = now.duration_since(since) >= GRACE;
        if is_time {
            // Once is enough.
            self.out_of_sight = Some(now + Duration::from_hours(1));
        }
        is_time
    }

    /// When its clock has to be looked at again.
    pub(crate) fn deadline(&self, settings: &BuildSettings) -> Option<Instant> {
        if self.verdict.is_some() {
            return None;
        }
        let closed = self.out_of_sight.map(|since| since + GRACE);
        self.limits(settings)
            .map(|(limit, since)| since + limit)
            .chain(closed)
            .min()
    }

    fn limits(
        &self,
        settings: &BuildSettings,
    ) -> impl Iterator<Item = (Duration, Instant)> + use<> {
        [
            (settings.max_silent_time, self.last_output),
            (settings.timeout, self.started),
        ]
        .into_iter()
        .filter(|(limit, _)| *limit > 0)
        .map(|(limit, since)| (Duration::from_secs(limit), since))
    }

    fn name(&self) -> String {
        match &self.key {
            GoalKey::Derivation(path, _) => format!("building derivation '{path}'"),
            _ => "builder".to_owned(),
        }
    }

    /// Makes reading never wait.
    pub(crate) fn set_nonblocking(output: &OwnedFd) -> io::Result<()> {
        let flags = rustix::fs::fcntl_getfl(output.as_fd())?;
        rustix::fs::fcntl_setfl(output.as_fd(), flags | rustix::fs::OFlags::NONBLOCK)?;
        Ok(())
    }
}
