//! Area `approvals`: what shops offer, purchase approvals, their settlement, and credit at a financial reference.

#[allow(clippy::module_inception, reason = "the family that the area has its name from")]
mod approvals;
pub mod credits;
pub mod offer;
pub mod offers;
pub mod products;
pub mod purchases;
pub mod settlements;
pub mod settler_terms;
pub mod shop_terms;

pub use self::approvals::*;
