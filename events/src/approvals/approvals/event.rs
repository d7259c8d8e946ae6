//! What happens to approvals, and what their events are made of.

use serde::{Deserialize, Serialize};

use crate::approvals::offer_content::OfferItem;
use crate::id::EntityId;
use crate::money::{Currency, Minor};
use crate::opaque::{EncryptedField, TokenHash};
use crate::principal::Principal;
use crate::time::Time;

/// Why an approval was not given.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestRefusal {
    /// Reserved, charged and asked for together exceed the limit.
    LimitExceeded,
    /// The limit is in another currency.
    CurrencyMismatch,
    /// The identification did not hold: no such user, no PIN, or a wrong one.
    NotIdentified,
    /// Too many wrong PINs; none is accepted for a while.
    PinLocked,
    /// The subscription is suspended.
    UserSuspended,
    /// The shop's offer is over.
    OfferExpired,
    /// The financial reference does not vouch for the user, or not for so much.
    CreditRefused,
    /// The financial reference gave no answer in time, or none that can be used.
    ReferenceFailed,
}

/// Why a redemption was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RedeemRefusal {
    /// It was redeemed before.
    AlreadyRedeemed,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
    /// Its settler let go of it.
    Released,
    /// The shop is related to other settlers.
    OtherSettler,
    /// It was given for another offer, amount or currency.
    Differs,
    /// The subscription of its user is suspended.
    UserSuspended,
}

/// What is bought, as far as the approval cares.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Purchase {
    /// Kind or name of the content; no personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    #[schemars(regex(pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"))]
    pub description: Option<String>,
    /// How many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<u32>,
}

/// The offer of a shop that an approval is for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Offered {
    /// The shop, which is a peer.
    pub shop: EntityId,
    /// The version of that peer whose key counted.
    pub shop_version: u64,
    /// What shop and settlers know the user by: another name at each shop.
    pub buyer: EntityId,
    /// The offer, by its id at the shop.
    pub id: EntityId,
    /// What its text hashes to: SHA-256 in hexadecimal digits.
    pub sha256: String,
    /// From then on it is none.
    pub expires_at: Time,
    /// The parties that may settle it.
    pub settlers: Vec<EntityId>,
    /// What is offered.
    pub items: Vec<OfferItem>,
}

/// By which channel the token reaches the user.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// In the answer to the request, where it is given at once.
    #[default]
    Request,
    /// It is collected by another request, and is in no answer to this one.
    Collect,
}

impl Channel {
    const fn is_request(&self) -> bool {
        matches!(self, Self::Request)
    }
}

/// What a financial reference told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// It vouches for the user.
    Good,
    /// It does not.
    Bad,
    /// It does not know the number.
    Unknown,
    /// It answered with something else.
    Unusable,
    /// There was no answer in time.
    Nothing,
}

/// The question to a financial reference, as an input of a decision.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Inquiry {
    /// The peer that was asked.
    pub party: EntityId,
    /// What it told.
    pub told: Told,
    /// Up to how much it vouches, where it told that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Minor>,
}

/// What a settler named when it presented a token.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Named {
    /// What the offer hashes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer_sha256: Option<String>,
    /// How much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Minor>,
    /// In which currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
}

impl Named {
    /// Whether it named nothing.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.offer_sha256.is_none() && self.amount.is_none() && self.currency.is_none()
    }
}

