//! The system call filter of builders, as a classic BPF program.
//!
//! A builder must not leave files with setuid or setgid bits or with extended attributes, because
//! a store has no way to represent them and another user could run such a file while the build
//! goes on; it has no business with the keyrings of the host. Calls that could do the same past the
//! filter (`openat2`, whose mode is behind a pointer, and `io_uring`) are reported as unknown, which
//! every program must be prepared for.
//!
//! The filter knows the calls of the native architecture and of the 32-bit one that the same kernel
//! runs; a call through any other entry kills the process. Ready-made filter compilers know one
//! architecture per filter, and a builder of 32-bit packages needs two, hence our own few lines.
#![allow(unsafe_code)]

use std::io;

use libc::{
    BPF_ABS, BPF_JA, BPF_JEQ, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W, sock_filter,
};

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const KILL: u32 = libc::SECCOMP_RET_KILL_PROCESS;

const fn refuse(errno: i32) -> u32 {
    libc::SECCOMP_RET_ERRNO | errno.cast_unsigned()
}

/// What is refused about a call.
#[derive(Clone, Copy)]
enum Refusal {
    /// The call itself, with this error.
    Always(i32),
    /// A mode argument with setuid or setgid bits.
    ModeBits { argument: u32 },
    /// The same, when the flags argument asks for a file to be created.
    CreationModeBits { flags: u32, mode: u32 },
}

/// The calls of one architecture.
struct Architecture {
    audit: u32,
    /// Numbers are compared without this bit.
    ignored_bit: u32,
    calls: &'static [(u32, Refusal)],
}

const fn native(number: libc::c_long) -> u32 {
    number as u32
}

const SET_ATTRIBUTE: Refusal = Refusal::Always(libc::ENOTSUP);
const UNKNOWN: Refusal = Refusal::Always(libc::ENOSYS);
const FORBIDDEN: Refusal = Refusal::Always(libc::EPERM);

#[cfg(target_arch = "x86_64")]
const ARCHITECTURES: &[Architecture] = &[
    Architecture {
        audit: 0xc000_003e,
        // Set for the calls of the x32 interface.
        ignored_bit: 0x4000_0000,
        calls: &[
            (
                native(libc::SYS_open),
                Refusal::CreationModeBits { flags: 1, mode: 2 },
            ),
            (native(libc::SYS_creat), Refusal::ModeBits { argument: 1 }),
            (native(libc::SYS_mknod), Refusal::ModeBits { argument: 1 }),
            (native(libc::SYS_chmod), Refusal::ModeBits { argument: 1 }),
            (native(libc::SYS_fchmod), Refusal::ModeBits { argument: 1 }),
            (
                native(libc::SYS_openat),
                Refusal::CreationModeBits { flags: 2, mode: 3 },
            ),
            (native(libc::SYS_mknodat), Refusal::ModeBits { argument: 2 }),
            (
                native(libc::SYS_fchmodat),
                Refusal::ModeBits { argument: 2 },
            ),
            (
                native(libc::SYS_fchmodat2),
                Refusal::ModeBits { argument: 2 },
            ),
            (native(libc::SYS_getxattr), SET_ATTRIBUTE),
            (native(libc::SYS_lgetxattr), SET_ATTRIBUTE),
            (native(libc::SYS_fgetxattr), SET_ATTRIBUTE),
            (native(libc::SYS_setxattr), SET_ATTRIBUTE),
            (native(libc::SYS_lsetxattr), SET_ATTRIBUTE),
            (native(libc::SYS_fsetxattr), SET_ATTRIBUTE),
            (463, SET_ATTRIBUTE),
            (464, SET_ATTRIBUTE),
            (native(libc::SYS_openat2), UNKNOWN),
            (native(libc::SYS_io_uring_setup), UNKNOWN),
            (native(libc::SYS_add_key), FORBIDDEN),
            (native(libc::SYS_request_key), FORBIDDEN),
            (native(libc::SYS_keyctl), FORBIDDEN),
        ],
    },
    Architecture {
        audit: 0x4000_0003,
        ignored_bit: 0,
        calls: &[
            (5, Refusal::CreationModeBits { flags: 1, mode: 2 }),
            (8, Refusal::ModeBits { argument: 1 }),
            (14, Refusal::ModeBits { argument: 1 }),
            (15, Refusal::ModeBits { argument: 1 }),
            (94, Refusal::ModeBits { argument: 1 }),
            (295, Refusal::CreationModeBits { flags: 2, mode: 3 }),
            (297, Refusal::ModeBits { argument: 2 }),
            (306, Refusal::ModeBits { argument: 2 }),
            (452, Refusal::ModeBits { argument: 2 }),
            (226, SET_ATTRIBUTE),
            (227, SET_ATTRIBUTE),
            (228, SET_ATTRIBUTE),
            (229, SET_ATTRIBUTE),
            (230, SET_ATTRIBUTE),
            (231, SET_ATTRIBUTE),
            (463, SET_ATTRIBUTE),
            (464, SET_ATTRIBUTE),
            (437, UNKNOWN),
            (425, UNKNOWN),
            (286, FORBIDDEN),
            (287, FORBIDDEN),
            (288, FORBIDDEN),
        ],
    },
];

