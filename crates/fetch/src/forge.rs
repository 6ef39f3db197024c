//! Forges: which revision a branch is at, and where its archive lies, with tokens where there are
//! some.

use firn_hash::Hash;
use serde_json::Value;

use crate::attrs::{self, Attr, Attrs};
use crate::download::Header;
use crate::fetcher::Found;
use crate::scheme::forge::host;
use crate::{FetchError, Fetcher, Input, Result, Scheme};

impl Fetcher {
    pub(crate) fn fetch_forge(&self, input: &Input) -> Result<Found> {
        let scheme = input.known_scheme()?;
        self.fetch_from_forge(scheme, input)
            .map_err(|error| self.refused(error, scheme, input))
    }

    fn fetch_from_forge(&self, scheme: Scheme, input: &Input) -> Result<Found> {
        let mut input = input.clone();
        let rev = if let Some(rev) = input.rev_text() {
            rev
        } else {
            if input.git_ref().is_none() {
                input.set("ref", "HEAD");
            }
            self.revision_of(scheme, &input)?
        };
        input.attrs.remove("ref");
        input.set("rev", rev.as_str());
        let key = Attrs::from([("rev".to_owned(), rev.as_str().into())]);
        let known = self.cache().get("forgeTree", &key).and_then(|entry| {
            let hash = Hash::parse_sri(attrs::str(&entry.attrs, "narHash").ok()?).ok()?;
            let last_modified = attrs::int(&entry.attrs, "lastModified").ok()?;
            Some((
                self.tree_named(input.name(), hash).ok()??,
                hash,
                last_modified,
            ))
        });
        let (path, hash, last_modified) = if let Some(known) = known {
            known
        } else {
            let (url, headers) = self.archive_of(scheme, &input)?;
            let tree = self.download_tree(&url, input.name(), &headers)?;
            let value = Attrs::from([
                ("narHash".to_owned(), tree.hash.to_sri().into()),
                ("lastModified".to_owned(), tree.last_modified.into()),
            ]);
            self.cache().put("forgeTree", &key, &value);
            (tree.path, tree.hash, tree.last_modified)
        };
        input.set("lastModified", Attr::Int(last_modified));
        Ok(Found::named(input, path, hash))
    }

    fn revision_of(&self, scheme: Scheme, input: &Input) -> Result<String> {
        let host = host(scheme, input)?;
        let owner = attrs::str(&input.attrs, "owner")?;
        let repo = attrs::str(&input.attrs, "repo")?;
        let git_ref = input.git_ref().unwrap_or("HEAD");
        let headers = self.token_headers(scheme, &host, owner, repo);
        match scheme {
            Scheme::SourceHut => self.sourcehut_revision(
                &format!("{}/{owner}/{repo}", self.origin(&host)),
                input,
                git_ref,
                &headers,
            ),
            Scheme::GitLab => {
                let url = format!(
                    "{}/api/v4/projects/{owner}%2F{repo}/repository/commits?ref_name={git_ref}",
                    self.origin(&host)
                );
                let answer = self.json(&url, &headers)?;
                match answer.as_array().map(Vec::as_slice) {
                    Some([first, ..]) if first["id"].is_string() => Ok(text(&first["id"])),
                    Some([]) => Err(FetchError::new(
                        "No commits returned by GitLab API -- does the git ref really exist?",
                    )),
                    _ => Err(FetchError::new(format!(
                        "Unexpected response received from GitLab: {answer}"
                    ))),
                }
            }
            _ => {
                let base = if host == "github.com" {
                    self.origin("api.github.com")
                } else {
                    format!("{}/api/v3", self.origin(&host))
                };
                let url = format!("{base}/repos/{owner}/{repo}/commits/{git_ref}");
                let answer = self.json(&url, &headers)?;
                if !answer["sha"].is_string() {
                    return Err(FetchError::new(format!(
                        "'{url}' does not say which revision '{git_ref}' is at"
                    )));
                }
                Ok(text(&answer["sha"]))
            }
        }
    }

    /// Where a host is reached.
    fn origin(&self, host: &str) -> String {
        let named = self.options().origins.get(host);
        named.map_or_else(|| format!("https://{host}"), Clone::clone)
    }

    /// What may help where a forge refuses.
    fn refused(&self, error: FetchError, scheme: Scheme, input: &Input) -> FetchError {
        let Some(status @ (401 | 403 | 404 | 429)) = error.http_status else {
            return error;
        };
        let (Ok(host), Ok(owner), Ok(repo)) = (
            host(scheme, input),
            attrs::str(&input.attrs, "owner"),
            attrs::str(&input.attrs, "repo"),
        ) else {
            return error;
        };
        let has_token = !self.token_headers(scheme, &host, owner, repo).is_empty();
        let token = match scheme {
            Scheme::GitLab => "PAT:TOKEN",
            _ => "TOKEN",
        };
        let is_limit = status == 429 || error.message.to_ascii_lowercase().contains("rate limit");
        let advice = match (is_limit, has_token) {
            (true, false) => format!(
                "{host} answers only so many requests without a token; one for it goes into the setting 'access-tokens', as in 'access-tokens = {host}={token}'"
            ),
            (true, true) => {
                format!("{host} answers only so many requests with this token; try again later")
            }
            (false, false) => format!(
                "if the repository is private, a token for it goes into the setting 'access-tokens', as in 'access-tokens = {host}={token}'"
            ),
            (false, true) => format!(
                "check that the token for {host} in the setting 'access-tokens' is still valid and may read {owner}/{repo}"
            ),
        };
        FetchError {
            message: format!("{}\n\n{advice}", error.message),
            ..error
        }
    }

