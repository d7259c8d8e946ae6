//! The embedded log: one directory, one process, RocksDB underneath.
//!
//! ```text
//! DIR/LOCK        held by the one process that writes; holds its id
//! DIR/durable     the durable cut, for readers next to it
//! DIR/store/      RocksDB: a column family per partition, key = number, value = record
//! DIR/store/FORMAT  what the store is: layout, log id, partition count
//! ```

mod committer;
mod durable;
mod error;
mod format;
mod queue;
mod restore;
mod secondary;
mod space;
mod store;
#[cfg(test)]
mod tests;
mod writer;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

pub use durable::CUT_UNKNOWN;
pub use error::{OpenError, is_corruption};
pub use restore::Restored;
pub use secondary::Secondary;
pub use space::{FreeBytes, free_bytes};

use super::lock::Lock;
use super::watches::Watches;
use super::{AppendError, Bound, Claimant, Claimed, Listener, Log, LogId, Page, ReadError, ReadLog, Watch};
use crate::whole::sync_parent;
use committer::Committer;
use durable::Publisher;
use format::Format;
use queue::{Job, Queue, queue};
use store::{LogStore, Tail};
use writer::RocksWriter;

const STORE: &str = "store";
/// A store is built here and renamed when it is whole.
const UNFINISHED: &str = "store.unfinished";
/// What the process ends with after a failed write, as `sysexits.h` numbers an internal error.
pub const EXIT_POISONED: i32 = 70;

/// How a log is run.
#[derive(Clone)]
pub struct Settings {
    /// Called once, on the committer's thread, after the first failed write, when it is traced and everyone has been
    /// told. By default the process ends: only opening the log again shows what the disk holds.
    pub on_poison: Arc<dyn Fn(&str) + Send + Sync>,
    /// Below this many free bytes no commit is taken. The default leaves space for every flush and compaction under way.
    pub floor_bytes: u64,
    /// Free bytes under the log. By default the operating system is asked.
    pub free_bytes: FreeBytes,
    /// How often it is asked at most, unless much has been written meanwhile.
    pub free_check_every: Duration,
    /// Called on the committer's thread after each group commit. MUST return at once.
    pub on_commit: Arc<dyn Fn(Committed) + Send + Sync>,
}

/// A group commit: records of all partitions that one synced write made durable.
#[derive(Clone, Copy, Debug)]
pub struct Committed {
    /// How many.
    pub records: usize,
    /// How long the write took, sync included.
    pub took: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            on_poison: Arc::new(exit),
            floor_bytes: 512 << 20,
            free_bytes: Arc::new(space::free_bytes),
            free_check_every: space::CHECK_EVERY,
            on_commit: Arc::new(|_committed| {}),
        }
    }
}

fn exit(_reason: &str) {
    end_process(EXIT_POISONED)
}

/// Ends this process at once with `code`. An orderly exit would take away what RocksDB's threads are using, and so end it
/// with a signal now and then.
pub fn end_process(code: i32) -> ! {
    signal_hook::low_level::exit(code)
}

/// The embedded log, open for reading and writing.
pub struct RocksLog {
    shared: Arc<Shared>,
    queue: Queue,
    committer: Option<JoinHandle<()>>,
}

/// What the committer and the readers share. The fields are dropped in order: the lock outlives the store.
struct Shared {
    store: LogStore,
    /// Per partition, the offset behind the last durable record.
    ends: Vec<AtomicU64>,
    watches: Watches,
    admission: Arc<Admission>,
    on_poison: Arc<dyn Fn(&str) + Send + Sync>,
    on_commit: Arc<dyn Fn(Committed) + Send + Sync>,
    _lock: Lock,
}

/// What stops an append before it is handed over. Writers share it; they do not keep the store open.
struct Admission {
    space: space::Space,
    poison: OnceLock<String>,
}

