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
        let Head { epoch, number, hash: prev, .. } = self.head;
        let commit = Commit { epoch, number: number + 1, prev, acked: self.durable, body };
        self.hand_over(&Content::Commit(commit))
    }

    /// Hands over the last record of all: the history goes on at `next`.
    ///
    /// # Errors
    /// Nothing was handed over, and the chain is as before.
    pub fn seal(&mut self, next: &str) -> Result<(), AppendError> {
        let Head { epoch, number, hash: prev, .. } = self.head;
        let seal = Seal { epoch, number: number + 1, prev, acked: self.durable, next: next.to_owned() };
        self.hand_over(&Content::Seal(seal))?;
        self.head.sealed = true;
        Ok(())
    }

    fn hand_over(&mut self, content: &Content<'_>) -> Result<(u64, Hash), AppendError> {
        let (stored, hash) = content.encode();
        let number = self.head.number + 1;
        self.writer.append(number, stored)?;
        self.head = Head { number, hash, ..self.head };
        Ok((number, hash))
    }

    /// Asks for a proof of ownership.
    pub fn prove(&mut self, ticket: u64) {
        self.writer.prove(ticket);
    }
}
