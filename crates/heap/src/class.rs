//! Sizes of cells. Objects of up to 32 words get cells of exactly their size; larger ones are
//! rounded up to one of a few sizes; what is larger than [`MAX_CELL`] gets blocks of its own.

use crate::blocks::BLOCK_WORDS;

/// Words of the largest cell; two fit a block.
pub(crate) const MAX_CELL: usize = BLOCK_WORDS / 2;
/// Up to this number of words, the class of an object is its size less one.
pub(crate) const EXACT: usize = 32;
const ROUNDED: [u16; 22] = [
    40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 372, 455, 512, 585, 682, 819, 1024,
    1365, 2048,
];
pub(crate) const N_CLASSES: usize = EXACT + ROUNDED.len();

/// For each multiple of 8 words, the class.
const BY_EIGHTS: [u8; MAX_CELL / 8 + 1] = {
    let mut table = [0; MAX_CELL / 8 + 1];
    let mut class = 0;
    let mut idx = 0;
    while idx < table.len() {
        while (ROUNDED[class] as usize) < idx * 8 {
            class += 1;
        }
        table[idx] = (EXACT + class) as u8;
        idx += 1;
    }
    table
};

/// The class of an object of `n` words, from 1 to [`MAX_CELL`].
#[inline]
pub(crate) fn class_of(n: usize) -> usize {
    if n <= EXACT {
        n - 1
    } else {
        BY_EIGHTS[n.div_ceil(8)] as usize
    }
}

/// Words of a cell of this class.
#[inline]
pub(crate) fn cell_words(class: usize) -> usize {
    if class < EXACT {
        class + 1
    } else {
        ROUNDED[class - EXACT] as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_has_the_tightest_cell() {
        for n in 1..=MAX_CELL {
            let class = class_of(n);
            assert!(cell_words(class) >= n, "{n} words fit");
            let tighter = class > 0 && cell_words(class - 1) >= n.next_multiple_of(8);
            assert!(n <= EXACT || !tighter, "{n} words");
        }
        assert_eq!(class_of(MAX_CELL), N_CLASSES - 1);
    }
}
