//! Whether a history that lay in a data directory goes on elsewhere: it ended here by a seal that names the new home, and
//! all of it is there.

use kippu_events::log::kafka::Address;
use kippu_events::log::rocks::RocksLog;
use kippu_events::log::{Bound, Content, Log, ReadError, ReadLog, Record, Seal};

use super::{DataDir, HomeError, NodeError};

/// Checks that the history in `dir` has moved to `log`, at `address`.
///
/// # Errors
/// `NotMoved`: serving it there would make a second history.
pub(super) fn check(dir: &DataDir, address: &Address, log: &dyn Log) -> Result<(), NodeError> {
    let not_moved = |reason: String| NodeError::NotMoved {
        dir: dir.path().display().to_string(),
        home: address.to_string(),
        reason,
    };
    let source = RocksLog::open_beside(&dir.log()).map_err(|error| NodeError::Log(HomeError::Embedded(error)))?;
    if (source.id(), source.partitions()) != (log.id(), log.partitions()) {
        return Err(not_moved(format!("the log there is {}, with {} partitions", log.id(), log.partitions())));
    }
    for partition in 0..source.partitions() {
        let Some(seal) = seal_of(&source, partition)? else {
            return Err(not_moved(format!("partition {partition} has not ended here")));
        };
        // The brokers may be named otherwise by now.
        if seal.next.parse::<Address>().map(|next| next.topic).as_ref() != Ok(&address.topic) {
            return Err(not_moved(format!("it goes on at {}", seal.next)));
        }
        let last = seal.number - 1;
        let here = at(&source, partition, last)?;
        if here.is_none() || here != at(log, partition, log.offset_of(partition, last)?)? {
            return Err(not_moved(format!("record {last} of partition {partition} is not there")));
        }
    }
    Ok(())
}

/// The seal that `partition` ends with.
fn seal_of(log: &impl ReadLog, partition: u16) -> Result<Option<Seal>, ReadError> {
    let last = log.end(partition)?.saturating_sub(1);
    let stored = at(log, partition, last)?;
    Ok(stored.and_then(|stored| match Record::decode(&stored).map(|record| record.content) {
        Ok(Content::Seal(seal)) => Some(seal),
        Ok(Content::Genesis(_) | Content::Claim(_) | Content::Commit(_)) | Err(_) => None,
    }))
}

/// The stored bytes of the entry at `offset`.
fn at(log: &(impl ReadLog + ?Sized), partition: u16, offset: u64) -> Result<Option<Vec<u8>>, ReadError> {
    let page = log.read(partition, offset, Bound { entries: 1, ..Bound::default() })?;
    Ok(page.entries.into_iter().next().map(|entry| entry.stored))
}
