//! The latest entries of a partition in memory: whoever follows the log reads them here and not from a broker.

use std::collections::VecDeque;

use crate::log::{Bound, Entry};

/// Bytes of entries that stay, per partition.
const MOST_BYTES: usize = 8 << 20;

/// See the module. Offsets are contiguous from the oldest to the newest.
#[derive(Default)]
pub(super) struct Ring {
    entries: VecDeque<Entry>,
    bytes: usize,
}

impl Ring {
    /// Takes the newest entry.
    pub(super) fn push(&mut self, entry: Entry) {
        if self.entries.back().is_some_and(|last| last.offset + 1 != entry.offset) {
            self.entries.clear();
            self.bytes = 0;
        }
        self.bytes += entry.stored.len();
        self.entries.push_back(entry);
        while self.bytes > MOST_BYTES && self.entries.len() > 1 {
            self.bytes -= self.entries.pop_front().map_or(0, |oldest| oldest.stored.len());
        }
    }

    /// Lends the entries from `offset` on, within `bound`; false where the first of them is not here any more.
    pub(super) fn visit(&self, offset: u64, bound: Bound, entry: &mut dyn FnMut(u64, &[u8])) -> bool {
        let Some(oldest) = self.entries.front().map(|oldest| oldest.offset).filter(|oldest| *oldest <= offset) else {
            return false;
        };
        let Ok(skipped) = usize::try_from(offset - oldest) else { return false };
        if skipped >= self.entries.len() {
            return false;
        }
        let mut bytes = 0;
        for (taken, found) in self.entries.range(skipped..).take(bound.entries).enumerate() {
            bytes += found.stored.len();
            if taken > 0 && bytes > bound.bytes {
                break;
            }
            entry(found.offset, &found.stored);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(offsets: impl Iterator<Item = u64>, bytes: usize) -> Ring {
        let mut ring = Ring::default();
        offsets.for_each(|offset| ring.push(Entry { offset, stored: vec![0; bytes] }));
        ring
    }

    fn seen(ring: &Ring, offset: u64, entries: usize, bytes: usize) -> Option<Vec<u64>> {
        let mut seen = Vec::new();
        ring.visit(offset, Bound { entries, bytes }, &mut |offset, _| seen.push(offset)).then_some(seen)
    }

    #[test]
    fn what_is_here_is_lent_within_bounds_and_the_rest_is_not_here() {
        let ring = ring(5..10, 10);
        assert_eq!(seen(&ring, 5, 2, 1000), Some(vec![5, 6]));
        assert_eq!(seen(&ring, 8, 9, 1000), Some(vec![8, 9]));
        assert_eq!(seen(&ring, 6, 9, 0), Some(vec![6]), "one entry is always lent");
        assert_eq!(seen(&ring, 6, 9, 20), Some(vec![6, 7]));
        assert_eq!((seen(&ring, 4, 9, 9), seen(&ring, 10, 9, 9), seen(&ring, u64::MAX, 9, 9)), (None, None, None));
    }

    #[test]
    fn the_oldest_leave_and_a_gap_leaves_nothing_before_it() {
        let full = ring(0..100, MOST_BYTES / 10);
        assert_eq!(seen(&full, 80, 1, 0), None);
        assert_eq!(seen(&full, 95, 1, 0), Some(vec![95]));
        let gap = ring((0..5).chain(9..11), 1);
        assert_eq!((seen(&gap, 4, 1, 0), seen(&gap, 9, 1, 0)), (None, Some(vec![9])));
    }
}
