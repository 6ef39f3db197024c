//! Large files: what the pointers of Git LFS in a commit stand for.
//!
//! A file is a pointer if Git's attributes give it the filter `lfs` and it reads like one. Its contents
//! are looked for in the repository, then in what was fetched before, then where the repository came
//! from: in the repository itself if that is on this machine, otherwise at its server, which is asked
//! for all files of a commit at once. The API is Git LFS's own (`docs/api/batch.md` there). Whatever is
//! found has to have the hash in the pointer.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use firn_hash::{Algorithm, HashingWriter};
use firn_transfer::Request;
use gix::bstr::{BStr, BString, ByteSlice as _};
use gix::worktree::stack::state::attributes::Source;
use serde_json::{Value, json};

use super::program;
use super::repo::{Repo, failed};
use crate::download::Header;
use crate::tree::{CompositeTree, Node};
use crate::{FetchError, Fetcher, Result, Url};

/// What a pointer begins with.
const VERSION: &str = "version https://git-lfs.github.com/spec/v1";
/// A pointer is shorter than this, in bytes.
const MAX_POINTER: u64 = 1024;
/// How requests and answers are written.
const MEDIA_TYPE: &str = "application/vnd.git-lfs+json";
/// More than this, in bytes, is no answer about files.
const MAX_ANSWER: u64 = 64 << 20;

/// A pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pointer {
    /// The SHA-256 of the contents, in hexadecimal.
    oid: String,
    /// Their size in bytes.
    size: u64,
}

impl Pointer {
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()? != VERSION {
            return None;
        }
        let (mut oid, mut size) = (None, None);
        for line in lines {
            if let Some(it) = line.strip_prefix("oid sha256:") {
                oid = Some(it.to_owned());
            } else if let Some(it) = line.strip_prefix("size ") {
                size = it.parse().ok();
            }
        }
        let oid = oid.filter(|it| it.len() == 64 && it.bytes().all(|it| it.is_ascii_hexdigit()));
        Some(Self {
            oid: oid?.to_ascii_lowercase(),
            size: size?,
        })
    }

    /// Where its contents are, in a directory laid out as Git LFS does.
    fn place(&self, objects: &Path) -> PathBuf {
        objects
            .join(&self.oid[..2])
            .join(&self.oid[2..4])
            .join(&self.oid)
    }
}

/// A pointer in a tree.
struct Large {
    path: BString,
    executable: bool,
    pointer: Pointer,
}

/// Where a server of large files is, and what it has to be told.
struct Server {
    /// The address that `objects/batch` is below.
    url: String,
    headers: Vec<Header>,
}

