//! Area `approvals`: what shops offer, purchase approvals, and their settlement.

#[allow(clippy::module_inception, reason = "the family that the area has its name from")]
mod approvals;
pub mod offer_content;
pub mod offers;
pub mod products;
pub mod shop_terms;

pub use self::approvals::*;
