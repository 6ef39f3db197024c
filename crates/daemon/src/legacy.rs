//! A conversation with one client in the serve protocol (`nix-store --serve`).
//!
//! The client is whoever may log in, so it is trusted as far as the store trusts us; what it may
//! write is decided by `--write`. An error ends the conversation, except where the protocol has a
//! place for it.

use std::io::{self, Read, Write};

use firn_store::closure::{ClosureOptions, closure};
use firn_store::export::import_paths;
use firn_store::{BuildMode, NarOptions, Store, StoreError, StorePathSet};
use firn_store_model::serve::{
    SERVE_CLIENT_MAGIC, SERVE_SERVER_MAGIC, SERVE_VERSION, ServeBuildOptions, ServeCommand,
    encode_serve_info, encode_serve_outcome, parse_serve_path,
};
use firn_store_model::wire::{ReadWire as _, WireError, WriteWire as _};
use firn_store_model::worker::reply::{decode_derivation, decode_path_info};
use firn_store_model::{DerivedPath, StoreDir, StorePath};

use crate::answer::outcome_of;

/// What a server of this protocol needs to know.
pub trait LegacyServer {
    /// The store, as it is opened at the beginning.
    fn store(&mut self) -> Result<std::sync::Arc<dyn Store>, StoreError>;

    /// The store for a build with settings of the client.
    fn store_for_build(
        &mut self,
        options: &ServeBuildOptions,
    ) -> Result<std::sync::Arc<dyn Store>, StoreError>;
}

/// Serves a client until it goes away.
pub fn serve_legacy_client(
    server: &mut dyn LegacyServer,
    input: &mut dyn Read,
    output: &mut dyn Write,
    may_write: bool,
) -> Result<(), StoreError> {
    let store = server.store()?;
    let mut conversation = Conversation {
        store_dir: store.store_dir().clone(),
        store,
        server,
        input,
        output,
        may_write,
        version: SERVE_VERSION,
    };
    conversation.greet().map_err(broken)?;
    loop {
        let number = match conversation.input.read_number() {
            Ok(number) => number,
            Err(WireError::Truncated) => return Ok(()),
            Err(error) => return Err(broken(error)),
        };
        let command = ServeCommand::from_number(number)
            .ok_or_else(|| StoreError::other(format!("unknown serve command {number}")))?;
        conversation.answer(command)?;
        conversation.output.flush().map_err(gone)?;
    }
}

struct Conversation<'a> {
    store: std::sync::Arc<dyn Store>,
    store_dir: StoreDir,
    server: &'a mut dyn LegacyServer,
    input: &'a mut dyn Read,
    output: &'a mut dyn Write,
    may_write: bool,
    version: u64,
}

#[allow(clippy::needless_pass_by_value, reason = "made for map_err")]
fn broken(error: WireError) -> StoreError {
    StoreError::other(error.to_string())
}

fn gone(error: io::Error) -> StoreError {
    broken(error.into())
}