impl Fetcher {
    /// Puts the large files of a commit in the place of their pointers.
    pub(super) fn bring_large_files(
        &self,
        repo: &Repo,
        rev: &str,
        tree: &mut CompositeTree,
    ) -> Result<()> {
        let own = repo.inner().common_dir().join("lfs/objects");
        let fetched = self.options().cache_dir.join("git-lfs");
        let origin = repo
            .inner()
            .config_snapshot()
            .string("remote.origin.url")
            .map(|it| it.to_str_lossy().into_owned());
        let mut known = vec![own, fetched.clone()];
        known.extend(origin.as_deref().and_then(objects_on_disk));
        let mut missing = Vec::new();
        for large in self.pointers(repo, rev)? {
            let pointer = &large.pointer;
            let mut places = known.iter().map(|it| pointer.place(it));
            match places.find(|it| it.exists()) {
                Some(place) => put(tree, &large, place),
                None => missing.push(large),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let server =
            self.large_file_server(repo, tree, origin.as_deref(), missing[0].path.as_bstr())?;
        self.download_large_files(&server, &missing, &fetched)?;
        for large in missing {
            let place = large.pointer.place(&fetched);
            put(tree, &large, place);
        }
        Ok(())
    }

    /// The files of a commit that are pointers.
    fn pointers(&self, repo: &Repo, rev: &str) -> Result<Vec<Large>> {
        let doing = || format!("reading the large files of '{rev}'");
        let tree_id = repo.commit(rev)?.tree_id().map_err(failed(doing()))?;
        let index = repo.inner().index_from_tree(&tree_id);
        let index = index.map_err(failed(doing()))?;
        let stack = repo.inner().attributes_only(&index, Source::IdMapping);
        let mut stack = stack.map_err(failed(doing()))?;
        let mut outcome = stack.selected_attribute_matches(["filter"]);
        let mut found = Vec::new();
        for entry in index.entries() {
            if !entry.mode.contains(gix::index::entry::Mode::FILE) {
                continue;
            }
            let path = entry.path(&index);
            let platform = stack
                .at_entry(path, Some(entry.mode))
                .map_err(failed(doing()))?;
            outcome.reset();
            platform.matching_attributes(&mut outcome);
            let is_large = outcome.iter_selected().any(|it| {
                matches!(it.assignment.state, gix::attrs::StateRef::Value(it) if it.as_bstr() == "lfs")
            });
            if !is_large {
                continue;
            }
            let Some(pointer) = self.pointer_at(repo, path, entry.id)? else {
                continue;
            };
            found.push(Large {
                path: path.to_owned(),
                executable: entry.mode == gix::index::entry::Mode::FILE_EXECUTABLE,
                pointer,
            });
        }
        Ok(found)
    }

    fn pointer_at(&self, repo: &Repo, path: &BStr, id: gix::ObjectId) -> Result<Option<Pointer>> {
        let doing = || format!("reading '{path}'");
        let header = repo.inner().find_header(id).map_err(failed(doing()))?;
        let pointer = if header.size() < MAX_POINTER {
            let object = repo.inner().find_object(id).map_err(failed(doing()))?;
            Pointer::parse(&String::from_utf8_lossy(&object.data))
        } else {
            None
        };
        if pointer.is_none() {
            self.warn(&format!(
                "'{path}' should be a pointer to a large file, but is none; it is taken as it is"
            ));
        }
        Ok(pointer)
    }

    /// The server: what the repository's configuration or `.lfsconfig` names, or else the one that
    /// belongs to where the repository came from.
    fn large_file_server(
        &self,
        repo: &Repo,
        tree: &CompositeTree,
        origin: Option<&str>,
        wanted: &BStr,
    ) -> Result<Server> {
        let configured = repo
            .inner()
            .config_snapshot()
            .string("lfs.url")
            .map(|it| it.to_str_lossy().into_owned());
        let in_tree = || {
            let text = tree.read(b".lfsconfig").ok()?;
            let file = gix::config::File::try_from(text.to_str_lossy().as_ref()).ok()?;
            Some(file.string("lfs.url")?.to_str_lossy().into_owned())
        };
        let named = configured.or_else(in_tree).filter(|it| !it.is_empty());
        if let Some(url) = named {
            return Ok(Server {
                url: url.trim_end_matches('/').to_owned(),
                headers: Vec::new(),
            });
        }
        let url = match origin {
            Some(origin) => crate::fix_git_url(origin)?,
            None => Url::default(),
        };
        match url.scheme.as_str() {
            "http" | "https" => {
                let text = url.to_string();
                let text = text.trim_end_matches('/');
                let text = text.strip_suffix(".git").unwrap_or(text);
                Ok(Server {
                    url: format!("{text}.git/info/lfs"),
                    headers: Vec::new(),
                })
            }
            "ssh" => {
                self.check_online(&url.to_string())?;
                authenticated(&url)
            }
            _ => Err(FetchError::new(format!(
                "the repository '{}' does not hold the contents of the large file '{wanted}'; run 'git lfs fetch' there",
                origin.map_or_else(|| repo.path().display().to_string(), str::to_owned)
            ))),
        }
    }

    /// Downloads what pointers stand for.
    fn download_large_files(&self, server: &Server, wanted: &[Large], into: &Path) -> Result<()> {
        let url = format!("{}/objects/batch", server.url);
        self.check_online(&url)?;
        let objects: Vec<Value> = wanted
            .iter()
            .map(|it| json!({ "oid": it.pointer.oid, "size": it.pointer.size }))
            .collect();
        let question = json!({
            "operation": "download",
            "transfers": ["basic"],
            "hash_algo": "sha256",
            "objects": objects,
        });
        let mut headers = server.headers.clone();
        headers.push(("Accept".to_owned(), MEDIA_TYPE.to_owned()));
        let request = Request {
            url: url.clone(),
            headers,
            known_etag: None,
        };
        let answer = self.client().post(
            &request,
            MEDIA_TYPE,
            question.to_string().as_bytes(),
            MAX_ANSWER,
        )?;
        let answer: Value = serde_json::from_slice(&answer).map_err(|error| {
            FetchError::new(format!("'{url}' does not answer in JSON: {error}"))
        })?;
        let empty = Vec::new();
        let answers = answer["objects"].as_array().unwrap_or(&empty);
        for large in wanted {
            let found = answers
                .iter()
                .find(|it| it["oid"] == large.pointer.oid.as_str());
            let explained = |error: FetchError| {
                error.while_doing(format!("while fetching the large file '{}'", large.path))
            };
            let found = found.ok_or_else(|| {
                explained(FetchError::new(format!("'{url}' says nothing about it")))
            })?;
            self.download_large_file(&url, found, &large.pointer, into)
                .map_err(explained)?;
        }
        Ok(())
    }

    fn download_large_file(
        &self,
        asked: &str,
        answer: &Value,
        pointer: &Pointer,
        into: &Path,
    ) -> Result<()> {
        if let Some(message) = answer["error"]["message"].as_str() {
            let code = &answer["error"]["code"];
            return Err(FetchError::new(format!("'{asked}' says {code}: {message}")));
        }
        let action = &answer["actions"]["download"];
        let Some(url) = action["href"].as_str() else {
            return Err(FetchError::new(format!(
                "'{asked}' does not say where to download '{}'",
                pointer.oid
            )));
        };
        let headers = action["header"].as_object().into_iter().flatten();
        let request = Request {
            url: url.to_owned(),
            headers: headers
                .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
                .collect(),
            known_etag: None,
        };
        let _activity = self.transfer_activity(url);
        let place = pointer.place(into);
        let directory = place.parent().unwrap_or(into);
        let writing = |it: std::io::Error| FetchError::io("writing", &place, &it);
        std::fs::create_dir_all(directory).map_err(writing)?;
        let mut temporary = tempfile::NamedTempFile::new_in(directory).map_err(writing)?;
        let mut contents = self.client().download(&request)?.decoded()?;
        let mut hashing = HashingWriter::new(Algorithm::Sha256, temporary.as_file_mut());
        let size = std::io::copy(&mut contents, &mut hashing).map_err(writing)?;
        let (hash, ..) = hashing.finish();
        if (size, hash.to_base16()) != (pointer.size, pointer.oid.clone()) {
            return Err(FetchError::hash_mismatch(format!(
                "hash mismatch in '{url}':\n  specified: {}, {} bytes\n  got:       {}, {size} bytes",
                pointer.oid,
                pointer.size,
                hash.to_base16(),
            )));
        }
        temporary.flush().map_err(writing)?;
        let kept: File = temporary.persist(&place).map_err(|it| writing(it.error))?;
        drop(kept);
        Ok(())
    }
}

fn put(tree: &mut CompositeTree, large: &Large, place: PathBuf) {
    // What is not for export has left the tree.
    if tree.get(&large.path).is_some() {
        let executable = large.executable;
        tree.insert(&large.path, Node::Contents { place, executable });
    }
}

/// The large files of a repository on this machine.
fn objects_on_disk(origin: &str) -> Option<PathBuf> {
    let url = crate::fix_git_url(origin).ok()?;
    let path = (url.scheme == "file").then(|| url.file_path().ok())??;
    let inner = path.join(".git");
    let repo = if inner.is_dir() { inner } else { path };
    Some(repo.join("lfs/objects"))
}

/// Asks the host of a repository behind `ssh` where its large files are.
fn authenticated(url: &Url) -> Result<Server> {
    let answer = program::large_file_server(url)?;
    let answer: Value = serde_json::from_str(&answer).map_err(|error| {
        FetchError::new(format!(
            "'git-lfs-authenticate' for '{url}' does not answer in JSON: {error}"
        ))
    })?;
    let Some(place) = answer["href"].as_str() else {
        return Err(FetchError::new(format!(
            "'git-lfs-authenticate' for '{url}' names no server"
        )));
    };
    let headers = answer["header"].as_object().into_iter().flatten();
    Ok(Server {
        url: place.trim_end_matches('/').to_owned(),
        headers: headers
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect(),
    })
}
