//! An approval as it is shown.

use kippu_events::approvals::offer_content::OfferItem;
use kippu_events::approvals::{Inquiry, Offered, RequestRefusal};
use kippu_events::money::{Currency, Minor};
use kippu_events::{EntityId, Time};
use serde::Serialize;

use super::{BUYER, INQUIRY, Phase, REQUESTER, Row, USER};
use crate::view::Ask;

/// A purchase approval.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct Shown {
    /// Up to how much may be settled, in minor units.
    amount: Minor,
    /// What the shop knows the user by, where it is for an offer. Not shown to terminals and users.
    #[serde(skip_serializing_if = "Option::is_none")]
    buyer: Option<EntityId>,
    changed_at: Time,
    /// How often its token was collected.
    #[serde(default, skip_serializing_if = "is_zero")]
    collected: u64,
    /// What was delivered, by its names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    contents: Vec<String>,
    currency: Currency,
    /// When it expired, was revoked, or was let go of.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Time>,
    id: EntityId,
    /// What a financial reference told, where one was asked. Not shown to settlers.
    #[serde(skip_serializing_if = "Option::is_none")]
    inquiry: Option<Inquiry>,
    /// What is offered, where it is for an offer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    items: Vec<OfferItem>,
    /// The offer, by its id at the shop.
    #[serde(skip_serializing_if = "Option::is_none")]
    offer: Option<EntityId>,
    /// What the offer hashes to: SHA-256 in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    offer_sha256: Option<String>,
    /// When it was settled, as the settler has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    paid_at: Option<Time>,
    /// Without an answer of the financial reference by then it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_until: Option<Time>,
    purchase: ShownPurchase,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<RequestRefusal>,
    /// How often its token was tried when it was no longer good.
    redeem_refusals: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    redeemed_at: Option<Time>,
    /// How much of what was settled was given back.
    #[serde(skip_serializing_if = "Option::is_none")]
    refunded_amount: Option<Minor>,
    requested_at: Time,
    /// The API client that asked for it, where the user did not. Not shown to settlers.
    #[serde(skip_serializing_if = "Option::is_none")]
    requester: Option<EntityId>,
    /// How much was settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_amount: Option<Minor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_at: Option<Time>,
    /// The API client or peer that redeemed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    settler: Option<EntityId>,
    /// The parties that may settle it, where it is for an offer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    settlers: Vec<EntityId>,
    /// The shop, where it is for an offer.
    #[serde(skip_serializing_if = "Option::is_none")]
    shop: Option<EntityId>,
    /// Where it is in its life.
    #[schemars(extend("enum" = super::STATES))]
    state: &'static str,
    /// Whose limit it reserves. Not shown to settlers.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<EntityId>,
    version: u64,
}

/// What is bought.
#[derive(Serialize, schemars::JsonSchema)]
struct ShownPurchase {
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<u32>,
}

// As serde wants it.
#[allow(clippy::trivially_copy_pass_by_ref)]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Shown {
    pub(super) fn new(id: EntityId, row: Row, ask: &Ask<'_>) -> Self {
        let (mut reason, mut settled, mut ended_at, mut pending_until) = (None, None, None, None);
        match row.phase {
            Phase::Refused { reason: why } => reason = Some(why),
            Phase::Issued | Phase::Redeemed { .. } => {}
            Phase::Settled { amount, refunded, at, .. } => settled = Some((amount, refunded, at)),
            Phase::Expired { at } | Phase::Revoked { at, .. } | Phase::Released { at, .. } => ended_at = Some(at),
            Phase::Pending { until } => pending_until = Some(until),
        }
        let offer = row.offer.map(|offer| *offer);
        let buyer = offer.as_ref().map(|offer| offer.buyer).filter(|_| ask.shows(BUYER));
        let shop = offer.as_ref().map(|offer| offer.shop);
        let (offer, offer_sha256, settlers, items) = match offer {
            None => (None, None, Vec::new(), Vec::new()),
            Some(Offered { id, sha256, settlers, items, .. }) => (Some(id), Some(sha256), settlers, items),
        };
        let settler = row.phase.settler();
        let redeemed = row.phase.redeemed();
        Self {
            id,
            state: row.phase.name(),
            user: ask.shows(USER).then_some(row.user),
            requester: row.requester.filter(|_| ask.shows(REQUESTER)),
            amount: row.amount,
            currency: row.currency,
            purchase: ShownPurchase { description: row.description, quantity: row.quantity },
            reason,
            settler,
            settled_amount: settled.map(|(amount, ..)| amount),
            refunded_amount: settled.map(|(_, refunded, _)| refunded).filter(|refunded| *refunded > Minor::ZERO),
            buyer,
            collected: row.collected,
            contents: row.contents,
            inquiry: row.inquiry.filter(|_| ask.shows(INQUIRY)).map(|(party, told, limit)| Inquiry {
                party,
                told,
                limit,
            }),
            items,
            offer,
            offer_sha256,
            paid_at: row.paid_at,
            pending_until,
            settlers,
            shop,
            redeem_refusals: row.redeem_refusals,
            requested_at: row.requested_at,
            expires_at: row.expires_at,
            redeemed_at: redeemed.map(|(_, at)| at),
            settled_at: settled.map(|(.., at)| at),
            ended_at,
            changed_at: row.changed_at,
            version: row.version,
        }
    }
}
