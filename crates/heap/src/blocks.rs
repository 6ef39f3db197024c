//! Blocks: how reservations are cut up, and what the collector knows about each piece.
//!
//! A *space* is one large reservation of blocks with two tables beside it, reserved as well and
//! touched only where the space is: a description of each block, and one mark bit for each word.
//! A block holds cells of one size and one [`Content`], so that the start, the size and the nature
//! of whatever an address points into follow from the address alone. Objects that fit no cell get a
//! run of blocks.
//!
//! Blocks are shared out under a lock. Between two collections a block of cells is either *new*
//! (handed out zeroed, all its cells with it), *swept* (its free cells were handed out, zeroed), or
//! *unswept*: its dead cells are those without a mark, and hold whatever they held.

use std::ptr::NonNull;

use crate::class::{self, N_CLASSES};
use crate::region::{HUGE_PAGE, Region};

/// Bytes of a block.
pub(crate) const BLOCK: usize = 32 << 10;
pub(crate) const BLOCK_WORDS: usize = BLOCK / 8;
/// Words of the bitmap for one block.
const MARK_WORDS: usize = BLOCK_WORDS / 64;

/// Reservations tried in turn: an address-space limit may refuse the larger ones.
const RESERVATIONS: [usize; 5] = [64 << 30, 4 << 30, 1 << 30, 256 << 20, 32 << 20];

/// What the cells of a block hold, as far as the collector cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Content {
    /// Nothing: the block is free, and not zero.
    Free = 0,
    /// Things that are never collected: code, units, shared shapes, plans.
    Fixed = 1,
    /// No words: strings, numbers, paths.
    Bytes = 2,
    /// A header and words.
    Words = 3,
    /// A state word and captures.
    Thunks = 4,
    /// Addresses of other cells without tags: private shapes.
    Addresses = 5,
    /// Rows of thunks that share what they capture. They are marked one by one, and the cell with
    /// any of them.
    Rows = 6,
}

/// Contents that live in cells: `Bytes` to `Rows`.
pub(crate) const N_CONTENTS: usize = 5;

impl Content {
    /// The row of tables that have one for each content of cells.
    #[inline]
    pub(crate) const fn row(self) -> usize {
        self as usize - 2
    }
}

/// The part that a block plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Role {
    /// New, swept, or free.
    Plain = 0,
    /// Has dead cells that nobody has handed out since the last collection.
    Unswept = 1,
    /// Begins a run of blocks that hold one object, or belongs to such a run.
    Head = 2,
    Tail = 3,
}

/// The description of a block.
#[repr(C)]
pub(crate) struct Block {
    pub(crate) content: Content,
    role: Role,
    class: u8,
    /// Words of a cell; of a large object, all its blocks have.
    pub(crate) cell_words: u32,
    /// For a head the number of blocks; for a tail the distance to the head.
    run: u32,
}

/// One reservation with its tables.
pub(crate) struct Space {
    pub(crate) start: usize,
    pub(crate) len: usize,
    blocks: *mut Block,
    marks: *mut u64,
    /// Blocks handed out so far; those behind have never been touched.
    used: usize,
    /// Keeps the memory alive.
    _memory: [Region; 3],
}

// SAFETY: the tables are only touched with the lock of the heap held, by a collection, which is
// alone, or for a block by the one worker that was given it.
unsafe impl Send for Space {}

impl Space {
    fn reserve(at_least: usize) -> Self {
        let lengths = RESERVATIONS.into_iter().filter(|&len| len >= at_least);
        let memory = Region::first_of(lengths.chain([at_least]));
        memory.advise_huge();
        let address = memory.start.as_ptr().expose_provenance();
        let start = address.next_multiple_of(HUGE_PAGE);
        let len = (address + memory.len - start) / BLOCK * BLOCK;
        let blocks = Region::first_of([len / BLOCK * size_of::<Block>()]);
        let marks = Region::first_of([len / 64]);
        Self {
            start,
            len,
            blocks: blocks.start.as_ptr().cast(),
            marks: marks.start.as_ptr().cast(),
            used: 0,
            _memory: [memory, blocks, marks],
        }
    }

    /// Whether an address lies in a part that was handed out.
    #[inline]
    pub(crate) fn holds(&self, address: usize) -> bool {
        address.wrapping_sub(self.start) < self.used * BLOCK
    }

    /// The description of the block that holds an address of this space.
    #[inline]
    pub(crate) fn block_of(&self, address: usize) -> &Block {
        debug_assert!(self.holds(address));
        // SAFETY: the table has an entry for each block of the space; zero bytes are an entry.
        unsafe { &*self.blocks.add((address - self.start) / BLOCK) }
    }

