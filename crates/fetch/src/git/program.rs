//! What the `git` program does for us: everything that needs a user's own configuration, such as
//! credentials for the network, keys for signatures, hooks and editors of commits.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use firn_hash::{Hasher, base64};

use crate::scheme::git::{Location, PublicKey, location};
use crate::{FetchError, Fetcher, Input, Result, Url};

fn git() -> Command {
    let mut command = Command::new("git");
    command.stdin(Stdio::null());
    command
}

fn in_repo(place: &Path, git_dir: &str) -> Command {
    let mut command = git();
    command.arg("-C").arg(place).args(["--git-dir", git_dir]);
    command
}

fn failed(error: &std::io::Error) -> FetchError {
    FetchError::new(format!(
        "unable to execute 'git': {error}; install Git to fetch repositories"
    ))
}

/// Runs a command whose output belongs to the user's eyes only.
fn run(command: &mut Command) -> Result<bool> {
    command.stdout(Stdio::null());
    Ok(command.status().map_err(|it| failed(&it))?.success())
}

pub(super) fn set_origin(place: &Path, url: &str) -> Result<()> {
    let config = place.join("config");
    let wanted = format!("url = {url}");
    if std::fs::read_to_string(&config).is_ok_and(|it| it.contains(&wanted)) {
        return Ok(());
    }
    let mut command = in_repo(place, ".");
    command.args(["config", "remote.origin.url", url]);
    if run(&mut command)? {
        return Ok(());
    }
    Err(FetchError::new(format!(
        "setting remote 'origin' URL to '{url}' failed"
    )))
}

pub(super) fn set_head(place: &Path, git_ref: &str) -> bool {
    let mut command = in_repo(place, ".");
    command
        .args(["symbolic-ref", "--", "HEAD", git_ref])
        .stderr(Stdio::null());
    run(&mut command).unwrap_or(false)
}

pub(super) fn fetch(place: &Path, url: &str, refspec: &str, shallow: bool) -> Result<()> {
    let mut command = in_repo(place, ".");
    command.args(["fetch", "--progress", "--force"]);
    if shallow {
        command.args(["--depth", "1"]);
    }
    command.args(["--", url, refspec]);
    if run(&mut command)? {
        return Ok(());
    }
    Err(FetchError::new(format!(
        "Failed to fetch git repository '{url}'"
    )))
}

