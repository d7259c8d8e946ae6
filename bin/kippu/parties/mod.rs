//! This node among other parties: who it is to them, and what it does at theirs.

mod executor;
mod fetch;
mod identity;

pub(crate) use executor::AtPeers;
pub(crate) use identity::{CARD, Card, CardKey, Identity};
