//! The decisions of users.
