//! Stocks: how many of an article a site has, and how many of them are reserved. Requests for an article lie in the slot of its
//! stock, so that one decision sees both, and nothing is sold twice.
//!
//! ```text
//! received ─▶ reserved ─┬─▶ sold
//!                       └─▶ released
//! ```

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::contracts::Step;
use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::time::Time;

/// The stock of `article` at the site of `party`.
#[must_use]
pub fn id_of(party: EntityId, article: &str) -> EntityId {
    let hash = Sha256::new().chain_update(b"kippu.stock.1").chain_update(party.as_bytes()).chain_update(article);
    EntityId::from_hash(&hash.finalize().into())
}

/// What happened to a stock. Holds no personal data.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// Some came in.
    #[serde(rename = "stock.received")]
    Received {
        /// Of which article.
        article: String,
        /// How many.
        quantity: u32,
    },
    /// Some went otherwise than by a sale.
    #[serde(rename = "stock.removed")]
    Removed {
        /// How many.
        quantity: u32,
    },
    /// What partner sites are told that ask which steps to take.
    #[serde(rename = "stock.instructed")]
    Instructed {
        /// Of which article.
        article: String,
        /// Which steps.
        steps: BTreeSet<Step>,
    },
    /// Some are kept for a request.
    #[serde(rename = "stock.reserved")]
    Reserved {
        /// Which request.
        request: EntityId,
        /// How many.
        quantity: u32,
    },
    /// They went to whoever asked.
    #[serde(rename = "stock.sold")]
    Sold {
        /// For which request they were kept.
        request: EntityId,
        /// How many.
        quantity: u32,
    },
    /// They are for others again.
    #[serde(rename = "stock.released")]
    Released {
        /// For which request they were kept.
        request: EntityId,
        /// How many.
        quantity: u32,
    },
}

/// The state of a stock. Which request has how many reserved is a part of the request.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Stock {
    /// Of which article; empty before the first event.
    pub article: String,
    /// How many there are, with those that are reserved.
    pub on_hand: u64,
    /// How many of them are reserved.
    pub reserved: u64,
    /// How many were sold.
    pub sold: u64,
    /// What partner sites are told that ask which steps to take; nothing: all of them.
    pub steps: Option<BTreeSet<Step>>,
}

impl Stock {
    /// How many can be reserved or removed.
    #[must_use]
    pub const fn available(&self) -> u64 {
        self.on_hand.saturating_sub(self.reserved)
    }
}

impl Entity for Stock {
    const FAMILY: Family = Family::Stocks;
    const REVISION: u32 = 1;
    type Event = Event;

    fn samples() -> Vec<Event> {
        let [one, other] = [7, 9].map(|byte| EntityId::from_hash(&[byte; 32]));
        let article = || "book-1".to_owned();
        vec![
            Event::Received { article: article(), quantity: 10 },
            Event::Instructed { article: article(), steps: [Step::Price, Step::Payment].into() },
            Event::Reserved { request: one, quantity: 3 },
            Event::Reserved { request: other, quantity: 2 },
            Event::Sold { request: one, quantity: 3 },
            Event::Released { request: other, quantity: 2 },
            Event::Removed { quantity: 1 },
        ]
    }

    fn evolve(&mut self, event: &Event, _time: Time) {
        match event {
            Event::Received { article, quantity } => {
                self.article.clone_from(article);
                self.on_hand = self.on_hand.saturating_add(u64::from(*quantity));
            }
            Event::Removed { quantity } => self.on_hand = self.on_hand.saturating_sub(u64::from(*quantity)),
            Event::Instructed { article, steps } => {
                self.article.clone_from(article);
                self.steps = Some(steps.clone());
            }
            Event::Reserved { quantity, .. } => self.reserved = self.reserved.saturating_add(u64::from(*quantity)),
            Event::Sold { quantity, .. } => {
                let quantity = u64::from(*quantity);
                self.reserved = self.reserved.saturating_sub(quantity);
                self.on_hand = self.on_hand.saturating_sub(quantity);
                self.sold = self.sold.saturating_add(quantity);
            }
            Event::Released { quantity, .. } => self.reserved = self.reserved.saturating_sub(u64::from(*quantity)),
        }
    }
}

#[test]
fn what_is_reserved_is_sold_or_released_and_the_rest_is_available() {
    let after = |count: usize| {
        let stock = crate::entity::fold::<Stock>(&Stock::samples()[..count]);
        (stock.on_hand, stock.reserved, stock.available(), stock.sold)
    };
    assert_eq!(after(2), (10, 0, 10, 0));
    assert_eq!(after(4), (10, 5, 5, 0));
    assert_eq!(after(5), (7, 2, 5, 3));
    assert_eq!(after(7), (6, 0, 6, 3));
}
