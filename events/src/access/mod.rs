//! Area `access`: who may call. API clients, subscribers and callers; every other area may name this one.

pub mod callers;
pub mod clients;
pub mod roles;
pub mod users;

pub use callers::Caller;
pub use roles::{Role, Roles};
