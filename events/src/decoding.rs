//! From what is stored of an event, its kind and its data, to the type of its family.

mod tagged;

use std::cmp::Ordering;

use serde::de::DeserializeOwned;

pub use tagged::{culprit, from_tagged};

/// The version of the schema of every event kind whose data never changed.
pub const FIRST_SCHEMA: u32 = 1;

/// Bytes that are no event of ours. Never the caller's fault: a log with such bytes is damaged or another history.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnEvent {
    /// Not a JSON array of CloudEvents with our attributes.
    #[error("the body is not a batch of cloud events: {0}")]
    Json(String),
    /// `id` is not partition-number.index.
    #[error("id is not partition-number.index: {0:?}")]
    Id(String),
    /// `subject` names no entity.
    #[error("subject names no entity: {0:?}")]
    Subject(String),
    /// `subject` names an entity of a family that this version does not know.
    #[error(
        "subject names an entity of a family that this version of kippu does not know; use the version that wrote it: {0:?}"
    )]
    Family(String),
    /// `type` is no kind of its family that this version knows.
    #[error("type is no kind of its family that this version of kippu knows; use the version that wrote it: {0:?}")]
    Kind(String),
    /// Written with a later schema of its kind.
    #[error(
        "schemaversion of {kind} is {schema}, which this version of kippu does not read; use the version that wrote it"
    )]
    Schema {
        /// The event's kind.
        kind: String,
        /// As written.
        schema: u32,
    },
    /// It has attributes that this version does not know.
    #[error("an event has attributes that this version of kippu does not know; use the version that wrote it: {0}")]
    Newer(String),
    /// `data` does not fit its kind.
    #[error("data does not fit {kind}: {reason}")]
    Data {
        /// The event's kind.
        kind: String,
        /// What is wrong.
        reason: String,
    },
    /// Another attribute has a value that we never write.
    #[error("{attribute} is not as we write it: {value:?}")]
    Attribute {
        /// The attribute.
        attribute: &'static str,
        /// Its value.
        value: String,
    },
}

impl NotAnEvent {
    /// Whether, in a record that its chain shows to be as it was written, this comes of a later version of kippu, and is no
    /// damage.
    #[must_use]
    pub const fn is_newer(&self) -> bool {
        match self {
            Self::Family(_) | Self::Kind(_) | Self::Schema { .. } | Self::Newer(_) => true,
            Self::Json(_) | Self::Id(_) | Self::Subject(_) | Self::Data { .. } | Self::Attribute { .. } => false,
        }
    }
}

/// Decodes an event that was stored with the schema that `current` says this code writes for it.
///
/// # Errors
/// [`NotAnEvent`] where kind, schema or data are not known.
pub fn decode_current<T: DeserializeOwned>(
    kind: &str,
    schema: u32,
    data: &str,
    current: impl FnOnce(&T) -> u32,
) -> Result<T, NotAnEvent> {
    let newer = || NotAnEvent::Schema { kind: kind.to_owned(), schema };
    let event = from_tagged("type", kind, "data", data).map_err(|e| {
        let reason = e.to_string();
        if reason.starts_with(&format!("unknown variant `{kind}`")) {
            NotAnEvent::Kind(kind.to_owned())
        } else if schema > FIRST_SCHEMA {
            // Nobody has written data that does not fit, so they are of a schema that is not known here.
            newer()
        } else {
            NotAnEvent::Data { kind: kind.to_owned(), reason }
        }
    })?;
    let current = current(&event);
    match schema.cmp(&current) {
        Ordering::Equal => Ok(event),
        Ordering::Greater => Err(newer()),
        Ordering::Less => Err(NotAnEvent::Attribute { attribute: "schemaversion", value: schema.to_string() }),
    }
}
