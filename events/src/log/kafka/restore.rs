//! A topic that takes a history over from another location. What was written counts once it was read back and judged, so a record
//! that arrives twice, or late from a copy that was killed, is what it is for every reader: skipped.

use std::sync::{Arc, Mutex, PoisonError};

use super::client::Access;
use super::fetch::Fetch;
use super::message::Message;
use super::producers::{OnFailure, Producers, Sent};
use super::topic::Identity;
use super::{Address, OpenError, Settings, check, topic};
use crate::log::restore::{Restore, RestoreError, follow};
use crate::log::walk::Walk;
use crate::log::{Bound, Genesis, Head, LogId};

/// Partitions that are read at once when a topic is opened.
const AT_ONCE: usize = 16;

/// See the module.
pub struct Restored {
    id: LogId,
    fetch: Fetch,
    producers: Producers,
    /// What a producer gave up.
    failure: Arc<Mutex<Option<String>>>,
    walks: Vec<Walk>,
}

impl Restored {
    /// The topic at `address`, which was created for this. Reads all of it.
    ///
    /// # Errors
    /// As [`super::KafkaLog::open`], and where its history is damaged.
    pub fn open(address: &Address, settings: &Settings) -> Result<Self, OpenError> {
        let fetch = Fetch::new(Access::new(address, settings)?);
        let identity = topic::identify(&fetch, settings)?;
        identity.check_size(fetch.topic())?;
        let Identity { log: id, partitions, .. } = identity;
        check::check(&fetch, settings)?;
        let failure = Arc::<Mutex<Option<String>>>::default();
        let noted = Arc::clone(&failure);
        let note: OnFailure = Arc::new(move |_partition, reason| {
            noted.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
        });
        let producers = Producers::new(&fetch.access, partitions, &note, None, &Arc::default())?;
        let begin = |partition| Walk::of(Genesis { log: id, partition, partitions });
        let mut walks: Vec<_> = (0..partitions).map(begin).collect();
        read_all(&fetch, &mut walks)?;
        Ok(Self { id, fetch, producers, failure, walks })
    }

    fn read_on(&mut self, partition: u16) -> Result<(), RestoreError> {
        let walk = self.walks.get_mut(usize::from(partition));
        let there_is = walk.ok_or_else(|| RestoreError::Failed(format!("there is no partition {partition}")));
        read_on(&self.fetch, partition, there_is?).map_err(|error| RestoreError::Failed(error.to_string()))
    }

    /// Waits until the records that have these heads are written, and reads them back. Another copy may be ahead by then,
    /// but not on another way.
    fn settle(&mut self, partition: u16, path: &[Head]) -> Result<(), RestoreError> {
        let failed = |reason: String| Err(RestoreError::Failed(reason));
        if let Err(error) = self.producers.flush(partition) {
            return failed(error.to_string());
        }
        if let Some(reason) = self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            return failed(reason);
        }
        self.read_on(partition)?;
        let Some(head) = self.head(partition) else { return failed("the topic is empty".to_owned()) };
        if path.iter().any(|here| here.number == head.number && *here != head) {
            return Err(RestoreError::Diverged { partition, number: head.number });
        }
        if path.last().is_some_and(|last| last.number > head.number) {
            return failed("the brokers do not give back what was written".to_owned());
        }
        Ok(())
    }
}

/// Judges what has come to be in one partition of the topic.
fn read_on(fetch: &Fetch, partition: u16, walk: &mut Walk) -> Result<(), OpenError> {
    let end = fetch.end(partition)?;
    while walk.offset() < end {
        for entry in fetch.page(partition, walk.offset(), end, Bound::default())?.entries {
            walk.take(entry.offset, &entry.stored).map_err(|broken| OpenError::Client(broken.to_string()))?;
        }
    }
    Ok(())
}

/// Judges the whole topic, some partitions at once: each waits for the brokers.
fn read_all(fetch: &Fetch, walks: &mut [Walk]) -> Result<(), OpenError> {
    let lane = walks.len().div_ceil(AT_ONCE).max(1);
    std::thread::scope(|scope| {
        let lanes = walks.chunks_mut(lane).zip((0..).step_by(lane));
        let read = |(walks, first): (_, u16)| {
            (first..).zip(walks).try_for_each(|(partition, walk)| read_on(fetch, partition, walk))
        };
        let lanes: Vec<_> = lanes.map(|lane| scope.spawn(move || read(lane))).collect();
        lanes.into_iter().try_for_each(|lane| match lane.join() {
            Ok(read) => read,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })
}

impl Restore for Restored {
    fn id(&self) -> LogId {
        self.id
    }

    fn partitions(&self) -> u16 {
        // A log's count is a u16.
        u16::try_from(self.walks.len()).unwrap_or(u16::MAX)
    }

    fn head(&self, partition: u16) -> Option<Head> {
        self.walks.get(usize::from(partition)).and_then(Walk::head)
    }

    fn append(&mut self, partition: u16, records: &[Vec<u8>]) -> Result<(), RestoreError> {
        let genesis = Genesis { log: self.id, partition, partitions: self.partitions() };
        let (mut head, mut path) = (self.head(partition), Vec::with_capacity(records.len()));
        for stored in records {
            let next = follow(&genesis, head, stored)?;
            path.push(next);
            head = Some(next);
        }
        for stored in records {
            // It was decoded just now.
            let message = Message::of(stored).map_err(|error| RestoreError::Failed(error.to_string()))?;
            let sent = self.producers.send(Sent { partition, record: None }, &message);
            sent.map_err(|error| RestoreError::Failed(error.to_string()))?;
        }
        self.settle(partition, &path)
    }
}