#[cfg(target_arch = "aarch64")]
const ARCHITECTURES: &[Architecture] = &[
    Architecture {
        audit: 0xc000_00b7,
        ignored_bit: 0,
        calls: &[
            (native(libc::SYS_fchmod), Refusal::ModeBits { argument: 1 }),
            (
                native(libc::SYS_openat),
                Refusal::CreationModeBits { flags: 2, mode: 3 },
            ),
            (native(libc::SYS_mknodat), Refusal::ModeBits { argument: 2 }),
            (
                native(libc::SYS_fchmodat),
                Refusal::ModeBits { argument: 2 },
            ),
            (452, Refusal::ModeBits { argument: 2 }),
            (native(libc::SYS_getxattr), SET_ATTRIBUTE),
            (native(libc::SYS_lgetxattr), SET_ATTRIBUTE),
            (native(libc::SYS_fgetxattr), SET_ATTRIBUTE),
            (native(libc::SYS_setxattr), SET_ATTRIBUTE),
            (native(libc::SYS_lsetxattr), SET_ATTRIBUTE),
            (native(libc::SYS_fsetxattr), SET_ATTRIBUTE),
            (463, SET_ATTRIBUTE),
            (464, SET_ATTRIBUTE),
            (native(libc::SYS_openat2), UNKNOWN),
            (native(libc::SYS_io_uring_setup), UNKNOWN),
            (native(libc::SYS_add_key), FORBIDDEN),
            (native(libc::SYS_request_key), FORBIDDEN),
            (native(libc::SYS_keyctl), FORBIDDEN),
        ],
    },
    Architecture {
        audit: 0x4000_0028,
        ignored_bit: 0,
        calls: &[
            (5, Refusal::CreationModeBits { flags: 1, mode: 2 }),
            (8, Refusal::ModeBits { argument: 1 }),
            (14, Refusal::ModeBits { argument: 1 }),
            (15, Refusal::ModeBits { argument: 1 }),
            (94, Refusal::ModeBits { argument: 1 }),
            (322, Refusal::CreationModeBits { flags: 2, mode: 3 }),
            (324, Refusal::ModeBits { argument: 2 }),
            (333, Refusal::ModeBits { argument: 2 }),
            (452, Refusal::ModeBits { argument: 2 }),
            (226, SET_ATTRIBUTE),
            (227, SET_ATTRIBUTE),
            (228, SET_ATTRIBUTE),
            (229, SET_ATTRIBUTE),
            (230, SET_ATTRIBUTE),
            (231, SET_ATTRIBUTE),
            (463, SET_ATTRIBUTE),
            (464, SET_ATTRIBUTE),
            (437, UNKNOWN),
            (425, UNKNOWN),
            (309, FORBIDDEN),
            (310, FORBIDDEN),
            (311, FORBIDDEN),
        ],
    },
];

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const ARCHITECTURES: &[Architecture] = &[];

/// Offsets in the data that a filter sees.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;

/// Where the low half of an argument is.
const fn argument_offset(argument: u32) -> u32 {
    16 + 8 * argument
}

const fn statement(code: u32, k: u32) -> sock_filter {
    sock_filter {
        code: code as u16,
        jt: 0,
        jf: 0,
        k,
    }
}

const fn load(offset: u32) -> sock_filter {
    statement(BPF_LD | BPF_W | BPF_ABS, offset)
}

const fn answer(action: u32) -> sock_filter {
    statement(BPF_RET | BPF_K, action)
}

/// Goes on with the next statement when the test holds, skips `skip` of them otherwise.
const fn unless(test: u32, k: u32, skip: u8) -> sock_filter {
    sock_filter {
        code: (BPF_JMP | test | BPF_K) as u16,
        jt: 0,
        jf: skip,
        k,
    }
}

/// The filter, or `None` where we know no architecture.
fn program() -> Option<Vec<sock_filter>> {
    if ARCHITECTURES.is_empty() {
        return None;
    }
    let mut program = vec![load(ARCHITECTURE)];
    for architecture in ARCHITECTURES {
        let block = architecture_block(architecture);
        program.push(unless(BPF_JEQ, architecture.audit, 1));
        program.push(statement(BPF_JMP | BPF_JA, 1));
        program.push(statement(BPF_JMP | BPF_JA, block.len() as u32));
        program.extend(block);
    }
    program.push(answer(KILL));
    Some(program)
}

