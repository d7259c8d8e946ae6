//! What happens to users, and what their events are made of.

use serde::{Deserialize, Serialize};

use crate::id::EntityId;
use crate::money::{Currency, Minor};
use crate::opaque::{EncryptedField, PinVerifier};
use crate::time::Time;

/// Where the upper limit of a user's purchases comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LimitSource {
    /// Set by the operator.
    Fixed,
    /// What the user has paid in beforehand.
    Prepaid,
    /// Points that the user has gathered.
    Points,
    /// What a financial reference vouches for: each of its answers sets it.
    Solvency,
}

/// Whose word an approval takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// The user's limit alone.
    #[default]
    Own,
    /// A financial reference is asked first; then the limit holds.
    Reference,
    /// The limit first; then a financial reference is asked.
    Both,
}

impl Policy {
    /// Whether no reference is asked.
    #[must_use]
    pub const fn is_own(&self) -> bool {
        matches!(self, Self::Own)
    }
}

/// Under which number a financial reference knows the user.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reference {
    /// The reference, which is a peer.
    pub party: EntityId,
    /// The number, encrypted under the person's key.
    pub number: EncryptedField,
}

/// Over what time charges add up to the limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// All time.
    #[default]
    None,
    /// A calendar month in UTC.
    Month,
}

impl Period {
    /// Whether it never begins anew.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

// As serde wants it.
#[allow(clippy::trivially_copy_pass_by_ref)]
const fn is_zero(number: &u16) -> bool {
    *number == 0
}

#[allow(clippy::trivially_copy_pass_by_ref)]
const fn is_false(given: &bool) -> bool {
    !*given
}

/// When a reservation becomes a charge.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Charging {
    /// When the payment is permitted; a smaller settlement gives the rest back.
    AtPermission,
    /// When the settlement arrives.
    #[default]
    AtSettlement,
}

/// For what a user is charged apart from purchases.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// What the line costs: calls, messages, data, and the line itself.
    Line,
    /// What the service itself costs.
    Fee,
}

/// What happened to a user.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// The user's history begins.
    #[serde(rename = "user.registered")]
    Registered {
        /// The login name, encrypted under the person's key.
        login: EncryptedField,
        /// The person's name, encrypted under the person's key.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<EncryptedField>,
        /// What checks the PIN, if the user has one.
        #[serde(skip_serializing_if = "Option::is_none")]
        pin: Option<PinVerifier>,
        /// Where the limit comes from.
        source: LimitSource,
        /// The upper limit at the beginning.
        limit: Minor,
        /// Its currency, for ever.
        currency: Currency,
        /// When the user is charged.
        charging: Charging,
        /// Whose word an approval takes.
        #[serde(default, skip_serializing_if = "Policy::is_own")]
        policy: Policy,
        /// The financial reference that is asked, where one is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<Box<Reference>>,
        /// How many points a settled amount generates, in ten thousandths of it.
        #[serde(default, skip_serializing_if = "is_zero")]
        points_rate_bp: u16,
        /// Over what time charges add up to the limit.
        #[serde(default, skip_serializing_if = "Period::is_none")]
        period: Period,
    },
    /// The operator set another limit, or a financial reference did.
    #[serde(rename = "user.limit_changed")]
    LimitChanged {
        /// The upper limit from now on.
        limit: Minor,
        /// What it was.
        before: Minor,
        /// Currency of both.
        currency: Currency,
        /// The approval for which a reference was asked; left out where the operator set it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approval: Option<EntityId>,
    },
    /// Money was paid in, or points were gathered: the limit grew.
    #[serde(rename = "user.credited")]
    Credited {
        /// By how much.
        amount: Minor,
        /// The upper limit from now on.
        limit: Minor,
        /// Currency of both.
        currency: Currency,
        /// The approval whose settlement generated the points; left out where the operator credited.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approval: Option<EntityId>,
    },
    /// Points were taken back, because a purchase that had generated them was given back: the limit shrank.
    #[serde(rename = "user.points_taken_back")]
    PointsTakenBack {
        /// The approval.
        approval: EntityId,
        /// By how much.
        amount: Minor,
        /// The upper limit from now on.
        limit: Minor,
        /// Currency of both.
        currency: Currency,
    },
    /// An approval reserved a part of the limit.
    #[serde(rename = "user.amount_reserved")]
    AmountReserved {
        /// The approval.
        approval: EntityId,
        /// How much.
        amount: Minor,
    },
    /// A reservation ended without a charge.
    #[serde(rename = "user.amount_released")]
    AmountReleased {
        /// The approval.
        approval: EntityId,
        /// How much.
        amount: Minor,
    },
    /// A reservation turned into a charge; what was reserved beyond it is free again.
    #[serde(rename = "user.amount_charged")]
    AmountCharged {
        /// The approval.
        approval: EntityId,
        /// The reservation that ended.
        reserved: Minor,
        /// The charge.
        amount: Minor,
    },
    /// A charge was taken back, in whole or in part.
    #[serde(rename = "user.amount_refunded")]
    AmountRefunded {
        /// The approval.
        approval: EntityId,
        /// How much.
        amount: Minor,
        /// Whether it was charged in an earlier period, so that this one's sum stays.
        #[serde(default, skip_serializing_if = "is_false")]
        of_earlier_period: bool,
    },
    /// The operator charged something that is no purchase, or took such a charge back. It counts against no limit.
    #[serde(rename = "user.charged")]
    Charged {
        /// For what.
        category: Category,
        /// How much.
        amount: Minor,
        /// The user's currency.
        currency: Currency,
        /// What is to stand in statements; no personal data.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// Whether it takes back what was charged.
        #[serde(default, skip_serializing_if = "is_false")]
        takes_back: bool,
    },
    /// Charges begin to add up anew.
    #[serde(rename = "user.period_begun")]
    PeriodBegun {
        /// What was charged in the period before and not taken back.
        charged_before: Minor,
        /// When the next one begins.
        next: Time,
    },
    /// The subscription is suspended: nothing is approved, and no token is taken.
    #[serde(rename = "user.suspended")]
    Suspended {},
    /// The subscription goes on.
    #[serde(rename = "user.resumed")]
    Resumed {},
    /// The person is forgotten, for ever: the key of what is encrypted here is destroyed. Sums stay, and what is reserved ends as before.
    #[serde(rename = "user.forgotten")]
    Forgotten {},
    /// A wrong PIN was given.
    #[serde(rename = "user.pin_refused")]
    PinRefused {
        /// No PIN is accepted before this time, where too many were wrong.
        #[serde(skip_serializing_if = "Option::is_none")]
        locked_until: Option<Time>,
    },
    /// The right PIN was given after wrong ones.
    #[serde(rename = "user.pin_accepted")]
    PinAccepted {},
}
