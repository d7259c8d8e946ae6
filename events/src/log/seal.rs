//! Ending a history in a location that no node serves: a claim and the seal after it, partition by partition.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use super::record::{Content, Seal};
use super::{AppendError, Claimant, Claimed, Listener, Log, Progress};

/// A log that does not answer within this is taken for gone.
const PATIENCE: Duration = Duration::from_secs(30);

/// Ends `partition` here; its history goes on at `next`. Once more with the same `next`, nothing is done. Whoever serves
/// the partition is deposed. Blocks.
///
/// # Errors
/// [`AppendError`], `Sealed` among them where the history goes on at another location.
pub fn seal(log: &dyn Log, partition: u16, claimant: &Claimant, next: &str) -> Result<(), AppendError> {
    let (sender, told) = channel();
    let listener: Listener = Arc::new(move |progress| {
        // Nobody waits any more.
        let _gone = sender.send(progress);
    });
    let is_there = |error| match error {
        AppendError::Sealed { next: there } if there == next => Ok(()),
        error => Err(error),
    };
    let Claimed { mut writer, head } = match log.claim(partition, claimant, listener) {
        Ok(claimed) => claimed,
        Err(error) => return is_there(error),
    };
    let number = head.number + 1;
    let seal = Seal { epoch: head.epoch, number, prev: head.hash, acked: head.number, next: next.to_owned() };
    writer.append(number, Content::Seal(seal).encode().0)?;
    loop {
        match told.recv_timeout(PATIENCE) {
            Ok(Progress::Ended(error)) => return is_there(error),
            Ok(Progress::Durable(_) | Progress::Owned(_)) => {}
            Err(_) => return Err(AppendError::Unknown("the log did not say whether it is sealed".to_owned())),
        }
    }
}
