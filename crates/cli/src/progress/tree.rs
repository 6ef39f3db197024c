//! Drawing the picture: a few lines at the bottom of the terminal, redrawn ten times a second while
//! something is going on.
//!
//! Nothing is drawn for work that is over in a blink, so that short commands do not flicker.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use firn_events::Event;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Picture;

/// How often it is drawn.
const TICK: Duration = Duration::from_millis(100);
/// How long something has to take before anything is drawn.
const PATIENCE: Duration = Duration::from_millis(300);

/// A picture with a terminal.
pub struct Tree {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    bars: MultiProgress,
    style: ProgressStyle,
}

struct State {
    picture: Picture,
    lines: Vec<ProgressBar>,
    /// When work began that is still going on.
    busy_since: Option<Instant>,
    ticking: bool,
    ended: bool,
}

impl Tree {
    /// A tree that draws on stderr.
    pub fn new(colour: bool) -> Tree {
        let style = ProgressStyle::with_template("{wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        Tree {
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    picture: Picture::new(colour),
                    lines: Vec::new(),
                    busy_since: None,
                    ticking: false,
                    ended: false,
                }),
                bars: MultiProgress::with_draw_target(ProgressDrawTarget::stderr()),
                style,
            }),
        }
    }

    /// Takes note of an event.
    pub fn apply(&self, event: &Event) {
        let mut state = self.shared.lock();
        state.picture.apply(event, Instant::now());
        let busy = state.picture.is_busy();
        match (busy, state.busy_since) {
            (true, None) => state.busy_since = Some(Instant::now()),
            (false, Some(_)) => {
                state.busy_since = None;
                self.shared.clear(&mut state);
            }
            _ => {}
        }
        if busy && !state.ticking && !state.ended {
            state.ticking = true;
            let shared = Arc::clone(&self.shared);
            // Without a thread there is no picture, which is no reason to stop.
            drop(
                std::thread::Builder::new()
                    .name("progress".to_owned())
                    .spawn(move || shared.tick()),
            );
        }
    }

    /// Does something while the picture is out of the way.
    pub fn above<T>(&self, work: impl FnOnce() -> T) -> T {
        self.shared.bars.suspend(work)
    }

    /// Removes the picture for good.
    pub fn end(&self) {
        let mut state = self.shared.lock();
        state.ended = true;
        self.shared.clear(&mut state);
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clear(&self, state: &mut State) {
        for line in state.lines.drain(..) {
            line.finish_and_clear();
            self.bars.remove(&line);
        }
    }

    fn tick(&self) {
        loop {
            std::thread::sleep(TICK);
            let mut state = self.lock();
            let Some(since) = state.busy_since.filter(|_| !state.ended) else {
                state.ticking = false;
                return;
            };
            let now = Instant::now();
            if now.duration_since(since) < PATIENCE {
                continue;
            }
            let lines = state.picture.lines(now, max_lines());
            while state.lines.len() > lines.len() {
                if let Some(line) = state.lines.pop() {
                    line.finish_and_clear();
                    self.bars.remove(&line);
                }
            }
            while state.lines.len() < lines.len() {
                let bar = ProgressBar::no_length().with_style(self.style.clone());
                state.lines.push(self.bars.add(bar));
            }
            for (bar, text) in state.lines.iter().zip(lines) {
                bar.set_message(text);
            }
        }
    }
}

/// The most lines that leave room for what is said above them.
fn max_lines() -> usize {
    let rows = rustix::termios::tcgetwinsize(std::io::stderr()).map_or(24, |it| it.ws_row);
    (usize::from(rows) / 2).clamp(3, 16)
}
