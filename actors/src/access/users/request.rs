//! What users are asked, before and after its secrets are dealt with, and what they answer.

use kippu_events::access::users::{Category, Charging, LimitSource, Period, Policy, Reference};
use kippu_events::money::{Currency, Minor};
use kippu_events::secrets::{EncryptedField, PinVerifier};
use kippu_events::{EntityId, caseless};
use serde::{Deserialize, Serialize};

use super::pin::Pin;
use crate::text::{Text, named};

/// As long as an e-mail address can be (RFC 5321), which many use as a login.
pub const MOST_LOGIN_CHARS: usize = 254;
/// Long enough for every name on a passport, and for a company.
pub const MOST_NAME_CHARS: usize = 256;
/// A realm is a short word of the operator: a network, a bank, a shop.
pub const MOST_REALM_CHARS: usize = 64;
/// As long as an account number or a card number can be, and longer.
pub const MOST_NUMBER_CHARS: usize = 64;
/// Half of what a line of a bank statement holds (ISO 20022, Max500Text).
pub const MOST_NOTE_CHARS: usize = 250;
/// All of what is settled: more than that would be no points but a present.
pub const MOST_POINTS_RATE_BP: u16 = 10_000;
/// The realm of those who name none.
pub const DEFAULT_REALM: &str = "default";

/// Whose name for the user a login is.
pub type Realm = Text<MOST_REALM_CHARS>;
/// The name or number by which a user is found.
pub type Login = Text<MOST_LOGIN_CHARS>;

commands! {
    /// A user is registered.
    Open = "open" New [Operator] "Registers a user with a login, a limit and perhaps a PIN." {
        /// Whose name for the user the login is; `default` where there is one only. Found in any way to write it, as the login.
        #[serde(default, deserialize_with = "named_realm")]
        realm: Option<Realm>,
        /// The name or number by which the user is found, in any way to write it: case, Unicode form, invisible characters and
        /// outer white space do not count. Kept encrypted.
        login: Login,
        /// The person's name. Kept encrypted.
        #[serde(default)]
        name: Option<Text<MOST_NAME_CHARS>>,
        /// The PIN fixed at contract. Without one, only a terminal that stores the identification can ask for approvals.
        #[serde(default)]
        pin: Option<Pin>,
        /// What the user may spend.
        limit: Limit,
        /// When a reservation becomes a charge.
        #[serde(default, deserialize_with = "named")]
        charging: Charging,
        /// Whose word an approval takes.
        #[serde(default, deserialize_with = "named")]
        policy: Policy,
        /// Under which number a financial reference knows the user. MUST be there where the policy asks one, and nowhere else.
        #[serde(default)]
        reference: Option<Customer>,
        /// How many points a settled amount generates, in ten thousandths of it: 0 to 10,000. Only where the limit is `points`.
        #[serde(default)]
        #[schemars(range(max = MOST_POINTS_RATE_BP))]
        points_rate_bp: u16,
        /// Over what time charges add up to the limit.
        #[serde(default, deserialize_with = "named")]
        period: Period,
    }
    /// The operator sets another limit. Only where the limit is fixed.
    ChangeLimit = "change_limit" Id [Operator] "Sets another limit, where the limit is fixed." {
        /// The upper limit from now on, in minor units of the user's currency; not below what is reserved and charged.
        limit: Minor,
    }
    /// Money was paid in, or points were gathered. Not where the limit is fixed.
    Credit = "credit" Id [Operator] "Adds to the limit what was paid in beforehand or gathered as points." {
        /// By how much the limit grows, in minor units of the user's currency.
        amount: Minor,
    }
    /// Something that is no purchase was used: the line, or the service. It stands in the books and counts against no limit.
    Charge = "charge" Id [Operator] "Charges what is no purchase, as a line; it counts against no limit." {
        /// For what.
        #[serde(deserialize_with = "named")]
        category: Category,
        /// How much, in minor units.
        #[schemars(extend("minimum" = 1))]
        amount: Minor,
        /// The user's currency.
        currency: Currency,
        /// What is to stand in statements. MUST hold no personal data.
        #[serde(default)]
        note: Option<Text<MOST_NOTE_CHARS>>,
        /// Whether it takes back what was charged.
        #[serde(default)]
        takes_back: bool,
    }
    /// Nothing is approved any more, and no token is taken.
    Suspend = "suspend" Id [Operator] "Suspends a subscription: nothing is approved, and no token is taken." {}
    /// The subscription goes on.
    Resume = "resume" Id [Operator] "Lets a suspended subscription go on." {}
    /// The person's key is destroyed, and the subscription ends, for ever.
    Forget = "forget" Id [Operator] "Forgets a person for ever: what was encrypted for the person is never read again. Sums stay." {}
}

