//! A store behind `nix-store --serve`, reached by `ssh` (`ssh://`).
//!
//! The protocol has few words: paths are asked about, fetched, brought and built. What it cannot say
//! is worked out from that, or not offered. Errors come as text on standard error, and then the
//! conversation is over.

use std::collections::BTreeMap;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::sync::Arc;

use firn_events::SharedSink;
use firn_store_model::serve::{
    OLDEST_SERVE_VERSION, SERVE_CLIENT_MAGIC, SERVE_SERVER_MAGIC, SERVE_VERSION, ServeBuildOptions,
    ServeCommand, decode_serve_info, decode_serve_outcome, encode_serve_archive, serve_path,
};
use firn_store_model::wire::{MAX_STRING_LEN, ReadWire as _, WireError, WriteWire as _};
use firn_store_model::worker::reply::encode_derivation;
use firn_store_model::{Derivation, DerivedPath, StoreDir, StorePath, ValidPathInfo};

use super::overheard::Overheard;
use super::pool::{Pool, Taken};
use super::transport::{Ending, Link, Transport};
use crate::error::StoreError;
use crate::store::Store;
use crate::tree::{Filter, SourceTree};
use crate::types::{
    AddOptions, BuildMode, BuildResult, BuildStatus, DumpFormat, MissingPaths, NarOptions,
    StorePathSet, StoreTraits,
};

/// How a store behind `nix-store --serve` is opened.
pub struct ServeStoreOptions {
    /// Its address, as messages show it.
    pub url: String,
    /// The machine, as messages show it.
    pub host: String,
    /// What its paths begin with.
    pub store_dir: StoreDir,
    /// How it is reached.
    pub transport: Transport,
    /// The settings that go with requests to build.
    pub build: ServeBuildOptions,
    /// How many conversations there may be at once.
    pub max_connections: usize,
    /// Its rank among substituters, and whether its paths need no signature.
    pub traits: StoreTraits,
    /// Who is told what happens.
    pub events: SharedSink,
    /// Whether what the other end writes to its standard error are lines of builders, which
    /// `events` is then told of. Otherwise they go to our own.
    pub hears_builders: bool,
}

/// A store behind `nix-store --serve`.
pub struct ServeStore {
    options: ServeStoreOptions,
    pool: Pool<Connection>,
}

struct Connection {
    input: BufReader<Box<dyn Read + Send>>,
    output: BufWriter<Box<dyn Write + Send>>,
    version: u64,
    ending: Ending,
    overheard: Option<Overheard>,
}

impl Connection {
    fn open(link: Link, host: &str, events: &SharedSink) -> Result<Connection, StoreError> {
        let listen = |errors| Overheard::listen(errors, SharedSink::clone(events));
        let overheard = link.errors.map(listen).transpose().map_err(|error| {
            StoreError::other(format!("listening to the errors of '{host}': {error}"))
        })?;
        let mut connection = Connection {
            input: BufReader::with_capacity(64 * 1024, link.input),
            output: BufWriter::with_capacity(64 * 1024, link.output),
            version: SERVE_VERSION,
            ending: link.ending,
            overheard,
        };
        let greeting = (|| -> Result<(u64, u64), WireError> {
            connection.output.write_number(SERVE_CLIENT_MAGIC)?;
            connection.output.write_number(SERVE_VERSION)?;
            connection.output.flush()?;
            let magic = connection.input.read_number()?;
            if magic != SERVE_SERVER_MAGIC {
                return Ok((magic, 0));
            }
            Ok((magic, connection.input.read_number()?))
        })();
        let cannot_connect = |_| StoreError::other(format!("cannot connect to '{host}'"));
        let (magic, version) = greeting.map_err(cannot_connect)?;
        if magic != SERVE_SERVER_MAGIC {
            let mut said = magic.to_le_bytes().to_vec();
            connection.output = BufWriter::new(Box::new(io::sink()));
            connection.ending.hang_up();
            let mut rest = connection.input.take(4096);
            rest.read_to_end(&mut said).ok();
            return Err(StoreError::other(format!(
                "'nix-store --serve' protocol mismatch from '{host}', got '{}'",
                String::from_utf8_lossy(&said).trim_end()
            )));
        }
        if version >> 8 != SERVE_VERSION >> 8 || version < OLDEST_SERVE_VERSION {
            return Err(StoreError::other(format!(
                "unsupported 'nix-store --serve' protocol version on '{host}'"
            )));
        }
        connection.version = version.min(SERVE_VERSION);
        Ok(connection)
    }

    fn command(&mut self, command: ServeCommand) -> io::Result<()> {
        self.output.write_number(command as u64)
    }
}

