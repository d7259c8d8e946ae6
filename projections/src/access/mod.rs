//! Area `access`: views of API clients and subscribers; every other area may name this one.

pub mod clients;
pub mod users;