/// A customer of a financial reference.
#[derive(Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Customer {
    /// The reference: a peer.
    pub party: EntityId,
    /// The customer's number there. Kept encrypted.
    pub number: Text<MOST_NUMBER_CHARS>,
}

/// A realm, unless it is the one of those who name none: written out, that makes no difference.
///
/// # Errors
/// What is no realm.
pub fn named_realm<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Realm>, D::Error> {
    let realm: Option<Realm> = Deserialize::deserialize(deserializer)?;
    Ok(realm.filter(|realm| caseless::fold(realm.as_str()) != DEFAULT_REALM))
}

/// An upper limit and where it comes from.
#[derive(Clone, Copy, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Where it comes from.
    #[serde(deserialize_with = "named")]
    pub source: LimitSource,
    /// The upper limit at the beginning, in minor units.
    pub amount: Minor,
    /// Its currency, for ever.
    pub currency: Currency,
}

/// A request without its secrets.
#[derive(Clone)]
pub enum Command {
    /// A user is registered.
    Open {
        /// Encrypted.
        login: EncryptedField,
        /// Encrypted.
        name: Option<EncryptedField>,
        /// What checks the PIN.
        pin: Option<PinVerifier>,
        /// What the user may spend.
        limit: Limit,
        /// When the user is charged.
        charging: Charging,
        /// Whose word an approval takes.
        policy: Policy,
        /// The financial reference that is asked; its number encrypted.
        reference: Option<Box<Reference>>,
        /// How many points a settled amount generates, in ten thousandths of it.
        points_rate_bp: u16,
        /// Over what time charges add up to the limit.
        period: Period,
    },
    /// The operator sets another limit.
    ChangeLimit(Minor),
    /// The limit grows.
    Credit(Minor),
    /// Something that is no purchase is charged.
    Charge {
        /// For what.
        category: Category,
        /// How much.
        amount: Minor,
        /// In which currency.
        currency: Currency,
        /// What is to stand in statements.
        note: Option<String>,
        /// Whether it takes back what was charged.
        takes_back: bool,
    },
    /// Nothing is approved any more.
    Suspend,
    /// The subscription goes on.
    Resume,
    /// The person is forgotten.
    Forget,
    /// Charges begin to add up anew. Only the node's own deadlines ask this.
    BeginPeriod,
}

/// What an accepted command answers.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The user. Holds no personal data.
    pub id: EntityId,
    /// How much was charged, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Minor>,
    /// For what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// The upper limit from now on, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Minor>,
    /// Its currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Where the limit comes from, at registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<LimitSource>,
    /// When the user is charged, at registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charging: Option<Charging>,
    /// Whose word an approval takes, at registration, where that is not the limit alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// Over what time charges add up, at registration, where that is not all time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// Where the subscription is in its life, where that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
}

impl Reply {
    /// An answer that says no more than whom it is about.
    #[must_use]
    pub const fn plain(id: EntityId) -> Self {
        Self {
            id,
            amount: None,
            category: None,
            limit: None,
            currency: None,
            source: None,
            charging: None,
            policy: None,
            period: None,
            state: None,
        }
    }
}

/// Where a subscription is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It goes on.
    Registered,
    /// Nothing is approved for now.
    Suspended,
    /// The person is forgotten, and nothing is approved any more.
    Forgotten,
}
