//! A writer's time in its partition, alike on every backend: the claim with which it begins, the check of what it hands over,
//! and what it is told until it has ended.

use std::sync::mpsc::SyncSender;
use std::sync::{Arc, OnceLock};

use super::record::{Claim, Content, Header, MOST_BYTES, claim_hash};
use super::{AppendError, Claimant, Head, Listener, Progress};

/// A claim that is about to be written.
pub(super) struct NewClaim {
    /// By which the claimant knows it.
    pub(super) nonce: [u8; 16],
    pub(super) stored: Vec<u8>,
    /// The head that it makes.
    pub(super) head: Head,
}

impl Head {
    /// The claim of `claimant` that follows.
    pub(super) fn claimed_by(&self, claimant: &Claimant) -> Result<NewClaim, AppendError> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|error| AppendError::Unavailable(error.to_string()))?;
        let (epoch, number) = (self.epoch + 1, self.number + 1);
        let claim = Claim { epoch, nonce, node: claimant.node.clone(), url: claimant.url.clone() };
        let (stored, digest) = Content::Claim(claim).encode();
        if stored.len() > MOST_BYTES {
            return Err(AppendError::TooLarge { bytes: stored.len() });
        }
        let head = Self { epoch, number, hash: claim_hash(digest, number, self.hash), sealed: false };
        Ok(NewClaim { nonce, stored, head })
    }

    /// The header of `stored`, if that is the commit or the seal `number` of the same writer that follows.
    pub(super) fn followed_by(&self, number: u64, stored: &[u8]) -> Option<Header> {
        Header::read(stored).filter(|header| {
            header.epoch == self.epoch
                && header.number == number
                && number == self.number + 1
                && header.prev == self.hash
                && !self.sealed
        })
    }
}

impl Header {
    /// The head that the record makes where it follows.
    pub(super) const fn head(&self) -> Head {
        Head { epoch: self.epoch, number: self.number, hash: self.digest, sealed: self.seals }
    }
}

/// What has become of a writer. Shared by it and its partition.
pub(super) struct WriterEnd {
    listener: Listener,
    end: OnceLock<AppendError>,
}

impl WriterEnd {
    pub(super) const fn new(listener: Listener) -> Self {
        Self { listener, end: OnceLock::new() }
    }

    /// Tells the writer; of its end once.
    pub(super) fn tell(&self, progress: Progress) {
        if let Progress::Ended(error) = &progress
            && self.end.set(error.clone()).is_err()
        {
            return;
        }
        (self.listener)(progress);
    }

    /// How the writer has ended, if it has.
    pub(super) fn ended(&self) -> Option<&AppendError> {
        self.end.get()
    }

    /// Tells a writer that asks for a proof its end again; whether it has ended.
    pub(super) fn tell_end_again(&self) -> bool {
        let end = self.end.get();
        if let Some(end) = end {
            (self.listener)(Progress::Ended(end.clone()));
        }
        end.is_some()
    }
}

/// A claim that counts.
pub(super) struct Granted {
    pub(super) head: Head,
    pub(super) writer_end: Arc<WriterEnd>,
}

/// Where a claimant, and nobody else, waits for its one answer.
pub(super) type Reply = SyncSender<Result<Granted, AppendError>>;

/// Answers a claimant.
pub(super) fn answer(reply: &Reply, answer: Result<Granted, AppendError>) {
    // A claimant that has gone away has nobody to serve; its claim stands and the next one follows it.
    if reply.try_send(answer).is_err() {
        tracing::debug!("a claimant did not wait for its claim");
    }
}
