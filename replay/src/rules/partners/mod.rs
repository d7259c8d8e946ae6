//! The rules of what main and partner sites sell, and of what that leaves in their books.

pub(super) mod collections;
pub(super) mod stocks;
