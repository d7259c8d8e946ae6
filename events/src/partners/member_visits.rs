//! Visits: a member is signed in at this site, by a ticket of the node that has identified the member. Looking around takes no more than that;
//! a payment takes a confirmation by one-time code.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::members::Ticket;
use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::money::{Currency, Minor};
use crate::opaque::TokenHash;
use crate::time::Time;

/// The visit that a ticket opens, which `signer` has signed: each opens one.
#[must_use]
pub fn id_of(signer: EntityId, ticket: &Ticket) -> EntityId {
    let hash = Sha256::new().chain_update(b"kippu.member-visit.1").chain_update(signer.as_bytes());
    let hash = hash.chain_update(ticket.member.as_bytes()).chain_update(ticket.site.as_bytes());
    EntityId::from_hash(&hash.chain_update(ticket.number.to_be_bytes()).finalize().into())
}

/// What happened during a visit.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// It began.
    #[serde(rename = "member_visit.opened")]
    Opened {
        /// Under which contract.
        contract: EntityId,
        /// As whom the central node knows the member.
        member: EntityId,
        /// The member's class.
        class: String,
        /// Who has signed the ticket.
        signer: EntityId,
        /// What the ticket hashes to.
        ticket: String,
        /// The visit ends then.
        expires_at: Time,
        /// What its capability hashes to.
        capability: TokenHash,
    },
    /// Goods were ordered.
    #[serde(rename = "member_visit.ordered")]
    Ordered {
        /// Which order of the visit, from 1.
        order: u32,
        /// Which goods.
        item: String,
        /// On which page.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        page: Option<String>,
        /// What they cost a member of this class.
        amount: Minor,
        /// Its currency.
        currency: Currency,
        /// Which terms of the contract say so.
        terms: u32,
    },
    /// An order was paid.
    #[serde(rename = "member_visit.paid")]
    Paid {
        /// Which.
        order: u32,
        /// What the confirmation hashes to.
        confirmation: String,
    },
}

/// An order that was not paid.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Which.
    pub order: u32,
    /// Which goods.
    pub item: String,
    /// On which page.
    pub page: Option<String>,
    /// What they cost.
    pub amount: Minor,
    /// Its currency.
    pub currency: Currency,
}

/// A visit that there is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Known {
    /// Under which contract.
    pub contract: EntityId,
    /// As whom the central node knows the member.
    pub member: EntityId,
    /// The member's class.
    pub class: String,
    /// Who has signed the ticket.
    pub signer: EntityId,
    /// It ends then.
    pub expires_at: Time,
    /// Its orders that are not paid, oldest first.
    pub open: Vec<Order>,
    /// So many were made.
    pub orders: u32,
    /// So many were paid.
    pub paid: u32,
}

/// The state of a visit.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum MemberVisit {
    /// Nobody opened it.
    #[default]
    Absent,
    /// Somebody did.
    Known(Box<Known>),
}

impl MemberVisit {
    /// Itself, where there is one.
    #[must_use]
    pub fn known(&self) -> Option<&Known> {
        match self {
            Self::Absent => None,
            Self::Known(known) => Some(known),
        }
    }
}

impl Entity for MemberVisit {
    const FAMILY: Family = Family::MemberVisits;
    const REVISION: u32 = 1;
    type Event = Event;

    fn samples() -> Vec<Event> {
        let [contract, member, signer] = [3, 5, 7].map(|byte| EntityId::from_hash(&[byte; 32]));
        let expires_at = Time::from_micros(1_795_257_900_000_000);
        let (ticket, class) = ("5f".repeat(32), "gold".to_owned());
        let capability = TokenHash { key: 1, sha256: "q".repeat(43) };
        let amount = Minor::new(800).unwrap_or(Minor::ZERO);
        let (item, page) = ("book".to_owned(), Some("/tie-up/books".to_owned()));
        vec![
            Event::Opened { contract, member, class, signer, ticket, expires_at, capability },
            Event::Ordered { order: 1, item, page, amount, currency: Currency::EUR, terms: 1 },
            Event::Paid { order: 1, confirmation: "6e".repeat(32) },
        ]
    }

    fn evolve(&mut self, event: &Event, _time: Time) {
        match (&mut *self, event) {
            (Self::Absent, Event::Opened { contract, member, class, signer, expires_at, .. }) => {
                let (contract, member, class, signer) = (*contract, *member, class.clone(), *signer);
                let (expires_at, open, orders, paid) = (*expires_at, Vec::new(), 0, 0);
                let known = Known { contract, member, class, signer, expires_at, open, orders, paid };
                *self = Self::Known(Box::new(known));
            }
            (Self::Known(known), Event::Ordered { order, item, page, amount, currency, .. }) => {
                let (order, item, page) = (*order, item.clone(), page.clone());
                known.orders = known.orders.max(order);
                known.open.push(Order { order, item, page, amount: *amount, currency: *currency });
            }
            (Self::Known(known), Event::Paid { order, .. }) => {
                known.open.retain(|open| open.order != *order);
                known.paid = known.paid.saturating_add(1);
            }
            (Self::Absent, Event::Ordered { .. } | Event::Paid { .. }) | (Self::Known(_), Event::Opened { .. }) => {}
        }
    }
}

#[test]
fn an_order_is_open_until_it_is_paid_and_each_ticket_opens_a_visit_of_its_own() {
    let [opened, ordered, paid] = <[Event; 3]>::try_from(MemberVisit::samples()).unwrap();
    let after = |events: &[Event]| crate::entity::fold::<MemberVisit>(events);
    let visit = after(&[opened.clone(), ordered.clone()]);
    let known = visit.known().unwrap();
    assert_eq!((known.orders, known.open.len(), known.paid), (1, 1, 0));
    let visit = after(&[opened.clone(), ordered.clone(), paid, opened]);
    let known = visit.known().unwrap();
    assert_eq!((known.orders, known.open.len(), known.paid), (1, 0, 1));
    assert_eq!(after(&[ordered]), MemberVisit::Absent);
    let [signer, member] = [1, 2].map(|byte| EntityId::from_hash(&[byte; 32]));
    let ticket = Ticket { member, site: signer, number: 1, class: String::new(), expires_at: Time::default() };
    let next = Ticket { number: 2, ..ticket.clone() };
    assert_ne!(id_of(signer, &ticket), id_of(signer, &next));
    assert_ne!(id_of(signer, &ticket), id_of(member, &ticket));
}
