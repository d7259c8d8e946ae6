//! The writer of one partition under one claim.

use std::sync::Arc;

use super::Shared;
use super::message::Message;
use super::producers::Sent;
use super::prover::Asker;
use super::seat::Fate;
use crate::log::{AppendError, Progress, Writer};

/// See the module.
pub(super) struct KafkaWriter {
    shared: Arc<Shared>,
    prover: Asker,
    partition: u16,
    fate: Arc<Fate>,
}

impl KafkaWriter {
    pub(super) const fn new(shared: Arc<Shared>, prover: Asker, partition: u16, fate: Arc<Fate>) -> Self {
        Self { shared, prover, partition, fate }
    }
}

impl Writer for KafkaWriter {
    fn append(&mut self, number: u64, stored: Vec<u8>) -> Result<(), AppendError> {
        let place = &self.shared.places[usize::from(self.partition)];
        let mut seat = place.seat();
        let header = match seat.check(&self.fate, number, &stored) {
            Ok(header) => header,
            Err(error) => {
                drop(seat);
                place.tell();
                return Err(error);
            }
        };
        let Ok(message) = Message::of(&stored) else {
            let error = AppendError::Conflict { number, head: number - 1 };
            seat.end(error.clone());
            drop(seat);
            place.tell();
            return Err(error);
        };
        // The seat is held meanwhile, so that records are handed over in the order in which they were checked.
        let record = Some((header.epoch, header.number));
        self.shared.producers.send(Sent { partition: self.partition, record }, &message)?;
        seat.handed(&header);
        Ok(())
    }

    fn prove(&mut self, ticket: u64) {
        match self.fate.ended() {
            Some(end) => self.fate.tell_again(Progress::Ended(end.clone())),
            None => self.prover.ask(self.partition, Arc::clone(&self.fate), ticket),
        }
    }
}
