//! Area `approvals`: rules for purchase approvals and their settlement.

#[allow(clippy::module_inception, reason = "the family that the area has its name from")]
mod approvals;
pub mod settlements;
pub mod settler_terms;
//! Area `approvals`: commands of purchase approvals, of offers that are pushed, and of credit at a financial reference.

pub mod credits;
mod offer;
pub mod purchases;

pub use self::approvals::*;
