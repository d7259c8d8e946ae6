//! `kippu bench parties`: several parties, each a process with a node of its own, that know each other by their cards as they do in
//! service. What they do together is compared with what a node does alone, or with what signing costs at least.

mod activities;
mod buyers;
mod echo;
mod follower;
mod keys;
mod lines;
mod load;
mod owed;
mod party;
mod present;
mod purchases;
mod signatures;

pub(super) use activities::measure as activities;
pub(super) use owed::measure as owed;
pub(super) use party::Party;
pub(super) use purchases::measure as purchases;
pub(super) use signatures::measure as signatures;

/// Nothing here is waited for that long.
const PATIENCE: std::time::Duration = super::child::PATIENCE;