impl ServeStore {
    /// A store on another machine, which is spoken to when there is something to ask.
    pub fn new(options: ServeStoreOptions) -> ServeStore {
        ServeStore {
            pool: Pool::new(options.max_connections),
            options,
        }
    }

    fn take(&self) -> Result<Taken<'_, Connection>, StoreError> {
        self.pool.take(|| {
            let options = &self.options;
            let link = options.transport.connect(options.hears_builders)?;
            Connection::open(link, &options.host, &options.events)
        })
    }

    /// Has a conversation; one in which anything went wrong is over.
    fn talk<T>(
        &self,
        talk: impl FnOnce(&mut Connection) -> Result<T, WireError>,
    ) -> Result<T, StoreError> {
        let mut taken = self.take()?;
        talk(taken.get()).map_err(|error| {
            taken.give_up();
            self.broken(&error)
        })
    }

    fn broken(&self, error: &WireError) -> StoreError {
        match error {
            WireError::Truncated => StoreError::other(format!(
                "'{}' ended the conversation unexpectedly",
                self.options.url
            )),
            error => StoreError::other(error.to_string()),
        }
    }

    fn query_valid(
        &self,
        paths: &StorePathSet,
        substitute: bool,
    ) -> Result<StorePathSet, StoreError> {
        let store_dir = self.store_dir();
        self.talk(|connection| {
            connection.command(ServeCommand::QueryValidPaths)?;
            connection.output.write_bool(false)?;
            connection.output.write_bool(substitute)?;
            connection.output.write_paths(store_dir, paths)?;
            connection.output.flush()?;
            connection.input.read_paths(store_dir)
        })
    }
}

impl Store for ServeStore {
    fn url(&self) -> String {
        self.options.url.clone()
    }

    fn store_dir(&self) -> &StoreDir {
        &self.options.store_dir
    }

    fn introduce(&self) -> Result<(), StoreError> {
        self.take().map(drop)
    }

    fn traits(&self) -> StoreTraits {
        self.options.traits.clone()
    }

    fn query_path_info(&self, path: &StorePath) -> Result<Option<Arc<ValidPathInfo>>, StoreError> {
        let mut infos = self.query_path_infos(&[path.clone()].into())?;
        Ok(infos.remove(path))
    }

    fn query_path_infos(
        &self,
        paths: &StorePathSet,
    ) -> Result<BTreeMap<StorePath, Arc<ValidPathInfo>>, StoreError> {
        let store_dir = self.store_dir();
        self.talk(|connection| {
            connection.command(ServeCommand::QueryPathInfos)?;
            connection.output.write_paths(store_dir, paths)?;
            connection.output.flush()?;
            let mut infos = BTreeMap::new();
            while let Some(path) = connection.input.read_optional_path(store_dir)? {
                let info = decode_serve_info(path.clone(), store_dir, &mut connection.input)?;
                if !paths.contains(&path) {
                    return Err(WireError::invalid(format!(
                        "got an answer about '{path}', which was not asked for"
                    )));
                }
                infos.insert(path, Arc::new(info));
            }
            Ok(infos)
        })
    }

    fn query_valid_paths(&self, paths: &StorePathSet) -> Result<StorePathSet, StoreError> {
        self.query_valid(paths, false)
    }

    fn is_valid_path(&self, path: &StorePath) -> Result<bool, StoreError> {
        let valid = self.query_valid(&[path.clone()].into(), false)?;
        Ok(!valid.is_empty())
    }

    fn substitute_paths(&self, paths: &StorePathSet) -> Result<(), StoreError> {
        self.query_valid(paths, true).map(drop)
    }

    fn query_path_from_hash_part(&self, _: &str) -> Result<Option<StorePath>, StoreError> {
        Err(self.unsupported("looking for a hash part"))
    }

    fn nar_from_path(&self, path: &StorePath, sink: &mut dyn Write) -> Result<(), StoreError> {
        let store_dir = self.store_dir();
        let mut taken = self.take()?;
        let connection = taken.get();
        let asked = (|| -> io::Result<()> {
            connection.command(ServeCommand::DumpStorePath)?;
            connection.output.write_path(store_dir, path)?;
            connection.output.flush()
        })();
        let copied = asked
            .map_err(|error| self.broken(&error.into()))
            .and_then(|()| crate::export::copy_archive(&mut connection.input, sink));
        copied.inspect_err(|_| taken.give_up())
    }

