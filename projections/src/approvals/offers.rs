//! `offers`: what a shop offered, and what became of it. Who takes one is told what opens it, and sees it by that.

use kippu_events::access::Role;
use kippu_events::approvals::offers::{Delivery, Event, Item, Made, Offer, Push};
use kippu_events::approvals::products::Kind;
use kippu_events::money::{Currency, Minor};
use kippu_events::{EntityId, Time};
use serde::Serialize;

use crate::entity_table::{EntityTable, Row};
use crate::grants::{Grant, Owner};
use crate::view::{Filter, Filters};

/// See the module.
pub struct Offers;

const STATES: [&str; 2] = ["open", "delivered"];
const STATE: &str = "state";
const PUSHES: [&str; 3] = ["owed", "done", "failed"];

/// An offer.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Shown {
    changed_at: Time,
    /// The currency of every amount here.
    currency: Currency,
    /// What was taken of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<ShownDelivery>,
    /// Whether the shop itself sends files to the buyer.
    direct: bool,
    /// From then on nobody is to approve it.
    expires_at: Time,
    id: EntityId,
    /// What is offered.
    items: Vec<ShownItem>,
    made_at: Time,
    /// Whether an authentication server has it from the shop.
    #[serde(skip_serializing_if = "Option::is_none")]
    push: Option<ShownPush>,
    /// The parties that may settle it.
    settlers: Vec<EntityId>,
    /// Where it is in its life.
    #[schemars(extend("enum" = STATES))]
    state: &'static str,
    /// What all of it costs.
    total: Minor,
    version: u64,
}

/// Some of a product.
#[derive(Serialize, schemars::JsonSchema)]
#[schemars(rename = "Item")]
struct ShownItem {
    /// How it comes to its buyer.
    kind: Kind,
    /// What buyers call it.
    name: String,
    /// What one costs.
    price: Minor,
    /// The product.
    product: EntityId,
    /// How many.
    quantity: u32,
    /// The version of the product that this is from.
    version: u64,
}

/// What was taken of an offer.
#[derive(Serialize, schemars::JsonSchema)]
#[schemars(rename = "Delivery")]
struct ShownDelivery {
    /// What those items cost.
    amount: Minor,
    /// Which items, by their places from 0.
    items: Vec<u16>,
    /// What of the amount the settlement server gave back.
    #[serde(skip_serializing_if = "Option::is_none")]
    refunded: Option<Minor>,
    /// Who settles it.
    settler: EntityId,
}

/// What came of sending it.
#[derive(Serialize, schemars::JsonSchema)]
#[schemars(rename = "Push")]
struct ShownPush {
    /// Which time.
    attempt: u32,
    /// What came of it.
    #[schemars(extend("enum" = PUSHES))]
    state: &'static str,
    /// The authentication server.
    to: EntityId,
}

impl From<Item> for ShownItem {
    fn from(item: Item) -> Self {
        let Item { product, version, name, kind, quantity, price, contents: _ } = item;
        Self { kind, name, price, product, quantity, version }
    }
}

fn shown_push(push: Push) -> Option<ShownPush> {
    let (state, to, attempt) = match push {
        Push::Never => return None,
        Push::Owed { to, attempt, .. } => (PUSHES[0], to, attempt),
        Push::Done { to, attempt } => (PUSHES[1], to, attempt),
        Push::Failed { to, attempt } => (PUSHES[2], to, attempt),
    };
    Some(ShownPush { attempt, state, to })
}

impl EntityTable for Offers {
    type Entity = Offer;
    type Kept = ();
    type Shown = Shown;

    const NAME: &'static str = "offers";
    const REVISION: u32 = 2;
    const SUMMARY: &'static str = "Offers of the shop, and what became of each.";
    const GRANTS: &'static [Grant] =
        &[Grant::all(Role::Operator), Grant::staff(Role::Shop), Grant::own(Role::Guest, Owner::Holder)];
    const FILTERS: &'static [Filter] = &[Filter::of(STATE, "where it is in its life", &STATES)];

    fn keep(_kept: &mut (), _event: &Event) {}

    fn show(id: EntityId, row: Row<Offer, ()>) -> Option<Shown> {
        let Row { state, changed_at, version, .. } = row;
        let (state, made, delivery) = match state {
            Offer::Absent => return None,
            Offer::Open(made) => (STATES[0], made, None),
            Offer::Delivered { made, delivery } => (STATES[1], made, Some(delivery)),
        };
        let Made { items, total, currency, settlers, direct, made_at, expires_at, signing_key: _, push } = made;
        let delivery = delivery.map(|delivery| {
            let Delivery { settler, items, amount, capability: _, refunded } = delivery;
            let refunded = Some(refunded).filter(|refunded| *refunded > Minor::ZERO);
            ShownDelivery { amount, items, refunded, settler }
        });
        let (items, push) = (items.into_iter().map(ShownItem::from).collect(), shown_push(push));
        #[rustfmt::skip]
        let shown = Shown {
            changed_at, currency, delivery, direct, expires_at, id, items, made_at, push, settlers, state, total, version,
        };
        Some(shown)
    }

    fn admits(shown: &Shown, filters: &Filters) -> bool {
        filters.admits(STATE, shown.state)
    }
}
