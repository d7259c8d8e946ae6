//! Area `approvals`: rules for purchase approvals, for the money that they move, and for settlements.

#[allow(clippy::module_inception, reason = "the family that the area has its name from")]
pub(in crate::rules) mod approvals;
pub(in crate::rules) mod calls;
pub(in crate::rules) mod movements;
pub(in crate::rules) mod offers;
pub(in crate::rules) mod refusals;
pub(in crate::rules) mod reservations;
pub(in crate::rules) mod settlements;
