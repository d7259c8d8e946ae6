//! Area `access`: views of API clients, subscribers and their sessions, other parties and signing keys; every other area may name this one.

pub mod clients;
pub mod peers;
pub mod sessions;
pub mod signing_keys;
pub mod users;
