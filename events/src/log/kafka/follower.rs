//! The thread that reads all partitions in log order, as every reader sees them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use super::bookmark::Bookmark;
use super::client::PATIENCE;
use super::error::is_not_allowed;
use super::fetch::{entry, is_of_the_group, is_passing, offset_of};
use super::place::Place;
use super::{OpenError, Shared};
use crate::log::record::{Header, Record};
use crate::log::{Bound, Hash, ReadError};

/// How often it looks whether it is to end, and whose records have waited for too long.
const POLL: Duration = Duration::from_millis(50);
/// How far back before a bookmark a client library may repeat a record: more than it has in flight.
const MOST_REPEATED: u64 = 512;
/// Entries that are taken before anybody is told of them.
const MOST_TAKEN: usize = 4096;

/// A partition that has not moved for so long, though there is more of it, is asked for anew: the client library has been seen
/// to go on asking a broker that no longer leads it.
const STALLED: Duration = Duration::from_secs(4);

/// Starts the thread. It reads a partition from when [`follow`] was called for it.
pub(super) fn start(shared: Arc<Shared>) -> Result<JoinHandle<()>, OpenError> {
    std::thread::Builder::new()
        .name("kafka-follower".to_owned())
        .spawn(move || run(&shared))
        .map_err(|error| OpenError::Thread(error.to_string()))
}

/// Begins to read `partition`, where `bookmark` says that an earlier process was or else from the beginning. Once only.
pub(super) fn follow(shared: &Shared, partition: u16, bookmark: Option<&[u8]>) -> Result<(), ReadError> {
    let Some(place) = shared.places.get(usize::from(partition)) else { return Ok(()) };
    let _one_by_one = place.following.lock().unwrap_or_else(PoisonError::into_inner);
    if place.followed.load(Ordering::Acquire) {
        return Ok(());
    }
    if let Some((bookmark, digests)) = check(shared, partition, bookmark)? {
        place.state().restore(bookmark, digests);
    }
    // What is there already is to be had at once, and not only when it has been read here.
    place.told.fetch_max(shared.fetch.end(partition)?, Ordering::AcqRel);
    let from = place.state().offset;
    let mut list = TopicPartitionList::new();
    let offset = Offset::Offset(i64::try_from(from).unwrap_or(i64::MAX));
    let assigned = list
        .add_partition_offset(shared.fetch.topic(), i32::from(partition), offset)
        .and_then(|()| shared.follower.incremental_assign(&list));
    assigned.map_err(|error| ReadError::Medium { partition, offset: from, reason: error.to_string() })?;
    place.followed.store(true, Ordering::Release);
    Ok(())
}

/// The bookmark, if the topic holds what it was made of; and the digests of the last records before it, by which one that
/// a client library repeats is told from damage.
fn check(shared: &Shared, partition: u16, bookmark: Option<&[u8]>) -> Result<Option<Marked>, ReadError> {
    let Some(bookmark) = bookmark.and_then(Bookmark::decode) else { return Ok(None) };
    let (mut digests, mut last) = (BTreeMap::new(), None);
    let mut next = bookmark.offset.saturating_sub(MOST_REPEATED);
    while next < bookmark.offset {
        if shared.fetch.end(partition)? < bookmark.offset {
            break;
        }
        let entries = shared.fetch.page(partition, next, bookmark.offset, Bound::default())?.entries;
        let Some(newest) = entries.last() else { break };
        next = newest.offset + 1;
        for entry in &entries {
            let Ok(record) = Record::decode(&entry.stored) else { continue };
            last = Some(record.digest);
            if let Some(header) = Header::read(&entry.stored)
                && header.epoch == bookmark.head.epoch
                && header.number <= bookmark.head.number
            {
                // The valid one comes behind every orphan with its number.
                digests.insert(header.number, record.digest);
            }
        }
    }
    if last == Some(bookmark.last) {
        let known = (0..=bookmark.head.number).rev().map_while(|number| digests.get(&number).copied());
        let mut known: Vec<_> = known.collect();
        known.reverse();
        return Ok(Some((bookmark, known)));
    }
    tracing::warn!(partition, "the topic is not the one that was read before: it is read from the beginning");
    Ok(None)
}

type Marked = (Bookmark, Vec<Hash>);