    /// Reads what a server of Git's plain HTTP protocol lists.
    fn sourcehut_revision(
        &self,
        base: &str,
        input: &Input,
        git_ref: &str,
        headers: &[Header],
    ) -> Result<String> {
        let read = |name: &str| -> Result<String> {
            let file = self.download_file(&format!("{base}/{name}"), "source", headers)?;
            Ok(String::from_utf8_lossy(&self.read_downloaded(&file.path)?).into_owned())
        };
        let wanted = if git_ref == "HEAD" {
            let head = read("HEAD")?;
            let target = head.lines().next().and_then(|it| it.strip_prefix("ref: "));
            let target = target.ok_or_else(|| {
                FetchError::bad_url(format!(
                    "in '{}', couldn't resolve HEAD ref '{git_ref}'",
                    input.show()
                ))
            })?;
            vec![target.trim().to_owned()]
        } else {
            vec![
                format!("refs/heads/{git_ref}"),
                format!("refs/tags/{git_ref}"),
            ]
        };
        let listing = read("info/refs")?;
        let found = listing.lines().find_map(|line| {
            let (id, name) = line.split_once('\t')?;
            wanted
                .iter()
                .any(|it| it == name.trim())
                .then(|| id.to_owned())
        });
        found.ok_or_else(|| {
            FetchError::bad_url(format!(
                "in '{}', couldn't find ref '{git_ref}'",
                input.show()
            ))
        })
    }

    fn archive_of(&self, scheme: Scheme, input: &Input) -> Result<(String, Vec<Header>)> {
        let host = host(scheme, input)?;
        let owner = attrs::str(&input.attrs, "owner")?;
        let repo = attrs::str(&input.attrs, "repo")?;
        let rev = input.rev_text().unwrap_or_default();
        let headers = self.token_headers(scheme, &host, owner, repo);
        let origin = self.origin(&host);
        let url = match scheme {
            Scheme::GitLab => format!(
                "{origin}/api/v4/projects/{owner}%2F{repo}/repository/archive.tar.gz?sha={rev}"
            ),
            Scheme::SourceHut => format!("{origin}/{owner}/{repo}/archive/{rev}.tar.gz"),
            // Without a token the public address is used, which counts towards no limit.
            _ if host != "github.com" => {
                format!("{origin}/api/v3/repos/{owner}/{repo}/tarball/{rev}")
            }
            _ if headers.is_empty() => {
                format!("{origin}/{owner}/{repo}/archive/{rev}.tar.gz")
            }
            _ => format!(
                "{}/repos/{owner}/{repo}/tarball/{rev}",
                self.origin("api.github.com")
            ),
        };
        Ok((url, headers))
    }

    fn json(&self, url: &str, headers: &[Header]) -> Result<Value> {
        let file = self.download_file(url, "source", headers)?;
        let contents = self.read_downloaded(&file.path)?;
        serde_json::from_slice(&contents)
            .map_err(|error| FetchError::new(format!("'{url}' does not answer in JSON: {error}")))
    }

    /// The token of the longest prefix of `host/owner/repo`, as the forge wants it.
    fn token_headers(&self, scheme: Scheme, host: &str, owner: &str, repo: &str) -> Vec<Header> {
        let tokens = &self.settings().access_tokens;
        let place = format!("{host}/{owner}/{repo}");
        let is_prefix = |it: &str| {
            place
                .strip_prefix(it)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let longest = tokens
            .iter()
            .filter(|(prefix, _)| is_prefix(prefix))
            .max_by_key(|(prefix, _)| prefix.len());
        let Some((_, token)) = longest else {
            return Vec::new();
        };
        vec![self.token_header(scheme, token)]
    }

    fn token_header(&self, scheme: Scheme, token: &str) -> Header {
        let authorization = |value: String| ("Authorization".to_owned(), value);
        match scheme {
            Scheme::SourceHut => authorization(format!("Bearer {token}")),
            Scheme::GitLab => {
                let (kind, value) = token.split_once(':').unwrap_or((token, ""));
                match kind {
                    "OAuth2" => authorization(format!("Bearer {value}")),
                    "PAT" => ("Private-token".to_owned(), value.to_owned()),
                    _ => {
                        self.warn(&format!("Unrecognized GitLab token type {kind}"));
                        (kind.to_owned(), value.to_owned())
                    }
                }
            }
            _ => authorization(format!("token {token}")),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
