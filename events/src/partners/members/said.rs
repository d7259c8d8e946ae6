//! What a node signs of a member.

use serde::{Deserialize, Serialize};

use crate::id::EntityId;
use crate::money::{Currency, Minor};
use crate::time::Time;

/// The type of statements that are tickets.
pub const TICKET: &str = "kippu-member-ticket";
/// The type of statements that allow a copy.
pub const ALLOWANCE: &str = "kippu-member-allowance";
/// The type of statements that confirm a payment.
pub const CONFIRMATION: &str = "kippu-member-confirmation";

/// That a member was identified for a site.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ticket {
    /// As whom the central node knows the member.
    pub member: EntityId,
    /// For which site.
    pub site: EntityId,
    /// Which of the member's tickets.
    pub number: u32,
    /// The class.
    pub class: String,
    /// It ends then.
    pub expires_at: Time,
}

/// That a site's node may keep what identifies a member. It is told to that node alone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Allowance {
    /// As whom the central node knows the member.
    pub member: EntityId,
    /// Which site.
    pub site: EntityId,
    /// The class.
    pub class: String,
    /// It is to be used until then.
    pub expires_at: Time,
}

/// That a member confirmed a payment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Confirmation {
    /// As whom the central node knows the member.
    pub member: EntityId,
    /// At which site.
    pub site: EntityId,
    /// During which visit there.
    pub visit: EntityId,
    /// Which order of it.
    pub order: u32,
    /// How much.
    pub amount: Minor,
    /// Its currency.
    pub currency: Currency,
    /// It ends then.
    pub expires_at: Time,
}