    fn add_nar(
        &self,
        info: &ValidPathInfo,
        source: &mut dyn Read,
        _options: NarOptions,
    ) -> Result<(), StoreError> {
        let store_dir = self.store_dir();
        let mut taken = self.take()?;
        let connection = taken.get();
        let added = (|| -> Result<bool, StoreError> {
            let broken = |error: io::Error| self.broken(&error.into());
            connection
                .command(ServeCommand::AddToStoreNar)
                .and_then(|()| encode_serve_archive(info, store_dir, &mut connection.output))
                .map_err(broken)?;
            crate::export::copy_archive(source, &mut connection.output)?;
            connection.output.flush().map_err(broken)?;
            let answer = connection.input.read_number();
            Ok(answer.map_err(|error| self.broken(&error))? == 1)
        })();
        match added {
            Ok(true) => Ok(()),
            Ok(false) => Err(StoreError::other(format!(
                "failed to add path '{}' to remote host '{}'",
                store_dir.print(&info.path),
                self.options.host
            ))),
            Err(error) => {
                taken.give_up();
                Err(error)
            }
        }
    }

    fn add_tree(
        &self,
        name: &str,
        tree: &dyn SourceTree,
        filter: Option<Filter<'_>>,
        options: &AddOptions,
    ) -> Result<StorePath, StoreError> {
        crate::describe::add_tree(self, name, tree, filter, options)
    }

    fn add_dump(
        &self,
        name: &str,
        source: &mut dyn Read,
        format: DumpFormat,
        options: &AddOptions,
    ) -> Result<StorePath, StoreError> {
        crate::describe::add_dump(self, name, source, format, options)
    }

    fn query_missing(&self, paths: &[DerivedPath]) -> Result<MissingPaths, StoreError> {
        crate::missing::query_missing(self, None, paths)
    }

    fn build_paths(&self, paths: &[DerivedPath], mode: BuildMode) -> Result<(), StoreError> {
        if mode != BuildMode::Normal {
            return Err(self.unsupported("repairing and building again"));
        }
        let store_dir = self.store_dir();
        let mut texts = Vec::new();
        for path in paths {
            texts.push(serve_path(path, store_dir).ok_or_else(|| {
                StoreError::other(format!(
                    "the legacy ssh protocol cannot ask for '{}'. Try using ssh-ng://",
                    path.print(store_dir)
                ))
            })?);
        }
        let failure = self.talk(|connection| {
            connection.command(ServeCommand::BuildPaths)?;
            connection.output.write_texts(&texts)?;
            let version = connection.version;
            self.options.build.encode(version, &mut connection.output)?;
            connection.output.flush()?;
            match connection.input.read_number()? {
                0..=2 | 13 => Ok(None),
                _ => connection.input.read_bytes(MAX_STRING_LEN).map(Some),
            }
        })?;
        match failure {
            None => Ok(()),
            Some(message) => Err(StoreError::other(String::from_utf8_lossy(&message))),
        }
    }

    fn build_paths_with_results(
        &self,
        paths: &[DerivedPath],
        mode: BuildMode,
    ) -> Result<Vec<BuildResult>, StoreError> {
        self.build_paths(paths, mode)?;
        Ok(paths
            .iter()
            .map(|path| BuildResult {
                path: path.clone(),
                status: BuildStatus::Built,
                error: String::new(),
                times_built: 0,
                time: (0, 0),
                cpu_time: None,
                outputs: BTreeMap::new(),
            })
            .collect())
    }

    fn build_derivation(
        &self,
        drv_path: &StorePath,
        derivation: &Derivation,
        _mode: BuildMode,
    ) -> Result<BuildResult, StoreError> {
        let store_dir = self.store_dir();
        let outcome = self.talk(|connection| {
            connection.command(ServeCommand::BuildDerivation)?;
            connection.output.write_path(store_dir, drv_path)?;
            encode_derivation(derivation, store_dir, &mut connection.output)?;
            let version = connection.version;
            self.options.build.encode(version, &mut connection.output)?;
            connection.output.flush()?;
            let outcome = decode_serve_outcome(version, &mut connection.input);
            if let Some(overheard) = &connection.overheard {
                overheard.catch_up();
            }
            outcome
        })?;
        let outputs = outcome.outputs.into_iter();
        Ok(BuildResult {
            path: DerivedPath::Opaque(drv_path.clone()),
            status: BuildStatus::from_number(outcome.status),
            error: outcome.error,
            times_built: outcome.times_built,
            time: outcome.time,
            cpu_time: None,
            outputs: outputs.map(|(id, it)| (id.output, it)).collect(),
        })
    }

    fn ensure_path(&self, path: &StorePath) -> Result<(), StoreError> {
        let wanted: StorePathSet = [path.clone()].into();
        if self.query_valid(&wanted, true)?.is_empty() {
            return Err(StoreError::Unobtainable {
                path: self.store_dir().print(path),
            });
        }
        Ok(())
    }

    fn as_dyn(&self) -> &dyn Store {
        self
    }
}
