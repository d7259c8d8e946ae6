//! The latest entries of a partition in memory: whoever follows the log reads them here and not from a broker.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::log::{Bound, Entry};

/// Bytes of entries that stay, of all partitions.
const MOST_BYTES: usize = 128 << 20;
/// And of one.
const MOST_BYTES_OF_ONE: usize = 8 << 20;

/// See the module. Offsets are contiguous from the oldest to the newest.
pub(super) struct Ring {
    most_bytes: usize,
    oldest: u64,
    entries: VecDeque<Arc<[u8]>>,
    bytes: usize,
}

impl Ring {
    /// For one of so many partitions.
    pub(super) fn new(partitions: u16) -> Self {
        let share = MOST_BYTES / usize::from(partitions.max(1));
        Self { most_bytes: share.min(MOST_BYTES_OF_ONE), oldest: 0, entries: VecDeque::new(), bytes: 0 }
    }

    /// Takes the newest entry.
    pub(super) fn push(&mut self, Entry { offset, stored }: Entry) {
        if self.oldest + self.entries.len() as u64 != offset {
            self.entries.clear();
            (self.oldest, self.bytes) = (offset, 0);
        }
        self.bytes += stored.len();
        self.entries.push_back(stored.into());
        while self.bytes > self.most_bytes && self.entries.len() > 1 {
            self.bytes -= self.entries.pop_front().map_or(0, |oldest| oldest.len());
            self.oldest += 1;
        }
    }

    /// The entries from `offset` on, within `bound`; nothing where the first of them is not here, or not any more.
    pub(super) fn page(&self, offset: u64, bound: Bound) -> Option<Vec<Arc<[u8]>>> {
        let skipped = usize::try_from(offset.checked_sub(self.oldest)?).ok()?;
        if skipped >= self.entries.len() {
            return None;
        }
        let (mut page, mut bytes) = (Vec::new(), 0);
        for stored in self.entries.range(skipped..).take(bound.entries) {
            bytes += stored.len();
            if !page.is_empty() && bytes > bound.bytes {
                break;
            }
            page.push(Arc::clone(stored));
        }
        Some(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(offsets: impl Iterator<Item = u64>, bytes: usize) -> Ring {
        let mut ring = Ring::new(1);
        offsets.for_each(|offset| ring.push(Entry { offset, stored: vec![0; bytes] }));
        ring
    }

    fn seen(ring: &Ring, offset: u64, entries: usize, bytes: usize) -> Option<Vec<u64>> {
        ring.page(offset, Bound { entries, bytes }).map(|page| (offset..).zip(page).map(|(offset, _)| offset).collect())
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
        let full = ring(0..100, MOST_BYTES_OF_ONE / 10);
        assert_eq!(seen(&full, 80, 1, 0), None);
        assert_eq!(seen(&full, 95, 1, 0), Some(vec![95]));
        let gap = ring((0..5).chain(9..11), 1);
        assert_eq!((seen(&gap, 4, 1, 0), seen(&gap, 9, 1, 0)), (None, Some(vec![9])));
    }
}
