//! Area `approvals`: views of purchase approvals, and of what is spent.

#[allow(clippy::module_inception, reason = "the family that the area has its name from")]
mod approvals;
pub mod spending;

pub use self::approvals::*;