/// What happened to an approval.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// A financial reference is asked first. Names the inputs of the decision so far.
    #[serde(rename = "approval.pending")]
    Pending {
        /// Whose limit it reserves.
        user: EntityId,
        /// The API client that asked for it; the user, who did so without one.
        terminal: EntityId,
        /// Up to how much may be settled.
        amount: Minor,
        /// Currency of the limit.
        currency: Currency,
        /// What is bought.
        purchase: Purchase,
        /// The offer of a shop, where it is for one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        offer: Option<Box<Offered>>,
        /// By which channel its token is to reach the user.
        #[serde(default, skip_serializing_if = "Channel::is_request")]
        channel: Channel,
        /// For how long the token would be good, in seconds.
        expires_in_secs: u32,
        /// What the token would hash to.
        token: TokenHash,
        /// How much of it is reserved already: nothing where the reference is to be heard before the limit.
        reserved: Minor,
        /// The limit as it was.
        limit: Minor,
        /// What was reserved and charged before.
        used: Minor,
        /// The peer that is asked.
        reference: EntityId,
        /// The user's number there, encrypted under the person's key.
        number: EncryptedField,
        /// Without an answer by then it is refused.
        until: Time,
    },
    /// A purchase was approved. Names the inputs of the decision.
    #[serde(rename = "approval.issued")]
    Issued {
        /// Whose limit it reserves.
        user: EntityId,
        /// The API client that asked for it; the user, who did so without one.
        terminal: EntityId,
        /// Up to how much may be settled.
        amount: Minor,
        /// Currency of the limit.
        currency: Currency,
        /// What is bought.
        purchase: Purchase,
        /// The offer of a shop, where it is for one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        offer: Option<Box<Offered>>,
        /// By which channel its token reaches the user.
        #[serde(default, skip_serializing_if = "Channel::is_request")]
        channel: Channel,
        /// From then on it admits nobody.
        expires_at: Time,
        /// What the token hashes to.
        token: TokenHash,
        /// The limit as it was.
        limit: Minor,
        /// What was reserved and charged before.
        used: Minor,
        /// What a financial reference told, where one was asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inquiry: Option<Inquiry>,
    },
    /// A purchase was not approved; there is no token.
    #[serde(rename = "approval.refused")]
    Refused {
        /// Whose limit it would have reserved.
        user: EntityId,
        /// How much was asked for.
        amount: Minor,
        /// In which currency.
        currency: Currency,
        /// What was to be bought.
        purchase: Purchase,
        /// The offer of a shop, where it was for one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        offer: Option<Box<Offered>>,
        /// Why not.
        reason: RequestRefusal,
        /// What a financial reference told, where one was asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inquiry: Option<Inquiry>,
    },
    /// Somebody who stands for the user was given the token.
    #[serde(rename = "approval.collected")]
    Collected {
        /// Who.
        #[schemars(with = "String")]
        by: Principal,
        /// The root key of the token.
        key: u32,
        /// Up to how much may be settled.
        amount: Minor,
        /// In which currency.
        currency: Currency,
        /// From then on it admits nobody.
        expires_at: Time,
        /// The offer of a shop, where it is for one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        offer: Option<Box<Offered>>,
    },
    /// The token was used: the payment is permitted to this settler.
    #[serde(rename = "approval.redeemed")]
    Redeemed {
        /// The API client or peer that may settle.
        settler: EntityId,
        /// Up to how much.
        amount: Minor,
        /// In which currency.
        currency: Currency,
        /// The offer of a shop, where it is for one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        offer: Option<Box<Offered>>,
    },
    /// Somebody tried the token when it was not good, or not for them.
    #[serde(rename = "approval.redeem_refused")]
    RedeemRefused {
        /// The API client or peer that tried.
        settler: EntityId,
        /// Why not.
        reason: RedeemRefusal,
        /// What it named, where that was something.
        #[serde(default, skip_serializing_if = "Named::is_nothing")]
        named: Named,
    },
    /// The price was settled.
    #[serde(rename = "approval.settled")]
    Settled {
        /// By whom.
        settler: EntityId,
        /// How much, at most what was approved.
        amount: Minor,
        /// In which currency.
        currency: Currency,
        /// When, as the settler has it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        settled_at: Option<Time>,
        /// What was delivered, by its names.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        contents: Vec<String>,
    },
    /// A part of what was settled was given back.
    #[serde(rename = "approval.refunded")]
    Refunded {
        /// How much.
        amount: Minor,
        /// In which currency.
        currency: Currency,
        /// With what was given back before.
        total: Minor,
    },
    /// Its time passed before anybody redeemed it.
    #[serde(rename = "approval.expired")]
    Expired {},
    /// It was taken back before it was settled.
    #[serde(rename = "approval.revoked")]
    Revoked {},
    /// A settler let go of it, before or after it was redeemed: nothing will be settled.
    #[serde(rename = "approval.released")]
    Released {
        /// Who.
        settler: EntityId,
    },
}
