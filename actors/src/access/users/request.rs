//! What users are asked, before and after its secrets are dealt with, and what they answer.

use kippu_events::access::users::{Charging, LimitSource};
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
}

/// A realm, unless it is the one of those who name none: written out, that makes no difference.
pub(crate) fn named_realm<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Realm>, D::Error> {
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
    },
    /// The operator sets another limit.
    ChangeLimit(Minor),
    /// The limit grows.
    Credit(Minor),
}

/// What an accepted command answers.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The user. Holds no personal data.
    pub id: EntityId,
    /// The upper limit from now on, in minor units.
    pub limit: Minor,
    /// Its currency.
    pub currency: Currency,
    /// Where the limit comes from, at registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<LimitSource>,
    /// When the user is charged, at registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charging: Option<Charging>,
}
