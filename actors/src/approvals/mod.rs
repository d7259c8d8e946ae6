//! Area `approvals`: commands of purchase approvals.

#[allow(clippy::module_inception, reason = "the family that the area has its name from")]
mod approvals;

pub use self::approvals::*;
