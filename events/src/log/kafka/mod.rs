//! The shared log: a topic of Apache Kafka, partition for partition.
//!
//! ```text
//!  writers ──► producers ──► topic ──► follower ──► judge ──► ring ──► readers
//!     ▲            │                       │
//!     └── reports ◄┘                       └──► claims are granted; what was not confirmed in its place is told
//! ```
//!
//! One thread reads all partitions in log order and judges every entry; readers in this process are fed from the same
//! reading. A claim is granted, and its predecessor ended, once it was read back. From there on a record counts when the
//! brokers confirm it right behind the one before; everything else that can happen to a write – lost, late, repeated,
//! overtaken – is left to the reading.

pub mod address;
mod bookmark;
#[cfg(test)]
pub(in crate::log) mod broker;
mod check;
mod client;
mod error;
mod fetch;
pub mod figures;
mod follower;
mod inspector;
mod keys;
mod members;
mod message;
mod partition_state;
mod place;
mod pool;
mod producers;
mod properties;
mod prover;
mod read_only;
mod reports;
mod restore;
mod ring;
mod settings;
mod shared;
mod skips;
#[cfg(test)]
mod tests;
mod topic;
mod writer;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

pub use address::Address;
pub use client::check_properties;
pub use error::OpenError;
pub use figures::Figures;
pub use keys::KeysTopic;
pub use members::{Membership, Owner, SESSION};
pub use message::{Plain, plain};
pub use read_only::ReadOnly;
pub use restore::Restored;
pub use settings::Settings;
pub use topic::{NewTopic, cluster_of};

use self::bookmark::Bookmark;
use self::client::{Access, PATIENCE};
use self::fetch::Fetch;
use self::figures::{Board, Tap};
use self::message::Message;
use self::place::Place;
use self::producers::{OnFailure, Producers, Sent};
use self::prover::Prover;
use self::shared::Shared;
use self::topic::Identity;
use self::writer::KafkaWriter;
use super::ownership::NewClaim;
use super::watches::Watches;
use super::{
    AppendError, Bound, Claimant, Claimed, Entry, Genesis, Listener, Log, LogId, Page, ReadError, ReadLog, Watch,
};

/// Claims that may be lost to others before one gives up.
const MOST_CLAIMS: u32 = 64;

/// A log on Kafka, open for reading and writing.
pub struct KafkaLog {
    identity: Identity,
    shared: Arc<Shared>,
    prover: Prover,
    follower: Option<JoinHandle<()>>,
}

impl KafkaLog {
    /// A new log at `address`: a topic with nothing but genesis records, and an empty one for persons' keys next to it.
    ///
    /// # Errors
    /// [`OpenError`]; an interrupted creation is simply done again.
    pub fn create(address: &Address, settings: &Settings, id: LogId, new: &NewTopic) -> Result<(), OpenError> {
        if new.partitions == 0 {
            return Err(OpenError::NoPartitions);
        }
        let fetch = Fetch::new(Access::new(address, settings)?);
        topic::cluster(&fetch, settings)?;
        topic::check_new(&fetch, settings, id, new)?;
        keys::create(&fetch, settings, id, new)?;
        topic::make(&fetch, new)?;
        topic::owners(&fetch, new)?;
        topic::wait_until_there(&fetch, new.partitions)?;
        topic::begin(&fetch, id, new.partitions)
    }

    /// The log at `address`.
    ///
    /// # Errors
    /// [`OpenError`]: nothing that could lose history or read it wrongly is opened.
    pub fn open(address: &Address, settings: &Settings) -> Result<Arc<Self>, OpenError> {
        let fetch = Fetch::new(Access::new(address, settings)?);
        let identity = topic::identify(&fetch, settings)?;
        if !settings.accept_unsafe {
            identity.check_size(fetch.topic())?;
            check::check(&fetch, settings)?;
        }
        let (inspect, wake) = sync_channel(1);
        let log = Self::follow(fetch, identity, inspect)?;
        inspector::start(Arc::clone(&log.shared), &log.identity, settings, wake)?;
        Ok(Arc::new(log))
    }

