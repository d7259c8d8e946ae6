//! Area `approvals`: purchase approvals and their settlement.

#[allow(clippy::module_inception, reason = "the family that the area has its name from")]
mod approvals;
pub mod offer_content;
pub mod settlements;
pub mod settler_terms;

pub use self::approvals::*;
