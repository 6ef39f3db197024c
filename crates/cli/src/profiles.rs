//! Where the profiles of a user are, and errors about them as failures.
//!
//! The places are those of the reference, so that both tools work on the same profiles: a link in
//! the home directory (or below the user's state) leads to the default profile, whose generations
//! lie in the user's state, or for root in that of the store.

use std::path::{Path, PathBuf};

use firn_profile::ProfileError;
use firn_store::profile::{Profile, parse_older_than};

use crate::evaluation::Stop;
use crate::{Context, Failure, sources, surroundings};

impl From<ProfileError> for Stop {
    fn from(error: ProfileError) -> Self {
        match error {
            ProfileError::Evaluation(fail) => Self::Evaluation(fail),
            ProfileError::Store(error) => Self::Failed(Box::new(error.into())),
            other => Self::Failed(Box::new(Failure::message(other.to_string()))),
        }
    }
}

fn is_root() -> bool {
    firn_sys::file::effective_ids().0 == 0
}

/// Root's directory of profiles, which others can see.
fn profiles_of_root(context: &Context) -> PathBuf {
    context.state_dir().join("profiles/per-user/root")
}

/// The directory of this user's profiles; made if it is not there.
pub fn profiles_directory(context: &Context) -> Result<PathBuf, Failure> {
    let directory = if is_root() {
        profiles_of_root(context)
    } else {
        surroundings::state_dir().join("profiles")
    };
    std::fs::create_dir_all(&directory).map_err(cannot("creating directory", &directory))?;
    Ok(directory)
}

/// What was being done to what, for an error of the operating system.
pub fn cannot<'a>(
    doing: &'a str,
    path: &'a Path,
) -> impl FnOnce(std::io::Error) -> Failure + use<'a> {
    move |error| Failure::message(format!("{doing} \"{}\": {error}", path.display()))
}

/// A place of the user that is in the home directory, or below the state where that is wanted.
fn of_user(context: &Context, in_home: &str, in_state: &str) -> PathBuf {
    if context.settings.interface.use_xdg_base_directories {
        surroundings::state_dir().join(in_state)
    } else {
        surroundings::home().join(in_home)
    }
}

/// The link that leads to the user's current profile.
pub fn profile_link(context: &Context) -> PathBuf {
    of_user(context, ".nix-profile", "profile")
}

/// What `nix-env` looks for packages in where nothing says otherwise.
pub fn default_expressions(context: &Context) -> PathBuf {
    of_user(context, ".nix-defexpr", "defexpr")
}

/// The list of a user's channels.
pub fn channel_list(context: &Context) -> PathBuf {
    of_user(context, ".nix-channels", "channels")
}

/// The profile of a user's channels.
pub fn channels_profile(context: &Context) -> Result<Profile, Failure> {
    Ok(Profile::new(profiles_directory(context)?.join("channels")))
}

/// Where names are looked for after everything that flags and settings say: in the channels of the
/// user and of root, as far as they are there. Root's `nixpkgs` has this name for everyone.
pub fn channels_on_search_path(context: &Context) -> Vec<String> {
    let of_root = profiles_of_root(context).join("channels");
    let places = [
        ("", default_expressions(context).join("channels")),
        ("nixpkgs=", of_root.join("nixpkgs")),
        ("", of_root),
    ];
    let places = places.into_iter().filter(|it| it.1.exists());
    places
        .map(|(prefix, place)| format!("{prefix}{}", place.display()))
        .collect()
}

/// Makes the place of the default expressions, with links to the channels, if it is not there.
pub fn prepare_default_expressions(context: &Context) -> Result<(), Failure> {
    let place = default_expressions(context);
    if std::fs::symlink_metadata(&place).is_ok() {
        return Ok(());
    }
    std::fs::create_dir_all(&place).map_err(cannot("creating directory", &place))?;
    let channels = profiles_directory(context)?.join("channels");
    replace_link(&channels, &place.join("channels"))?;
    if !is_root() {
        let channels = profiles_of_root(context).join("channels");
        replace_link(&channels, &place.join("channels_root"))?;
    }
    Ok(())
}

/// Makes a link, in place of one that may be there.
pub fn replace_link(target: &Path, link: &Path) -> Result<(), Failure> {
    firn_sys::file::replace_symlink(target, link).map_err(cannot("creating symlink", link))
}

/// The profile that is meant where nothing says otherwise: what the user's link leads to. A user
/// without a link gets one.
pub fn default_profile(context: &Context) -> Profile {
    let link = profile_link(context);
    let prepare = || -> Result<PathBuf, Failure> {
        let profile = profiles_directory(context)?.join("profile");
        if std::fs::symlink_metadata(&link).is_err() {
            if let Some(parent) = link.parent() {
                std::fs::create_dir_all(parent).map_err(cannot("creating directory", parent))?;
            }
            replace_link(&profile, &link)?;
        }
        let global = context.state_dir().join("profiles/default");
        if is_root() && std::fs::symlink_metadata(&global).is_err() {
            replace_link(&profile, &global)?;
        }
        let target = std::fs::read_link(&link).map_err(cannot("reading", &link))?;
        Ok(link.parent().unwrap_or(&link).join(target))
    };
    // A home that cannot be written may still have a profile that can be read.
    Profile::new(prepare().unwrap_or(link))
}

/// The profile that a word of the command line names.
pub fn profile_at(word: &str) -> Profile {
    Profile::new(sources::on_disk(&sources::absolute(word)))
}

/// The time that `<days>d` before now means, in seconds since 1970.
pub fn older_than(days: &str) -> Result<i64, Failure> {
    let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = elapsed.map_or(0, |it| it.as_secs() as i64);
    parse_older_than(days, now).map_err(|it| Failure::usage(it.to_string()))
}