    /// The log of `fetch`, whose topic was found good.
    fn follow(fetch: Fetch, identity: Identity, inspect: SyncSender<()>) -> Result<Self, OpenError> {
        let Identity { log, partitions, .. } = identity;
        let genesis = |partition| Genesis { log, partition, partitions };
        let places: Arc<[Place]> = (0..partitions).map(|partition| Place::new(genesis(partition))).collect();
        let theirs = Arc::clone(&places);
        let on_failure: OnFailure = Arc::new(move |partition: u16, reason: String| {
            if let Some(place) = theirs.get(usize::from(partition)) {
                let mut state = place.state();
                state.abandon_claims(&reason);
                state.end(AppendError::Unknown(reason));
                drop(state);
                place.tell();
            }
        });
        let board = Arc::new(Board::default());
        let delivered = reports::start(Arc::clone(&places))?;
        let producers = Producers::new(&fetch.access, partitions, &on_failure, Some(&delivered), &board)?;
        let follower = fetch.follower(Tap::new(&board, "follower"))?;
        let (watches, stop) = (Watches::default(), AtomicBool::new(false));
        let (unread, checks, joined) = (Mutex::default(), AtomicU64::new(0), AtomicBool::new(false));
        let shared = Arc::new(Shared {
            places,
            fetch,
            follower,
            producers,
            board,
            watches,
            unread,
            checks,
            joined,
            stop,
            inspect,
        });
        let follower = follower::start(Arc::clone(&shared))?;
        let prover = Prover::start(&shared)?;
        Ok(Self { identity, shared, prover, follower: Some(follower) })
    }

    /// Kafka's id of the cluster that the log lies in.
    #[must_use]
    pub fn cluster(&self) -> &str {
        &self.identity.cluster
    }

    /// Why nothing is written now, or read, although brokers answer; for everybody to know.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let suspended = self.shared.places.first().and_then(|place| place.state().suspended.clone());
        suspended.or_else(|| self.shared.unread.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// What Kafka's clients told last of their work.
    #[must_use]
    pub fn figures(&self) -> Figures {
        Figures { checks: self.shared.checks.load(Ordering::Acquire), ..self.shared.board.figures() }
    }

    /// Joins the other nodes of this log. People are told of this one as `member`.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn join(&self, member: &str, owner: Arc<dyn Owner>) -> Result<Membership, OpenError> {
        let Shared { fetch, joined, .. } = &*self.shared;
        joined.store(true, Ordering::Release);
        topic::owners(fetch, &NewTopic { partitions: self.partitions(), replicas: check::replicas(fetch)? })?;
        Membership::join(&fetch.access, self.identity.log, member, owner)
    }

    fn place(&self, partition: u16) -> Result<&Place, ReadError> {
        let partitions = self.partitions();
        self.shared.places.get(usize::from(partition)).ok_or(ReadError::NoPartition { partition, partitions })
    }

    /// One attempt at a claim.
    fn try_claim(
        &self,
        place: &Place,
        partition: u16,
        claimant: &Claimant,
        listener: Listener,
    ) -> Result<Claimed, AppendError> {
        let unavailable = |reason: String| AppendError::Unavailable(reason);
        let end = self.shared.fetch.end(partition).map_err(|error| unavailable(error.to_string()))?;
        place.told.fetch_max(end, Ordering::AcqRel);
        follower::follow(&self.shared, partition, None).map_err(|error| unavailable(error.to_string()))?;
        let (reply, answer) = sync_channel(1);
        let mut state = place.wait_for(end).map_err(unavailable)?;
        let NewClaim { nonce, stored, .. } = state.claim(claimant, listener, reply)?;
        drop(state);
        // It was encoded just now.
        let message = Message::of(&stored).map_err(|error| unavailable(error.to_string()));
        let sent = message.and_then(|message| {
            let claim = Sent { partition, record: None };
            self.shared.producers.send(claim, &message)
        });
        if let Err(error) = sent {
            place.state().unclaim(&nonce);
            return Err(error);
        }
        match answer.recv_timeout(PATIENCE) {
            Ok(Ok(granted)) => {
                let asker = self.prover.asker(partition);
                let writer = KafkaWriter::new(Arc::clone(&self.shared), asker, partition, granted.writer_end);
                Ok(Claimed { writer: Box::new(writer), head: granted.head })
            }
            Ok(Err(error)) => Err(error),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                place.state().unclaim(&nonce);
                Err(AppendError::Unknown("the claim was not read back in time".to_owned()))
            }
        }
    }
}

impl ReadLog for KafkaLog {
    fn id(&self) -> LogId {
        self.identity.log
    }

