//! Requests through the whole server over a real node.