fn architecture_block(architecture: &Architecture) -> Vec<sock_filter> {
    const SET_ID_BITS: u32 = 0o6000;
    /// `O_CREAT` and the bit that makes `O_TMPFILE` differ from a directory.
    const CREATION: u32 = (libc::O_CREAT | 0o20_000_000).cast_unsigned();
    let mut block = vec![load(NUMBER)];
    if architecture.ignored_bit != 0 {
        block.push(statement(
            libc::BPF_ALU | libc::BPF_AND | BPF_K,
            !architecture.ignored_bit,
        ));
    }
    for (number, refusal) in architecture.calls {
        let check = match *refusal {
            Refusal::Always(errno) => vec![answer(refuse(errno))],
            Refusal::ModeBits { argument } => vec![
                load(argument_offset(argument)),
                unless(BPF_JSET, SET_ID_BITS, 1),
                answer(refuse(libc::EPERM)),
                answer(ALLOW),
            ],
            Refusal::CreationModeBits { flags, mode } => vec![
                load(argument_offset(flags)),
                unless(BPF_JSET, CREATION, 3),
                load(argument_offset(mode)),
                unless(BPF_JSET, SET_ID_BITS, 1),
                answer(refuse(libc::EPERM)),
                answer(ALLOW),
            ],
        };
        block.push(unless(BPF_JEQ, *number, check.len() as u8));
        block.extend(check);
    }
    block.push(answer(ALLOW));
    block
}

/// Whether this build of Firn has a filter for the machine it runs on.
pub fn is_available() -> bool {
    !ARCHITECTURES.is_empty()
}

/// Refuses, for this process and all it starts, the calls that builders must not make. New
/// privileges must have been forbidden before, unless the process is privileged.
pub fn refuse_for_builders() -> io::Result<()> {
    let Some(program) = program() else {
        return Err(io::Error::other(
            "no system call filter is known for this architecture; set 'filter-syscalls' to false to build without one",
        ));
    };
    let description = libc::sock_fprog {
        len: program.len() as u16,
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: the description names a live array with its length, which the kernel copies.
    let done = unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const description,
            0,
            0,
        )
    };
    if done == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the filter as the kernel would.
    fn verdict(audit: u32, number: u32, args: [u32; 6]) -> u32 {
        let program = program().expect("a known architecture");
        let (mut at, mut register) = (0, 0);
        loop {
            let line = program[at];
            let (code, k) = (u32::from(line.code), line.k);
            at += 1;
            if code == BPF_LD | BPF_W | BPF_ABS {
                register = match k {
                    NUMBER => number,
                    ARCHITECTURE => audit,
                    offset => args[(offset as usize - 16) / 8],
                };
            } else if code == libc::BPF_ALU | libc::BPF_AND | BPF_K {
                register &= k;
            } else if code == BPF_RET | BPF_K {
                return k;
            } else if code == BPF_JMP | BPF_JA {
                at += k as usize;
            } else {
                let holds = if code == BPF_JMP | BPF_JEQ | BPF_K {
                    register == k
                } else {
                    register & k != 0
                };
                at += usize::from(if holds { line.jt } else { line.jf });
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn set_id_bits_are_refused_by_every_door() {
        const X86_64: u32 = 0xc000_003e;
        const I386: u32 = 0x4000_0003;
        let refused = refuse(libc::EPERM);
        let create = libc::O_CREAT.cast_unsigned();
        for (audit, number, args, expected) in [
            (X86_64, 90, [0, 0o4755, 0, 0, 0, 0], refused),
            (X86_64, 90, [0, 0o755, 0, 0, 0, 0], ALLOW),
            (X86_64, 0x4000_005a, [0, 0o2755, 0, 0, 0, 0], refused),
            (X86_64, 2, [0, create, 0o4755, 0, 0, 0], refused),
            (X86_64, 2, [0, 0, 0o4755, 0, 0, 0], ALLOW),
            (X86_64, 257, [0, 0, create, 0o4755, 0, 0], refused),
            (X86_64, 188, [0; 6], refuse(libc::ENOTSUP)),
            (X86_64, 437, [0; 6], refuse(libc::ENOSYS)),
            (X86_64, 59, [0; 6], ALLOW),
            (I386, 15, [0, 0o4755, 0, 0, 0, 0], refused),
            (I386, 90, [0, 0o4755, 0, 0, 0, 0], ALLOW),
            (I386, 226, [0; 6], refuse(libc::ENOTSUP)),
            (0xc000_00b7, 90, [0; 6], KILL),
        ] {
            assert_eq!(
                verdict(audit, number, args),
                expected,
                "{audit:x} {number} {args:?}"
            );
        }
    }
}
