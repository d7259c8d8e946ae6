//! Area `access`: commands of API clients, subscribers, their sessions and challenges, other parties, signing keys and webhooks; every
//! other area may name this one.

pub mod challenges;
pub mod clients;
pub mod disclosures;
pub mod peers;
pub mod sessions;
pub mod signing_keys;
pub mod users;
pub mod webhooks;
