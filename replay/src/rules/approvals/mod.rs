//! Area `approvals`: rules for purchase approvals, and for the money that they move.

#[allow(clippy::module_inception, reason = "the family that the area has its name from")]
pub(in crate::rules) mod approvals;
pub(in crate::rules) mod movements;
pub(in crate::rules) mod offers;
