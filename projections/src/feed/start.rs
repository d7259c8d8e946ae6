//! Where a feed begins: the cursors right behind what it need not tell.

use kippu_events::log::{Content, Genesis, Head, ReadLog, Record};

use super::asked::Begin;
use super::id::{FeedId, Mark, Within};
use crate::cursor::{Cursor, Taken};
use crate::error::QueryError;
use crate::history::History;
use crate::locate::{self, LocateError};
use crate::queries::Queries;
use crate::view_store::Snap;

/// Claims behind each other that are read back: a node that starts again and again without a commit leaves more.
const MOST_CLAIMS: usize = 64;

/// A place in the whole log.
pub(super) struct Start {
    pub(super) cursors: Vec<Cursor>,
    pub(super) within: Option<Within>,
}

/// The place that `begin` names, which the view of the history MUST reflect already. Blocks on reads.
///
/// # Errors
/// `OtherHistory` where it is a place of another one, `Filling`, `Store` or `Log` where it cannot be found.
pub(super) fn find(queries: &Queries, begin: &Begin) -> Result<Start, QueryError> {
    let snap = queries.store().snapshot();
    match begin {
        Begin::Beginning => {
            let cursors = vec![Cursor::default(); usize::from(queries.log().partitions())];
            Ok(Start { cursors, within: None })
        }
        Begin::Now => Ok(Start { cursors: queries.live(&History, &snap)?.1, within: None }),
        Begin::Time(time) => {
            let (_, now) = queries.live(&History, &snap)?;
            let behind = |(partition, now): (u16, &Cursor)| {
                locate::time(&**queries.log(), &snap, partition, now.number(), *time)
            };
            let cursors = (0..).zip(&now).map(behind).collect::<Result<_, _>>()?;
            Ok(Start { cursors, within: None })
        }
        Begin::After(id) => after(queries, &snap, id),
    }
}

fn after(queries: &Queries, snap: &Snap<'_>, id: &FeedId) -> Result<Start, QueryError> {
    let (_, now) = queries.live(&History, snap)?;
    let mut cursors = Vec::with_capacity(now.len());
    for ((partition, now), number) in (0..).zip(&now).zip(&id.cut.0) {
        cursors.push(behind(&**queries.log(), snap, partition, now, *number)?);
    }
    let is_known = id.mark.is_none_or(|mark| mark == Mark::of(&cursors));
    if cursors.len() != now.len() || id.cut.0.len() != now.len() || !is_known {
        return Err(QueryError::OtherHistory(id.to_string()));
    }
    Ok(Start { cursors, within: id.within })
}

/// The cursor right behind record `number`, which MUST be at or before the cursor `now` of a fold.
fn behind(
    log: &dyn ReadLog,
    snap: &Snap<'_>,
    partition: u16,
    now: &Cursor,
    number: u64,
) -> Result<Cursor, LocateError> {
    if number == 0 {
        return Ok(Cursor::default());
    }
    if number == now.number() {
        return Ok(*now);
    }
    // Where every entry counts, a record lies at the offset of its number.
    let near = if now.skipped == 0 { read_back(log, partition, number)? } else { None };
    near.map_or_else(|| locate::number(log, snap, partition, number), Ok)
}

/// The cursor right behind the entry at `offset` of a partition in which every entry counts. A commit holds its own hash; that
/// of a claim follows from the record before it. Nothing where too many claims lie behind each other.
fn read_back(log: &dyn ReadLog, partition: u16, offset: u64) -> Result<Option<Cursor>, LocateError> {
    let changed = || LocateError::Changed(partition);
    let mut claims = Vec::new();
    let mut at = offset;
    let (mut head, mut digest) = loop {
        let entry = locate::entry(log, partition, at)?;
        let record = Record::decode(&entry.stored).map_err(|_| changed())?;
        match &record.content {
            Content::Commit(commit) if commit.number == at => {
                break (Head { epoch: commit.epoch, number: at, hash: record.digest, sealed: false }, record.digest);
            }
            Content::Seal(seal) if seal.number == at => {
                break (Head { epoch: seal.epoch, number: at, hash: record.digest, sealed: true }, record.digest);
            }
            Content::Genesis(found) if at == 0 && *found == Genesis::of(log, partition) => {
                break (Head::at_genesis(record.digest), record.digest);
            }
            Content::Claim(claim) if at > 0 => claims.push((claim.epoch, entry)),
            Content::Commit(_) | Content::Seal(_) | Content::Genesis(_) | Content::Claim(_) => return Err(changed()),
        }
        if claims.len() == MOST_CLAIMS {
            return Ok(None);
        }
        at -= 1;
    };
    for (epoch, entry) in claims.into_iter().rev() {
        let record = Record::decode(&entry.stored).map_err(|_| changed())?;
        let number = head.number + 1;
        head = Head { epoch, number, hash: record.hash(number, head.hash), sealed: false };
        digest = record.digest;
    }
    let taken = Some(Taken { head, at: offset, digest });
    Ok(Some(Cursor { offset: offset + 1, taken, ..Cursor::default() }))
}
