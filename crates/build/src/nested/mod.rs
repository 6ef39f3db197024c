//! Builders that use the store themselves (`recursive-nix`).
//!
//! A derivation that requires the system feature `recursive-nix` finds a socket in its build directory,
//! named by `NIX_REMOTE`. Whoever connects there is served by a [`NestedServer`], which the owner of
//! the store provides, over a [`RestrictedStore`]: it shows the closure of the inputs and what the
//! build has brought forth since ([`Reach`]), and nothing else. What comes into reach appears in the
//! sandbox, and outputs may refer to it.

mod reach;
mod store;

pub use reach::Reach;
pub use store::RestrictedStore;

use std::collections::BTreeMap;
use std::fmt;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::BuildError;
use crate::goal::GoalKey;
use crate::prepare::PreparedBuild;
use crate::scheduler::Scheduler;
use reach::Window;

/// The system feature that a derivation requires to get at the store.
pub(crate) const FEATURE: &str = "recursive-nix";
/// The socket in the build directory.
const SOCKET: &str = ".nix-socket";

/// Whoever serves the processes of a build that connect to the store.
pub trait NestedServer: fmt::Debug + Send + Sync {
    /// Serves one client until it goes away or the connection is shut down.
    fn serve(&self, connection: UnixStream, reach: &Arc<Reach>);
}

/// The server of one build.
pub(crate) struct NestedDaemon {
    reach: Arc<Reach>,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

struct Shared {
    listener: UnixListener,
    is_closed: AtomicBool,
    connections: Mutex<BTreeMap<u64, UnixStream>>,
}

impl NestedDaemon {
    fn start(
        socket: &Path,
        reach: Arc<Reach>,
        server: Arc<dyn NestedServer>,
    ) -> Result<NestedDaemon, BuildError> {
        let failed = |error| BuildError::io("listening on socket", socket)(error);
        let shared = Arc::new(Shared {
            listener: firn_sys::socket::listen(socket).map_err(failed)?,
            is_closed: AtomicBool::new(false),
            connections: Mutex::default(),
        });
        let (accepting, served) = (Arc::clone(&shared), Arc::clone(&reach));
        let acceptor = std::thread::Builder::new()
            .name("nested daemon".to_owned())
            .spawn(move || accepting.accept_all(&served, &server))
            .map_err(failed)?;
        Ok(NestedDaemon {
            reach,
            shared,
            acceptor: Some(acceptor),
        })
    }

    /// Ends all conversations, waits until nobody works for them any more, and gives what the build
    /// has brought into its reach.
    pub(crate) fn finish(mut self) -> Arc<Reach> {
        self.shared.close();
        if let Some(acceptor) = self.acceptor.take() {
            // A panic was told when it happened.
            drop(acceptor.join());
        }
        Arc::clone(&self.reach)
    }
}

impl Drop for NestedDaemon {
    fn drop(&mut self) {
        // Nobody is waited for: they may themselves wait for the thread that drops this.
        self.shared.close();
    }
}

impl Shared {
    fn accept_all(&self, reach: &Arc<Reach>, server: &Arc<dyn NestedServer>) {
        std::thread::scope(|scope| {
            for id in 0.. {
                let Ok((connection, _)) = self.listener.accept() else {
                    return;
                };
                if self.is_closed.load(Ordering::Acquire) {
                    return;
                }
                let Ok(kept) = connection.try_clone() else {
                    continue;
                };
                self.connections().insert(id, kept);
                scope.spawn(move || {
                    server.serve(connection, reach);
                    self.connections().remove(&id);
                });
            }
        });
    }

    fn connections(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, UnixStream>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        // Whoever waits for a caller is woken by this.
        let _ = rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Both);
        for connection in self.connections().values() {
            drop(connection.shutdown(Shutdown::Both));
        }
    }
}

impl Scheduler {
    /// Opens the store to a build that asks for that.
    pub(crate) fn open_store_to(
        &self,
        key: &GoalKey,
        prepared: &mut PreparedBuild,
    ) -> Result<(), BuildError> {
        let features = &prepared.inputs.options.required_system_features;
        if !features.contains(FEATURE) {
            return Ok(());
        }
        let Some(server) = &self.settings.nested_server else {
            return Err(BuildError::misc(format!(
                "experimental Nix feature '{FEATURE}' is disabled; add \
                 '--extra-experimental-features {FEATURE}' to enable it"
            )));
        };
        let window = prepared.store_inside().map(|store_inside| Window {
            key: key.clone(),
            outputs: prepared.scratch.values().cloned().collect(),
            store_inside,
            sender: self.sender.clone(),
            wake: Arc::clone(&self.wake),
        });
        let inputs = prepared.inputs.input_paths.clone();
        let reach = Arc::new(Reach::new(Arc::clone(&self.store), inputs, window));
        let socket = prepared.build_dir.join(SOCKET);
        prepared.nested = Some(NestedDaemon::start(&socket, reach, Arc::clone(server))?);
        let inside = [&prepared.spec.directory[..], b"/", SOCKET.as_bytes()].concat();
        let name = b"NIX_REMOTE";
        prepared.spec.env.retain(|variable| variable.0 != name);
        let url = [&b"unix://"[..], &inside].concat();
        prepared.spec.env.push((name.to_vec(), url));
        Ok(())
    }
}
