//! `settlements`: what became of each approval that was presented here. Who holds its capability sees its row.

use kippu_events::access::Role;
use kippu_events::approvals::settlements::{
    By, Content, Delivery, Event, Item, Notice, Open, Phase, Releasing, Settled, Settlement, Why,
};
use kippu_events::money::{Currency, Minor};
use kippu_events::{EntityId, Time};
use serde::{Deserialize, Serialize};

use crate::entity_table::{EntityTable, Row};
use crate::grants::{Grant, Owner};
use crate::view::{Filter, Filters};

/// See the module.
pub struct Settlements;

/// What the state forgets.
#[derive(Default, Serialize, Deserialize)]
pub struct Kept {
    about: Option<About>,
    permitted: Option<Minor>,
    last_refusal: Option<String>,
}

/// What the settlement is about.
#[derive(Serialize, Deserialize)]
struct About {
    issuer: EntityId,
    shop: EntityId,
    shop_url: String,
    items: Vec<(EntityId, Option<String>, u32, Minor)>,
    total: Minor,
    currency: Currency,
}

const STATES: [&str; 8] =
    ["presented", "permitted", "fetching", "available", "settled", "refused", "timed_out", "cancelled"];
const STATE: &str = "state";
const SHOP: &str = "shop";
const ISSUER: &str = "issuer";
const OWES: &str = "owes";
/// What of it is none of the buyer's business.
const BUYER_HIDES: &[&str] = &[OWES, "last_refusal"];

/// A settlement.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Shown {
    /// The approval, as its issuer names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<EntityId>,
    changed_at: Time,
    /// What was delivered.
    contents: Vec<ShownContent>,
    /// Currency of every amount here.
    currency: Currency,
    id: EntityId,
    /// The authentication server that issued the approval.
    issuer: EntityId,
    /// What is bought.
    items: Vec<Item>,
    /// Why the issuer did not give back what was to be, the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_refusal: Option<String>,
    /// What is owed to the issuer: `release`, `notice` or `refund`; or to the shop: `refund_message`.
    #[serde(skip_serializing_if = "Option::is_none")]
    owes: Option<&'static str>,
    /// Up to how much was permitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    permitted: Option<Minor>,
    presented_at: Time,
    /// Why nothing was settled: a slug.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What was given back.
    #[serde(skip_serializing_if = "Option::is_none")]
    refunded: Option<Minor>,
    /// Because of whom nothing was settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused_by: Option<By>,
    /// How much was settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_amount: Option<Minor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_at: Option<Time>,
    /// The shop.
    shop: EntityId,
    /// Where it is in its life.
    #[schemars(extend("enum" = STATES))]
    state: &'static str,
    /// What all of it costs, by the purchase information.
    total: Minor,
    version: u64,
}

/// A digital content.
#[derive(Serialize, schemars::JsonSchema)]
pub struct ShownContent {
    /// Its media type.
    media_type: String,
    /// Its number.
    n: u32,
    /// What it is called.
    name: String,
    /// What its bytes hash to, SHA-256 in hexadecimal digits.
    sha256: String,
    /// How many bytes it has.
    size: u64,
    /// Where it is fetched, while it is to be had: here with the capability of the settlement, or at the shop with the one that
    /// `collect` answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

impl EntityTable for Settlements {
    type Entity = Settlement;
    type Kept = Kept;
    type Shown = Shown;

    const NAME: &'static str = "settlements";
    const REVISION: u32 = 2;
    const SUMMARY: &'static str = "Approvals that were presented here, and what became of each.";
    const GRANTS: &'static [Grant] =
        &[Grant::all(Role::Operator), Grant::own(Role::Guest, Owner::Holder).without(BUYER_HIDES)];
    const FILTERS: &'static [Filter] = &[
        Filter::of(STATE, "where it is in its life", &STATES),
        Filter::any(SHOP, "the id of the shop"),
        Filter::any(ISSUER, "the id of the authentication server that issued the approval"),
        Filter::of(OWES, "what is owed to the issuer or the shop", &["release", "notice", "refund", "refund_message"]),
    ];

    fn keep(kept: &mut Kept, event: &Event) {
        match event {
            Event::Presented { issuer, shop, shop_url, items, total, currency, .. } if kept.about.is_none() => {
                let line = |item: &Item| (item.product, item.name.clone(), item.quantity, item.price);
                kept.about = Some(About {
                    issuer: *issuer,
                    shop: *shop,
                    shop_url: shop_url.clone(),
                    items: items.iter().map(line).collect(),
                    total: *total,
                    currency: *currency,
                });
            }
            Event::Permitted { amount, .. } => kept.permitted = Some(*amount),
            Event::RefundRefused { reason, .. } => {
                kept.last_refusal = Some(reason.clone());
            }
            Event::Presented { .. }
            | Event::Offered { .. }
            | Event::ContentsNamed { .. }
            | Event::ContentHeld { .. }
            | Event::Available { .. }
            | Event::Received { .. }
            | Event::Settled { .. }
            | Event::Noticed { .. }
            | Event::Refused { .. }
            | Event::TimedOut { .. }
            | Event::Cancelled { .. }
            | Event::Released { .. }
            | Event::RefundOrdered { .. }
            | Event::Refunded { .. }
            | Event::RefundTold { .. }
            | Event::HandedOver { .. } => {}
        }
    }