impl RocksLog {
    /// A new log in `dir`, which holds nothing but genesis records, synced.
    ///
    /// # Errors
    /// [`OpenError`]; an interrupted creation is simply done again.
    pub fn create(dir: &Path, id: LogId, partitions: u16) -> Result<(), OpenError> {
        let io = |source| OpenError::Io { path: dir.to_owned(), source };
        if partitions == 0 {
            return Err(OpenError::NoPartitions);
        }
        std::fs::create_dir_all(dir).map_err(io)?;
        let _lock = Lock::take(dir)?;
        let (store, unfinished) = (dir.join(STORE), dir.join(UNFINISHED));
        if store.try_exists().map_err(io)? {
            return Err(OpenError::Exists(dir.to_owned()));
        }
        if unfinished.try_exists().map_err(io)? {
            std::fs::remove_dir_all(&unfinished).map_err(io)?;
        }
        LogStore::create(&unfinished, id, partitions)?;
        Format::new(id, partitions).write(&unfinished)?;
        std::fs::rename(&unfinished, &store).map_err(io)?;
        sync_parent(&store).map_err(io)
    }

    /// Whether a log was made in `dir`, whatever became of it.
    #[must_use]
    pub fn is_in(dir: &Path) -> bool {
        dir.join(STORE).exists()
    }

    /// Whether this process may open as many files as the log in `dir` has, which a reader next to it needs.
    ///
    /// # Errors
    /// As [`crate::files::all_of`].
    pub fn can_be_read(dir: &Path) -> std::io::Result<()> {
        crate::files::all_of(&dir.join(STORE))
    }

    /// How many partitions the log in `dir` has; none where there is no log, or none that says so.
    #[must_use]
    pub fn partitions_in(dir: &Path) -> Option<u16> {
        Format::read(&dir.join(STORE)).ok().map(|format| format.partitions)
    }

    /// The log in `dir`.
    ///
    /// # Errors
    /// [`OpenError`]: nothing that could lose history or read it wrongly is opened.
    pub fn open(dir: &Path) -> Result<Arc<Self>, OpenError> {
        Self::open_with(dir, Settings::default())
    }

    /// The log in `dir`, run as `settings` say.
    ///
    /// # Errors
    /// As [`RocksLog::open`].
    pub fn open_with(dir: &Path, settings: Settings) -> Result<Arc<Self>, OpenError> {
        let Taken { lock, store, tails, cut, space } = Taken::take(dir, &settings)?;
        let ends = tails.iter().map(|tail| AtomicU64::new(tail.head.number + 1)).collect();
        let shared = Arc::new(Shared {
            store,
            ends,
            watches: Watches::default(),
            admission: Arc::new(Admission { space, poison: OnceLock::new() }),
            on_poison: settings.on_poison,
            on_commit: settings.on_commit,
            _lock: lock,
        });
        let (queue, inbox) = queue();
        let its = shared.clone();
        let (ready, started) = sync_channel(1);
        let committer = std::thread::Builder::new()
            .name("kippu-log".to_owned())
            .spawn(move || match Committer::new(&its, tails, cut) {
                Ok(committer) => {
                    if ready.send(Ok(())).is_ok() {
                        committer.run(&inbox);
                    }
                }
                Err(error) => drop(ready.send(Err(error))),
            })
            .map_err(|error| OpenError::Thread(error.to_string()))?;
        started.recv().map_err(|_| OpenError::Thread("it ended at once".to_owned()))??;
        Ok(Arc::new(Self { shared, queue, committer: Some(committer) }))
    }

    /// The log in `dir` for reading only, next to the process that writes it if there is one.
    ///
    /// # Errors
    /// As [`RocksLog::open`].
    pub fn open_secondary(dir: &Path) -> Result<Secondary, OpenError> {
        Secondary::open(dir)
    }
}

/// A directory that nobody else writes, and what lies in it.
struct Taken {
    lock: Lock,
    store: LogStore,
    tails: Vec<Tail>,
    cut: Publisher,
    space: space::Space,
}

