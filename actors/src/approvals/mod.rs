//! Area `approvals`: rules for purchase approvals and their settlement.

#[allow(clippy::module_inception, reason = "the family that the area has its name from")]
mod approvals;
pub mod settlements;
pub mod settler_terms;

pub use self::approvals::*;
