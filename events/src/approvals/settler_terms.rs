//! The terms on which this node settles: one entity, which an operator sets.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::time::Time;

/// The entity of the terms.
#[must_use]
pub fn id_of() -> EntityId {
    EntityId::from_hash(&Sha256::digest(b"kippu.settler-terms.1").into())
}

/// What comes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The price is settled once everything is held, then the buyer gets it.
    #[default]
    SettleFirst,
    /// The buyer gets it, then the price is settled. What the shop itself delivers is settled first all the same: nobody
    /// but the shop would know that it was fetched.
    DeliverFirst,
}

/// On which terms a settlement runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Policy {
    /// What comes first.
    pub order: Order,
    /// For so many seconds a permission is waited for.
    pub wait_secs: u32,
    /// For so many seconds, from the permission on, the shop is waited for.
    pub shop_secs: u32,
    /// For so many seconds the buyer is waited for, where delivery comes first.
    pub deliver_secs: u32,
}

impl Policy {
    /// How long a permission is waited for.
    #[must_use]
    pub fn wait(&self) -> Duration {
        Duration::from_secs(self.wait_secs.into())
    }
}

impl Default for Policy {
    /// Ten seconds at a till, ten minutes for a large film from the shop, a day for the buyer.
    fn default() -> Self {
        Self { order: Order::SettleFirst, wait_secs: 10, shop_secs: 600, deliver_secs: 86_400 }
    }
}

/// What happened to the terms.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// They are these from now on.
    #[serde(rename = "settler_terms.set")]
    Set {
        /// What comes first.
        order: Order,
        /// For so many seconds a permission is waited for.
        wait_secs: u32,
        /// For so many seconds, from the permission on, the shop is waited for.
        shop_secs: u32,
        /// For so many seconds the buyer is waited for, where delivery comes first.
        deliver_secs: u32,
    },
}

/// The state of the terms.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct SettlerTerms {
    /// What counts for a settlement that begins now.
    pub policy: Policy,
}

impl Entity for SettlerTerms {
    const FAMILY: Family = Family::SettlerTerms;
    const REVISION: u32 = 1;
    type Event = Event;

    fn samples() -> Vec<Event> {
        vec![Event::Set { order: Order::DeliverFirst, wait_secs: 5, shop_secs: 60, deliver_secs: 3_600 }]
    }

    fn evolve(&mut self, event: &Event, _time: Time) {
        let Event::Set { order, wait_secs, shop_secs, deliver_secs } = *event;
        self.policy = Policy { order, wait_secs, shop_secs, deliver_secs };
    }
}

#[test]
fn terms_that_nobody_set_are_the_usual_ones_and_the_last_ones_count() {
    assert_eq!(SettlerTerms::default().policy, Policy::default());
    let set = |wait_secs| Event::Set { order: Order::DeliverFirst, wait_secs, shop_secs: 60, deliver_secs: 3_600 };
    let terms: SettlerTerms = crate::entity::fold(&[set(5), set(7)]);
    assert_eq!((terms.policy.wait(), terms.policy.order), (Duration::from_secs(7), Order::DeliverFirst));
}
