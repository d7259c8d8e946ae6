//! Looking an entity up for a command of another slot: its state goes out once everything that it rests on is durable.

use kippu_events::EntityKey;
use tokio::sync::oneshot;

use super::refused::store_failed;
use super::{MOST_WAITING, Parked, Serving};
use crate::actor::LookedUp;
use crate::problem::{self, Problem};

/// Where what was looked up goes. Dropped where it cannot be told now.
pub type PeekReply = oneshot::Sender<Result<LookedUp, Problem>>;

/// A state that waits for its record to become durable.
pub(super) struct Peeked {
    number: u64,
    found: LookedUp,
    reply: PeekReply,
}

impl Serving {
    /// Looks `key` up.
    pub fn peek(&mut self, key: EntityKey, reply: PeekReply) {
        if self.peeked.len() >= MOST_WAITING {
            let problem = Problem::later(&problem::OVERLOADED, "too many answers are under way");
            // A caller that has gone away needs no answer.
            return drop(reply.send(Err(problem)));
        }
        match self.entities.find(key) {
            Ok(true) => {}
            Ok(false) => return self.park(key, Parked::Peek(reply)),
            // A caller that has gone away needs no answer.
            Err(error) => return drop(reply.send(Err(store_failed(&error)))),
        }
        let Some(loaded) = self.entities.get(key) else { return };
        let found = LookedUp { key, state: loaded.state.boxed(), version: loaded.version };
        self.peeked.push(Peeked { number: loaded.changed, found, reply });
        self.tell_peeked();
    }

    /// Tells what has become durable.
    pub(super) fn tell_peeked(&mut self) {
        let durable = self.chain.durable();
        for Peeked { found, reply, .. } in self.peeked.extract_if(.., |peeked| peeked.number <= durable) {
            // A caller that has gone away needs no answer.
            drop(reply.send(Ok(found)));
        }
    }
}