impl Conversation<'_> {
    fn greet(&mut self) -> Result<(), WireError> {
        if self.input.read_number()? != SERVE_CLIENT_MAGIC {
            return Err(WireError::invalid("protocol mismatch"));
        }
        self.output.write_number(SERVE_SERVER_MAGIC)?;
        self.output.write_number(SERVE_VERSION)?;
        self.output.flush()?;
        self.version = self.input.read_number()?.min(SERVE_VERSION);
        Ok(())
    }

    fn require_write(&self, what: &str) -> Result<(), StoreError> {
        if self.may_write {
            return Ok(());
        }
        Err(StoreError::other(format!("{what} is not allowed")))
    }

    fn paths(&mut self) -> Result<StorePathSet, StoreError> {
        self.input.read_paths(&self.store_dir).map_err(broken)
    }

    fn path(&mut self) -> Result<StorePath, StoreError> {
        self.input.read_path(&self.store_dir).map_err(broken)
    }

    fn write_paths(&mut self, paths: &StorePathSet) -> Result<(), StoreError> {
        self.output
            .write_paths(&self.store_dir, paths)
            .map_err(gone)
    }

    fn answer(&mut self, command: ServeCommand) -> Result<(), StoreError> {
        match command {
            ServeCommand::QueryValidPaths => {
                let lock = self.input.read_bool().map_err(broken)?;
                let substitute = self.input.read_bool().map_err(broken)?;
                let paths = self.paths()?;
                if lock && self.may_write {
                    let roots: Vec<StorePath> = paths.iter().cloned().collect();
                    self.store.add_temp_roots(&roots)?;
                }
                if substitute && self.may_write {
                    self.store.substitute_paths(&paths)?;
                }
                let valid = self.store.query_valid_paths(&paths)?;
                self.write_paths(&valid)
            }
            ServeCommand::QueryPathInfos => {
                let paths = self.paths()?;
                for (path, info) in self.store.query_path_infos(&paths)? {
                    self.output
                        .write_path(&self.store_dir, &path)
                        .and_then(|()| encode_serve_info(&info, &self.store_dir, &mut *self.output))
                        .map_err(gone)?;
                }
                self.output.write_text("").map_err(gone)
            }
            ServeCommand::DumpStorePath => {
                let path = self.path()?;
                self.store.nar_from_path(&path, &mut *self.output)
            }
            ServeCommand::ImportPaths => {
                self.require_write("importing paths")?;
                import_paths(&*self.store, &mut *self.input, NarOptions::default())?;
                self.output.write_number(1).map_err(gone)
            }
            ServeCommand::BuildPaths => self.build_paths(),
            ServeCommand::BuildDerivation => {
                self.require_write("building paths")?;
                let path = self.path()?;
                let derivation =
                    decode_derivation(&path, &self.store_dir, &mut *self.input).map_err(broken)?;
                let store = self.store_for_build()?;
                let result = store.build_derivation(&path, &derivation, BuildMode::Normal)?;
                encode_serve_outcome(&outcome_of(result), self.version, &mut *self.output)
                    .map_err(gone)
            }
            ServeCommand::QueryClosure => {
                let include_outputs = self.input.read_bool().map_err(broken)?;
                let options = ClosureOptions {
                    include_outputs,
                    ..ClosureOptions::default()
                };
                let paths = self.paths()?;
                let closure = closure(&*self.store, paths, options)?;
                self.write_paths(&closure)
            }
            ServeCommand::AddToStoreNar => self.add_archive(),
        }
    }

    fn store_for_build(&mut self) -> Result<std::sync::Arc<dyn Store>, StoreError> {
        let options = ServeBuildOptions::decode(self.version, &mut *self.input).map_err(broken)?;
        if options.n_repeats != 0 {
            return Err(StoreError::other(
                "client requested repeating builds, but this is not currently implemented",
            ));
        }
        self.server.store_for_build(&options)
    }

    fn build_paths(&mut self) -> Result<(), StoreError> {
        self.require_write("building paths")?;
        let texts = self.input.read_texts().map_err(broken)?;
        let paths: Vec<DerivedPath> = texts
            .iter()
            .map(|text| parse_serve_path(&self.store_dir, text).map_err(broken))
            .collect::<Result<_, _>>()?;
        let store = self.store_for_build()?;
        match store.build_paths(&paths, BuildMode::Normal) {
            Ok(()) => self.output.write_number(0).map_err(gone),
            Err(error) => {
                let status = match &error {
                    StoreError::Build { exit_status, .. } => u64::from(*exit_status),
                    _ => 1,
                };
                self.output
                    .write_number(status)
                    .and_then(|()| self.output.write_text(&error.to_string()))
                    .map_err(gone)
            }
        }
    }

    fn add_archive(&mut self) -> Result<(), StoreError> {
        self.require_write("importing paths")?;
        let path = self.path()?;
        let info = decode_path_info(path, &self.store_dir, &mut *self.input).map_err(broken)?;
        if info.nar_size == 0 {
            return Err(StoreError::other(
                "narInfo is too old and missing the narSize field",
            ));
        }
        let mut archive = (&mut *self.input).take(info.nar_size);
        self.store
            .add_nar(&info, &mut archive, NarOptions::default())?;
        io::copy(&mut archive, &mut io::sink()).map_err(gone)?;
        self.output.write_number(1).map_err(gone)
    }
}
