//! Where a record lies: its number, and as many offsets more as there are entries before it that do not count.

use serde::{Deserialize, Serialize};

/// Entries of one partition that do not count: the number of the valid record behind them, and how many there are
/// before it. Take-overs and lost races are few, so these are.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Skips(Vec<(u64, u64)>);

impl Skips {
    /// An entry right before the valid record `next` does not count.
    pub(super) fn push(&mut self, next: u64) {
        let before = self.0.last().map_or(0, |(_, skipped)| *skipped);
        match self.0.last_mut() {
            Some((number, skipped)) if *number == next => *skipped += 1,
            Some(_) | None => self.0.push((next, before + 1)),
        }
    }

    /// Where the valid record `number` lies, if everything before it has been read.
    pub(super) fn offset_of(&self, number: u64) -> u64 {
        let known = self.0.partition_point(|(from, _)| *from <= number);
        number + known.checked_sub(1).and_then(|last| self.0.get(last)).map_or(0, |(_, skipped)| *skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_lies_behind_what_does_not_count_before_it() {
        let mut skips = Skips::default();
        assert_eq!(skips.offset_of(7), 7);
        [2, 2, 3].into_iter().for_each(|next| skips.push(next));
        assert_eq!([0, 1, 2, 3, 4].map(|number| skips.offset_of(number)), [0, 1, 4, 6, 7]);
    }
}
