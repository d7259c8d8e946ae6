//! What happens to members.

use serde::{Deserialize, Serialize};

use crate::id::EntityId;
use crate::money::{Currency, Minor};
use crate::opaque::{EncryptedField, PinVerifier};
use crate::time::Time;

/// Why nobody was identified. Who tried is not told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Nobody is registered under the login, or not any more.
    Unknown,
    /// A wrong password.
    WrongPassword,
    /// Too many wrong passwords before.
    Locked,
    /// The time is over in which the partner may identify the member.
    CopyOver,
}

/// What happened to a member.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// The member is registered.
    #[serde(rename = "member.registered")]
    Registered {
        /// The login, encrypted under the person's key.
        login: EncryptedField,
        /// The e-mail address, encrypted under the person's key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        email: Option<EncryptedField>,
        /// Region and preferences, as JSON, encrypted under the person's key.
        profile: EncryptedField,
        /// What checks the password.
        password: PinVerifier,
        /// The text that the member agreed to, by its name.
        agreed: String,
        /// Whether the member agreed to be written to.
        marketing: bool,
        /// Whether the member has one-time codes.
        factor: bool,
        /// At which site.
        site: EntityId,
        /// The party that handed the registration on; left out where the member came to the central node.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<EntityId>,
    },
    /// The member was identified, for a site.
    #[serde(rename = "member.identified")]
    Identified {
        /// At which site.
        site: EntityId,
        /// Which ticket of the member it is, from 1.
        ticket: u32,
        /// As whom the central node knows the member; left out at the central node itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        member: Option<EntityId>,
        /// The class then.
        class: String,
        /// Under which key the ticket is signed.
        key: u32,
        /// The ticket ends then.
        expires_at: Time,
        /// Whether the site's node itself asked, and may keep what identifies the member.
        copied: bool,
    },
    /// Somebody was not identified as this member.
    #[serde(rename = "member.refused")]
    Refused {
        /// Why.
        reason: Refusal,
        /// At which site.
        site: EntityId,
        /// No password is accepted before this time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        locked_until: Option<Time>,
    },
    /// The member agrees to be written to, or does not any more.
    #[serde(rename = "member.consent_changed")]
    ConsentChanged {
        /// Whether to be written to.
        marketing: bool,
    },
    /// The member is of another class.
    #[serde(rename = "member.class_set")]
    ClassSet {
        /// Which.
        class: String,
    },
    /// The member confirmed a payment with a one-time code.
    #[serde(rename = "member.confirmed")]
    Confirmed {
        /// At which site.
        site: EntityId,
        /// During which visit there.
        visit: EntityId,
        /// Which order of that visit.
        order: u32,
        /// How much.
        amount: Minor,
        /// Its currency.
        currency: Currency,
        /// The step of time whose code it was: no code of that step or an earlier one counts any more.
        step: u64,
        /// Under which key the confirmation is signed.
        key: u32,
        /// It ends then.
        expires_at: Time,
    },
    /// Somebody gave a wrong one-time code, or one that was used.
    #[serde(rename = "member.code_refused")]
    CodeRefused {
        /// At which site.
        site: EntityId,
        /// No code is accepted before this time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        locked_until: Option<Time>,
    },
    /// The member may be identified here for a while, though registered at the central node.
    #[serde(rename = "member.copied")]
    Copied {
        /// As whom the central node knows the member.
        member: EntityId,
        /// What checks the password here.
        password: PinVerifier,
        /// The class then.
        class: String,
        /// Until then.
        until: Time,
    },
    /// The person is forgotten: the key of all that was encrypted for the member is destroyed.
    #[serde(rename = "member.forgotten")]
    Forgotten {},
}
