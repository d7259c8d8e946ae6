//! An approval as it is shown.

use kippu_events::approvals::RequestRefusal;
use kippu_events::money::{Currency, Minor};
use kippu_events::{EntityId, Time};
use serde::Serialize;

use super::{Phase, REQUESTER, Row, USER};
use crate::view::Ask;

/// A purchase approval.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct Shown {
    /// Up to how much may be settled, in minor units.
    amount: Minor,
    changed_at: Time,
    currency: Currency,
    /// When it expired or was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Time>,
    id: EntityId,
    purchase: ShownPurchase,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<RequestRefusal>,
    /// How often its token was tried when it was no longer good.
    redeem_refusals: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    redeemed_at: Option<Time>,
    requested_at: Time,
    /// The API client that asked for it. Not shown to settlers.
    #[serde(skip_serializing_if = "Option::is_none")]
    requester: Option<EntityId>,
    /// How much was settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_amount: Option<Minor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_at: Option<Time>,
    /// The API client that redeemed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    settler: Option<EntityId>,
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

impl Shown {
    pub(super) fn new(id: EntityId, row: Row, ask: &Ask<'_>) -> Self {
        let (mut reason, mut settled, mut ended_at) = (None, None, None);
        match row.phase {
            Phase::Refused { reason: why } => reason = Some(why),
            Phase::Issued | Phase::Redeemed { .. } => {}
            Phase::Settled { amount, at, .. } => settled = Some((amount, at)),
            Phase::Expired { at } | Phase::Revoked { at, .. } => ended_at = Some(at),
        }
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
            settler: redeemed.map(|(settler, _)| settler),
            settled_amount: settled.map(|(amount, _)| amount),
            redeem_refusals: row.redeem_refusals,
            requested_at: row.requested_at,
            expires_at: row.expires_at,
            redeemed_at: redeemed.map(|(_, at)| at),
            settled_at: settled.map(|(_, at)| at),
            ended_at,
            changed_at: row.changed_at,
            version: row.version,
        }
    }
}
