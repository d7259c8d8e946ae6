//! Area `approvals`: views of what shops sell and offer, of purchase approvals, of what is spent, of settlements, of credit, and the books.

#[allow(clippy::module_inception, reason = "the family that the area has its name from")]
mod approvals;
pub mod books;
pub mod credits;
pub mod genres;
pub mod offers;
pub mod products;
pub mod purchases;
pub mod settlements;
pub mod settler_terms;
pub mod shop_terms;
pub mod spending;

pub use self::approvals::*;
