//! Area `access`: rules for API clients and subscribers.

pub(in crate::rules) mod clients;
pub(in crate::rules) mod users;