    fn partitions(&self) -> u16 {
        // A log's count is a u16.
        u16::try_from(self.shared.places.len()).unwrap_or(u16::MAX)
    }

    fn end(&self, partition: u16) -> Result<u64, ReadError> {
        let place = self.place(partition)?;
        let end = self.shared.fetch.end(partition)?;
        place.told.fetch_max(end, Ordering::AcqRel);
        Ok(end)
    }

    fn known_end(&self, partition: u16) -> Result<u64, ReadError> {
        let place = self.place(partition)?;
        // What this process has not read yet is there all the same, if somebody was told so.
        Ok(place.told.load(Ordering::Acquire).max(place.state().offset))
    }

    fn read(&self, partition: u16, offset: u64, bound: Bound) -> Result<Page, ReadError> {
        let mut page = Page::default();
        let mut keep = |offset, stored: &[u8]| page.entries.push(Entry { offset, stored: stored.to_vec() });
        let next = self.visit(partition, offset, bound, &mut keep)?;
        let place = self.place(partition)?;
        // Somebody may have been answered for what has not come back here yet.
        if next == offset && place.is_followed() && offset < self.end(partition)? {
            let failed = |reason| ReadError::Medium { partition, offset, reason };
            drop(place.wait_for(offset + 1).map_err(failed)?);
            self.visit(partition, offset, bound, &mut keep)?;
        }
        Ok(page)
    }

    fn visit(
        &self,
        partition: u16,
        offset: u64,
        bound: Bound,
        entry: &mut dyn FnMut(u64, &[u8]),
    ) -> Result<u64, ReadError> {
        let place = self.place(partition)?;
        let mut next = offset;
        let mut lend = |at: u64, stored: &[u8]| {
            next = at + 1;
            entry(at, stored);
        };
        let kept = place.state().ring.page(offset, bound);
        // Lent without the lock: whoever reads may read here again meanwhile.
        if let Some(kept) = kept {
            (offset..).zip(&kept).for_each(|(at, stored)| lend(at, stored));
            return Ok(next);
        }
        let end = if place.is_followed() { self.known_end(partition)? } else { self.end(partition)? };
        if offset < end {
            for found in self.shared.fetch.page(partition, offset, end, bound)?.entries {
                lend(found.offset, &found.stored);
            }
        }
        Ok(next)
    }

    fn watch(&self, watch: Watch) {
        self.shared.watches.add(watch);
    }
}

impl Log for KafkaLog {
    fn claim(&self, partition: u16, claimant: &Claimant, listener: Listener) -> Result<Claimed, AppendError> {
        let place = self.place(partition).map_err(|error| AppendError::Unavailable(error.to_string()))?;
        let mut lost = 0;
        loop {
            match self.try_claim(place, partition, claimant, Arc::clone(&listener)) {
                Err(AppendError::Deposed { .. }) if lost < MOST_CLAIMS => lost += 1,
                claimed => return claimed,
            }
        }
    }

    fn offset_of(&self, partition: u16, number: u64) -> Result<u64, ReadError> {
        let place = self.place(partition)?;
        if !place.state().has(number) {
            follower::follow(&self.shared, partition, None)?;
            let failed = |reason| ReadError::Medium { partition, offset: number, reason };
            // The record lies before the end, or there is none.
            drop(place.wait_for(self.shared.fetch.end(partition)?).map_err(failed)?);
        }
        Ok(place.state().skips.offset_of(number))
    }

    fn claimant(&self, partition: u16) -> Option<Claimant> {
        self.place(partition).ok()?.state().claimant.clone()
    }

    fn bookmark(&self, partition: u16) -> Option<Vec<u8>> {
        self.place(partition).ok()?.state().bookmark().as_ref().map(Bookmark::encode)
    }

    fn resume(&self, partition: u16, bookmark: Option<&[u8]>) -> Result<(), ReadError> {
        self.place(partition)?;
        follower::follow(&self.shared, partition, bookmark)
    }

    fn as_read(self: Arc<Self>) -> Arc<dyn ReadLog> {
        self
    }
}

impl Drop for KafkaLog {
    /// Ends every writer, and stops.
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        self.shared.inspect();
        if let Some(follower) = self.follower.take()
            && follower.join().is_err()
        {
            tracing::error!("the thread that follows the log panicked");
        }
        for place in &*self.shared.places {
            place.state().end(AppendError::Unknown("the log was closed meanwhile".to_owned()));
            place.tell();
        }
    }
}
