//! Finding records by number or by time. Offsets do not say where a number lies on a shared log, so the runner leaves an
//! anchor at every [`ANCHOR_EVERY`]th record; from the anchor before it a record is found by reading on.

use kippu_events::Time;
use kippu_events::event::read_body;
use kippu_events::log::{Bound, Entry, Genesis, Hash, ReadError, ReadLog, Record};

use crate::cursor::{Cursor, body_of};
use crate::view_store::{Snap, StoreError, ViewStore};

/// Records between anchors: a look-up reads at most this many, and the anchors take no space to speak of.
pub(crate) const ANCHOR_EVERY: u64 = 4096;

/// Why a record was not found.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum LocateError {
    /// The store did not give an anchor.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log did not give the records.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// The records are not those that were folded.
    #[error("partition {0} is not as it was when it was folded")]
    Changed(u16),
}

/// The cursor right behind record `number`, which MUST be at or before the cursor of a fold that is done.
pub(crate) fn number(log: &dyn ReadLog, snap: &Snap<'_>, partition: u16, number: u64) -> Result<Cursor, LocateError> {
    let start = snap.anchor(partition, number)?.unwrap_or_default();
    if start.taken.is_some() && start.number() == number {
        return Ok(start);
    }
    let mut found = None;
    fold(log, partition, start, |cursor| {
        found = Some(*cursor);
        cursor.number() < number
    })?;
    found.filter(|cursor| cursor.number() == number).ok_or(LocateError::Changed(partition))
}

/// The digest of the valid record `number`, which MUST be at or before the cursor of a fold that is done, if it is of the
/// epoch `epoch`.
pub(crate) fn digest(
    log: &dyn ReadLog,
    snap: &Snap<'_>,
    partition: u16,
    number: u64,
    epoch: Option<u64>,
) -> Result<Option<Hash>, LocateError> {
    match self::number(log, snap, partition, number) {
        Ok(found) => Ok(found.taken.filter(|taken| Some(taken.head.epoch) == epoch).map(|taken| taken.digest)),
        Err(LocateError::Changed(_)) => Ok(None),
        Err(error @ (LocateError::Store(_) | LocateError::Log(_))) => Err(error),
    }
}

/// The cursor right behind the last record, up to record `last`, that was decided at or before `time`.
pub(crate) fn time(
    log: &dyn ReadLog,
    snap: &Snap<'_>,
    partition: u16,
    last: u64,
    time: Time,
) -> Result<Cursor, LocateError> {
    // Times never fall within a partition, so halving works. Anchor k lies at record k × ANCHOR_EVERY.
    let (mut low, mut high) = (0, last / ANCHOR_EVERY);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        let anchor = snap.anchor(partition, middle * ANCHOR_EVERY)?.unwrap_or_default();
        if anchor.time <= time {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    let start = snap.anchor(partition, low * ANCHOR_EVERY)?.unwrap_or_default();
    let mut found = start;
    if start.taken.is_none() || start.number() < last {
        fold(log, partition, start, |cursor| {
            // The genesis is before every time.
            if cursor.number() == 0 || cursor.time <= time {
                found = *cursor;
            }
            cursor.time <= time && cursor.number() < last
        })?;
    }
    Ok(found)
}

/// The entry at `offset`.
pub(crate) fn entry(log: &dyn ReadLog, partition: u16, offset: u64) -> Result<Entry, LocateError> {
    log.entry(partition, offset)?.ok_or(LocateError::Changed(partition))
}

/// Whether every cursor in the store names a record that the log has.
pub(crate) fn is_of_this_history(log: &dyn ReadLog, store: &ViewStore, ends: &[u64]) -> Result<bool, StoreError> {
    let snap = store.snapshot();
    for track in snap.tracks()? {
        for (index, cursor) in (0..).zip(snap.track(track)?) {
            let Some(taken) = cursor.taken else { continue };
            if ends[usize::from(index)] < cursor.offset {
                return Ok(false);
            }
            // A log that cannot be read, or a record that has become unreadable, is no other history: the fold will
            // meet and name it.
            if let Ok(entry) = entry(log, index, taken.at)
                && let Ok(record) = Record::decode(&entry.stored)
                && record.digest != taken.digest
            {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Moves on from `cursor` over valid records until `more` says no or the log ends.
fn fold(
    log: &dyn ReadLog,
    partition: u16,
    mut cursor: Cursor,
    mut more: impl FnMut(&Cursor) -> bool,
) -> Result<(), LocateError> {
    let genesis = Genesis::of(log, partition);
    let (mut read, mut done) = (true, false);
    while read && !done {
        read = false;
        log.visit(partition, cursor.offset, Bound::default(), &mut |offset, stored| {
            read = true;
            if done {
                return;
            }
            // These records were judged when they were folded: what is not valid now is one that did not count then.
            match cursor.take(&genesis, (offset, stored), |_| None) {
                Ok(Some(record)) => {
                    cursor.time = body_of(&record).and_then(time_of).unwrap_or(cursor.time);
                    done = !more(&cursor);
                }
                Ok(None) => {}
                Err(_) => {
                    cursor.offset = offset + 1;
                    cursor.skipped += 1;
                }
            }
        })?;
    }
    Ok(())
}

/// The time of a record with this body: all its events were decided at once.
fn time_of(body: &[u8]) -> Option<Time> {
    read_body(body).ok()?.first().map(|event| event.time)
}
