//! The chain of one partition under one claim: gives each record its number and its place after the one before.

use kippu_events::log::{AppendError, Commit, Content, Hash, Head, Seal, Writer};

/// The writer and the head that it has handed over so far, durable or not.
pub struct Chain {
    writer: Box<dyn Writer>,
    head: Head,
    durable: u64,
}

impl Chain {
    /// Goes on after the claim `head`.
    pub const fn new(writer: Box<dyn Writer>, head: Head) -> Self {
        Self { writer, head, durable: head.number }
    }

    /// The last record that was handed over.
    pub const fn head(&self) -> Head {
        self.head
    }

    /// The last record that is durable and valid.
    pub const fn durable(&self) -> u64 {
        self.durable
    }

    /// Everything up to `number` is durable and valid.
    pub fn advance(&mut self, number: u64) {
        self.durable = self.durable.max(number);
    }

    /// Hands over `body` as the next record; gives its number and hash.
    ///
    /// # Errors
    /// Nothing was handed over, and the chain is as before.
    pub fn append(&mut self, body: &[u8]) -> Result<(u64, Hash), AppendError> {
        let number = self.head.number + 1;
        let commit = Commit { epoch: self.head.epoch, number, prev: self.head.hash, acked: self.durable, body };
        let (stored, hash) = Content::Commit(commit).encode();
        self.writer.append(number, stored)?;
        self.head = Head { number, hash, ..self.head };
        Ok((number, hash))
    }

    /// Hands over the last record of all: the history goes on at `next`.
    ///
    /// # Errors
    /// Nothing was handed over, and the chain is as before.
    pub fn seal(&mut self, next: &str) -> Result<(), AppendError> {
        let number = self.head.number + 1;
        let Head { epoch, hash: prev, .. } = self.head;
        let seal = Seal { epoch, number, prev, acked: self.durable, next: next.to_owned() };
        let (stored, hash) = Content::Seal(seal).encode();
        self.writer.append(number, stored)?;
        self.head = Head { epoch, number, hash, sealed: true };
        Ok(())
    }

    /// Asks for a proof of ownership.
    pub fn prove(&mut self, ticket: u64) {
        self.writer.prove(ticket);
    }
}
