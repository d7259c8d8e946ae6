//! This node among other parties: who it is to them, what it does at theirs, and what it sends to those who run none.

mod bringing;
mod enrolling;
mod executor;
mod fetch;
mod identity;
mod webhooks;

pub(crate) use bringing::{Bringing, itself, rows};
pub(crate) use enrolling::Enrolling;
pub(crate) use executor::{AtPeers, address};
pub(crate) use identity::{CARD, Card, CardKey, Identity, SIGNED_CARD};
pub(crate) use webhooks::Webhooks;
