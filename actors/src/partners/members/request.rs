//! What members are asked, before and after their secrets are dealt with, and what they answer.

use kippu_events::money::{Currency, Minor};
use kippu_events::secrets::{EncryptedField, PinVerifier};
use kippu_events::{EntityId, Time};
use serde::{Deserialize, Serialize};

use super::hidden::{Code, Password};
use crate::access::users::request::Login;
use crate::text::Text;

/// As long as an e-mail address can be (RFC 5321).
pub const MOST_EMAIL_CHARS: usize = 254;
/// A region's code or name, a preference, a class.
pub const MOST_WORD_CHARS: usize = 64;
/// The name of a text, with its version.
pub const MOST_AGREED_CHARS: usize = 128;
/// More than a person says of itself.
pub const MOST_PREFERENCES: usize = 32;
/// A signed statement about a member is shorter.
pub const MOST_STATEMENT_CHARS: usize = 4_096;

/// A statement that a node has signed.
pub type Signed = Text<MOST_STATEMENT_CHARS>;
/// A short word.
pub type Word = Text<MOST_WORD_CHARS>;

commands! {
    /// Somebody registers.
    Open = "open" New [Guest, MainSite, PartnerSite] "Registers a member, once for all sites." {
        /// The name or number by which the member is found, in any way to write it. Kept encrypted.
        login: Login,
        /// The password.
        password: Password,
        /// The e-mail address. Kept encrypted.
        #[serde(default)]
        email: Option<Text<MOST_EMAIL_CHARS>>,
        /// Where the member lives, as `JP-13` or in any other word. Kept encrypted.
        #[serde(default)]
        region: Option<Word>,
        /// What the member likes: at most 32. Kept encrypted.
        #[serde(default)]
        preferences: Vec<Word>,
        /// The text on the use of data that the member agreed to, by its name and version.
        agreed: Text<MOST_AGREED_CHARS>,
        /// Whether the member agrees to be written to about products.
        #[serde(default)]
        marketing: bool,
        /// Whether payments are confirmed by one-time codes: the answer has their secret.
        #[serde(default)]
        one_time_codes: bool,
        /// At which site: the id of its party.
        site: EntityId,
    }
    /// A member signs in.
    SignIn = "sign_in" Token [Guest, MainSite, PartnerSite] "Identifies a member for a site, and answers a ticket that the site takes." {
        /// The name or number by which the member is found.
        login: Login,
        /// The password.
        password: Password,
        /// For which site: the id of its party.
        site: EntityId,
        /// At a partner site's node, while the central node is away: under which contract the member was identified before.
        #[serde(default)]
        contract: Option<EntityId>,
    }
    /// A member confirms a payment.
    Confirm = "confirm" Token [Guest, MainSite, PartnerSite] "Confirms a payment by a one-time code, and answers a confirmation that the site takes." {
        /// The member's ticket.
        ticket: Signed,
        /// The one-time code.
        code: Code,
        /// During which visit.
        visit: EntityId,
        /// Which order of it.
        order: u32,
        /// How much.
        amount: Minor,
        /// Its currency.
        currency: Currency,
    }
    /// A member agrees to be written to, or does not any more.
    Consent = "consent" Token [Guest, MainSite, PartnerSite] "Says whether a member agrees to be written to." {
        /// The member's ticket.
        ticket: Signed,
        /// Whether to be written to.
        marketing: bool,
    }
    /// A partner site keeps what identifies a member.
    Copy = "copy" Token [Guest] "Keeps at a partner site's node what identifies a member, who was identified a moment ago. The node gives this itself." {
        /// Under which contract.
        contract: EntityId,
        /// The allowance of the central node, which only a site's node is told.
        allowance: Signed,
        /// The name or number by which the member is found.
        login: Login,
        /// The password.
        password: Password,
    }
    /// The operator puts a member into a class.
    SetClass = "set_class" Id [Operator] "Puts a member into another class, on which prices depend." {
        /// Which.
        class: Word,
    }
    /// The person is to be forgotten.
    Forget = "forget" Id [Operator] "Forgets a member: the key of all that was encrypted for the person is destroyed." {}
}

/// A request without its secrets.
pub enum Command {
    /// Somebody registers.
    Open(Box<Registering>),
    /// A member signs in.
    SignIn(SigningIn),
    /// A member confirms a payment.
    Confirm(Confirming),
    /// A member agrees to be written to, or does not any more.
    Consent {
        /// The ticket ends then.
        until: Time,
        /// Whether to be written to.
        marketing: bool,
    },
    /// A partner site keeps what identifies a member.
    Copy {
        /// As whom the central node knows the member.
        member: EntityId,
        /// What the password comes to here.
        password: PinVerifier,
        /// The class.
        class: String,
        /// The allowance ends then.
        until: Time,
        /// So long it is kept.
        secs: u32,
    },
    /// A member is of another class.
    SetClass(String),
    /// The person is to be forgotten.
    Forget,
}

/// A member who signs in.
pub struct SigningIn {
    /// What the password that was typed comes to.
    pub(super) password: PinVerifier,
    /// For which site.
    pub(super) site: EntityId,
    /// Whether the site's node asks.
    pub(super) by_node: bool,
    /// At a partner's node, whether its contract lets it identify members now; nothing at the central node.
    pub(super) copies: Option<bool>,
    /// Under which key the ticket is signed.
    pub(super) key: u32,
}

/// A member who confirms a payment.
pub struct Confirming {
    /// At which site.
    pub(super) site: EntityId,
    /// The ticket ends then.
    pub(super) until: Time,
    /// The step of time whose code it is.
    pub(super) step: Option<u64>,
    /// During which visit.
    pub(super) visit: EntityId,
    /// Which order of it.
    pub(super) order: u32,
    /// How much.
    pub(super) amount: Minor,
    /// Its currency.
    pub(super) currency: Currency,
    /// Under which key the confirmation is signed.
    pub(super) key: u32,
}

/// Somebody who registers.
pub struct Registering {
    pub(super) login: EncryptedField,
    pub(super) email: Option<EncryptedField>,
    pub(super) profile: EncryptedField,
    pub(super) password: PinVerifier,
    pub(super) agreed: String,
    pub(super) marketing: bool,
    pub(super) factor: bool,
    pub(super) site: EntityId,
    pub(super) by: Option<EntityId>,
}

/// What an accepted command answers.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The member.
    pub id: EntityId,
    /// To the node of a site whose member was identified: what lets it keep what identifies the member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowance: Option<String>,
    /// The member's class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The confirmation of a payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmation: Option<String>,
    /// When the ticket, the confirmation or the copy ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// Whether to be written to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marketing: Option<bool>,
    /// The secret of the one-time codes (RFC 6238, HMAC-SHA-256, six digits, 30 seconds), in base32, at the registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_time_secret: Option<String>,
    /// The ticket that a site takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

impl Reply {
    /// One that names the member alone.
    #[must_use]
    pub const fn plain(id: EntityId) -> Self {
        Self {
            id,
            allowance: None,
            class: None,
            confirmation: None,
            expires_at: None,
            marketing: None,
            one_time_secret: None,
            ticket: None,
        }
    }
}
