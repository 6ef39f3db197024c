//! Flake references: an input, and the directory in it where `flake.nix` lies.
//!
//! On a command line a reference is a name (`nixpkgs`), a URL, or a path. A path is looked at: the
//! flake may be further up, and inside a Git repository it means that repository.

use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use firn_fetch::url::{decode, decode_query};
use firn_fetch::{
    Attrs, FetchError, Fetcher, Input, Url, UseRegistries, attrs, is_flake_id, is_revision,
};

/// What may go wrong here is what fetching says.
pub(crate) type Result<T> = std::result::Result<T, FetchError>;

/// A flake reference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlakeRef {
    /// Where the source comes from.
    pub input: Input,
    /// The directory of the flake in it; empty for the top.
    pub subdir: String,
}

/// How a text becomes a reference.
#[derive(Clone, Copy, Debug)]
pub struct RefOptions<'a> {
    /// What relative paths are meant from; without one they are refused.
    pub base: Option<&'a Path>,
    /// Whether there need not be a flake yet.
    pub allow_missing: bool,
    /// Whether it is a flake rather than just a source.
    pub is_flake: bool,
    /// Whether relative paths stay as they are, to be meant from another flake.
    pub keep_relative: bool,
}

impl Default for RefOptions<'_> {
    fn default() -> Self {
        Self {
            base: None,
            allow_missing: false,
            is_flake: true,
            keep_relative: false,
        }
    }
}

impl FlakeRef {
    /// A reference without a fragment.
    pub fn parse(fetcher: &Fetcher, text: &str, options: RefOptions<'_>) -> Result<Self> {
        let (flake_ref, fragment) = Self::parse_with_fragment(fetcher, text, options)?;
        if fragment.is_empty() {
            return Ok(flake_ref);
        }
        Err(FetchError::new(format!(
            "unexpected fragment '{fragment}' in flake reference '{text}'"
        )))
    }

    /// A reference and what stands behind its `#`.
    pub fn parse_with_fragment(
        fetcher: &Fetcher,
        text: &str,
        options: RefOptions<'_>,
    ) -> Result<(Self, String)> {
        if let Some(found) = Self::parse_name(fetcher, text, options)? {
            return Ok(found);
        }
        match Self::parse_url(fetcher, text, options) {
            Err(error) if error.is_bad_url => Self::parse_path(fetcher, text, options),
            other => other,
        }
    }

    /// The reference of attributes.
    pub fn of_attrs(fetcher: &Fetcher, mut attrs: Attrs) -> Result<Self> {
        let subdir = attrs::maybe_str(&attrs, "dir")?.unwrap_or("").to_owned();
        attrs.remove("dir");
        Ok(Self {
            input: Input::from_attrs(fetcher, attrs)?,
            subdir,
        })
    }

    /// The reference to a name that registries know.
    pub fn named(fetcher: &Fetcher, id: &str) -> Result<Self> {
        Self::of_attrs(
            fetcher,
            Attrs::from([
                ("type".to_owned(), "indirect".into()),
                ("id".to_owned(), id.into()),
            ]),
        )
    }

    /// The attributes, directory included.
    pub fn to_attrs(&self) -> Attrs {
        let mut attrs = self.input.attrs.clone();
        if !self.subdir.is_empty() {
            attrs.insert("dir".to_owned(), self.subdir.as_str().into());
        }
        attrs
    }

    /// As a URL.
    pub fn to_url(&self) -> Result<Url> {
        let mut url = self.input.to_url()?;
        if !self.subdir.is_empty() {
            url.query
                .entry("dir".to_owned())
                .or_insert_with(|| self.subdir.clone());
        }
        Ok(url)
    }

    /// What registries say it stands for.
    pub fn resolve(&self, fetcher: &Fetcher, which: UseRegistries) -> Result<Self> {
        let (input, extra) = fetcher.look_up(&self.input, which)?;
        let dir = attrs::maybe_str(&extra, "dir")?.map(str::to_owned);
        Ok(Self {
            input,
            subdir: dir.unwrap_or_else(|| self.subdir.clone()),
        })
    }

