//! The directories of builds, and those of builds that are over, for the next one.
//!
//! A build has one directory below the build directory (the *top*) and, in a sandbox, one beside
//! the store paths, named like the field's tools name theirs so that collectors know what it is.
//! Making and removing the half a dozen directories in them costs a file system more than all else
//! that a small build does to it, so those of a build in a sandbox are passed on as long as a
//! request lasts.
//!
//! What must hold: a build never finds anything in them that another left, and nobody else can
//! reach them. So only those of a *sealed* build are passed on, one that shared neither the network
//! nor a writable or open part of the host, by which a descriptor might have got out. A directory
//! that the builder owns is passed on only if its status has not changed, which also says that
//! its mode and attributes are what they were; others are emptied.

use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use firn_store::{LocalStore, fault};
use firn_store_model::StorePath;
use firn_sys::file::{remove_tree, set_mode, set_owner};

use crate::prepare::Surroundings;
use crate::{BuildError, BuildSettings};

/// The name of the sandbox's store directory in the directory beside the store paths.
const STORE_INSIDE: &str = "store";

/// More than this many are never kept.
const MAX_IDLE: usize = 64;

/// User and group of a builder on this machine.
pub(crate) type Owner = Option<(u32, u32)>;

/// Directories that no build uses at the moment.
#[derive(Default)]
pub(crate) struct DirectoryPool(Mutex<Vec<Sandboxed>>);

impl DirectoryPool {
    fn take(&self) -> Option<Sandboxed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn give(&self, directories: Sandboxed) {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push(directories);
        } else {
            drop(idle);
            directories.remove();
        }
    }

    /// Removes all of them.
    pub(crate) fn clear(&self) {
        while let Some(directories) = self.take() {
            directories.remove();
        }
    }
}

impl Drop for DirectoryPool {
    fn drop(&mut self) {
        self.clear();
    }
}

/// The directories of a build in a sandbox.
struct Sandboxed {
    top: PathBuf,
    chroot: PathBuf,
}

impl Sandboxed {
    fn build(&self) -> PathBuf {
        self.top.join("build")
    }

    fn tmp(&self) -> PathBuf {
        self.top.join("tmp")
    }

    fn store(&self) -> PathBuf {
        self.chroot.join(STORE_INSIDE)
    }

    fn remove(&self) {
        // What cannot be removed is litter for the collector.
        drop(remove_tree(&self.top));
        drop(remove_tree(&self.chroot));
    }
}

/// The status of a directory, to be compared later.
#[derive(PartialEq, Eq)]
struct Mark {
    inode: u64,
    changed: (i64, i64),
}

