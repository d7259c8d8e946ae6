//! Area `access`: rules for API clients, subscribers and challenges.

pub(in crate::rules) mod challenges;
pub(in crate::rules) mod clients;
pub(in crate::rules) mod users;
