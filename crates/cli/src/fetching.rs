//! The fetcher of a command: made of settings, environment and a store; and its errors as failures.

use std::collections::BTreeMap;
use std::sync::Arc;

use firn_eval::HostError;
use firn_events::{NullSink, SharedSink};
use firn_fetch::{FetchError, FetchOptions, Fetched, Fetcher, Input, UseRegistries};
use firn_flake::{FlakeRef, RefOptions};
use firn_instantiate::FetchPlace;
use firn_source::FileTable;
use firn_store::Store;
use firn_transfer::Client;

use crate::failure::EXIT_ERROR;
use crate::log_sink::ConsoleSink;
use crate::surroundings::{self, filled};
use crate::{Context, Failure, Frame, Report, sources};

/// Where `channel:NAME` leads.
const CHANNELS: &str = "https://channels.nixos.org";

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        let frames = error.context.into_iter().rev().map(|text| Frame {
            text,
            span: None,
            always: false,
            in_library: false,
        });
        let report = Report {
            frames: frames.collect(),
            ..Report::error(error.message)
        };
        Self::Reported {
            report: Box::new(report),
            files: Arc::new(FileTable::new()),
            code: error.exit_status.unwrap_or(EXIT_ERROR),
        }
    }
}

impl Context {
    /// A fetcher into a store.
    pub fn fetcher(&self, store: &Arc<dyn Store>) -> Arc<Fetcher> {
        self.fetcher_that_tells(store, ConsoleSink::shared(self))
    }

    /// A fetcher that says nothing: what it finds out is compared with what was found before.
    pub fn quiet_fetcher(&self, store: &Arc<dyn Store>) -> Arc<Fetcher> {
        self.fetcher_that_tells(store, NullSink::shared())
    }

    fn fetcher_that_tells(&self, store: &Arc<dyn Store>, events: SharedSink) -> Arc<Fetcher> {
        let options = FetchOptions {
            origins: BTreeMap::new(),
            settings: self.settings.sources.clone(),
            features: self.settings.features(),
            cache_dir: surroundings::cache_dir(),
            system_registry: self.settings.machine().conf_dir.join("registry.json"),
            user_registry: surroundings::config_dir().join("registry.json"),
            current_dir: sources::on_disk(&sources::here()),
            force_remote: filled("_NIX_FORCE_HTTP").is_some_and(|it| it == "1"),
            offline: self.is_offline(),
            events: Arc::clone(&events),
        };
        let client = Client::new(self.transfer_options(), events);
        Arc::new(Fetcher::new(Arc::clone(store), options, client))
    }
}

/// Fetches what an address of the search path means.
pub fn fetch_place(fetcher: &Fetcher, place: &str) -> Result<Fetched, FetchError> {
    if let Some(reference) = place.strip_prefix("flake:") {
        let options = RefOptions {
            allow_missing: true,
            ..RefOptions::default()
        };
        let reference = FlakeRef::parse(fetcher, reference, options)?;
        return fetcher.fetch(&reference.input, UseRegistries::All);
    }
    let url = match place.strip_prefix("channel:") {
        Some(channel) => format!("{CHANNELS}/{channel}/nixexprs.tar.xz"),
        None => place.to_owned(),
    };
    let attrs = firn_fetch::Attrs::from([
        ("type".to_owned(), "tarball".into()),
        ("url".to_owned(), url.into()),
    ]);
    fetcher.fetch(&Input::from_attrs(fetcher, attrs)?, UseRegistries::No)
}

/// The same for a host, which wants the path alone.
pub fn place_fetcher(fetcher: &Arc<Fetcher>) -> FetchPlace {
    let fetcher = Arc::clone(fetcher);
    Box::new(move |place| {
        let place = String::from_utf8_lossy(place);
        let fetched =
            fetch_place(&fetcher, &place).map_err(|error| HostError::new(error.to_string()));
        let path = fetched.inspect_err(|error| {
            fetcher.warn(&format!(
                "failed to fetch search path element '{place}': {error}"
            ));
        })?;
        Ok(fetcher.store().store_dir().print(&path.path).into_bytes())
    })
}
