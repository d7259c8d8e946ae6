//! The bounded queue between all writers and the one committer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};

use crate::log::ownership::Reply;
use crate::log::{AppendError, Claimant, Listener};

/// More than a group commit takes, so that the committer finds work when it comes back from the disk.
const MOST_JOBS: usize = 16 * 1024;
/// Space for every job at the usual size, and a bound on memory at the largest.
const MOST_BYTES: usize = 64 << 20;

/// What the committer is asked for.
pub(super) enum Job {
    Append { partition: u16, epoch: u64, number: u64, stored: Vec<u8> },
    Claim { partition: u16, claimant: Claimant, listener: Listener, reply: Reply },
    Stop,
}

/// The writers' side.
#[derive(Clone)]
pub(super) struct Queue {
    jobs: SyncSender<Job>,
    bytes: Arc<AtomicUsize>,
}

/// The committer's side.
pub(super) struct Inbox {
    jobs: Receiver<Job>,
    bytes: Arc<AtomicUsize>,
}

pub(super) fn queue() -> (Queue, Inbox) {
    let (sender, receiver) = sync_channel(MOST_JOBS);
    let bytes = Arc::new(AtomicUsize::new(0));
    (Queue { jobs: sender, bytes: bytes.clone() }, Inbox { jobs: receiver, bytes })
}

impl Queue {
    /// Hands an append over, or says at once that it cannot.
    pub(super) fn append(&self, partition: u16, epoch: u64, number: u64, stored: Vec<u8>) -> Result<(), AppendError> {
        let size = stored.len();
        let full = || AppendError::Unavailable("the queue of the log is full".to_owned());
        if self.bytes.fetch_add(size, Ordering::Relaxed) + size > MOST_BYTES {
            self.bytes.fetch_sub(size, Ordering::Relaxed);
            return Err(full());
        }
        self.jobs.try_send(Job::Append { partition, epoch, number, stored }).map_err(|error| {
            self.bytes.fetch_sub(size, Ordering::Relaxed);
            match error {
                TrySendError::Full(_) => full(),
                TrySendError::Disconnected(_) => closed(),
            }
        })
    }

    /// Hands over what may wait for space.
    pub(super) fn send(&self, job: Job) -> Result<(), AppendError> {
        self.jobs.send(job).map_err(|_| closed())
    }
}

impl Inbox {
    /// The next job, as soon as there is one. None when nobody can send any more.
    pub(super) fn wait(&self) -> Option<Job> {
        self.jobs.recv().ok().inspect(|job| self.taken(job))
    }

    /// The next job if it is there.
    pub(super) fn next(&self) -> Option<Job> {
        match self.jobs.try_recv() {
            Ok(job) => Some(job).inspect(|job| self.taken(job)),
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => None,
        }
    }

    fn taken(&self, job: &Job) {
        match job {
            Job::Append { stored, .. } => {
                self.bytes.fetch_sub(stored.len(), Ordering::Relaxed);
            }
            Job::Claim { .. } | Job::Stop => {}
        }
    }
}

pub(super) fn closed() -> AppendError {
    AppendError::Unavailable("the log is closed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_bytes_wait_and_no_more_until_some_are_taken() {
        let (queue, inbox) = queue();
        let append = |bytes| queue.append(0, 1, 1, vec![0; bytes]);
        assert_eq!((append(MOST_BYTES - 1), append(1)), (Ok(()), Ok(())));
        let full = AppendError::Unavailable("the queue of the log is full".to_owned());
        assert_eq!(append(1), Err(full.clone()));
        assert!(inbox.next().is_some());
        assert_eq!((append(MOST_BYTES - 1), append(1)), (Ok(()), Err(full)));
    }
}
