//! The writer of one partition under one claim: checks what is certain at once and hands the bytes over.

use std::sync::Arc;

use super::Admission;
use super::queue::Queue;
use crate::log::ownership::WriterEnd;
use crate::log::{AppendError, Progress, Writer, record};

pub(super) struct RocksWriter {
    pub(super) admission: Arc<Admission>,
    pub(super) queue: Queue,
    pub(super) writer_end: Arc<WriterEnd>,
    pub(super) partition: u16,
    pub(super) epoch: u64,
}

impl Writer for RocksWriter {
    fn append(&mut self, number: u64, stored: Vec<u8>) -> Result<(), AppendError> {
        self.admission.healthy()?;
        if let Some(end) = self.writer_end.ended() {
            return Err(end.clone());
        }
        if stored.len() > record::MOST_BYTES {
            return Err(AppendError::TooLarge { bytes: stored.len() });
        }
        self.admission.space.admit()?;
        self.queue.append(self.partition, self.epoch, number, stored)
    }

    /// A claim ends the writer before it is granted. So a writer that has not ended has not been succeeded: the
    /// directory's lock keeps every other process out.
    fn prove(&mut self, ticket: u64) {
        if !self.writer_end.tell_end_again() {
            self.writer_end.tell(Progress::Owned(ticket));
        }
    }
}
