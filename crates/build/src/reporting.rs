//! What the scheduler says of its progress: counts, a forecast, and what runs for onlookers.

use std::time::{Duration, Instant};

use firn_events::{ActivityId, Event, Progress};
use firn_store::Store as _;

use crate::goal::Body;
use crate::registry;
use crate::scheduler::Scheduler;

/// The shortest time between two forecasts.
const FORECAST_PAUSE: Duration = Duration::from_secs(1);

impl Scheduler {
    pub(crate) fn report_progress(&mut self) {
        let Some(builds) = &self.builds else {
            return;
        };
        let running = (self.running.len() + self.n_builtins + self.remote_builds.len()) as u64;
        let progress = Progress {
            running,
            ..self.progress
        };
        if self.reported != progress {
            self.progress = progress;
            self.reported = progress;
            builds.progress(progress);
            let id = builds.id();
            self.registry.touch();
            self.forecast(id);
        }
        let now = Instant::now();
        let running = &self.running;
        let store_dir = self.store.store_dir();
        self.registry.write_if_due(now, || {
            running
                .iter()
                .map(|build| {
                    let drv_path = store_dir.print(&build.prepared.inputs.drv_path);
                    registry::entry(&drv_path, build.log.phase(), build.started)
                })
                .collect()
        });
    }

    /// Says how long the rest may take, where earlier builds tell.
    fn forecast(&mut self, builds: ActivityId) {
        let now = Instant::now();
        if self.forecast_at.is_some_and(|at| now < at + FORECAST_PAUSE) {
            return;
        }
        self.forecast_at = Some(now);
        let (mut sum, mut longest) = (Duration::ZERO, Duration::ZERO);
        for (key, goal) in self.graph.unfinished() {
            let Body::Derivation(body) = &goal.body else {
                continue;
            };
            let Some(time) = self.history.duration_of(body.name()) else {
                continue;
            };
            let running = self.running.iter().find(|running| running.key == *key);
            let elapsed = running.map_or(Duration::ZERO, |it| it.started.elapsed());
            let left = time.saturating_sub(elapsed);
            sum += left;
            longest = longest.max(left);
        }
        if sum > Duration::ZERO {
            let slots = u32::try_from(self.settings.max_jobs.max(1)).unwrap_or(u32::MAX);
            self.events.emit(Event::Forecast {
                id: builds,
                remaining: longest.max(sum / slots),
            });
        }
    }
}
