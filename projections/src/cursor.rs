//! How far a fold has come: one cursor per partition. This file owns their stored form in both directions.
//!
//! ```text
//! offset u64 │ skipped u64 │ time i64 │ taken u8 │ epoch u64 │ number u64 │ hash 32 │ sealed u8 │ at u64 │ digest 32
//! ```

use kippu_events::event::read_body;
use kippu_events::log::walk::judge_entry;
use kippu_events::log::{Content, Cut, Genesis, Hash, Head, Position, Record};
use kippu_events::{NotAnEvent, Recorded, Time};

/// How far a fold has come in one partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Cursor {
    /// The first entry that has not been read.
    pub offset: u64,
    /// Entries that were read and do not count: of deposed writers, repeated, or never answered.
    pub skipped: u64,
    /// The time of the last event.
    pub time: Time,
    /// The last valid record; nothing before the genesis.
    pub taken: Option<Taken>,
}

/// The last valid record that a fold has taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Taken {
    /// The record as head.
    pub head: Head,
    /// Where it lies.
    pub at: u64,
    /// Its digest, by which another history is told apart.
    pub digest: Hash,
}

impl Cursor {
    const BYTES: usize = 8 + 8 + 8 + 1 + 8 + 8 + 32 + 1 + 8 + 32;

    /// The number of the last record taken; 0 before the genesis too, which holds no event.
    pub(crate) fn number(&self) -> u64 {
        self.taken.map_or(0, |taken| taken.head.number)
    }

    /// Moves past the entry `stored` at `offset`: the record, if it counts. `digest_at` knows the digests of valid records of the
    /// current epoch.
    ///
    /// # Errors
    /// Why the entry is damage; the cursor is then where it was.
    pub(crate) fn take<'a>(
        &mut self,
        genesis: &Genesis,
        (offset, stored): (u64, &'a [u8]),
        digest_at: impl FnOnce(u64) -> Option<Hash>,
    ) -> Result<Option<Record<'a>>, String> {
        let head = self.taken.map(|taken| taken.head);
        let (record, counts) =
            judge_entry(genesis, head.as_ref(), stored, digest_at).map_err(|unsound| unsound.reason)?;
        self.offset = offset + 1;
        match counts {
            Ok(head) => {
                self.taken = Some(Taken { head, at: offset, digest: record.digest });
                Ok(Some(record))
            }
            Err(_skip) => {
                self.skipped += 1;
                Ok(None)
            }
        }
    }

    /// The position of the last record taken.
    pub(crate) fn position(&self, partition: u16) -> Option<Position> {
        self.taken.map(|taken| Position::new(partition, taken.head.number, &taken.head.hash))
    }

    /// Appends the stored form.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        const NONE: Taken = Taken { head: Head::at_genesis(Hash::ZERO), at: 0, digest: Hash::ZERO };
        let Taken { head, at, digest } = self.taken.unwrap_or(NONE);
        out.extend_from_slice(&self.offset.to_be_bytes());
        out.extend_from_slice(&self.skipped.to_be_bytes());
        out.extend_from_slice(&self.time.micros().to_be_bytes());
        out.push(u8::from(self.taken.is_some()));
        out.extend_from_slice(&head.epoch.to_be_bytes());
        out.extend_from_slice(&head.number.to_be_bytes());
        out.extend_from_slice(&head.hash.0);
        out.push(u8::from(head.sealed));
        out.extend_from_slice(&at.to_be_bytes());
        out.extend_from_slice(&digest.0);
    }

    /// The cursor that [`Cursor::encode`] wrote, and the bytes behind it.
    pub(crate) fn decode(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (offset, rest) = bytes.split_first_chunk()?;
        let (skipped, rest) = rest.split_first_chunk()?;
        let (time, rest) = rest.split_first_chunk()?;
        let ([taken], rest) = rest.split_first_chunk()?;
        let (epoch, rest) = rest.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (hash, rest) = rest.split_first_chunk()?;
        let ([sealed], rest) = rest.split_first_chunk()?;
        let (at, rest) = rest.split_first_chunk()?;
        let (digest, rest) = rest.split_first_chunk()?;
        let head = Head {
            epoch: u64::from_be_bytes(*epoch),
            number: u64::from_be_bytes(*number),
            hash: Hash(*hash),
            sealed: *sealed == 1,
        };
        let taken = Taken { head, at: u64::from_be_bytes(*at), digest: Hash(*digest) }.only_if(*taken == 1);
        let (offset, skipped) = (u64::from_be_bytes(*offset), u64::from_be_bytes(*skipped));
        Some((Self { offset, skipped, time: Time::from_micros(i64::from_be_bytes(*time)), taken }, rest))
    }

    /// The stored form of the cursors of all partitions.
    pub(crate) fn encode_all(cursors: &[Self]) -> Vec<u8> {
        let mut out = Vec::with_capacity(cursors.len() * Self::BYTES);
        for cursor in cursors {
            cursor.encode(&mut out);
        }
        out
    }

    /// The cursors of all `partitions` that [`Cursor::encode_all`] wrote.
    pub(crate) fn decode_all(mut bytes: &[u8], partitions: u16) -> Option<Vec<Self>> {
        let mut cursors = Vec::with_capacity(usize::from(partitions));
        for _ in 0..partitions {
            let (cursor, rest) = Self::decode(bytes)?;
            cursors.push(cursor);
            bytes = rest;
        }
        bytes.is_empty().then_some(cursors)
    }
}

impl Taken {
    fn only_if(self, is: bool) -> Option<Self> {
        is.then_some(self)
    }
}

/// The events of a record, as a JSON array; nothing for records without events.
pub(crate) const fn body_of<'a>(record: &Record<'a>) -> Option<&'a [u8]> {
    match &record.content {
        Content::Commit(commit) => Some(commit.body),
        Content::Genesis(_) | Content::Claim(_) | Content::Seal(_) => None,
    }
}

/// The events of a record, which MUST say themselves that they are of record `number` of `partition`.
pub(crate) fn events_of<'a>(record: &Record<'a>, partition: u16, number: u64) -> Result<Vec<Recorded<'a>>, NotAnEvent> {
    let events = body_of(record).map_or(Ok(Vec::new()), read_body)?;
    for (index, event) in (0..).zip(&events) {
        let id = event.id;
        if (id.partition, id.number, id.index) != (partition, number, index) {
            return Err(NotAnEvent::Id(id.to_string()));
        }
    }
    Ok(events)
}

/// The cut that cursors stand for.
pub(crate) fn cut(cursors: &[Cursor]) -> Cut {
    Cut(cursors.iter().map(Cursor::number).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_survive_their_stored_form() {
        let head = Head { epoch: 3, number: 17, hash: Hash([5; 32]), sealed: true };
        let far = Cursor {
            offset: 20,
            skipped: 2,
            time: Time::from_micros(-4),
            taken: Some(Taken { head, at: 19, digest: Hash([6; 32]) }),
        };
        let cursors = vec![Cursor::default(), far];
        let stored = Cursor::encode_all(&cursors);
        assert_eq!(stored.len(), 2 * Cursor::BYTES);
        assert_eq!(Cursor::decode_all(&stored, 2), Some(cursors));
        assert_eq!(Cursor::decode_all(&stored, 1), None);
        assert_eq!(Cursor::decode_all(&stored, 3), None);
    }
}
