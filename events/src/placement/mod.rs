//! Area `placement`: data replicas on servers.

pub mod placements;
