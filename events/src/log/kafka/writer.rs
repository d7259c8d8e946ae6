//! The writer of one partition under one claim.

use std::sync::Arc;

use super::Shared;
use super::message::Message;
use super::partition_state::PartitionState;
use super::producers::Sent;
use super::prover::Asker;
use crate::log::ownership::WriterEnd;
use crate::log::{AppendError, Writer};

/// See the module.
pub(super) struct KafkaWriter {
    shared: Arc<Shared>,
    prover: Asker,
    partition: u16,
    writer_end: Arc<WriterEnd>,
}

impl KafkaWriter {
    pub(super) const fn new(shared: Arc<Shared>, prover: Asker, partition: u16, writer_end: Arc<WriterEnd>) -> Self {
        Self { shared, prover, partition, writer_end }
    }

    /// Hands record `number` over as `message`, unless it is none. The state is held meanwhile, so that records are handed
    /// over in the order in which they were checked.
    fn hand_over(
        &self,
        state: &mut PartitionState,
        number: u64,
        stored: &[u8],
        message: Option<&Message<'_>>,
    ) -> Result<(), AppendError> {
        let header = state.check(&self.writer_end, number, stored)?;
        let Some(message) = message else {
            let error = AppendError::Conflict { number, head: number - 1 };
            state.end(error.clone());
            return Err(error);
        };
        let record = Some((header.epoch, header.number));
        self.shared.producers.send(Sent { partition: self.partition, record }, message)?;
        state.handed(&header);
        Ok(())
    }
}

impl Writer for KafkaWriter {
    fn append(&mut self, number: u64, stored: Vec<u8>) -> Result<(), AppendError> {
        // What takes long comes before the state is held.
        let message = Message::of(&stored).ok();
        let place = &self.shared.places[usize::from(self.partition)];
        let handed = self.hand_over(&mut place.state(), number, &stored, message.as_ref());
        if handed.is_err() {
            place.tell();
        }
        handed
    }

    fn prove(&mut self, ticket: u64) {
        if !self.writer_end.tell_end_again() {
            self.prover.ask(self.partition, Arc::clone(&self.writer_end), ticket);
        }
    }
}
