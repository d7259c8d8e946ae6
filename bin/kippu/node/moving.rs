//! Whether a history that lay in one location goes on in another: it ended there by a seal that names the new location, and all
//! of it is here.

use kippu_events::log::kafka::address::NotAnAddress;
use kippu_events::log::walk::{Broken, Step, Walk};
use kippu_events::log::{Bound, Content, Hash, Log, ReadError, ReadLog, Record};

use super::{LogLocation, NodeError, ReadOnlyLog};
use crate::config::Config;

/// How a partition ended.
struct Ended {
    /// Where it goes on.
    next: String,
    /// The last record before the seal.
    last: u64,
    /// Its digest, and so that of everything before it.
    digest: Hash,
}

/// Checks that the history in `from` has moved to `log`, which lies in `location`.
///
/// # Errors
/// `NotMoved`: serving it there would make a second history.
pub(super) fn check(
    from: &LogLocation,
    location: &LogLocation,
    log: &dyn Log,
    config: &Config,
) -> Result<(), NodeError> {
    let not_moved =
        |reason: String| NodeError::NotMoved { from: from.to_string(), location: location.to_string(), reason };
    let source = from.open_read_only(config)?;
    let (id, partitions) = (source.log().id(), source.log().partitions());
    if (id, partitions) != (log.id(), log.partitions()) {
        return Err(not_moved(format!("the log here is {}, with {} partitions", log.id(), log.partitions())));
    }
    let mut known = None;
    for partition in 0..partitions {
        let ended = match &source {
            // Nothing lies behind a seal there.
            ReadOnlyLog::Embedded(log) => end_of(log, partition)?,
            ReadOnlyLog::Kafka(log) => walk(log, partition).map_err(|broken| not_moved(broken.to_string()))?,
        };
        let Some(Ended { next, last, digest }) = ended else {
            return Err(not_moved(format!("partition {partition} has not ended there")));
        };
        if known.as_ref() != Some(&next) {
            let is_here = match next.parse() {
                Ok(address) => location.is_at(&address, config)?,
                // A directory, which this location is not.
                Err(NotAnAddress) => false,
            };
            if !is_here {
                return Err(not_moved(format!("it goes on at {next}")));
            }
            known = Some(next);
        }
        if digest_at(log, partition, log.offset_of(partition, last)?)? != Some(digest) {
            return Err(not_moved(format!("record {last} of partition {partition} is not here")));
        }
    }
    Ok(())
}

/// How `partition` of an embedded log ended, if it did: with its last entry.
fn end_of(log: &dyn ReadLog, partition: u16) -> Result<Option<Ended>, ReadError> {
    let number = log.end(partition)?.saturating_sub(1);
    let Some(entry) = log.entry(partition, number)? else { return Ok(None) };
    let Ok(Record { content: Content::Seal(seal), .. }) = Record::decode(&entry.stored) else { return Ok(None) };
    let last = seal.number - 1;
    Ok(digest_at(log, partition, last)?.map(|digest| Ended { next: seal.next, last, digest }))
}

/// How `partition` of a topic ended, if it did: by the one rule, since what does not count may look like an end, or lie
/// behind it. Reads all of it.
fn walk(log: &dyn ReadLog, partition: u16) -> Result<Option<Ended>, Broken> {
    let (mut walk, mut ended) = (Walk::new(log, partition), None);
    let mut before = None;
    let failed = |walk: &Walk, error: ReadError| walk.broken(error.to_string());
    let end = log.end(partition).map_err(|error| failed(&walk, error))?;
    while walk.offset() < end && ended.is_none() {
        let page = log.read(partition, walk.offset(), Bound::BULK).map_err(|error| failed(&walk, error))?;
        if page.entries.is_empty() {
            return Err(walk.broken(format!("the log goes on to offset {end}, but nothing can be read")));
        }
        for entry in page.entries {
            if let Step::Valid(record) = walk.take(entry.offset, &entry.stored)? {
                match record.content {
                    Content::Seal(seal) => {
                        ended = before.map(|digest| Ended { next: seal.next, last: seal.number - 1, digest });
                    }
                    Content::Genesis(_) | Content::Claim(_) | Content::Commit(_) => before = Some(record.digest),
                }
            }
        }
    }
    Ok(ended)
}

/// The digest of the record at `offset`.
fn digest_at(log: &(impl ReadLog + ?Sized), partition: u16, offset: u64) -> Result<Option<Hash>, ReadError> {
    let entry = log.entry(partition, offset)?;
    Ok(entry.and_then(|entry| Some(Record::decode(&entry.stored).ok()?.digest)))
}