    /// Old lock files have the directory in the address as well; that is no difference.
    #[must_use]
    pub fn canonical(&self) -> Self {
        let mut canonical = self.clone();
        let url = attrs::maybe_str(&self.input.attrs, "url").ok().flatten();
        if let Some(mut url) = url.and_then(|it| Url::parse_lenient(it).ok()) {
            if !self.subdir.is_empty() && url.query.get("dir") == Some(&self.subdir) {
                url.query.remove("dir");
            }
            canonical.input.set("url", url.to_string());
        }
        canonical
    }

    fn of_url(fetcher: &Fetcher, mut url: Url, options: RefOptions<'_>) -> Result<(Self, String)> {
        let subdir = url.query.remove("dir").unwrap_or_default();
        let fragment = std::mem::take(&mut url.fragment);
        let input = Input::from_url(fetcher, &url, options.is_flake)?;
        Ok((Self { input, subdir }, fragment))
    }

    /// `name`, `name/branch`, `name/revision`, `name/branch/revision`, and a fragment.
    fn parse_name(
        fetcher: &Fetcher,
        text: &str,
        options: RefOptions<'_>,
    ) -> Result<Option<(Self, String)>> {
        let (name, fragment) = match text.split_once('#') {
            Some((name, fragment)) => (name, fragment),
            None => (text, ""),
        };
        let (id, rest) = match name.split_once('/') {
            Some((id, rest)) => (id, Some(rest)),
            None => (name, None),
        };
        let is_ref_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"_./@+-".contains(&byte);
        let is_ref = |text: &str| {
            text.starts_with(|it: char| it.is_ascii_alphanumeric() || it == '@')
                && text.bytes().all(is_ref_byte)
        };
        if !is_flake_id(id)
            || rest.is_some_and(|it| !is_revision(it) && !is_ref(it))
            || !is_fragment(fragment)
        {
            return Ok(None);
        }
        let url = Url {
            scheme: "flake".to_owned(),
            path: name.split('/').map(str::to_owned).collect(),
            ..Url::default()
        };
        let input = Input::from_url(fetcher, &url, options.is_flake)?;
        let subdir = String::new();
        Ok(Some((Self { input, subdir }, decode(fragment)?)))
    }

    fn parse_url(fetcher: &Fetcher, text: &str, options: RefOptions<'_>) -> Result<(Self, String)> {
        let mut url = Url::parse_lenient(text)?;
        if let Some(base) = options.base
            && (url.scheme == "path" || url.scheme == "git+file")
        {
            let path = url.file_path()?;
            if !path.is_absolute() {
                url.path = Url::segments_of(&lexical(&base.join(path)));
            }
        }
        Self::of_url(fetcher, url, options)
    }

    fn parse_path(
        fetcher: &Fetcher,
        text: &str,
        options: RefOptions<'_>,
    ) -> Result<(Self, String)> {
        let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let fragment = decode(fragment)?;
        let (query, dubious) = decode_query(query, true)?;
        for dubious in dubious {
            fetcher.warn(&format!(
                "dubious URI query '{dubious}' is missing equal sign '=', ignoring"
            ));
        }
        let path = PathBuf::from(path);
        let path = match options.base {
            Some(base) => {
                let path = resolved(&base.join(path));
                if options.is_flake {
                    let path = flake_directory(fetcher, path, options.allow_missing)?;
                    if let Some(url) = repository_around(&path, text, &query, &fragment)? {
                        return Self::of_url(fetcher, url, options);
                    }
                    path
                } else {
                    path
                }
            }
            None if !options.keep_relative && !path.is_absolute() => {
                return Err(FetchError::bad_url(format!(
                    "flake reference '{text}' is not an absolute path"
                )));
            }
            None => path,
        };
        let url = Url {
            query,
            fragment,
            ..Url::of_path("path", &path)
        };
        Self::of_url(fetcher, url, options)
    }
}

