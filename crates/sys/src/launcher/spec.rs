//! What to launch, as plain data: the program with its arguments and environment, who runs it, and
//! what it sees of the world.
//!
//! A spec crosses a socket to the launcher, so everything is owned bytes. Paths of a sandbox are
//! absolute; entries are made in the order given, and a later one may lie inside an earlier one.

use serde::{Deserialize, Serialize};

/// A program to run and the surroundings to run it in.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
// Independent switches, each with a setting of its own behind it.
#[allow(clippy::struct_excessive_bools)]
pub struct LaunchSpec {
    /// Path of the executable, as seen from inside.
    pub program: Vec<u8>,
    /// All arguments, the program's own name first.
    pub args: Vec<Vec<u8>>,
    /// The whole environment.
    pub env: Vec<(Vec<u8>, Vec<u8>)>,
    /// The working directory, as seen from inside.
    pub directory: Vec<u8>,
    /// The world to run in; without one the program runs in that of the caller.
    pub sandbox: Option<SandboxSpec>,
    /// The user of the host to become. Only a privileged caller can ask for one.
    pub user: Option<User>,
    /// The control group to be in from the beginning.
    pub cgroup: Option<Vec<u8>>,
    /// Whether system calls that a builder has no business with are refused.
    pub filter_syscalls: bool,
    /// Whether setuid programs may work inside.
    pub allow_new_privileges: bool,
    /// Whether it is an error that the caller's supplementary groups cannot be given up.
    pub must_drop_groups: bool,
    /// Whether the kernel presents itself as a 32-bit one.
    pub linux32: bool,
    /// Whether the kernel presents itself as version 2.6.
    pub linux26: bool,
    /// Whether the program keeps the caller's terminal and session, as a shell for a person does.
    pub interactive: bool,
}

impl LaunchSpec {
    /// The spec as bytes, for a process that is to start it.
    pub fn to_bytes(&self) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_allocvec(self)
    }

    /// The spec that bytes stand for.
    pub fn from_bytes(bytes: &[u8]) -> Result<LaunchSpec, postcard::Error> {
        postcard::from_bytes(bytes)
    }
}

/// A user of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The user id.
    pub uid: u32,
    /// The primary group id.
    pub gid: u32,
    /// Further groups.
    pub groups: Vec<u32>,
}

/// A world of its own: a file system made of entries, and namespaces for everything else.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SandboxSpec {
    /// An empty directory of the host that the new root is mounted on.
    pub root: Vec<u8>,
    /// What the new root contains.
    pub entries: Vec<Entry>,
    /// Whether the network is a private one that has only the loopback interface.
    pub private_network: bool,
    /// The identity inside, by way of a user namespace; without one the user of the host shows.
    pub identity: Option<Identity>,
    /// Whether the top of the new root stays writable.
    pub writable_root: bool,
}

/// Who the program is inside a user namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The user id inside.
    pub uid: u32,
    /// The group id inside.
    pub gid: u32,
    /// How many ids follow each other there, inside and on the host. With more than one the program
    /// rules over its namespaces, as far as these go; only a privileged caller can ask for that.
    pub count: u32,
}

/// One thing in the file system of a sandbox. Missing parent directories are made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// An empty directory.
    Directory {
        /// Where.
        path: Vec<u8>,
        /// Mode bits.
        mode: u32,
    },
    /// A regular file.
    File {
        /// Where.
        path: Vec<u8>,
        /// Its contents.
        contents: Vec<u8>,
        /// Mode bits.
        mode: u32,
    },
    /// A symbolic link.
    Symlink {
        /// Where.
        path: Vec<u8>,
        /// What it says.
        target: Vec<u8>,
    },
    /// A file or directory of the host. A symbolic link is copied, as links cannot be mounted.
    Bind {
        /// Where.
        path: Vec<u8>,
        /// Path on the host.
        source: Vec<u8>,
        /// What may be done with it.
        access: Access,
        /// Whether it is left out when the host does not have it.
        optional: bool,
    },
    /// An empty file system in memory.
    Tmpfs {
        /// Where.
        path: Vec<u8>,
        /// Options as `mount` takes them, such as `size=50%,mode=1777`.
        options: Vec<u8>,
    },
    /// The processes of the sandbox.
    Proc {
        /// Where.
        path: Vec<u8>,
    },
    /// Terminals of the sandbox's own.
    DevPts {
        /// Where.
        path: Vec<u8>,
    },
    /// Devices and the rest of the kernel's objects, as far as the sandbox's network has them.
    Sys {
        /// Where.
        path: Vec<u8>,
    },
    /// Something that is there already, given to a user of the host.
    Owner {
        /// Where.
        path: Vec<u8>,
        /// Its user.
        uid: u32,
        /// Its group.
        gid: u32,
    },
}

/// What a mounted part of the host may be used for. Setuid bits never count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    /// Looking at it.
    ReadOnly,
    /// Changing it, as far as the user may.
    Writable,
    /// Using it as the device it is.
    Device,
    /// Everything the host allows, mounts below it included.
    AsOnHost,
}
