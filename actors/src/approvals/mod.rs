//! Area `approvals`: commands of shops and of purchase approvals.

#[allow(clippy::module_inception, reason = "the family that the area has its name from")]
mod approvals;
pub mod offers;
pub mod products;
pub mod shop_terms;

pub use self::approvals::*;