/// What HEAD of a repository far away names: a reference, or else a revision.
pub(super) fn remote_head(url: &str) -> Option<String> {
    let output = git()
        .args(["ls-remote", "--symref", url])
        .stderr(Stdio::inherit())
        .output()
        .ok()?;
    if !output.status.success() {
        return None;
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (target, name) = text.lines().next()?.split_once('\t')?;
    if name.trim() != "HEAD" {
        return None;
    }
    Some(
        target
            .strip_prefix("ref: ")
            .unwrap_or(target)
            .trim()
            .to_owned(),
    )
}

/// What the host of a repository behind `ssh` says of its large files: where they are, in JSON.
pub(super) fn large_file_server(url: &Url) -> Result<String> {
    let authority = url.authority.clone().unwrap_or_default();
    let mut command = Command::new("ssh");
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    if let Some(port) = authority.port {
        command.arg("-p").arg(port.to_string());
    }
    let host = match &authority.user {
        Some(user) => format!("{user}@{}", authority.host),
        None => authority.host.clone(),
    };
    let path = url.path.join("/");
    // The host gives these words to a shell.
    let path = format!("'{}'", path.replace('\'', "'\\''"));
    command.args(["--", &host, "git-lfs-authenticate", &path, "download"]);
    let output = command
        .output()
        .map_err(|it| FetchError::new(format!("unable to execute 'ssh': {it}")))?;
    if !output.status.success() {
        return Err(FetchError::new(format!(
            "'git-lfs-authenticate' for '{url}' failed: {}",
            output.status
        )));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

const KEY_KINDS: &[(&str, &str)] = &[
    ("ssh-dsa", "ssh-dsa"),
    ("ssh-ecdsa", "ssh-ecdsa"),
    ("ssh-ecdsa-sk", "sk-ecdsa-sha2-nistp256@openssh.com"),
    ("ssh-ed25519", "ssh-ed25519"),
    ("ssh-ed25519-sk", "sk-ssh-ed25519@openssh.com"),
    ("ssh-rsa", "ssh-rsa"),
];

/// Checks that one of the keys has signed a commit. Git alone would also believe keys of the user.
pub(super) fn verify_commit(place: &Path, rev: &str, keys: &[PublicKey]) -> Result<()> {
    let mut signers = String::new();
    let mut fingerprints = Vec::new();
    for key in keys {
        let Some((_, kind)) = KEY_KINDS.iter().find(|it| it.0 == key.kind) else {
            let known: Vec<String> = KEY_KINDS.iter().map(|it| format!("  {}\n", it.0)).collect();
            let known = known.concat();
            return Err(FetchError::new(format!(
                "Invalid SSH key type '{}' in publicKeys.\nPlease use one of:\n{known}",
                key.kind
            )));
        };
        signers.extend(["* ", kind, " ", &key.key, "\n"]);
        let bytes = base64::decode(key.key.as_bytes()).map_err(|error| {
            FetchError::new(error.to_string()).while_doing(format!(
                "while decoding public key '{}' used for git signature",
                key.key
            ))
        })?;
        let fingerprint = Hasher::sha256(&bytes).to_base64();
        fingerprints.push(format!("key SHA256:{}", fingerprint.trim_end_matches('=')));
    }
    let broken = |it: std::io::Error| FetchError::new(format!("writing allowed signers: {it}"));
    let mut file = tempfile::NamedTempFile::new().map_err(broken)?;
    file.write_all(signers.as_bytes()).map_err(broken)?;
    let output = git()
        .arg("-c")
        .arg(format!(
            "gpg.ssh.allowedSignersFile={}",
            file.path().display()
        ))
        .arg("-C")
        .arg(place)
        .args(["verify-commit", rev])
        .output()
        .map_err(|it| failed(&it))?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let is_good = |line: &str| {
        line.contains("Good \"git\" signature for * with ")
            && fingerprints.iter().any(|it| line.contains(it))
    };
    if output.status.success() && text.lines().any(is_good) {
        return Ok(());
    }
    Err(FetchError::new(format!(
        "Commit signature verification on commit {rev} failed: {text}"
    )))
}

/// Writes a file into the tree of an input, tells Git of it, and commits it if there is a message.
pub fn put_file(
    fetcher: &Fetcher,
    input: &Input,
    path: &str,
    contents: &[u8],
    message: Option<&str>,
) -> Result<()> {
    let root = input.source_path(fetcher)?.ok_or_else(|| {
        FetchError::new(format!(
            "input '{}' does not support modifying file '/{path}'",
            input.show()
        ))
    })?;
    let place = root.join(path);
    firn_sys::file::write_file_atomically(&place, contents, 0o644, false)
        .map_err(|it| FetchError::io("writing", &place, &it))?;
    match input.scheme {
        Some(crate::Scheme::Git) => {}
        Some(crate::Scheme::Mercurial) => return crate::mercurial::add_file(&place, message),
        _ => return Ok(()),
    }
    let mut command = git();
    command
        .arg("-C")
        .arg(&root)
        .args(["check-ignore", "--quiet", path]);
    if run(&mut command)? {
        return Ok(());
    }
    let mut command = git();
    command
        .arg("-C")
        .arg(&root)
        .args(["add", "--intent-to-add", "--", path]);
    if !run(&mut command)? {
        return Err(FetchError::new(format!(
            "'git add --intent-to-add {path}' failed"
        )));
    }
    let Some(message) = message else {
        return Ok(());
    };
    let mut child = Command::new("git")
        .arg("-C")
        .arg(&root)
        .args(["commit", path, "-F", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|it| failed(&it))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin
            .write_all(message.as_bytes())
            .map_err(|it| failed(&it))?;
    }
    if child.wait().map_err(|it| failed(&it))?.success() {
        return Ok(());
    }
    Err(FetchError::new(format!("'git commit {path}' failed")))
}

/// Makes a working copy of an input.
pub fn clone(fetcher: &Fetcher, input: &Input, destination: &Path) -> Result<()> {
    use crate::scheme::forge::host;
    let scheme = input.known_scheme()?;
    let forge = |suffix: &str| -> Result<Input> {
        let owner = crate::attrs::str(&input.attrs, "owner")?;
        let repo = crate::attrs::str(&input.attrs, "repo")?;
        let url = format!(
            "git+https://{}/{owner}/{repo}{suffix}",
            host(scheme, input)?
        );
        let plain = Input::from_url_text(fetcher, &url)?;
        plain.with_overrides(input.git_ref(), input.rev_text().as_deref())
    };
    let input = match scheme {
        crate::Scheme::Git => input.clone(),
        crate::Scheme::GitHub | crate::Scheme::GitLab => forge(".git")?,
        crate::Scheme::SourceHut => forge("")?,
        _ => return copy(fetcher, input, destination),
    };
    if input.rev_text().is_some() {
        return Err(FetchError::new(
            "cloning a specific revision is not implemented",
        ));
    }
    let place: Location = location(fetcher, &input)?;
    let mut command = Command::new("git");
    command.args(["clone", &place.show()]);
    if let Some(git_ref) = input.git_ref() {
        command.args(["--branch", git_ref]);
    }
    command.arg(destination);
    if run(&mut command)? {
        return Ok(());
    }
    Err(FetchError::new(format!(
        "'git clone {}' failed",
        place.show()
    )))
}

/// A copy of what is no repository.
fn copy(fetcher: &Fetcher, input: &Input, destination: &Path) -> Result<()> {
    if destination.exists() {
        return Err(FetchError::new(format!(
            "cannot clone into existing path \"{}\"",
            destination.display()
        )));
    }
    let fetched = fetcher.fetch(input, crate::UseRegistries::No)?;
    let mut archive = Vec::new();
    fetcher.store().nar_from_path(&fetched.path, &mut archive)?;
    firn_store::tree::restore(&mut archive.as_slice(), destination).map_err(FetchError::from)
}