impl fmt::Display for FlakeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_url() {
            Ok(url) => url.fmt(f),
            Err(_) => f.write_str(&attrs::show(&self.to_attrs())),
        }
    }
}

fn is_fragment(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'\"()*+,;=:@%/? ^".contains(&byte))
}

/// Takes `.` and `..` out of a path.
fn lexical(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

/// A path with its links followed, as far as there is something.
fn resolved(path: &Path) -> PathBuf {
    if let Ok(real) = std::fs::canonicalize(path) {
        return real;
    }
    let path = lexical(path);
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if parent != path => resolved(parent).join(name),
        _ => path,
    }
}

/// The directory of the flake that a path means.
fn flake_directory(fetcher: &Fetcher, path: PathBuf, allow_missing: bool) -> Result<PathBuf> {
    let mut path = path;
    let status = |path: &Path| {
        std::fs::symlink_metadata(path).map_err(|error| {
            let reason = error.to_string();
            let reason = reason.split(" (os error").next().unwrap_or_default();
            FetchError::new(format!(
                "getting status of \"{}\": {reason}",
                path.display()
            ))
        })
    };
    if !status(&path)?.is_dir() {
        if path.file_name().is_none_or(|it| it != "flake.nix") {
            return Err(FetchError::bad_url(format!(
                "path \"{}\" is not a flake (because it's not a directory)",
                path.display()
            )));
        }
        let parent = path.parent().unwrap_or(&path).to_path_buf();
        fetcher.warn(&format!(
            "Path \"{}\" should point at the directory containing the 'flake.nix' file, not the file itself. Pretending that you meant \"{}\"",
            path.display(),
            parent.display()
        ));
        path = parent;
    }
    if allow_missing || path.join("flake.nix").exists() {
        return Ok(path);
    }
    fetcher.notice(&format!(
        "path \"{}\" does not contain a 'flake.nix', searching up",
        path.display()
    ));
    let device = status(&path)?.dev();
    loop {
        if path == Path::new("/") {
            return Err(FetchError::bad_url("could not find a flake.nix file"));
        }
        if path.join("flake.nix").exists() {
            return Ok(path);
        }
        if path.join(".git").exists() {
            return Err(FetchError::new(format!(
                "path \"{}\" is not part of a flake (neither it nor its parent directories contain a 'flake.nix' file)",
                path.display()
            )));
        }
        if status(&path)?.dev() != device {
            return Err(FetchError::new(format!(
                "unable to find a flake before encountering filesystem boundary at \"{}\"",
                path.display()
            )));
        }
        path.pop();
    }
}

/// The Git repository that a path is in, as a URL.
fn repository_around(
    path: &Path,
    text: &str,
    query: &std::collections::BTreeMap<String, String>,
    fragment: &str,
) -> Result<Option<Url>> {
    let mut root = path.to_path_buf();
    let mut subdir = PathBuf::new();
    while root != Path::new("/") {
        if root.join(".git").exists() {
            let mut url = Url::of_path("git+file", &root);
            url.query = query.clone();
            fragment.clone_into(&mut url.fragment);
            if !subdir.as_os_str().is_empty() {
                if url.query.contains_key("dir") {
                    return Err(FetchError::new(format!(
                        "flake URL '{text}' has an inconsistent 'dir' parameter"
                    )));
                }
                url.query
                    .insert("dir".to_owned(), subdir.to_string_lossy().into_owned());
            }
            if root.join(".git/shallow").exists() {
                url.query.insert("shallow".to_owned(), "1".to_owned());
            }
            return Ok(Some(url));
        }
        if let Some(name) = root.file_name() {
            subdir = if subdir.as_os_str().is_empty() {
                PathBuf::from(name)
            } else {
                Path::new(name).join(subdir)
            };
        }
        root.pop();
    }
    Ok(None)
}
