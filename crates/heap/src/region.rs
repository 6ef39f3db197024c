//! Reservations of address space, which cost nothing until touched.
//!
//! Memory comes zeroed from the system. The system is advised to use huge pages, because zeroing
//! small pages one fault at a time is the largest single cost of a short evaluation.

use std::ptr::NonNull;

pub(crate) const HUGE_PAGE: usize = 2 << 20;

/// One reservation.
pub(crate) struct Region {
    pub(crate) start: NonNull<u8>,
    pub(crate) len: usize,
}

// SAFETY: a region is a range of addresses; what lies inside is governed by those who share it out.
unsafe impl Send for Region {}

impl Region {
    /// A zeroed range of `len` bytes, if the system permits.
    pub(crate) fn map(len: usize) -> Option<Self> {
        // SAFETY: an anonymous private mapping at an address of the system's choice touches no
        // memory that anyone else uses.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return None;
        }
        NonNull::new(start.cast()).map(|start| Self { start, len })
    }

    /// The first of these lengths that the system permits; the program ends if it permits none,
    /// as it does whenever memory runs out.
    pub(crate) fn first_of(lengths: impl IntoIterator<Item = usize>) -> Self {
        let mut last = 0;
        for len in lengths {
            last = len;
            if let Some(region) = Self::map(len) {
                return region;
            }
        }
        let layout = std::alloc::Layout::from_size_align(last, 8);
        std::alloc::handle_alloc_error(layout.unwrap_or(std::alloc::Layout::new::<u64>()))
    }

    /// Asks for huge pages.
    pub(crate) fn advise_huge(&self) {
        #[cfg(target_os = "linux")]
        // SAFETY: the range is this mapping; the advice changes no contents.
        unsafe {
            libc::madvise(self.start.as_ptr().cast(), self.len, libc::MADV_HUGEPAGE);
        }
    }

    /// Makes the part that begins at `from` zero again, and gives its memory back.
    pub(crate) fn forget(&self, from: usize) {
        #[cfg(target_os = "linux")]
        // SAFETY: the range is within this mapping, which is anonymous and private: its pages read
        // as zero afterwards.
        unsafe {
            let from = from.next_multiple_of(4096).min(self.len);
            let start = self.start.as_ptr().add(from);
            libc::madvise(start.cast(), self.len - from, libc::MADV_DONTNEED);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = from;
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the range was mapped by `map` and everything that points into it is bound to the
        // lifetime of the heap that owns this region.
        unsafe {
            libc::munmap(self.start.as_ptr().cast(), self.len);
        }
    }
}
