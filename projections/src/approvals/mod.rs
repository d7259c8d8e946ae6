//! Area `approvals`: views of what shops sell and offer, of purchase approvals, and of what is spent.

#[allow(clippy::module_inception, reason = "the family that the area has its name from")]
mod approvals;
pub mod genres;
pub mod offers;
pub mod products;
pub mod shop_terms;
pub mod spending;

pub use self::approvals::*;
