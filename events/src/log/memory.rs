//! A log in memory, for tests and demonstrations. It acts like a shared one: it checks epochs and numbers, several
//! writers may try, and a test can hold durability back or have the next append, claim or reads fail.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::ownership::NewClaim;
use super::record::{self, Content, Genesis, Record};
use super::{
    AppendError, Bound, Claimant, Claimed, Entry, Head, Listener, Log, LogId, Page, Progress, ReadError, ReadLog,
    Watch, Writer,
};

/// What becomes of the next append or claim of a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It is not written, and that is certain.
    Unavailable,
    /// Nobody says whether it is written.
    Unknown {
        /// Whether it is.
        written: bool,
    },
    /// Another writer has claimed just before.
    Deposed,
}

/// A log that lives as long as the process.
pub struct MemoryLog {
    id: LogId,
    partitions: u16,
    state: Mutex<State>,
    me: Weak<Self>,
}

struct State {
    partitions: Vec<Partition>,
    /// What is yet to be told, in order.
    news: VecDeque<News>,
    /// Whether some thread is telling; it tells what others add meanwhile.
    telling: bool,
    watches: Vec<Watch>,
    held: bool,
}

struct Partition {
    entries: Vec<Vec<u8>>,
    /// How many of the entries are durable.
    durable: usize,
    head: Head,
    next: String,
    /// The writer of the head's epoch, unless it has ended.
    owner: Option<Owner>,
    /// How the writers of earlier epochs ended, and that of the head's epoch if it has.
    ends: BTreeMap<u64, AppendError>,
    append_fault: Option<Fault>,
    claim_fault: Option<Fault>,
    /// So many reads fail.
    read_faults: u32,
}

struct Owner {
    listener: Listener,
    told: u64,
}

enum News {
    Progress(Listener, Progress),
    Moved(u16),
}

impl MemoryLog {
    /// A log of `partitions` partitions, each with its genesis.
    #[must_use]
    pub fn new(id: LogId, partitions: u16) -> Arc<Self> {
        let partition = |index| {
            let (stored, digest) = Content::Genesis(Genesis { log: id, partition: index, partitions }).encode();
            Partition {
                entries: vec![stored],
                durable: 1,
                head: Head::at_genesis(digest),
                next: String::new(),
                owner: None,
                ends: BTreeMap::new(),
                append_fault: None,
                claim_fault: None,
                read_faults: 0,
            }
        };
        let state = State {
            partitions: (0..partitions).map(partition).collect(),
            news: VecDeque::new(),
            telling: false,
            watches: Vec::new(),
            held: false,
        };
        Arc::new_cyclic(|me| Self { id, partitions, state: Mutex::new(state), me: me.clone() })
    }

    /// From now on nothing becomes durable until [`MemoryLog::release`]; only a claim releases what came before it.
    pub fn hold(&self) {
        self.state().held = true;
    }

    /// Makes durable what was held, and ends holding.
    pub fn release(&self) {
        let mut state = self.state();
        state.held = false;
        for index in 0..self.partitions {
            state.settle(index);
        }
        self.tell(state);
    }

    /// The next append to `partition` meets `fault`.
    pub fn fail_append(&self, partition: u16, fault: Fault) {
        if let Some(partition) = self.state().partitions.get_mut(usize::from(partition)) {
            partition.append_fault = Some(fault);
        }
    }

    /// The next claim of `partition` meets `fault`.
    pub fn fail_claim(&self, partition: u16, fault: Fault) {
        if let Some(partition) = self.state().partitions.get_mut(usize::from(partition)) {
            partition.claim_fault = Some(fault);
        }
    }

