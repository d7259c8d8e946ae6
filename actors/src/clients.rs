//! The decisions of clients.
