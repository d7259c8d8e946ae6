//! The decisions of approvals.