    /// Sets the mark of the word at an address of this space; whether it was set before.
    #[inline]
    pub(crate) fn mark(&self, address: usize) -> bool {
        let word = (address - self.start) / 8;
        // SAFETY: the bitmap has a bit for each word of the space, and a collection is alone.
        unsafe {
            let place = self.marks.add(word / 64);
            let old = place.read();
            place.write(old | (1 << (word % 64)));
            old & (1 << (word % 64)) != 0
        }
    }

    pub(crate) fn is_marked(&self, address: usize) -> bool {
        let word = (address - self.start) / 8;
        // SAFETY: as above.
        unsafe { self.marks.add(word / 64).read() & (1 << (word % 64)) != 0 }
    }

    /// The start of the cell that holds an address, if there is a cell.
    pub(crate) fn cell_of(&self, address: usize) -> Option<usize> {
        let block = self.block_of(address);
        if (block.content as u8) < Content::Bytes as u8 {
            return None;
        }
        let start = (address - self.start) / BLOCK * BLOCK + self.start;
        match block.role {
            Role::Head => Some(start),
            Role::Tail => Some(start - block.run as usize * BLOCK),
            _ => {
                let cell_words = block.cell_words as usize;
                let cell = (address - start) / 8 / cell_words * cell_words;
                let fits = cell + cell_words <= BLOCK_WORDS;
                fits.then_some(start + cell * 8)
            }
        }
    }

    fn block_mut(&mut self, idx: usize) -> &mut Block {
        debug_assert!(idx < self.used);
        // SAFETY: as in `block_of`; the caller has the space to itself.
        unsafe { &mut *self.blocks.add(idx) }
    }

    fn marks_of(&self, idx: usize) -> &[u64] {
        // SAFETY: the bitmap has so many words for each block.
        unsafe { std::slice::from_raw_parts(self.marks.add(idx * MARK_WORDS), MARK_WORDS) }
    }

    /// How many cells of a block are marked.
    fn n_live(&self, idx: usize) -> usize {
        let address = self.address(idx);
        let block = self.block_of(address);
        if block.content == Content::Rows && block.role != Role::Head && block.role != Role::Tail {
            let cell = block.cell_words as usize * 8;
            let n_cells = BLOCK / cell;
            return (0..n_cells)
                .filter(|at| self.is_marked(address + at * cell))
                .count();
        }
        let marks = self.marks_of(idx).iter();
        marks.map(|it| it.count_ones() as usize).sum()
    }

    fn address(&self, idx: usize) -> usize {
        self.start + idx * BLOCK
    }

    /// Makes a run of blocks zero.
    fn clear(&mut self, idx: usize, n: usize) {
        // SAFETY: the blocks are free, hence nobody's.
        unsafe {
            let start: *mut u8 = std::ptr::with_exposed_provenance_mut(self.address(idx));
            start.write_bytes(0, n * BLOCK);
        }
    }
}

/// A run of free blocks: space, first block, number.
#[derive(Clone, Copy)]
struct Free {
    space: usize,
    first: usize,
    n: usize,
}

/// Where free cells of one block are.
#[derive(Clone, Copy)]
pub(crate) struct Cells {
    /// The first byte of the block.
    pub(crate) start: NonNull<u64>,
    /// Its bitmap; none if all cells are free.
    pub(crate) marks: Option<NonNull<u64>>,
}

// SAFETY: an address of a block and of its bitmap; what is there belongs to whoever holds this.
unsafe impl Send for Cells {}

/// All spaces of a heap.
#[derive(Default)]
pub(crate) struct Blocks {
    pub(crate) spaces: Vec<Space>,
    free: Vec<Free>,
    /// Blocks with dead cells, by content and class.
    unswept: Vec<Vec<Cells>>,
    /// Blocks that are not free.
    pub(crate) n_taken: usize,
}

impl Blocks {
    /// A run of `n` zeroed blocks.
    fn run(&mut self, n: usize) -> (usize, usize) {
        self.n_taken += n;
        if let Some(at) = self.free.iter().rposition(|free| free.n >= n) {
            let free = &mut self.free[at];
            free.n -= n;
            let (space, first) = (free.space, free.first + free.n);
            if free.n == 0 {
                self.free.swap_remove(at);
            }
            self.spaces[space].clear(first, n);
            return (space, first);
        }
        let has_room = |space: &Space| space.len / BLOCK - space.used >= n;
        if !self.spaces.last().is_some_and(has_room) {
            self.spaces.push(Space::reserve(n * BLOCK + 2 * HUGE_PAGE));
        }
        let at = self.spaces.len() - 1;
        let space = &mut self.spaces[at];
        let first = space.used;
        space.used += n;
        (at, first)
    }