    fn show(id: EntityId, row: Row<Settlement, Kept>) -> Option<Shown> {
        let Row { state: settlement, kept, begun_at: presented_at, changed_at, version } = row;
        let Kept { about, permitted, last_refusal } = kept;
        let About { issuer, shop, shop_url, items, total, currency } = about?;
        let item = |(product, name, quantity, price)| Item { product, name, quantity, price };
        let contents = contents(id, &settlement, &shop_url);
        let mut shown = Shown {
            approval: None,
            changed_at,
            contents,
            currency,
            id,
            issuer,
            items: items.into_iter().map(item).collect(),
            last_refusal,
            owes: None,
            permitted,
            presented_at,
            reason: None,
            refunded: None,
            refused_by: None,
            settled_amount: None,
            settled_at: None,
            shop,
            state: "presented",
            total,
            version,
        };
        shown.is_now(settlement)?;
        Some(shown)
    }

    fn admits(shown: &Shown, filters: &Filters) -> bool {
        filters.admits(STATE, shown.state)
            && filters.admits(SHOP, &shown.shop.to_string())
            && filters.admits(ISSUER, &shown.issuer.to_string())
            && filters.admits(OWES, shown.owes.unwrap_or_default())
    }
}

impl Shown {
    /// Puts in what follows from the state; nothing for what nobody presented.
    fn is_now(&mut self, settlement: Settlement) -> Option<()> {
        match settlement {
            Settlement::Absent => return None,
            Settlement::Open(Open { phase, .. }) => {
                let permit;
                (self.state, permit) = match phase {
                    Phase::Presented => ("presented", None),
                    Phase::Permitted { permit, .. } => ("permitted", Some(permit)),
                    Phase::Named { permit, .. } => ("fetching", Some(permit)),
                    Phase::Available { permit, .. } => ("available", Some(permit)),
                };
                self.approval = permit.map(|permit| permit.approval);
            }
            Settlement::Releasing(Releasing { reason, .. }) => {
                self.owes = Some("release");
                self.came_to_nothing(reason.by, reason.why);
            }
            Settlement::Over(reason) => self.came_to_nothing(reason.by, reason.why),
            Settlement::Settled(settled) => {
                let Settled { approval, amount, at, notice, refund, refunded, told, .. } = settled;
                self.state = "settled";
                (self.approval, self.settled_amount, self.settled_at) = (Some(approval), Some(amount), Some(at));
                self.refunded = Some(refunded).filter(|refunded| *refunded != Minor::ZERO);
                self.owes = match (notice, refund) {
                    (Notice::Owed, _) => Some("notice"),
                    (Notice::Taken, Some(_)) => Some("refund"),
                    (Notice::Taken, None) => (told < refunded).then_some("refund_message"),
                };
            }
        }
        Some(())
    }

    fn came_to_nothing(&mut self, by: By, why: Why) {
        self.refused_by = Some(by);
        (self.state, self.reason) = match why {
            Why::Refused(slug) => ("refused", Some(slug)),
            Why::TimedOut => ("timed_out", None),
            Why::Cancelled => ("cancelled", None),
        };
    }
}

/// What is delivered, and where each content is to be had.
fn contents(id: EntityId, settlement: &Settlement, shop_url: &str) -> Vec<ShownContent> {
    let (delivery, is_settled) = match settlement {
        Settlement::Absent | Settlement::Releasing(_) | Settlement::Over(_) => return Vec::new(),
        Settlement::Open(Open { phase: Phase::Presented | Phase::Permitted { .. }, .. }) => return Vec::new(),
        Settlement::Open(Open { phase: Phase::Named { delivery, .. } | Phase::Available { delivery, .. }, .. }) => {
            (delivery, false)
        }
        Settlement::Settled(Settled { delivery, .. }) => (delivery, true),
    };
    let url = |content: &Content| {
        let Delivery { offer, direct, .. } = delivery;
        match settlement.available(content.n) {
            Some(_) => Some(format!("/v1/settlements/{id}/content/{}", content.n)),
            None if *direct && is_settled => Some(format!("{shop_url}/v1/offers/{offer}/content/{}", content.n)),
            None => None,
        }
    };
    let shown = |content: &Content| ShownContent {
        media_type: content.media_type.clone(),
        n: content.n,
        name: content.name.clone(),
        sha256: content.sha256.clone(),
        size: content.size,
        url: url(content),
    };
    delivery.contents.iter().map(shown).collect()
}