impl Taken {
    fn take(dir: &Path, settings: &Settings) -> Result<Self, OpenError> {
        let path = dir.join(STORE);
        let format = Format::read(&path)?;
        let lock = Lock::take(dir)?;
        let store = LogStore::open(&path, &format)?;
        let tails = (0..format.partitions).map(|partition| store.tail(partition)).collect::<Result<Vec<_>, _>>()?;
        let ends: Vec<u64> = tails.iter().map(|tail| tail.head.number + 1).collect();
        match durable::read(dir)? {
            Some(durable) => refuse_a_cut_tail(&ends, &durable)?,
            None if ends.iter().all(|end| *end <= 1) => {}
            None => tracing::warn!("{CUT_UNKNOWN}"),
        }
        let cut = Publisher::open(dir, ends.iter().copied())?;
        let space = space::Space::new(dir, settings);
        space.check();
        Ok(Self { lock, store, tails, cut, space })
    }
}

/// What was published as durable must be there.
fn refuse_a_cut_tail(ends: &[u64], durable: &[u64]) -> Result<(), OpenError> {
    let mut pairs = (0..).zip(ends.iter().zip(durable));
    match pairs.find(|(_, (end, durable))| end < durable) {
        Some((partition, (&end, &durable))) => Err(OpenError::Cut { partition, end, durable }),
        None => Ok(()),
    }
}

impl Admission {
    /// Refuses after a failed write.
    fn healthy(&self) -> Result<(), AppendError> {
        match self.poison.get() {
            None => Ok(()),
            Some(reason) => Err(AppendError::Unavailable(format!("an earlier write failed: {reason}"))),
        }
    }

    /// Refuses what no writer may append now.
    fn admit(&self) -> Result<(), AppendError> {
        self.healthy()?;
        self.space.admit()
    }

    /// Notes the first failed write; what all writers are told.
    fn poison(&self, reason: String) -> AppendError {
        AppendError::Unknown(self.poison.get_or_init(|| reason).clone())
    }
}

impl Shared {
    fn end(&self, partition: u16) -> Result<u64, ReadError> {
        let found = self.ends.get(usize::from(partition));
        found
            .map(|end| end.load(Ordering::Acquire))
            .ok_or(ReadError::NoPartition { partition, partitions: self.store.partitions() })
    }
}

impl ReadLog for RocksLog {
    fn id(&self) -> LogId {
        self.shared.store.id()
    }

    fn partitions(&self) -> u16 {
        self.shared.store.partitions()
    }

    fn end(&self, partition: u16) -> Result<u64, ReadError> {
        self.shared.end(partition)
    }

    fn read(&self, partition: u16, offset: u64, bound: Bound) -> Result<Page, ReadError> {
        self.shared.store.page(partition, offset, self.shared.end(partition)?, bound)
    }

    fn visit(
        &self,
        partition: u16,
        offset: u64,
        bound: Bound,
        entry: &mut dyn FnMut(u64, &[u8]),
    ) -> Result<u64, ReadError> {
        self.shared.store.visit(partition, offset, self.shared.end(partition)?, bound, entry)
    }

    fn watch(&self, watch: Watch) {
        self.shared.watches.add(watch);
    }
}

impl Log for RocksLog {
    fn claim(&self, partition: u16, claimant: &Claimant, listener: Listener) -> Result<Claimed, AppendError> {
        self.shared.admission.healthy()?;
        let (reply, answer) = sync_channel(1);
        self.queue.send(Job::Claim { partition, claimant: claimant.clone(), listener, reply })?;
        let granted = answer.recv().map_err(|_| AppendError::Unknown("the log was closed meanwhile".to_owned()))??;
        let writer = RocksWriter {
            admission: self.shared.admission.clone(),
            queue: self.queue.clone(),
            writer_end: granted.writer_end,
            partition,
            epoch: granted.head.epoch,
        };
        Ok(Claimed { writer: Box::new(writer), head: granted.head })
    }

    fn refuses(&self) -> Option<AppendError> {
        self.shared.admission.space.check_if_due();
        self.shared.admission.admit().err()
    }

    fn as_read(self: Arc<Self>) -> Arc<dyn ReadLog> {
        self
    }
}

impl Drop for RocksLog {
    /// Writes what was handed over, ends every writer, and stops.
    fn drop(&mut self) {
        if self.queue.send(Job::Stop).is_err() {
            tracing::debug!("the committer had stopped before");
        }
        if let Some(committer) = self.committer.take()
            && committer.join().is_err()
        {
            tracing::error!("the committer panicked");
        }
    }
}