    fn describe(&mut self, (at, first): (usize, usize), blocks: impl Iterator<Item = Block>) {
        for (idx, block) in (first..).zip(blocks) {
            *self.spaces[at].block_mut(idx) = block;
        }
    }

    fn pointer(&self, (at, first): (usize, usize)) -> NonNull<u64> {
        let address = self.spaces[at].address(first);
        NonNull::new(std::ptr::with_exposed_provenance_mut(address))
            .expect("spaces are not at zero")
    }

    /// `n` blocks for things that are never collected.
    pub(crate) fn fixed(&mut self, n: usize) -> NonNull<u64> {
        let run = self.run(n);
        let block = || Block {
            content: Content::Fixed,
            role: Role::Plain,
            class: 0,
            cell_words: 0,
            run: 0,
        };
        self.describe(run, (0..n).map(|_| block()));
        self.pointer(run)
    }

    /// Blocks for one object of `words` words.
    pub(crate) fn large(&mut self, content: Content, words: usize) -> (NonNull<u64>, usize) {
        let n = (words * 8).div_ceil(BLOCK);
        let run = self.run(n);
        self.describe(
            run,
            (0..n).map(|idx| Block {
                content,
                role: if idx == 0 { Role::Head } else { Role::Tail },
                class: 0,
                cell_words: words as u32,
                run: if idx == 0 { n } else { idx } as u32,
            }),
        );
        (self.pointer(run), n * BLOCK)
    }

    /// A block of cells: one with dead cells, or a new one.
    pub(crate) fn cells(&mut self, content: Content, class: usize) -> Cells {
        let list = self
            .unswept
            .get_mut(content.row() * N_CLASSES + class)
            .and_then(Vec::pop);
        if let Some(cells) = list {
            let address = cells.start.addr().get();
            let space = self.spaces.iter_mut().find(|space| space.holds(address));
            let space = space.expect("unswept blocks lie in spaces");
            let idx = (address - space.start) / BLOCK;
            space.block_mut(idx).role = Role::Plain;
            return cells;
        }
        let run = self.run(1);
        let cell_words = class::cell_words(class) as u32;
        let block = Block {
            content,
            role: Role::Plain,
            class: class as u8,
            cell_words,
            run: 0,
        };
        self.describe(run, std::iter::once(block));
        Cells {
            start: self.pointer(run),
            marks: None,
        }
    }

    /// Makes every dead cell harmless and every mark unset, for a new collection. The workers have
    /// given back their blocks.
    pub(crate) fn prepare(&mut self) {
        for cells in self.unswept.drain(..).flatten() {
            let address = cells.start.addr().get();
            let space = self.spaces.iter().find(|space| space.holds(address));
            let class = space.expect("they lie in spaces").block_of(address).class;
            let mut holes = Holes::new(cells, class::cell_words(class.into()));
            while holes.next().is_some() {}
        }
        for space in &mut self.spaces {
            // SAFETY: the bitmap is that long, and a collection is alone.
            unsafe { space.marks.write_bytes(0, space.used * MARK_WORDS) };
        }
    }

    /// Takes stock after marking: free blocks, blocks with dead cells, and the bytes that live.
    pub(crate) fn take_stock(&mut self) -> usize {
        self.unswept.clear();
        self.unswept.resize(N_CONTENTS * N_CLASSES, Vec::new());
        self.free.clear();
        self.n_taken = 0;
        let mut live = 0;
        for at in 0..self.spaces.len() {
            let mut idx = 0;
            while idx < self.spaces[at].used {
                let (n, live_here) = self.take_stock_of(at, idx);
                live += live_here;
                if self.spaces[at].block_mut(idx).content == Content::Free {
                    self.add_free(at, idx, n);
                } else {
                    self.n_taken += n;
                }
                idx += n;
            }
        }
        live
    }

    fn add_free(&mut self, space: usize, first: usize, n: usize) {
        match self.free.last_mut() {
            Some(free) if free.space == space && free.first + free.n == first => free.n += n,
            _ => self.free.push(Free { space, first, n }),
        }
    }

