//! Proofs of ownership: one query for the end of a partition serves everybody who asked before it. Who owned the
//! partition when everything before that end is read, owned it when the query was answered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::{OpenError, Shared};
use crate::log::ownership::WriterEnd;
use crate::log::{AppendError, Progress};

/// More than the runtime asks for: one proof per partition is under way at a time.
const MOST_ASKED: usize = 16 * 1024;

/// Threads that ask, each for fixed partitions: one leader that is silent does not hold up all of them.
const THREADS: usize = 4;

struct Asked {
    partition: u16,
    writer_end: Arc<WriterEnd>,
    ticket: u64,
}

/// The threads that ask. They end when nobody can ask any more.
pub(super) struct Prover {
    askers: Vec<Asker>,
}

/// Asks for proofs.
#[derive(Clone)]
pub(super) struct Asker(SyncSender<Asked>);

impl Asker {
    /// Asks for a proof; its outcome is told to the writer.
    pub(super) fn ask(&self, partition: u16, writer_end: Arc<WriterEnd>, ticket: u64) {
        let again = Arc::clone(&writer_end);
        if self.0.try_send(Asked { partition, writer_end, ticket }).is_err() {
            again.tell(Progress::Ended(AppendError::Unknown("ownership cannot be proven now".to_owned())));
        }
    }
}

impl Prover {
    pub(super) fn start(shared: &Arc<Shared>) -> Result<Self, OpenError> {
        let mut askers = Vec::with_capacity(THREADS);
        for _ in 0..THREADS {
            let (sender, asked) = sync_channel(MOST_ASKED);
            let shared = Arc::clone(shared);
            std::thread::Builder::new()
                .name("kafka-prover".to_owned())
                .spawn(move || run(&shared, &asked))
                .map_err(|error| OpenError::Thread(error.to_string()))?;
            askers.push(Asker(sender));
        }
        Ok(Self { askers })
    }

    /// For the writer of `partition`.
    pub(super) fn asker(&self, partition: u16) -> Asker {
        self.askers[usize::from(partition) % THREADS].clone()
    }
}

fn run(shared: &Shared, asked: &Receiver<Asked>) {
    while let Ok(first) = asked.recv() {
        let mut by_partition: BTreeMap<u16, Vec<Asked>> = BTreeMap::new();
        for one in std::iter::once(first).chain(asked.try_iter()) {
            by_partition.entry(one.partition).or_default().push(one);
        }
        for (partition, all) in by_partition {
            prove(shared, partition, all);
        }
    }
}

fn prove(shared: &Shared, partition: u16, all: Vec<Asked>) {
    let Some(place) = shared.places.get(usize::from(partition)) else { return };
    let end = shared.fetch.end(partition);
    let mut state = place.state();
    match end {
        Ok(end) => {
            for Asked { writer_end, ticket, .. } in all {
                state.prove(&writer_end, ticket, end);
            }
            state.settle();
        }
        Err(error) => state.end(AppendError::Unknown(format!("ownership cannot be proven now: {error}"))),
    }
    drop(state);
    place.tell();
}
