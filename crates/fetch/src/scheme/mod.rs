//! The ways of fetching: what their URLs look like, which attributes they take, and when an input
//! of theirs is locked.
//!
//! Each scheme has a file for its names; what goes over the network or into the store is done by
//! the fetcher in the files beside it.

pub(crate) mod curl;
pub(crate) mod forge;
pub(crate) mod git;
pub(crate) mod indirect;
pub(crate) mod mercurial;
pub(crate) mod path;

use std::fmt;

use crate::attrs::Attrs;
use crate::{FetchError, Fetcher, Input, Result, Url};

/// A way of fetching.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// A single file behind an address.
    File,
    /// A Git repository.
    Git,
    /// An archive of a repository at GitHub.
    GitHub,
    /// An archive of a repository at GitLab.
    GitLab,
    /// A Mercurial repository.
    Mercurial,
    /// A name that a registry resolves.
    Indirect,
    /// A tree on this machine.
    Path,
    /// An archive of a repository at SourceHut.
    SourceHut,
    /// An archive behind an address.
    Tarball,
}

impl Scheme {
    /// All of them, in the order in which URLs are tried.
    pub const ALL: &[Self] = &[
        Self::File,
        Self::Git,
        Self::GitHub,
        Self::GitLab,
        Self::Mercurial,
        Self::Indirect,
        Self::Path,
        Self::SourceHut,
        Self::Tarball,
    ];

    /// The value of the `type` attribute.
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Git => "git",
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::Mercurial => "hg",
            Self::Indirect => "indirect",
            Self::Path => "path",
            Self::SourceHut => "sourcehut",
            Self::Tarball => "tarball",
        }
    }

    /// The scheme of a `type`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.name() == name)
    }

    /// Whether it belongs to flakes.
    pub(crate) fn needs_flakes(self) -> bool {
        matches!(
            self,
            Self::GitHub | Self::GitLab | Self::SourceHut | Self::Indirect | Self::Path
        )
    }

    /// The attributes besides `type`.
    pub fn allowed_attrs(self) -> &'static [&'static str] {
        match self {
            Self::File | Self::Tarball => curl::ATTRS,
            Self::Git => git::ATTRS,
            Self::GitHub | Self::GitLab | Self::SourceHut => forge::ATTRS,
            Self::Mercurial => mercurial::ATTRS,
            Self::Indirect => indirect::ATTRS,
            Self::Path => path::ATTRS,
        }
    }

    /// The attributes that a URL stands for, if it is one of this scheme.
    pub(crate) fn attrs_of_url(
        self,
        fetcher: &Fetcher,
        url: &Url,
        require_tree: bool,
    ) -> Result<Option<Attrs>> {
        match self {
            Self::File | Self::Tarball => Ok(curl::attrs_of_url(self, url, require_tree)),
            Self::Git => git::attrs_of_url(fetcher, url),
            Self::GitHub | Self::GitLab | Self::SourceHut => forge::attrs_of_url(self, url),
            Self::Mercurial => mercurial::attrs_of_url(url),
            Self::Indirect => indirect::attrs_of_url(url),
            Self::Path => path::attrs_of_url(url),
        }
    }

    /// Attributes, checked and put in order.
    pub(crate) fn checked_attrs(self, fetcher: &Fetcher, attrs: Attrs) -> Result<Attrs> {
        match self {
            Self::File | Self::Tarball => Ok(attrs),
            Self::Git => git::checked(fetcher, attrs),
            Self::GitHub | Self::GitLab | Self::SourceHut => forge::checked(attrs),
            Self::Mercurial => mercurial::checked(attrs),
            Self::Indirect => indirect::checked(attrs),
            Self::Path => {
                crate::attrs::str(&attrs, "path")?;
                Ok(attrs)
            }
        }
    }

    /// An input as a URL.
    pub(crate) fn to_url(self, input: &Input) -> Result<Url> {
        match self {
            Self::File | Self::Tarball => curl::to_url(input),
            Self::Git => git::to_url(input),
            Self::GitHub | Self::GitLab | Self::SourceHut => forge::to_url(self, input),
            Self::Mercurial => mercurial::to_url(input),
            Self::Indirect => indirect::to_url(input),
            Self::Path => path::to_url(input),
        }
    }

    /// Whether an input always means the same source.
    pub(crate) fn is_locked(self, fetcher: &Fetcher, input: &Input) -> bool {
        let has_hash = || input.nar_hash().is_ok_and(|it| it.is_some());
        match self {
            Self::File | Self::Tarball | Self::Path => has_hash(),
            Self::Git => input
                .rev()
                .ok()
                .flatten()
                .is_some_and(|it| !git::is_null(&it)),
            Self::Mercurial => input.rev_text().is_some(),
            Self::GitHub | Self::GitLab | Self::SourceHut => {
                input.rev_text().is_some()
                    && (fetcher.settings().trust_tarballs_from_git_forges || has_hash())
            }
            Self::Indirect => false,
        }
    }

    /// An input at another branch or revision.
    pub(crate) fn with_overrides(
        self,
        input: &Input,
        git_ref: Option<&str>,
        rev: Option<&str>,
    ) -> Result<Input> {
        let mut changed = input.clone();
        match self {
            Self::File | Self::Tarball | Self::Path => {
                if let Some(git_ref) = git_ref {
                    return Err(FetchError::new(format!(
                        "don't know how to set branch/tag name of input '{}' to '{git_ref}'",
                        input.show()
                    )));
                }
                if let Some(rev) = rev {
                    return Err(FetchError::new(format!(
                        "don't know how to set revision of input '{}' to '{rev}'",
                        input.show()
                    )));
                }
            }
            Self::GitHub | Self::GitLab | Self::SourceHut => {
                if let (Some(git_ref), Some(rev)) = (git_ref, rev) {
                    return Err(FetchError::bad_url(format!(
                        "cannot apply both a commit hash ({rev}) and a branch/tag name ('{git_ref}') to input '{}'",
                        input.show()
                    )));
                }
                if let Some(rev) = rev {
                    changed.set("rev", rev);
                    changed.attrs.remove("ref");
                }
                if let Some(git_ref) = git_ref {
                    changed.set("ref", git_ref);
                    changed.attrs.remove("rev");
                }
            }
            Self::Git | Self::Mercurial | Self::Indirect => {
                if let Some(rev) = rev {
                    changed.set("rev", rev);
                }
                if let Some(git_ref) = git_ref {
                    changed.set("ref", git_ref);
                }
                if self == Self::Git && changed.git_ref().is_none() && changed.rev_text().is_some()
                {
                    return Err(FetchError::new(format!(
                        "Git input '{}' has a commit hash but no branch/tag name",
                        changed.show()
                    )));
                }
            }
        }
        Ok(changed)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether a text is a revision: forty hexadecimal digits.
pub fn is_revision(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a text can be the name of a branch or tag.
pub fn is_ref_name(text: &str) -> bool {
    if text.is_empty() || text == "@" || text.contains('\x7f') {
        return false;
    }
    let as_branch = format!("refs/heads/{text}");
    !text.starts_with('-') && gix::validate::reference::name(as_branch.as_str().into()).is_ok()
}
