//! The machines that build for this one, as the settings name them, and the way to their stores.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use firn_build::{Machine, MachineOpener};
use firn_events::SharedSink;
use firn_settings::Settings;
use firn_store::{Store, StoreError};

use crate::{Console, Context, Program};

/// Opens stores of machines with the settings of this command.
struct Opener {
    program: Program,
    called_as: String,
    settings: Settings,
    console: Console,
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opener")
    }
}

impl Context {
    /// The machines of the setting `builders`. What makes no sense is told of and left out.
    pub fn machines(&self) -> Arc<[Machine]> {
        let build = &self.settings.build;
        let read = |path: &Path| match std::fs::read_to_string(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
            read => read.map_err(|error| format!("reading '{}': {error}", path.display())),
        };
        let machines = Machine::parse_list(&build.builders, &build.system, &read);
        machines.map_or_else(
            |message| {
                self.console.warn(&message);
                Arc::from([])
            },
            Arc::from,
        )
    }

    /// The way to the stores of machines.
    pub fn machine_opener(&self) -> Arc<dyn MachineOpener> {
        let mut settings = self.settings.clone();
        // A store of this machine may stand for another; it builds by itself.
        settings.build.builders = String::new();
        settings.build.max_jobs.count = settings.build.max_jobs.count.max(1);
        Arc::new(Opener {
            program: self.program,
            called_as: self.called_as.clone(),
            settings,
            console: self.console,
        })
    }
}

impl MachineOpener for Opener {
    fn open(&self, machine: &Machine, events: SharedSink) -> Result<Arc<dyn Store>, StoreError> {
        let settings = self.settings.clone();
        let context = Context {
            events: Some(events),
            ..Context::with_settings(self.program, &self.called_as, self.console, settings)
        };
        context
            .open_store_url(&address(machine))
            .map_err(|failure| StoreError::other(failure.to_string()))
    }
}

/// The address of a machine's store with all that is known of the machine.
fn address(machine: &Machine) -> String {
    let mut url = machine.url.clone();
    let mut add = |name: &str, value: &str| {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(&format!("{name}={}", value.replace(' ', "%20")));
    };
    if machine.url.starts_with("ssh") {
        add("max-connections", "1");
        if let Some(key) = &machine.key_file {
            add("ssh-key", &key.to_string_lossy());
        }
        if let Some(key) = &machine.host_key {
            add("base64-ssh-public-host-key", key);
        }
    } else {
        let features: Vec<&str> = machine
            .supported
            .iter()
            .chain(&machine.mandatory)
            .map(String::as_str)
            .collect();
        add("system-features", &features.join(" "));
    }
    url
}