    /// Looks at a block, or a run of them; says how many, and how many bytes in them live.
    fn take_stock_of(&mut self, at: usize, idx: usize) -> (usize, usize) {
        let space = &mut self.spaces[at];
        let address = space.address(idx);
        let is_marked = space.is_marked(address);
        let n_live = space.n_live(idx);
        let block = space.block_mut(idx);
        match block.content {
            Content::Free => return (1, 0),
            Content::Fixed => return (1, BLOCK),
            _ => {}
        }
        if block.role == Role::Head {
            let n = block.run as usize;
            if is_marked {
                return (n, n * BLOCK);
            }
            for idx in idx..idx + n {
                let block = space.block_mut(idx);
                (block.content, block.role) = (Content::Free, Role::Plain);
            }
            return (n, 0);
        }
        let cell_words = block.cell_words as usize;
        if n_live == 0 {
            (block.content, block.role) = (Content::Free, Role::Plain);
        } else if n_live < BLOCK_WORDS / cell_words {
            block.role = Role::Unswept;
            let list = block.content.row() * N_CLASSES + block.class as usize;
            // SAFETY: the bitmap has so many words for each block.
            let marks = NonNull::new(unsafe { space.marks.add(idx * MARK_WORDS) });
            let start = NonNull::new(std::ptr::with_exposed_provenance_mut(address));
            let start = start.expect("spaces are not at zero");
            self.unswept[list].push(Cells { start, marks });
        } else {
            block.role = Role::Plain;
        }
        (1, n_live * cell_words * 8)
    }

    /// Fills every dead cell and free block with nonsense, so that a word that nobody kept leads to
    /// an early end instead of an odd one.
    pub(crate) fn poison(&mut self) {
        for cells in self.unswept.iter().flatten() {
            let address = cells.start.addr().get();
            let space = self.spaces.iter().find(|space| space.holds(address));
            let class = space.expect("they lie in spaces").block_of(address).class;
            let mut holes = Holes::new(*cells, class::cell_words(class.into()));
            holes.fill = 0x55;
            while holes.next().is_some() {}
        }
        for free in &self.free {
            let space = &self.spaces[free.space];
            // SAFETY: the blocks are free, hence nobody's.
            unsafe {
                let start: *mut u8 =
                    std::ptr::with_exposed_provenance_mut(space.address(free.first));
                start.write_bytes(0x55, free.n * BLOCK);
            }
        }
    }
}

/// The runs of free cells of a block, which are made zero as they are found.
pub(crate) struct Holes {
    cells: Cells,
    cell_words: usize,
    /// The word of the block to go on at, where a cell begins.
    next: usize,
    fill: u8,
}

impl Holes {
    pub(crate) fn new(cells: Cells, cell_words: usize) -> Self {
        Self {
            cells,
            cell_words,
            next: 0,
            fill: 0,
        }
    }

    /// No block.
    pub(crate) fn none() -> Self {
        let cells = Cells {
            start: NonNull::dangling(),
            marks: None,
        };
        Self {
            next: usize::MAX,
            ..Self::new(cells, 1)
        }
    }

    /// The first marked word from `word` on, or the number of words of a block.
    fn next_marked(&self, word: usize) -> usize {
        let Some(marks) = self.cells.marks else {
            return BLOCK_WORDS;
        };
        let mut skip = word % 64;
        for at in word / 64..MARK_WORDS {
            // SAFETY: the bitmap has a bit for each word of the block. Marks change only while a
            // collection is alone.
            let bits = unsafe { marks.add(at).read() } >> skip << skip;
            if bits != 0 {
                return at * 64 + bits.trailing_zeros() as usize;
            }
            skip = 0;
        }
        BLOCK_WORDS
    }
}

impl Iterator for Holes {
    /// First word and number of words.
    type Item = (NonNull<u64>, usize);

    fn next(&mut self) -> Option<Self::Item> {
        let end = BLOCK_WORDS / self.cell_words * self.cell_words;
        // Of what is marked from the beginning of a cell on, the beginning of a cell comes first.
        let mut next_live = self.next_marked(self.next.min(end));
        while next_live == self.next && self.next < end {
            self.next += self.cell_words;
            next_live = self.next_marked(self.next);
        }
        let first = self.next;
        if first >= end {
            return None;
        }
        self.next = next_live.min(end);
        let len = self.next - first;
        // SAFETY: the cells lie in the block and are nobody's.
        unsafe {
            let start = self.cells.start.add(first);
            if self.cells.marks.is_some() {
                start.cast::<u8>().write_bytes(self.fill, len * 8);
            }
            Some((start, len))
        }
    }
}
