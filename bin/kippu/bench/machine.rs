//! What the machine can do with nothing of ours in the way: bare RocksDB, SHA-256, fsync. Only this file of the bench
//! names `rocksdb`.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::Child;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rocksdb::{ColumnFamilyDescriptor, DB, Options, ReadOptions, WriteBatch, WriteOptions};
use sha2::{Digest as _, Sha256};

use super::figure::{BenchError, median};

impl From<rocksdb::Error> for BenchError {
    fn from(error: rocksdb::Error) -> Self {
        Self::Bare(error.into_string())
    }
}

/// A bare store that takes synced batches.
pub(super) struct Bare {
    db: DB,
    next: u64,
}

impl Bare {
    /// A new one, with RocksDB's defaults.
    pub(super) fn create(dir: &Path) -> Result<Self, BenchError> {
        let mut options = Options::default();
        options.create_if_missing(true);
        Ok(Self { db: DB::open(&options, dir)?, next: 0 })
    }

    /// Writes `values` over and over in synced batches of `batch` for `span`; gives values a second.
    pub(super) fn write(&mut self, values: &[Vec<u8>], batch: usize, span: Duration) -> Result<f64, BenchError> {
        let mut sync = WriteOptions::default();
        sync.set_sync(true);
        let begun = Instant::now();
        let first = self.next;
        let mut values = values.iter().cycle();
        while begun.elapsed() < span {
            let mut writes = WriteBatch::default();
            for value in values.by_ref().take(batch) {
                writes.put(self.next.to_be_bytes(), value);
                self.next += 1;
            }
            self.db.write_opt(writes, &sync)?;
        }
        Ok(per_second(self.next - first, begun.elapsed()))
    }
}

/// Things a second.
pub(super) fn per_second(things: u64, span: Duration) -> f64 {
    // Counts are far below 2^52.
    #[allow(clippy::cast_precision_loss)]
    let things = things as f64;
    things / span.as_secs_f64()
}

/// Walks every value of every column family of the store in `dir` and hashes it, on `threads` threads.
pub(super) fn scan_and_hash(dir: &Path, threads: usize) -> Result<Duration, BenchError> {
    let options = Options::default();
    let names: Vec<String> = DB::list_cf(&options, dir)?.into_iter().filter(|name| name != "default").collect();
    let db = DB::open_cf_for_read_only(&options, dir, &names, false)?;
    let next = AtomicUsize::new(0);
    let begun = Instant::now();
    let work = || -> Result<[u8; 32], BenchError> {
        let mut last = [0; 32];
        while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
            let family = db.cf_handle(name).ok_or_else(|| BenchError::Bare(format!("no family {name}")))?;
            let mut read = ReadOptions::default();
            read.fill_cache(false);
            read.set_readahead_size(1 << 20);
            let mut found = db.raw_iterator_cf_opt(family, read);
            found.seek_to_first();
            while let Some(value) = found.value() {
                last = Sha256::digest(value).into();
                found.next();
            }
            found.status()?;
        }
        Ok(last)
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            let last = worker.join().map_err(|_| BenchError::Bare("a thread panicked".to_owned()))??;
            std::hint::black_box(last);
        }
        Ok(begun.elapsed())
    })
}

/// How long it takes to open the store in `dir`, write-ahead log and all.
pub(super) fn open(dir: &Path) -> Result<Duration, BenchError> {
    let options = Options::default();
    let names = DB::list_cf(&options, dir)?;
    let families: Vec<_> = names.iter().map(|name| ColumnFamilyDescriptor::new(name, Options::default())).collect();
    let begun = Instant::now();
    let db = DB::open_cf_descriptors(&options, dir, families)?;
    let took = begun.elapsed();
    drop(db);
    Ok(took)
}

/// The median of `rounds` appends of four kilobytes to a file in `dir`, each made durable.
pub(super) fn fsync(dir: &Path, rounds: usize) -> Result<Duration, BenchError> {
    let path = dir.join("fsync");
    let mut file = File::create(&path)?;
    let mut micros = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let begun = Instant::now();
        file.write_all(&[0x5a; 4096])?;
        file.sync_data()?;
        micros.push(begun.elapsed().as_secs_f64());
    }
    drop(file);
    std::fs::remove_file(&path)?;
    Ok(Duration::from_secs_f64(median(micros)))
}

/// Bytes in memory of the process that /proc has under this name, as the kernel counts them.
pub(super) fn memory_bytes(process: &str) -> Result<u64, BenchError> {
    memory(process, "VmRSS:")
}

/// Waits until `child` has ended well; the most bytes of it that were in memory at once.
pub(super) fn watched(mut child: Child) -> Result<u64, BenchError> {
    let (process, mut most) = (child.id().to_string(), 0);
    loop {
        // A process that has just ended says nothing any more.
        most = most.max(memory(&process, "VmHWM:").unwrap_or(0));
        match child.try_wait()? {
            Some(status) if status.success() => return Ok(most),
            Some(status) => return Err(BenchError::Load(status.to_string())),
            // Nothing tells of a process that its memory has grown.
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

fn memory(process: &str, line: &str) -> Result<u64, BenchError> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let kilobytes =
        status.lines().find_map(|text| text.strip_prefix(line)?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes
        .map(|kilobytes| kilobytes * 1024)
        .ok_or_else(|| BenchError::Load("the kernel does not say how much is in memory".to_owned()))
}
