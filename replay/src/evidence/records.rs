//! Reading a history for evidence: the records that count, in order of their numbers, from the genesis of a partition on.

use kippu_events::access::signing_keys::{self, SigningKeys};
use kippu_events::event::read_body;
use kippu_events::log::walk::{Step, Walk};
use kippu_events::log::{Bound, Content, Head, ReadLog, Record};
use kippu_events::secrets::SigningUse;
use kippu_events::{Entity as _, EntityKey, Time};

use super::error::{EvidenceError, Fault};

/// A record that counts.
pub(super) struct Counted<'a> {
    pub(super) record: &'a Record<'a>,
    /// As it lies in the log.
    pub(super) stored: &'a [u8],
    /// Its number and hash.
    pub(super) head: Head,
    /// The hash of the record before.
    pub(super) prev: Option<Head>,
}

/// Gives each record of `partition` to `each`, until it says `false`. Seals are left out: they are of their location, and the
/// history goes on elsewhere with another record of that number.
pub(super) fn each_record(
    log: &dyn ReadLog,
    partition: u16,
    progress: &(dyn Fn(u64) + Sync),
    each: &mut dyn FnMut(&Counted<'_>) -> Result<bool, EvidenceError>,
) -> Result<(), EvidenceError> {
    let end = log.end(partition)?;
    let mut walk = Walk::new(log, partition);
    while walk.offset() < end {
        let first = walk.offset();
        let mut goes_on = Ok(true);
        log.visit(partition, first, Bound::BULK, &mut |offset, stored| {
            if matches!(goes_on, Ok(true)) && offset < end {
                goes_on = take(&mut walk, offset, stored, each);
            }
        })?;
        progress(walk.offset() - first);
        if !goes_on? {
            return Ok(());
        }
        if walk.offset() == first {
            let gone = format!("the log goes on to offset {end}, but nothing can be read from {first} on");
            return Err(Fault::Damage(walk.broken(gone)).into());
        }
    }
    Ok(())
}

fn take(
    walk: &mut Walk,
    offset: u64,
    stored: &[u8],
    each: &mut dyn FnMut(&Counted<'_>) -> Result<bool, EvidenceError>,
) -> Result<bool, EvidenceError> {
    let prev = walk.head();
    let step = walk.take(offset, stored).map_err(|broken| match broken {
        broken if broken.newer => EvidenceError::Newer(broken),
        broken => Fault::Damage(broken).into(),
    })?;
    match (step, walk.head()) {
        (Step::Valid(record), Some(head)) if !matches!(record.content, Content::Seal(_)) => {
            each(&Counted { record: &record, stored, head, prev })
        }
        (_, _) => Ok(true),
    }
}

/// Which key signs checkpoints.
#[derive(Clone, Debug, Default)]
pub struct SigningNumber(SigningKeys);

impl SigningNumber {
    /// The number of the key that signs at `time`.
    #[must_use]
    pub fn at(&self, time: Time) -> u32 {
        self.0.number_at(time)
    }
}

/// Which key signs checkpoints, as `log` has it.
///
/// # Errors
/// Where the history cannot be read.
pub fn signing_number(log: &dyn ReadLog) -> Result<SigningNumber, EvidenceError> {
    let id = signing_keys::id_of(SigningUse::Checkpoints);
    let entity = EntityKey::of::<SigningKeys>(id);
    let subject = memchr::memmem::Finder::new(&entity.to_string()).into_owned();
    let mut keys = SigningKeys::default();
    let partition = id.slot().partition(log.partitions());
    each_record(log, partition, &|_| {}, &mut |counted| {
        let Content::Commit(commit) = &counted.record.content else { return Ok(true) };
        if subject.find(commit.body).is_none() {
            return Ok(true);
        }
        let wrong = |error: kippu_events::NotAnEvent| Fault::Record {
            partition,
            number: counted.head.number,
            reason: error.to_string(),
        };
        for event in read_body(commit.body).map_err(wrong)?.iter().filter(|event| event.entity == entity) {
            keys.evolve(event.decode::<SigningKeys>().map_err(wrong)?, event.time);
        }
        Ok(true)
    })?;
    Ok(SigningNumber(keys))
}
