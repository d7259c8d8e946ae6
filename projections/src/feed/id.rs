//! What a feed has told so far, as text: the id of each of its events, from which another feed goes on. This file owns that
//! format in both directions.
//!
//! ```text
//! 17.3.0.5-5f0c9a1b22d07e44        all up to these records, by number and by a mark of their hashes
//! 17.3.0.5-5f0c9a1b22d07e44-1-2    and the first two events of the next record of partition 1
//! 17.3.0.5                         all up to these records: a cut that a query answered
//! ```

use std::fmt::{self, Write as _};
use std::str::FromStr;

use kippu_events::log::Cut;

use crate::cursor::{self, Cursor};

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeedId {
    /// The last record of each partition of which every event was told.
    pub(crate) cut: Cut,
    /// Of the history that the cut is of, where that is known.
    pub(crate) mark: Option<Mark>,
    /// How much more was told.
    pub(crate) within: Option<Within>,
}

/// Some events of the next record of a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Within {
    /// The partition.
    pub partition: u16,
    /// So many, from the first on.
    pub events: u32,
}

/// The first bytes of the hashes of a cut's records, added bit by bit: another history's are others. It moves with a record
/// at a cost that does not depend on the number of partitions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Mark(u64);

impl Mark {
    /// The mark of all these cursors.
    pub(crate) fn of(cursors: &[Cursor]) -> Self {
        Self(cursors.iter().fold(0, |mark, cursor| mark ^ share(cursor)))
    }

    /// This, where one partition has moved.
    pub(crate) fn moved(self, from: &Cursor, to: &Cursor) -> Self {
        Self(self.0 ^ share(from) ^ share(to))
    }
}

/// A partition's share. The genesis, number 0, counts like nothing: a cut does not say whether it was read.
fn share(cursor: &Cursor) -> u64 {
    let head = cursor.taken.map(|taken| taken.head).filter(|head| head.number > 0);
    head.and_then(|head| head.hash.0.first_chunk().copied()).map_or(0, u64::from_be_bytes)
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Display for FeedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cut)?;
        let Some(mark) = self.mark else { return Ok(()) };
        write!(f, "-{mark}")?;
        self.within.map_or(Ok(()), |Within { partition, events }| write!(f, "-{partition}-{events}"))
    }
}

/// Text that no feed and no query gave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither the id of an event in the feed nor a cut that this service gave out")]
pub struct NotAFeedId;

impl FromStr for FeedId {
    type Err = NotAFeedId;

    fn from_str(text: &str) -> Result<Self, NotAFeedId> {
        let parts: Vec<&str> = text.split('-').collect();
        let mark = |text: &str| {
            let bits = u64::from_str_radix(text, 16).map_err(|_| NotAFeedId)?;
            if Mark(bits).to_string() == text { Ok(Mark(bits)) } else { Err(NotAFeedId) }
        };
        let (cut, mark, within) = match *parts.as_slice() {
            [cut] => (cut, None, None),
            [cut, told] => (cut, Some(mark(told)?), None),
            [cut, told, partition, events] => {
                let partition = partition.parse().map_err(|_| NotAFeedId)?;
                let events = events.parse().map_err(|_| NotAFeedId)?;
                (cut, Some(mark(told)?), Some(Within { partition, events }))
            }
            _ => return Err(NotAFeedId),
        };
        let cut: Cut = cut.parse().map_err(|_| NotAFeedId)?;
        if within.is_some_and(|within| usize::from(within.partition) >= cut.0.len()) {
            return Err(NotAFeedId);
        }
        Ok(Self { cut, mark, within })
    }
}

/// The ids of the events of one partition: all but its own number is written once.
pub(super) struct Ids {
    partition: u16,
    before: String,
    behind: String,
}

impl Ids {
    /// Those of `partition`, while every other one stands where these `cursors` do.
    pub(super) fn of(cursors: &[Cursor], partition: u16) -> Self {
        let (mut before, mut behind) = (String::new(), String::new());
        for (index, number) in (0..).zip(cursor::cut(cursors).0) {
            // Writing into a String cannot fail.
            let _infallible = match partition.cmp(&index) {
                std::cmp::Ordering::Greater => write!(before, "{number}."),
                std::cmp::Ordering::Equal => Ok(()),
                std::cmp::Ordering::Less => write!(behind, ".{number}"),
            };
        }
        Self { partition, before, behind }
    }

    /// Appends the id of what was told up to record `number`, and so many events of the next one.
    pub(super) fn write(&self, out: &mut String, number: u64, mark: Mark, events: u32) {
        let Self { partition, before, behind } = self;
        let _infallible = write!(out, "{before}{number}{behind}-{mark}");
        if events > 0 {
            let _infallible = write!(out, "-{partition}-{events}");
        }
    }
}

#[cfg(test)]
mod tests {
    use kippu_events::log::{Hash, Head};

    use super::*;
    use crate::cursor::Taken;

    fn at(number: u64, byte: u8) -> Cursor {
        let head = Head { epoch: 1, number, hash: Hash([byte; 32]), sealed: false };
        Cursor { taken: Some(Taken { head, at: number, digest: Hash::ZERO }), ..Cursor::default() }
    }

    #[test]
    fn an_id_is_read_as_it_was_written_and_other_texts_are_none() {
        for text in ["17.3.0.5-5f0c9a1b22d07e44", "17.3.0.5-5f0c9a1b22d07e44-3-2", "17.3.0.5", "0"] {
            assert_eq!(text.parse::<FeedId>().map(|id| id.to_string()), Ok(text.to_owned()));
        }
        for text in [
            "",
            "-",
            "1.2-",
            "1.2-5f0c",
            "1.2-5F0C9A1B22D07E44",
            "1.2-+f0c9a1b22d07e44",
            "1.2-5f0c9a1b22d07e44-0",
            "1.2-5f0c9a1b22d07e44-2-1",
            "1.2-5f0c9a1b22d07e44-0-x",
            "1.2-5f0c9a1b22d07e44-0-1-1",
            "1..2",
            "3-17-5f0c9a1b22d07e44",
        ] {
            assert_eq!(text.parse::<FeedId>(), Err(NotAFeedId), "{text}");
        }
    }

    #[test]
    fn the_ids_of_a_partition_are_those_of_its_cursors() {
        let cursors = [at(7, 1), at(1, 2), Cursor::default()];
        let mark = Mark::of(&cursors);
        for partition in 0..3_u16 {
            let mut text = String::new();
            let number = cursors[usize::from(partition)].number();
            Ids::of(&cursors, partition).write(&mut text, number, mark, u32::from(partition));
            let within = (partition > 0).then_some(Within { partition, events: u32::from(partition) });
            let id = FeedId { cut: Cut(vec![7, 1, 0]), mark: Some(mark), within };
            assert_eq!(text.parse(), Ok(id));
        }
    }

    #[test]
    fn a_mark_moves_with_each_record_and_is_that_of_the_cursors() {
        let before = [at(7, 1), at(1, 2)];
        let behind = [at(8, 3), at(1, 2)];
        assert_eq!(Mark::of(&before).moved(&before[0], &behind[0]), Mark::of(&behind));
        assert_ne!(Mark::of(&before), Mark::of(&behind));
        // A cut does not say whether the genesis was read.
        assert_eq!(Mark::of(&[at(0, 9)]), Mark::of(&[Cursor::default()]));
    }
}
