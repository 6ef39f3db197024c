//! A conversation with one client in the worker protocol.

use std::io::{self, BufReader, Read};
use std::sync::Arc;

use firn_events::{Level, SharedSink};
use firn_store::{Store, StoreError};
use firn_store_model::wire::{ReadWire as _, WireError, WriteWire as _};
use firn_store_model::worker::{
    CLIENT_MAGIC, ClientOptions, DAEMON_MAGIC, ProtocolVersion, Request,
};

use crate::{ClientLog, Trust};

/// What opens the store for a client.
pub trait Backend {
    /// Opens the store, with the settings that the client brought, if it did. What happens there
    /// goes to the log.
    fn open(
        &mut self,
        options: Option<&ClientOptions>,
        log: SharedSink,
    ) -> Result<Arc<dyn Store>, StoreError>;
}

/// How a client is served.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Whether it is trusted.
    pub trust: Trust,
    /// What it is told our version is.
    pub version: String,
    /// Whether settings that it brings are left aside, as those of a process inside a build are.
    pub fixed_settings: bool,
}

/// The state of a conversation.
pub(crate) struct Session<'a> {
    pub(crate) input: BufReader<Box<dyn Read + Send>>,
    pub(crate) log: Arc<ClientLog>,
    pub(crate) version: ProtocolVersion,
    pub(crate) options: ServeOptions,
    pub(crate) store: Arc<dyn Store>,
    backend: &'a mut dyn Backend,
    /// Stores from before the client brought settings; what it wanted kept is kept there.
    former: Vec<Arc<dyn Store>>,
}

/// Serves a client until it goes away. An error says why the conversation ended otherwise.
pub fn serve_client(
    backend: &mut dyn Backend,
    input: Box<dyn Read + Send>,
    log: Arc<ClientLog>,
    options: ServeOptions,
) -> Result<(), StoreError> {
    let mut input = BufReader::with_capacity(64 * 1024, input);
    let ended = |error: WireError| StoreError::other(error.to_string());
    let version = greet(&mut input, &log).map_err(ended)?;
    let opened = backend.open(None, Arc::clone(&log) as SharedSink);
    let trusts = match (&opened, options.trust) {
        (_, Trust::Untrusted) => Some(false),
        (Ok(store), Trust::Trusted) => store.traits().trusts_us,
        (Err(_), Trust::Trusted) => None,
    };
    introduce(&log, version, &options, trusts)
        .and_then(|()| log.begin_work())
        .map_err(|error| ended(error.into()))?;
    let store = match opened {
        Ok(store) => store,
        Err(error) => {
            // The client is told in the place of a greeting.
            log.end_work(Some(&error.to_string())).ok();
            return Err(error);
        }
    };
    log.end_work(None).map_err(|error| ended(error.into()))?;
    let mut session = Session {
        input,
        log,
        version,
        options,
        store,
        backend,
        former: Vec::new(),
    };
    session.run().map_err(ended)
}

fn greet(input: &mut impl Read, log: &ClientLog) -> Result<ProtocolVersion, WireError> {
    if input.read_number()? != CLIENT_MAGIC {
        return Err(WireError::invalid("protocol mismatch"));
    }
    log.write(|output| {
        output.write_number(DAEMON_MAGIC)?;
        output.write_number(ProtocolVersion::LATEST.encode())
    })?;
    let version = ProtocolVersion::decode(input.read_number()?).min(ProtocolVersion::LATEST);
    if version < ProtocolVersion::OLDEST {
        return Err(WireError::invalid("the Nix client version is too old"));
    }
    log.set_version(version);
    if version.has(38) {
        input.read_texts()?;
        // No feature that can be negotiated is known.
        log.write(|output| output.write_texts::<&str>(&[]))?;
    }
    // A processor to run on and space to reserve, neither of which is heeded any more.
    if input.read_bool()? {
        input.read_number()?;
    }
    input.read_number()?;
    Ok(version)
}

fn introduce(
    log: &ClientLog,
    version: ProtocolVersion,
    options: &ServeOptions,
    trusts: Option<bool>,
) -> io::Result<()> {
    log.write(|output| {
        if version.has(33) {
            output.write_text(&options.version)?;
        }
        if version.has(35) {
            output.write_number(match trusts {
                None => 0,
                Some(true) => 1,
                Some(false) => 2,
            })?;
        }
        Ok(())
    })
}

impl Session<'_> {
    fn run(&mut self) -> Result<(), WireError> {
        loop {
            let number = match self.input.read_number() {
                Ok(number) => number,
                Err(WireError::Truncated) => return Ok(()),
                Err(error) => return Err(error),
            };
            let store_dir = self.store.store_dir().clone();
            match Request::decode(number, self.version, &store_dir, &mut self.input) {
                Ok(request) => self.answer(request)?,
                Err(error) => {
                    // Where the next request would begin is anyone's guess.
                    self.log.end_work(Some(&error.to_string()))?;
                    return Err(error);
                }
            }
        }
    }

    /// Takes over the client's settings.
    pub(crate) fn set_options(&mut self, options: &ClientOptions) -> Result<(), StoreError> {
        self.log
            .set_verbosity(Level::from_number(options.verbosity));
        if self.options.fixed_settings {
            return Ok(());
        }
        let log = Arc::clone(&self.log) as SharedSink;
        let store = self.backend.open(Some(options), log)?;
        self.former.push(std::mem::replace(&mut self.store, store));
        Ok(())
    }

    /// Whether the client is trusted.
    pub(crate) fn is_trusted(&self) -> bool {
        self.options.trust.is_trusted()
    }
}
