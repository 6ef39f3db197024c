//! A stable sort whose comparison may fail.
//!
//! `builtins.sort` calls a function of the program, which may throw, trace, or order nonsensically.
//! The library's sorts cannot carry an error out and may refuse an inconsistent order. This one is
//! the reference's: peeksort (Munro and Wild, "Nearly-optimal mergesorts", 2018), which looks for
//! runs around the middle, with insertion sort below 17 elements. Its sequence of comparisons can be
//! observed, by `trace` and by which error comes first, so it is kept.

/// The longest stretch that insertion sort handles.
const INSERTION_LIMIT: usize = 16;

/// Sorts `items`; `is_less(a, b)` says whether `a` belongs before `b`. On an error the order is
/// unspecified. `buffer` gives working space for as many items.
pub fn sort<T: Copy, E>(
    items: &mut [T],
    buffer: &mut [T],
    mut is_less: impl FnMut(T, T) -> Result<bool, E>,
) -> Result<(), E> {
    match items.len() {
        0 | 1 => Ok(()),
        2 => {
            if is_less(items[1], items[0])? {
                items.swap(0, 1);
            }
            Ok(())
        }
        n => Sorter {
            items,
            buffer,
            is_less: &mut is_less,
        }
        .peek(0, n, 0, n),
    }
}

struct Sorter<'s, T, F> {
    items: &'s mut [T],
    buffer: &'s mut [T],
    is_less: &'s mut F,
}

impl<T: Copy, E, F: FnMut(T, T) -> Result<bool, E>> Sorter<'_, T, F> {
    fn less(&mut self, left: usize, right: usize) -> Result<bool, E> {
        (self.is_less)(self.items[left], self.items[right])
    }

    /// Sorts `begin..end`, of which `begin..left_end` and `right_begin..end` are sorted already.
    fn peek(
        &mut self,
        begin: usize,
        end: usize,
        left_end: usize,
        right_begin: usize,
    ) -> Result<(), E> {
        if left_end == end || right_begin == begin {
            return Ok(());
        }
        if end - begin <= INSERTION_LIMIT {
            return self.insertion(begin, end);
        }
        let middle = usize::midpoint(begin, end);
        if middle <= left_end {
            self.peek(left_end, end, left_end + 1, right_begin)?;
            return self.merge(begin, left_end, end);
        }
        if middle >= right_begin {
            self.peek(begin, right_begin, left_end, right_begin - 1)?;
            return self.merge(begin, right_begin, end);
        }
        let falls = self.less(middle, middle - 1)?;
        let run_begin = self.extend_left(left_end, middle, falls)?;
        let run_end = self.extend_right(middle - 1, right_begin, falls)?;
        if falls {
            self.items[run_begin..run_end].reverse();
        }
        if run_begin == begin && run_end == end {
            return Ok(());
        }
        if middle - run_begin < run_end - middle {
            self.peek(begin, run_begin, left_end, run_begin.wrapping_sub(1))?;
            self.peek(run_begin, end, run_end, right_begin)?;
            self.merge(begin, run_begin, end)
        } else {
            self.peek(begin, run_end, left_end, run_begin)?;
            self.peek(run_end, end, run_end + 1, right_begin)?;
            self.merge(begin, run_end, end)
        }
    }

    /// The start of the run that ends before `end`, not before `begin`.
    fn extend_left(&mut self, begin: usize, mut end: usize, falls: bool) -> Result<usize, E> {
        if begin == end {
            return Ok(end);
        }
        while end - 1 > begin && self.less(end - 1, end - 2)? == falls {
            end -= 1;
        }
        Ok(end - 1)
    }

    /// The end of the run that starts at `begin`, not past `end`.
    fn extend_right(&mut self, mut begin: usize, end: usize, falls: bool) -> Result<usize, E> {
        if begin == end {
            return Ok(begin);
        }
        while begin + 1 != end && self.less(begin + 1, begin)? == falls {
            begin += 1;
        }
        Ok(begin + 1)
    }

    fn insertion(&mut self, begin: usize, end: usize) -> Result<(), E> {
        for current in begin + 1..end {
            let mut place = current;
            while place != begin && self.less(place, place - 1)? {
                self.items.swap(place, place - 1);
                place -= 1;
            }
        }
        Ok(())
    }

    fn merge(&mut self, begin: usize, middle: usize, end: usize) -> Result<(), E> {
        let n = end - begin;
        self.buffer[..n].copy_from_slice(&self.items[begin..end]);
        let (mut left, mut right, mut out) = (0, middle - begin, begin);
        while left != middle - begin && right != n {
            let takes_right = (self.is_less)(self.buffer[right], self.buffer[left])?;
            let from = if takes_right { &mut right } else { &mut left };
            self.items[out] = self.buffer[*from];
            *from += 1;
            out += 1;
        }
        let n_left = middle - begin - left;
        self.items[out..out + n_left].copy_from_slice(&self.buffer[left..left + n_left]);
        out += n_left;
        self.items[out..end].copy_from_slice(&self.buffer[right..n]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(items: &[u32]) {
        // The low digit is the key, the rest tells equal ones apart.
        let mut sorted = items.to_vec();
        let mut expected = items.to_vec();
        expected.sort_by_key(|item| item % 10);
        let mut buffer = vec![0; items.len()];
        let outcome = sort(&mut sorted, &mut buffer, |a, b| {
            Ok::<_, ()>(a % 10 < b % 10)
        });
        assert_eq!((outcome, sorted), (Ok(()), expected));
    }

    #[test]
    fn sorts_stably() {
        check(&[]);
        check(&[1]);
        check(&[2, 1]);
        check(&(0..100).collect::<Vec<_>>());
        check(&(0..100).rev().collect::<Vec<_>>());
        let mut state = 7u32;
        for n in [3, 16, 17, 18, 40, 100, 1000] {
            let items: Vec<u32> = (0..n)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    state >> 8
                })
                .collect();
            check(&items);
        }
    }

    #[test]
    fn errors_come_out_and_nonsense_is_harmless() {
        let mut items: Vec<u32> = (0..50).collect();
        let mut buffer = vec![0; 50];
        let failed = sort(&mut items, &mut buffer, |a, b| {
            if a + b > 60 { Err("enough") } else { Ok(a < b) }
        });
        assert_eq!(failed, Err("enough"));
        let mut items: Vec<u32> = (0..500).collect();
        let mut buffer = vec![0; 500];
        let mut turn = 0u32;
        let outcome = sort(&mut items, &mut buffer, |_, _| {
            turn = turn.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Ok::<_, ()>(turn >> 31 == 1)
        });
        items.sort_unstable();
        assert_eq!((outcome, items), (Ok(()), (0..500).collect::<Vec<_>>()));
    }
}
