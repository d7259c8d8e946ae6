//! Area `access`: commands of API clients, subscribers, other parties and signing keys; every other area may name this one.

pub mod clients;
pub mod peers;
pub mod signing_keys;
pub mod users;
