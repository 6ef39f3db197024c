//! Serving builders that use the store (`recursive-nix`): the daemon's conversation, held by this
//! process, over the store that the build belongs to as far as the build may see it.

use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

use firn_build::{NestedServer, Reach, RestrictedStore};
use firn_daemon::{Backend, ClientLog, ServeOptions, Trust, serve_client};
use firn_events::SharedSink;
use firn_settings::{Feature, Settings};
use firn_store::{Store, StoreError};
use firn_store_model::worker::ClientOptions;
use firn_sys::socket;

use crate::program::NIX_VERSION;
use crate::{Console, Context, Program};

/// Opens the store again for each client, so that each is told what happens for it.
struct Server {
    program: Program,
    called_as: String,
    settings: Settings,
    console: Console,
    url: String,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Server")
    }
}

impl Context {
    /// What serves builders in a store, if they may use it at all.
    pub fn nested_server(&self, url: &str) -> Option<Arc<dyn NestedServer>> {
        if !self.settings.is_enabled(Feature::RecursiveNix) {
            return None;
        }
        Some(Arc::new(Server {
            program: self.program,
            called_as: self.called_as.clone(),
            settings: self.settings.clone(),
            console: self.console,
            url: url.to_owned(),
        }))
    }
}

impl NestedServer for Server {
    fn serve(&self, connection: UnixStream, reach: &Arc<Reach>) {
        let (Ok(output), Ok(watched)) = (connection.try_clone(), connection.try_clone()) else {
            return;
        };
        let log = Arc::new(ClientLog::new(Box::new(output)));
        let options = ServeOptions {
            trust: Trust::Untrusted,
            version: if self.program.is_firn() {
                self.program.version()
            } else {
                NIX_VERSION.to_owned()
            },
            fixed_settings: true,
        };
        let opened = Mutex::new(None);
        let mut backend = RestrictedBackend {
            server: self,
            reach,
            opened: &opened,
        };
        std::thread::scope(|scope| {
            // Whatever is being built for a client that is gone is of no use to anyone.
            scope.spawn(|| {
                if socket::wait_for_hang_up(&watched).is_ok() {
                    let opened = opened.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Some(store) = &*opened {
                        let store: &Arc<dyn Store> = store;
                        store.interrupt();
                    }
                }
            });
            // How a conversation ends is between the two who have it.
            drop(serve_client(
                &mut backend,
                Box::new(connection),
                log,
                options,
            ));
            drop(watched.shutdown(std::net::Shutdown::Both));
        });
    }
}

/// Opens the store for one client.
struct RestrictedBackend<'a> {
    server: &'a Server,
    reach: &'a Arc<Reach>,
    opened: &'a Mutex<Option<Arc<dyn Store>>>,
}

impl Backend for RestrictedBackend<'_> {
    fn open(
        &mut self,
        _: Option<&ClientOptions>,
        log: SharedSink,
    ) -> Result<Arc<dyn Store>, StoreError> {
        let server = self.server;
        let settings = server.settings.clone();
        let context = Context {
            events: Some(log),
            ..Context::with_settings(server.program, &server.called_as, server.console, settings)
        };
        let store = context
            .open_store_url(&server.url)
            .map_err(|failure| StoreError::other(failure.to_string()))?;
        let restricted = RestrictedStore::new(Arc::clone(&store), Arc::clone(self.reach));
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(store);
        Ok(Arc::new(restricted))
    }
}
