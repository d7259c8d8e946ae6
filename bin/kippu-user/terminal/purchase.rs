//! A purchase as the terminal keeps it: what is wanted, the keys of its commands, and how far it has come.

use std::path::PathBuf;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use super::error::Error;

/// The form of the file. One with another number is not read.
pub(super) const FORM: u32 = 1;

/// See the module.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Purchase {
    pub(super) form: u32,
    pub(super) manner: Manner,
    /// Where the shop answers; nobody's address where the approval was taken over.
    pub(super) shop: String,
    pub(super) wanted: Vec<Wanted>,
    /// Where files go; next to this one where it is left out.
    pub(super) out: Option<PathBuf>,
    /// For how long the approval is to be good, where the user said so.
    pub(super) expires_in_secs: Option<u32>,
    pub(super) keys: Keys,
    pub(super) stage: Stage,
}

/// When the approval is handed over, or whence it came.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Manner {
    /// As soon as it is there.
    AtOnce,
    /// When the user says so.
    Later,
    /// Another terminal got it.
    Taken,
}

/// Some of a product.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    pub(super) product: String,
    pub(super) quantity: u32,
}

/// The idempotency keys. They are made with the purchase, and are on the disk before any of them is sent.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    pub(super) offer: String,
    pub(super) approval: String,
    pub(super) collect: String,
    pub(super) settlement: String,
    pub(super) at_shop: String,
    pub(super) received: String,
}

impl Keys {
    /// Others than ever before, which nobody guesses: whoever has one could have the answer repeated.
    pub(super) fn random() -> Result<Self, Error> {
        let key = || -> Result<String, Error> {
            let mut bytes = [0; 16];
            getrandom::fill(&mut bytes).map_err(|_| Error::Entropy)?;
            Ok(format!("terminal-{}", HEXLOWER.encode(&bytes)))
        };
        Ok(Self {
            offer: key()?,
            approval: key()?,
            collect: key()?,
            settlement: key()?,
            at_shop: key()?,
            received: key()?,
        })
    }
}

/// How far it has come.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "snake_case")]
pub(super) enum Stage {
    /// The shop is to be asked.
    Asked,
    /// The shop's offer is here, and the user has not agreed.
    Offered { statement: String },
    /// The user has agreed.
    Confirmed { statement: String },
    /// The authentication server asks a reference first.
    Pending { statement: String, approval: String },
    /// The approval is here, and nobody else has it.
    Approved(Approval),
    /// The settlement server has it.
    Presented(Handed),
    /// What was bought is here. The settlement server is to be told.
    Held { handed: Handed, files: Vec<File> },
    /// Paid.
    Settled { handed: Handed, files: Vec<File>, settled_at: Option<String> },
    /// It came to nothing.
    Over { who: String, reason: String },
}

/// An approval that is not handed over yet.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Approval {
    /// As its issuer names it; nothing where it was taken over.
    pub(super) id: Option<String>,
    /// The authentication server, by its party.
    pub(super) issuer: String,
    pub(super) token: String,
    pub(super) statement: String,
    /// Where it is to be presented, where that is known from a code.
    pub(super) settler: Option<String>,
    pub(super) expires_at: Option<String>,
}

/// An approval that was handed over.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Handed {
    pub(super) approval: Option<String>,
    /// Where the settlement server answers.
    pub(super) settler: String,
    pub(super) settlement: String,
    /// What shows and opens the settlement.
    pub(super) capability: String,
    pub(super) total: u64,
    pub(super) currency: String,
}

/// A file that was bought.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) n: u64,
    pub(super) path: PathBuf,
    pub(super) size: u64,
    pub(super) sha256: String,
}

impl Stage {
    /// Its name, for lists.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Offered { .. } => "offered",
            Self::Confirmed { .. } => "confirmed",
            Self::Pending { .. } => "pending",
            Self::Approved(_) => "approved",
            Self::Presented(_) => "presented",
            Self::Held { .. } => "held",
            Self::Settled { .. } => "settled",
            Self::Over { .. } => "over",
        }
    }

    /// Whether nothing follows any more.
    pub(super) const fn is_ended(&self) -> bool {
        match self {
            Self::Settled { .. } | Self::Over { .. } => true,
            Self::Asked
            | Self::Offered { .. }
            | Self::Confirmed { .. }
            | Self::Pending { .. }
            | Self::Approved(_)
            | Self::Presented(_)
            | Self::Held { .. } => false,
        }
    }

    /// What the shop has signed, where this stage still needs it.
    pub(super) fn statement(&self) -> Option<&str> {
        match self {
            Self::Offered { statement } | Self::Confirmed { statement } | Self::Pending { statement, .. } => {
                Some(statement)
            }
            Self::Approved(approval) => Some(&approval.statement),
            Self::Asked | Self::Presented(_) | Self::Held { .. } | Self::Settled { .. } | Self::Over { .. } => None,
        }
    }
}
