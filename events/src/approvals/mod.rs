//! Area `approvals`: purchase approvals and their settlement.

#[allow(clippy::module_inception, reason = "the family that the area has its name from")]
mod approvals;

pub use self::approvals::*;
