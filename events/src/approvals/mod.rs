//! Area `approvals`: purchase approvals and their settlement, offers that are pushed, and credit at a financial reference.

#[allow(clippy::module_inception, reason = "the family that the area has its name from")]
mod approvals;
pub mod offer_content;
pub mod settlements;
pub mod settler_terms;
pub mod credits;
pub mod purchases;

pub use self::approvals::*;
