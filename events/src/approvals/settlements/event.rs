//! What can happen to a settlement.

use serde::{Deserialize, Serialize};

use super::super::settler_terms::Order;
use crate::id::EntityId;
use crate::money::{Currency, Minor};
use crate::opaque::{EncryptedField, TokenHash};
use crate::time::Time;

/// The shop's offer that is paid for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Offer {
    /// Which.
    pub id: EntityId,
    /// What its statement hashes to.
    pub sha256: String,
}

/// One line of what is bought.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Item {
    /// What the shop calls it; nothing where the terminal made the purchase information.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What one piece costs.
    pub price: Minor,
    /// Which product of the shop.
    pub product: EntityId,
    /// How many pieces.
    pub quantity: u32,
}

/// A digital content, as the shop names it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Content {
    /// Its number within the offer.
    pub n: u32,
    /// What it is called.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// What its bytes hash to.
    pub sha256: String,
    /// How many bytes it has.
    pub size: u64,
}

/// The versions of what was looked up when the approval was presented.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Versions {
    /// The issuer, among the peers.
    pub issuer: u64,
    /// The shop, among the peers.
    pub shop: u64,
    /// The terms; 0 where nobody has set them.
    pub terms: u64,
}

/// Who said no.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The authentication server that issued the approval.
    Issuer,
    /// The shop.
    Shop,
    /// This node: what the others said does not fit.
    Settler,
    /// An operator of this node.
    Operator,
    /// Who presented the approval.
    Buyer,
    /// Nobody: a time has passed.
    Deadline,
}

/// What happened to a settlement. The `attempt` of an event is the number of the activity that it is the outcome of.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// An approval was presented. The issuer is asked whether the payment is permitted.
    #[serde(rename = "settlement.presented")]
    Presented {
        /// The authentication server that issued the approval.
        issuer: EntityId,
        /// The shop.
        shop: EntityId,
        /// Where the shop's node answered.
        shop_url: String,
        /// What is paid for; nothing where the terminal made the purchase information.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        offer: Option<Offer>,
        /// What is bought.
        items: Vec<Item>,
        /// What all of it costs.
        total: Minor,
        /// In which currency.
        currency: Currency,
        /// The approval's token.
        token: EncryptedField,
        /// What the capability hashes to that shows this settlement.
        capability: TokenHash,
        /// The API client that presented it, where one did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        presenter: Option<EntityId>,
        /// What comes first.
        order: Order,
        /// A permission that comes from then on does not count.
        wait_until: Time,
        /// For so many seconds, from the permission on, the shop is waited for.
        shop_secs: u32,
        /// For so many seconds the buyer is waited for, where delivery comes first.
        deliver_secs: u32,
        /// Of what was looked up.
        versions: Versions,
    },
    /// The issuer permitted the payment.
    #[serde(rename = "settlement.permitted")]
    Permitted {
        /// Of the question.
        attempt: u32,
        /// The approval, as the issuer names it.
        approval: EntityId,
        /// Up to how much.
        amount: Minor,
        /// In which currency.
        currency: Currency,
        /// What the shop may call the buyer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        buyer: Option<EntityId>,
        /// What the shop has not delivered by then is not settled.
        shop_until: Time,
    },
    /// The shop found the terminal's purchase information right, and made an offer of it.
    #[serde(rename = "settlement.offered")]
    Offered {
        /// Of the question.
        attempt: u32,
        /// The offer.
        offer: EntityId,
    },
    /// The shop said what it delivers.
    #[serde(rename = "settlement.contents_named")]
    ContentsNamed {
        /// Of the question.
        attempt: u32,
        /// What that costs.
        amount: Minor,
        /// What the goods and contents are called.
        names: Vec<String>,
        /// How many pieces they are.
        quantity: u64,
        /// What is to be fetched.
        contents: Vec<Content>,
        /// Whether the buyer fetches it from the shop.
        direct: bool,
        /// What opens it at the shop.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        capability: Option<EncryptedField>,
    },
    /// A content is held here.
    #[serde(rename = "settlement.content_held")]
    ContentHeld {
        /// Of the fetch.
        attempt: u32,
        /// Which.
        content: u32,
        /// What its bytes hash to.
        sha256: String,
    },
    /// The buyer may fetch what is not paid yet.
    #[serde(rename = "settlement.available")]
    Available {
        /// What nobody has begun to fetch by then is not settled.
        until: Time,
    },
    /// The buyer has got contents, or all that was bought.
    #[serde(rename = "settlement.received")]
    Received {
        /// Which contents that were not received before.
        contents: Vec<u32>,
    },
    /// The price was settled. From then on a payment notice is owed.
    #[serde(rename = "settlement.settled")]
    Settled {
        /// The approval, as the issuer names it.
        approval: EntityId,
        /// How much.
        amount: Minor,
        /// In which currency.
        currency: Currency,
        /// What the goods and contents are called.
        contents: Vec<String>,
        /// How many pieces they are.
        quantity: u64,
        /// When.
        at: Time,
    },
    /// The issuer has the payment notice.
    #[serde(rename = "settlement.noticed")]
    Noticed {
        /// Of the notice.
        attempt: u32,
    },
    /// Somebody said no before anything was settled. Where that is the issuer itself, nothing is reserved; otherwise a release
    /// is owed from then on.
    #[serde(rename = "settlement.refused")]
    Refused {
        /// Of what was asked.
        attempt: u32,
        /// Who.
        by: By,
        /// Why: a slug.
        reason: String,
    },
    /// An answer did not come in time. A release is owed from then on.
    #[serde(rename = "settlement.timed_out")]
    TimedOut {
        /// Of what was asked.
        attempt: u32,
        /// Whose.
        by: By,
    },
    /// It was called off before anything was settled. A release is owed from then on.
    #[serde(rename = "settlement.cancelled")]
    Cancelled {
        /// Who called it off.
        by: By,
    },
    /// Nothing is reserved any more.
    #[serde(rename = "settlement.released")]
    Released {
        /// Of the release.
        attempt: u32,
        /// Why there was nothing to release, where there was nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A part of the price is to be given back.
    #[serde(rename = "settlement.refund_ordered")]
    RefundOrdered {
        /// How much.
        amount: Minor,
    },
    /// It was given back.
    #[serde(rename = "settlement.refunded")]
    Refunded {
        /// Of the refund.
        attempt: u32,
        /// How much.
        amount: Minor,
    },
    /// The issuer did not give it back, and is not asked again.
    #[serde(rename = "settlement.refund_refused")]
    RefundRefused {
        /// Of the refund.
        attempt: u32,
        /// How much.
        amount: Minor,
        /// Why: a slug.
        reason: String,
    },
    /// The shop knows what was given back.
    #[serde(rename = "settlement.refund_told")]
    RefundTold {
        /// Of the message.
        attempt: u32,
        /// How much that was, in all.
        total: Minor,
    },
    /// The buyer was told what opens the contents at the shop.
    #[serde(rename = "settlement.handed_over")]
    HandedOver {
        /// The offer.
        offer: EntityId,
        /// Where the shop's node answered.
        shop_url: String,
        /// What is to be fetched there.
        contents: Vec<Content>,
        /// What opens it.
        capability: EncryptedField,
    },
}
