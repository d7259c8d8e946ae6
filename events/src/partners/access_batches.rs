//! Batches of access-log lines. Whoever keeps a server's log certifies some of its lines: a signature over the root of their hashes.
//! Both parties of a contract keep the batch, each in its own log.
//!
//! A line is known by where it lies – source, segment and offset – and never by what it says, so that what is sent twice counts once.
//! Names of clients and users stand in the text as `\x7f` number `\x7f`, and so do lines that nobody can read, since they may have names.
//! Names are encrypted apart under a key of the day: without that key the lines still count.

mod certificate;
mod named;
mod names;
mod samples;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use self::certificate::{CERTIFICATE, Certificate, leaf, root_in_hex};
pub use self::names::Part;
pub use self::names::{Masked, NotMasked, mask, parts, unmask};
use super::access::Directives;
use crate::as_json::AsJson;
use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::opaque::EncryptedField;
use crate::time::Time;

/// The batch that begins at `offset` of this segment and has this root.
#[must_use]
pub fn id_of(contract: EntityId, writer: EntityId, certificate: &Certificate) -> EntityId {
    let mut hash = Sha256::new();
    hash.update(b"kippu.access-batch.1");
    hash.update(contract.as_bytes());
    hash.update(writer.as_bytes());
    for part in [&certificate.source, &certificate.segment, &certificate.root] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.update(certificate.offset.to_be_bytes());
    EntityId::from_hash(&hash.finalize().into())
}

/// Whose key encrypts the names of this day's lines: destroyed once nobody may dispute them any more.
#[must_use]
pub fn key_of(contract: EntityId, day: &str) -> EntityId {
    let hash = Sha256::new().chain_update(b"kippu.access-day.1").chain_update(contract.as_bytes()).chain_update(day);
    EntityId::from_hash(&hash.finalize().into())
}

/// The field under which names are encrypted.
pub const NAMES: &str = "names";

/// How the bytes of lines became text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// They are UTF-8.
    #[serde(rename = "utf-8")]
    Utf8,
    /// They are not: each byte is the character with its number.
    #[serde(rename = "latin-1")]
    Latin1,
}

/// Bytes that a text in this encoding cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text has characters that are no bytes in latin-1")]
pub struct NotEncoded;

impl Encoding {
    /// The text of `bytes`, and how it was made.
    #[must_use]
    pub fn text(bytes: &[u8]) -> (Self, String) {
        match std::str::from_utf8(bytes) {
            Ok(text) => (Self::Utf8, text.to_owned()),
            Err(_) => (Self::Latin1, bytes.iter().map(|byte| char::from(*byte)).collect()),
        }
    }

    /// The bytes that `text` was.
    ///
    /// # Errors
    /// Where it was none in this encoding.
    pub fn bytes(self, text: &str) -> Result<Vec<u8>, NotEncoded> {
        match self {
            Self::Utf8 => Ok(text.as_bytes().to_vec()),
            Self::Latin1 => text.chars().map(|c| u8::try_from(u32::from(c)).map_err(|_| NotEncoded)).collect(),
        }
    }
}

/// What is known of a name without the name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KnownName {
    /// By which it is told from others: 16 hexadecimal digits.
    pub key: String,
    /// How many bytes it was in its line.
    pub bytes: u32,
}

/// Some lines of an access log, certified.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Batch {
    /// Under which contract.
    pub contract: EntityId,
    /// The party that certified them.
    pub writer: EntityId,
    /// Where they lie, how many they are, and what they hash to.
    pub certificate: Certificate,
    /// The certificate as the writer signed it.
    pub signed: String,
    /// The format of the lines.
    pub format: String,
    /// What directives before them say of how they are read.
    #[serde(default, skip_serializing_if = "Directives::are_none")]
    pub directives: Directives,
    /// How the bytes became text.
    pub encoding: Encoding,
    /// The lines, with numbers in place of names.
    pub text: String,
    /// The day whose key encrypts the names, in UTC.
    pub day: String,
    /// The names, encrypted: a JSON list of texts.
    pub names: EncryptedField,
    /// What is known of each name once it is gone.
    pub known_names: Vec<KnownName>,
}

