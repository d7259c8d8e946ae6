//! Reading one partition record by record, with the rule of validity applied.

use kippu_events::Time;
use kippu_events::event::read_body;
use kippu_events::log::judge::{Verdict, begin, judge};
use kippu_events::log::{Content, Genesis, Hash, Record};

use crate::cursor::{Cursor, Taken};

/// What the next entry was.
pub(crate) enum Step<'a> {
    /// A valid record, whose events are in this body; empty for records without events.
    Valid {
        /// Its number.
        number: u64,
        /// A JSON array of events.
        body: Option<&'a [u8]>,
    },
    /// An entry that does not count.
    Skipped,
}

/// Moves `cursor` past the entry `stored` at `offset`. `digest_at` knows the digests of valid records of the current epoch.
///
/// # Errors
/// Why the entry is damage; the cursor is then where it was.
pub(crate) fn take<'a>(
    genesis: &Genesis,
    cursor: &mut Cursor,
    (offset, stored): (u64, &'a [u8]),
    digest_at: impl FnOnce(u64) -> Option<Hash>,
) -> Result<Step<'a>, String> {
    let record = Record::decode(stored).map_err(|error| error.to_string())?;
    let head = match &cursor.taken {
        None => begin(genesis, &record).map_err(|damage| damage.to_string())?,
        Some(taken) => match judge(&taken.head, &record, digest_at) {
            Verdict::Valid(head) => head,
            Verdict::Stale | Verdict::Duplicate | Verdict::Orphan => {
                cursor.offset = offset + 1;
                cursor.skipped += 1;
                return Ok(Step::Skipped);
            }
            Verdict::Damage(damage) => return Err(damage.to_string()),
        },
    };
    cursor.offset = offset + 1;
    cursor.taken = Some(Taken { head, at: offset, digest: record.digest });
    let body = match record.content {
        Content::Commit(commit) => Some(commit.body),
        Content::Genesis(_) | Content::Claim(_) | Content::Seal(_) => None,
    };
    Ok(Step::Valid { number: head.number, body })
}

/// The time of a record with this body: all its events were decided at once.
pub(crate) fn time_of(body: &[u8]) -> Option<Time> {
    read_body(body).ok()?.first().map(|event| event.time)
}
