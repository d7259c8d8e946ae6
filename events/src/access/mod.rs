//! Area `access`: who may call. API clients, subscribers and their sessions, other parties, signing keys, webhooks and callers; every other area may name this one.

pub mod callers;
pub mod challenges;
pub mod clients;
pub mod disclosures;
pub mod peers;
pub mod roles;
pub mod sessions;
pub mod signing_keys;
pub mod users;
pub mod webhooks;

pub use callers::Caller;
pub use roles::{Role, Roles};
