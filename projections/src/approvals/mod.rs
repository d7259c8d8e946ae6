//! Area `approvals`: views of purchase approvals, of what is spent, and of settlements.

#[allow(clippy::module_inception, reason = "the family that the area has its name from")]
mod approvals;
pub mod settlements;
pub mod settler_terms;
//! Area `approvals`: views of purchase approvals, of what is spent, of offers that are pushed, and of credit.

pub mod credits;
pub mod purchases;
pub mod spending;

pub use self::approvals::*;
