//! Area `access`: views of API clients, subscribers and their sessions, other parties, signing keys and webhooks; every other area may name this one.

pub mod clients;
pub mod dead_letters;
pub(crate) mod forgotten;
pub mod peers;
pub mod sessions;
pub mod signing_keys;
pub mod users;
pub mod webhooks;
