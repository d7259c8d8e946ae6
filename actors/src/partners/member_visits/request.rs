//! What visits are asked, and what they answer.

use kippu_events::money::{Currency, Minor};
use kippu_events::partners::members::{Confirmation, Ticket};
use kippu_events::{EntityId, Time};
use serde::{Deserialize, Serialize};

use crate::partners::member_actions::MOST_CHARS;
use crate::partners::members::request::Signed;
use crate::text::Text;

/// More than anybody buys in an hour.
pub const MOST_ORDERS: u32 = 255;

commands! {
    /// A member comes with a ticket.
    Open = "open" New [Guest] "Opens a visit of a member, by a ticket, once: answers the capability with which it goes on." {
        /// Under which contract.
        contract: EntityId,
        /// The ticket.
        ticket: Signed,
    }
    /// The member orders goods.
    Order = "order" Id [Guest] "Orders goods, at the price of the member's class. For who holds the capability of the visit." {
        /// Under which contract the visit is.
        contract: EntityId,
        /// Which goods, as the terms of the contract name them.
        item: Text<MOST_CHARS>,
        /// On which page.
        #[serde(default)]
        page: Option<Text<MOST_CHARS>>,
    }
    /// The member pays.
    Pay = "pay" Id [Guest] "Pays an order, with a confirmation by one-time code. For who holds the capability of the visit." {
        /// Under which contract the visit is.
        contract: EntityId,
        /// Which order.
        order: u32,
        /// The confirmation.
        #[serde(default)]
        confirmation: Option<Signed>,
    }
}

/// A request whose statements were checked.
pub enum Command {
    /// A member comes with a ticket.
    Open {
        /// Under which contract.
        contract: EntityId,
        /// What the ticket says.
        ticket: Ticket,
        /// Who has signed it.
        signer: EntityId,
        /// What it hashes to.
        sha256: String,
    },
    /// The member orders goods.
    Order {
        /// Under which contract.
        contract: EntityId,
        /// Which goods.
        item: String,
        /// On which page.
        page: Option<String>,
        /// What they cost, by class.
        price: kippu_events::partners::contracts::Price,
        /// By which terms.
        terms: u32,
    },
    /// The member pays.
    Pay {
        /// Under which contract.
        contract: EntityId,
        /// Which order.
        order: u32,
        /// What the confirmation says, and what it hashes to.
        confirmation: Option<(Confirmation, String)>,
        /// To whom the purchase is handed on.
        to: Option<EntityId>,
        /// The party of this node.
        site: EntityId,
    },
}

/// What an accepted command answers.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The visit.
    pub id: EntityId,
    /// What is to be paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Minor>,
    /// What the visit goes on with, sent as a bearer key, at its opening.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capability: Option<String>,
    /// The member's class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The currency of the amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// When the visit ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// As whom the central node knows the member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<EntityId>,
    /// Which order of the visit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<u32>,
}

impl Reply {
    /// One that names the visit alone.
    #[must_use]
    pub const fn plain(id: EntityId) -> Self {
        Self {
            id,
            amount: None,
            capability: None,
            class: None,
            currency: None,
            expires_at: None,
            member: None,
            order: None,
        }
    }
}
