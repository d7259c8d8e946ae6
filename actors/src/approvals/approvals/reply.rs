//! What accepted commands to approvals answer. Never names the user.

use kippu_events::approvals::offer_content::OfferItem;
use kippu_events::approvals::{Offered, Purchase};
use kippu_events::money::{Currency, Minor};
use kippu_events::{EntityId, Time};
use serde::{Deserialize, Serialize};

/// What an accepted command answers. Never names the user.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The approval.
    pub id: EntityId,
    /// Where it is in its life.
    pub state: State,
    /// The party that gives it, where it is given or collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<EntityId>,
    /// Up to how much may be settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Minor>,
    /// How much was settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_amount: Option<Minor>,
    /// How much of that was given back in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunded_amount: Option<Minor>,
    /// The currency of each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// What is bought, at its opening.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purchase: Option<Purchase>,
    /// From then on it admits nobody, where it is given or collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// What redeems it, where it is given or collected. Absent too once the root key that it was made with is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The API client or peer that may settle it, or did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settler: Option<EntityId>,
    /// The shop, where it is for an offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shop: Option<EntityId>,
    /// The parties that may settle the offer; not to settlers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlers: Option<Vec<EntityId>>,
    /// What is offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<OfferItem>>,
    /// What the shop knows the user by; to its settlers alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buyer: Option<EntityId>,
}

impl Reply {
    /// An answer that says no more than the state.
    #[must_use]
    pub const fn plain(id: EntityId, state: State) -> Self {
        Self {
            id,
            state,
            issuer: None,
            amount: None,
            settled_amount: None,
            refunded_amount: None,
            currency: None,
            purchase: None,
            expires_at: None,
            token: None,
            settler: None,
            shop: None,
            settlers: None,
            items: None,
            buyer: None,
        }
    }

    /// The same, with what a terminal is told of the offer.
    #[must_use]
    pub fn of_offer(self, offer: Option<&Offered>) -> Self {
        let Some(offer) = offer else { return self };
        let (settlers, items) = (Some(offer.settlers.clone()), Some(offer.items.clone()));
        Self { shop: Some(offer.shop), settlers, items, ..self }
    }

    /// The same, with what a settler is told of the offer.
    #[must_use]
    pub fn to_settler(self, offer: Option<&Offered>) -> Self {
        let Some(offer) = offer else { return self };
        Self { shop: Some(offer.shop), items: Some(offer.items.clone()), buyer: Some(offer.buyer), ..self }
    }
}

/// Where an approval is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A financial reference is asked first.
    Pending,
    /// Given; its token admits once.
    Issued,
    /// Its token was used.
    Redeemed,
    /// Paid.
    Settled,
    /// Over before anybody used it.
    Expired,
    /// Taken back.
    Revoked,
    /// Its settler let go of it.
    Released,
}
