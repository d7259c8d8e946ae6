//! Partitions side by side, as many at once as there are threads.

use std::sync::atomic::{AtomicU16, Ordering};

/// So many threads as are worth while for `partitions`.
pub(crate) fn threads(wanted: usize, partitions: u16) -> usize {
    wanted.clamp(1, usize::from(partitions.max(1)))
}

/// What `walk` makes of each partition, in the order of partitions.
pub(crate) fn each<T: Send>(partitions: u16, threads: usize, walk: impl Fn(u16) -> T + Sync) -> Vec<T> {
    let next = AtomicU16::new(0);
    let work = || {
        let mut walked = Vec::new();
        loop {
            let partition = next.fetch_add(1, Ordering::Relaxed);
            if partition >= partitions {
                return walked;
            }
            walked.push((partition, walk(partition)));
        }
    };
    let mut walked = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut walked = Vec::with_capacity(usize::from(partitions));
        for worker in workers {
            match worker.join() {
                Ok(mut some) => walked.append(&mut some),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        walked
    });
    walked.sort_unstable_by_key(|(partition, _)| *partition);
    walked.into_iter().map(|(_, walked)| walked).collect()
}