    /// The next `count` reads of `partition` fail.
    pub fn fail_reads(&self, partition: u16, count: u32) {
        if let Some(partition) = self.state().partitions.get_mut(usize::from(partition)) {
            partition.read_faults = count;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells all news in order, outside the lock, so that a listener may come back to this log.
    fn tell<'log>(&'log self, mut state: MutexGuard<'log, State>) {
        if state.telling {
            return;
        }
        state.telling = true;
        while let Some(news) = state.news.pop_front() {
            let watches = if let News::Moved(_) = news { state.watches.clone() } else { Vec::new() };
            drop(state);
            match news {
                News::Progress(listener, progress) => listener(progress),
                News::Moved(partition) => watches.iter().for_each(|watch| watch(partition)),
            }
            state = self.state();
        }
        state.telling = false;
    }

    fn no_partition(&self, partition: u16) -> ReadError {
        ReadError::NoPartition { partition, partitions: self.partitions }
    }
}

impl State {
    /// Makes everything in the partition durable.
    fn settle(&mut self, index: u16) {
        let Some(partition) = self.partitions.get_mut(usize::from(index)) else { return };
        if partition.durable == partition.entries.len() {
            return;
        }
        partition.durable = partition.entries.len();
        let number = partition.head.number;
        if let Some(owner) = partition.owner.as_mut().filter(|owner| owner.told < number) {
            owner.told = number;
            self.news.push_back(News::Progress(owner.listener.clone(), Progress::Durable(number)));
        }
        self.news.push_back(News::Moved(index));
    }

    /// Appends a claim. The owner before, if any, is deposed.
    fn claim(&mut self, index: u16, claimant: &Claimant, listener: Option<Listener>) -> Result<Head, AppendError> {
        self.settle(index);
        let Some(partition) = self.partitions.get_mut(usize::from(index)) else {
            return Err(AppendError::Unavailable(format!("there is no partition {index}")));
        };
        if partition.head.sealed {
            return Err(AppendError::Sealed { next: partition.next.clone() });
        }
        let NewClaim { stored, head, .. } = partition.head.claimed_by(claimant)?;
        let error = AppendError::Deposed { epoch: partition.head.epoch, current: head.epoch };
        partition.ends.entry(partition.head.epoch).or_insert(error.clone());
        if let Some(before) = partition.owner.take() {
            self.news.push_back(News::Progress(before.listener, Progress::Ended(error)));
        }
        partition.entries.push(stored);
        partition.durable = partition.entries.len();
        partition.head = head;
        partition.owner = listener.map(|listener| Owner { listener, told: head.number });
        self.news.push_back(News::Moved(index));
        Ok(head)
    }

    /// Ends the owner of the partition.
    fn end(&mut self, index: u16, error: AppendError) {
        let Some(partition) = self.partitions.get_mut(usize::from(index)) else { return };
        if let Some(owner) = partition.owner.take() {
            partition.ends.insert(partition.head.epoch, error.clone());
            self.news.push_back(News::Progress(owner.listener, Progress::Ended(error)));
        }
    }

    /// Appends a commit or a seal of the owner.
    fn append(&mut self, index: u16, number: u64, stored: Vec<u8>) {
        let Some(partition) = self.partitions.get_mut(usize::from(index)) else { return };
        let head = partition.head;
        let Some(header) = head.followed_by(number, &stored) else {
            self.settle_unless_held(index);
            return self.end(index, AppendError::Conflict { number, head: head.number });
        };
        if header.seals
            && let Ok(Record { content: Content::Seal(seal), .. }) = Record::decode(&stored)
        {
            partition.next = seal.next;
        }
        partition.entries.push(stored);
        partition.head = header.head();
        if header.seals {
            let next = partition.next.clone();
            self.settle(index);
            self.end(index, AppendError::Sealed { next });
        } else {
            self.settle_unless_held(index);
        }
    }

    /// How the writer of `epoch` ended, if it has.
    fn ended(&self, index: u16, epoch: u64) -> Option<AppendError> {
        self.partitions.get(usize::from(index))?.ends.get(&epoch).cloned()
    }

    fn settle_unless_held(&mut self, index: u16) {
        if !self.held {
            self.settle(index);
        }
    }
}

impl ReadLog for MemoryLog {
    fn id(&self) -> LogId {
        self.id
    }

    fn partitions(&self) -> u16 {
        self.partitions
    }

    fn end(&self, partition: u16) -> Result<u64, ReadError> {
        let state = self.state();
        let found = state.partitions.get(usize::from(partition)).ok_or_else(|| self.no_partition(partition))?;
        Ok(found.durable as u64)
    }