fn run(shared: &Shared) {
    let reader = &shared.follower;
    let mut touched = BTreeSet::new();
    let mut looked = Instant::now();
    let mut progress = vec![Progress { offset: 0, since: looked, patience: STALLED }; shared.places.len()];
    while !shared.stop.load(Ordering::Acquire) {
        let mut wait = POLL;
        for _ in 0..MOST_TAKEN {
            match reader.poll(wait) {
                None => break,
                Some(Ok(message)) => touched.extend(take(shared, &message)),
                Some(Err(error)) => failed(shared, &error),
            }
            wait = Duration::ZERO;
        }
        if looked.elapsed() >= POLL {
            looked = Instant::now();
            for ((partition, place), progress) in (0..).zip(&*shared.places).zip(&mut progress) {
                if progress.is_over(place, looked) {
                    ask_anew(shared, partition, progress.offset);
                }
                if let Some(since) = looked.checked_sub(PATIENCE) {
                    place.state().expire(since);
                }
                place.tell();
            }
        }
        for partition in std::mem::take(&mut touched) {
            settle(shared, partition);
        }
    }
}

/// How a partition moves.
#[derive(Clone, Copy)]
struct Progress {
    /// The next entry.
    offset: u64,
    /// Since when that is so.
    since: Instant,
    /// How long it may be so. Longer each time: where the way is slow, what was under way would be lost again and again.
    patience: Duration,
}

impl Progress {
    /// Whether the partition at `place` has more than what was taken, and has not moved for too long.
    fn is_over(&mut self, place: &Place, now: Instant) -> bool {
        let state = place.state();
        let has_more = place.told.load(Ordering::Acquire) > state.offset && state.halt.is_none();
        if !has_more || state.offset != self.offset {
            *self = Self { offset: state.offset, since: now, patience: STALLED };
            return false;
        }
        if now - self.since < self.patience || !place.followed.load(Ordering::Acquire) {
            return false;
        }
        (self.since, self.patience) = (now, self.patience * 2);
        true
    }
}

/// Lets the client library begin anew with `partition`, at `offset`.
fn ask_anew(shared: &Shared, partition: u16, offset: u64) {
    let mut list = TopicPartitionList::new();
    let from = Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX));
    let again = list.add_partition_offset(shared.fetch.topic(), i32::from(partition), from).and_then(|()| {
        if let Err(error) = shared.follower.incremental_unassign(&list) {
            tracing::debug!(partition, %error, "a partition was not being read");
        }
        shared.follower.incremental_assign(&list)
    });
    match again {
        Ok(()) => {
            tracing::info!(partition, offset, "the brokers give nothing more of a partition that has more: asked anew")
        }
        Err(error) => tracing::warn!(partition, offset, %error, "a partition cannot be asked for anew"),
    }
}

/// Takes one message; its partition.
fn take(shared: &Shared, message: &BorrowedMessage<'_>) -> Option<u16> {
    let partition = u16::try_from(message.partition()).ok()?;
    let mut state = shared.places.get(usize::from(partition))?.state();
    let offset = offset_of(message);
    if offset < state.offset || state.halt.is_some() {
        return None;
    }
    match entry(message) {
        Ok(found) if offset == state.offset => state.take(found),
        Ok(_) => {
            let expected = state.offset;
            state.stop(format!("the topic goes on at offset {offset}, not at {expected}"));
        }
        Err(foreign) => state.stop(format!("offset {offset}: a message that is no record: {foreign}")),
    }
    Some(partition)
}

fn settle(shared: &Shared, partition: u16) {
    let Some(place) = shared.places.get(usize::from(partition)) else { return };
    place.state().settle();
    place.moved.notify_all();
    place.tell();
    shared.watches.tell(partition);
}

fn failed(shared: &Shared, error: &KafkaError) {
    if is_passing(error) || is_of_the_group(error) {
        tracing::debug!(%error, "the brokers do not answer");
        return;
    }
    if error.rdkafka_error_code().is_some_and(is_not_allowed) {
        // It goes on by itself once that is allowed again.
        let reason = OpenError::met(&format!("read the topic {}", shared.fetch.topic()), error.clone()).to_string();
        let before = shared.unread.lock().unwrap_or_else(PoisonError::into_inner).replace(reason.clone());
        if before.as_ref() != Some(&reason) {
            tracing::error!(%reason, "the log is not followed now");
        }
        return;
    }
    // An offset that is gone, a topic that is gone, a checksum that is wrong: no partition can be trusted now.
    if shared.places.iter().all(|place| place.state().halt.is_some()) {
        tracing::debug!(%error, "the log is not followed any more");
        return;
    }
    shared.halt(&format!("the log cannot be followed: {error}"));
    shared.inspect();
}
