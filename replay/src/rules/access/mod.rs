//! Area `access`: rules for API clients, subscribers, their sessions, and challenges.

pub(in crate::rules) mod challenges;
pub(in crate::rules) mod clients;
pub(in crate::rules) mod sessions;
pub(in crate::rules) mod users;