    fn read(&self, partition: u16, offset: u64, bound: Bound) -> Result<Page, ReadError> {
        let mut state = self.state();
        let found = state.partitions.get_mut(usize::from(partition)).ok_or_else(|| self.no_partition(partition))?;
        if found.read_faults > 0 {
            found.read_faults -= 1;
            return Err(ReadError::Medium { partition, offset, reason: "as the test demands".to_owned() });
        }
        let mut page = Page::default();
        let mut bytes = 0;
        let durable = found.entries.get(..found.durable).unwrap_or_default();
        for (offset, stored) in (0..).zip(durable).skip(usize::try_from(offset).unwrap_or(usize::MAX)) {
            bytes += stored.len();
            if page.entries.len() >= bound.entries || (bytes > bound.bytes && !page.entries.is_empty()) {
                break;
            }
            page.entries.push(Entry { offset, stored: stored.clone() });
        }
        Ok(page)
    }

    fn watch(&self, watch: Watch) {
        self.state().watches.push(watch);
    }
}

impl Log for MemoryLog {
    fn claim(&self, partition: u16, claimant: &Claimant, listener: Listener) -> Result<Claimed, AppendError> {
        let log = self.me.upgrade().ok_or_else(|| AppendError::Unavailable("the log was closed".to_owned()))?;
        let mut state = self.state();
        let fault = state.partitions.get_mut(usize::from(partition)).and_then(|found| found.claim_fault.take());
        let unknown = || Err(AppendError::Unknown("as the test demands".to_owned()));
        let answer = match fault {
            None => state.claim(partition, claimant, Some(listener.clone())),
            Some(Fault::Unavailable) => Err(AppendError::Unavailable("as the test demands".to_owned())),
            Some(Fault::Unknown { written: false }) => unknown(),
            Some(Fault::Unknown { written: true }) => state.claim(partition, claimant, None).and_then(|_| unknown()),
            Some(Fault::Deposed) => state
                .claim(partition, claimant, None)
                .and_then(|head| state.claim(partition, &another(), None).map(|after| (head, after)))
                .and_then(|(head, after)| Err(AppendError::Deposed { epoch: head.epoch, current: after.epoch })),
        };
        self.tell(state);
        let head = answer?;
        Ok(Claimed { writer: Box::new(MemoryWriter { log, partition, epoch: head.epoch, listener }), head })
    }

    fn as_read(self: Arc<Self>) -> Arc<dyn ReadLog> {
        self
    }
}

struct MemoryWriter {
    log: Arc<MemoryLog>,
    partition: u16,
    epoch: u64,
    listener: Listener,
}

impl Writer for MemoryWriter {
    fn append(&mut self, number: u64, stored: Vec<u8>) -> Result<(), AppendError> {
        if stored.len() > record::MOST_BYTES {
            return Err(AppendError::TooLarge { bytes: stored.len() });
        }
        let mut state = self.log.state();
        if let Some(end) = state.ended(self.partition, self.epoch) {
            return Err(end);
        }
        let fault = state.partitions.get_mut(usize::from(self.partition)).and_then(|found| found.append_fault.take());
        let unknown = || AppendError::Unknown("as the test demands".to_owned());
        match fault {
            None => state.append(self.partition, number, stored),
            Some(Fault::Unavailable) => return Err(AppendError::Unavailable("as the test demands".to_owned())),
            Some(Fault::Unknown { written }) => {
                state.end(self.partition, unknown());
                if written {
                    state.append(self.partition, number, stored);
                }
            }
            Some(Fault::Deposed) => drop(state.claim(self.partition, &another(), None)?),
        }
        self.log.tell(state);
        Ok(())
    }

    fn prove(&mut self, ticket: u64) {
        let mut state = self.log.state();
        let progress = state.ended(self.partition, self.epoch).map_or(Progress::Owned(ticket), Progress::Ended);
        state.news.push_back(News::Progress(self.listener.clone(), progress));
        self.log.tell(state);
    }
}

/// Who claims when a test demands that somebody does.
fn another() -> Claimant {
    Claimant { node: "another".to_owned(), url: "http://another.invalid".to_owned() }
}
