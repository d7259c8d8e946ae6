//! A log that holds exactly what a test puts there, damage included.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use kippu_events::log::{
    Bound, Claim, Commit, Content, Entry, Genesis, Head, LogId, Page, Position, ReadError, ReadLog, Watch, record,
};

use super::sample::{Beat, SampleHistory};

pub(crate) const LOG: LogId = LogId([7; 16]);

pub(crate) struct Scripted {
    partitions: Mutex<Vec<Vec<Vec<u8>>>>,
    heads: Mutex<Vec<Head>>,
    watches: Mutex<Vec<Watch>>,
    /// See [`Scripted::fail_reads`].
    unreadable: Mutex<(u16, Range<u64>, u32)>,
}

impl Scripted {
    /// A log with genesis and one claim in each of `count` partitions.
    pub(crate) fn new(count: u16) -> Arc<Self> {
        let log = Self {
            partitions: Mutex::default(),
            heads: Mutex::default(),
            watches: Mutex::default(),
            unreadable: Mutex::new((0, 0..0, 0)),
        };
        for partition in 0..count {
            let (stored, digest) = Content::Genesis(Genesis { log: LOG, partition, partitions: count }).encode();
            log.partitions.lock().unwrap().push(vec![stored]);
            log.heads.lock().unwrap().push(Head::at_genesis(digest));
        }
        let log = Arc::new(log);
        (0..count).for_each(|partition| log.claim(partition, 0));
        log
    }

    /// A log with `beats` of `sample` in it.
    pub(crate) fn telling(sample: &mut SampleHistory, beats: usize) -> Arc<Self> {
        let log = Self::new(sample.partitions);
        for _ in 0..beats {
            log.tell(sample);
        }
        log
    }

    pub(crate) fn claim(&self, partition: u16, nonce: u8) {
        let head = self.head(partition);
        let claim = Claim { epoch: head.epoch + 1, nonce: [nonce; 16], node: "n".to_owned(), url: "u".to_owned() };
        let (stored, digest) = Content::Claim(claim).encode();
        let number = head.number + 1;
        let hash = record::claim_hash(digest, number, head.hash);
        self.push(partition, stored);
        self.heads.lock().unwrap()[usize::from(partition)] =
            Head { epoch: head.epoch + 1, number, hash, sealed: false };
    }

    /// The next beat of `sample`; where it landed.
    pub(crate) fn tell(&self, sample: &mut SampleHistory) -> Position {
        let beat = sample.next();
        self.write(&beat)
    }

    pub(crate) fn write(&self, beat: &Beat) -> Position {
        let head = self.head(beat.partition);
        self.commit(beat.partition, &beat.body(&LOG, head.number + 1))
    }

    /// A valid commit with this body.
    pub(crate) fn commit(&self, partition: u16, body: &[u8]) -> Position {
        let head = self.head(partition);
        let number = head.number + 1;
        let (stored, digest) =
            Content::Commit(Commit { epoch: head.epoch, number, prev: head.hash, acked: head.number, body }).encode();
        self.push(partition, stored);
        self.heads.lock().unwrap()[usize::from(partition)] = Head { number, hash: digest, ..head };
        Position::new(partition, number, &digest)
    }

    /// Any bytes.
    pub(crate) fn push(&self, partition: u16, stored: Vec<u8>) {
        self.partitions.lock().unwrap()[usize::from(partition)].push(stored);
        self.watches.lock().unwrap().iter().for_each(|watch| watch(partition));
    }

    pub(crate) fn head(&self, partition: u16) -> Head {
        self.heads.lock().unwrap()[usize::from(partition)]
    }

    /// The next `count` reads of `partition` that begin at one of `offsets` fail.
    pub(crate) fn fail_reads(&self, partition: u16, offsets: Range<u64>, count: u32) {
        *self.unreadable.lock().unwrap() = (partition, offsets, count);
    }

    /// Changes the stored bytes of one entry.
    pub(crate) fn tamper(&self, partition: u16, offset: usize, change: impl FnOnce(&mut Vec<u8>)) {
        change(&mut self.partitions.lock().unwrap()[usize::from(partition)][offset]);
    }
}

impl ReadLog for Scripted {
    fn id(&self) -> LogId {
        LOG
    }

    fn partitions(&self) -> u16 {
        u16::try_from(self.partitions.lock().unwrap().len()).unwrap()
    }

    fn end(&self, partition: u16) -> Result<u64, ReadError> {
        Ok(self.partitions.lock().unwrap()[usize::from(partition)].len() as u64)
    }

    fn read(&self, partition: u16, offset: u64, bound: Bound) -> Result<Page, ReadError> {
        match &mut *self.unreadable.lock().unwrap() {
            (unreadable, offsets, count @ 1..) if *unreadable == partition && offsets.contains(&offset) => {
                *count -= 1;
                return Err(ReadError::Medium { partition, offset, reason: "as the test demands".to_owned() });
            }
            _readable => {}
        }
        let partitions = self.partitions.lock().unwrap();
        let entries = partitions[usize::from(partition)].iter().enumerate().skip(usize::try_from(offset).unwrap());
        let entries = entries.take(bound.entries).map(|(i, stored)| Entry { offset: i as u64, stored: stored.clone() });
        Ok(Page { entries: entries.collect() })
    }

    fn watch(&self, watch: Watch) {
        self.watches.lock().unwrap().push(watch);
    }
}
