//! The thread that reads all partitions in log order, as every reader sees them.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};

use super::client::PATIENCE;
use super::fetch::{Reader, assign, entry, is_passing, offset_of};
use super::{OpenError, Shared};

/// How often it looks whether it is to end, and whose records have waited for too long.
const POLL: Duration = Duration::from_millis(50);
/// Entries that are taken before anybody is told of them.
const MOST_TAKEN: usize = 4096;

pub(super) fn start(shared: Arc<Shared>, reader: Reader, topic: String) -> Result<JoinHandle<()>, OpenError> {
    let from = (0..).zip(&*shared.places).map(|(partition, place)| (partition, place.seat().offset));
    assign(&reader, &topic, from).map_err(OpenError::client)?;
    std::thread::Builder::new()
        .name("kafka-follower".to_owned())
        .spawn(move || run(&shared, &reader))
        .map_err(|error| OpenError::Thread(error.to_string()))
}

fn run(shared: &Shared, reader: &Reader) {
    let mut touched = BTreeSet::new();
    let mut looked = Instant::now();
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
            for place in &*shared.places {
                if let Some(since) = looked.checked_sub(PATIENCE) {
                    place.seat().expire(since);
                }
                place.tell();
            }
        }
        for partition in std::mem::take(&mut touched) {
            settle(shared, partition);
        }
    }
}

/// Takes one message; its partition.
fn take(shared: &Shared, message: &BorrowedMessage<'_>) -> Option<u16> {
    let partition = u16::try_from(message.partition()).ok()?;
    let mut seat = shared.places.get(usize::from(partition))?.seat();
    let offset = offset_of(message);
    if offset < seat.offset || seat.halt.is_some() {
        return None;
    }
    match entry(message) {
        Ok(found) if offset == seat.offset => seat.take(found),
        Ok(_) => {
            let expected = seat.offset;
            seat.stop(format!("the topic goes on at offset {offset}, not at {expected}"));
        }
        Err(reason) => seat.stop(format!("offset {offset}: {reason}")),
    }
    Some(partition)
}

fn settle(shared: &Shared, partition: u16) {
    let Some(place) = shared.places.get(usize::from(partition)) else { return };
    place.seat().settle();
    place.moved.notify_all();
    place.tell();
    for watch in shared.watches.read().unwrap_or_else(PoisonError::into_inner).iter() {
        watch(partition);
    }
}

fn failed(shared: &Shared, error: &KafkaError) {
    if is_passing(error) {
        tracing::debug!(%error, "the brokers do not answer");
        return;
    }
    // An offset that is gone, a topic that is gone, a checksum that is wrong: no partition can be trusted now.
    tracing::error!(%error, "the log cannot be followed");
    for place in &*shared.places {
        place.seat().stop(error.to_string());
        place.moved.notify_all();
        place.tell();
    }
}