/// What happened to a batch.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// Its lines are on record.
    #[serde(rename = "access_batch.certified")]
    Certified {
        /// The lines.
        batch: Box<Batch>,
        /// The other party of the contract, where that is still to be given them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<EntityId>,
        /// Whether that party is given the certificate alone, until it calls for the lines.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        held: bool,
    },
    /// The other party has certified lines, and keeps them until they are called for.
    #[serde(rename = "access_batch.announced")]
    Announced {
        /// The party that certified them.
        writer: EntityId,
        /// Where they lie, how many they are, and what they hash to.
        certificate: Certificate,
        /// The certificate as the writer signed it.
        signed: String,
    },
    /// Lines are called for that were announced.
    #[serde(rename = "access_batch.called")]
    Called {
        /// Whether by this node, which tells the other party.
        here: bool,
    },
    /// The other party has them, or was told.
    #[serde(rename = "access_batch.handed_over")]
    HandedOver {},
    /// The other party does not take them.
    #[serde(rename = "access_batch.refused")]
    Refused {
        /// Why: a slug.
        reason: String,
    },
}

/// The state of a batch. What was handed over, or is nobody else's, is not kept a second time.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub enum AccessBatch {
    /// Nobody certified it.
    #[default]
    Absent,
    /// The other party is still to be given it.
    Owed {
        /// The lines.
        batch: Box<AsJson<Batch>>,
        /// To whom.
        to: EntityId,
        /// Since when.
        since: Time,
        /// What of it.
        what: Due,
    },
    /// The other party has its certificate, and may call for the lines.
    Held {
        /// The lines.
        batch: Box<AsJson<Batch>>,
        /// Who may.
        to: EntityId,
    },
    /// The other party has certified and keeps it.
    Announced {
        /// Who.
        writer: EntityId,
        /// Where the lines lie, how many they are, and what they hash to.
        certificate: Certificate,
        /// Since when the other party is to be told that they are called for.
        call: Call,
    },
    /// Nothing is to be done.
    Kept {
        /// Why the other party does not take it, where it does not.
        refused: Option<String>,
    },
}

/// What of a batch is handed over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Due {
    /// Its certificate.
    Certificate,
    /// Its lines.
    Lines,
}

/// Whether lines were called for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Call {
    /// They were not.
    Not,
    /// They are, and the other party is to be told since then.
    Owed(Time),
    /// They are, and the other party was told.
    Told,
}

impl Entity for AccessBatch {
    const FAMILY: Family = Family::AccessBatches;
    const REVISION: u32 = 1;
    type Event = Event;

    fn samples() -> Vec<Event> {
        samples::all()
    }

    fn evolve(&mut self, event: &Event, time: Time) {
        match (&mut *self, event) {
            (Self::Absent, Event::Certified { batch, to: Some(to), held }) => {
                let what = if *held { Due::Certificate } else { Due::Lines };
                *self = Self::Owed { batch: Box::new(AsJson((**batch).clone())), to: *to, since: time, what };
            }
            (Self::Absent | Self::Announced { .. }, Event::Certified { to: None, .. })
            | (Self::Owed { what: Due::Lines, .. }, Event::HandedOver {}) => *self = Self::Kept { refused: None },
            (Self::Owed { batch, to, what: Due::Certificate, .. }, Event::HandedOver {}) => {
                *self = Self::Held { batch: batch.clone(), to: *to };
            }
            (Self::Owed { .. }, Event::Refused { reason }) => *self = Self::Kept { refused: Some(reason.clone()) },
            (Self::Held { batch, to }, Event::Called { here: false }) => {
                *self = Self::Owed { batch: batch.clone(), to: *to, since: time, what: Due::Lines };
            }
            (Self::Absent, Event::Announced { writer, certificate, .. }) => {
                *self = Self::Announced { writer: *writer, certificate: certificate.clone(), call: Call::Not };
            }
            (Self::Announced { call, .. }, Event::Called { here: true }) => *call = Call::Owed(time),
            (Self::Announced { call, .. }, Event::HandedOver {}) => *call = Call::Told,
            // It may be called for again.
            (Self::Announced { call, .. }, Event::Refused { .. }) => *call = Call::Not,
            (
                Self::Absent | Self::Owed { .. } | Self::Held { .. } | Self::Announced { .. } | Self::Kept { .. },
                Event::Certified { .. }
                | Event::Announced { .. }
                | Event::Called { .. }
                | Event::HandedOver {}
                | Event::Refused { .. },
            ) => {}
        }
    }
}

#[cfg(test)]
mod tests;
