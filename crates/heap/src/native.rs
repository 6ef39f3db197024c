//! The native stacks of threads, as far as a conservative collector must know them: where one ends,
//! and what is on it now, the registers that calls preserve included.

/// About where the stack of this thread ends now.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "the address is that of the caller's frame"
)]
pub fn stack_pointer() -> usize {
    // A register leaves the caller free to give its frame up before it goes on elsewhere, which the
    // address of a local does not.
    #[cfg(target_arch = "x86_64")]
    {
        let here: usize;
        // SAFETY: copies a register.
        unsafe {
            std::arch::asm!("mov {}, rsp", out(reg) here, options(nomem, nostack, preserves_flags));
        }
        here
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let here = 0_u8;
        std::ptr::from_ref(&here).addr()
    }
}

/// One past the highest address of this thread's stack, if the system tells.
pub(crate) fn stack_end() -> Option<usize> {
    #[cfg(target_os = "linux")]
    // SAFETY: the attributes are initialised by the call that reads them, asked for their stack, and
    // destroyed; all for the thread that runs this.
    unsafe {
        let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let (mut start, mut len) = (std::ptr::null_mut(), 0);
        let answer = libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut start, &raw mut len);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        (answer == 0 && !start.is_null()).then(|| start.addr() + len)
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// Hands every word of this thread's stack up to `end` to `visit`, and the registers that a callee
/// has to preserve. False where that is not known how; nothing was visited then.
#[inline(never)]
pub(crate) fn visit_stack(end: usize, visit: &mut dyn FnMut(u64)) -> bool {
    let mut registers = [0_u64; 12];
    if !save_registers(&mut registers) {
        return false;
    }
    for &word in &registers {
        visit(word);
    }
    let here = std::ptr::from_ref(&registers).expose_provenance();
    // SAFETY: from a local of this function to the end of this thread's stack.
    unsafe { visit_range((here, end), visit) };
    true
}

/// Hands every word of a part of a stack to `visit`.
///
/// # Safety
/// The range must begin at a local of a function that has not returned, and end where the stack of
/// that function's thread does. If that is another thread, it must not run meanwhile.
pub(crate) unsafe fn visit_range((start, end): (usize, usize), visit: &mut dyn FnMut(u64)) {
    let mut at = start;
    while at + 8 <= end {
        let place: *const u64 = std::ptr::with_exposed_provenance(at);
        // SAFETY: the address lies in frames of functions that have not returned. What is read
        // there may be anything and is only compared with addresses of cells.
        visit(unsafe { place.read_volatile() });
        at += 8;
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) fn save_registers(into: &mut [u64; 12]) -> bool {
    // SAFETY: six words are written to an array of twelve; nothing else changes.
    unsafe {
        std::arch::asm!(
            "mov [{0}], rbx",
            "mov [{0} + 8], rbp",
            "mov [{0} + 16], r12",
            "mov [{0} + 24], r13",
            "mov [{0} + 32], r14",
            "mov [{0} + 40], r15",
            in(reg) into.as_mut_ptr(),
            options(nostack, preserves_flags)
        );
    }
    true
}

#[cfg(target_arch = "aarch64")]
pub(crate) fn save_registers(into: &mut [u64; 12]) -> bool {
    // SAFETY: twelve words are written to an array of twelve; nothing else changes.
    unsafe {
        std::arch::asm!(
            "stp x19, x20, [{0}]",
            "stp x21, x22, [{0}, #16]",
            "stp x23, x24, [{0}, #32]",
            "stp x25, x26, [{0}, #48]",
            "stp x27, x28, [{0}, #64]",
            "stp x29, x30, [{0}, #80]",
            in(reg) into.as_mut_ptr(),
            options(nostack, preserves_flags)
        );
    }
    true
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(crate) fn save_registers(_into: &mut [u64; 12]) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_local() {
        let secret = std::hint::black_box([0x1234_5678_9abc_def0_u64]);
        let Some(end) = stack_end() else { return };
        let mut seen = false;
        visit_stack(end, &mut |word| seen |= word == 0x1234_5678_9abc_def0);
        assert!(seen || cfg!(not(any(target_arch = "x86_64", target_arch = "aarch64"))));
        std::hint::black_box(secret);
    }
}