impl Mark {
    fn of(path: &Path) -> std::io::Result<Mark> {
        let metadata = std::fs::symlink_metadata(path)?;
        Ok(Mark {
            inode: metadata.ino(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

/// What to compare with when a build is over.
struct Seal {
    pool: Arc<DirectoryPool>,
    build: Mark,
    tmp: Mark,
    store: Mark,
}

/// The directories of one build. They are removed or passed on when this is dropped.
pub(crate) struct BuildDirectories {
    pub(crate) top: PathBuf,
    owner: Owner,
    chroot: Option<PathBuf>,
    /// Invented output paths outside a sandbox. What becomes valid has been moved away by then.
    pub(crate) scratch: Vec<PathBuf>,
    keep_top: bool,
    seal: Option<Seal>,
}

impl BuildDirectories {
    /// Makes those of a build.
    pub(crate) fn new(
        store: &LocalStore,
        settings: &BuildSettings,
        drv_path: &StorePath,
        place: Surroundings,
        owner: Owner,
        pool: &DirectoryPool,
    ) -> Result<BuildDirectories, BuildError> {
        if place == Surroundings::Sandbox
            && let Some(idle) = pool.take()
            && let Some(reused) = BuildDirectories::reuse(idle, store, drv_path, owner)?
        {
            return Ok(reused);
        }
        let top = make_top_directory(store, settings)?;
        fault::point("fill a build directory");
        let mut directories = BuildDirectories {
            top,
            owner,
            chroot: None,
            scratch: Vec::new(),
            keep_top: false,
            seal: None,
        };
        if place == Surroundings::Host {
            give_to(&directories.top, owner)?;
            return Ok(directories);
        }
        make_build_directory(&directories.top.join("build"), owner)?;
        if place == Surroundings::Sandbox {
            make_directory(&directories.root(), 0o755)?;
            make_tmp_directory(&directories.tmp())?;
            let chroot = chroot_path(store, drv_path);
            remove_tree(&chroot).map_err(BuildError::io("deleting", &chroot))?;
            make_directory(&chroot, 0o700)?;
            let store_inside = chroot.join(STORE_INSIDE);
            directories.chroot = Some(chroot);
            fault::point("fill a store directory");
            make_store_directory(&store_inside, owner)?;
        }
        Ok(directories)
    }

    /// Turns those of another build into those of this one; `None` if somebody has taken them away.
    fn reuse(
        idle: Sandboxed,
        store: &LocalStore,
        drv_path: &StorePath,
        owner: Owner,
    ) -> Result<Option<BuildDirectories>, BuildError> {
        let chroot = chroot_path(store, drv_path);
        remove_tree(&chroot).map_err(BuildError::io("deleting", &chroot))?;
        if std::fs::rename(&idle.chroot, &chroot).is_err() || !idle.build().is_dir() {
            drop(remove_tree(&chroot));
            idle.remove();
            return Ok(None);
        }
        fault::point("fill a store directory");
        let directories = BuildDirectories {
            top: idle.top,
            owner,
            chroot: Some(chroot),
            scratch: Vec::new(),
            keep_top: false,
            seal: None,
        };
        if let (Some((uid, gid)), Some(store_inside)) = (owner, directories.store_inside()) {
            let build = directories.top.join("build");
            let now = std::fs::symlink_metadata(&build)
                .map_err(BuildError::io("getting status of", &build))?;
            if (now.uid(), now.gid()) != (uid, gid) {
                give_to(&build, owner)?;
                give_store_to(&store_inside, gid)?;
            }
        }
        Ok(Some(directories))
    }

    /// The builder's own directory, on this machine.
    pub(crate) fn build(&self, place: Surroundings) -> PathBuf {
        if place == Surroundings::Host {
            self.top.clone()
        } else {
            self.top.join("build")
        }
    }

    /// Empty; the root of a sandbox is mounted here.
    pub(crate) fn root(&self) -> PathBuf {
        self.top.join("root")
    }

    /// The `/tmp` of a sandbox.
    pub(crate) fn tmp(&self) -> PathBuf {
        self.top.join("tmp")
    }

    /// Where a sandbox's store directory is on this machine, if there is a sandbox.
    pub(crate) fn store_inside(&self) -> Option<PathBuf> {
        let chroot = self.chroot.as_ref();
        chroot.map(|chroot| chroot.join(STORE_INSIDE))
    }

    /// Lets another build have the directories when this one is over: nothing that it can reach
    /// leads out of its sandbox. Called when everything is in its place.
    pub(crate) fn seal(&mut self, pool: &Arc<DirectoryPool>) {
        let Some(store) = self.store_inside() else {
            return;
        };
        let marks = (
            Mark::of(&self.top.join("build")),
            Mark::of(&self.tmp()),
            Mark::of(&store),
        );
        if let (Ok(build), Ok(tmp), Ok(store)) = marks {
            self.seal = Some(Seal {
                pool: Arc::clone(pool),
                build,
                tmp,
                store,
            });
        }
    }

    /// Keeps the top, for somebody to look at.
    pub(crate) fn keep_top(&mut self) {
        self.keep_top = true;
        drop(std::fs::set_permissions(
            &self.top,
            std::fs::Permissions::from_mode(0o755),
        ));
    }

    /// Makes the directories as good as new, if that is possible.
    fn renew(&self, seal: &Seal, sandboxed: &Sandboxed) -> Result<(), BuildError> {
        let is_untouched = |path: &Path, mark: &Mark| Mark::of(path).is_ok_and(|now| now == *mark);
        let (build, tmp, store) = (sandboxed.build(), sandboxed.tmp(), sandboxed.store());
        if !is_untouched(&build, &seal.build) {
            remove_tree(&build).map_err(BuildError::io("deleting", &build))?;
            make_build_directory(&build, self.owner)?;
        }
        // Without users of their own builders own everything.
        if self.owner.is_some() {
            return empty(&tmp).and_then(|()| empty(&store));
        }
        if !is_untouched(&tmp, &seal.tmp) {
            remove_tree(&tmp).map_err(BuildError::io("deleting", &tmp))?;
            make_tmp_directory(&tmp)?;
        }
        if !is_untouched(&store, &seal.store) {
            remove_tree(&store).map_err(BuildError::io("deleting", &store))?;
            make_store_directory(&store, self.owner)?;
        }
        Ok(())
    }
}

impl Drop for BuildDirectories {
    fn drop(&mut self) {
        if let (Some(seal), Some(chroot), false) = (&self.seal, &self.chroot, self.keep_top) {
            let sandboxed = Sandboxed {
                top: self.top.clone(),
                chroot: chroot.clone(),
            };
            match self.renew(seal, &sandboxed) {
                Ok(()) => seal.pool.give(sandboxed),
                Err(_) => sandboxed.remove(),
            }
            return;
        }
        if !self.keep_top {
            drop(remove_tree(&self.top));
        }
        for path in self.chroot.iter().chain(&self.scratch) {
            drop(remove_tree(path));
        }
    }
}

/// Removes what is in a directory.
fn empty(directory: &Path) -> Result<(), BuildError> {
    let failed = || BuildError::io("emptying", directory);
    for entry in std::fs::read_dir(directory).map_err(failed())? {
        remove_tree(&entry.map_err(failed())?.path()).map_err(failed())?;
    }
    Ok(())
}

fn make_directory(path: &Path, mode: u32) -> Result<(), BuildError> {
    std::fs::DirBuilder::new()
        .mode(mode)
        .create(path)
        .map_err(BuildError::io("creating directory", path))
}

fn make_top_directory(store: &LocalStore, settings: &BuildSettings) -> Result<PathBuf, BuildError> {
    let parent = match &settings.build_dir {
        Some(dir) => dir.clone(),
        None => store.location().state_dir.join("builds"),
    };
    loop {
        let top = firn_sys::file::sibling_name(&parent.join("nix"), "-");
        match std::fs::DirBuilder::new().mode(0o700).create(&top) {
            Ok(()) => return Ok(top),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                std::fs::DirBuilder::new()
                    .recursive(true)
                    .mode(0o755)
                    .create(&parent)
                    .map_err(BuildError::io("creating directory", &parent))?;
            }
            Err(error) => return Err(BuildError::io("creating directory", &top)(error)),
        }
    }
}

fn make_build_directory(path: &Path, owner: Owner) -> Result<(), BuildError> {
    make_directory(path, 0o700)?;
    give_to(path, owner)
}

fn make_tmp_directory(path: &Path) -> Result<(), BuildError> {
    make_directory(path, 0o777)?;
    // The mask of the caller must not count.
    set_mode(path, 0o1777).map_err(BuildError::io("changing mode of", path))
}

/// A store directory in which a builder may make paths but not remove those of others.
fn make_store_directory(path: &Path, owner: Owner) -> Result<(), BuildError> {
    make_directory(path, 0o755)?;
    match owner {
        None => Ok(()),
        Some((_, gid)) => give_store_to(path, gid),
    }
}

fn give_store_to(path: &Path, gid: u32) -> Result<(), BuildError> {
    let (uid, _) = firn_sys::file::effective_ids();
    set_owner(path, uid, gid).map_err(BuildError::io("changing owner of", path))?;
    set_mode(path, 0o1775).map_err(BuildError::io("changing mode of", path))
}

/// The directory beside the store paths that holds the sandbox's store directory.
fn chroot_path(store: &LocalStore, drv_path: &StorePath) -> PathBuf {
    let mut name = store.location().physical_path(drv_path).into_os_string();
    name.push(".chroot");
    PathBuf::from(name)
}

/// Makes a builder's user the owner of a file or directory.
pub(crate) fn give_to(path: &Path, owner: Owner) -> Result<(), BuildError> {
    match owner {
        None => Ok(()),
        Some((uid, gid)) => {
            set_owner(path, uid, gid).map_err(BuildError::io("changing owner of", path))
        }
    }
}
