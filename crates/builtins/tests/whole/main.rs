//! Programs evaluated by the machine with all builtins.

mod debugger;
mod helpers;

use std::sync::{Arc, Mutex};

use firn_eval::{ContextElement, FileType, Host, HostError, Message, SearchPathEntry};
use firn_source::SourcePath;

/// A host with two files that remembers what it was told.
#[derive(Default)]
pub(crate) struct Listener(pub(crate) Mutex<Vec<String>>);

impl Host for Listener {
    fn read_file(&self, path: &SourcePath) -> Result<Arc<[u8]>, HostError> {
        match path.path.as_bytes() {
            b"/once.nix" => Ok(b"{ f = x: x; fib = n: if n < 2 then n else 1; }"
                .as_slice()
                .into()),
            b"/itself.nix" => Ok(b"import /itself.nix".as_slice().into()),
            _ => Err(HostError::new(format!("no path '{}'", path.path))),
        }
    }
    fn file_type(&self, _: &SourcePath) -> Result<Option<FileType>, HostError> {
        Ok(Some(FileType::Regular))
    }
    fn read_dir(&self, _: &SourcePath) -> Result<Vec<(Vec<u8>, Option<FileType>)>, HostError> {
        Ok(Vec::new())
    }
    fn read_link(&self, path: &SourcePath) -> Result<Vec<u8>, HostError> {
        Err(HostError::new(format!("'{}' is no link", path.path)))
    }
    fn resolve_symlinks(&self, path: &SourcePath, _: bool) -> Result<SourcePath, HostError> {
        Ok(path.clone())
    }
    fn check_access(&self, _: &SourcePath) -> Result<(), HostError> {
        Ok(())
    }
    fn display_path(&self, path: &SourcePath) -> Vec<u8> {
        path.path.as_bytes().to_vec()
    }
    fn env_var(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
    fn home_dir(&self) -> Result<Vec<u8>, HostError> {
        Ok(b"/home/u".to_vec())
    }
    fn current_time(&self) -> i64 {
        0
    }
    fn current_system(&self) -> Vec<u8> {
        b"x86_64-linux".to_vec()
    }
    fn store_dir(&self) -> Vec<u8> {
        b"/store".to_vec()
    }
    fn search_path(&self) -> Vec<SearchPathEntry> {
        Vec::new()
    }
    fn find_file(&self, _: &[SearchPathEntry], _: &[u8]) -> Result<Option<SourcePath>, HostError> {
        Ok(None)
    }
    fn path_to_store(&self, path: &SourcePath) -> Result<Vec<u8>, HostError> {
        Ok([b"/store/h-", path.path.file_name().unwrap_or_default()].concat())
    }
    fn realise_context(&self, _: &[ContextElement]) -> Result<Vec<(Vec<u8>, Vec<u8>)>, HostError> {
        Ok(Vec::new())
    }
    fn emit(&self, message: Message) {
        let mut heard = self.0.lock().expect("nobody panics here");
        heard.push(format!("{message:?}"));
    }
}
